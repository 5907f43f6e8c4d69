//! CodeDeploy, of which there is no stand-in.

use jiff::Timestamp;
use longshore_core::config::CodeDeploy as Group;
use longshore_deploy::aws::codedeploy::{CodeDeploy, Standing, State};
use serde_json::{Value, json};

use crate::{
    done, refused,
    script::{Script, refuses, says},
};

const MARK: &str = "release 01JD0000000000000000000000";

fn group() -> Group {
    Group { application: "web".into(), group: "production".into() }
}

fn since() -> Timestamp {
    Timestamp::from_second(1_799_999_000).expect("a time")
}

async fn start(script: &Script) -> anyhow::Result<longshore_deploy::aws::Call<String>> {
    CodeDeploy::new(&script.sdk()).start(&group(), "{\"version\":0.0}", MARK, since()).await
}

fn list() -> (String, Value) {
    let request = json!({
        "applicationName": "web", "deploymentGroupName": "production", "createTimeRange": { "start": 1_799_999_000 },
    });
    ("ListDeployments".to_owned(), request)
}

fn infos(infos: &[(&str, &str, f64)]) -> Value {
    let infos = infos.iter().map(|(id, description, created)| {
        json!({ "deploymentId": id, "description": description, "createTime": created, "status": "InProgress" })
    });
    json!({ "deploymentsInfo": infos.collect::<Vec<_>>() })
}

#[tokio::test]
async fn a_deployment_is_created_with_its_app_spec_and_mark() {
    let script = Script::new([says(&json!({ "deployments": [] })), says(&json!({ "deploymentId": "d-1" }))]);
    assert_eq!(done(start(&script).await), "d-1");
    let create = json!({
        "applicationName": "web",
        "deploymentGroupName": "production",
        "description": "Longshore release 01JD0000000000000000000000",
        "revision": { "revisionType": "AppSpecContent", "appSpecContent": { "content": "{\"version\":0.0}" } },
    });
    assert_eq!(script.calls(), [list(), ("CreateDeployment".to_owned(), create)]);
}

#[tokio::test]
async fn a_deployment_that_was_created_before_is_found_again() {
    let ids: Vec<_> = (0..26).map(|n| format!("d-{n}")).collect();
    let mark = format!("Longshore {MARK}");
    let script = Script::new([
        says(&json!({ "deployments": ids, "nextToken": "n" })),
        says(&infos(&[("d-3", &mark, 5.0), ("d-4", "by hand", 9.0), ("d-5", &mark, 7.0)])),
        says(&infos(&[("d-25", "Longshore release 01JD", 8.0)])),
        says(&json!({ "deployments": ["d-26"] })),
        says(&infos(&[("d-26", &mark, 6.0)])),
    ]);
    assert_eq!(done(start(&script).await), "d-5", "the newest of ours");
    let calls = script.calls();
    assert_eq!(calls[1].1["deploymentIds"].as_array().map(Vec::len), Some(25));
    assert_eq!(
        (calls[2].1.clone(), calls[3].1["nextToken"].clone()),
        (json!({ "deploymentIds": ["d-25"] }), json!("n"))
    );
}

#[tokio::test]
async fn of_two_attempts_at_once_one_deployment_comes() {
    let busy =
        || refuses(400, "DeploymentLimitExceededException", "The Deployment Group already has an active Deployment");
    let none = || says(&json!({ "deployments": [] }));
    let one = || says(&json!({ "deployments": ["d-7"] }));
    let script = Script::new([none(), busy(), one(), says(&infos(&[("d-7", &format!("Longshore {MARK}"), 1.0)]))]);
    assert_eq!(done(start(&script).await), "d-7");
    script.asked();
    let script = Script::new([none(), busy(), one(), says(&infos(&[("d-7", "by hand", 1.0)]))]);
    let why = refused(start(&script).await);
    assert!(why.contains("already has an active Deployment"), "{why}");
}

#[tokio::test]
async fn every_state_is_told_with_its_error_and_its_rollback() {
    for state in State::ALL {
        let script = Script::new([says(&json!({ "deploymentInfo": { "status": state.word() } }))]);
        let standing = done(CodeDeploy::new(&script.sdk()).standing("d-1").await);
        assert_eq!(standing, Standing { state, error: None, rollback: None });
        assert_eq!(script.calls(), [("GetDeployment".to_owned(), json!({ "deploymentId": "d-1" }))]);
    }
    let info = json!({ "deploymentInfo": {
        "status": "Failed",
        "errorInformation": { "code": "HEALTH_CONSTRAINTS", "message": "The deployment failed because the task set is unhealthy" },
        "rollbackInfo": { "rollbackDeploymentId": "d-2", "rollbackMessage": "" },
    } });
    let standing = done(CodeDeploy::new(&Script::new([says(&info)]).sdk()).standing("d-1").await);
    let error = "HEALTH_CONSTRAINTS: The deployment failed because the task set is unhealthy";
    assert_eq!((standing.state, standing.error.as_deref()), (State::Failed, Some(error)));
    assert_eq!(standing.rollback.as_deref(), Some("d-2"));
}

#[tokio::test]
async fn a_deployment_is_stopped_with_rollback_unless_it_is_over() {
    let script = Script::new([says(&json!({ "status": "Pending" }))]);
    assert!(done(CodeDeploy::new(&script.sdk()).stop("d-1", true).await));
    let request = json!({ "deploymentId": "d-1", "autoRollbackEnabled": true });
    assert_eq!(script.calls(), [("StopDeployment".to_owned(), request)]);
    let script =
        Script::new([refuses(400, "DeploymentAlreadyCompletedException", "The deployment is already completed")]);
    assert!(!done(CodeDeploy::new(&script.sdk()).stop("d-1", true).await));
    let script = Script::new([refuses(400, "DeploymentDoesNotExistException", "no")]);
    refused(CodeDeploy::new(&script.sdk()).stop("d-1", true).await);
}
