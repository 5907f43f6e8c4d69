use super::*;

fn balancers() -> Value {
    json!([{
        "targetGroupArn": "arn:blue", "containerName": "web", "containerPort": 80,
        "advancedConfiguration": {
            "alternateTargetGroupArn": "arn:green", "productionListenerRule": "arn:rule", "roleArn": "arn:role",
        },
    }])
}

fn course(given: &Value) -> Course {
    let filled = configuration(Some(given), &balancers()).expect("a configuration");
    Strategy::of(&filled).course(&filled, false).expect("a course")
}

#[test]
fn what_is_not_said_is_as_aws_has_it() {
    let rolling = configuration(None, &Value::Null).expect("a configuration");
    assert_eq!((&rolling["strategy"], Strategy::of(&rolling)), (&json!("ROLLING"), Strategy::Rolling));
    assert_eq!(Strategy::Rolling.course(&rolling, false), None);
    let canary = configuration(Some(&json!({ "strategy": "CANARY" })), &balancers()).expect("a configuration");
    assert_eq!(canary["canaryConfiguration"], json!({ "canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10 }));
    let linear = configuration(Some(&json!({ "strategy": "LINEAR" })), &balancers()).expect("a configuration");
    assert_eq!(linear["linearConfiguration"], json!({ "stepPercent": 10.0, "stepBakeTimeInMinutes": 6 }));
}

#[test]
fn steps_end_with_all_traffic() {
    let linear = |percent: f64| {
        let own = json!({ "stepPercent": percent, "stepBakeTimeInMinutes": 2 });
        course(&json!({ "strategy": "LINEAR", "linearConfiguration": own, "bakeTimeInMinutes": 3 }))
    };
    assert_eq!(linear(33.4), Course { steps: vec![334, 668, 1000], pause: 2, bake: 3, asks: false });
    assert_eq!(linear(100.0).steps, [1000]);
    assert_eq!(linear(3.0).steps.len(), 34);
    let canary = |percent: f64| {
        course(&json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": percent } })).steps
    };
    assert_eq!((canary(0.1), canary(100.0)), (vec![1, 1000], vec![1000]));
    assert_eq!(course(&json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5 })).bake, 5);
}

#[test]
fn a_hook_waits_for_a_day_and_then_rolls_back_unless_it_says_otherwise() {
    let hooks = json!([
        { "targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP", "PRE_PRODUCTION_TRAFFIC_SHIFT"] },
        {
            "targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"],
            "timeoutConfiguration": { "timeoutInMinutes": 20160, "action": "CONTINUE" },
        },
    ]);
    let read = Hook::all(&json!({ "lifecycleHooks": hooks }));
    let first =
        Hook { stages: vec![Stage::PostScaleUp, Stage::PreProductionTrafficShift], minutes: 1440, goes_on: false };
    assert_eq!(read, [first, Hook { stages: vec![Stage::PreScaleUp], minutes: 20_160, goes_on: true }]);
}

#[test]
fn what_aws_refuses_is_refused() {
    let hook = |members: Value| {
        let mut hook = json!({ "targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"] });
        if let (Some(hook), Value::Object(members)) = (hook.as_object_mut(), members) {
            hook.extend(members);
        }
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": [hook] })
    };
    assert!(configuration(Some(&hook(json!({}))), &balancers()).is_ok());
    let many: Vec<Value> = (0..11).map(|_| hook(json!({}))["lifecycleHooks"][0].clone()).collect();
    let wrong = [
        json!({ "strategy": "RED" }),
        json!({ "strategy": 1 }),
        json!({ "maximumPercent": 99 }),
        json!({ "minimumHealthyPercent": 300 }),
        json!({ "strategy": "BLUE_GREEN" }),
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1441 }),
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": -1 }),
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1, "canaryConfiguration": {} }),
        json!({ "strategy": "CANARY", "linearConfiguration": {} }),
        json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 2.9 } }),
        json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 10.05 } }),
        json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": "10" } }),
        json!({ "strategy": "LINEAR", "linearConfiguration": { "stepBakeTimeInMinutes": 1441 } }),
        json!({ "strategy": "LINEAR", "linearConfiguration": [] }),
        json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 0.0 } }),
        json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 100.1 } }),
        json!({ "lifecycleHooks": many[..1] }),
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": many }),
        hook(json!({ "targetType": "AWS_LAMBDA", "hookTargetArn": "arn:function" })),
        hook(json!({ "targetType": null })),
        hook(json!({ "targetType": "OTHER" })),
        hook(json!({ "hookTargetArn": "arn:function" })),
        hook(json!({ "roleArn": "arn:role" })),
        hook(json!({ "lifecycleStages": [] })),
        hook(json!({ "lifecycleStages": ["TEST_TRAFFIC_SHIFT"] })),
        hook(json!({ "lifecycleStages": ["PRODUCTION_TRAFFIC_SHIFT"] })),
        hook(json!({ "lifecycleStages": ["BAKE_TIME"] })),
        hook(json!({ "timeoutConfiguration": { "timeoutInMinutes": 0 } })),
        hook(json!({ "timeoutConfiguration": { "timeoutInMinutes": 20161 } })),
        hook(json!({ "timeoutConfiguration": { "action": "WAIT" } })),
    ];
    for given in wrong {
        let refused = configuration(Some(&given), &balancers());
        assert!(refused.is_err(), "{given}");
    }
    let mut same = balancers();
    same[0]["advancedConfiguration"]["alternateTargetGroupArn"] = json!("arn:blue");
    let mut plain = balancers();
    plain[0]["advancedConfiguration"]["roleArn"] = Value::Null;
    for (strategy, balancers) in [("CANARY", Value::Null), ("LINEAR", json!([])), ("CANARY", same), ("LINEAR", plain)] {
        let refused = configuration(Some(&json!({ "strategy": strategy })), &balancers);
        assert_eq!(refused.expect_err("a refusal").code, "InvalidParameterException", "{strategy} {balancers}");
    }
    let headless = configuration(Some(&json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 })), &Value::Null);
    assert!(headless.is_ok(), "a service without traffic has no groups");
}
