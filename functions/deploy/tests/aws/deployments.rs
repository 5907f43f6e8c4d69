//! ECS's service deployments, as they go over the wire.

use longshore_core::release::Rollout;
use longshore_deploy::aws::ecs::{Answer, Pause, Services, Stage};
use serde_json::{Value, json};

use crate::{
    done, refused,
    script::{Said, Script, refuses, says},
};

const ARN: &str = "arn:aws:ecs:eu-central-1:123456789012:service-deployment/main/web/abc";

fn ecs(script: &Script) -> Services {
    Services::new(&script.sdk())
}

fn deployments(deployment: &Value) -> Said {
    says(&json!({ "serviceDeployments": [deployment], "failures": [] }))
}

fn paused() -> Value {
    json!({
        "serviceDeploymentArn": ARN, "status": "IN_PROGRESS", "lifecycleStage": "POST_TEST_TRAFFIC_SHIFT",
        "targetServiceRevision": { "arn": "arn:revision/2" },
        "lifecycleHookDetails": [
            { "hookId": "h-0", "targetType": "AWS_LAMBDA", "status": "SUCCEEDED", "targetArn": "arn:function" },
            {
                "hookId": "h-1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "expiresAt": 1_800_003_600,
                "timeoutAction": "ROLLBACK",
            },
        ],
    })
}

#[tokio::test]
async fn a_pause_is_told_with_its_stage_and_what_ecs_does_by_itself() {
    let script = Script::new([deployments(&paused())]);
    let standing = done(ecs(&script).standing(ARN).await);
    let expires = jiff::Timestamp::from_second(1_800_003_600).ok();
    let pause = Pause { hook: "h-1".into(), expires, by_itself: Some(Answer::RollBack) };
    assert_eq!((standing.progress, standing.stage), (Rollout::Under, Some(Stage::PostTestTrafficShift)));
    assert_eq!((standing.pauses, standing.target.as_deref()), (vec![pause], Some("arn:revision/2")));
    let request = json!({ "serviceDeploymentArns": [ARN] });
    assert_eq!(script.calls(), [("DescribeServiceDeployments".to_owned(), request)]);
}

#[tokio::test]
async fn every_status_comes_to_its_own_progress() {
    let reason = || Some("ROLLBACK_REASON".to_owned());
    let breaker = json!({ "status": "TRIGGERED", "failureCount": 3, "threshold": 3 });
    for (status, breaker, progress, going_back) in [
        ("PENDING", json!(null), Rollout::Under, false),
        ("IN_PROGRESS", json!(null), Rollout::Under, false),
        ("STOP_REQUESTED", json!(null), Rollout::Under, false),
        ("ROLLBACK_REQUESTED", json!(null), Rollout::Under, true),
        ("ROLLBACK_IN_PROGRESS", json!(null), Rollout::Under, true),
        ("SUCCESSFUL", json!(null), Rollout::Successful, false),
        ("ROLLBACK_SUCCESSFUL", breaker.clone(), Rollout::RolledBack(reason()), false),
        ("ROLLBACK_FAILED", json!(null), Rollout::Failed(reason()), false),
        ("STOPPED", json!(null), Rollout::Stopped(reason()), false),
        ("STOPPED", breaker.clone(), Rollout::Failed(reason()), false),
    ] {
        let deployment = json!({
            "serviceDeploymentArn": ARN, "status": status, "statusReason": "ROLLBACK_REASON",
            "deploymentCircuitBreaker": breaker, "rollback": { "serviceRevisionArn": "arn:revision/1" },
            "lifecycleStage": "PRE_PRODUCTION_TRAFFIC_SHIFT",
        });
        let standing = done(ecs(&Script::new([deployments(&deployment)])).standing(ARN).await);
        assert_eq!((standing.progress, standing.going_back), (progress, going_back), "{status}");
        assert_eq!(standing.rollback.as_deref(), Some("arn:revision/1"));
        assert_eq!(standing.stage, Some(Stage::PreProductionTrafficShift), "though the SDK does not know it");
    }
    let unseen = says(&json!({ "serviceDeployments": [], "failures": [{ "arn": ARN, "reason": "MISSING" }] }));
    assert_eq!(done(ecs(&Script::new([unseen])).progress(ARN).await), Rollout::Under);
}

#[tokio::test]
async fn a_service_deployment_is_stopped_unless_it_is_over() {
    let script = Script::new([says(&json!({ "serviceDeploymentArn": ARN })), says(&json!({}))]);
    assert!(done(ecs(&script).stop_deployment(ARN, true).await));
    assert!(done(ecs(&script).stop_deployment(ARN, false).await));
    let request = |kind: &str| json!({ "serviceDeploymentArn": ARN, "stopType": kind });
    let calls = ["ROLLBACK", "ABORT"].map(|kind| ("StopServiceDeployment".to_owned(), request(kind)));
    assert_eq!(script.calls(), calls);
    for code in ["ConflictException", "InvalidParameterException"] {
        let over = deployments(&json!({ "serviceDeploymentArn": ARN, "status": "SUCCESSFUL" }));
        let script = Script::new([refuses(400, code, "It can not be stopped"), over]);
        assert!(!done(ecs(&script).stop_deployment(ARN, true).await), "{code}");
        let under = deployments(&json!({ "serviceDeploymentArn": ARN, "status": "IN_PROGRESS" }));
        let script = Script::new([refuses(400, code, "It can not be stopped"), under]);
        assert_eq!(refused(ecs(&script).stop_deployment(ARN, true).await), "It can not be stopped");
    }
}

#[tokio::test]
async fn a_pause_is_answered_unless_it_waits_no_more() {
    let script = Script::new([says(&json!({ "serviceDeploymentArn": ARN })), says(&json!({}))]);
    assert!(done(ecs(&script).continue_deployment(ARN, "h-1", Answer::Continue).await));
    assert!(done(ecs(&script).continue_deployment(ARN, "h-1", Answer::RollBack).await));
    let request = |action: &str| json!({ "serviceDeploymentArn": ARN, "hookId": "h-1", "action": action });
    let calls = ["CONTINUE", "ROLLBACK"].map(|action| ("ContinueServiceDeployment".to_owned(), request(action)));
    assert_eq!(script.calls(), calls);
    let refusal = || refuses(400, "ClientException", "The hook cannot be continued");
    let mut answered = paused();
    answered["lifecycleHookDetails"][1]["status"] = json!("SUCCEEDED");
    let script = Script::new([refusal(), deployments(&answered)]);
    assert!(!done(ecs(&script).continue_deployment(ARN, "h-1", Answer::Continue).await));
    let script = Script::new([refusal(), deployments(&paused())]);
    let why = refused(ecs(&script).continue_deployment(ARN, "h-1", Answer::Continue).await);
    assert_eq!(why, "The hook cannot be continued");
}
