//! An inbox with sample messages, to look at: `cargo run -p local-slack --example inbox`.

use std::sync::Arc;

use local_slack::{Settings, Slack, User};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut settings = Settings::default();
    settings.users.push(User::new("U0GRACE", "grace", "grace@example.com"));
    let slack = Slack::new(settings);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(serve(listener, Arc::clone(&slack)));
    samples(&url, &slack).await.map_err(std::io::Error::other)?;
    println!("{url}/");
    serving.await?
}

async fn serve(listener: tokio::net::TcpListener, slack: Arc<Slack>) -> std::io::Result<()> {
    axum::serve(listener, slack.router()).await
}

async fn samples(url: &str, slack: &Slack) -> Result<(), reqwest::Error> {
    slack.say("U0GRACE", "C0DEPLOYS1", "Merging the new checkout now, <@U0DEVELOPER> :eyes:");
    let root = post(url, json!({ "text": "web 42 is live", "attachments": [{ "color": "#2eb67d", "blocks": [
        { "type": "header", "text": { "type": "plain_text", "text": ":rocket: web #42 is live in production" } },
        { "type": "section", "text": { "type": "mrkdwn", "text":
            "<https://github.com/acme/web/commit/4f2c1aa|4f2c1aa> Fix the *checkout* for carts with `&lt;empty&gt;` names" } },
        { "type": "section", "fields": [
            { "type": "mrkdwn", "text": "*Branch*\nmain" }, { "type": "mrkdwn", "text": "*Author*\n<@U0GRACE>" },
            { "type": "mrkdwn", "text": "*Build*\n:white_check_mark: 2 min 14 s" },
            { "type": "mrkdwn", "text": "*Image*\n`web@sha256:9b3f…`" }] },
        { "type": "divider" },
        { "type": "section", "text": { "type": "mrkdwn", "text":
            ":white_check_mark: *staging*  live\n:hourglass_flowing_sand: *production*  2 of 4 tasks" },
          "accessory": { "type": "button", "text": { "type": "plain_text", "text": "Watch" }, "url": "https://example.com/" } },
        { "type": "actions", "elements": [
            { "type": "button", "style": "primary", "action_id": "approve", "text": { "type": "plain_text", "text": "Approve" } },
            { "type": "button", "style": "danger", "action_id": "stop", "text": { "type": "plain_text", "text": "Stop" } },
            { "type": "button", "url": "https://example.com/logs", "text": { "type": "plain_text", "text": "Logs" } }] },
        { "type": "context", "elements": [{ "type": "mrkdwn", "text":
            ":anchor: release 01JC · <!date^1767225600^{date_short} {time}|then>" }] },
    ] }] })).await?;
    post(url, json!({ "thread_ts": root, "text": "The build started :hammer_and_wrench:" })).await?;
    post(url, json!({ "thread_ts": root, "text": "Tests:\n```\nrunning 212 tests\ntest result: ok. 212 passed\n```" }))
        .await?;
    post(url, json!({ "attachments": [{ "color": "danger", "text":
        ":x: *api #17* was rolled back. <!here>\n&gt; essential container exited with code 1\n~api #17~ api #16 serves again" }] }))
    .await?;
    post(url, json!({ "text": "Hostile: <script>alert(1)</script> _still_ text" })).await?;
    Ok(())
}

async fn post(url: &str, mut arguments: Value) -> Result<String, reqwest::Error> {
    arguments["channel"] = "#deploys".into();
    let request = local_protocol::http().post(format!("{url}/api/chat.postMessage")).bearer_auth("xoxb-local");
    let request = request.header("content-type", "application/json; charset=utf-8").body(arguments.to_string());
    let answer: Value = request.send().await?.json().await?;
    Ok(answer["ts"].as_str().map(str::to_owned).unwrap_or_default())
}
