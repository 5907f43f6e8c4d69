//! What is in an image, and what a scan finds in it.

use local_ecr::{Finding, Scan, Severity};
use local_protocol::http;
use serde_json::{Value, json};

use crate::{INDEX, OCI, Stack, digest, digest_of_image};

#[tokio::test]
async fn an_index_is_got_as_it_was_pushed_where_its_format_is_accepted() {
    let stack = Stack::with_web().await;
    let child = stack.push("web", &digest_of_image(b"amd64"), OCI, b"amd64").await;
    let platform = json!({ "os": "linux", "architecture": "amd64" });
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [{ "mediaType": OCI, "digest": child, "size": 1, "platform": platform }],
    });
    let pushed = stack.manifest("web", "multi", INDEX, &index).await;
    for accepted in [json!(null), json!([]), json!([OCI, INDEX])] {
        let input = json!({
            "repositoryName": "web", "imageIds": [{ "imageDigest": pushed }], "acceptedMediaTypes": accepted,
        });
        let image = stack.call("BatchGetImage", input).await.unwrap()["images"][0].clone();
        assert_eq!(
            (&image["imageManifest"], &image["imageManifestMediaType"]),
            (&json!(index.to_string()), &json!(INDEX))
        );
    }
    let input = json!({ "repositoryName": "web", "imageIds": [{ "imageTag": "multi" }], "acceptedMediaTypes": [OCI] });
    let answer = stack.call("BatchGetImage", input).await.unwrap();
    assert_eq!((&answer["images"], &answer["failures"][0]["failureCode"]), (&json!([]), &json!("ImageNotFound")));
}

#[tokio::test]
async fn a_layer_is_downloaded_from_where_ecr_says() {
    let stack = Stack::with_web().await;
    stack.push("web", "v1", OCI, b"one").await;
    let input = |digest: &str| json!({ "repositoryName": "web", "layerDigest": digest });
    for blob in [&b"{}"[..], b"one"] {
        let answer = stack.call("GetDownloadUrlForLayer", input(&digest(blob))).await.unwrap();
        assert_eq!(answer["layerDigest"], digest(blob));
        let fetched = http().get(answer["downloadUrl"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(fetched.bytes().await.unwrap(), blob);
    }
    let missing = stack.call("GetDownloadUrlForLayer", input(&digest(b"two"))).await.unwrap_err();
    assert_eq!(missing.code, "LayersNotFoundException");
    for wrong in ["", "sha256:../../x", "v1"] {
        let refusal = stack.call("GetDownloadUrlForLayer", input(wrong)).await.unwrap_err();
        assert_eq!(refusal.code, "InvalidParameterException", "{wrong}");
    }
    let elsewhere = json!({ "repositoryName": "api", "layerDigest": digest(b"one") });
    let refusal = stack.call("GetDownloadUrlForLayer", elsewhere).await.unwrap_err();
    assert_eq!(refusal.code, "RepositoryNotFoundException");
}

#[tokio::test]
async fn a_scan_finds_what_it_was_told_to() {
    let stack = Stack::with_web().await;
    let pushed = stack.push("web", "v1", OCI, b"one").await;
    let by = |id: Value| json!({ "repositoryName": "web", "imageId": id });
    let of = async |id: Value| stack.call("DescribeImageScanFindings", by(id)).await;
    let clean = of(json!({ "imageTag": "v1" })).await.unwrap();
    assert_eq!(clean["imageId"], json!({ "imageDigest": pushed, "imageTag": "v1" }));
    assert_eq!(clean["imageScanStatus"]["status"], "COMPLETE");
    assert_eq!(clean["imageScanFindings"]["findingSeverityCounts"], json!({}));
    assert_eq!(clean["imageScanFindings"]["findings"], json!([]));

    let findings = vec![
        Finding::new("CVE-2026-1", Severity::Critical, "openssl"),
        Finding::new("CVE-2026-2", Severity::Low, "zlib"),
        Finding::new("CVE-2026-3", Severity::Low, "bash"),
    ];
    stack.ecr.scan(&pushed, Scan::Complete(findings.clone()));
    let mut input = by(json!({ "imageDigest": pushed }));
    input["maxResults"] = json!(2);
    let first = stack.call("DescribeImageScanFindings", input.clone()).await.unwrap();
    assert_eq!(first["imageScanFindings"]["findingSeverityCounts"], json!({ "CRITICAL": 1, "LOW": 2 }));
    assert_eq!(first["imageScanFindings"]["findings"][0]["name"], "CVE-2026-1");
    input["nextToken"] = first["nextToken"].clone();
    let rest = stack.call("DescribeImageScanFindings", input).await.unwrap();
    assert_eq!(rest["imageScanFindings"]["findings"].as_array().unwrap().len(), 1);
    assert_eq!(rest.get("nextToken"), None);

    stack.ecr.scan(&pushed, Scan::Active(findings));
    let enhanced = of(json!({ "imageTag": "v1" })).await.unwrap();
    assert_eq!(enhanced["imageScanStatus"]["status"], "ACTIVE");
    assert_eq!(enhanced["imageScanFindings"]["enhancedFindings"][0]["severity"], "CRITICAL");

    for (scan, status) in [
        (Scan::InProgress, "IN_PROGRESS"),
        (Scan::Pending, "PENDING"),
        (Scan::Failed("no".into()), "FAILED"),
        (Scan::Unsupported("scratch".into()), "UNSUPPORTED_IMAGE"),
    ] {
        stack.ecr.scan(&pushed, scan);
        let answer = of(json!({ "imageTag": "v1" })).await.unwrap();
        assert_eq!((&answer["imageScanStatus"]["status"], answer.get("imageScanFindings")), (&json!(status), None));
    }
    stack.ecr.scan(&pushed, Scan::NotFound);
    assert_eq!(of(json!({ "imageTag": "v1" })).await.unwrap_err().code, "ScanNotFoundException");
    assert_eq!(of(json!({ "imageTag": "v2" })).await.unwrap_err().code, "ImageNotFoundException");
    for wrong in [json!({}), json!(null), json!({ "imageDigest": "x" })] {
        assert_eq!(of(wrong).await.unwrap_err().code, "InvalidParameterException");
    }
}
