//! `/deploy`, typed in a channel: a question, and a rollback that is asked about and confirmed.

use local_slack::Message;
use longshore_core::release::{Release, State};
use longshore_tests::{Application, Local, Quality, eventually, with_stack, within};

const USER: &str = "U0DEVELOPER";
const CHANNEL: &str = "C0DEPLOYS1";

/// Somebody types a command; the answer that Slack took.
async fn typed(local: &Local, text: &str) -> String {
    let reply = local.stack.slack.command(USER, CHANNEL, "/deploy", text).await.expect("an answer");
    assert_eq!((reply.status, &reply.trouble), (200, &None), "{}", reply.body);
    reply.body
}

async fn pushed(local: &Local, application: &Application, version: &str) -> Release {
    application.commit(version, Quality::Good).await;
    let id = application.push().await;
    let release = local.closed(&id).await;
    assert_eq!(release.state, State::Live, "{:?}", release.reason);
    release
}

/// Confirms what was asked last.
async fn confirmed(local: &Local) {
    let question = |message: &Message| {
        let buttons = serde_json::to_string(&(&message.blocks, &message.attachments)).expect("JSON");
        message.only_for.as_deref() == Some(USER) && buttons.contains("\"confirm\"")
    };
    let question = local.stack.slack.messages().into_iter().rfind(question).expect("a question");
    local.press(USER, &question, "confirm").await;
}

/// Waits for a message to all with these words.
async fn said(local: &Local, words: &str) {
    let said = local.stack.slack.until(|messages| {
        let public = |message: &&Message| message.only_for.is_none() && message.text.contains(words);
        messages.iter().find(public).map(drop)
    });
    within(&format!("everybody is told {words:?}"), said).await;
}

#[test]
fn a_rollback_by_slash_command_serves_the_earlier_version() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let first = pushed(local, &application, "version one").await;
            let second = pushed(local, &application, "version two").await;
            let status = typed(local, "status web").await;
            assert!(status.contains(&format!("*#{}*", second.number)) && status.contains("is live since"), "{status}");

            let asked = typed(local, "rollback web production").await;
            assert!(asked.contains("Take production of web back?"), "{asked}");
            confirmed(local).await;
            said(local, &format!("takes production of web back to #{}", first.number)).await;

            let back = local.records().await.into_iter().max_by_key(|release| release.number).expect("a release");
            assert!(back.number > second.number, "it is a release of its own");
            assert_eq!(local.closed(&back.id).await.state, State::Live);
            assert_eq!(local.page().await, "<title>version one</title>\n");
            let status = typed(local, "status").await;
            assert!(status.contains("locked by developer"), "{status}");
        },
    );
}

#[test]
fn a_branch_that_nobody_pushed_is_built_by_slash_command_and_serves() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let commit = application.commit("version one", Quality::Good).await;
            application.place();
            let asked = typed(local, "web main").await;
            assert!(asked.contains("production"), "{asked}");
            confirmed(local).await;
            let first = async || local.records().await.into_iter().next();
            let release = eventually("a release is recorded", first).await;
            let release = local.closed(&release.id).await;
            assert_eq!((release.state, &*release.commit.id), (State::Live, &*commit), "{:?}", release.reason);
            assert_eq!(local.page().await, "<title>version one</title>\n");
            local.shown(&release.id, "asked for by developer").await;
            assert_eq!(local.records().await.len(), 1);

            let unknown = typed(local, "stauts").await;
            assert!(unknown.contains("status"), "the nearest: {unknown}");
            let sent = local.stack.slack.sent().pop().expect("the command");
            let forged = local.stack.slack.replay(&sent.signed("another secret", sent.timestamp)).await;
            assert_eq!(forged.expect("an answer").status, 401);
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}
