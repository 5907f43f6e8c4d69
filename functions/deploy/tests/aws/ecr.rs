//! Images: platforms and scans.

use longshore_core::{config::Severity, image::Digest};
use longshore_deploy::aws::ecr::{Findings, Registry};
use serde_json::{Value, json};

use crate::{
    done, refused,
    script::{Script, refuses, said, says},
};

fn digest(digit: char) -> Digest {
    Digest::parse(&format!("sha256:{}", digit.to_string().repeat(64))).expect("a digest")
}

fn registry(script: &Script) -> Registry {
    Registry::new(&script.sdk(), "123456789012.dkr.ecr.eu-central-1.amazonaws.com")
}

async fn platforms(script: &Script) -> anyhow::Result<longshore_deploy::aws::Call<Vec<String>>> {
    let platforms = registry(script).platforms("team/web", &digest('a')).await?;
    Ok(platforms.map(|found| found.iter().map(|one| format!("{one} {}", &one.digest.as_str()[7..9])).collect()))
}

fn image(manifest: &Value) -> Value {
    json!({ "images": [{ "imageManifest": manifest.to_string() }], "failures": [] })
}

#[tokio::test]
async fn a_list_tells_its_platforms_and_attestations_are_none() {
    let manifest = json!({ "schemaVersion": 2, "manifests": [
        { "digest": digest('b').as_str(), "platform": { "os": "linux", "architecture": "amd64" } },
        { "digest": digest('c').as_str(), "platform": { "os": "linux", "architecture": "arm64", "variant": "v8" } },
        { "digest": digest('d').as_str(), "platform": { "os": "unknown", "architecture": "unknown" } },
    ] });
    let script = Script::new([says(&image(&manifest))]);
    assert_eq!(done(platforms(&script).await), ["linux/amd64 bb", "linux/arm64 cc"]);
    let (operation, request) = script.calls().remove(0);
    assert_eq!(
        (operation.as_str(), &request["imageIds"]),
        ("BatchGetImage", &json!([{ "imageDigest": digest('a').as_str() }]))
    );
    assert_eq!(request["registryId"], "123456789012");
    assert_eq!(request["acceptedMediaTypes"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn a_single_image_tells_its_platform_in_its_configuration() {
    let url =
        "https://prod-eu-central-1-starport-layer-bucket.s3.eu-central-1.amazonaws.com/a/b?X-Amz-Signature=1%2F2&x=y";
    let manifest = json!({ "schemaVersion": 2, "config": { "digest": digest('e').as_str() }, "layers": [] });
    let config = json!({ "architecture": "arm64", "os": "linux", "rootfs": {} });
    let script = Script::new([
        says(&image(&manifest)),
        says(&json!({ "downloadUrl": url, "layerDigest": digest('e').as_str() })),
        says(&config),
    ]);
    assert_eq!(done(platforms(&script).await), ["linux/arm64 aa"], "by the digest that was asked for");
    let asked = script.asked();
    let request =
        json!({ "registryId": "123456789012", "repositoryName": "team/web", "layerDigest": digest('e').as_str() });
    assert_eq!((asked[1].operation(), asked[1].json()), ("GetDownloadUrlForLayer", request));
    assert_eq!((asked[2].method.as_str(), asked[2].url.as_str()), ("GET", url), "the signed URL as it is");
    assert!(!asked[2].headers.contains_key("authorization"), "our keys stay here");
}

#[tokio::test]
async fn an_image_that_is_not_there_is_a_refusal_and_a_broken_one_an_error() {
    let failure = json!({ "failureCode": "ImageNotFound", "failureReason": "Requested image not found" });
    let script = Script::new([says(&json!({ "images": [], "failures": [failure] }))]);
    let why = refused(platforms(&script).await);
    assert!(why.starts_with("team/web@sha256:aaa") && why.ends_with(": no such image"), "{why}");
    let script = Script::new([refuses(400, "RepositoryNotFoundException", "no repository")]);
    assert_eq!(refused(platforms(&script).await), "RepositoryNotFoundException: no repository");
    let manifest = json!({ "config": { "digest": digest('e').as_str() } });
    for url in ["file:///etc/passwd", "https:no-slashes", "https://host-without-path"] {
        let script = Script::new([says(&image(&manifest)), says(&json!({ "downloadUrl": url }))]);
        assert!(platforms(&script).await.is_err(), "{url}");
        script.asked();
    }
    let url = json!({ "downloadUrl": "https://bucket.example/secret-key" });
    for answer in [said(403, "<Error/>"), said(200, "no JSON"), said(200, &" ".repeat(4 * 1024 * 1024 + 1))] {
        let script = Script::new([says(&image(&manifest)), says(&url), answer]);
        let error = format!("{:#}", platforms(&script).await.expect_err("an error"));
        assert!(!error.contains("secret-key"), "{error}");
    }
}

async fn findings(answer: &Value) -> Findings {
    let script = Script::new([says(answer)]);
    let found = done(registry(&script).findings("team/web", &digest('a'), Severity::High).await);
    let request = json!({
        "registryId": "123456789012", "repositoryName": "team/web", "maxResults": 1,
        "imageId": { "imageDigest": digest('a').as_str() },
    });
    assert_eq!(script.calls(), [("DescribeImageScanFindings".to_owned(), request)]);
    found
}

#[tokio::test]
async fn findings_count_from_the_severity_on() {
    let answer = |status: &str, counts: Value| json!({ "imageScanStatus": { "status": status, "description": "why" }, "imageScanFindings": { "findingSeverityCounts": counts } });
    let counts = json!({ "CRITICAL": 1, "HIGH": 3, "MEDIUM": 9, "UNDEFINED": 5 });
    let found = Findings::Found([(Severity::Critical, 1), (Severity::High, 3)].into());
    assert_eq!(findings(&answer("COMPLETE", counts.clone())).await, found);
    assert_eq!(findings(&answer("ACTIVE", counts)).await, found, "enhanced scanning goes on");
    assert_eq!(findings(&answer("COMPLETE", json!({ "MEDIUM": 9, "HIGH": 0 }))).await, Findings::Clean);
    for status in ["PENDING", "IN_PROGRESS"] {
        assert_eq!(findings(&answer(status, json!({}))).await, Findings::Pending);
    }
    for status in ["FAILED", "UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED", "A_NEW_ONE"] {
        assert_eq!(findings(&answer(status, json!({}))).await, Findings::NotScanned(format!("{status}: why")));
    }
}

#[tokio::test]
async fn an_image_without_a_scan_is_not_scanned_and_one_that_is_not_there_a_refusal() {
    let script = Script::new([refuses(400, "ScanNotFoundException", "Image scan does not exist")]);
    let found = done(registry(&script).findings("team/web", &digest('a'), Severity::Low).await);
    assert_eq!(found, Findings::NotScanned("there is no scan of the image".into()));
    let script = Script::new([refuses(400, "ImageNotFoundException", "no image")]);
    let why = refused(registry(&script).findings("team/web", &digest('a'), Severity::Low).await);
    assert_eq!(why, "ImageNotFoundException: no image");
}
