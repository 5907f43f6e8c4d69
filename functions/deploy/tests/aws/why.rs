//! Why a deployment failed, as ECS tells it.

use longshore_deploy::aws::ecs::Services;
use serde_json::json;

use crate::{
    done,
    script::{Script, says},
};

const OURS: &str = "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:8";
const OTHER: &str = "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:7";
const DEPLOYMENT: &str = "arn:aws:ecs:eu-central-1:123456789012:service-deployment/main/web/abc";

#[tokio::test]
async fn the_events_of_the_deployment_and_the_tasks_of_its_revision_are_told() {
    let event = |at: i64, message: &str| json!({ "id": message, "createdAt": at, "message": message });
    let service = json!({
        "status": "ACTIVE", "taskDefinition": OTHER,
        "deployments": [{ "id": "ecs-svc/9", "status": "PRIMARY", "taskDefinition": OTHER, "createdAt": 1_799_999_000 }],
        "events": [
            event(1_800_009_000, "(service web) has reached a steady state."),
            event(1_800_000_100, "(service web) deployment failed: tasks failed to start."),
            event(1_800_000_010, "(service web) has started 1 tasks"),
            event(1_799_000_000, "(service web) has reached a steady state."),
        ],
    });
    let task = |id: &str, revision: &str, exit: i32| {
        json!({
            "taskArn": format!("arn:aws:ecs:eu-central-1:123456789012:task/main/{id}"), "taskDefinitionArn": revision,
            "lastStatus": "STOPPED", "stopCode": "EssentialContainerExited",
            "stoppedReason": "Essential container in task exited", "stoppedAt": 1_800_000_050,
            "containers": [{ "name": "app", "exitCode": exit, "reason": "OutOfMemoryError" }],
        })
    };
    let deployment = json!({
        "serviceDeploymentArn": DEPLOYMENT, "status": "ROLLBACK_SUCCESSFUL", "createdAt": 1_800_000_000,
        "finishedAt": 1_800_000_200,
    });
    let script = Script::new([
        says(&json!({ "services": [service] })),
        says(&json!({ "serviceDeployments": [deployment] })),
        says(&json!({ "taskArns": ["t1", "t2"] })),
        says(&json!({ "tasks": [task("t1", OURS, 137), task("t2", OTHER, 0)] })),
    ]);
    let (why, _) = done(Services::new(&script.sdk()).why("main", "web", OURS, &[DEPLOYMENT]).await);
    assert_eq!(
        why.events,
        ["(service web) deployment failed: tasks failed to start.", "(service web) has started 1 tasks"]
    );
    let [task] = &why.tasks[..] else { panic!("one task of the revision: {:?}", why.tasks) };
    assert_eq!(
        (task.id.as_str(), task.reason.as_str()),
        ("t1", "EssentialContainerExited: Essential container in task exited")
    );
    assert_eq!(task.containers, [("app".to_owned(), Some(137), Some("OutOfMemoryError".to_owned()))]);
    let calls = script.calls();
    let listed = json!({ "cluster": "main", "serviceName": "web", "desiredStatus": "STOPPED" });
    assert_eq!((calls[2].0.as_str(), &calls[2].1), ("ListTasks", &listed));
}

#[tokio::test]
async fn a_deployment_of_before_is_found_by_its_id() {
    let service = json!({
        "status": "ACTIVE", "taskDefinition": OURS,
        "deployments": [{ "id": "ecs-svc/9", "status": "PRIMARY", "taskDefinition": OURS, "createdAt": 1_800_000_000 }],
        "events": [
            { "id": "b", "createdAt": 1_800_000_001, "message": "after" },
            { "id": "a", "createdAt": 1_799_999_999, "message": "before" },
        ],
    });
    let script = Script::new([says(&json!({ "services": [service] })), says(&json!({ "taskArns": [] }))]);
    let (why, _) = done(Services::new(&script.sdk()).why("main", "web", OURS, &["ecs-svc/9"]).await);
    assert_eq!((why.events.as_slice(), why.tasks.len()), (&["after".to_owned()][..], 0));
    script.asked();
}
