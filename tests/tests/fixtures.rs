//! Payloads that nobody in this project wrote, where they are there: `../shared/fixtures` beside the checkout.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use longshore_core::{
    event::{Envelope, Event},
    github,
    push::{Content, Delivery},
    signature::{self, sign_github},
    task_definition::{READ_ONLY, is_revision, revise},
};
use longshore_tests::workspace;
use serde_json::{Value, json};

/// A folder or file of the fixtures; says so where it is absent.
fn fixtures(name: &str) -> Option<PathBuf> {
    let path = workspace().join("../shared/fixtures").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here", path.display());
    None
}

/// The files of a folder with this ending, in order; at least one.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no .{ending}", folder.display());
    files
}

fn json(file: &Path) -> Value {
    let text = fs::read_to_string(file).expect("a file");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn a_revision_of_a_real_task_definition_differs_in_the_image_alone() {
    let Some(folder) = fixtures("task-definitions") else { return };
    let image = format!("123456789012.dkr.ecr.eu-central-1.amazonaws.com/web@sha256:{}", "0".repeat(64));
    for file in files(&folder, "json") {
        let base = json(&file);
        // As ECS would describe it, with what it adds.
        let mut described = base.clone();
        for member in READ_ONLY {
            described[member] = json!("read only");
        }
        let described = json!({"taskDefinition": described, "tags": [{"key": "team", "value": "harbour"}]});
        let containers = base["containerDefinitions"].as_array().expect("containers");
        let name = containers[0]["name"].as_str().expect("a name").to_owned();
        let revision = revise(&described, &image, std::slice::from_ref(&name), &[("longshore:release", "r")]);
        let revision = revision.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(revision.containers, [name]);

        let mut expected = base.clone();
        for member in READ_ONLY {
            expected.as_object_mut().expect("an object").remove(member);
        }
        expected["containerDefinitions"][0]["image"] = image.as_str().into();
        expected["tags"] = json!([{"key": "team", "value": "harbour"}, {"key": "longshore:release", "value": "r"}]);
        assert_eq!(revision.request, expected, "{}", file.display());
        let registered = json!({"taskDefinition": expected, "tags": expected["tags"]});
        assert!(is_revision(&registered, &revision.request), "{}", file.display());
    }
}

#[test]
fn the_documented_signatures_hold() {
    let Some(file) = fixtures("signatures.json") else { return };
    let vectors = json(&file);
    let ours = vectors.as_array().expect("vectors").iter().filter(|vector| vector["scheme"] == "github-sha256");
    let mut checked = 0;
    for vector in ours {
        let text = |name: &str| vector[name].as_str().expect("a text");
        let body = STANDARD.decode(text("body_base64")).expect("base64");
        let verified = signature::github(Some(text("signature")), &body, &[text("secret")]);
        assert_eq!(verified.is_ok(), vector["expect_valid"] == true, "{vector}");
        if vector["expect_valid"] == true {
            assert_eq!(sign_github(text("secret"), &body), text("signature"));
        }
        checked += 1;
    }
    assert!(checked > 0, "there is a vector of GitHub's");
}

/// Reads a delivery as it would come: signed, with its headers.
fn read(file: &Path, event: &str) -> Delivery {
    let body = fs::read(file).expect("a file");
    let header = sign_github("secret", &body);
    let verified = signature::github(Some(&header), &body, &["secret"]).expect("proof");
    let headers = github::Headers {
        event: Some(event),
        delivery: Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        content_type: Some("application/json"),
    };
    github::parse(headers, verified).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn every_github_delivery_is_understood() {
    let Some(folder) = fixtures("webhooks/github") else { return };
    let mut pushes = 0;
    for file in files(&folder, "json") {
        let expected = json(&file.with_extension("expected"));
        let delivery = read(&file, expected["event"].as_str().expect("an event"));
        let reference = expected["ref"].as_str().unwrap_or_default();
        let to_a_branch = expected["what"] == "push" && expected["deleted"] != true;
        match (delivery.content, reference.strip_prefix("refs/heads/").filter(|_| to_a_branch)) {
            (Content::Push(push), Some(branch)) => {
                pushes += 1;
                assert_eq!(push.branch, branch, "{}", file.display());
                assert!(push.repository.ends_with(expected["repository"].as_str().expect("a repository")));
                assert_eq!(push.after, expected["after"], "{}", file.display());
                assert_eq!(push.message, expected["message"], "{}", file.display());
                let before = expected["before"].as_str().filter(|id| id.bytes().any(|digit| digit != b'0'));
                assert_eq!(push.before.as_deref(), before, "{}", file.display());
            }
            (Content::Nothing(why), None) => assert!(!why.is_empty(), "{}", file.display()),
            (content, _) => panic!("{}: {content:?} for {expected}", file.display()),
        }
    }
    assert!(pushes > 0, "there is a push to a branch");
}

#[test]
fn every_documented_example_of_github_is_understood() {
    let Some(folder) = fixtures("webhooks/github-examples") else { return };
    for file in files(&folder, "json") {
        let event = file.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        if let Content::Push(push) = read(&file, &event).content {
            panic!("{}: the example's push is of a tag: {push:?}", file.display());
        }
    }
}

#[test]
fn every_documented_event_of_aws_is_read() {
    let Some(folder) = fixtures("events") else { return };
    for file in files(&folder, "json") {
        let event = json(&file);
        let envelope: Envelope =
            serde_json::from_value(event.clone()).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let read = Event::read(&envelope);
        match event["detail-type"].as_str().expect("a detail type") {
            "CodeBuild Build State Change" => {
                let arn = event["detail"]["build-id"].as_str().expect("a build");
                let Event::Build { id, release: None } = read else { panic!("{}: {read:?}", file.display()) };
                assert!(arn.ends_with(&format!(":build/{id}")), "{}: {id}", file.display());
            }
            "ECS Deployment State Change" => {
                let arn = event["resources"][0].as_str().expect("a service");
                assert_eq!(read, Event::Service(arn.to_owned()), "{}", file.display());
            }
            other => assert_eq!(read, Event::Other(format!("{} / {other}", envelope.source)), "{}", file.display()),
        }
    }
}
