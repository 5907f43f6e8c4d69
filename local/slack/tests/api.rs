//! The Web API: requests, errors, threads, edits, faults.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{DEPLOYS, TOKEN, Workspace, section, settings};
use local_slack::{Fault, RateLimit, Settings};
use serde_json::{Value, json};

#[tokio::test]
async fn the_token_is_proved_by_header_or_field() {
    let workspace = Workspace::start().await;
    assert_eq!(workspace.form("auth.test", &[]).await["ok"], true);
    assert_eq!(workspace.call("auth.test", json!({})).await["user_id"], "U0LONGSHORE");
    let none: Value = workspace.request("auth.test").send().await.unwrap().json().await.unwrap();
    assert_eq!(none, json!({ "ok": false, "error": "not_authed" }));
    let wrong = workspace.request("auth.test").bearer_auth("xoxb-other").send().await.unwrap();
    assert_eq!(wrong.json::<Value>().await.unwrap()["error"], "invalid_auth");
    let in_json = workspace.request("auth.test").header("content-type", "application/json; charset=utf-8");
    let in_json = in_json.body(json!({ "token": TOKEN }).to_string()).send().await.unwrap();
    assert_eq!(in_json.json::<Value>().await.unwrap()["error"], "not_authed", "a token in JSON is not looked at");
    assert_eq!(workspace.call("chat.shout", json!({})).await["error"], "unknown_method");
}

#[tokio::test]
async fn bodies_are_forms_or_json() {
    let workspace = Workspace::start().await;
    let blocks = json!([section("hello")]).to_string();
    let posted = workspace.form("chat.postMessage", &[("channel", "#deploys"), ("blocks", &blocks)]).await;
    assert_eq!((posted["ok"].as_bool(), posted["channel"].as_str()), (Some(true), Some(DEPLOYS)));
    assert_eq!(posted["message"]["blocks"][0]["text"]["text"], "hello");
    let answer = |kind: &'static str, body: &'static str| {
        let request = workspace.request("chat.postMessage").bearer_auth(TOKEN).header("content-type", kind).body(body);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let warned = answer("application/json", r##"{"channel":"#deploys","text":"x"}"##).await;
    assert_eq!((warned["ok"].as_bool(), warned["warning"].as_str()), (Some(true), Some("missing_charset")));
    assert_eq!(answer("application/json; charset=utf-8", "{").await["error"], "invalid_json");
    assert_eq!(answer("application/json; charset=utf-8", "[]").await["error"], "json_not_object");
    assert_eq!(answer("application/xml", "<x/>").await["error"], "invalid_post_type");
    let text = workspace.form("chat.postMessage", &[("channel", DEPLOYS), ("blocks", "[{")]).await;
    assert_eq!(text["error"], "invalid_blocks_format");
    // Methods that read take no JSON.
    let ignored = workspace.call("users.lookupByEmail", json!({ "email": "developer@example.com" })).await;
    assert_eq!(ignored["response_metadata"]["messages"], json!(["[ERROR] missing required field: email"]));
}

#[tokio::test]
async fn a_message_needs_a_channel_and_something_to_say() {
    let workspace = Workspace::start().await;
    for (channel, error) in [
        ("#nowhere", "channel_not_found"),
        ("C0SECRET01", "channel_not_found"),
        ("C0FOREIGN1", "not_in_channel"),
        ("#old", "is_archived"),
    ] {
        let arguments = json!({ "channel": channel, "text": "x" });
        assert_eq!(workspace.error("chat.postMessage", arguments).await, error, "{channel}");
    }
    let post = |arguments: Value| workspace.error("chat.postMessage", arguments);
    assert_eq!(post(json!({ "text": "x" })).await, "invalid_arguments");
    assert_eq!(post(json!({ "channel": DEPLOYS })).await, "no_text");
    assert_eq!(post(json!({ "channel": DEPLOYS, "text": " ", "blocks": [] })).await, "no_text");
    assert_eq!(post(json!({ "channel": DEPLOYS, "text": "x".repeat(40_001) })).await, "msg_too_long");
    let attachments = vec![json!({ "text": "x" }); 101];
    assert_eq!(post(json!({ "channel": DEPLOYS, "attachments": attachments })).await, "too_many_attachments");
    let metadata = json!({ "event_type": "release" });
    assert_eq!(post(json!({ "channel": DEPLOYS, "text": "x", "metadata": metadata })).await, "invalid_metadata_schema");
    assert!(workspace.slack.messages().is_empty());
    workspace.post(json!({ "text": "é".repeat(40_000) })).await;
}

#[tokio::test]
async fn an_update_keeps_the_history() {
    let workspace = Workspace::start().await;
    let ts = workspace.post(json!({ "text": "building", "blocks": [section("building")] })).await;
    let update = |arguments: Value| {
        let mut arguments = arguments;
        arguments["channel"] = DEPLOYS.into();
        arguments["ts"] = ts.as_str().into();
        workspace.call("chat.update", arguments)
    };
    let answer = update(json!({ "text": "built", "blocks": [section("built")] })).await;
    assert_eq!((answer["text"].as_str(), answer["message"].get("edited")), (Some("built"), None));
    let answer = update(json!({ "text": "live" })).await;
    assert!(answer["message"].get("blocks").is_none(), "a text alone removes the blocks");
    assert!(answer["message"]["edited"]["ts"].is_string());
    update(json!({ "attachments": [{ "color": "good", "blocks": [section("x")], "fallback": "x" }] })).await;
    assert_eq!(update(json!({})).await["error"], "no_text");
    let message = workspace.slack.messages().remove(0);
    assert_eq!((message.text.as_str(), message.attachments.len(), message.ts.as_str()), ("live", 1, ts.as_str()));
    let history: Vec<_> = message.history.iter().map(|v| (v.text.as_str(), v.blocks.len())).collect();
    assert_eq!(history, [("building", 1), ("built", 1), ("live", 0)]);
}

#[tokio::test]
async fn an_update_needs_the_channels_id_and_the_apps_message() {
    let workspace = Workspace::with(Settings { edit_window: Some(Duration::ZERO), ..settings() }).await;
    let ts = workspace.post(json!({ "text": "x" })).await;
    let theirs = workspace.slack.say("U0DEVELOPER", DEPLOYS, "hello");
    for (channel, ts, error) in [
        ("#deploys", ts.as_str(), "channel_not_found"),
        (DEPLOYS, "1.000000", "message_not_found"),
        (DEPLOYS, &theirs, "cant_update_message"),
        (DEPLOYS, &ts, "edit_window_closed"),
    ] {
        let arguments = json!({ "channel": channel, "ts": ts, "text": "y" });
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(workspace.error("chat.update", arguments).await, error, "{channel} {ts}");
    }
    let theirs = json!({ "channel": DEPLOYS, "ts": theirs });
    assert_eq!(workspace.error("chat.delete", theirs).await, "cant_delete_message");
    let mine = json!({ "channel": DEPLOYS, "ts": ts });
    assert_eq!(workspace.call("chat.delete", mine.clone()).await["ok"], true);
    assert_eq!(workspace.error("chat.delete", mine).await, "message_not_found");
}

#[tokio::test]
async fn replies_make_a_thread() {
    let workspace = Workspace::start().await;
    let root = workspace.post(json!({ "text": "root" })).await;
    let first = workspace.post(json!({ "text": "first", "thread_ts": root })).await;
    workspace.post(json!({ "text": "loud", "thread_ts": root, "reply_broadcast": true })).await;
    let reply = |ts: &str| json!({ "channel": DEPLOYS, "text": "x", "thread_ts": ts });
    assert_eq!(workspace.error("chat.postMessage", reply("1.000000")).await, "thread_not_found");
    assert_eq!(workspace.error("chat.postMessage", reply(&first)).await, "cannot_reply_to_message");
    let texts = |answer: &Value| -> Vec<String> {
        let messages = answer["messages"].as_array().unwrap().iter();
        messages.map(|m| m["text"].as_str().unwrap().to_owned()).collect()
    };
    let thread = workspace.form("conversations.replies", &[("channel", DEPLOYS), ("ts", &root)]).await;
    assert_eq!(texts(&thread), ["root", "first", "loud"]);
    assert_eq!(thread["messages"][0]["reply_count"], 2);
    let channel = workspace.form("conversations.history", &[("channel", DEPLOYS)]).await;
    assert_eq!(texts(&channel), ["loud", "root"]);
    let page = workspace.form("conversations.history", &[("channel", DEPLOYS), ("limit", "1")]).await;
    assert_eq!((texts(&page), page["has_more"].as_bool()), (vec!["loud".to_owned()], Some(true)));
    let older = [("channel", DEPLOYS), ("latest", root.as_str()), ("inclusive", "true")];
    assert_eq!(texts(&workspace.form("conversations.history", &older).await), ["root"]);
    assert_eq!(texts(&workspace.form("conversations.history", &older[..2]).await).len(), 0);
}

#[tokio::test]
async fn metadata_is_shown_when_asked_for() {
    let workspace = Workspace::start().await;
    let metadata = json!({ "event_type": "release", "event_payload": { "id": "01J" } });
    let ts = workspace.post(json!({ "text": "x", "metadata": metadata })).await;
    let all = [("channel", DEPLOYS), ("oldest", ts.as_str()), ("inclusive", "1"), ("include_all_metadata", "true")];
    assert_eq!(workspace.form("conversations.history", &all).await["messages"][0]["metadata"], metadata);
    let without = workspace.form("conversations.history", &all[..3]).await;
    assert_eq!(without["messages"][0].get("metadata"), None);
}

#[tokio::test]
async fn people_groups_and_channels_are_found() {
    let workspace = Workspace::start().await;
    let user = workspace.form("users.lookupByEmail", &[("email", "Developer@example.com")]).await;
    assert_eq!(user["user"]["id"], "U0DEVELOPER");
    assert_eq!(workspace.form("users.lookupByEmail", &[("email", "x@y.test")]).await["error"], "users_not_found");
    assert_eq!(workspace.form("users.info", &[("user", "U1")]).await["error"], "user_not_found");
    let groups = workspace.form("usergroups.list", &[("include_users", "true")]).await;
    let group = &groups["usergroups"][0];
    assert_eq!((&group["id"], &group["handle"]), (&json!("S0MANAGERS"), &json!("managers")));
    assert_eq!(group["users"], json!(["U0DEVELOPER"]));
    assert_eq!(workspace.form("usergroups.list", &[]).await["usergroups"][0]["users"], Value::Null);
    let members = workspace.form("usergroups.users.list", &[("usergroup", "S0MANAGERS")]).await;
    assert_eq!(members["users"], json!(["U0DEVELOPER"]));
    let channels = workspace.form("conversations.list", &[("exclude_archived", "true")]).await;
    assert_eq!(channels["channels"].as_array().unwrap().len(), 3);
    assert_eq!(workspace.form("conversations.info", &[("channel", DEPLOYS)]).await["channel"]["name"], "deploys");
    let direct = workspace.call("chat.postMessage", json!({ "channel": "U0DEVELOPER", "text": "psst" })).await;
    assert_eq!(direct["channel"], "D0DEVELOPER");
    let ephemeral = json!({ "channel": DEPLOYS, "user": "U0DEVELOPER", "text": "only you" });
    assert!(workspace.call("chat.postEphemeral", ephemeral).await["message_ts"].is_string());
}

#[tokio::test]
async fn faults_strike_as_often_as_they_are_told() {
    let workspace = Workspace::start().await;
    let call =
        || workspace.request("chat.postMessage").bearer_auth(TOKEN).form(&[("channel", DEPLOYS), ("text", "x")]).send();
    workspace.slack.fail_next(1, Fault::RateLimited(30));
    let limited = call().await.unwrap();
    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &"30".parse().unwrap()));
    assert_eq!(limited.json::<Value>().await.unwrap(), json!({ "ok": false, "error": "ratelimited" }));
    workspace.slack.fail_with(Some(Fault::ServerError));
    assert_eq!(
        (call().await.unwrap().status(), call().await.unwrap().status().as_u16()),
        (500.try_into().unwrap(), 500)
    );
    workspace.slack.fail_with(Some(Fault::Drop));
    assert!(call().await.unwrap_err().is_request(), "no head, no body");
    assert!(workspace.slack.messages().is_empty());
    workspace.slack.fail_next(1, Fault::LoseAnswer);
    assert!(call().await.is_err());
    assert_eq!(workspace.slack.messages().len(), 1, "it was performed");
    workspace.slack.fail_next(1, Fault::Error("fatal_error".into()));
    assert_eq!(call().await.unwrap().json::<Value>().await.unwrap()["error"], "fatal_error");
    assert_eq!(call().await.unwrap().json::<Value>().await.unwrap()["ok"], true);
}

#[tokio::test]
async fn a_channel_takes_a_burst_and_then_one_message_a_second() {
    let limit = RateLimit { burst: 2, interval: Duration::from_mins(1) };
    let workspace = Workspace::with(Settings { rate_limit: Some(limit), ..settings() }).await;
    let workspace = &workspace;
    let post = |channel: &'static str| async move {
        let request = workspace.request("chat.postMessage").bearer_auth(TOKEN);
        request.form(&[("channel", channel), ("text", "x")]).send().await.unwrap()
    };
    assert_eq!(
        (post("#deploys").await.status(), post(DEPLOYS).await.status().as_u16()),
        (200.try_into().unwrap(), 200)
    );
    let limited = post("#deploys").await;
    assert_eq!(limited.status(), 429);
    let wait: u64 = limited.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(post("#general").await.status(), 200, "each channel has its own bucket");
}

#[tokio::test]
async fn a_trigger_opens_one_view_within_three_seconds() {
    let workspace = Workspace::start().await;
    let view =
        json!({ "type": "modal", "title": { "type": "plain_text", "text": "Deploy" }, "blocks": [section("Which?")] });
    let open = |trigger: &str| json!({ "trigger_id": trigger, "view": view });
    let trigger = workspace.slack.trigger();
    assert_eq!(workspace.call("views.open", open(&trigger)).await["view"]["title"]["text"], "Deploy");
    assert_eq!(workspace.error("views.open", open(&trigger)).await, "exchanged_trigger_id");
    assert_eq!(workspace.error("views.open", open("trigger.x")).await, "invalid_trigger_id");
    let late = workspace.slack.trigger();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(4)).await;
    tokio::time::resume();
    assert_eq!(workspace.error("views.open", open(&late)).await, "expired_trigger_id");
    assert_eq!(workspace.slack.views().len(), 1);
}

#[tokio::test]
async fn a_test_waits_for_a_message() {
    let workspace = Workspace::start().await;
    let slack = workspace.slack.clone();
    let waiting = tokio::spawn(async move { slack.until(|messages| messages.first().map(|m| m.text.clone())).await });
    workspace.post(json!({ "text": "here" })).await;
    assert_eq!(waiting.await.unwrap(), "here");
}
