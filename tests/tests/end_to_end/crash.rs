//! `trigger` is killed between StartBuild and its record.

use longshore_core::release::{Release, ReleaseId, State};
use longshore_local::hook::{self, Delivery};
use longshore_tests::{Application, Killer, Local, Quality, eventually, with_stack, without_events};

#[test]
fn a_tick_finishes_a_release_whose_trigger_was_killed_after_startbuild() {
    killed_after_startbuild(async |local, delivery, id| {
        local.tick("Trigger").await;
        let release = local.stack.release(&id).await.expect("a record");
        assert!(release.build.id.is_some(), "the tick found the build");
        let (status, body) = local.send(&delivery).await;
        assert_eq!(status, 202, "{body}");
        assert!(body.contains(id.as_str()), "the same release: {body}");
    });
}

#[test]
fn a_redelivery_finishes_a_release_whose_trigger_was_killed_after_startbuild() {
    killed_after_startbuild(async |local, delivery, id| {
        let (status, body) = local.send(&delivery).await;
        assert_eq!(status, 202, "{body}");
        let release = local.stack.release(&id).await.expect("a record");
        assert!(body.contains(id.as_str()) && body.contains(release.build.page.as_deref().expect("a build")), "{body}");
    });
}

/// CodeBuild's events are lost, so that nothing but `recover` brings the release and its build together.
fn killed_after_startbuild(recover: impl AsyncFnOnce(&Local, Delivery, ReleaseId)) {
    let killer = Killer::after("StartBuild");
    with_stack(
        |options| {
            options.codebuild = Some(killer.middleware());
            options.template = without_events(&["CodeBuild Build State Change"]);
        },
        async |local| {
            let application = Application::make(local).await;
            let commit = application.commit("version one", Quality::Good).await;
            application.place();
            let delivery = local.delivery(&hook::uuid(), &commit);
            killer.arm(&local.stack);
            let (status, body) = local.send(&delivery).await;
            assert!(status >= 500, "{status} {body}");
            assert!(killer.killed() >= 1);

            let id = only_release(local).await;
            let release = local.stack.release(&id).await.expect("a record");
            assert_eq!((&release.build.id, local.builds().await.len()), (&None, 1), "a build that nobody wrote down");
            recover(local, delivery, id.clone()).await;

            let release = local.ended(&id).await;
            assert_eq!(release.state, State::Live, "{:?}", release.reason);
            let closed = eventually("a tick sees the build's end", async || {
                local.tick("Trigger").await;
                local.stack.release(&id).await.ok().filter(Release::is_closed)
            });
            let closed = closed.await;
            assert_eq!((local.releases().await, local.builds().await.len()), (1, 1));
            assert_eq!(closed.build.id.as_deref(), local.builds().await[0]["id"].as_str());
            assert!(local.page().await.contains("version one"));
            local.message(&id, ": live in ", 7).await;
            assert_eq!(local.messages().len(), 1);
        },
    );
}

/// The one release in the table.
async fn only_release(local: &Local) -> ReleaseId {
    let items = local.items().await;
    let releases: Vec<_> = items.iter().filter(|item| item["sk"]["S"] == "release").collect();
    let [release] = releases.as_slice() else { panic!("one release, not {}", releases.len()) };
    let key = release["pk"]["S"].as_str().expect("a key");
    ReleaseId::parse(key.trim_start_matches("release#")).expect("a release id")
}
