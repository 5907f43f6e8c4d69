//! Block Kit's limits: each is met and exceeded.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{DEPLOYS, Workspace, section};
use serde_json::{Value, json};

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

fn button(more: &Value) -> Value {
    let mut button = json!({ "type": "button", "text": plain("Go") });
    button.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    button
}

fn actions(elements: &[Value]) -> Value {
    json!({ "type": "actions", "elements": elements })
}

fn fields(count: usize, length: usize) -> Value {
    json!({ "type": "section", "fields": vec![plain(&"x".repeat(length)); count] })
}

#[tokio::test]
async fn what_the_limits_allow_is_posted() {
    let workspace = Workspace::start().await;
    for blocks in [
        vec![section("x"); 50],
        vec![json!({ "type": "header", "text": plain(&"é".repeat(150)) })],
        vec![section(&"x".repeat(3000)), json!({ "type": "divider" })],
        vec![fields(5, 2000), fields(10, 1)],
        vec![actions(&vec![button(&json!({})); 25])],
        vec![actions(&[button(
            &json!({ "value": "v".repeat(2000), "action_id": "a".repeat(255), "style": "danger" }),
        )])],
        vec![json!({ "type": "context", "elements": vec![plain("x"); 10], "block_id": "b".repeat(255) })],
        vec![json!({ "type": "image", "image_url": "https://x.test/a.png", "alt_text": "a", "title": plain("A") })],
    ] {
        workspace.post(json!({ "blocks": blocks })).await;
    }
}

#[tokio::test]
async fn what_exceeds_them_is_refused_with_a_pointer() {
    let workspace = Workspace::start().await;
    let header = |text: Value| json!({ "type": "header", "text": text });
    for (blocks, message) in [
        (vec![section("x"); 51], "no more than 50 items allowed [json-pointer:/blocks]"),
        (vec![section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        (vec![section(&"x".repeat(3001))], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        (vec![json!({ "type": "section" })], "must define either `text` or `fields` [json-pointer:/blocks/0]"),
        (vec![fields(11, 1)], "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
        (vec![fields(1, 2001)], "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]"),
        (vec![header(plain(&"x".repeat(151)))], "must be less than 151 characters [json-pointer:/blocks/0/text/text]"),
        (
            vec![header(json!({ "type": "mrkdwn", "text": "x" }))],
            "must be a valid enum value [json-pointer:/blocks/0/text/type]",
        ),
        (
            vec![actions(&vec![button(&json!({})); 26])],
            "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (vec![actions(&[])], "no less than 1 items allowed [json-pointer:/blocks/0/elements]"),
        (
            vec![actions(&[button(&json!({ "text": plain(&"x".repeat(76)) }))])],
            "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
        ),
        (
            vec![actions(&[button(&json!({ "value": "v".repeat(2001) }))])],
            "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
        ),
        (
            vec![actions(&[button(&json!({ "url": format!("https://{}", "x".repeat(3000)) }))])],
            "must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]",
        ),
        (
            vec![actions(&[button(&json!({ "url": "javascript:alert(1)" }))])],
            "must be a valid URL [json-pointer:/blocks/0/elements/0/url]",
        ),
        (
            vec![actions(&[button(&json!({ "disabled": true }))])],
            "invalid additional property: disabled [json-pointer:/blocks/0/elements/0]",
        ),
        (
            vec![actions(&[button(&json!({ "action_id": "a".repeat(256) }))])],
            "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
        ),
        (
            vec![actions(&[button(&json!({ "action_id": "a" })), button(&json!({ "action_id": "a" }))])],
            "`action_id` a already exists in this block [json-pointer:/blocks/0/elements/1/action_id]",
        ),
        (
            vec![json!({ "type": "divider", "block_id": "b" }), json!({ "type": "divider", "block_id": "b" })],
            "`block_id` b already exists in this message [json-pointer:/blocks/1/block_id]",
        ),
        (
            vec![json!({ "type": "divider", "block_id": "b".repeat(256) })],
            "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
        ),
        (
            vec![json!({ "type": "context", "elements": vec![plain("x"); 11] })],
            "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (vec![json!({ "type": "marquee" })], "unsupported type: marquee [json-pointer:/blocks/0/type]"),
        (vec![json!({ "type": "input" })], "unsupported type: input [json-pointer:/blocks/0/type]"),
        (vec![json!({})], "missing required field: type [json-pointer:/blocks/0]"),
        (
            vec![json!({ "type": "section", "text": { "type": "mrkdwn", "text": "x", "emoji": true } })],
            "invalid additional property: emoji [json-pointer:/blocks/0/text]",
        ),
        (vec![json!({ "type": "section", "text": "x" })], "must provide an object [json-pointer:/blocks/0/text]"),
    ] {
        let answer = workspace.call("chat.postMessage", json!({ "channel": DEPLOYS, "blocks": blocks })).await;
        assert_eq!(answer["error"], "invalid_blocks", "{message}");
        assert_eq!(answer["response_metadata"]["messages"], json!([format!("[ERROR] {message}")]));
    }
    assert!(workspace.slack.messages().is_empty());
}

#[tokio::test]
async fn all_blocks_together_have_a_limit_too() {
    let workspace = Workspace::start().await;
    let blocks = vec![section(&"x".repeat(3000)); 5];
    let arguments = json!({ "channel": DEPLOYS, "blocks": blocks });
    assert_eq!(workspace.error("chat.postMessage", arguments).await, "msg_blocks_too_long");
    workspace.post(json!({ "blocks": vec![section(&"x".repeat(3000)); 4] })).await;
}

#[tokio::test]
async fn blocks_in_attachments_are_checked_as_well() {
    let workspace = Workspace::start().await;
    let attachments = json!([{ "color": "#2eb67d", "fallback": "x", "blocks": [section("")] }]);
    let answer = workspace.call("chat.postMessage", json!({ "channel": DEPLOYS, "attachments": attachments })).await;
    assert_eq!(answer["error"], "invalid_attachments");
    assert_eq!(
        answer["errors"],
        json!(["must be more than 0 characters [json-pointer:/attachments/0/blocks/0/text/text]"])
    );
}

#[tokio::test]
async fn slack_names_what_has_no_name() {
    let workspace = Workspace::start().await;
    workspace
        .post(json!({ "blocks": [actions(&[button(&json!({})), button(&json!({ "action_id": "mine" }))])] }))
        .await;
    let message = workspace.slack.messages().remove(0);
    assert!(message.blocks[0]["block_id"].is_string());
    assert!(message.blocks[0]["elements"][0]["action_id"].is_string());
    assert_eq!(message.blocks[0]["elements"][1]["action_id"], "mine");
}
