//! The buttons of a message besides those of an approval: cancel, retry, roll back.

use longshore_core::release::{Deed, Release, ReleaseId, State};
use longshore_tests::{Gate, Local, Push, Works, config, eventually, release_of, with_config, with_gate};

const ONE: &str = "U0DEVELOPER";
const OTHER: &str = "U0APPROVER";

fn pipeline() -> String {
    let keys = "image = \"web\"\n[[pipeline.environment]]\nname = \"production\"\ncluster = \"production\"\nservices = [\"web\"]";
    config(&[("web", "github.com/acme/web", keys)]).replace("branches = [\"main\"]", "branches = [\"**\"]")
}

async fn pushed(local: &Local, branch: &str, after: u8, works: Works) -> ReleaseId {
    local.version("web", branch, works).await;
    let push = Push { repository: "acme/web", branch, before: 0, after, files: &["README.md"] };
    release_of(&local.send(&push.delivery()).await)
}

/// The one release that somebody asked for, and not a push.
async fn asked(local: &Local, asked: impl Fn(&Release) -> bool) -> Release {
    let releases = local.all_closed().await;
    let mut found = releases.into_iter().filter(asked);
    let release = found.next().expect("a release that was asked for");
    assert_eq!(found.next().map(|more| more.number), None, "one press, one release");
    release
}

#[test]
fn a_live_release_is_taken_back_by_its_button_however_many_press_it() {
    with_config(
        &pipeline(),
        |_| {},
        async |local| {
            local.script(&[Local::REPORT_BRANCH]).await;
            let first = pushed(local, "one", 1, Works::Well).await;
            assert_eq!(local.closed(&first).await.state, State::Live);
            let first_message = local.message(&first, ": live in ", 0).await;
            local.press(ONE, &first_message, "revert").await;
            local.told(ONE, "Nothing was changed: there is no earlier live release to go back to.").await;

            let second = pushed(local, "two", 2, Works::Well).await;
            assert_eq!(local.closed(&second).await.state, State::Live);
            let message = local.message(&second, ": live in ", 0).await;
            tokio::join!(local.press(ONE, &message, "revert"), local.press(OTHER, &message, "revert"));
            let back = asked(local, |release| release.asked.is_some()).await;
            assert_eq!((back.state, back.asked.as_ref().map(|asked| asked.deed)), (State::Live, Some(Deed::Rollback)));
            let by = back.asked.as_ref().map(|asked| asked.person.name.clone()).unwrap_or_default();
            let late = if by == "grace" { ONE } else { OTHER };
            local.told(late, "Nothing was changed: ").await;

            for message in [&first_message, &message] {
                local.press(OTHER, message, "revert").await;
            }
            local
                .told(OTHER, &format!("Nothing was changed: web #{} is live in production, not #2.", back.number))
                .await;
            local
                .told(OTHER, &format!("Nothing was changed: web #{} is live in production, not #1.", back.number))
                .await;
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

#[test]
fn a_build_is_cancelled_and_tried_once_more() {
    with_gate(&pipeline(), async |local, gate| {
        local.script(&[Gate::WAIT, Local::REPORT_BRANCH]).await;
        let id = pushed(local, "one", 1, Works::Well).await;
        let message = local.message(&id, ": building (", 0).await;
        local.press(ONE, &message, "cancel").await;
        let cancelled = local.closed(&id).await;
        assert_eq!((cancelled.state, cancelled.reason.as_deref()), (State::Cancelled, Some("cancelled by developer")));
        assert_eq!(local.builds().await[0]["buildStatus"], "STOPPED");
        local.press(OTHER, &message, "cancel").await;
        local.told(OTHER, "Too late, nothing was changed: web #1 was cancelled: cancelled by developer.").await;

        gate.open();
        let message = local.message(&id, ": cancelled (", 0).await;
        local.press(OTHER, &message, "retry").await;
        let again = asked(local, |release| release.wished.is_some()).await;
        assert_eq!((again.state, &again.commit.id), (State::Live, &cancelled.commit.id), "{:?}", again.reason);
        local.shown(&again.id, ":point_right: asked for by grace").await;
        local.press(ONE, &message, "retry").await;
        local.told(ONE, &format!("release #{} is live in production, and newer than #1.", again.number)).await;
    });
}

#[test]
fn a_deployment_that_is_cancelled_goes_back_and_its_image_is_tried_once_more() {
    with_config(
        &pipeline(),
        |_| {},
        async |local| {
            local.script(&[Local::REPORT_BRANCH]).await;
            let first = pushed(local, "one", 1, Works::Well).await;
            assert_eq!(local.closed(&first).await.state, State::Live);
            let ran = local.service().await["taskDefinition"].clone();
            let second = pushed(local, "two", 2, Works::NotAtAll).await;
            let begun = async || {
                let release = local.stack.release(&second).await.ok()?;
                release.deployments[0].is_begun().then_some(())
            };
            eventually("the service was told", begun).await;
            let message = local.message(&second, ": deploying to production (", 0).await;
            local.press(ONE, &message, "cancel").await;
            let back = local.closed(&second).await;
            let why = "production: cancelled by developer";
            assert_eq!((back.state, back.reason.as_deref()), (State::RolledBack, Some(why)));
            assert_eq!(local.service().await["taskDefinition"], ran, "what ran before runs again");

            let builds = local.builds().await.len();
            let message = local.message(&second, ": rolled back after ", 0).await;
            local.press(OTHER, &message, "retry").await;
            let again = asked(local, |release| release.asked.is_some()).await;
            assert_eq!(again.asked.as_ref().map(|asked| asked.deed), Some(Deed::Retry));
            assert_eq!((again.state, &again.image), (State::RolledBack, &back.image), "it works no better");
            assert_eq!(local.builds().await.len(), builds, "nothing is built");
        },
    );
}
