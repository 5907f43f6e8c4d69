//! Which releases are told of where, and what is looked up for that.

use longshore_core::{
    message::{Known, Member, Since},
    release::{Brought, DeploymentFact, Fact, Obstacle, Outcome, Release, Verdict},
};
use serde_json::{Value, json};

use crate::world::{DEPLOYS, PRODUCTION, World, built, commit, config, deployed};

fn approval() -> Fact {
    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    Fact::Deployment(0, DeploymentFact::Held(Obstacle::Approval { expires }))
}

fn failed() -> [Fact; 2] {
    let started = Fact::BuildStarted { id: "web-build:1".into(), page: None };
    [started, Fact::BuildEnded { outcome: Outcome::Failed, reason: Some("no".into()), tail: Vec::new() }]
}

#[tokio::test]
async fn an_environments_channel_has_the_message_once_the_release_comes_there() {
    let world = World::start(&config("", "", "channel = \"#production\"")).await;
    let id = world.accept(7, |_| {}).await.id;
    world.happens(&id, built()).await;
    assert_eq!((world.messages(DEPLOYS).len(), world.messages(PRODUCTION).len()), (1, 0));
    world.happens(&id, [approval()]).await;
    let (asked, _) = world.message(PRODUCTION);
    assert_eq!(asked.text, world.message(DEPLOYS).0.text);
    let refused = Fact::Deployment(0, DeploymentFact::Overtaken(8));
    world.happens(&id, [refused]).await;
    let (ended, thread) = world.message(PRODUCTION);
    assert_eq!((ended.ts, ended.text), (asked.ts, world.message(DEPLOYS).0.text), "edited in place");
    assert_eq!(thread, world.message(DEPLOYS).1);
    world.stop().await;
}

#[tokio::test]
async fn a_channel_that_refuses_keeps_no_other_back() {
    let world = World::start(&config("", "channel = \"#strange\"", "channel = \"#production\"")).await;
    let id = world.accept(7, |_| {}).await.id;
    world.happens(&id, built()).await;
    world.happens(&id, deployed(Verdict::Live)).await;
    assert!(world.message(PRODUCTION).0.text.contains("live in"));
    assert!(!world.is_final(&id).await, "somebody may invite the app");
    world.asked();
    world.tick().await;
    assert_eq!(world.asked(), [""; 0], "not each minute");
    world.wait_is_over(&id).await;
    world.tick().await;
    assert_eq!(world.asked(), ["chat.postMessage"], "only where it is missing");
    world.stop().await;
}

#[tokio::test]
async fn a_message_that_somebody_deleted_stays_deleted() {
    let world = World::start(&config("", "", "channel = \"#production\"")).await;
    let id = world.accept(7, |_| {}).await.id;
    world.happens(&id, built()).await;
    let (message, _) = world.message(DEPLOYS);
    let body = json!({ "channel": message.channel, "ts": message.ts }).to_string();
    let request = local_protocol::http().post(format!("{}/api/chat.delete", world.inbox)).bearer_auth("xoxb-local");
    let request = request.header("content-type", "application/json; charset=utf-8").body(body);
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["ok"], true, "{answer}");
    world.happens(&id, deployed(Verdict::Live)).await;
    assert_eq!(world.messages(DEPLOYS), []);
    assert!(world.message(PRODUCTION).0.text.contains("live in") && world.is_final(&id).await);
    world.stop().await;
}

#[tokio::test]
async fn only_what_is_wanted_is_told() {
    let world = World::start(&config("notify = \"failures\"\nthread = false", "", "")).await;
    let good = world.accept(7, |_| {}).await.id;
    world.happens(&good, built()).await;
    world.happens(&good, deployed(Verdict::Live)).await;
    assert!(world.messages(DEPLOYS).is_empty() && world.is_final(&good).await);
    assert_eq!(world.asked(), [""; 0]);
    let bad = world.accept(8, |_| {}).await.id;
    world.happens(&bad, failed()).await;
    let (message, thread) = world.message(DEPLOYS);
    assert!(message.text.contains("web #8") && thread.iter().all(|reply| reply.contains("<@")), "{thread:?}");
    assert!(world.is_final(&bad).await);
    world.stop().await;
}

#[tokio::test]
async fn a_question_is_asked_whatever_is_wanted_and_its_message_is_kept_up_to_date() {
    let world = World::start(&config("notify = \"failures\"", "", "")).await;
    let id = world.accept(7, |_| {}).await.id;
    world.happens(&id, built()).await;
    assert_eq!(world.messages(DEPLOYS), []);
    world.happens(&id, [approval()]).await;
    assert!(world.message(DEPLOYS).0.text.contains("approval"));
    world.happens(&id, deployed(Verdict::Live)).await;
    assert!(world.message(DEPLOYS).0.text.contains("live in"));
    world.stop().await;
}

#[tokio::test]
async fn the_message_of_the_version_before_is_edited_where_it_is() {
    let world = World::start(&config("", "", "")).await;
    let release = world.accept(7, |_| {}).await;
    let (message, _) = world.message(DEPLOYS);
    let old = json!({
        "pk": {"S": format!("release#{}", release.id)}, "sk": {"S": "message"}, "open_for": {"S": "message"},
        "drawn": {"N": "1"}, "replies": {"N": "0"}, "attempts": {"N": "3"},
        "channel": {"S": message.channel}, "ts": {"S": message.ts},
    });
    world.put(&old).await;
    world.happens(&release.id, built()).await;
    world.happens(&release.id, deployed(Verdict::Live)).await;
    let (edited, thread) = world.message(DEPLOYS);
    assert_eq!(edited.ts, message.ts);
    assert!(edited.text.contains("live in") && !thread.is_empty());
    assert!(world.is_final(&release.id).await);
    world.stop().await;
}

#[tokio::test]
async fn who_and_what_is_looked_up_once_and_kept() {
    let by =
        "approval = { by = [\"@release-managers\", \"@nobody\", \"U0123ABCD\", \"arn:aws:iam::123456789012:role/R\"] }";
    let world = World::start(&config("", "", by)).await;
    let brought = |id: u64| Brought { id: commit(id), message: format!("commit {id}"), author: "Ada".into() };
    let live = world.record(5, |_| {}).await;
    world.store.live(&live, "production", jiff::Timestamp::now()).await.expect("a table");
    world.record(6, |release: &mut Release| release.brought = vec![brought(60), brought(6)]).await;
    let change = |release: &mut Release| {
        release.brought = vec![brought(6), brought(7)];
        release.commit.email = Some("Ada@example.com".into());
    };
    let id = world.accept(7, change).await.id;
    world.happens(&id, built()).await;
    let asked = world.asked();
    let count = |method: &str| asked.iter().filter(|asked| *asked == method).count();
    assert_eq!((count("users.lookupByEmail"), count("usergroups.list")), (1, 1));

    let item = world.item(&id).await;
    let looked: Value = serde_json::from_str(item["looked"]["S"].as_str().expect("what was found")).expect("JSON");
    let known: Known = serde_json::from_value(looked["known"].clone()).expect("what was found");
    assert_eq!(known.author, Some(Member { id: "U0AUTHOR".into(), name: "ada".into() }));
    assert_eq!(known.approvers["production"], ["<!subteam^S0MANAGERS>", "<@U0123ABCD>"]);
    let commits = vec![brought(60), brought(6), brought(7)];
    assert_eq!(known.since, Some(Since { number: 5, commit: commit(5), commits, more: false }));
    world.stop().await;
}
