//! What goes wrong between the command and what whoever gave it is told.

use crate::world::{OUTSIDER, World};

const DONE: &str = ":unlock: <@U0DEVELOPER> unlocked staging of web";

/// Somebody wants staging unlocked, which is locked; and nobody hears the event.
async fn wanted(world: &World) {
    world.does(OUTSIDER, "lock web staging").await;
    assert!(world.types(OUTSIDER, "unlock web staging").await.contains("Taken: "));
}

#[tokio::test]
async fn an_event_that_is_lost_is_made_up_for_by_the_tick() {
    let world = World::start().await;
    wanted(&world).await;
    world.tick().await;
    let seen = world.seen();
    assert_eq!((seen.last().map(String::as_str), world.left().await), (Some(DONE), 0));
    world.tick().await;
    assert_eq!(world.deliver().await, 1, "the event comes after all");
    assert_eq!(world.seen(), seen, "and nothing is done or told twice");
}

#[tokio::test]
async fn while_slack_takes_no_answer_it_is_told_later_and_not_done_again() {
    let world = World::start().await;
    wanted(&world).await;
    world.mute(true);
    let before = world.seen();
    assert_eq!(world.deliver().await, 1);
    assert_eq!(world.store.environment("web", "staging").await.expect("the table").lock, None, "it is done");
    assert_eq!((world.seen(), world.left().await), (before, 1), "and not told");
    world.mute(false);
    world.tick().await;
    assert_eq!((world.seen().last().map(String::as_str), world.left().await), (Some(DONE), 0));
}

#[tokio::test]
async fn what_was_done_and_not_written_down_is_not_done_twice() {
    let world = World::start().await;
    world.live(7).await;
    for _ in 0..7 {
        world.store.next_number("web").await.expect("a number");
    }
    assert!(world.types(OUTSIDER, "promote web#7 staging").await.contains("Taken: "));
    world.fails("outcome = :outcome");
    world.tick().await;
    assert_eq!((world.numbers().await, world.left().await), (vec![8, 7], 1), "it is done, and nobody knows");
    world.tick().await;
    assert_eq!((world.numbers().await, world.left().await), (vec![8, 7], 0));
    let told = ":point_right: <@U0DEVELOPER> takes staging of web to #7, as release #8";
    assert_eq!(world.seen().last().map(String::as_str), Some(told));
}

#[tokio::test]
async fn what_the_table_does_not_take_is_tried_again() {
    let world = World::start().await;
    wanted(&world).await;
    world.fails("rollback_lock");
    assert_eq!(world.deliver().await, 1);
    assert_eq!(world.left().await, 1);
    world.tick().await;
    assert_eq!((world.seen().last().map(String::as_str), world.left().await), (Some(DONE), 0));
}
