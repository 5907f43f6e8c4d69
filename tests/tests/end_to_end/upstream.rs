//! Upstreams that a release's own push does not start, and those in other repositories.

use longshore_core::release::{Release, ReleaseId, State};
use longshore_tests::{
    Gate, Local, Push, commit, config, delivery, reason_of, release_of, releases_of, run, variable, with_config,
    with_gate,
};

const BASE: &[&str] = &["base/lib"];
const SHOP: &[&str] = &["shop/page"];

/// `shop` comes after `base`, and each has its folder of one repository.
fn monorepo() -> String {
    config(&[
        ("base", "github.com/acme/web", r#"paths = ["base/**"]"#),
        ("shop", "github.com/acme/web", "paths = [\"shop/**\"]\nafter = [\"base\"]"),
    ])
}

fn push<'a>(after: u8, files: &'a [&'a str]) -> Push<'a> {
    Push { repository: "acme/web", branch: "main", before: after - 1, after, files }
}

fn elsewhere(after: u8) -> Push<'static> {
    Push { repository: "acme/api", ..push(after, &["README.md"]) }
}

#[test]
fn a_newer_push_waits_for_the_upstream_that_the_older_one_waited_for() {
    with_gate(&monorepo(), async |local, gate| {
        local.script(&[Gate::WAIT]).await;
        let both = releases_of(&local.send(&push(1, BASE).delivery()).await);
        let [base, older] = of(local, &both).await;
        assert_eq!((older.pipeline.as_str(), older.state), ("shop", State::Waiting));
        let newer = release_of(&local.send(&push(2, SHOP).delivery()).await);
        let waiting = local.stack.release(&newer).await.expect("the release");
        assert_eq!((waiting.state, &waiting.waits[0].release), (State::Waiting, &base.id));
        assert_eq!(local.closed(&older.id).await.state, State::Superseded);
        assert_eq!(local.all_builds().await.len(), 1, "nothing is built before the base that it needs");

        gate.open();
        assert_eq!(local.closed(&newer).await.state, State::Built);
        assert_eq!(upstream(local, &newer, "LONGSHORE_UPSTREAM_BASE_RELEASE").await, Some(base.id.to_string()));
        // What is built after that is told of the same base.
        let later = release_of(&local.send(&push(3, SHOP).delivery()).await);
        assert_eq!(local.closed(&later).await.state, State::Built);
        assert_eq!(upstream(local, &later, "LONGSHORE_UPSTREAM_BASE_COMMIT").await, Some(commit(1)));
        assert_eq!(local.all_builds().await.len(), 3);
    });
}

#[test]
fn what_is_handed_on_is_the_last_upstream_that_succeeded_whoever_started_it() {
    let config = config(&[
        ("base", "github.com/acme/web", r#"paths = ["base/**"]"#),
        ("shop", "github.com/acme/web", "paths = [\"shop/**\"]\nafter = [\"base\"]\nactors = [\"!robot\"]"),
    ]);
    with_gate(&config, async |local, gate| {
        local.script(&[Gate::WAIT, "[ \"$LONGSHORE_COMMIT\" != 0303030303030303030303030303030303030303 ]"]).await;
        let by = |push: Push<'_>, who: &str| {
            let mut payload = push.payload();
            payload["pusher"]["name"] = who.into();
            payload["sender"]["login"] = who.into();
            delivery(&payload)
        };
        // A base that shop has no part in, and that is still built when shop is pushed.
        let base = release_of(&local.send(&by(push(1, BASE), "robot")).await);
        let shop = release_of(&local.send(&push(2, SHOP).delivery()).await);
        let waiting = local.stack.release(&shop).await.expect("the release");
        assert_eq!((waiting.state, &waiting.waits[0].release), (State::Waiting, &base));
        gate.open();
        assert_eq!(local.closed(&shop).await.state, State::Built);

        // One that fails is none.
        let failed = release_of(&local.send(&by(push(3, BASE), "robot")).await);
        assert_eq!(local.closed(&failed).await.state, State::Failed);
        let shop = release_of(&local.send(&push(4, SHOP).delivery()).await);
        assert_eq!(local.closed(&shop).await.state, State::Built);
        assert_eq!(upstream(local, &shop, "LONGSHORE_UPSTREAM_BASE_RELEASE").await, Some(base.to_string()));
    });
}

#[test]
fn an_older_push_that_comes_late_has_what_comes_after_it_built_again() {
    with_config(
        &monorepo(),
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            let early = release_of(&local.send(&push(2, SHOP).delivery()).await);
            assert_eq!(local.closed(&early).await.state, State::Built);
            let both = releases_of(&local.send(&push(1, BASE).delivery()).await);
            let [base, late] = of(local, &both).await;
            assert_eq!((late.pipeline.as_str(), late.state), ("shop", State::Superseded));
            let again = local.all_closed().await.pop().expect("a release");
            assert_eq!((again.pipeline.as_str(), again.commit.id, again.state), ("shop", commit(2), State::Built));
            assert!(again.number > late.number);
            assert_eq!(upstream(local, &again.id, "LONGSHORE_UPSTREAM_BASE_RELEASE").await, Some(base.id.to_string()));
        },
    );
}

#[test]
fn a_pipeline_of_another_repository_is_built_from_its_own_newest_commit() {
    with_gate(
        &config(&[("web", "github.com/acme/web", ""), ("api", "github.com/acme/api", r#"after = ["web"]"#)]),
        async |local, gate| {
            local.script(&[Gate::WAIT]).await;
            gate.open();
            // Nothing is known of it yet.
            let delivery = push(1, &[]).delivery();
            let alone = release_of(&local.send(&delivery).await);
            assert_eq!(local.closed(&alone).await.pipeline, "web");
            let explained = run(&["explain", &local.option(), "--delivery", &delivery.id]).await.printed;
            assert!(explained.contains("no commit of its branch \"main\" is known yet"), "{explained}");

            let known = release_of(&local.send(&elsewhere(11).delivery()).await);
            assert_eq!(local.closed(&known).await.state, State::Built);
            gate.shut();
            let both = releases_of(&local.send(&push(2, &[]).delivery()).await);
            let [web, api] = of(local, &both).await;
            assert_eq!((api.state, api.commit.id, &api.waits[0].release), (State::Waiting, commit(11), &web.id));
            // By another webhook, it is the same.
            assert_eq!(releases_of(&local.send(&push(2, &[]).delivery()).await), both);
            // A push of its own meanwhile is newer, and waits for the same.
            let newer = release_of(&local.send(&elsewhere(12).delivery()).await);
            let waiting = local.stack.release(&newer).await.expect("the release");
            assert_eq!((waiting.state, &waiting.waits[0].release), (State::Waiting, &web.id));
            assert!(waiting.number > api.number);
            assert_eq!(local.closed(&api.id).await.state, State::Superseded);
            gate.open();
            assert_eq!(local.closed(&newer).await.state, State::Built);
            assert_eq!(upstream(local, &newer, "LONGSHORE_UPSTREAM_WEB_COMMIT").await, Some(commit(2)));
            // Its branch is gone: there is nothing to build.
            let gone = elsewhere(12).deletion();
            assert!(reason_of(&local.send(&gone).await).contains("was deleted"));
            release_of(&local.send(&push(3, &[]).delivery()).await);
            local.all_closed().await;
        },
    );
}

/// The two releases of an answer, upstream first.
async fn of(local: &Local, ids: &[ReleaseId]) -> [Release; 2] {
    let [first, second] = ids else { panic!("two releases: {ids:?}") };
    let first = local.stack.release(first).await.expect("the release");
    let second = local.stack.release(second).await.expect("the release");
    if second.waits.is_empty() && first.pipeline != "base" && first.pipeline != "web" {
        [second, first]
    } else {
        [first, second]
    }
}

/// A variable of a release's build.
async fn upstream(local: &Local, release: &ReleaseId, name: &str) -> Option<String> {
    let builds = local.all_builds().await;
    let of = builds.iter().find(|build| variable(build, "LONGSHORE_RELEASE") == Some(release.as_str()));
    variable(of.expect("a build"), name).map(str::to_owned)
}
