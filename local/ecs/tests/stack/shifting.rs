//! Traffic that is really shifted: blue/green with a test listener, a canary that is taken back.

use crate::support::{Stack, ask, stack};
use serde_json::{Value, json};

/// A service with two target groups and a test listener, deployed once.
async fn balanced(stack: &Stack, definition: &str, configuration: Value) {
    let input = json!({
        "cluster": "demo", "serviceName": "web", "taskDefinition": definition, "desiredCount": 1,
        "deploymentConfiguration": configuration,
        "loadBalancers": [{
            "targetGroupArn": "arn:local:one", "containerName": "web", "containerPort": 80,
            "advancedConfiguration": {
                "alternateTargetGroupArn": "arn:local:two", "productionListenerRule": "arn:local:rule",
                "testListenerRule": "arn:local:test", "roleArn": "arn:local:role",
            },
        }],
    });
    let created = stack.call("CreateService", input).await["service"].clone();
    let done = stack.ended(&created["currentServiceDeployment"]).await;
    assert_eq!(done["status"], "SUCCESSFUL", "{done:#}");
}

fn pausing(stage: &str) -> Value {
    json!([{ "targetType": "PAUSE", "lifecycleStages": [stage] }])
}

/// The hook that waits, once the deployment has come to it.
async fn hook(stack: &Stack, deployment: &Value) -> Value {
    stack
        .until("a hook that waits", async || {
            let input = json!({ "serviceDeploymentArns": [deployment] });
            let described = stack.call("DescribeServiceDeployments", input).await;
            let details = described["serviceDeployments"][0]["lifecycleHookDetails"].clone();
            let waits = |hook: &&Value| hook["status"] == "AWAITING_ACTION";
            details.as_array().and_then(|hooks| hooks.iter().find(waits).cloned())
        })
        .await
}

async fn go_on(stack: &Stack, deployment: &Value, hook: &Value) {
    let input = json!({ "serviceDeploymentArn": deployment, "hookId": hook["hookId"], "action": "CONTINUE" });
    let answer = stack.call("ContinueServiceDeployment", input).await;
    assert_eq!(answer["serviceDeploymentArn"], *deployment);
}

/// What so many requests are answered with.
async fn answers(address: &str, count: usize) -> Vec<String> {
    let mut answers = Vec::new();
    for _ in 0..count {
        let answer = local_protocol::http().get(address).send().await.expect("an answer");
        answers.push(answer.text().await.expect("a text").trim().to_owned());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blue_green_is_tested_before_users_see_it_and_no_request_fails() {
    let Some(mut stack) = stack("green").await else { return };
    let first = stack.version("one", "true").await;
    balanced(&stack, &first, json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1 })).await;
    let production = stack.ecs.address("demo", "web").expect("an address");
    let test = stack.ecs.test_address("demo", "web").expect("a test listener");
    let (stop, asking) = ask(production.clone());
    stack.emitted();

    let second = stack.version("two", "true").await;
    let input = json!({
        "cluster": "demo", "service": "web", "taskDefinition": second,
        "deploymentConfiguration": { "lifecycleHooks": pausing("POST_TEST_TRAFFIC_SHIFT") },
    });
    let deployment = stack.call("UpdateService", input).await["service"]["currentServiceDeployment"].clone();
    let waiting = hook(&stack, &deployment).await;
    assert_eq!(answers(&test, 4).await, ["two"; 4]);
    assert_eq!(answers(&production, 4).await, ["one"; 4]);
    for group in ["arn:local:one", "arn:local:two"] {
        let targets = stack.targets(group).await;
        assert_eq!(targets.matches("<State>healthy</State>").count(), 1, "{group}: {targets}");
    }
    go_on(&stack, &deployment, &waiting).await;
    let done = stack.ended(&deployment).await;
    assert_eq!((&done["status"], &done["lifecycleStage"]), (&json!("SUCCESSFUL"), &json!("CLEAN_UP")), "{done:#}");
    stop.cancel();
    assert_eq!(asking.await.expect("no failed request"), ["one", "two"]);
    assert_eq!(stack.targets("arn:local:one").await.matches("<State>").count(), 0, "blue is gone");
    let hooks = stack.emitted().into_iter().filter(|event| event.detail_type == "ECS Hook State Change");
    let hooks: Vec<Value> = hooks.map(|event| event.detail).collect();
    assert_eq!(
        hooks.iter().map(|hook| &hook["eventName"]).collect::<Vec<_>>(),
        ["HOOK_AWAITING_ACTION", "HOOK_SUCCEEDED"]
    );
    assert_eq!((&hooks[0]["hookId"], &hooks[0]["serviceDeploymentArn"]), (&waiting["hookId"], &deployment));
    stack.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_gets_its_part_of_the_requests_and_is_taken_back_without_a_failed_one() {
    let Some(stack) = stack("canary").await else { return };
    let first = stack.version("one", "true").await;
    let configuration = json!({
        "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 20.0, "canaryBakeTimeInMinutes": 0 },
    });
    balanced(&stack, &first, configuration).await;
    let production = stack.ecs.address("demo", "web").expect("an address");
    let (stop, asking) = ask(production.clone());
    let second = stack.version("two", "true").await;
    let input = json!({
        "cluster": "demo", "service": "web", "taskDefinition": second,
        "deploymentConfiguration": { "lifecycleHooks": pausing("PRE_PRODUCTION_TRAFFIC_SHIFT") },
    });
    let deployment = stack.call("UpdateService", input).await["service"]["currentServiceDeployment"].clone();
    let before = hook(&stack, &deployment).await;
    go_on(&stack, &deployment, &before).await;
    let between = hook(&stack, &deployment).await;
    assert_ne!(before["hookId"], between["hookId"]);
    stop.cancel();
    // Who asks takes turns too: the counts are exact once nobody else does.
    assert_eq!(asking.await.expect("no failed request")[0], "one");
    let twos = answers(&production, 50).await.into_iter().filter(|answer| answer == "two").count();
    assert_eq!(twos, 10);

    let (stop, asking) = ask(production.clone());
    let input = json!({ "serviceDeploymentArn": deployment, "stopType": "ROLLBACK" });
    stack.call("StopServiceDeployment", input).await;
    let done = stack.ended(&deployment).await;
    assert_eq!(done["status"], "ROLLBACK_SUCCESSFUL", "{done:#}");
    stop.cancel();
    assert!(asking.await.is_ok(), "no failed request");
    assert_eq!(answers(&production, 10).await, ["one"; 10]);
    stack.close().await;
}
