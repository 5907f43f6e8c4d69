//! Slash commands: what the app is sent, and what people see of its answer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{App, DEPLOYS, SECRET, Workspace, click, plain, respond, section, settings};
use local_slack::{Channel, NotPressed, Reply};
use serde_json::json;

const JSON: &str = "application/json; charset=utf-8";

async fn deploy(workspace: &Workspace, text: &str) -> Reply {
    workspace.slack.command("U0DEVELOPER", DEPLOYS, "/deploy", text).await.unwrap()
}

/// Who sees which texts, in order.
fn seen(workspace: &Workspace) -> Vec<(Option<String>, String)> {
    workspace.slack.messages().into_iter().map(|message| (message.only_for, message.text)).collect()
}

fn private(text: &str) -> (Option<String>, String) {
    (Some("U0DEVELOPER".to_owned()), text.to_owned())
}

fn public(text: &str) -> (Option<String>, String) {
    (None, text.to_owned())
}

#[tokio::test]
async fn the_app_is_sent_the_whole_form() {
    let (workspace, app) = Workspace::with_app().await;
    let reply = deploy(&workspace, "web main & <more>").await;
    assert_eq!((reply.status, reply.trouble), (200, None));
    let (headers, body) = app.last();
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let names: Vec<_> = form_urlencoded::parse(body.as_bytes()).map(|(name, _)| name.into_owned()).collect();
    let documented = [
        "token",
        "team_id",
        "team_domain",
        "channel_id",
        "channel_name",
        "user_id",
        "user_name",
        "command",
        "text",
        "api_app_id",
        "is_enterprise_install",
        "response_url",
        "trigger_id",
    ];
    assert_eq!(names, documented);
    for (name, value) in [
        ("channel_id", DEPLOYS),
        ("channel_name", "deploys"),
        ("user_id", "U0DEVELOPER"),
        ("user_name", "developer"),
        ("command", "/deploy"),
        ("text", "web main & <more>"),
        ("is_enterprise_install", "false"),
    ] {
        assert_eq!(app.field(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(reply.sent.body, body);
    assert!(workspace.slack.messages().is_empty(), "an empty answer shows nothing");
}

#[tokio::test]
async fn an_answer_is_for_the_one_who_asked_unless_it_says_otherwise() {
    let (workspace, app) = Workspace::with_app().await;
    app.answers(200, "text/plain", "plain *words*");
    deploy(&workspace, "help").await;
    app.answers(200, JSON, &json!({ "text": "just you" }).to_string());
    deploy(&workspace, "help").await;
    app.answers(
        200,
        JSON,
        &json!({ "response_type": "ephemeral", "blocks": [section("blocks")], "text": "fallback" }).to_string(),
    );
    deploy(&workspace, "help").await;
    assert_eq!(seen(&workspace), [private("plain *words*"), private("just you"), private("fallback")]);
    assert_eq!(workspace.slack.messages()[2].blocks.len(), 1);
    app.answers(200, JSON, &json!({ "response_type": "in_channel", "text": "it goes" }).to_string());
    deploy(&workspace, "web").await;
    app.answers(200, JSON, &json!({ "response_type": "in_channel" }).to_string());
    deploy(&workspace, "").await;
    let all = [public("/deploy web"), public("it goes"), public("/deploy")];
    assert_eq!(seen(&workspace)[3..], all, "what is for all shows what was typed");
    assert_eq!(workspace.slack.messages()[3].user, "U0DEVELOPER");
    let page = workspace.page("/").await;
    assert!(page.contains("Only visible to developer") && page.contains("<b>words</b>") && page.contains("it goes"));
}

#[tokio::test]
async fn an_answer_that_slack_would_not_show_is_trouble() {
    let (workspace, app) = Workspace::with_app().await;
    for (status, content, body, trouble) in [
        (500, JSON, json!({ "text": "x" }).to_string(), "the app answered 500"),
        (200, JSON, "{".to_owned(), "the answer is not JSON"),
        (200, JSON, "[]".to_owned(), "the answer is no object"),
        (200, JSON, json!({ "response_type": "public", "text": "x" }).to_string(), "invalid_response_type"),
        (200, JSON, json!({ "blocks": [section(&"x".repeat(3001))] }).to_string(), "invalid_blocks: "),
        (
            200,
            JSON,
            json!({ "attachments": [{ "blocks": [{ "type": "shout" }] }] }).to_string(),
            "invalid_attachments: ",
        ),
    ] {
        app.answers(status, content, &body);
        let told = deploy(&workspace, "web").await.trouble.unwrap_or_default();
        assert!(told.starts_with(trouble), "{told} for {body}");
    }
    assert!(workspace.slack.messages().is_empty());
}

#[tokio::test]
async fn a_command_needs_a_user_a_channel_and_a_word() {
    let (workspace, app) = Workspace::with_app().await;
    let command = async |user: &str, channel: &str, command: &str| {
        workspace.slack.command(user, channel, command, "").await.map(|reply| reply.status)
    };
    assert_eq!(command("U0NOBODY", DEPLOYS, "/deploy").await, Err(NotPressed::NoUser));
    assert_eq!(command("U0DEVELOPER", "C0NOWHERE", "/deploy").await, Err(NotPressed::NoChannel));
    assert_eq!(command("U0DEVELOPER", "C0OLD00001", "/deploy").await, Err(NotPressed::NoChannel));
    for word in ["deploy", "/", "/two words"] {
        assert_eq!(command("U0DEVELOPER", DEPLOYS, word).await, Err(NotPressed::NoCommand), "{word}");
    }
    assert_eq!(app.count(), 0);
    let alone = Workspace::start().await;
    let nowhere = alone.slack.command("U0DEVELOPER", DEPLOYS, "/deploy", "").await;
    assert_eq!(nowhere.map(|reply| reply.status), Err(NotPressed::Nowhere));
}

#[tokio::test]
async fn names_of_private_channels_are_not_told() {
    let mut settings = settings();
    settings.channels.push(Channel { private: true, ..Channel::new("C0PRIVATE1", "plans") });
    let app = App::default();
    let url = app.start().await;
    let workspace = Workspace::interacting(settings, Some((&url, SECRET))).await;
    workspace.call("chat.postMessage", json!({ "channel": "U0DEVELOPER", "text": "psst" })).await;
    for (channel, name) in [("C0PRIVATE1", "privategroup"), ("D0DEVELOPER", "directmessage")] {
        workspace.slack.command("U0DEVELOPER", channel, "/deploy", "").await.unwrap();
        assert_eq!(app.field("channel_name").as_deref(), Some(name));
    }
}

#[tokio::test]
async fn an_app_has_three_seconds() {
    let (workspace, app) = Workspace::with_app().await;
    app.falls_silent();
    let slack = workspace.slack.clone();
    let typed = tokio::spawn(async move { slack.command("U0DEVELOPER", DEPLOYS, "/deploy", "").await });
    while app.count() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(typed.await.unwrap().map(|_| ()), Err(NotPressed::NoAnswer("not within three seconds")));
}

#[tokio::test]
async fn a_request_can_be_sent_again_or_forged_and_nobody_sees_the_answer() {
    let (workspace, app) = Workspace::with_app().await;
    deploy(&workspace, "web").await;
    let (headers, body) = app.last();
    app.answers(401, "text/plain", "no");
    let sent = workspace.slack.sent().pop().unwrap();
    let again = workspace.slack.replay(&sent).await.unwrap();
    assert_eq!((again.status, again.body.as_str(), app.count()), (401, "no", 2));
    for name in ["x-slack-signature", "x-slack-request-timestamp"] {
        assert_eq!(app.last().0[name], headers[name], "{name}");
    }
    assert_eq!(app.last().1, body);
    let forged = sent.signed("another secret", sent.timestamp);
    workspace.slack.replay(&forged).await.unwrap();
    assert_ne!(app.last().0["x-slack-signature"], headers["x-slack-signature"]);
    let old = sent.signed(SECRET, sent.timestamp - 600);
    workspace.slack.replay(&old).await.unwrap();
    assert_eq!(app.last().0["x-slack-request-timestamp"], (sent.timestamp - 600).to_string().as_str());
    assert_eq!(sent.signed(SECRET, sent.timestamp), sent);
    assert_eq!(sent.field("command").as_deref(), Some("/deploy"));
    assert!(workspace.slack.messages().is_empty());
}

#[tokio::test]
async fn a_command_is_answered_later_and_opens_a_modal() {
    let (workspace, app) = Workspace::with_app().await;
    deploy(&workspace, "web").await;
    let url = app.field("response_url").unwrap();
    assert_eq!(respond(&url, &json!({ "text": "started" })).await, 200);
    assert_eq!(respond(&url, &json!({ "response_type": "in_channel", "text": "it is live" })).await, 200);
    assert_eq!(seen(&workspace), [private("started"), public("it is live")]);
    for change in ["replace_original", "delete_original"] {
        assert_eq!(respond(&url, &json!({ change: true, "text": "x" })).await, 400, "nothing was pressed: {change}");
    }
    assert_eq!(respond(&url, &json!({ "text": "the last" })).await, 200);
    assert_eq!(respond(&url, &json!({ "text": "one too many" })).await, 404);
    let view = json!({ "type": "modal", "title": plain("Deploy"), "blocks": [section("Which?")] });
    let open = json!({ "trigger_id": app.field("trigger_id").unwrap(), "view": view });
    assert_eq!(workspace.call("views.open", open).await["ok"], true);
    assert_eq!(workspace.slack.modal("U0DEVELOPER").unwrap()["title"]["text"], "Deploy");
}

#[tokio::test]
async fn the_page_takes_a_line() {
    let (workspace, app) = Workspace::with_app().await;
    let page = workspace.page("/").await;
    assert!(page.contains(r#"<label for="command">Slash command</label>"#), "{page}");
    let typed = |line: &str| json!({ "user": "U0DEVELOPER", "channel": DEPLOYS, "line": line });
    let (status, told) = click(&workspace, "/command", &typed(" /deploy  web main ")).await;
    assert_eq!((status, &told), (200, &json!({ "status": 200, "trouble": null })));
    assert_eq!(app.field("text").as_deref(), Some("web main"));
    let (status, told) = click(&workspace, "/command", &typed("hello")).await;
    assert_eq!((status, told["error"].as_str()), (422, Some("a command is a word that begins with /")));
    app.answers(200, JSON, "[]");
    let (_, told) = click(&workspace, "/command", &typed("/deploy")).await;
    assert_eq!(told["trouble"], "the answer is no object");
    assert!(
        !Workspace::start().await.page("/").await.contains("composer\""),
        "without an app there is nothing to type"
    );
}
