//! The page, and the drawing of whole messages.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{DEPLOYS, Workspace, section};
use local_slack::draw;
use serde_json::{Value, json};

#[tokio::test]
async fn the_page_shows_channels_messages_and_threads() {
    let workspace = Workspace::start().await;
    assert!(workspace.page("/").await.contains("No messages yet"));
    let root = workspace.post(json!({ "text": "*web* is building" })).await;
    workspace.post(json!({ "text": "done", "thread_ts": root })).await;
    let update = json!({ "channel": DEPLOYS, "ts": root, "text": "*web* is live" });
    workspace.call("chat.update", update).await;
    let page = workspace.page("/").await;
    for part in ["#deploys", "#general", "<b>web</b> is live", "(edited)", ">APP<", "1 reply", ">done<"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("is building"));
    assert!(!workspace.page("/?channel=C0GENERAL1").await.contains("is live"));
    assert!(!page.contains("https://"), "nothing comes from elsewhere");
}

#[tokio::test]
async fn the_page_learns_of_a_change_at_once() {
    let workspace = Workspace::start().await;
    let waiting = workspace.http.get(format!("{}/changes?channel={DEPLOYS}&after=0", workspace.url)).send();
    let waiting = tokio::spawn(waiting);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    workspace.post(json!({ "text": "news" })).await;
    let list = waiting.await.unwrap().unwrap().text().await.unwrap();
    assert!(list.contains("news") && list.contains(r#"data-version="1""#), "{list}");
}

#[tokio::test]
async fn every_block_is_drawn() {
    let workspace = Workspace::start().await;
    let plain = |text: &str| json!({ "type": "plain_text", "text": text });
    let blocks = json!([
        { "type": "header", "text": plain("web #42 :rocket:") },
        { "type": "section", "fields": [{ "type": "mrkdwn", "text": "*Branch*\nmain" }, plain("*plain*")] },
        { "type": "divider" },
        { "type": "context", "elements": [{ "type": "mrkdwn", "text": "by <@U0DEVELOPER>" },
            { "type": "image", "image_url": "https://x.test/a.png", "alt_text": "face" }] },
        { "type": "actions", "elements": [
            { "type": "button", "text": plain("Logs"), "url": "https://logs.test/?a=1&b=2" },
            { "type": "button", "text": plain("Stop"), "style": "danger", "action_id": "stop" }] },
    ]);
    workspace.post(json!({ "text": "fallback", "attachments": [{ "color": "good", "blocks": blocks }] })).await;
    let drawn = draw(&workspace.slack.messages()[0], &workspace.slack.directory()).into_string();
    for part in [
        "background:#2eb67d",
        r#"web #42 <span class="emoji" title=":rocket:">🚀</span>"#,
        "<b>Branch</b><br>main",
        "*plain*",
        "<hr>",
        "@developer",
        "🖼 face",
        r#"<a class="button" href="https://logs.test/?a=1&amp;b=2""#,
        r#"<button class="button danger" disabled title="Drawn only"#,
    ] {
        assert!(drawn.contains(part), "{part} in {drawn}");
    }
}

#[tokio::test]
async fn hostile_text_is_never_markup() {
    let workspace = Workspace::start().await;
    let hostile = r#""><script>alert(1)</script><img src=x onerror=alert(1)>'"#;
    let plain = json!({ "type": "plain_text", "text": hostile });
    let blocks = json!([
        { "type": "header", "text": plain }, section(hostile), { "type": "markdown", "text": hostile },
        { "type": "section", "fields": [plain], "block_id": hostile },
        { "type": "context", "elements": [{ "type": "image", "image_url": hostile, "alt_text": hostile }] },
        { "type": "actions", "elements": [{ "type": "button", "text": plain, "value": hostile, "action_id": hostile }] },
    ]);
    let old = json!({ "color": hostile, "title": hostile, "title_link": "javascript:alert(1)", "text": hostile,
        "pretext": hostile, "footer": hostile, "fallback": hostile });
    workspace.post(json!({ "text": hostile, "blocks": blocks, "attachments": [old] })).await;
    workspace.post(json!({ "text": hostile })).await;
    workspace.slack.say(hostile, DEPLOYS, hostile);
    let page = workspace.page("/").await;
    assert_eq!(page.matches("<script").count(), 1, "only the page's own");
    assert!(!page.contains("<img") && !page.contains("href=\"javascript"), "{page}");
    assert!(workspace.page("/?channel=%22%3E%3Cscript%3E").await.matches("<script").count() == 1);
    let raw: Value = serde_json::from_str(&workspace.page("/messages.json").await).unwrap();
    assert_eq!(raw[1]["text"], hostile, "kept as it was sent");
}
