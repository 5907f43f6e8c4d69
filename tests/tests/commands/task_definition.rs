//! `longshore task-definition`: the register request, what is different, and what is not taken.

use std::{
    fs,
    io::{Seek, Write},
    process::Output,
};

use longshore_tests::longshore;
use serde_json::Value;
use tempfile::TempDir;

use super::said;

const IMAGE: &str = "web=registry.example/shop@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What `aws ecs describe-task-definition --include TAGS` prints, with members that do not exist yet.
const DESCRIBED: &str = r#"{
    "taskDefinition": {
        "taskDefinitionArn": "arn:aws:ecs:eu-central-1:123456789012:task-definition/shop:7", "revision": 7, "status": "ACTIVE",
        "family": "shop", "tomorrow": {"deep": [1, 2.50, null]},
        "containerDefinitions": [
            {"name": "web", "image": "registry.example/shop:old", "environment": [{"name": "COLOUR", "value": "\u001b[31mred", "soon": true}]},
            {"name": "envoy", "image": "mesh.example/envoy:1"}
        ]
    },
    "tags": [{"key": "team", "value": "shop"}, {"key": "aws:x", "value": "y"}]
}"#;

/// `longshore task-definition` with these arguments, and this on its standard input.
fn task_definition(arguments: &[&str], input: &str) -> Output {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(input.as_bytes()).and_then(|()| file.rewind()).expect("written");
    let mut command = longshore();
    command.arg("task-definition").args(arguments).stdin(file).env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR");
    command.output().expect("longshore")
}

#[test]
fn task_definition_prints_the_register_request_and_changes_nothing_but_the_image() {
    let mut bare: Value = serde_json::from_str(DESCRIBED).expect("JSON");
    let tags = bare["tags"].take();
    let mut bare = bare["taskDefinition"].take();
    bare["tags"] = tags;
    for input in [DESCRIBED.to_owned(), bare.to_string()] {
        let output = task_definition(&["--image", IMAGE, "--tag", "longshore:release=r=1"], &input);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let request: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let mut expected = bare.clone();
        for member in ["taskDefinitionArn", "revision", "status"] {
            expected.as_object_mut().expect("an object").remove(member);
        }
        expected["containerDefinitions"][0]["image"] = IMAGE.trim_start_matches("web=").into();
        expected["tags"][1] = serde_json::json!({"key": "longshore:release", "value": "r=1"});
        assert_eq!(request, expected);
        assert!(output.stderr.is_empty(), "{}", said(&output));
    }
}

#[test]
fn task_definition_shows_what_is_different_field_by_field() {
    let output = task_definition(&["--image", IMAGE, "--tag", "team=harbour", "--diff"], DESCRIBED);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let image = IMAGE.trim_start_matches("web=");
    let expected = format!(
        "containerDefinitions[web].image\n  - \"registry.example/shop:old\"\n  + \"{image}\"\n\
         tags[team].value\n  - \"shop\"\n  + \"harbour\"\n"
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "without colours, since it is no terminal");
    let output = task_definition(&["--image", IMAGE, "--diff", "--json"], DESCRIBED);
    let changes: Value = serde_json::from_slice(&output.stdout).expect("one JSON array");
    let path = "containerDefinitions[web].image";
    assert_eq!(changes, serde_json::json!([{"path": path, "before": "registry.example/shop:old", "after": image}]));
    let same = DESCRIBED.replace("registry.example/shop:old", image);
    let output = task_definition(&["--image", IMAGE, "--diff"], &same);
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stdout)), (Some(0), "nothing is different\n"));
}

#[test]
fn task_definition_says_in_a_sentence_what_it_does_not_take() {
    let tagged = "web=registry.example/shop:v1";
    let unknown = IMAGE.replace("web=", "wbe=");
    let twice = DESCRIBED.replace("\"revision\": 7", "\"family\": \"other\"");
    let inexact = DESCRIBED.replace("2.50", "0.1234567890123456789");
    for (arguments, input, words) in [
        (&["--image", tagged][..], DESCRIBED, "which may name another image tomorrow: give its digest"),
        (&["--image", "web=shop"], DESCRIBED, "shop is no image"),
        (&["--image", &unknown], DESCRIBED, "no container wbe: it has web, envoy"),
        (&["--image", IMAGE, "--image", IMAGE], DESCRIBED, "the container web is given two images"),
        (&["--image", IMAGE, "--tag", "aws:x=1"], DESCRIBED, "aws: is for AWS's own"),
        (&["--image", IMAGE], "{}", "neither `taskDefinition` nor `containerDefinitions`"),
        (&["--image", IMAGE], "no JSON", "cannot be read as JSON"),
        (&["--image", IMAGE], &twice, "the member \"family\" is there twice"),
        (&["--image", IMAGE], &inexact, "the number 0.1234567890123456789 would become 0.12345678901234568"),
        (&["--image", "shop"], DESCRIBED, "there is no = after a name"),
        (&[], DESCRIBED, "--image"),
    ] {
        let output = task_definition(arguments, input);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(output.stdout.is_empty(), "{}", said(&output));
        assert!(said(&output).starts_with("error: ") && said(&output).contains(words), "{}", said(&output));
    }
    let output = task_definition(&["--image", tagged, "--allow-tag"], DESCRIBED);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let untagged = DESCRIBED.replace("\"tags\": [{", "\"other\": [{");
    let output = task_definition(&["--image", IMAGE], &untagged);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--include TAGS"), "{}", said(&output));
}

#[test]
fn task_definition_colours_what_is_different_where_it_is_asked_to_and_never_with_no_color() {
    let coloured = |variables: &[(&str, &str)]| {
        let directory = TempDir::new().expect("a directory");
        let file = directory.path().join("described.json");
        fs::write(&file, DESCRIBED).expect("a file");
        let mut command = longshore();
        command.args(["task-definition", "--diff", "--image", IMAGE]).arg(&file);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").envs(variables.iter().copied());
        let output = command.output().expect("longshore");
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        output.stdout.contains(&0x1b)
    };
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[]), "it is no terminal");
    assert!(!coloured(&[("NO_COLOR", "1")]));
}
