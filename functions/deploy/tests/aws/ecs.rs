//! ECS's services and tasks, as they go over the wire.

use std::collections::BTreeMap;

use longshore_deploy::aws::{
    Call,
    ecs::{Controller, Rollout, RunTask, Services},
};
use serde_json::{Value, json};

use crate::{
    done, refused,
    script::{Said, Script, refuses, says},
};

const REVISION: &str = "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:8";
const TASK: &str = "arn:aws:ecs:eu-central-1:123456789012:task/main/0a1b";

fn ecs(script: &Script) -> Services {
    Services::new(&script.sdk())
}

fn service() -> Value {
    json!({
        "serviceArn": "arn:aws:ecs:eu-central-1:123456789012:service/main/web",
        "clusterArn": "arn:aws:ecs:eu-central-1:123456789012:cluster/main",
        "status": "ACTIVE", "desiredCount": 2, "runningCount": 1, "pendingCount": 1,
        "taskDefinition": REVISION,
        "launchType": "FARGATE", "platformVersion": "LATEST",
        "networkConfiguration": { "awsvpcConfiguration": {
            "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED",
        } },
        "loadBalancers": [{
            "targetGroupArn": "arn:blue", "containerName": "app", "containerPort": 8080,
            "advancedConfiguration": { "alternateTargetGroupArn": "arn:green" },
        }],
        "currentServiceRevisions": [{ "arn": "arn:revision/1", "runningTaskCount": 1 }],
        "deployments": [{
            "id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": REVISION, "rolloutState": "IN_PROGRESS",
            "rolloutStateReason": "ECS deployment ecs-svc/1 in progress.", "createdAt": 1_800_000_000,
        }],
        "events": [{ "id": "e", "createdAt": 1_800_000_001, "message": "(service web) has started 1 tasks" }],
    })
}

fn described(service: &Value) -> Said {
    says(&json!({ "services": [service], "failures": [] }))
}

#[tokio::test]
async fn a_service_is_told_with_all_that_a_deployment_needs() {
    let script = Script::new([described(&service())]);
    let found = done(ecs(&script).service("main", "web").await);
    assert_eq!((found.controller, found.desired, found.running), (Controller::Ecs, 2, 1));
    assert_eq!(
        (found.task_definition.as_str(), found.revisions.as_slice()),
        (REVISION, &["arn:revision/1".to_owned()][..])
    );
    assert!(found.cluster.ends_with(":cluster/main"));
    let target = &found.targets[0];
    assert_eq!(
        (target.groups.join(" "), target.container.as_str(), target.port),
        ("arn:blue arn:green".into(), "app", 8080)
    );
    let deployment = &found.deployments[0];
    assert_eq!((deployment.id.as_str(), deployment.primary), ("ecs-svc/1", true));
    assert_eq!(deployment.created.map(jiff::Timestamp::as_second), Some(1_800_000_000));
    assert_eq!(found.events[0].message, "(service web) has started 1 tasks");
    assert_eq!(script.calls(), [("DescribeServices".to_owned(), json!({ "cluster": "main", "services": ["web"] }))]);
}

#[tokio::test]
async fn a_service_under_another_controller_says_so_and_has_its_task_sets_revision() {
    let mut service = service();
    service["deploymentController"] = json!({ "type": "CODE_DEPLOY" });
    for gone in
        ["taskDefinition", "launchType", "platformVersion", "loadBalancers", "networkConfiguration", "deployments"]
    {
        service.as_object_mut().expect("members").remove(gone);
    }
    service["taskSets"] = json!([
        { "status": "ACTIVE", "taskDefinition": "web:9" },
        {
            "status": "PRIMARY", "taskDefinition": REVISION, "launchType": "FARGATE", "platformVersion": "1.4.0",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
            "loadBalancers": [{ "targetGroupArn": "arn:blue", "containerName": "app", "containerPort": 80 }],
        },
    ]);
    let found = done(ecs(&Script::new([described(&service)])).service("main", "web").await);
    assert_eq!((found.controller, found.task_definition.as_str()), (Controller::CodeDeploy, REVISION));
    assert_eq!(found.launch.platform_version.as_deref(), Some("1.4.0"));
    assert!(found.launch.network.is_some() && found.targets[0].port == 80);
    service["deploymentController"] = json!({ "type": "EXTERNAL" });
    let found = done(ecs(&Script::new([described(&service)])).service("main", "web").await);
    assert_eq!(found.controller, Controller::External);
}

#[tokio::test]
async fn a_service_that_is_not_there_or_not_active_is_a_refusal() {
    let script = Script::new([says(&json!({ "services": [], "failures": [{ "arn": "web", "reason": "MISSING" }] }))]);
    assert_eq!(refused(ecs(&script).service("main", "web").await), "the cluster main has no service web");
    let mut draining = service();
    draining["status"] = json!("DRAINING");
    let why = refused(ecs(&Script::new([described(&draining)])).service("main", "web").await);
    assert_eq!(why, "the service web is DRAINING");
}

#[tokio::test]
async fn a_service_is_restarted_only_where_it_is_asked_for() {
    let script = Script::new([says(&json!({})), says(&json!({}))]);
    done(ecs(&script).tell("main", "web", REVISION, false).await);
    done(ecs(&script).tell("main", "web", REVISION, true).await);
    let request = json!({ "cluster": "main", "service": "web", "taskDefinition": REVISION });
    let mut forced = request.clone();
    forced["forceNewDeployment"] = json!(true);
    assert_eq!(script.calls(), [("UpdateService".to_owned(), request), ("UpdateService".to_owned(), forced)]);
}

#[tokio::test]
async fn the_newest_of_a_family_is_not_that_of_another_with_the_same_beginning() {
    let arns = ["web-worker:9", "web:8", "web:7"].map(|name| format!("arn:aws:ecs:x:1:task-definition/{name}"));
    let script = Script::new([says(&json!({ "taskDefinitionArns": arns }))]);
    let newest = done(ecs(&script).newest_of_family("web").await);
    assert_eq!(newest.as_deref(), Some("arn:aws:ecs:x:1:task-definition/web:8"));
    let request = json!({ "familyPrefix": "web", "sort": "DESC", "maxResults": 10 });
    assert_eq!(script.calls(), [("ListTaskDefinitions".to_owned(), request)]);
}

async fn run(script: &Script) -> anyhow::Result<Call<String>> {
    let found = done(ecs(&Script::new([described(&service())])).service("main", "web").await);
    let tags = BTreeMap::from([("longshore:release".to_owned(), "01JD".to_owned())]);
    let command = ["./migrate".to_owned(), "--all".to_owned()];
    let run = RunTask {
        cluster: "main",
        task_definition: REVISION,
        launch: &found.launch,
        container: "app",
        command: &command,
        started_by: "longshore/01JD",
        client_token: "01JD-0-0",
        tags: &tags,
    };
    ecs(script).run_task(&run).await
}

#[tokio::test]
async fn a_task_runs_once_as_its_service_would_run_it() {
    let script = Script::new([says(&json!({ "tasks": [{ "taskArn": TASK }], "failures": [] }))]);
    assert_eq!(done(run(&script).await), TASK);
    let request = json!({
        "cluster": "main", "taskDefinition": REVISION, "count": 1,
        "launchType": "FARGATE", "platformVersion": "LATEST",
        "networkConfiguration": service()["networkConfiguration"],
        "overrides": { "containerOverrides": [{ "name": "app", "command": ["./migrate", "--all"] }] },
        "startedBy": "longshore/01JD", "clientToken": "01JD-0-0",
        "tags": [{ "key": "longshore:release", "value": "01JD" }],
    });
    assert_eq!(script.calls(), [("RunTask".to_owned(), request)]);
}

#[tokio::test]
async fn a_task_that_cannot_start_is_a_refusal_and_one_of_the_same_token_is_it() {
    let failure = json!({ "arn": "arn:instance", "reason": "RESOURCE:MEMORY", "detail": "512 missing" });
    let script = Script::new([says(&json!({ "tasks": [], "failures": [failure] }))]);
    assert_eq!(refused(run(&script).await), "RESOURCE:MEMORY: 512 missing");
    let script =
        Script::new([refuses(400, "InvalidParameterException", "Override for container named app is invalid")]);
    assert_eq!(refused(run(&script).await), "Override for container named app is invalid");
    assert!(run(&Script::new([says(&json!({}))])).await.is_err(), "neither nor");
    let conflict = json!({ "__type": "ConflictException", "message": "another request", "resourceIds": [TASK] });
    let script = Script::new([crate::script::said(400, &conflict.to_string())]);
    assert_eq!(done(run(&script).await), TASK);
}

#[tokio::test]
async fn a_task_tells_how_its_containers_ended() {
    let task = json!({
        "taskArn": TASK, "taskDefinitionArn": REVISION, "lastStatus": "STOPPED", "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited", "stoppedAt": 1_800_000_000.5,
        "containers": [{ "name": "app", "exitCode": 3 }, { "name": "log", "reason": "OutOfMemoryError: killed" }],
    });
    let script = Script::new([says(&json!({ "tasks": [task] })), says(&json!({ "tasks": [], "failures": [] }))]);
    let found = done(ecs(&script).task("main", TASK).await).expect("a task");
    assert!(found.is_stopped());
    assert_eq!(
        (found.id(), found.told().as_str()),
        ("0a1b", "EssentialContainerExited: Essential container in task exited")
    );
    assert_eq!(found.container("app").and_then(|app| app.exit_code), Some(3));
    assert_eq!(found.container("log").and_then(|log| log.reason.as_deref()), Some("OutOfMemoryError: killed"));
    assert_eq!(done(ecs(&script).task("main", TASK).await), None, "ECS has forgotten it");
    assert_eq!(script.calls()[0], ("DescribeTasks".to_owned(), json!({ "cluster": "main", "tasks": [TASK] })));
}

#[tokio::test]
async fn stopping_a_task_that_is_forgotten_changes_nothing() {
    let missing = || refuses(400, "InvalidParameterException", "The referenced task was not found.");
    let script = Script::new([says(&json!({})), missing(), says(&json!({ "tasks": [] }))]);
    assert!(done(ecs(&script).stop_task("main", TASK, "out of time").await));
    assert!(!done(ecs(&script).stop_task("main", TASK, "out of time").await));
    let request = json!({ "cluster": "main", "task": TASK, "reason": "out of time" });
    assert_eq!(script.calls()[0], ("StopTask".to_owned(), request));
}

#[tokio::test]
async fn a_service_without_service_deployments_is_followed_by_its_rollout_state() {
    let script = Script::new([described(&service())]);
    assert_eq!(done(ecs(&script).rollout("main", "web", REVISION).await), Rollout::Under);
    let script = Script::new([described(&service())]);
    assert_eq!(done(ecs(&script).rollout("main", "web", "web:7").await), Rollout::Gone { now: REVISION.into() });
}
