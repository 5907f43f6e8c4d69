//! What an image runs on.

use std::fmt;

use anyhow::{Context, bail};
use longshore_core::image::Digest;
use serde_json::Value;

use super::Registry;
use crate::aws::{Call, done};

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
        let manifest = done!(self.manifest(repository, digest, "the image").await?);
        if let Some(images) = manifest["manifests"].as_array() {
            return Ok(Call::Done(images.iter().filter_map(listed).collect()));
        }
        let Some(config) = manifest["config"]["digest"].as_str() else {
            bail!("the image's manifest names no configuration");
        };
        let config = done!(self.blob(repository, config, LIMIT, "the image's configuration").await?);
        let config: Value = serde_json::from_slice(&config).context("the image's configuration is no JSON")?;
        let platform = platform(&config, digest.clone()).context("the image's configuration names no platform")?;
        Ok(Call::Done(vec![platform]))
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
