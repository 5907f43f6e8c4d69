//! `scripts/redrive` reads both forms of dead letters. The AWS CLI is a script here, which notes what it is asked.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use longshore_tests::workspace;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:longshore-Deploy-1A2B";

/// Answers the first `receive-message` with the file `messages`, and notes every call with the payload that it names.
const AWS: &str = r#"#!/usr/bin/env bash
set -euo pipefail
cd -- "$(dirname -- "$0")"
for argument; do if [[ $argument == file://* ]]; then cat -- "${argument#file://}" >>payloads; echo >>payloads; fi; done
echo "$1 $2 $*" >>calls
if [[ $2 == receive-message && -e messages ]]; then cat messages; rm messages; fi
"#;

fn messages() -> Value {
    let event = |kind: &str| json!({"source": "longshore", "detail-type": kind, "detail": {"release": "01JD"}});
    let by_lambda = json!({
        "version": "1.0", "requestPayload": event("Release Changed"),
        "requestContext": {"functionArn": format!("{ARN}:$LATEST"), "condition": "RetriesExhausted"},
        "responsePayload": {"errorMessage": "the table does not answer"},
    });
    let message = |id: &str, body: &Value, attributes: Value| json!({"MessageId": id, "ReceiptHandle": format!("r-{id}"), "Body": body.to_string(), "MessageAttributes": attributes});
    let target = json!({
        "TARGET_ARN": {"DataType": "String", "StringValue": format!("{ARN}:live")},
        "ERROR_MESSAGE": {"DataType": "String", "StringValue": "throttled"},
    });
    json!({"Messages": [
        message("one", &event("Deployment Asked"), target),
        message("two", &by_lambda, json!({})),
        message("three", &json!({"hello": "world"}), json!({})),
    ]})
}

/// What it printed, how it ended, which calls there were, and the payloads.
fn redrive(options: &[&str]) -> (String, Option<i32>, Vec<String>, Vec<Value>) {
    let folder = tempfile::tempdir().expect("a folder");
    let aws = folder.path().join("aws");
    fs::write(&aws, AWS).expect("the script");
    fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).expect("executable");
    fs::write(folder.path().join("messages"), messages().to_string()).expect("messages");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(folder.path().to_owned()).chain(std::env::split_paths(&path)));
    // The system's: a python3 that is itself a script may put its own programs first on the path.
    let output = Command::new("/usr/bin/python3")
        .arg(workspace().join("scripts/redrive"))
        .arg("https://sqs.eu-central-1.amazonaws.com/123456789012/dead")
        .args(options)
        .env("PATH", path.expect("a path"))
        .output()
        .expect("redrive");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = |name: &str| {
        let text = fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let payloads = lines("payloads").iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (String::from_utf8(output.stdout).expect("text"), output.status.code(), lines("calls"), payloads)
}

#[test]
fn dead_letters_are_shown_and_stay() {
    let (printed, status, calls, payloads) = redrive(&[]);
    assert_eq!(
        printed,
        "one: Deployment Asked for longshore-Deploy-1A2B: throttled\n\
         two: Release Changed for longshore-Deploy-1A2B: the table does not answer\n\
         three: neither EventBridge's nor Lambda's: left\n3 messages\n"
    );
    assert_eq!(status, Some(1));
    assert!(payloads.is_empty());
    assert!(calls.iter().all(|call| call.starts_with("sqs receive-message")), "{calls:?}");
}

#[test]
fn each_event_goes_to_the_live_function_before_its_message_is_deleted() {
    let (printed, status, calls, payloads) = redrive(&["--invoke"]);
    assert!(printed.ends_with("3 messages, 1 left\n"), "{printed}");
    assert_eq!(status, Some(1));
    let kinds: Vec<_> = payloads.iter().map(|event| event["detail-type"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds, ["Deployment Asked", "Release Changed"]);
    let acts: Vec<_> = calls.iter().filter(|call| !call.contains("receive-message")).collect();
    assert_eq!(acts.len(), 4, "{acts:?}");
    for (pair, handle) in acts.chunks(2).zip(["r-one", "r-two"]) {
        assert!(
            pair[0].starts_with("lambda invoke") && pair[0].contains(&format!("--function-name {ARN}:live ")),
            "{pair:?}"
        );
        assert!(pair[1].starts_with("sqs delete-message") && pair[1].contains(handle), "{pair:?}");
    }
}
