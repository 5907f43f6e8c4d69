//! The smallest image, for builds that report one and make none.

use local_protocol::http;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::Local;

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
/// The configuration of an image that says nothing, and its digest.
const CONFIG: &str = "{}";
const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

impl Local {
    /// Pushes an image without layers, which no other repository has, under a tag; its digest.
    ///
    /// # Panics
    ///
    /// When the registry does not take it.
    pub async fn push_image(&self, repository: &str, tag: &str) -> String {
        let url = format!("http://{}/v2/{repository}", self.stack.registry);
        Self::push_blob(&url, CONFIG, DIGEST).await;
        let config = json!({ "mediaType": "application/octet-stream", "size": CONFIG.len(), "digest": DIGEST });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [],
            "annotations": {"repository": repository},
        });
        let put = http().put(format!("{url}/manifests/{tag}")).header("content-type", OCI);
        let put = put.body(manifest.to_string()).send().await.expect("an answer");
        assert_eq!(put.status().as_u16(), 201, "the manifest");
        put.headers()["docker-content-digest"].to_str().expect("text").to_owned()
    }

    /// Puts a signature beside an image, as cosign does: what was signed, and the signature over it in base 64.
    ///
    /// # Panics
    ///
    /// When the registry does not take it.
    pub async fn push_signature(&self, repository: &str, of: &str, payload: &str, signature: &str) {
        let url = format!("http://{}/v2/{repository}", self.stack.registry);
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(payload)));
        Self::push_blob(&url, CONFIG, DIGEST).await;
        Self::push_blob(&url, payload, &digest).await;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "size": CONFIG.len(), "digest": DIGEST },
            "layers": [{
                "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "size": payload.len(), "digest": digest,
                "annotations": { "dev.cosignproject.cosign/signature": signature },
            }],
        });
        let put = http().put(format!("{url}/manifests/{}.sig", of.replace(':', "-"))).header("content-type", OCI);
        let put = put.body(manifest.to_string()).send().await.expect("an answer");
        assert_eq!(put.status().as_u16(), 201, "the signature");
    }

    async fn push_blob(url: &str, content: &str, digest: &str) {
        let upload = http().post(format!("{url}/blobs/uploads/")).send().await.expect("an answer");
        let location = upload.headers()["location"].to_str().expect("text").to_owned();
        let put = http().put(format!("{location}&digest={digest}")).body(content.to_owned());
        assert_eq!(put.send().await.expect("an answer").status().as_u16(), 201, "{content}");
    }
}
