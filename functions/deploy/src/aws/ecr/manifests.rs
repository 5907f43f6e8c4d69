//! Manifests, of images and of what is kept beside them, and the small blobs that they name.

use anyhow::Context;
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

impl Registry {
    /// The manifest of an image, or of what counts as one. One that is not there is a refusal. `what` is looked for, for the error.
    pub(super) async fn manifest(
        &self,
        repository: &str,
        digest: &Digest,
        what: &'static str,
    ) -> anyhow::Result<Call<Value>> {
        let id = ImageIdentifier::builder().image_digest(digest.as_str()).build();
        Ok(match done!(self.manifest_of(repository, id, what).await?) {
            Some(manifest) => Call::Done(manifest),
            None => Call::Refused(format!("{repository}@{digest}: no such image")),
        })
    }

    /// The manifest of an image, or of what is kept like one; `None` when it is not there.
    pub(super) async fn manifest_of(
        &self,
        repository: &str,
        id: ImageIdentifier,
        what: &'static str,
    ) -> anyhow::Result<Call<Option<Value>>> {
        let name = id.image_digest().or(id.image_tag()).unwrap_or_default().to_owned();
        let request = self.client.batch_get_image().set_registry_id(self.account.clone()).repository_name(repository);
        let request = request.image_ids(id).set_accepted_media_types(Some(MANIFESTS.map(str::to_owned).to_vec()));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return refused_or(&error, format!("{what} could not be read from ECR")),
        };
        if let Some(manifest) = answer.images().first().and_then(|image| image.image_manifest()) {
            let manifest = serde_json::from_str(manifest);
            return Ok(Call::Done(Some(manifest.with_context(|| format!("the manifest of {what} is no JSON"))?)));
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

    /// What a manifest names, downloaded: more than `most` bytes are an error. `what` it is, for the error.
    pub(super) async fn blob(
        &self,
        repository: &str,
        digest: &str,
        most: usize,
        what: &'static str,
    ) -> anyhow::Result<Call<Vec<u8>>> {
        let request = self.client.get_download_url_for_layer().repository_name(repository).layer_digest(digest);
        let url = match request.set_registry_id(self.account.clone()).send().await {
            Ok(answer) => answer.download_url.with_context(|| format!("ECR answered no URL of {what}"))?,
            Err(error) => return refused_or(&error, format!("{what} could not be found")),
        };
        let blob = self.download.get(&url, most).await;
        Ok(Call::Done(blob.with_context(|| format!("{what} could not be downloaded"))?))
    }
}
