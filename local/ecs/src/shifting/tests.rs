use super::*;

mod world;

use world::{World, key};

fn blue_green(members: Value) -> Value {
    let mut configuration = json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1 });
    if let (Some(configuration), Value::Object(members)) = (configuration.as_object_mut(), members) {
        configuration.extend(members);
    }
    configuration
}

fn pause(stage: &str, timeout: &Value) -> Value {
    json!({ "targetType": "PAUSE", "lifecycleStages": [stage], "timeoutConfiguration": timeout })
}

#[test]
fn blue_green_shows_its_stages_and_ends_with_green_alone_in_the_other_target_group() {
    let mut world = World::new(&blue_green(json!({})));
    assert_eq!(world.running(), [("1".to_owned(), 2)]);
    let group = |world: &World| {
        let alive = world.state.tasks.values().filter(|task| task.stop.is_none());
        alive.filter_map(|task| task.target.as_ref().map(|target| target.2.clone())).collect::<Vec<_>>()
    };
    assert_eq!(group(&world), ["arn:one", "arn:one"]);
    world.named("");
    world.update(&json!({ "taskDefinition": "web:2" }));
    world.until("bake time", |world| world.seen.last().is_some_and(|(stage, _)| stage == "BAKE_TIME"));
    assert_eq!(world.running(), [("1".to_owned(), 2), ("2".to_owned(), 2)]);
    let described = world.described();
    assert_eq!(described["lifecycleStage"], "BAKE_TIME");
    assert_eq!(described["targetServiceRevision"]["requestedProductionTrafficWeight"], 100.0);
    assert_eq!(described["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"], 0.0);
    assert_eq!(described["sourceServiceRevisions"][0]["requestedTaskCount"], 2);
    world.until_done("SUCCESSFUL");
    assert_eq!(world.running(), [("2".to_owned(), 2)]);
    assert_eq!(group(&world), ["arn:two", "arn:two"]);
    let revision = world.last().target.clone();
    let revision = &world.state.revisions[&revision]["resolvedConfiguration"]["loadBalancers"][0];
    assert_eq!(*revision, json!({ "targetGroupArn": "arn:two", "productionListenerRule": "arn:rule" }));
    let stages: Vec<(&str, u16)> = world.seen.iter().map(|(stage, share)| (stage.as_str(), *share)).collect();
    assert_eq!(
        stages,
        [
            ("PRE_SCALE_UP", 0),
            ("SCALE_UP", 0),
            ("POST_SCALE_UP", 0),
            ("TEST_TRAFFIC_SHIFT", 0),
            ("POST_TEST_TRAFFIC_SHIFT", 0),
            ("PRODUCTION_TRAFFIC_SHIFT", 1000),
            ("POST_PRODUCTION_TRAFFIC_SHIFT", 1000),
            ("BAKE_TIME", 1000),
            ("CLEAN_UP", 1000),
        ]
    );
    let events = world.named("ECS Deployment State Change");
    assert_eq!(events, ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED"]);
    world.update(&json!({ "taskDefinition": "web:3" }));
    world.until_done("SUCCESSFUL");
    assert_eq!(group(&world), ["arn:one", "arn:one"], "and back");
}

#[test]
fn a_hook_holds_the_deployment_until_someone_says_how_to_go_on() {
    let mut world = World::new(&blue_green(json!({})));
    let hooks = json!([pause("POST_TEST_TRAFFIC_SHIFT", &json!({ "timeoutInMinutes": 60 }))]);
    let configuration = json!({ "lifecycleHooks": hooks });
    world.update(&json!({ "taskDefinition": "web:2", "deploymentConfiguration": configuration }));
    let hook = world.hook();
    assert_eq!((&hook["targetType"], &hook["status"]), (&json!("PAUSE"), &json!("AWAITING_ACTION")));
    assert_eq!(hook["timeoutAction"], "ROLLBACK");
    assert!(hook["expiresAt"].as_f64().is_some_and(|at| at > world.now), "{hook}");
    for _ in 0..50 {
        world.pass();
    }
    let described = world.described();
    assert_eq!(described["lifecycleStage"], "POST_TEST_TRAFFIC_SHIFT", "it waits");
    assert_eq!(described["targetServiceRevision"]["requestedTestTrafficWeight"], 100.0);
    assert_eq!(described["targetServiceRevision"]["requestedProductionTrafficWeight"], 0.0);
    assert_eq!(
        world.act(&json!({ "hookId": "ecs-pause-0" }), "CONTINUE").expect_err("no").code,
        "InvalidParameterException"
    );
    assert_eq!(world.act(&hook, "MAYBE").expect_err("no").code, "InvalidParameterException");
    world.act(&hook, "CONTINUE").expect("it goes on");
    assert_eq!(world.act(&hook, "CONTINUE").expect_err("no").code, "ClientException", "once");
    world.until_done("SUCCESSFUL");
    assert_eq!(world.described()["lifecycleHookDetails"][0]["status"], "SUCCEEDED");
    assert_eq!(world.named("ECS Hook State Change"), ["HOOK_AWAITING_ACTION", "HOOK_SUCCEEDED"]);
}

#[test]
fn a_hook_that_is_told_to_go_back_brings_blue_back() {
    let mut world = World::new(&blue_green(json!({})));
    let hooks = json!([
        pause("POST_PRODUCTION_TRAFFIC_SHIFT", &Value::Null),
        pause("POST_PRODUCTION_TRAFFIC_SHIFT", &Value::Null),
    ]);
    world.update(&json!({ "taskDefinition": "web:2", "deploymentConfiguration": { "lifecycleHooks": hooks } }));
    let hook = world.hook();
    assert_eq!(world.described()["lifecycleHookDetails"].as_array().map(Vec::len), Some(2));
    world.seen.clear();
    world.act(&hook, "ROLLBACK").expect("it goes back");
    world.until_done("ROLLBACK_SUCCESSFUL");
    assert_eq!(world.running(), [("1".to_owned(), 2)]);
    let stages: Vec<&str> = world.seen.iter().map(|(stage, _)| stage.as_str()).collect();
    assert_eq!(stages, ["PRODUCTION_TRAFFIC_SHIFT", "TEST_TRAFFIC_SHIFT", "CLEAN_UP"]);
    let described = world.described();
    assert_eq!(described["rollback"]["serviceRevisionArn"], described["sourceServiceRevisions"][0]["arn"]);
    assert_eq!(described["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"], 100.0);
    assert_eq!(world.named("ECS Hook State Change"), ["HOOK_AWAITING_ACTION", "HOOK_AWAITING_ACTION", "HOOK_FAILED"]);
    let service = world.state.service_json(&world.state.services[&key()]);
    assert!(service["taskDefinition"].as_str().is_some_and(|arn| arn.ends_with("web:1")), "{service}");
    assert_eq!(service["deploymentConfiguration"]["strategy"], "BLUE_GREEN");
}

#[test]
fn a_hook_that_nobody_answers_does_what_it_was_configured_to() {
    for (action, status) in [("CONTINUE", "SUCCESSFUL"), ("ROLLBACK", "ROLLBACK_SUCCESSFUL")] {
        let mut world = World::new(&blue_green(json!({})));
        let hooks = json!([pause("PRE_SCALE_UP", &json!({ "timeoutInMinutes": 2, "action": action }))]);
        world.update(&json!({ "taskDefinition": "web:2", "deploymentConfiguration": { "lifecycleHooks": hooks } }));
        let begun = world.now;
        let hook = world.hook();
        world.until_done(status);
        assert!(world.now - begun >= world.timing.minute.as_secs_f64() * 2.0);
        assert_eq!(world.act(&hook, "CONTINUE").expect_err("too late").code, "ClientException");
        assert_eq!(world.named("ECS Hook State Change"), ["HOOK_AWAITING_ACTION", "HOOK_TIMED_OUT"], "{action}");
    }
}

#[test]
fn canary_and_linear_ask_before_each_step() {
    for (configuration, shares) in [
        (
            json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 12.5, "canaryBakeTimeInMinutes": 3 } }),
            vec![0.0, 12.5],
        ),
        (
            json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 40.0, "stepBakeTimeInMinutes": 1 } }),
            vec![0.0, 40.0, 80.0],
        ),
    ] {
        let mut world = World::new(&configuration);
        let mut asking = configuration.clone();
        asking["lifecycleHooks"] = json!([pause("PRE_PRODUCTION_TRAFFIC_SHIFT", &Value::Null)]);
        world.update(&json!({ "taskDefinition": "web:2", "deploymentConfiguration": asking }));
        for share in shares {
            let hook = world.hook();
            let described = world.described();
            assert_eq!(described["lifecycleStage"], "PRE_PRODUCTION_TRAFFIC_SHIFT");
            assert_eq!(described["targetServiceRevision"]["requestedProductionTrafficWeight"], share);
            assert_eq!(described["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"], 100.0 - share);
            world.act(&hook, "CONTINUE").expect("it goes on");
        }
        world.until_done("SUCCESSFUL");
    }
}

#[test]
fn the_circuit_breaker_brings_a_green_that_never_serves_back() {
    let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } });
    let mut world = World::new(&blue_green(breaker));
    world.sick = Some("web:2".into());
    world.update(&json!({ "taskDefinition": "web:2" }));
    world.until_done("ROLLBACK_SUCCESSFUL");
    let described = world.described();
    assert_eq!(described["deploymentCircuitBreaker"]["status"], "TRIGGERED");
    assert!(world.seen.iter().all(|(_, share)| *share == 0), "no request went to it: {:?}", world.seen);
    assert_eq!(world.running(), [("1".to_owned(), 2)]);
}

#[test]
fn a_first_deployment_has_nothing_to_go_back_to() {
    let mut world = World::bare();
    world.sick = Some("web:1".into());
    world.create(&blue_green(json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } })));
    world.until_done("ROLLBACK_FAILED");
    assert_eq!(world.running(), []);
    world.update(&json!({ "taskDefinition": "web:2" }));
    world.until_done("SUCCESSFUL");
    assert_eq!(world.running(), [("2".to_owned(), 2)]);
    assert!(world.seen.iter().any(|(stage, _)| stage == "RECONCILE_SERVICE"), "{:?}", world.seen);
}

#[test]
fn one_that_is_stopped_in_its_bake_time_goes_back_or_stays_as_it_is() {
    let stop = |world: &mut World, kind: &str| {
        world.update(&json!({ "taskDefinition": "web:2" }));
        world.until("bake time", |world| world.seen.last().is_some_and(|(stage, _)| stage == "BAKE_TIME"));
        let input = json!({ "serviceDeploymentArn": world.last().arn, "stopType": kind });
        world.state.stop_service_deployment(&input).expect("it stops");
    };
    let mut world = World::new(&blue_green(json!({})));
    stop(&mut world, "ROLLBACK");
    world.until_done("ROLLBACK_SUCCESSFUL");
    assert_eq!(world.running(), [("1".to_owned(), 2)]);

    world.seen.clear();
    stop(&mut world, "ABORT");
    world.until_done("STOPPED");
    for _ in 0..50 {
        world.pass();
    }
    assert_eq!(world.running(), [("1".to_owned(), 2), ("2".to_owned(), 2)], "both keep their tasks");
    let weights = world.state.services[&key()].weights().expect("weights");
    assert_eq!(weights[0].iter().map(|(_, weight)| *weight).collect::<Vec<_>>(), [1000, 0]);
    // A task of green, which has the traffic, is replaced though its deployment failed.
    let task = world.state.tasks.values().find(|task| {
        task.stop.is_none() && task.definition["taskDefinitionArn"].as_str().is_some_and(|arn| arn.ends_with("web:2"))
    });
    let id = task.expect("a task").id.clone();
    world.state.stop_task(&id, "UserInitiated", "gone", world.now);
    for _ in 0..5 {
        world.pass();
    }
    assert_eq!(world.running(), [("1".to_owned(), 2), ("2".to_owned(), 2)]);

    world.seen.clear();
    world.update(&json!({ "taskDefinition": "web:3" }));
    world.until_done("SUCCESSFUL");
    assert_eq!(world.seen[0].0, "RECONCILE_SERVICE", "{:?}", world.seen);
    assert_eq!(world.running(), [("3".to_owned(), 2)]);
}

#[test]
fn a_newer_deployment_takes_over_at_any_stage_and_traffic_always_has_tasks() {
    for stage in Stage::EVERY.into_iter().filter(|stage| *stage != Stage::ReconcileService) {
        let hook = pause("PRE_PRODUCTION_TRAFFIC_SHIFT", &json!({ "timeoutInMinutes": 1, "action": "CONTINUE" }));
        let mut world = World::new(&blue_green(json!({ "lifecycleHooks": [hook] })));
        world.update(&json!({ "taskDefinition": "web:2" }));
        world.until(stage.name(), |world| world.seen.last().is_some_and(|(seen, _)| seen == stage.name()));
        let first = world.last().arn.clone();
        world.update(&json!({ "taskDefinition": "web:3" }));
        world.until_done("SUCCESSFUL");
        assert_eq!(world.running(), [("3".to_owned(), 2)], "{stage:?}");
        let first = world.state.service_deployments.iter().find(|deployment| deployment.arn == first);
        let first = first.expect("the first");
        assert_eq!((first.status, first.shift.as_ref().map(Shift::held)), ("STOPPED", Some(false)), "{stage:?}");
    }
}

#[test]
fn a_rollback_at_any_stage_ends_with_blue_and_traffic_always_has_tasks() {
    for stage in Stage::EVERY.into_iter().filter(|stage| *stage != Stage::ReconcileService) {
        let hook = pause("PRE_PRODUCTION_TRAFFIC_SHIFT", &json!({ "timeoutInMinutes": 1, "action": "CONTINUE" }));
        let mut world = World::new(&json!({
            "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 50.0, "stepBakeTimeInMinutes": 0 },
            "lifecycleHooks": [hook],
        }));
        world.update(&json!({ "taskDefinition": "web:2" }));
        world.until(stage.name(), |world| world.seen.last().is_some_and(|(seen, _)| seen == stage.name()));
        let input = json!({ "serviceDeploymentArn": world.last().arn, "stopType": "ROLLBACK" });
        world.state.stop_service_deployment(&input).expect("it stops");
        world.until_done("ROLLBACK_SUCCESSFUL");
        assert_eq!(world.running(), [("1".to_owned(), 2)], "{stage:?}");
    }
}

#[test]
fn a_service_may_change_its_strategy() {
    let mut world = World::new(&json!({}));
    world.update(&json!({ "taskDefinition": "web:2", "deploymentConfiguration": blue_green(json!({})) }));
    world.until_done("SUCCESSFUL");
    assert!(world.seen.iter().any(|(stage, share)| stage == "BAKE_TIME" && *share == 1000), "{:?}", world.seen);
    world.update(&json!({ "taskDefinition": "web:3", "deploymentConfiguration": { "strategy": "ROLLING" } }));
    world.until_done("SUCCESSFUL");
    assert_eq!(world.described().get("lifecycleStage"), None);
    let configuration = json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryBakeTimeInMinutes": 0 } });
    world.update(&json!({ "taskDefinition": "web:4", "deploymentConfiguration": configuration }));
    world.until_done("SUCCESSFUL");
    assert_eq!(world.running(), [("4".to_owned(), 2)]);
}
