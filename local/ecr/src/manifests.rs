//! Reads manifests from the registry.
//! Source: <https://distribution.github.io/distribution/spec/api/> and
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>.

use local_protocol::Refusal;
use reqwest::{Response, StatusCode, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The manifest formats that ECR stores.
const FORMATS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                       application/vnd.docker.distribution.manifest.v2+json, \
                       application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest as the registry holds it.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// `sha256:…`, computed from the text and equal to the registry's `Docker-Content-Digest`.
    pub digest: String,
    /// The registry's `Content-Type`.
    pub media_type: String,
    /// Exactly the registry's bytes.
    pub text: String,
}

impl Manifest {
    /// What the image takes in the registry: its configuration and layers, compressed.
    pub fn size(&self) -> u64 {
        let body = self.body();
        let layers = body["layers"].as_array().into_iter().flatten();
        layers.chain([&body["config"]]).filter_map(|part| part["size"].as_u64()).sum()
    }

    /// The digests of an index's (or manifest list's) images; empty for an image.
    pub fn children(&self) -> Vec<String> {
        let body = self.body();
        let entries = body["manifests"].as_array().into_iter().flatten();
        entries.filter_map(|entry| entry["digest"].as_str().map(str::to_owned)).collect()
    }

    /// The type of an artifact that is no container image, or the configuration's type.
    pub fn artifact_type(&self) -> Option<String> {
        let body = self.body();
        body["artifactType"].as_str().or(body["config"]["mediaType"].as_str()).map(str::to_owned)
    }

    fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// Reads one registry.
#[derive(Debug)]
pub struct Manifests {
    address: String,
    http: reqwest::Client,
}

impl Manifests {
    pub fn new(address: &str) -> Self {
        Self { address: address.into(), http: local_protocol::http() }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// The manifest of a tag or digest, or `None`. `reference` must be a valid tag or digest: it becomes part of the path.
    pub async fn read(&self, repository: &str, reference: &str) -> Result<Option<Manifest>, Refusal> {
        let request = self.http.get(self.url(repository, &format!("manifests/{reference}")));
        let answer = request.header(header::ACCEPT, FORMATS).send().await.map_err(|e| self.unreachable(&e))?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = Self::success(answer)?;
        let named = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let media_type = named("content-type").unwrap_or_default();
        let announced = named("docker-content-digest");
        let body = answer.bytes().await.map_err(|e| self.unreachable(&e))?;
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&body)));
        if announced.as_deref() != Some(&digest) {
            let announced = announced.unwrap_or_else(|| "no digest".into());
            return Err(server(format!("the registry announces {announced} for a manifest whose digest is {digest}")));
        }
        let text = String::from_utf8(body.into()).map_err(|_| server("the registry's manifest is not UTF-8"))?;
        Ok(Some(Manifest { digest, media_type, text }))
    }

    /// The repository's tags, sorted; empty when nothing was pushed to it.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>, Refusal> {
        let answer = self.http.get(self.url(repository, "tags/list")).send().await.map_err(|e| self.unreachable(&e))?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        let body: Value = Self::success(answer)?.json().await.map_err(|e| self.unreachable(&e))?;
        let tags = body["tags"].as_array().into_iter().flatten();
        let mut tags: Vec<String> = tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
        tags.sort();
        Ok(tags)
    }

    /// Where a blob can be fetched, or `None`. `digest` must be a valid one: it becomes part of the path.
    pub async fn blob(&self, repository: &str, digest: &str) -> Result<Option<String>, Refusal> {
        let url = self.url(repository, &format!("blobs/{digest}"));
        let answer = self.http.head(&url).send().await.map_err(|e| self.unreachable(&e))?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Self::success(answer).map(|_| Some(url))
    }

    /// Deletes a manifest with all its tags.
    pub async fn delete(&self, repository: &str, digest: &str) -> Result<(), Refusal> {
        let request = self.http.delete(self.url(repository, &format!("manifests/{digest}")));
        let answer = request.send().await.map_err(|e| self.unreachable(&e))?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        Self::success(answer).map(drop)
    }

    fn url(&self, repository: &str, rest: &str) -> String {
        format!("http://{}/v2/{repository}/{rest}", self.address)
    }

    fn success(answer: Response) -> Result<Response, Refusal> {
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(server(format!("the registry answers {} to {}", answer.status(), answer.url())))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Refusal {
        server(format!("the registry at {} cannot be read: {error}", self.address))
    }
}

/// `ServerException`.
fn server(message: impl Into<String>) -> Refusal {
    Refusal::server("ServerException", message)
}
