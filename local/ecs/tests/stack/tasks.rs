//! Tasks on their own, with real containers.

use crate::support::stack;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_runs_to_its_end_and_tells_its_exit_code_and_log() {
    let Some(mut stack) = stack("run").await else { return };
    let input = json!({
        "family": "job", "memory": "64",
        "containerDefinitions": [{
            "name": "job", "image": "localhost/longshore-ecs-test", "entryPoint": ["sh", "-c"],
            "command": ["echo $GREETING from $(pwd) as $(id -u); exit 7"], "user": "12", "workingDirectory": "/tmp",
            "environment": [{ "name": "GREETING", "value": "hello" }],
        }],
    });
    stack.call("RegisterTaskDefinition", input).await;
    let overrides = json!({ "containerOverrides": [{ "name": "job", "environment": [{ "name": "GREETING", "value": "servus" }] }] });
    let input = json!({ "cluster": "demo", "taskDefinition": "job", "overrides": overrides });
    let task = stack.call("RunTask", input).await["tasks"][0].clone();
    assert_eq!(task["lastStatus"], "PROVISIONING");
    let ended = stack.stopped(&task).await;
    assert_eq!(ended["containers"][0]["exitCode"], 7);
    assert_eq!(ended["stopCode"], "EssentialContainerExited");
    let log = stack.ecs.log_url(task["taskArn"].as_str().expect("an ARN"));
    assert!(log.starts_with(&stack.url));
    let text = local_protocol::http().get(log).send().await.expect("a log").text().await.expect("a text");
    assert_eq!(text, "servus from /tmp as 12\n");
    let statuses: Vec<Value> = stack
        .emitted()
        .into_iter()
        .filter(|event| event.detail_type == "ECS Task State Change")
        .map(|event| event.detail["lastStatus"].clone())
        .collect();
    assert_eq!(statuses.last(), Some(&json!("STOPPED")));
    assert!(statuses.contains(&json!("RUNNING")), "{statuses:?}");
    stack.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_of_a_task_wait_for_each_other_and_share_a_network() {
    let Some(stack) = stack("pair").await else { return };
    let image = "localhost/longshore-ecs-test";
    let input = json!({
        "family": "pair", "memory": "64", "volumes": [{ "name": "shared" }],
        "containerDefinitions": [
            {
                "name": "client", "image": image,
                "command": ["sh", "-c", "cat /shared/word; wget -qO- http://127.0.0.1:8080/"],
                "mountPoints": [{ "sourceVolume": "shared", "containerPath": "/shared" }],
                "dependsOn": [{ "containerName": "server", "condition": "HEALTHY" }],
            },
            {
                "name": "server", "image": image, "essential": true,
                "command": ["sh", "-c", "echo served > /www/index.html; httpd -f -p 8080 -h /www"],
                "healthCheck": { "command": ["CMD", "wget", "-qO-", "http://127.0.0.1:8080/"], "interval": 5 },
                "dependsOn": [{ "containerName": "prepare", "condition": "SUCCESS" }],
            },
            {
                "name": "prepare", "image": image, "essential": false, "command": ["sh", "-c", "echo prepared > /shared/word"],
                "mountPoints": [{ "sourceVolume": "shared", "containerPath": "/shared" }],
            },
        ],
    });
    stack.call("RegisterTaskDefinition", input).await;
    let task = stack.call("RunTask", json!({ "cluster": "demo", "taskDefinition": "pair" })).await["tasks"][0].clone();
    let ended = stack.stopped(&task).await;
    let log = stack.ecs.log_url(task["taskArn"].as_str().expect("an ARN"));
    let text = local_protocol::http().get(log).send().await.expect("a log").text().await.expect("a text");
    assert!(text.contains("client | prepared\n") && text.contains("client | served\n"), "{text}\n{ended:#}");
    stack.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_stopped_by_hand_and_shutdown_leaves_nothing() {
    let Some(stack) = stack("hand").await else { return };
    let container = json!({ "name": "sleep", "image": "localhost/longshore-ecs-test", "command": ["sleep", "1000"] });
    let input = json!({ "family": "sleep", "memory": "64", "containerDefinitions": [container] });
    stack.call("RegisterTaskDefinition", input).await;
    let input = json!({ "cluster": "demo", "taskDefinition": "sleep", "count": 2 });
    let tasks = stack.call("RunTask", input).await["tasks"].clone();
    stack
        .until("running tasks", async || {
            let cluster = stack.call("DescribeClusters", json!({ "clusters": ["demo"] })).await;
            (cluster["clusters"][0]["runningTasksCount"] == 2).then_some(())
        })
        .await;
    let input = json!({ "cluster": "demo", "task": tasks[0]["taskArn"], "reason": "enough" });
    stack.call("StopTask", input).await;
    let ended = stack.stopped(&tasks[0]).await;
    assert_eq!(ended["stoppedReason"], "enough");
    assert_eq!(ended["stopCode"], "UserInitiated");
    assert_eq!(ended["containers"][0]["exitCode"], 137, "the first process ignores SIGTERM");
    assert_eq!(stack.engine.containers().await.len(), 1);
    stack.close().await;
}
