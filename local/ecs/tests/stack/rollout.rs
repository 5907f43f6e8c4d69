//! Services with real containers: rollouts that pass, fail, are superseded and are stopped.

use crate::support::{ask, stack};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_takes_over_and_no_request_fails() {
    let Some(mut stack) = stack("good").await else { return };
    let first = stack.version("one", "true").await;
    let created = stack.service(&first, 2).await;
    assert_eq!(created["deployments"][0]["rolloutState"], "IN_PROGRESS");
    let done = stack.ended(&created["currentServiceDeployment"]).await;
    assert_eq!(done["status"], "SUCCESSFUL", "{done:#}");
    let address = stack.ecs.address("demo", "web").expect("an address");

    let (stop, asking) = ask(address.clone());
    let second = stack.version("two", "true").await;
    let updated = stack.update(&second).await;
    assert_eq!(updated["deployments"][0]["status"], "PRIMARY");
    assert_eq!(updated["deployments"][1]["status"], "ACTIVE");
    let done = stack.ended(&updated["currentServiceDeployment"]).await;
    assert_eq!(done["status"], "SUCCESSFUL", "{done:#}");
    assert_eq!(done["deploymentCircuitBreaker"]["status"], "MONITORING_COMPLETE");
    stop.cancel();
    assert_eq!(asking.await.expect("no failed request"), ["one", "two"]);

    assert_eq!(stack.ecs.address("demo", "web"), Some(address), "the port stays");
    let targets = stack.targets("arn:local:web").await;
    assert_eq!(targets.matches("<State>healthy</State>").count(), 2, "{targets}");
    assert_eq!(targets.matches("<State>").count(), 2, "{targets}");
    let service = stack.described().await;
    assert_eq!(service["deployments"].as_array().map(Vec::len), Some(1));
    assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!((&service["runningCount"], &service["pendingCount"]), (&json!(2), &json!(0)));
    let notes: Vec<&str> =
        service["events"].as_array().into_iter().flatten().filter_map(|event| event["message"].as_str()).collect();
    assert_eq!(notes[0], "(service web) has reached a steady state.");

    let input = json!({ "service": "web", "cluster": "demo" });
    let list = stack.call("ListServiceDeployments", input).await;
    assert_eq!(list["serviceDeployments"].as_array().map(Vec::len), Some(2));
    assert_eq!(list["serviceDeployments"][0]["serviceDeploymentArn"], done["serviceDeploymentArn"]);
    let revision = &done["targetServiceRevision"]["arn"];
    let revisions = stack.call("DescribeServiceRevisions", json!({ "serviceRevisionArns": [revision] })).await;
    assert_eq!(revisions["serviceRevisions"][0]["taskDefinition"], second.as_str());

    let events = stack.emitted();
    let named: Vec<&Value> = events
        .iter()
        .filter(|event| event.detail_type == "ECS Deployment State Change")
        .map(|event| &event.detail["eventName"])
        .collect();
    let (begun, completed) = ("SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED");
    assert_eq!(named, [begun, completed, begun, completed]);
    let running = events
        .iter()
        .filter(|event| event.detail_type == "ECS Task State Change" && event.detail["lastStatus"] == "RUNNING");
    assert!(running.count() >= 4, "each of the four tasks said that it runs");
    stack.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_never_gets_healthy_is_rolled_back_while_the_old_one_serves() {
    let Some(mut stack) = stack("bad").await else { return };
    let first = stack.version("one", "true").await;
    let created = stack.service(&first, 1).await;
    stack.ended(&created["currentServiceDeployment"]).await;
    let (stop, asking) = ask(stack.ecs.address("demo", "web").expect("an address"));

    let second = stack.version("two", "false").await;
    let updated = stack.update(&second).await;
    let done = stack.ended(&updated["currentServiceDeployment"]).await;
    assert_eq!(done["status"], "ROLLBACK_SUCCESSFUL", "{done:#}");
    assert_eq!(done["deploymentCircuitBreaker"], json!({ "status": "TRIGGERED", "failureCount": 3, "threshold": 3 }));
    assert_eq!(done["rollback"]["serviceRevisionArn"], done["sourceServiceRevisions"][0]["arn"]);
    stop.cancel();
    assert_eq!(asking.await.expect("no failed request"), ["one"]);
    let service = stack.described().await;
    assert_eq!(service["taskDefinition"], first.as_str());
    assert_eq!(service["deployments"][0]["taskDefinition"], first.as_str());
    assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
    let failed = stack.emitted().into_iter().find(|event| event.detail["eventName"] == "SERVICE_DEPLOYMENT_FAILED");
    assert_eq!(failed.expect("an event").detail["deploymentId"], updated["deployments"][0]["id"]);
    stack.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_that_cannot_be_pulled_and_programs_that_end_count_as_failed() {
    let Some(stack) = stack("fail").await else { return };
    let none = "localhost/longshore-no-such-image";
    for (image, words) in [("localhost/longshore-ecs-test", json!(["sh", "-c", "exit 3"])), (none, json!(["true"]))] {
        let container =
            json!({ "name": "web", "image": image, "command": words, "portMappings": [{ "containerPort": 80 }] });
        let input = json!({ "family": "web", "memory": "64", "containerDefinitions": [container] });
        stack.call("RegisterTaskDefinition", input).await;
    }
    let created = stack.service("web:1", 1).await;
    let done = stack.ended(&created["currentServiceDeployment"]).await;
    assert_eq!(done["status"], "ROLLBACK_FAILED", "nothing to go back to: {done:#}");
    let listed = stack.call("ListTasks", json!({ "cluster": "demo", "desiredStatus": "STOPPED" })).await;
    let tasks = stack.call("DescribeTasks", json!({ "cluster": "demo", "tasks": listed["taskArns"] })).await;
    assert_eq!(tasks["tasks"][0]["stoppedReason"], "Essential container in task exited");
    assert_eq!(tasks["tasks"][0]["containers"][0]["exitCode"], 3);

    let task = stack.call("RunTask", json!({ "cluster": "demo", "taskDefinition": "web:2" })).await["tasks"][0].clone();
    let stopped = stack.stopped(&task).await;
    let reason = stopped["stoppedReason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("CannotPullContainerError"), "{reason}");
    assert_eq!(stopped["stopCode"], "TaskFailedToStart");
    stack.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_deployment_supersedes_and_a_stopped_one_is_rolled_back() {
    let Some(stack) = stack("stop").await else { return };
    let first = stack.version("one", "true").await;
    let created = stack.service(&first, 1).await;
    stack.ended(&created["currentServiceDeployment"]).await;
    let (stop, asking) = ask(stack.ecs.address("demo", "web").expect("an address"));

    // Neither healthy nor unhealthy for long: its start period has no end that matters here.
    let slow = stack.version("slow", "sleep 4; false").await;
    let second = stack.update(&slow).await["currentServiceDeployment"].clone();
    let third = stack.version("three", "true").await;
    let updated = stack.update(&third).await["currentServiceDeployment"].clone();
    assert_eq!(stack.ended(&second).await["status"], "STOPPED");
    assert_eq!(stack.ended(&updated).await["status"], "SUCCESSFUL");

    let fourth = stack.update(&slow).await["currentServiceDeployment"].clone();
    let input = json!({ "serviceDeploymentArn": fourth, "stopType": "ROLLBACK" });
    assert_eq!(stack.call("StopServiceDeployment", input.clone()).await["serviceDeploymentArn"], fourth);
    let done = stack.ended(&fourth).await;
    assert_eq!(done["status"], "ROLLBACK_SUCCESSFUL", "{done:#}");
    assert_eq!(stack.refused("StopServiceDeployment", input).await.0, "ConflictException");
    stop.cancel();
    assert_eq!(asking.await.expect("no failed request"), ["one", "three"]);
    assert_eq!(stack.described().await["taskDefinition"], third.as_str());

    let refused = stack.refused("DeleteService", json!({ "cluster": "demo", "service": "web" })).await;
    assert_eq!(refused.0, "InvalidParameterException");
    stack.call("DeleteService", json!({ "cluster": "demo", "service": "web", "force": true })).await;
    stack.until("deleted service", async || (stack.described().await["status"] == "INACTIVE").then_some(())).await;
    stack.close().await;
}
