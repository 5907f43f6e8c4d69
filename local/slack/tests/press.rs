//! Buttons that are pressed: what the app is sent, and what it may answer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use common::{DEPLOYS, Workspace, settings};
use hmac::{Hmac, KeyInit, Mac};
use local_slack::NotPressed;
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "a signing secret";

/// An app that remembers what it is sent: the headers, the body, and the payload in it.
#[derive(Clone, Default)]
struct App(Arc<Mutex<Vec<(HeaderMap, String, Value)>>>);

impl App {
    /// Its request URL; it answers with this status.
    async fn start(&self, status: u16) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/slack/interactions", listener.local_addr().unwrap());
        let take = async move |State(app): State<Self>, headers: HeaderMap, body: String| {
            let mut fields = form_urlencoded::parse(body.as_bytes());
            let payload = fields.find(|(name, _)| name == "payload").unwrap().1.into_owned();
            app.0.lock().unwrap().push((headers, body, serde_json::from_str(&payload).unwrap()));
            StatusCode::from_u16(status).unwrap()
        };
        let router = Router::new().route("/slack/interactions", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn last(&self) -> (HeaderMap, String, Value) {
        self.0.lock().unwrap().last().cloned().unwrap()
    }
}

async fn workspace(app: &App, status: u16) -> Workspace {
    let url = app.start(status).await;
    Workspace::interacting(settings(), Some((&url, SECRET))).await
}

fn message(buttons: &[&str]) -> Value {
    let button = |id: &&str| json!({ "type": "button", "action_id": id, "value": format!("value of {id}"), "text": {"type": "plain_text", "text": id} });
    let elements: Vec<_> = buttons.iter().map(button).collect();
    let section = json!({ "type": "section", "text": {"type": "mrkdwn", "text": "web"} });
    let mut blocks = vec![section];
    if !elements.is_empty() {
        blocks.push(json!({ "type": "actions", "elements": elements }));
    }
    json!({ "text": "web", "attachments": [{ "blocks": blocks }] })
}

#[tokio::test]
async fn the_app_is_sent_who_pressed_what_signed() {
    let app = App::default();
    let workspace = workspace(&app, 200).await;
    let ts = workspace.post(message(&["approve", "reject"])).await;
    assert_eq!(workspace.slack.press("U0DEVELOPER", &ts, "reject").await, Ok(200));
    let (headers, body, payload) = app.last();
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let (timestamp, signature) = (&headers["x-slack-request-timestamp"], &headers["x-slack-signature"]);
    let seconds: i64 = timestamp.to_str().unwrap().parse().unwrap();
    assert!((jiff::Timestamp::now().as_second() - seconds).abs() < 60);
    let base = format!("v0:{seconds}:{body}");
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(base.as_bytes());
    assert_eq!(signature.to_str().unwrap(), format!("v0={}", hex::encode(mac.finalize().into_bytes())));
    assert_eq!(payload["type"], "block_actions");
    assert_eq!(payload["user"]["id"], "U0DEVELOPER");
    assert_eq!(payload["container"]["type"], "message_attachment");
    assert_eq!(
        (&payload["container"]["message_ts"], &payload["container"]["channel_id"]),
        (&json!(ts), &json!(DEPLOYS))
    );
    assert_eq!(payload["message"]["ts"], json!(ts));
    let action = &payload["actions"][0];
    assert_eq!((&action["action_id"], &action["value"]), (&json!("reject"), &json!("value of reject")));
    assert!(action["action_ts"].is_string() && action["block_id"].is_string());
}

#[tokio::test]
async fn what_is_said_at_the_response_url_is_seen_by_the_one_who_pressed_five_times() {
    let app = App::default();
    let workspace = workspace(&app, 200).await;
    let ts = workspace.post(message(&["approve"])).await;
    workspace.slack.press("U0DEVELOPER", &ts, "approve").await.unwrap();
    let url = app.last().2["response_url"].as_str().unwrap().to_owned();
    let say = async |body: Value| {
        let answer = workspace.http.post(&url).body(body.to_string()).send().await.unwrap();
        answer.status().as_u16()
    };
    let private = json!({ "response_type": "ephemeral", "replace_original": false, "text": "You may not" });
    for _ in 0..5 {
        assert_eq!(say(private.clone()).await, 200);
    }
    assert_eq!(say(private).await, 404);
    assert_eq!(say(json!({ "text": "a", "replace_original": true })).await, 400);
    assert_eq!(say(json!({})).await, 400);
    assert_eq!(say(json!([])).await, 400);
    let messages = workspace.slack.messages();
    let told: Vec<_> = messages.iter().filter(|message| message.only_for.is_some()).collect();
    assert_eq!(told.len(), 5);
    assert!(told.iter().all(|message| message.text == "You may not" && message.channel == DEPLOYS));
    assert!(workspace.page("/").await.contains("Only visible to developer"));
    let history = workspace.form("conversations.history", &[("channel", DEPLOYS)]).await;
    assert_eq!(history["messages"].as_array().unwrap().len(), 1, "the channel's history has none of it");
}

#[tokio::test(start_paused = true)]
async fn a_response_url_is_good_for_half_an_hour() {
    let app = App::default();
    let workspace = workspace(&app, 200).await;
    let ts = workspace.post(message(&["approve"])).await;
    workspace.slack.press("U0DEVELOPER", &ts, "approve").await.unwrap();
    let url = app.last().2["response_url"].as_str().unwrap().to_owned();
    tokio::time::advance(Duration::from_mins(31)).await;
    let answer = workspace.http.post(&url).body(r#"{"text": "late"}"#).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    let strange = workspace.http.post(format!("{}/responses/guess", workspace.url)).body("{}").send().await.unwrap();
    assert_eq!(strange.status(), 400);
}

#[tokio::test]
async fn a_button_that_is_gone_can_be_pressed_by_who_is_behind_and_one_that_never_was_cannot() {
    let app = App::default();
    let workspace = workspace(&app, 200).await;
    let ts = workspace.post(message(&["approve"])).await;
    let mut update = message(&[]);
    (update["channel"], update["ts"]) = (DEPLOYS.into(), ts.as_str().into());
    assert_eq!(workspace.call("chat.update", update).await["ok"], true);
    let press = async |user: &str, ts: &str, action: &str| workspace.slack.press(user, ts, action).await;
    assert_eq!(press("U0DEVELOPER", &ts, "approve").await, Ok(200));
    assert_eq!(press("U0DEVELOPER", &ts, "reject").await, Err(NotPressed::NoButton));
    assert_eq!(press("U0DEVELOPER", "1.2", "approve").await, Err(NotPressed::NoButton));
    assert_eq!(press("U0NOBODY", &ts, "approve").await, Err(NotPressed::NoUser));
    workspace.call("chat.delete", json!({ "channel": DEPLOYS, "ts": ts })).await;
    assert_eq!(press("U0DEVELOPER", &ts, "approve").await, Err(NotPressed::NoButton));
}

#[tokio::test]
async fn the_page_presses_as_whom_one_chooses() {
    let app = App::default();
    let workspace = workspace(&app, 401).await;
    let ts = workspace.post(message(&["approve"])).await;
    let page = workspace.page("/").await;
    for part in [
        r#"<option value="U0DEVELOPER">developer</option>"#,
        r#"data-action="approve""#,
        &format!(r#"data-message="{ts}""#),
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("Drawn only"));
    let click = async |content: &str, body: Value| {
        let request = workspace.http.post(format!("{}/press", workspace.url)).header("content-type", content);
        let answer = request.body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let body = json!({ "user": "U0DEVELOPER", "ts": ts, "action": "approve" });
    assert_eq!(click("application/json", body.clone()).await, (200, r#"{"status":401}"#.to_owned()));
    assert_eq!(app.last().2["user"]["name"], "developer");
    assert_eq!(click("text/plain", body).await.0, 415, "what any page could send is not taken");
    let unknown = json!({ "user": "U0DEVELOPER", "ts": ts, "action": "stop" });
    assert_eq!(click("application/json", unknown).await.0, 422);
}

#[tokio::test]
async fn without_an_app_nothing_is_pressed() {
    let workspace = Workspace::start().await;
    let ts = workspace.post(message(&["approve"])).await;
    assert_eq!(workspace.slack.press("U0DEVELOPER", &ts, "approve").await, Err(NotPressed::Nowhere));
    let page = workspace.page("/").await;
    assert!(page.contains("Drawn only") && !page.contains("data-action=\""));
    let closed = Workspace::interacting(settings(), Some(("http://127.0.0.1:1/", SECRET))).await;
    let ts = closed.post(message(&["approve"])).await;
    assert_eq!(closed.slack.press("U0DEVELOPER", &ts, "approve").await, Err(NotPressed::NoAnswer("no connection")));
}
