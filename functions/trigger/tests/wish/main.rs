//! Releases that people ask for by branch or commit, from the wish to the record and to what CodeBuild is told.

mod world;

use std::time::Duration;

use longshore_aws::store::{Admission, LockedBy};
use longshore_core::{
    push::Reference,
    release::{Build, Commit, Lock, Passing, Release, State},
};
use longshore_trigger::wish::{What, Wish};
use world::{World, named, wish};

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn reference(release: &Release) -> String {
    release.reference.to_string()
}

#[tokio::test]
async fn the_provider_tells_which_commit_a_branch_is_at() {
    let world = World::start(true).await;
    world.commit("heads%2Fmain", ONE, "Say hello");
    world.commit("heads%2Frelease%2F1.2", TWO, "Say goodbye");
    world.commit("tags%2Fv1", TWO, "Say goodbye");
    let release = world.ask(wish(What::Default)).await.expect("a release");
    assert_eq!((release.state, release.number, reference(&release)), (State::Building, 1, "refs/heads/main".into()));
    let expected = Commit {
        message: "Say hello".into(),
        author: "Ada".into(),
        email: Some("ada@example.com".into()),
        url: Some(format!("https://github.com/acme/web/commit/{ONE}")),
        at: Some("2026-11-21T09:00:00Z".parse().expect("a time")),
        ..Commit::bare(ONE)
    };
    assert_eq!((&release.commit, release.build.source.as_deref()), (&expected, None));
    assert_eq!(release.wished.as_ref().map(|person| &*person.name), Some("ada"));
    assert_eq!((world.versions(), world.variable("LONGSHORE_COMMIT").as_deref()), (vec![ONE.to_owned()], Some(ONE)));
    assert_eq!(world.variable("LONGSHORE_BRANCH").as_deref(), Some("main"));

    let release = world.ask(named("release/1.2")).await.expect("a release");
    assert_eq!((release.number, reference(&release), &*release.commit.id), (2, "refs/heads/release/1.2".into(), TWO));
    let release = world.ask(named("v1")).await.expect("a release");
    assert_eq!((release.number, reference(&release), &*release.commit.id), (3, "refs/tags/v1".into(), TWO));
    assert_eq!(world.variable("LONGSHORE_TAG").as_deref(), Some("v1"));
    assert_eq!(world.asked(), ["commits/heads%2Fmain", "commits/heads%2Frelease%2F1.2", "commits/tags%2Fv1"]);
    assert_eq!(world.record(&release.id).await, release, "what is answered is what is recorded");
}

#[tokio::test]
async fn without_a_token_codebuild_is_told_the_branch_and_tells_the_commit() {
    let world = World::start(false).await;
    let first = wish(What::Default);
    let release = world.ask(first.clone()).await.expect("a release");
    assert_eq!((release.state, release.commit.known()), (State::Building, None));
    assert_eq!((world.versions(), world.variable("LONGSHORE_COMMIT")), (vec!["main".to_owned()], None));
    let image = world.variable("LONGSHORE_IMAGE").expect("an image");
    assert!(image.ends_with(&format!("/web:main-{}", release.id.as_str()[18..].to_lowercase())), "{image}");

    world.event(&release.id).await;
    assert_eq!(world.record(&release.id).await.commit.known(), None, "CodeBuild has not looked yet");
    world.resolve(&release.id, ONE);
    world.event(&release.id).await;
    assert_eq!(world.record(&release.id).await.commit, Commit::bare(ONE));

    let again = world.ask(first).await.expect("the same release");
    assert_eq!((again.id, again.commit.known(), world.versions().len()), (release.id, Some(ONE), 1));
    assert_eq!(world.asked(), [""; 0], "nobody asks GitHub without a token");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_done_without() {
    let world = World::start(true).await;
    world.silence();
    let begun = tokio::time::Instant::now();
    let release = world.ask(named("main")).await.expect("a release");
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!((release.commit.known(), world.versions()), (None, vec!["main".to_owned()]));
    let told = world.ask(named("pr/7")).await.expect_err("a refusal");
    assert!(told.starts_with("CodeBuild would take \"pr/7\" for something else than a branch"), "{told}");
    assert_eq!(world.versions().len(), 1, "a pull request is not built by the name of a branch");
}

#[tokio::test]
async fn what_is_not_there_or_not_built_is_refused_and_records_nothing() {
    let world = World::start(true).await;
    world.commit("heads%2Ffeature", ONE, "Not yet");
    world.commit("heads%2Fmain", ONE, "Say hello");
    let cases = [
        (
            named("release/9"),
            "GitHub knows no branch \"release/9\" in github.com/acme/web, or its token may not see it",
        ),
        (named(TWO), "GitHub knows no commit \"2222222222222222222222222222222222222222\" in github.com/acme/web"),
        (
            named("feature"),
            "web does not build the branch \"feature\": it builds the branches \"main\", \"release/*\" or \"pr/*\", and the tags \"v*\"",
        ),
        (named("two words"), "\"two words\" is no name of a branch, and no commit"),
        (named(&"0".repeat(40)), "0000000000000000000000000000000000000000 is the id of no commit"),
        (Wish { pipeline: "wbe".into(), ..named("main") }, "there is no pipeline \"wbe\": did you mean web?"),
        (Wish { pipeline: "elsewhere".into(), ..named("main") }, "there is no pipeline \"elsewhere\": there is web"),
        (
            Wish { environment: Some("prod".into()), ..named("main") },
            "web has no environment prod: it has staging and production",
        ),
    ];
    for (wish, why) in cases {
        let id = wish.id.clone();
        let told = world.ask(wish).await.expect_err("a refusal");
        assert!(told.starts_with(why), "{told}");
        assert_eq!(world.store.release(&id).await.expect("the table"), None, "{why}");
    }
    assert_eq!(world.versions(), [""; 0]);
    let release = world.ask(named("main")).await.expect("a release");
    assert_eq!(release.number, 7, "each wish for a pipeline that there is has taken a number");
}

#[tokio::test]
async fn digits_of_a_commit_are_looked_for_among_the_releases_and_then_at_the_provider() {
    let world = World::start(true).await;
    world.commit("heads%2Frelease%2F1", ONE, "Say hello");
    world.commit("2222222", TWO, "Say goodbye");
    world.commit("cafe123", ONE, "A branch that is named so");
    let first = world.ask(named("release/1")).await.expect("a release");
    let again = world.ask(named("1111111")).await.expect("a release");
    assert_eq!((again.number, reference(&again), &again.commit), (2, "refs/heads/release/1".into(), &first.commit));
    let again = world.ask(named(ONE)).await.expect("a release");
    assert_eq!((again.number, &again.reference, &again.commit), (3, &first.reference, &first.commit));
    assert_eq!(world.asked().len(), 1, "what was released is known");

    let other = world.ask(named("2222222")).await.expect("a release");
    assert_eq!((&*other.commit.id, &*other.commit.message), (TWO, "Say goodbye"));
    assert_eq!(other.reference, Reference::branch("main").expect("a branch"), "taken as of the pipeline's own branch");
    let told = world.ask(named("cafe123")).await.expect_err("a refusal");
    assert!(told.starts_with("GitHub knows no commit \"cafe123\""), "{told}");
    world.silence();
    let told = world.ask(named("3333333")).await.expect_err("a refusal");
    assert_eq!(told, "no release of web is of a commit that begins with 3333333: give the whole commit id");
}

#[tokio::test]
async fn the_same_wish_at_once_and_again_is_one_release() {
    let world = World::start(true).await;
    world.commit("heads%2Fmain", ONE, "Say hello");
    let wanted = wish(What::Default);
    let (one, other) = tokio::join!(world.ask(wanted.clone()), world.ask(wanted.clone()));
    let (one, other) = (one.expect("a release"), other.expect("a release"));
    assert_eq!((&one.id, one.number), (&other.id, other.number));
    world.commit("heads%2Fmain", TWO, "Say goodbye");
    let later = world.ask(wanted).await.expect("the first");
    assert_eq!((later.id, &*later.commit.id), (one.id, ONE), "what was decided stays");
    let listed = world.store.newest_releases("web", None, 10).await.expect("the table");
    assert_eq!(listed.len(), 1);
}

#[tokio::test]
async fn a_release_whose_maker_died_before_its_build_is_begun_by_the_same_wish() {
    let world = World::start(false).await;
    let wanted = named("main");
    // What was recorded before the function died.
    let made = world.ask(Wish { id: wanted.id.clone(), ..wanted.clone() });
    world.break_codebuild(true);
    let delayed = made.await.expect("a release");
    assert_eq!((delayed.state, delayed.build.delay.is_some(), world.versions().len()), (State::Requested, true, 1));
    let again = world.ask(wanted.clone()).await.expect("the same release");
    assert_eq!((&again, world.versions().len()), (&delayed, 1), "CodeBuild is left alone for a while");

    let recorded =
        Release { id: longshore_aws::ids::release_id(), build: Build { delay: None, ..again.build }, ..again };
    world.store.ask(&recorded, None).await.expect("the table");
    world.break_codebuild(false);
    let begun = world.ask(Wish { id: recorded.id.clone(), ..wanted }).await.expect("a release");
    assert_eq!((begun.state, begun.number, world.versions()), (State::Building, 1, vec!["main".to_owned(); 2]));
}

#[tokio::test]
async fn a_wish_for_one_environment_goes_there_alone() {
    let world = World::start(false).await;
    let wanted = Wish { environment: Some("production".into()), ..named("main") };
    let release = world.ask(wanted).await.expect("a release");
    let names: Vec<_> = release.deployments.iter().map(|deployment| &*deployment.environment).collect();
    assert_eq!((names, release.supersede), (vec!["production"], false));
}

#[tokio::test]
async fn the_lock_of_a_rollback_goes_and_one_that_somebody_set_holds() {
    let world = World::start(false).await;
    let now = longshore_aws::ids::now();
    let lock = |rollback| Lock { by: "grace".into(), reason: None, since: now, until: None, rollback };
    let release = world.ask(named("main")).await.expect("a release");
    let back = Release { id: longshore_aws::ids::release_id(), number: 0, ..release.clone() };
    world
        .store
        .ask(&back, Some(LockedBy { environment: "staging", lock: &lock(true), once_from: None }))
        .await
        .expect("the table");
    world.store.lock("web", "staging", &lock(false)).await.expect("the table");
    let admit = async |passing| {
        let admitted = world.store.admit(&release, "staging", "holder", passing, now).await;
        admitted.expect("the table")
    };
    assert_eq!(admit(Passing::Automation).await, Admission::Locked(lock(true)), "no push goes in");
    assert_eq!(admit(Passing::Wished).await, Admission::Locked(lock(false)), "what somebody locked is locked");

    // Its time is over.
    let over = Lock { until: Some(now), ..lock(false) };
    world.store.lock("web", "staging", &over).await.expect("the table");
    assert_eq!(admit(Passing::Automation).await, Admission::Locked(lock(true)), "no push goes in");
    assert!(
        matches!(admit(Passing::Wished).await, Admission::Admitted(_)),
        "the rollback came before it was asked for"
    );
    let environment = world.store.environment("web", "staging").await.expect("the table");
    assert!(environment.lock.is_some_and(|lock| !lock.rollback), "and its lock is gone");
}
