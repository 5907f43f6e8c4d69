//! Tasks on their own, with real containers.

use crate::support::stack;
use local_ecs::LogStream;
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

/// A job with one container that writes to CloudWatch Logs.
fn logging(script: &str) -> Value {
    json!({
        "family": "job", "memory": "64",
        "containerDefinitions": [{
            "name": "job", "image": "localhost/longshore-ecs-test", "command": ["sh", "-c", script],
            "logConfiguration": { "logDriver": "awslogs", "options": {
                "awslogs-group": "/ecs/job", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "run",
            } },
        }],
    })
}

fn texts(stream: LogStream) -> Vec<String> {
    match stream {
        LogStream::Lines(lines) => lines.into_iter().map(|line| line.text).collect(),
        LogStream::NoGroup | LogStream::NoStream => panic!("no log: {stream:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_containers_log_is_a_stream_while_it_runs_and_after_it_ended() {
    let Some(mut stack) = stack("logs").await else { return };
    let script = "echo one; sleep 0.1; echo two >&2; sleep 0.1; printf thr; while test ! -e /tmp/go; do sleep 0.05; done; echo ee; exit 4";
    stack.call("RegisterTaskDefinition", logging(script)).await;
    assert_eq!(stack.ecs.log_stream("/ecs/job", "run/job/none").await, LogStream::NoGroup);
    let input = json!({ "cluster": "demo", "taskDefinition": "job", "startedBy": "longshore" });
    let task = stack.call("RunTask", input).await["tasks"][0].clone();
    let id = task["taskArn"].as_str().and_then(|arn| arn.rsplit('/').next()).expect("an id").to_owned();
    let name = format!("run/job/{id}");
    stack
        .until("a line of a running container", async || match stack.ecs.log_stream("/ecs/job", &name).await {
            LogStream::Lines(lines) => (lines.len() == 2).then_some(()),
            LogStream::NoGroup | LogStream::NoStream => None,
        })
        .await;
    assert_eq!(texts(stack.ecs.log_stream("/ecs/job", &name).await), ["one", "two"], "the third is not whole yet");
    assert_eq!(stack.ecs.log_stream("/ecs/job", "run/job/none").await, LogStream::NoStream);
    let container = stack.engine.containers().await.remove(0);
    stack.engine.output(&["exec", &container, "touch", "/tmp/go"]).await.expect("a file");
    let ended = stack.stopped(&task).await;
    assert_eq!(ended["containers"][0]["exitCode"], 4);
    assert_eq!(texts(stack.ecs.log_stream("/ecs/job", &name).await), ["one", "two", "three"]);

    let events = stack.emitted();
    let task_events: Vec<&Value> = events.iter().map(|event| &event.detail).collect();
    assert!(task_events.iter().all(|detail| detail["startedBy"] == "longshore"), "{task_events:#?}");
    assert_eq!(task_events[0]["lastStatus"], "PROVISIONING");
    assert_eq!(task_events.last().map(|detail| &detail["stopCode"]), Some(&json!("EssentialContainerExited")));
    stack.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_token_starts_its_tasks_once() {
    let Some(stack) = stack("token").await else { return };
    stack.call("RegisterTaskDefinition", logging("echo $1")).await;
    let command = |word: &str| json!({ "containerOverrides": [{ "name": "job", "command": ["echo", word] }] });
    let input = |token: &str, word: &str| json!({ "cluster": "demo", "taskDefinition": "job", "clientToken": token, "overrides": command(word) });
    let first = stack.call("RunTask", input("a", "once")).await["tasks"][0].clone();
    let ended = stack.stopped(&first).await;
    assert_eq!(ended["containers"][0]["exitCode"], 0);
    let again = stack.call("RunTask", input("a", "once")).await;
    for member in ["taskArn", "lastStatus", "stoppedAt", "containers"] {
        assert_eq!(again["tasks"][0][member], ended[member], "the same task, as it is now");
    }
    assert_eq!(again["tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!(stack.refused("RunTask", input("a", "twice")).await.0, "ConflictException");
    let other = stack.call("RunTask", input("b", "twice")).await["tasks"][0].clone();
    assert_ne!(other["taskArn"], first["taskArn"]);
    stack.stopped(&other).await;
    let name = |task: &Value| {
        format!("run/job/{}", task["taskArn"].as_str().and_then(|arn| arn.rsplit('/').next()).expect("an id"))
    };
    assert_eq!(texts(stack.ecs.log_stream("/ecs/job", &name(&first)).await), ["once"]);
    assert_eq!(texts(stack.ecs.log_stream("/ecs/job", &name(&other)).await), ["twice"]);
    stack.close().await;
}
