//! The API against a real registry, with images pushed by plain HTTP.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use local_ecr::{Ecr, Registry};
use local_protocol::{Answer, Client, http};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

mod content;

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

struct Stack {
    registry: Registry,
    ecr: Arc<Ecr>,
    client: Client,
    _directory: tempfile::TempDir,
}

impl Stack {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let registry = Registry::start(directory.path()).await.unwrap();
        let ecr = Ecr::new(registry.address());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(format!("http://{}", listener.local_addr().unwrap()));
        let router = ecr.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { registry, ecr, client, _directory: directory }
    }

    async fn call(&self, action: &str, input: Value) -> Answer {
        self.client.call("ecr", &format!("AmazonEC2ContainerRegistry_V20150921.{action}"), &input).await
    }

    async fn with_web() -> Self {
        let stack = Self::start().await;
        stack.call("CreateRepository", json!({ "repositoryName": "web" })).await.unwrap();
        stack
    }

    async fn blob(&self, repository: &str, bytes: &[u8]) -> Value {
        let digest = digest(bytes);
        let url = format!("http://{}/v2/{repository}/blobs/uploads/", self.registry.address());
        let upload = http().post(url).send().await.unwrap();
        let location = upload.headers()["location"].to_str().unwrap().to_owned();
        let put = http().put(format!("{location}&digest={digest}")).body(bytes.to_vec()).send().await.unwrap();
        assert_eq!(put.status(), 201);
        json!({ "mediaType": "application/octet-stream", "size": bytes.len(), "digest": digest })
    }

    async fn manifest(&self, repository: &str, reference: &str, format: &str, manifest: &Value) -> String {
        let text = manifest.to_string();
        let url = format!("http://{}/v2/{repository}/manifests/{reference}", self.registry.address());
        let put = http().put(url).header("content-type", format).body(text.clone()).send().await.unwrap();
        assert_eq!(put.status(), 201, "{:?}", put.text().await);
        digest(text.as_bytes())
    }

    /// Pushes an image of `layer.len() + 2` bytes and gives its digest.
    async fn push(&self, repository: &str, reference: &str, format: &str, layer: &[u8]) -> String {
        let (config, layer) = (self.blob(repository, b"{}").await, self.blob(repository, layer).await);
        let manifest = json!({ "schemaVersion": 2, "mediaType": format, "config": config, "layers": [layer] });
        self.manifest(repository, reference, format, &manifest).await
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[tokio::test]
async fn repositories_are_created_described_and_deleted() {
    let stack = Stack::start().await;
    let input = json!({ "repositoryName": "team/web", "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": { "scanOnPush": true } });
    let created = stack.call("CreateRepository", input.clone()).await.unwrap()["repository"].clone();
    assert_eq!(created["repositoryUri"], format!("{}/team/web", stack.registry.address()));
    assert_eq!(created["repositoryArn"], "arn:aws:ecr:eu-central-1:123456789012:repository/team/web");
    assert_eq!(created["imageTagMutability"], "IMMUTABLE");
    assert_eq!(created["imageScanningConfiguration"]["scanOnPush"], true);
    let again = stack.call("CreateRepository", input).await.unwrap_err();
    assert_eq!(again.code, "RepositoryAlreadyExistsException");
    let described = stack.call("DescribeRepositories", json!({ "repositoryNames": ["team/web"] })).await.unwrap();
    assert_eq!(described["repositories"], json!([created]));
    let unknown = stack.call("DescribeRepositories", json!({ "repositoryNames": ["api"] })).await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "RepositoryNotFoundException: The repository with name 'api' does not exist in the registry with id '123456789012'"
    );
    stack.call("DeleteRepository", json!({ "repositoryName": "team/web" })).await.unwrap();
    let rest = stack.call("DescribeRepositories", json!({})).await.unwrap();
    assert_eq!(rest, json!({ "repositories": [] }));
}

#[tokio::test]
async fn a_bad_name_or_setting_is_refused() {
    let stack = Stack::start().await;
    for input in
        [json!({}), json!({ "repositoryName": "Web" }), json!({ "repositoryName": "web", "imageTagMutability": "NO" })]
    {
        let refusal = stack.call("CreateRepository", input).await.unwrap_err();
        assert_eq!(refusal.code, "InvalidParameterException");
    }
    assert_eq!(stack.call("PutImage", json!({})).await.unwrap_err().code, "UnknownOperationException");
}

#[tokio::test]
async fn a_pushed_image_is_described_by_tag_and_by_digest() {
    let stack = Stack::with_web().await;
    let digest = stack.push("web", "v1", OCI, b"one").await;
    let id = |id: Value| json!({ "repositoryName": "web", "imageIds": [id] });
    let by_tag = stack.call("DescribeImages", id(json!({ "imageTag": "v1" }))).await.unwrap();
    let image = &by_tag["imageDetails"][0];
    assert_eq!(image["imageDigest"], digest.as_str());
    assert_eq!(image["imageTags"], json!(["v1"]));
    assert_eq!(image["imageSizeInBytes"], 5);
    assert_eq!(image["imageManifestMediaType"], OCI);
    assert!(image["imagePushedAt"].as_f64().unwrap() > 1.7e9);
    let by_digest = stack.call("DescribeImages", id(json!({ "imageDigest": digest }))).await.unwrap();
    assert_eq!(by_digest, by_tag, "and the time of the push stays");
}

#[tokio::test]
async fn a_missing_image_is_refused_in_ecrs_words() {
    let stack = Stack::with_web().await;
    stack.push("web", "v1", OCI, b"one").await;
    let input = json!({ "repositoryName": "web", "imageIds": [{ "imageTag": "v2" }] });
    assert_eq!(
        stack.call("DescribeImages", input).await.unwrap_err().to_string(),
        "ImageNotFoundException: The image with imageId {imageDigest:'null', imageTag:'v2'} does not exist within the \
         repository with name 'web' in the registry with id '123456789012'"
    );
    // The registry has it, the API does not: nobody created the repository.
    stack.push("other", "v1", OCI, b"one").await;
    let refusal = stack.call("DescribeImages", json!({ "repositoryName": "other" })).await.unwrap_err();
    assert_eq!(refusal.code, "RepositoryNotFoundException");
}

#[tokio::test]
async fn a_moved_tag_leaves_an_untagged_image() {
    let stack = Stack::with_web().await;
    let first = stack.push("web", "latest", OCI, b"one").await;
    stack.call("ListImages", json!({ "repositoryName": "web" })).await.unwrap();
    let second = stack.push("web", "latest", DOCKER, b"two").await;
    let untagged = json!({ "repositoryName": "web", "filter": { "tagStatus": "UNTAGGED" } });
    let listed = stack.call("ListImages", untagged).await.unwrap();
    assert_eq!(listed["imageIds"], json!([{ "imageDigest": first }]));
    let tagged = json!({ "repositoryName": "web", "filter": { "tagStatus": "TAGGED" } });
    let described = stack.call("DescribeImages", tagged).await.unwrap();
    assert_eq!(described["imageDetails"][0]["imageDigest"], second.as_str());
    assert_eq!(described["imageDetails"][0]["imageManifestMediaType"], DOCKER);
    let page = stack.call("ListImages", json!({ "repositoryName": "web", "maxResults": 1 })).await.unwrap();
    let rest = json!({ "repositoryName": "web", "nextToken": page["nextToken"] });
    let rest = stack.call("ListImages", rest).await.unwrap();
    assert_eq!((rest["imageIds"].as_array().unwrap().len(), rest.get("nextToken")), (1, None));
}

#[tokio::test]
async fn an_index_is_as_large_as_its_largest_image() {
    let stack = Stack::with_web().await;
    let mut entries = Vec::new();
    for layer in [&b"amd64 layer"[..], b"arm64"] {
        let digest = stack.push("web", &digest_of_image(layer), OCI, layer).await;
        entries.push(json!({ "mediaType": OCI, "digest": digest, "size": 1 }));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    let digest = stack.manifest("web", "multi", INDEX, &index).await;
    let input = json!({ "repositoryName": "web", "imageIds": [{ "imageTag": "multi" }] });
    let image = stack.call("DescribeImages", input).await.unwrap()["imageDetails"][0].clone();
    assert_eq!(image["imageDigest"], digest.as_str());
    assert_eq!(image["imageManifestMediaType"], INDEX);
    assert_eq!(image["imageSizeInBytes"], 13);
}

fn digest_of_image(layer: &[u8]) -> String {
    let part =
        |bytes: &[u8]| json!({ "mediaType": "application/octet-stream", "size": bytes.len(), "digest": digest(bytes) });
    let manifest = json!({ "schemaVersion": 2, "mediaType": OCI, "config": part(b"{}"), "layers": [part(layer)] });
    digest(manifest.to_string().as_bytes())
}

#[tokio::test]
async fn batch_get_image_answers_manifests_and_failures() {
    let stack = Stack::with_web().await;
    let pushed = stack.push("web", "v1", OCI, b"one").await;
    let input = json!({ "repositoryName": "web", "imageIds": [
        { "imageTag": "v1" }, { "imageTag": "v2" }, {}, { "imageDigest": "../../x" },
        { "imageTag": "v1", "imageDigest": format!("sha256:{}", "0".repeat(64)) },
    ] });
    let answer = stack.call("BatchGetImage", input).await.unwrap();
    let image = &answer["images"][0];
    assert_eq!(image["imageId"], json!({ "imageTag": "v1", "imageDigest": pushed }));
    assert_eq!(digest(image["imageManifest"].as_str().unwrap().as_bytes()), pushed);
    let codes: Vec<_> = answer["failures"].as_array().unwrap().iter().map(|f| f["failureCode"].clone()).collect();
    assert_eq!(codes, ["ImageNotFound", "MissingDigestAndTag", "InvalidImageDigest", "ImageTagDoesNotMatchDigest"]);
    let docker_only =
        json!({ "repositoryName": "web", "imageIds": [{ "imageTag": "v1" }], "acceptedMediaTypes": [DOCKER] });
    let answer = stack.call("BatchGetImage", docker_only).await.unwrap();
    assert_eq!((answer["images"].as_array().unwrap().len(), answer["failures"].as_array().unwrap().len()), (0, 1));
}

#[tokio::test]
async fn a_repository_with_images_is_deleted_only_by_force() {
    let stack = Stack::with_web().await;
    stack.push("web", "v1", OCI, b"one").await;
    let refusal = stack.call("DeleteRepository", json!({ "repositoryName": "web" })).await.unwrap_err();
    assert_eq!(refusal.code, "RepositoryNotEmptyException");
    stack.call("DeleteRepository", json!({ "repositoryName": "web", "force": true })).await.unwrap();
    stack.call("CreateRepository", json!({ "repositoryName": "web" })).await.unwrap();
    let images = stack.call("ListImages", json!({ "repositoryName": "web" })).await.unwrap();
    assert_eq!(images["imageIds"], json!([]), "the images are gone from the registry too");
}

#[tokio::test]
async fn the_token_logs_in_to_the_registry() {
    let stack = Stack::start().await;
    let data = stack.call("GetAuthorizationToken", json!({})).await.unwrap()["authorizationData"][0].clone();
    assert_eq!(data["proxyEndpoint"], format!("http://{}", stack.registry.address()));
    assert_eq!(data["authorizationToken"], "QVdTOmxvY2Fs");
}

#[tokio::test]
async fn a_stopped_registry_answers_no_more_and_keeps_its_images() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(directory.path()).await.unwrap();
    let (address, digest) = {
        let ecr = Ecr::new(registry.address());
        let stack = Stack { registry, ecr, client: Client::new(""), _directory: tempfile::tempdir().unwrap() };
        let digest = stack.push("web", "v1", OCI, b"one").await;
        let address = stack.registry.address().to_owned();
        stack.registry.stop().await;
        (address, digest)
    };
    assert!(http().get(format!("http://{address}/v2/")).send().await.is_err());
    let registry = Registry::start(directory.path()).await.unwrap();
    let url = format!("http://{}/v2/web/manifests/{digest}", registry.address());
    assert_eq!(http().get(url).header("accept", OCI).send().await.unwrap().status(), 200);
    // Dropping ends it too, a moment later.
    let address = registry.address().to_owned();
    drop(registry);
    let gone = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.unwrap();
}
