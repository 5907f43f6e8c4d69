//! Builds that are never started, as far as `trigger` knows.

use jiff::{SignedDuration, Timestamp};
use longshore_core::release::{Outcome, Release, ReleaseId, State};
use longshore_tests::{Between, Fault, Gate, Local, Push, config, release_of, with_config, without_events};

const THROTTLED: Fault = Fault::Refused(400, "ThrottlingException", "Rate exceeded");

async fn pushed(local: &Local) -> ReleaseId {
    local.script(&[Gate::WAIT]).await;
    let push = Push { repository: "acme/web", branch: "main", before: 0, after: 1, files: &[] };
    release_of(&local.send(&push.delivery()).await)
}

#[test]
fn a_project_that_may_not_be_started_fails_the_release_at_once() {
    let (gate, between) = (Gate::new(), Between::default());
    let denied =
        Fault::Refused(400, "AccessDeniedException", "User is not authorized to perform: codebuild:StartBuild");
    between.break_project("web", denied);
    with_config(
        &config(&[("web", "github.com/acme/web", "")]),
        |options| {
            gate.install(options);
            options.codebuild = Some(between.middleware());
        },
        async |local| {
            let release = local.closed(&pushed(local).await).await;
            assert_eq!((release.state, release.build.outcome), (State::Failed, Some(Outcome::Refused)));
            let reason = release.reason.expect("a reason");
            assert!(reason.contains("project web") && reason.contains("parameter Projects"), "{reason}");
            assert_eq!(between.started("web"), 1, "it is not tried again");
        },
    );
}

#[test]
fn a_build_that_starts_as_it_is_given_up_is_stopped() {
    let (gate, between) = (Gate::new(), Between::default());
    between.break_project("web", THROTTLED);
    with_config(
        &config(&[("web", "github.com/acme/web", "")]),
        |options| {
            gate.install(options);
            // An event would tell of the build before it is given up.
            options.template = without_events(&["CodeBuild Build State Change"]);
            options.codebuild = Some(between.middleware());
        },
        async |local| {
            let id = pushed(local).await;
            let overdue = |release: &mut Release| {
                release.build.due = Some(Timestamp::now() - release.start_within - SignedDuration::from_mins(1));
            };
            local.change_record(&id, overdue).await;
            between.break_project("web", Fault::AnswerLost);
            local.tick("Trigger").await;
            local.stack.host.idle().await;
            let given_up = local.stack.release(&id).await.expect("the release");
            assert_eq!((given_up.state, given_up.build.id, given_up.build.outcome), (State::Failed, None, None));
            assert_eq!(local.all_builds().await.len(), 1, "CodeBuild took it");

            between.mend();
            let ended = Some(Timestamp::now() - SignedDuration::from_mins(1));
            local.change_record(&id, |release| release.ended = ended).await;
            let releases = local.all_closed_by_ticks().await;
            let [release] = releases.as_slice() else { panic!("one release: {releases:?}") };
            assert_eq!((release.state, release.build.outcome), (State::Failed, Some(Outcome::Stopped)));
            assert_eq!(release.reason, given_up.reason);
            let builds = local.all_builds().await;
            assert_eq!(builds.iter().map(|build| &build["buildStatus"]).collect::<Vec<_>>(), ["STOPPED"]);
        },
    );
}
