//! The actions, their refusals, idempotency, and the log over HTTP.

use std::{collections::BTreeSet, time::Duration};

use local_protocol::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Stand;

const QUICK: &str = "version: 0.2\nphases: { build: { commands: [ 'true' ] } }";

/// Serves the router on a free port, and gives its address.
async fn serve(stand: &Stand) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = stand.service.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test]
async fn a_project_is_created_once_read_changed_and_deleted() {
    let stand = Stand::new();
    let project = json!({
        "name": "app",
        "source": { "type": "GITHUB", "location": "https://example.com/app.git", "gitCloneDepth": 1 },
        "artifacts": { "type": "NO_ARTIFACTS" },
        "environment": {
            "type": "ARM_CONTAINER", "image": "img", "computeType": "BUILD_GENERAL1_SMALL", "privilegedMode": true,
        },
        "serviceRole": "role",
        "concurrentBuildLimit": 3,
        "somethingNew": { "kept": [1] },
    });
    let created = stand.ok("CreateProject", project.clone()).await["project"].take();
    assert_eq!(created["arn"], "arn:aws:codebuild:eu-central-1:123456789012:project/app");
    assert_eq!(created["timeoutInMinutes"], 60);
    assert_eq!(created["somethingNew"], json!({ "kept": [1] }));
    assert_eq!(created["source"]["gitCloneDepth"], 1);
    assert!(created["created"].is_number());
    let (code, message) = stand.refused("CreateProject", project).await;
    assert_eq!(code, "ResourceAlreadyExistsException");
    assert_eq!(message, "Project already exists: arn:aws:codebuild:eu-central-1:123456789012:project/app");

    let found = stand.ok("BatchGetProjects", json!({ "names": ["app", "other"] })).await;
    assert_eq!(found, json!({ "projects": [created], "projectsNotFound": ["other"] }));
    let changed = json!({ "name": "app", "timeoutInMinutes": 7, "concurrentBuildLimit": -1 });
    let changed = stand.ok("UpdateProject", changed).await["project"].take();
    assert_eq!((&changed["timeoutInMinutes"], &changed["serviceRole"]), (&json!(7), &json!("role")));
    assert!(changed.get("concurrentBuildLimit").is_none());
    assert_eq!(stand.ok("ListProjects", json!({})).await, json!({ "projects": ["app"] }));
    for _ in 0..2 {
        assert_eq!(stand.ok("DeleteProject", json!({ "name": "app" })).await, json!({}));
    }
    assert_eq!(stand.ok("ListProjects", json!({})).await, json!({ "projects": [] }));
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let stand = Stand::new();
    let expected = "Project cannot be found: arn:aws:codebuild:eu-central-1:123456789012:project/nope";
    for (action, input) in [
        ("StartBuild", json!({ "projectName": "nope" })),
        ("ListBuildsForProject", json!({ "projectName": "nope" })),
        ("UpdateProject", json!({ "name": "nope" })),
    ] {
        let refusal = stand.refused(action, input).await;
        assert_eq!(refusal, ("ResourceNotFoundException".into(), expected.into()), "{action}");
    }
    for action in ["StopBuild", "RetryBuild"] {
        assert_eq!(stand.refused(action, json!({ "id": "nope:1" })).await.0, "ResourceNotFoundException");
    }
    let found = stand.ok("BatchGetBuilds", json!({ "ids": ["nope:1"] })).await;
    assert_eq!(found, json!({ "builds": [], "buildsNotFound": ["nope:1"] }));
    assert_eq!(stand.refused("ListReports", json!({})).await.0, "UnknownOperationException");
}

#[tokio::test]
async fn bad_input_is_refused_and_starts_nothing() {
    let stand = Stand::new();
    stand.inline(QUICK).await;
    let environment = json!({ "type": "LINUX_CONTAINER", "image": "img", "computeType": "BUILD_GENERAL1_SMALL" });
    let create = |member: &str, value: Value| {
        let mut input = json!({
            "name": "other", "serviceRole": "role", "artifacts": { "type": "NO_ARTIFACTS" },
            "source": { "type": "GITHUB", "location": "x" }, "environment": environment,
        });
        input[member] = value;
        ("CreateProject", input)
    };
    let start = |member: &str, value: Value| ("StartBuild", json!({ "projectName": "app", member: value }));
    for (action, input) in [
        create("name", json!("../escape")),
        create("name", json!("a")),
        create("serviceRole", Value::Null),
        create("artifacts", json!({ "type": "TAPE" })),
        create("source", json!({ "type": "GITHUB" })),
        create("source", json!({ "type": "FLOPPY", "location": "x" })),
        create("source", json!({ "type": "NO_SOURCE" })),
        create("environment", json!({ "type": "LINUX_CONTAINER", "image": "img" })),
        create("timeoutInMinutes", json!(4)),
        create("concurrentBuildLimit", json!(0)),
        ("StartBuild", json!({})),
        start("timeoutInMinutesOverride", json!(2161)),
        start("sourceVersion", json!(7)),
        start("environmentVariablesOverride", json!([{ "name": "", "value": "x" }])),
        start("environmentVariablesOverride", json!([{ "name": "A=B", "value": "x" }])),
        start("environmentVariablesOverride", json!([{ "name": "A" }])),
        start("environmentVariablesOverride", json!([{ "name": "A", "value": "x", "type": "SECRET" }])),
        start("computeTypeOverride", json!("HUGE")),
        ("BatchGetBuilds", json!({})),
        ("BatchGetBuilds", json!({ "ids": [] })),
        ("ListBuilds", json!({ "sortOrder": "RANDOM" })),
        ("ListBuilds", json!({ "nextToken": "nope" })),
    ] {
        let (code, message) = stand.refused(action, input.clone()).await;
        assert_eq!(code, "InvalidInputException", "{action} {input}: {message}");
    }
    assert_eq!(stand.ok("ListBuilds", json!({})).await, json!({ "ids": [] }));
}

#[tokio::test]
async fn a_token_stands_for_one_request() {
    let stand = Stand::new();
    stand.inline(QUICK).await;
    let request = json!({ "idempotencyToken": "t", "imageOverride": "img" });
    let id = stand.start(request.clone()).await;
    assert_eq!(stand.start(request.clone()).await, id);
    stand.complete(&id).await;
    assert_eq!(stand.start(request).await, id);
    let other = json!({ "projectName": "app", "idempotencyToken": "t", "imageOverride": "other" });
    let (code, message) = stand.refused("StartBuild", other).await;
    assert_eq!(code, "InvalidInputException");
    assert!(message.contains("parameter mismatch"), "{message}");
    assert_ne!(stand.start(json!({ "idempotencyToken": "u", "imageOverride": "other" })).await, id);
    assert_ne!(stand.start(json!({})).await, stand.start(json!({})).await);
}

#[tokio::test]
async fn a_token_is_forgotten_after_five_minutes() {
    let stand = Stand::with(4, Duration::from_millis(20));
    stand.inline(QUICK).await;
    let request = json!({ "idempotencyToken": "t", "timeoutInMinutesOverride": 2160 });
    let first = stand.start(request.clone()).await;
    tokio::time::timeout(super::DEADLINE, async { while stand.start(request.clone()).await == first {} })
        .await
        .expect("another build in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_requests_at_once_with_one_token_start_one_build() {
    let stand = Stand::new();
    stand.inline(QUICK).await;
    let url = serve(&stand).await;
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let client = Client::new(&url);
        requests.spawn(async move {
            let input = json!({ "projectName": "app", "idempotencyToken": "same" });
            client.call("codebuild", "CodeBuild_20161006.StartBuild", &input).await.expect("a build")
        });
    }
    let answers = requests.join_all().await;
    let ids: BTreeSet<_> = answers.iter().map(|answer| answer["build"]["id"].to_string()).collect();
    assert_eq!((answers.len(), ids.len()), (50, 1));
    let listed = stand.ok("ListBuilds", json!({})).await;
    assert_eq!(listed["ids"].as_array().map(Vec::len), Some(1));
    assert_eq!(stand.refused("StartBuild", json!({ "projectName": "no" })).await.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_project_has_no_more_builds_under_way_than_its_limit() {
    let stand = Stand::new();
    stand.inline("version: 0.2\nphases: { build: { commands: [ 'sleep 100000' ] } }").await;
    stand.ok("UpdateProject", json!({ "name": "app", "concurrentBuildLimit": 1 })).await;
    let id = stand.start(json!({ "idempotencyToken": "t" })).await;
    let (code, _) = stand.refused("StartBuild", json!({ "projectName": "app" })).await;
    assert_eq!(code, "AccountLimitExceededException");
    // The same request is no new build.
    assert_eq!(stand.start(json!({ "idempotencyToken": "t" })).await, id);
    stand.ok("StopBuild", json!({ "id": id })).await;
    assert_eq!(stand.build(json!({ "buildspecOverride": QUICK })).await["buildNumber"], 2);
}

#[tokio::test]
async fn builds_are_listed_newest_first_in_pages() {
    let stand = Stand::with(1, Duration::from_mins(1));
    stand.inline(QUICK).await;
    let mut ids = Vec::new();
    for _ in 0..103 {
        ids.push(stand.start(json!({})).await);
    }
    let input = json!({ "projectName": "app", "sortOrder": "ASCENDING" });
    assert_eq!(stand.ok("ListBuildsForProject", input).await["ids"], json!(ids[..100]));
    ids.reverse();
    let first = stand.ok("ListBuilds", json!({})).await;
    assert_eq!(first["ids"], json!(ids[..100]));
    let rest = stand.ok("ListBuilds", json!({ "nextToken": first["nextToken"] })).await;
    assert_eq!(rest, json!({ "ids": ids[100..] }));
    let arn = stand.describe(&ids[0]).await["arn"].take();
    assert_eq!(stand.describe(arn.as_str().expect("an ARN")).await["id"], ids[0].as_str());
    stand.service.shutdown().await;
}

#[tokio::test]
async fn overrides_show_in_the_build_and_a_retry_repeats_them() {
    let stand = Stand::new();
    stand.inline(QUICK).await;
    let request = json!({
        "imageOverride": "img", "privilegedModeOverride": true, "computeTypeOverride": "BUILD_GENERAL1_LARGE",
        "serviceRoleOverride": "other", "timeoutInMinutesOverride": 9, "gitCloneDepthOverride": 2,
        "environmentVariablesOverride": [{ "name": "PROJECT", "value": "request", "type": "PLAINTEXT" }],
        "artifactsOverride": { "type": "NO_ARTIFACTS", "encryptionDisabled": true }, "idempotencyToken": "t",
    });
    let build = stand.build(request).await;
    let retried = stand.ok("RetryBuild", json!({ "id": build["id"] })).await["build"].take();
    assert_ne!(build["id"], retried["id"]);
    for build in [&build, &retried] {
        let environment = &build["environment"];
        assert_eq!(environment["image"], "img");
        assert_eq!(environment["privilegedMode"], true);
        assert_eq!(environment["computeType"], "BUILD_GENERAL1_LARGE");
        assert_eq!(environment["environmentVariables"][0]["value"], "request");
        assert_eq!(build["source"]["gitCloneDepth"], 2);
        assert_eq!(build["artifacts"], json!({ "encryptionDisabled": true, "location": "" }));
        assert_eq!(build["serviceRole"], "other");
        assert_eq!(build["timeoutInMinutes"], 9);
    }
    assert_eq!(retried["buildNumber"], 2);
    stand.service.shutdown().await;
}

#[tokio::test]
async fn the_log_can_be_read_and_followed() {
    let stand = Stand::new();
    let command = "echo begun; while test ! -e go; do sleep 0.01; done; echo done";
    stand.inline(&format!("version: 0.2\nphases: {{ build: {{ commands: [ '{command}' ] }} }}")).await;
    let url = serve(&stand).await;
    let http = local_protocol::http();
    let id = stand.start(json!({})).await;
    let path = format!("{url}/builds/{}/log", id.replace(':', "/"));
    let mut following = http.get(format!("{path}?follow=1")).send().await.expect("an answer");
    assert_eq!(following.headers()["content-type"], "text/plain; charset=utf-8");
    let mut followed = String::new();
    while !followed.contains("\nbegun\n") {
        let chunk = following.chunk().await.expect("a chunk").expect("more");
        followed.push_str(&String::from_utf8_lossy(&chunk));
    }
    let so_far = http.get(&path).send().await.expect("an answer").text().await.expect("a text");
    assert!(so_far.contains("\nbegun\n") && !so_far.contains("\ndone\n"), "{so_far}");
    let go = stand.directory.path().join("builds").join(id.replace(':', "/")).join("src/go");
    std::fs::write(go, "").expect("a file");
    while let Some(chunk) = following.chunk().await.expect("a chunk") {
        followed.push_str(&String::from_utf8_lossy(&chunk));
    }
    let build = stand.complete(&id).await;
    assert_eq!(followed, stand.log(&build));
    assert!(followed.contains("\ndone\n"));
    let missing = http.get(format!("{url}/builds/app/nope/log")).send().await.expect("an answer");
    assert_eq!(missing.status().as_u16(), 404);
}
