//! The incoming webhook: what it takes, and what it answers.

mod common;

use common::{DEPLOYS, Workspace, settings};
use local_slack::{Fault, INCOMING, RateLimit, Settings};
use serde_json::json;

/// Status and text of the answer.
async fn post(workspace: &Workspace, path: &str, content_type: &str, body: &str) -> (u16, String) {
    let request = workspace.http.post(format!("{}{path}", workspace.url)).header("content-type", content_type);
    let answer = request.body(body.to_owned()).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

fn answer(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

#[tokio::test]
async fn each_message_is_a_new_one_in_the_first_channel() {
    let workspace = Workspace::start().await;
    let body = json!({ "text": "one", "metadata": { "event_type": "x", "event_payload": {} } }).to_string();
    assert_eq!(post(&workspace, INCOMING, "application/json", &body).await, answer(200, "ok"));
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("payload", r#"{"text": "two"}"#).finish();
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(post(&workspace, INCOMING, kind, &form).await, answer(200, "ok"));
    let messages = workspace.slack.messages();
    let shown: Vec<_> = messages.iter().map(|message| (message.channel.as_str(), message.text.as_str())).collect();
    assert_eq!(shown, [(DEPLOYS, "one"), (DEPLOYS, "two")]);
    assert_eq!(messages[0].metadata, None, "a webhook takes none");
}

#[tokio::test]
async fn what_it_cannot_take_it_refuses_with_a_word() {
    let workspace = Workspace::start().await;
    let json = "application/json";
    for (body, word) in [("no json", "invalid_payload"), ("[]", "invalid_payload"), (r#"{"text": " "}"#, "no_text")] {
        assert_eq!(post(&workspace, INCOMING, json, body).await, answer(400, word), "{body}");
    }
    assert_eq!(post(&workspace, "/services/T/B/x", json, r#"{"text": "x"}"#).await, answer(404, "no_service"));
    assert_eq!(workspace.slack.messages(), []);
}

#[tokio::test]
async fn an_archived_channel_a_limit_and_faults_are_met_here_too() {
    let mut archived = settings();
    archived.channels[0].archived = true;
    let (json, body) = ("application/json", r#"{"text": "x"}"#);
    let workspace = Workspace::with(archived).await;
    assert_eq!(post(&workspace, INCOMING, json, body).await, answer(410, "channel_is_archived"));
    let limit = RateLimit { burst: 1, interval: std::time::Duration::from_mins(1) };
    let workspace = Workspace::with(Settings { rate_limit: Some(limit), ..settings() }).await;
    assert_eq!(post(&workspace, INCOMING, json, body).await.0, 200);
    assert_eq!(post(&workspace, INCOMING, json, body).await.0, 429);
    workspace.slack.fail_next(1, Fault::Error("no_active_hooks".into()));
    assert_eq!(post(&workspace, INCOMING, json, body).await, answer(400, "no_active_hooks"));
}
