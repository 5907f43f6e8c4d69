//! Where blobs can be fetched.

use local_protocol::{ACCOUNT, Answer, Refusal};
use serde_json::json;

use crate::{
    ecr::Ecr,
    images::is_digest,
    input::{invalid, text},
};

/// `GetDownloadUrlForLayer`: a layer or an image's configuration, by its digest. The URL is the registry's own, and does not
/// expire.
/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html>.
pub async fn download_url(ecr: &Ecr, input: &serde_json::Value) -> Answer {
    let repository = ecr.existing(input)?;
    let digest = text(input, "layerDigest")?.unwrap_or_default();
    if !is_digest(digest) {
        let rule = "'sha256:' and 64 hexadecimal digits";
        return Err(invalid(format!("Invalid parameter at 'layerDigest' failed to satisfy constraint: {rule}")));
    }
    match ecr.manifests.blob(repository, digest).await? {
        Some(url) => Ok(json!({ "downloadUrl": url, "layerDigest": digest })),
        None => Err(Refusal::client(
            "LayersNotFoundException",
            format!(
                "The layer with digest '{digest}' does not exist within the repository with name '{repository}' in the \
                 registry with id '{ACCOUNT}'"
            ),
        )),
    }
}
