//! Slack that is down, loses answers, or takes no more for a while.

use std::time::Duration;

use local_slack::Fault;
use longshore_core::{
    message::{self, Known},
    release::Verdict,
};
use tokio::time::Instant;

use crate::world::{DEPLOYS, PRODUCTION, World, built, config, deployed};

#[tokio::test]
async fn a_slack_that_is_down_loses_nothing() {
    let world = World::start(&config("", "", "channel = \"#production\"")).await;
    world.slack.fail_with(Some(Fault::ServerError));
    let id = world.accept(7, |_| {}).await.id;
    world.happens(&id, built()).await;
    world.slack.fail_with(Some(Fault::Drop));
    world.happens(&id, deployed(Verdict::Live)).await;
    world.tick().await;
    assert_eq!(world.slack.messages(), [], "nothing was taken");
    assert!(!world.is_final(&id).await);

    world.slack.fail_with(None);
    world.tick().await;
    let replies = message::thread(&world.release(&id).await, &Known::default()).len();
    for channel in [DEPLOYS, PRODUCTION] {
        let (message, thread) = world.message(channel);
        assert!(message.text.contains("live in"), "{}", message.text);
        assert_eq!(thread.len(), replies, "{thread:#?}");
    }
    assert!(world.is_final(&id).await);
    world.asked();
    world.tick().await;
    assert_eq!(world.asked(), [""; 0], "what is final is not looked at again");
    world.stop().await;
}

#[tokio::test]
async fn one_answer_that_is_slacks_fault_keeps_no_other_release_back() {
    let world = World::start(&config("", "", "")).await;
    world.slack.fail_with(Some(Fault::Drop));
    for number in [7, 8] {
        world.accept(number, |_| {}).await;
    }
    assert_eq!(world.messages(DEPLOYS).len(), 0, "nothing was taken");
    // Of the first release, whatever is asked first.
    world.slack.fail_next(1, Fault::ServerError);
    world.tick().await;
    assert_eq!(world.messages(DEPLOYS).len(), 1, "the second is told of in the same tick");
    world.tick().await;
    assert_eq!(world.messages(DEPLOYS).len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn nothing_is_said_twice_where_an_answer_was_lost() {
    let world = World::start(&config("", "", "channel = \"#production\"")).await;
    world.lose("chat.postMessage", 1);
    let id = world.accept(7, |_| {}).await.id;
    assert_eq!(world.messages(DEPLOYS).len(), 1, "it was taken");
    world.tick().await;
    let (first, _) = world.message(DEPLOYS);

    let mut facts = built().into_iter();
    world.happens(&id, facts.by_ref().take(2)).await;
    world.lose("chat.postMessage", 1);
    world.happens(&id, facts.by_ref().take(1)).await;
    assert_eq!(world.message(DEPLOYS).1.len(), 1, "the reply was taken");
    world.tick().await;
    world.happens(&id, facts).await;
    let (message, thread) = world.message(DEPLOYS);
    let expected = message::thread(&world.release(&id).await, &Known::default());
    assert_eq!(thread, expected.into_iter().map(|reply| reply.0).collect::<Vec<_>>(), "in order, each once");
    assert_eq!(message.ts, first.ts);

    let mut facts = deployed(Verdict::Live).into_iter();
    world.lose("chat.postMessage", 1);
    world.happens(&id, facts.by_ref().take(1)).await;
    assert_eq!(world.messages(PRODUCTION).len(), 1);
    world.happens(&id, facts).await;
    let (message, thread) = world.message(PRODUCTION);
    assert!(message.text.contains("live in") && thread == world.message(DEPLOYS).1, "{thread:#?}");
    assert!(world.is_final(&id).await);
    world.stop().await;
}

#[tokio::test]
async fn a_short_pause_is_waited_for_and_a_longer_one_is_kept() {
    let world = World::start(&config("", "", "")).await;
    let began = Instant::now();
    world.slack.fail_next(1, Fault::RateLimited(1));
    let id = world.accept(7, |_| {}).await.id;
    assert_eq!(world.messages(DEPLOYS).len(), 1);
    assert!(began.elapsed() >= Duration::from_secs(1));

    let mut facts = built().into_iter();
    world.slack.fail_next(1, Fault::RateLimited(30));
    world.happens(&id, facts.by_ref().take(1)).await;
    let before = world.message(DEPLOYS).0.text;
    world.asked();
    world.happens(&id, facts).await;
    world.tick().await;
    assert_eq!(world.asked(), [""; 0], "neither an event nor a tick asks before");
    world.wait_is_over(&id).await;
    world.tick().await;
    let (message, thread) = world.message(DEPLOYS);
    assert_ne!(message.text, before);
    assert_eq!(thread.len(), message::thread(&world.release(&id).await, &Known::default()).len());
    world.stop().await;
}
