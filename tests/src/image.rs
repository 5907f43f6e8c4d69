//! The smallest image, for builds that report one and make none.

use local_protocol::http;
use serde_json::json;

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
        let upload = http().post(format!("{url}/blobs/uploads/")).send().await.expect("an answer");
        let location = upload.headers()["location"].to_str().expect("text").to_owned();
        let put = http().put(format!("{location}&digest={DIGEST}")).body(CONFIG).send().await.expect("an answer");
        assert_eq!(put.status().as_u16(), 201, "the configuration");
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
}
