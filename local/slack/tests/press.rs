//! Buttons that are pressed: what the app is sent, and what it may answer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{App, DEPLOYS, SECRET, Workspace, click, plain, respond, settings};
use hmac::{Hmac, KeyInit, Mac};
use local_slack::NotPressed;
use serde_json::{Value, json};
use sha2::Sha256;

async fn workspace(app: &App, status: u16) -> Workspace {
    app.answers(status, "", "");
    let url = app.start().await;
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
    let (headers, body) = app.last();
    let payload = app.payload();
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
    let url = app.payload()["response_url"].as_str().unwrap().to_owned();
    let say = async |body: Value| {
        let answer = workspace.http.post(&url).body(body.to_string()).send().await.unwrap();
        answer.status().as_u16()
    };
    let private = json!({ "response_type": "ephemeral", "replace_original": false, "text": "You may not" });
    for _ in 0..5 {
        assert_eq!(say(private.clone()).await, 200);
    }
    assert_eq!(say(private).await, 404);
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
    let url = app.payload()["response_url"].as_str().unwrap().to_owned();
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
    let body = json!({ "user": "U0DEVELOPER", "ts": ts, "action": "approve" });
    assert_eq!(click(&workspace, "/press", &body).await, (200, json!({ "status": 401 })));
    assert_eq!(app.payload()["user"]["name"], "developer");
    for route in ["/press", "/command", "/submit", "/close"] {
        let request = workspace.http.post(format!("{}{route}", workspace.url)).header("content-type", "text/plain");
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 415, "what any page could send is not taken: {route}");
    }
    let unknown = json!({ "user": "U0DEVELOPER", "ts": ts, "action": "stop" });
    assert_eq!(click(&workspace, "/press", &unknown).await.0, 422);
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

#[tokio::test]
async fn the_pressed_message_is_replaced_and_deleted_at_the_response_url() {
    let (workspace, app) = Workspace::with_app().await;
    let ts = workspace.post(message(&["approve"])).await;
    workspace.slack.press("U0DEVELOPER", &ts, "approve").await.unwrap();
    let url = app.payload()["response_url"].as_str().unwrap().to_owned();
    assert_eq!(respond(&url, &json!({ "replace_original": true })).await, 400, "with nothing to say");
    assert_eq!(respond(&url, &json!({ "replace_original": true, "text": "decided" })).await, 200);
    let replaced = workspace.slack.messages().remove(0);
    assert_eq!((replaced.text.as_str(), replaced.ts == ts, replaced.attachments.len()), ("decided", true, 0));
    assert_eq!(replaced.history[0].text, "web");
    assert_eq!(respond(&url, &json!({ "delete_original": true })).await, 200);
    assert!(workspace.slack.messages()[0].deleted);
    assert_eq!(respond(&url, &json!({ "replace_original": true, "text": "again" })).await, 404, "it is gone");
}

#[tokio::test]
async fn a_button_that_one_user_sees_is_pressed_by_them_alone_and_its_payload_has_no_message() {
    let (workspace, app) = Workspace::with_app().await;
    let blocks =
        json!([{ "type": "actions", "elements": [{ "type": "button", "action_id": "sure", "text": plain("Sure") }] }]);
    let ephemeral = json!({ "channel": DEPLOYS, "user": "U0DEVELOPER", "text": "Sure?", "blocks": blocks });
    let ts = workspace.call("chat.postEphemeral", ephemeral).await["message_ts"].as_str().unwrap().to_owned();
    assert_eq!(workspace.slack.press("U0GRACE", &ts, "sure").await, Err(NotPressed::NoButton));
    assert_eq!(workspace.slack.press("U0DEVELOPER", &ts, "sure").await, Ok(200));
    let payload = app.payload();
    assert_eq!((&payload["container"]["is_ephemeral"], payload.get("message")), (&json!(true), None));
    assert_eq!(
        (&payload["container"]["type"], &payload["actions"][0]["action_id"]),
        (&json!("message"), &json!("sure"))
    );
    let url = payload["response_url"].as_str().unwrap();
    assert_eq!(respond(url, &json!({ "replace_original": true, "text": "Done" })).await, 200);
    let message = workspace.slack.messages().remove(0);
    assert_eq!((message.text.as_str(), message.only_for.as_deref()), ("Done", Some("U0DEVELOPER")));
    assert_eq!(respond(url, &json!({ "delete_original": true })).await, 200);
    assert!(!workspace.page("/").await.contains("Only visible"));
}

#[tokio::test]
async fn what_a_button_asks_first_is_drawn() {
    let (workspace, _app) = Workspace::with_app().await;
    let confirm = json!({
        "title": plain("Really <now>?"), "text": plain("web goes back"), "confirm": plain("Go back"), "deny": plain("No"),
        "style": "danger",
    });
    let button = json!({ "type": "button", "action_id": "back", "text": plain("Roll back"), "confirm": confirm });
    workspace.post(json!({ "text": "web", "blocks": [{ "type": "actions", "elements": [button] }] })).await;
    let page = workspace.page("/").await;
    for part in [
        r#"<dialog class="confirm" aria-label="Really &lt;now&gt;?">"#,
        "web goes back",
        r#"<button class="button danger" type="button" data-confirm>Go back</button>"#,
        "data-deny autofocus>No</button>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
}
