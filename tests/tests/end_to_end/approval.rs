//! A release that has to be approved: buttons that are pressed in the inbox, by those who may and by those who may not.

use jiff::{SignedDuration, Timestamp};
use local_protocol::http;
use local_slack::{Message, NotSubmitted};
use longshore_core::release::{Obstacle, Release, ReleaseId, State};
use longshore_tests::{Application, Local, Quality, config, eventually, with_config, within};
use serde_json::{Value, json};

const OUTSIDER: &str = "U0DEVELOPER";
const AUTHOR: &str = "U0AUTHOR";
const APPROVER: &str = "U0APPROVER";

/// The sample's pipeline, with an approval for production.
fn approval(keys: &str) -> String {
    let keys = format!(
        "image = \"web\"\n[[pipeline.environment]]\nname = \"production\"\ncluster = \"production\"\nservices = [\"web\"]\n\
         approval = {{ {keys} }}"
    );
    config(&[("web", "github.com/acme/web", &keys)])
}

/// Waits until the thread of a message has a reply with these words.
async fn replied(local: &Local, message: &Message, words: &str) {
    let replied = local.stack.slack.until(|messages| {
        let reply = |reply: &&Message| reply.thread_ts.as_ref() == Some(&message.ts) && reply.text.contains(words);
        messages.iter().find(reply).map(drop)
    });
    within(&format!("the thread says {words:?}"), replied).await;
}

/// A version of the application on its way to production, as soon as its message asks for an approval.
async fn asked(local: &Local, application: &Application) -> (ReleaseId, Message) {
    application.commit("version one", Quality::Good).await;
    let id = application.push().await;
    let message = local.message(&id, ": waits for approval to production (", 0).await;
    (id, message)
}

/// Production is as it was before the first release.
async fn untouched(local: &Local) {
    assert_eq!(local.service_deployments().await, 1, "nothing was deployed");
    assert!(local.page().await.contains("Nothing was deployed yet"), "what ran still runs");
}

#[test]
fn only_those_who_may_approve_a_release_and_then_it_goes_live() {
    let config = approval("by = [\"@release-managers\", \"U0AUTHOR\"], not_author = true");
    with_config(
        &config,
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let (id, message) = asked(local, &application).await;

            for (user, name, why) in [
                (OUTSIDER, "developer", "not among those who approve"),
                (AUTHOR, "ada", "the commit's author does not approve it"),
            ] {
                local.press(user, &message, "approve").await;
                local.told(user, &format!("{name} may not decide: {why}")).await;
                replied(local, &message, &format!("production: {name} may not decide: {why}")).await;
            }
            local.tick("Deploy").await;
            let release = local.stack.release(&id).await.expect("the release");
            assert_eq!((release.state, release.deployments[0].attempts.len()), (State::Deploying, 2));
            assert_eq!((release.deployments[0].decision.as_ref(), release.deployments[0].admitted), (None, None));
            untouched(local).await;

            local.press(APPROVER, &message, "approve").await;
            let release = local.closed(&id).await;
            assert_eq!(release.state, State::Live, "{:?}", release.reason);
            assert!(local.page().await.contains("version one"));
            local.message(&id, ": live in ", 0).await;
            local.shown(&id, ":ok_hand: approved by grace").await;
            replied(local, &message, ":ok_hand: approved for production by grace").await;

            local.press(OUTSIDER, &message, "reject").await;
            local.told(OUTSIDER, "Too late, nothing was changed: web #1 is live (production).").await;
            assert_eq!(local.stack.release(&id).await.expect("the release"), release, "a stale press changes nothing");
            assert_eq!((local.messages().iter().filter(|shown| shown.only_for.is_none()).count()), 1);
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

#[test]
fn a_rejected_release_does_not_go_in() {
    with_config(
        &approval("by = [\"U0APPROVER\"]"),
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let (id, message) = asked(local, &application).await;
            local.press(APPROVER, &message, "reject").await;
            let slack = &local.stack.slack;
            let view = slack.modal(APPROVER).expect("a modal that asks why");
            let id_of_view = view["id"].as_str().expect("an id").to_owned();
            let because = [("reason", "reason", "it would <capsize> us")];
            let outsider = slack.submit(OUTSIDER, &id_of_view, &because).await;
            assert_eq!(outsider, Err(NotSubmitted::NoView), "who did not press does not see it");
            assert_eq!(slack.submit(APPROVER, &id_of_view, &because).await, Ok(Value::Null));
            let release = local.closed(&id).await;
            assert_eq!(release.state, State::Failed);
            replied(local, &message, ":no_entry_sign: rejected for production by grace").await;
            replied(local, &message, "it would &lt;capsize&gt; us").await;
            let sent = slack.sent().pop().expect("the submission");
            assert_eq!(slack.replay(&sent).await.expect("an answer").status, 200);
            assert_eq!(local.stack.release(&id).await.expect("the release"), release, "sent again, it changes nothing");
            let forged = slack.replay(&sent.signed("another secret", sent.timestamp)).await.expect("an answer");
            assert_eq!(forged.status, 401);
            local.message(&id, ": failed after ", 0).await;
            untouched(local).await;
        },
    );
}

#[test]
fn what_nobody_approves_in_time_does_not_go_in() {
    with_config(
        &approval("by = [\"U0APPROVER\"], expires = \"1m\""),
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let (id, message) = asked(local, &application).await;
            // Nothing else changes the record any more.
            let built = async || local.stack.release(&id).await.ok().filter(|release| release.build.outcome.is_some());
            eventually("the build's end is known", built).await;
            local.change_record(&id, expire).await;
            // The tick was not here yet, and it is too late all the same.
            local.press(APPROVER, &message, "approve").await;
            local.told(APPROVER, "web #1 was not approved in time").await;

            local.tick("Deploy").await;
            let release = local.closed(&id).await;
            assert_eq!(release.state, State::Failed);
            let reason = release.deployments[0].reason.as_deref();
            assert_eq!(reason, Some("nobody approved it in time"));
            local.message(&id, ": failed after ", 0).await;
            local.press(APPROVER, &message, "approve").await;
            local.told(APPROVER, "web #1 failed: nobody approved it in time").await;
            assert_eq!(local.stack.release(&id).await.expect("the release"), release);
            untouched(local).await;
        },
    );
}

/// The whole way of a press, without a release: the inbox signs it, the gateway hands it on in Base64, trigger proves it and answers at the
/// inbox.
#[test]
fn a_press_for_a_release_that_nobody_knows_is_answered_privately() {
    with_config(
        &config(&[("web", "github.com/acme/web", "")]),
        |_| {},
        async |local| {
            let text = json!({ "type": "plain_text", "text": "Approve" });
            let value = "01JD0000000000000000000000/production";
            let button = json!({ "type": "button", "action_id": "approve", "value": value, "text": text });
            let blocks = json!([{ "type": "actions", "elements": [button] }]);
            let body = json!({ "channel": "#deploys", "text": "an old message", "blocks": blocks }).to_string();
            let request = http().post(format!("{}/api/chat.postMessage", local.stack.inbox)).bearer_auth("xoxb-local");
            let request = request.header("content-type", "application/json; charset=utf-8").body(body);
            assert_eq!(request.send().await.expect("an answer").status(), 200);
            let message = local.messages().first().cloned().expect("the message");
            local.press(OUTSIDER, &message, "approve").await;
            local.told(OUTSIDER, "Longshore does not know this release any more").await;

            assert!(!local.logs()["Trigger"].contains("/responses/"), "the address to answer at is in no log");
        },
    );
}

/// The time to approve a release is over.
fn expire(release: &mut Release) {
    let held = &mut release.deployments[0].held;
    let Some(Obstacle::Approval { expires }) = held else { panic!("it waits for no approval: {held:?}") };
    *expires = Timestamp::now() - SignedDuration::from_secs(1);
}
