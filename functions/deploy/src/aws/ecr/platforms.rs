//! What an image runs on.

use std::fmt;

use anyhow::{Context, bail};
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier};
use longshore_core::image::Digest;
use serde_json::Value;

use super::{Registry, refused_or};
use crate::aws::{Call, done};

/// The manifests that we read, and the lists of them.
/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html>.
const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
/// The most that is read of an image's configuration. Layers are gigabytes; this is no layer.
const LIMIT: usize = 4 * 1024 * 1024;

/// What an image runs on, in OCI's words: `linux` and `arm64` or `amd64`.
/// Source: <https://github.com/opencontainers/image-spec/blob/main/image-index.md>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The operating system.
    pub os: String,
    /// The processor.
    pub architecture: String,
    /// The image for it: of a list one of its images, which is also what ECR scans; otherwise the image itself.
    pub digest: Digest,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

impl Registry {
    /// The platforms of an image: several of a list, otherwise the one that its configuration tells, which has to be downloaded.
    /// An image that is not there is a refusal. Attestations are no platforms.
    pub async fn platforms(&self, repository: &str, digest: &Digest) -> anyhow::Result<Call<Vec<Platform>>> {
        let manifest = done!(self.manifest(repository, digest).await?);
        if let Some(images) = manifest["manifests"].as_array() {
            return Ok(Call::Done(images.iter().filter_map(listed).collect()));
        }
        let Some(config) = manifest["config"]["digest"].as_str() else {
            bail!("the image's manifest names no configuration");
        };
        let url = done!(self.layer(repository, config).await?);
        let config =
            self.download.get(&url, LIMIT).await.context("the image's configuration could not be downloaded")?;
        let config: Value = serde_json::from_slice(&config).context("the image's configuration is no JSON")?;
        let platform = platform(&config, digest.clone()).context("the image's configuration names no platform")?;
        Ok(Call::Done(vec![platform]))
    }

    pub(super) async fn manifest(&self, repository: &str, digest: &Digest) -> anyhow::Result<Call<Value>> {
        let id = ImageIdentifier::builder().image_digest(digest.as_str()).build();
        Ok(match done!(self.found(repository, id).await?) {
            Some(manifest) => Call::Done(manifest),
            None => Call::Refused(format!("{repository}@{digest}: no such image")),
        })
    }

    /// The manifest of an image, or of what is kept like one; `None` when it is not there.
    pub(super) async fn found(&self, repository: &str, id: ImageIdentifier) -> anyhow::Result<Call<Option<Value>>> {
        let name = id.image_digest().or(id.image_tag()).unwrap_or_default().to_owned();
        let request = self.client.batch_get_image().set_registry_id(self.account.clone()).repository_name(repository);
        let request = request.image_ids(id).set_accepted_media_types(Some(MANIFESTS.map(str::to_owned).to_vec()));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return refused_or(&error, "the image could not be read from ECR"),
        };
        if let Some(manifest) = answer.images().first().and_then(|image| image.image_manifest()) {
            return Ok(Call::Done(Some(serde_json::from_str(manifest).context("the image's manifest is no JSON")?)));
        }
        Ok(match answer.failures().first() {
            None => Call::Done(None),
            Some(failure) if failure.failure_code() == Some(&ImageFailureCode::ImageNotFound) => Call::Done(None),
            Some(failure) => Call::Refused(format!(
                "{repository} {name}: {}",
                failure.failure_reason().unwrap_or("it cannot be read")
            )),
        })
    }

    pub(super) async fn layer(&self, repository: &str, digest: &str) -> anyhow::Result<Call<String>> {
        let request = self.client.get_download_url_for_layer().repository_name(repository).layer_digest(digest);
        match request.set_registry_id(self.account.clone()).send().await {
            Ok(answer) => Ok(Call::Done(answer.download_url.context("ECR answered no URL")?)),
            Err(error) => refused_or(&error, "the image's configuration could not be found"),
        }
    }
}

/// An image of a list.
fn listed(image: &Value) -> Option<Platform> {
    platform(&image["platform"], Digest::parse(image["digest"].as_str()?)?)
}

fn platform(described: &Value, digest: Digest) -> Option<Platform> {
    let word = |name: &str| described[name].as_str().filter(|word| *word != "unknown").map(str::to_owned);
    Some(Platform { os: word("os")?, architecture: word("architecture")?, digest })
}
