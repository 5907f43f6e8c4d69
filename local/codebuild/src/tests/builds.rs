//! Phases, failures, variables.

use serde_json::json;

use super::{Stand, context, phases};

const SUCCEEDED: [&str; 11] = [
    "SUBMITTED SUCCEEDED",
    "QUEUED SUCCEEDED",
    "PROVISIONING SUCCEEDED",
    "DOWNLOAD_SOURCE SUCCEEDED",
    "INSTALL SUCCEEDED",
    "PRE_BUILD SUCCEEDED",
    "BUILD SUCCEEDED",
    "POST_BUILD SUCCEEDED",
    "UPLOAD_ARTIFACTS SUCCEEDED",
    "FINALIZING SUCCEEDED",
    "COMPLETED -",
];

#[tokio::test]
async fn a_build_runs_the_buildspec_of_its_repository() {
    let stand = Stand::new();
    let spec = "version: 0.2\nphases: { build: { commands: [ 'cat greeting' ] } }\nartifacts: { files: [ '**/*' ] }\n";
    let commit = stand.repository(&[("buildspec.yml", spec), ("greeting", "hello\n")]).await;
    let build = stand.build(json!({ "sourceVersion": "main" })).await;
    assert_eq!(build["buildStatus"], "SUCCEEDED", "{}", stand.log(&build));
    assert_eq!(phases(&build), SUCCEEDED);
    assert_eq!(build["sourceVersion"], "main");
    assert_eq!(build["resolvedSourceVersion"], commit.as_str());
    assert_eq!(build["currentPhase"], "COMPLETED");
    assert_eq!(build["buildComplete"], true);
    assert_eq!(build["buildNumber"], 1);
    let id = build["id"].as_str().expect("an id");
    assert_eq!(build["arn"], format!("arn:aws:codebuild:eu-central-1:123456789012:build/{id}"));
    let (start, end) = (build["startTime"].as_f64(), build["endTime"].as_f64());
    assert!(start.is_some() && start <= end, "{build}");
    let (_, uuid) = id.split_once(':').expect("project:uuid");
    assert_eq!(build["logs"]["streamName"], uuid);
    assert_eq!(build["logs"]["deepLink"], format!("http://127.0.0.1:4001/builds/app/{uuid}/log"));
    assert_eq!(stand.output(&build), "hello");
    let log = stand.log(&build);
    for line in ["Entering phase INSTALL", "Running command cat greeting", "Phase complete: BUILD State: SUCCEEDED"] {
        assert!(log.lines().any(|found| found.starts_with("[Container] 2") && found.ends_with(line)), "{line}: {log}");
    }
    assert!(log.contains("artifacts are not uploaded"));
}

#[tokio::test]
async fn post_build_runs_after_a_failed_build_and_knows_of_it() {
    let (stand, build) = Stand::build_of(
        "version: 0.2
phases:
  pre_build: { commands: [ 'echo pre $CODEBUILD_BUILD_SUCCEEDING' ] }
  build: { commands: [ 'false', 'echo never' ] }
  post_build: { commands: [ 'echo post $CODEBUILD_BUILD_SUCCEEDING' ] }
",
    )
    .await;
    assert_eq!(build["buildStatus"], "FAILED");
    assert_eq!(stand.output(&build), "pre 1\npost 0");
    assert_eq!(
        phases(&build)[6..],
        ["BUILD FAILED", "POST_BUILD SUCCEEDED", "UPLOAD_ARTIFACTS SUCCEEDED", "FINALIZING SUCCEEDED", "COMPLETED -"]
    );
    let expected = "Error while executing command: false. Reason: exit status 1";
    assert_eq!(context(&build, "BUILD"), ("COMMAND_EXECUTION_ERROR".into(), expected.into()));
}

#[tokio::test]
async fn nothing_is_built_after_a_failed_install_or_pre_build() {
    for (phase, name) in [("install", "INSTALL"), ("pre_build", "PRE_BUILD")] {
        let (stand, build) = Stand::build_of(&format!(
            "version: 0.2\nphases:\n  {phase}: {{ commands: [ 'false' ] }}\n  build: {{ commands: [ 'echo never' ] }}\n  \
             post_build: {{ commands: [ 'echo never' ] }}\n"
        ))
        .await;
        assert_eq!(build["buildStatus"], "FAILED");
        let phases = phases(&build);
        assert_eq!(phases[phases.len() - 3..], [&format!("{name} FAILED"), "FINALIZING SUCCEEDED", "COMPLETED -"]);
        assert_eq!(stand.output(&build), "");
    }
}

#[tokio::test]
async fn finally_runs_after_a_failure_and_its_own_failure_counts() {
    let (stand, build) = Stand::build_of(
        "version: 0.2
phases:
  build:
    commands: [ 'echo one', 'false', 'echo never' ]
    finally: [ 'echo finally $CODEBUILD_BUILD_SUCCEEDING' ]
  post_build:
    commands: [ 'echo two' ]
    finally: [ 'exit 9', 'echo never' ]
",
    )
    .await;
    assert_eq!(stand.output(&build), "one\nfinally 0\ntwo");
    assert_eq!(context(&build, "POST_BUILD").1, "Error while executing command: exit 9. Reason: exit status 9");
}

#[tokio::test]
async fn on_failure_decides_what_follows() {
    for (phase, on_failure, expected) in [
        ("pre_build", "CONTINUE", "build 0\npost 0"),
        ("pre_build", "ABORT", ""),
        ("build", "ABORT", ""),
        ("build", "CONTINUE", "post 0"),
    ] {
        let other =
            if phase == "build" { "" } else { "  build: { commands: [ 'echo build $CODEBUILD_BUILD_SUCCEEDING' ] }\n" };
        let (stand, build) = Stand::build_of(&format!(
            "version: 0.2\nphases:\n  {phase}: {{ on-failure: {on_failure}, commands: [ 'false' ] }}\n{other}  \
             post_build: {{ commands: [ 'echo post $CODEBUILD_BUILD_SUCCEEDING' ] }}\n"
        ))
        .await;
        assert_eq!(stand.output(&build), expected, "{phase} {on_failure}");
        assert_eq!(build["buildStatus"], "FAILED");
    }
}

#[tokio::test]
async fn a_phase_is_retried_as_often_as_it_says() {
    let (stand, build) = Stand::build_of(
        "version: 0.2
phases:
  build:
    on-failure: RETRY-2
    commands: [ 'echo x >>tries; test $(wc -l <tries) -eq 3' ]
    finally: [ 'echo finally' ]
",
    )
    .await;
    assert_eq!(build["buildStatus"], "SUCCEEDED");
    assert_eq!(stand.output(&build), "finally\nfinally\nfinally");
}

#[tokio::test]
async fn exported_variables_are_told_with_the_build() {
    let (_, build) = Stand::build_of(
        "version: 0.2
env:
  variables: { FIRST: 1.10 }
  exported-variables: [ FIRST, IMAGE, PLAIN, MISSING, AWS_REGION ]
phases:
  build: { commands: [ 'export IMAGE=app:${CODEBUILD_BUILD_NUMBER}', 'PLAIN=\"two words\"' ] }
",
    )
    .await;
    let expected = json!([
        { "name": "FIRST", "value": "1.10" },
        { "name": "IMAGE", "value": "app:1" },
        { "name": "PLAIN", "value": "two words" },
    ]);
    assert_eq!(build["exportedEnvironmentVariables"], expected);
}

#[tokio::test]
async fn the_request_beats_the_project_and_the_project_the_buildspec() {
    let stand = Stand::new();
    let spec = "version: 0.2
env: { variables: { PROJECT: spec, REQUEST: spec, SPEC: spec, CODEBUILD_CI: spec } }
phases:
  build:
    commands:
      - echo $FROM_SETTINGS $PROJECT $REQUEST $SPEC $CODEBUILD_CI $AWS_REGION [$CARGO_MANIFEST_DIR]
      - echo $CODEBUILD_BUILD_ID $CODEBUILD_BUILD_ARN $CODEBUILD_SOURCE_VERSION $CODEBUILD_RESOLVED_SOURCE_VERSION
      - test \"$CODEBUILD_SRC_DIR\" = \"$PWD\"
      - test \"$CODEBUILD_START_TIME\" -gt 1600000000000
      - echo $CODEBUILD_SOURCE_REPO_URL $CODEBUILD_INITIATOR $CODEBUILD_LOG_PATH
";
    let commit = stand.repository(&[("buildspec.yml", spec)]).await;
    let overrides = json!([
        { "name": "REQUEST", "value": "request", "type": "PLAINTEXT" },
        { "name": "OTHER", "value": "" },
    ]);
    let build = stand.build(json!({ "environmentVariablesOverride": overrides })).await;
    assert_eq!(build["buildStatus"], "SUCCEEDED", "{}", stand.log(&build));
    let (id, arn) = (build["id"].as_str().expect("an id"), build["arn"].as_str().expect("an ARN"));
    let location = build["source"]["location"].as_str().expect("a location");
    let log = build["logs"]["streamName"].as_str().expect("a stream");
    let expected = format!(
        "settings project request spec true eu-central-1 []\n{id} {arn} {commit} {commit}\n{location} local {log}"
    );
    assert_eq!(stand.output(&build), expected);
    let variables = &build["environment"]["environmentVariables"];
    assert_eq!(variables.as_array().map(Vec::len), Some(3), "{variables}");
    assert_eq!(variables[2], json!({ "name": "OTHER", "value": "", "type": "PLAINTEXT" }));
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_fails_the_build_by_name() {
    let stand = Stand::new();
    stand.inline("version: 0.2\nphases: { build: { commands: [ 'echo never' ] } }").await;
    let variable = json!([{ "name": "TOKEN", "value": "app/token", "type": "SECRETS_MANAGER" }]);
    let build = stand.build(json!({ "environmentVariablesOverride": variable })).await;
    assert_eq!(build["buildStatus"], "FAILED");
    assert!(context(&build, "DOWNLOAD_SOURCE").1.contains("TOKEN is of type SECRETS_MANAGER"));
}
