//! Requests that are not Slack's, or not what Slack sends.

use std::sync::{Arc, Mutex};

use axum::{Router, extract::State, http::Uri};
use jiff::Timestamp;
use longshore_core::signature::sign_slack;
use serde_json::{Value, json};

use crate::workspace::{APPROVER, OUTSIDER, SECRET, Workspace, approval, secret};

const RELEASE: &str = "01JD0000000000000000000000";

/// A press of Approve whose refusal is to be told at this address.
fn payload(user: &str, response_url: &str) -> Value {
    json!({
        "type": "block_actions", "user": {"id": user, "name": "somebody"}, "response_url": response_url,
        "actions": [{"type": "button", "action_id": "approve", "value": format!("{RELEASE}/production"), "action_ts": "1.2"}],
    })
}

fn form(payload: &Value) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish()
}

/// Posts a body with these proofs.
async fn post(workspace: &Workspace, timestamp: &str, signature: &str, body: &str) -> (u16, String) {
    let request = local_protocol::http().post(&workspace.url).header("x-slack-request-timestamp", timestamp);
    let request = request.header("x-slack-signature", signature).body(body.to_owned());
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

async fn signed(workspace: &Workspace, secret: &str, body: &str) -> (u16, String) {
    let now = Timestamp::now().as_second().to_string();
    post(workspace, &now, &sign_slack(secret, &now, body.as_bytes()), body).await
}

#[tokio::test]
async fn what_slack_did_not_sign_is_refused_and_all_refusals_are_alike() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    workspace.asked().await;
    let body = form(&payload(APPROVER, ""));
    let now = Timestamp::now().as_second();
    let at = |second: i64| (second.to_string(), sign_slack(SECRET, &second.to_string(), body.as_bytes()));
    let (time, right) = at(now);
    let (old, signed_then) = at(now - 301 - 60);
    let mut refusals = Vec::new();
    for (time, signature, body) in [
        (&*time, "", &*body),
        (&*time, "v0=00", &*body),
        (&*time, &*sign_slack("another", &time, body.as_bytes()), &*body),
        (&*time, &*right, "payload=%7B%7D"),
        (&*old, &*right, &*body),
        (&*old, &*signed_then, &*body),
        ("soon", &*right, &*body),
        ("", &*right, &*body),
    ] {
        refusals.push(post(&workspace, time, signature, body).await);
    }
    assert_eq!(refusals[0].0, 401);
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:?}");
    assert_eq!((workspace.aws.reads(), workspace.told()), (0, Vec::new()), "nothing was looked at");
    assert_eq!(post(&workspace, &time, &right, &body).await, (200, String::new()));
    assert!(workspace.release().deployments[0].decision.is_some());
}

#[tokio::test]
async fn a_request_that_is_sent_again_has_no_second_effect() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    workspace.asked().await;
    let body = form(&payload(APPROVER, ""));
    assert_eq!(signed(&workspace, SECRET, &body).await, (200, String::new()));
    let approved = workspace.release();
    assert_eq!(signed(&workspace, SECRET, &body).await, (200, String::new()));
    assert_eq!(workspace.release(), approved);
}

#[tokio::test]
async fn no_secret_refuses_everything() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    workspace.asked().await;
    workspace.aws.rotate(secret(&json!("")));
    let body = form(&payload(APPROVER, ""));
    assert_eq!(signed(&workspace, "", &body).await.0, 401);
    assert_eq!(signed(&workspace, SECRET, &body).await.0, 401);
}

#[tokio::test]
async fn each_secret_that_is_live_is_taken() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    workspace.asked().await;
    workspace.aws.rotate(secret(&json!(["new", SECRET])));
    let body = form(&payload(OUTSIDER, ""));
    assert_eq!(signed(&workspace, SECRET, &body).await.0, 200);
    assert_eq!(signed(&workspace, "new", &body).await.0, 200);
}

#[tokio::test]
async fn while_the_secret_cannot_be_read_it_is_to_be_sent_again() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    workspace.asked().await;
    workspace.aws.break_down("GetSecretValue");
    assert_eq!(signed(&workspace, SECRET, &form(&payload(APPROVER, ""))).await.0, 503);
}

#[tokio::test]
async fn what_is_not_for_us_is_answered_and_ignored() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    workspace.asked().await;
    for payload in
        [json!({ "type": "view_submission" }), json!({ "type": "block_actions", "actions": [{"action_id": "link"}] })]
    {
        assert_eq!(signed(&workspace, SECRET, &form(&payload)).await, (200, String::new()));
    }
    let mut broken = payload(APPROVER, "");
    broken["actions"][0]["value"] = "production".into();
    for (body, why) in [
        (form(&broken), "the payload has no usable actions.value"),
        ("payload=%7B".to_owned(), "the payload is not JSON"),
        ("a=b".to_owned(), "the form has no field payload"),
    ] {
        assert_eq!(signed(&workspace, SECRET, &body).await, (400, json!({ "error": why }).to_string()));
    }
    let large = format!("payload={}", "a".repeat(1024 * 1024));
    assert_eq!(signed(&workspace, SECRET, &large).await.0, 413);
    assert_eq!(workspace.aws.reads(), 0);
}

/// A refusal is told at Slack's own addresses alone, whatever a payload says.
#[tokio::test]
async fn nobody_else_is_told_anything() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let elsewhere = format!("http://{}/responses/response-000001", listener.local_addr().expect("an address"));
    let called: Arc<Mutex<Vec<String>>> = Arc::default();
    let take = async |State(called): State<Arc<Mutex<Vec<String>>>>, uri: Uri| {
        called.lock().expect("the calls").push(uri.to_string());
    };
    let router = Router::new().fallback(take).with_state(Arc::clone(&called));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    workspace.asked().await;
    let body = form(&payload(OUTSIDER, &elsewhere));
    assert_eq!(signed(&workspace, SECRET, &body).await, (200, String::new()));
    assert_eq!(workspace.release().deployments[0].attempts.len(), 1, "it was refused");
    assert_eq!(*called.lock().expect("the calls"), [""; 0]);
}

#[tokio::test]
async fn a_name_from_outside_is_no_markup() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    let ts = workspace.asked().await;
    workspace.press(OUTSIDER, &ts, "approve").await;
    let mut hostile = payload(OUTSIDER, "");
    hostile["user"]["name"] = "<!channel> & co\nnot this line".into();
    assert_eq!(signed(&workspace, SECRET, &form(&hostile)).await.0, 200);
    let attempts = workspace.release().deployments[0].attempts.clone();
    assert_eq!(attempts[1].name, "<!channel> & co");
    let drawn: Vec<_> =
        longshore_core::message::thread(&workspace.release(), &longshore_core::message::Known::default())
            .into_iter()
            .map(|reply| reply.0)
            .collect();
    assert!(drawn.iter().all(|text| !text.contains("<!channel>")), "{drawn:?}");
}
