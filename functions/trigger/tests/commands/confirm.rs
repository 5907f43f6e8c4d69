//! What is asked about before it is done.

use longshore_core::release::State;

use crate::world::{APPROVER, OUTSIDER, World};

/// Releases #6 and #7 were live, one after the other, and somebody asks to go back; the question's `ts`.
async fn asked(world: &World) -> String {
    for number in [6, 7] {
        world.live(number).await;
    }
    for _ in 0..7 {
        world.store.next_number("web").await.expect("a number");
    }
    let asked = world.types(APPROVER, "rollback web production").await;
    for told in [
        "*Take production of web back?*",
        "now *#7* 0707070 Change 7 by Ada",
        "then *#6* 0606060 Change 6 by Ada",
        "undone: #7",
        "service web: `web:7` → `web:6`",
        "and is locked",
        "[confirm]\n[dismiss]",
    ] {
        assert!(asked.contains(told), "{told}: {asked}");
    }
    assert_eq!((world.left().await, world.published("Command Asked")), (0, 0), "nothing is done yet");
    world.last()
}

async fn press(world: &World, ts: &str, action: &str) {
    assert_eq!(world.slack.press(APPROVER, ts, action).await.expect("an answer"), 200);
}

#[tokio::test]
async fn a_rollback_is_done_when_it_is_confirmed() {
    let world = World::start().await;
    let ts = asked(&world).await;
    press(&world, &ts, "confirm").await;
    assert!(world.seen()[0].starts_with("U0APPROVER: :hourglass_flowing_sand: Confirmed: "), "{:?}", world.seen());
    assert_eq!(world.seen().len(), 1, "it takes the place of the question");
    assert_eq!(world.deliver().await, 1);
    let told = ":rewind: <@U0APPROVER> takes production of web back to #6, as release #8. It is locked: `/deploy unlock web production`";
    assert_eq!(world.seen()[1..], [told]);
    let made = world.record(8).await;
    assert_eq!((made.state, made.asked.map(|asked| asked.number)), (State::Deploying, Some(6)));
    let lock = world.store.environment("web", "production").await.expect("the table").lock.expect("a lock");
    assert!(lock.rollback && lock.by == "grace", "{lock:?}");
    assert_eq!(world.left().await, 0);
}

#[tokio::test]
async fn two_presses_and_a_press_that_is_sent_again_have_one_effect() {
    let world = World::start().await;
    let ts = asked(&world).await;
    let (one, other) =
        tokio::join!(world.slack.press(APPROVER, &ts, "confirm"), world.slack.press(APPROVER, &ts, "confirm"));
    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    let press = world.slack.sent().into_iter().rfind(|sent| sent.url.ends_with("interactions")).expect("a press");
    assert_eq!(world.slack.replay(&press).await.expect("an answer").status, 200);
    assert_eq!(world.deliver().await, 1);
    assert_eq!(world.slack.replay(&press).await.expect("an answer").status, 200);
    assert_eq!((world.deliver().await, world.numbers().await), (0, vec![8, 7, 6]));
}

#[tokio::test]
async fn what_was_shown_and_is_not_so_any_more_is_not_done() {
    let world = World::start().await;
    let ts = asked(&world).await;
    world.live(8).await;
    press(&world, &ts, "confirm").await;
    let told = "U0APPROVER: :no_entry_sign: Nothing was done: production of web changed since you were asked, and #8 is live there now; \
                give the command again.";
    assert_eq!(world.seen(), [told]);
    assert_eq!((world.deliver().await, world.numbers().await), (0, vec![8, 7, 6]));
}

#[tokio::test]
async fn what_changes_after_the_confirmation_is_not_done_either() {
    let world = World::start().await;
    let ts = asked(&world).await;
    press(&world, &ts, "confirm").await;
    world.live(8).await;
    assert_eq!(world.deliver().await, 1);
    assert!(
        world.seen()[1].starts_with("U0APPROVER: :no_entry_sign: Nothing was done: production"),
        "{:?}",
        world.seen()
    );
    assert_eq!(world.numbers().await, [8, 7, 6]);
}

#[tokio::test]
async fn what_is_left_is_not_done() {
    let world = World::start().await;
    let ts = asked(&world).await;
    press(&world, &ts, "dismiss").await;
    assert_eq!(world.seen(), ["U0APPROVER: Nothing was done."]);
    assert_eq!((world.left().await, world.published("Command Asked")), (0, 0));
}

#[tokio::test]
async fn who_may_not_is_not_asked() {
    let world = World::start().await;
    for number in [6, 7] {
        world.live(number).await;
    }
    let told = world.types(OUTSIDER, "rollback web production").await;
    assert_eq!(told, ":no_entry_sign: Nothing was done: developer may not roll back: not among those who may.");
    let told = world.types(OUTSIDER, "promote web#6 production").await;
    assert_eq!(told, ":no_entry_sign: Nothing was done: developer may not promote: not among those who may.");
    assert_eq!(world.record(6).await.deployments[1].attempts.len(), 1, "it is recorded");
    let none = world.types(APPROVER, "rollback web production 9").await;
    assert_eq!(none, ":no_entry_sign: Nothing was done: release #9 was not live in production: #7, #6 were.");
}

#[tokio::test]
async fn a_promotion_to_production_and_a_build_ask_first() {
    let world = World::start().await;
    for number in [6, 7] {
        world.live(number).await;
    }
    let promoted = world.types(APPROVER, "promote web#6 production").await;
    assert!(promoted.contains("*Take a release of web to production?*"), "{promoted}");
    let started = world.types(OUTSIDER, "web main").await;
    for told in
        ["Build `main` of web, and release it to staging and production?", "*staging*", "*production*", "[confirm]"]
    {
        assert!(started.contains(told), "{told}: {started}");
    }
    assert!(world.types(OUTSIDER, "web main to staging").await.contains("Taken: "));
    assert!(world.types(OUTSIDER, "start docs").await.contains("Taken: "), "it deploys nowhere");
    press(
        &world,
        &world.slack.messages().iter().find(|one| one.only_for.as_deref() == Some(APPROVER)).expect("a question").ts,
        "confirm",
    )
    .await;
    assert_eq!(world.published("Command Asked"), 3);
}
