//! Slash commands, from what is typed to the record: the function as it is, Slack's stand-in, and moto.

mod confirm;
mod errands;
mod front;
mod world;

use jiff::{SignedDuration, Timestamp};
use longshore_core::{
    release::{DeploymentFact, Fact, Obstacle, Release, State},
    signature::sign_slack,
};
use world::{APPROVER, OUTSIDER, SECRET, World, release};

/// Posts a form with these proofs.
async fn post(world: &World, timestamp: &str, signature: &str, body: &str) -> (u16, String) {
    let request = local_protocol::http().post(format!("{}/slack/commands", world.url));
    let request = request.header("x-slack-request-timestamp", timestamp).header("x-slack-signature", signature);
    let answer = request.body(body.to_owned()).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

/// A release that waits for its approval in production.
fn waiting(number: u64) -> Release {
    let mut release = release(number);
    release.deployments[0].verdict = Some(longshore_core::release::Verdict::Live);
    let expires = Timestamp::now() + SignedDuration::from_hours(1);
    let fact = Fact::Deployment(1, DeploymentFact::Held(Obstacle::Approval { expires }));
    assert_eq!(release.apply(fact, Timestamp::now()), Ok(true));
    release
}

#[tokio::test]
async fn what_slack_did_not_sign_is_refused_and_all_refusals_are_alike() {
    let world = World::start().await;
    let body = "command=%2Fdeploy&text=lock+web+staging&user_id=U0APPROVER&user_name=grace";
    let now = Timestamp::now().as_second();
    let sign = |secret: &str, at: i64| sign_slack(secret, &at.to_string(), body.as_bytes());
    let (time, old) = (now.to_string(), (now - 361).to_string());
    let mut refusals = Vec::new();
    for (time, signature, body) in [
        (&*time, "", body),
        (&*time, "v0=00", body),
        (&*time, &*sign("another", now), body),
        (&*time, &*sign(SECRET, now), "text=help"),
        (&*old, &*sign(SECRET, now - 361), body),
        ("", &*sign(SECRET, now), body),
    ] {
        refusals.push(post(&world, time, signature, body).await);
    }
    assert_eq!(refusals[0].0, 401);
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:?}");
    assert_eq!(world.left().await, 0);
    let large = format!("text={}", "a".repeat(64 * 1024));
    assert_eq!(post(&world, &time, "", &large).await.0, 413);
    let nobody = "command=%2Fdeploy&text=help";
    let signature = sign_slack(SECRET, &time, nobody.as_bytes());
    assert_eq!(
        post(&world, &time, &signature, nobody).await,
        (400, "{\"error\":\"the form has no usable user_id\"}".into())
    );
    let check = "ssl_check=1&token=x";
    let signature = sign_slack(SECRET, &time, check.as_bytes());
    assert_eq!(post(&world, &time, &signature, check).await, (200, String::new()));
}

#[tokio::test]
async fn questions_are_answered_at_once_and_privately() {
    let world = World::start().await;
    assert!(world.types(OUTSIDER, "").await.contains("`/deploy rollback PIPELINE ENV [RELEASE]`"));
    assert!(world.types(OUTSIDER, "releases web").await.contains("There is no release of web yet."));
    assert!(world.types(OUTSIDER, "status").await.contains("production: nothing is live"));
    world.live(6).await;
    world.put(&waiting(7)).await;
    let status = world.types(OUTSIDER, "status web").await;
    for told in ["*#6* 0606060 is live since", "*#7* waits for approval to production", "has to be approved, until"] {
        assert!(status.contains(told), "{told}: {status}");
    }
    assert!(!status.contains("docs"), "{status}");
    let releases = world.types(OUTSIDER, "releases web").await;
    let lines: Vec<_> = releases.lines().collect();
    assert!(lines[1].contains("*#7*") && lines[2].contains("*#6* live"), "{releases}");
    assert!(world.types(OUTSIDER, "logs web#6").await.contains("Its build has no log yet."));
    let told = world.types(OUTSIDER, "logs web#9").await;
    assert_eq!(told, "There is no release web#9: the newest are #7 and #6.");
    let why = world.types(OUTSIDER, "why acme/web docs").await;
    for told in ["does not start *web*: it takes the branches", "starts *docs*", "it has no release of that branch yet"]
    {
        assert!(why.contains(told), "{told}: {why}");
    }
    assert!(world.types(OUTSIDER, "stats").await.contains("did you mean status?"));
    assert_eq!((world.left().await, world.published("Command Asked")), (0, 0), "nothing is written down");
    assert!(world.seen().iter().all(|message| message.starts_with(OUTSIDER)), "{:?}", world.seen());
}

#[tokio::test]
async fn a_question_that_the_table_does_not_answer_is_to_be_asked_again() {
    let world = World::start().await;
    world.fails("open_for");
    assert_eq!(world.types(OUTSIDER, "status").await, "Longshore could not look that up. Try again.");
    world.fails("attribute_not_exists(pk)");
    let told = "Longshore could not look that up or write it down: nothing was done. Try again.";
    assert_eq!(world.types(OUTSIDER, "lock web staging").await, told);
    assert_eq!(world.left().await, 0);
}

#[tokio::test]
async fn an_environment_is_locked_and_unlocked_before_everybody() {
    let world = World::start().await;
    let locked = world.does(OUTSIDER, "lock web staging the tide & the moon").await;
    let told = ":lock: <@U0DEVELOPER> locked staging of web: `/deploy unlock web staging` lets releases in again\n> the tide &amp; the moon";
    assert_eq!(locked, [told]);
    let lock = world.store.environment("web", "staging").await.expect("the table").lock.expect("a lock");
    assert_eq!((&*lock.by, lock.reason.as_deref()), ("developer", Some("the tide & the moon")));
    let unlocked = world.does(OUTSIDER, "unlock web staging").await;
    assert_eq!(unlocked, [":unlock: <@U0DEVELOPER> unlocked staging of web"]);
    assert_eq!(world.store.environment("web", "staging").await.expect("the table").lock, None);
    let again = world.does(OUTSIDER, "unlock web staging").await;
    assert_eq!(again, ["U0DEVELOPER: :no_entry_sign: Nothing was done: staging of web is not locked."]);
    assert_eq!(world.left().await, 0);
}

#[tokio::test]
async fn who_may_not_is_refused_privately() {
    let world = World::start().await;
    let told = world.does(OUTSIDER, "lock web production").await;
    let why = "developer may not lock: not among those who may";
    assert_eq!(told, [format!("U0DEVELOPER: :no_entry_sign: Nothing was done: {why}.")]);
    assert_eq!(world.store.environment("web", "production").await.expect("the table").lock, None);
    assert_eq!(world.does(APPROVER, "lock web production").await.len(), 1);
}

#[tokio::test]
async fn a_release_is_approved_by_the_right_one() {
    let world = World::start().await;
    world.put(&waiting(7)).await;
    let told = world.does(OUTSIDER, "approve web#7").await;
    let why = "developer may not decide: not among those who approve";
    assert_eq!(told, [format!("U0DEVELOPER: :no_entry_sign: Nothing was done: {why}.")]);
    assert_eq!(world.record(7).await.deployments[1].attempts.len(), 1);
    let told = world.does(APPROVER, "approve web #7 looks good").await;
    assert_eq!(told, [":ok_hand: <@U0APPROVER> approved *web* #7 for production\n> looks good"]);
    let decision = world.record(7).await.deployments[1].decision.clone().expect("a decision");
    assert_eq!(
        (decision.approved, &*decision.by.name, decision.by.reason.as_deref()),
        (true, "grace", Some("looks good"))
    );
    let told = world.does(APPROVER, "reject web#7").await;
    assert!(told[0].starts_with("U0APPROVER: :no_entry_sign: Nothing was done: "), "{told:?}");
    assert!(world.record(7).await.deployments[1].decision.clone().expect("a decision").approved);
}

#[tokio::test]
async fn a_release_is_rejected_and_another_cancelled() {
    let world = World::start().await;
    world.put(&waiting(7)).await;
    let told = world.does(APPROVER, "reject web#7 the tide is out").await;
    assert_eq!(told, [":no_entry_sign: <@U0APPROVER> rejected *web* #7 for production\n> the tide is out"]);
    assert_eq!(world.record(7).await.state, State::Failed);
    world.put(&waiting(8)).await;
    let told = world.does(APPROVER, "cancel web#8").await;
    assert_eq!(told, [":no_entry_sign: <@U0APPROVER> cancelled *web* #8"]);
    let cancelled = world.record(8).await;
    assert_eq!((cancelled.state, cancelled.reason.as_deref()), (State::Cancelled, Some("cancelled by grace")));
    let told = world.does(APPROVER, "approve web#6").await;
    let none = "U0APPROVER: :no_entry_sign: Nothing was done: there is no release web#6: the newest are #8 and #7.";
    assert_eq!(told, [none]);
}

#[tokio::test]
async fn a_release_is_taken_to_an_earlier_environment_without_a_question() {
    let world = World::start().await;
    world.live(7).await;
    // The counter that numbers are drawn from.
    for _ in 0..7 {
        world.store.next_number("web").await.expect("a number");
    }
    let told = world.does(OUTSIDER, "promote web#7 staging").await;
    assert_eq!(told, [":point_right: <@U0DEVELOPER> takes staging of web to #7, as release #8"]);
    let made = world.record(8).await;
    assert_eq!(made.asked.map(|asked| (asked.number, asked.person.name)), Some((7, "developer".to_owned())));
    let told = world.types(OUTSIDER, "promote web#7 live").await;
    assert!(told.contains("Web has no environment \"live\": it has staging and production."), "{told}");
}

#[tokio::test]
async fn a_branch_is_built_for_an_earlier_environment_without_a_question() {
    let world = World::start().await;
    let told = world.does(OUTSIDER, "web main to staging").await;
    assert_eq!(told, [":hammer_and_wrench: <@U0DEVELOPER> starts *web* #1 of `main`"]);
    let made = world.record(1).await;
    assert_eq!(made.wished.map(|person| person.name).as_deref(), Some("developer"));
    assert_eq!(made.deployments.iter().map(|one| one.environment.as_str()).collect::<Vec<_>>(), ["staging"]);
    let told = world.does(OUTSIDER, "web next to staging").await;
    assert!(told[0].starts_with("U0DEVELOPER: :no_entry_sign: Nothing was done: "), "{told:?}");
    assert_eq!(world.numbers().await, [1]);
}

#[tokio::test]
async fn a_request_that_is_sent_again_has_no_second_effect() {
    let world = World::start().await;
    world.live(7).await;
    let first = world.reply(OUTSIDER, "promote web#7 staging").await;
    let again = world.slack.replay(&first.sent).await.expect("an answer");
    assert_eq!((again.status, &again.body), (200, &first.body), "the same is answered");
    assert_eq!((world.left().await, world.published("Command Asked")), (1, 1));
    assert_eq!(world.deliver().await, 1);
    assert_eq!(world.numbers().await.len(), 2);
    let again = world.slack.replay(&first.sent).await.expect("an answer");
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!((world.left().await, world.deliver().await, world.numbers().await.len()), (0, 0, 2));
}
