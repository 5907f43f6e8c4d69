//! Versions and locations, honest and hostile.

use std::fs;

use serde_json::json;

use super::{Stand, context};

const SPEC: (&str, &str) = ("buildspec.yml", "version: 0.2\nphases: { build: { commands: [ 'cat file' ] } }\n");

#[tokio::test]
async fn a_version_is_a_branch_a_tag_a_commit_or_a_pull_request() {
    let stand = Stand::new();
    let first = stand.repository(&[SPEC, ("file", "first")]).await;
    stand.git(&["tag", "v1"]);
    let gone = stand.commit(&[("file", "gone")]);
    stand.git(&["update-ref", "refs/pull/7/head", "HEAD"]);
    stand.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    stand.git(&["checkout", "--quiet", "-b", "feature/x"]);
    let second = stand.commit(&[("file", "second")]);
    stand.git(&["checkout", "--quiet", "main"]);
    for (version, commit, output) in [
        ("main", &first, "first"),
        ("v1", &first, "first"),
        ("refs/tags/v1", &first, "first"),
        ("feature/x", &second, "second"),
        ("refs/heads/feature/x", &second, "second"),
        (second.as_str(), &second, "second"),
        (&second[..10], &second, "second"),
        (gone.as_str(), &gone, "gone"),
        ("pr/7", &gone, "gone"),
    ] {
        let build = stand.build(json!({ "sourceVersion": version })).await;
        assert_eq!(build["resolvedSourceVersion"], commit.as_str(), "{version}: {}", stand.log(&build));
        assert_eq!(stand.output(&build), output, "{version}");
    }
    let build = stand.build(json!({})).await;
    assert_eq!(build["resolvedSourceVersion"], first.as_str());
    assert!(build.get("sourceVersion").is_none());
}

#[tokio::test]
async fn a_version_that_does_not_exist_fails_the_download() {
    let stand = Stand::new();
    stand.repository(&[SPEC, ("file", "")]).await;
    let marker = stand.directory.path().join("marker");
    let touch = format!("$(touch {})", marker.display());
    let upload = format!("--upload-pack=touch {}", marker.display());
    let unknown = "0123456789012345678901234567890123456789";
    for version in
        [unknown, "no-such-branch", "--help", "-x", "main~1", "main^{tree}", ":/a", "a..b", "../main", &touch, &upload]
    {
        let build = stand.build(json!({ "sourceVersion": version })).await;
        assert_eq!(build["buildStatus"], "FAILED", "{version}");
        let expected = format!("reference not found for primary source and source version {version}");
        assert_eq!(context(&build, "DOWNLOAD_SOURCE"), ("CLIENT_ERROR".into(), expected));
    }
    assert!(!marker.exists());
}

#[tokio::test]
async fn a_location_is_never_an_option_or_a_command() {
    let stand = Stand::new();
    stand.repository(&[SPEC]).await;
    let marker = stand.directory.path().join("marker");
    let path = marker.display();
    for location in [
        "/no/such/repository".into(),
        format!("--upload-pack=touch {path}"),
        format!("-utouch${{IFS}}{path}"),
        format!("ext::touch {path}"),
        format!("ssh://-oProxyCommand=touch%20{path}/x"),
    ] {
        let build = stand.build(json!({ "sourceLocationOverride": location })).await;
        assert_eq!(build["buildStatus"], "FAILED", "{location}");
        let (code, message) = context(&build, "DOWNLOAD_SOURCE");
        assert_eq!(code, "CLIENT_ERROR");
        assert_eq!(message, "repository not found for primary source and source version HEAD");
    }
    assert!(!marker.exists());
}

#[tokio::test]
async fn the_buildspec_may_be_elsewhere_in_the_source_or_in_the_request() {
    let stand = Stand::new();
    stand.repository(&[("other.yml", "version: 0.2\nphases: { build: { commands: [ 'echo other' ] } }\n")]).await;
    let missing = stand.build(json!({})).await;
    let (code, message) = context(&missing, "DOWNLOAD_SOURCE");
    assert_eq!(code, "YAML_FILE_ERROR");
    assert!(message.starts_with("stat ") && message.ends_with("/src/buildspec.yml: no such file or directory"));

    let elsewhere = stand.build(json!({ "buildspecOverride": "other.yml" })).await;
    assert_eq!(stand.output(&elsewhere), "other");
    let inline = "version: 0.2\nphases:\n  build:\n    commands:\n      - ls\n";
    assert_eq!(stand.output(&stand.build(json!({ "buildspecOverride": inline })).await), "other.yml");

    let outside = stand.directory.path().join("outside.yml");
    fs::write(&outside, SPEC.1).expect("a file");
    for path in [outside.to_str().expect("a path"), "../../../../outside.yml"] {
        let build = stand.build(json!({ "buildspecOverride": path })).await;
        assert_eq!(context(&build, "DOWNLOAD_SOURCE").1, format!("{path} is outside of the source"));
    }
}

#[tokio::test]
async fn a_buildspec_that_is_not_yaml_fails_the_download() {
    let stand = Stand::new();
    stand.repository(&[("buildspec.yml", "version: 0.2\nphases:\n  build: [\n")]).await;
    let build = stand.build(json!({})).await;
    assert_eq!(build["buildStatus"], "FAILED");
    let (code, message) = context(&build, "DOWNLOAD_SOURCE");
    assert_eq!(code, "YAML_FILE_ERROR");
    assert!(message.contains("line"), "{message}");
}
