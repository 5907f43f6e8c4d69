//! CodeBuild that does not take builds, takes them without saying so, or never will.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use longshore_core::release::{Outcome, Release, ReleaseId, State};
use longshore_tests::{
    Between, Fault, Gate, Local, Push, config, eventually, release_of, releases_of, variable, with_config, with_gate,
    without_events,
};
use serde_json::json;

const THROTTLED: Fault = Fault::Refused(400, "ThrottlingException", "Rate exceeded");
const FULL: Fault = Fault::Refused(400, "AccountLimitExceededException", "Cannot have more than 60 builds in queue");

/// A push of commit `after` to main of `acme/<name>`, which named the commit before it until then.
fn push(repository: &str, after: u8) -> Push<'_> {
    Push { repository, branch: "main", before: after - 1, after, files: &[] }
}

#[test]
fn while_codebuild_throttles_nothing_is_lost_and_nothing_is_doubled() {
    let between = Between::default();
    let pipelines = [
        ("web", "github.com/acme/web", ""),
        ("api", "github.com/acme/api", ""),
        ("tools", "github.com/acme/tools", ""),
    ];
    with_config(
        &config(&pipelines),
        |options| options.codebuild = Some(between.middleware()),
        async |local| {
            local.script(&["true"]).await;
            for (project, ..) in pipelines {
                between.break_project(project, THROTTLED);
            }
            let first = push("acme/web", 1).delivery();
            let deliveries = vec![first.clone(), push("acme/api", 1).delivery()];
            let answers = local.send_at_once(deliveries).await;
            let (older, api) = (release_of(&answers[0]), release_of(&answers[1]));
            for id in [&older, &api] {
                local.message(id, ": queued (", 0).await;
                local.shown(id, "does not take the build yet: StartBuild failed: ThrottlingException: Rate").await;
                was_tried(local, id, 1).await;
            }
            // Meanwhile life goes on.
            let hour = SignedDuration::from_hours(1);
            let asked = || pipelines.map(|(project, ..)| between.started(project));
            for id in [&older, &api] {
                try_at(local, id, Timestamp::now() + hour).await;
            }
            let before = asked();
            assert_eq!(release_of(&local.send(&first).await), older, "a redelivery");
            assert_eq!(asked(), before, "a redelivery does not hurry it");
            let newer = release_of(&local.send(&push("acme/web", 2).delivery()).await);
            local.message(&older, ": superseded (", 0).await;
            try_at(local, &newer, Timestamp::now() + hour).await;
            let before = asked();
            local.tick("Trigger").await;
            assert_eq!(asked(), before, "CodeBuild is left alone until the pause is over");
            attempt(local, &[(&api, 2), (&newer, 2)]).await;
            let tools = release_of(&local.send(&push("acme/tools", 1).delivery()).await);
            attempt(local, &[(&api, 3), (&newer, 3), (&tools, 2)]).await;
            assert_eq!(release_of(&local.send(&first).await), older, "a redelivery");
            assert_eq!(local.all_builds().await.len(), 0);

            between.mend();
            let waiting = [&api, &newer, &tools];
            for id in waiting {
                try_at(local, id, Timestamp::now()).await;
            }
            // Long enough ago that no invocation can still be about to start its build.
            local.change_record(&older, |release| earlier(&mut release.ended, Release::START_LASTS)).await;
            local.tick("Trigger").await;
            let records = local.all_closed().await;
            assert_eq!(records.len(), 4);
            for release in &records {
                if release.id == older {
                    assert_eq!((release.state, release.build.outcome), (State::Superseded, Some(Outcome::NotStarted)));
                } else {
                    assert_eq!((release.state, &release.build.delay), (State::Built, &None), "{:?}", release.reason);
                    local.message(&release.id, ": built in ", 1).await;
                }
            }
            each_has_one_build(local, &waiting).await;
            assert_eq!((local.all_builds().await.len(), local.messages().len()), (3, 4));
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

/// Every StartBuild makes a build whose answer is lost, or fails with a 5xx; the events that would tell of the builds are lost, too.
#[test]
fn a_build_whose_answer_was_lost_is_found_again_and_not_started_twice() {
    const LOST: &str = "the answer was lost";
    let between = Between::default();
    // What becomes of StartBuild, and how many minutes pass until the next attempt.
    let cases = [
        ("again", Fault::AnswerLost, 0),
        // The idempotency token is of the same age, and what it was used with is not.
        ("altered", Fault::AnswerLost, 2),
        ("lapsed", Fault::AnswerLost, 10),
        ("late", Fault::AnswerLost, 31),
        ("silent", Fault::NoAnswer, 0),
        // Of the same delivery.
        ("behind", Fault::NoAnswer, 0),
        ("down", Fault::Refused(503, "ServiceUnavailableException", LOST), 0),
    ];
    let repository = |name: &str| if name == "behind" { "acme/silent".to_owned() } else { format!("acme/{name}") };
    let mut repositories = cases.clone().map(|(name, ..)| repository(name)).to_vec();
    let pipelines: Vec<_> = repositories.iter().map(|name| format!("github.com/{name}")).collect();
    repositories.dedup();
    let pipelines: Vec<_> =
        cases.iter().zip(&pipelines).map(|((name, ..), repository)| (*name, repository.as_str(), "")).collect();
    with_config(
        &config(&pipelines),
        |options| {
            options.codebuild = Some(between.middleware());
            options.template = without_events(&["CodeBuild Build State Change"]);
        },
        async |local| {
            local.script(&["true"]).await;
            for (project, fault, _) in &cases {
                between.break_project(project, fault.clone());
            }
            let deliveries = repositories.iter().map(|repository| push(repository, 1).delivery()).collect();
            let ids: Vec<_> = local.send_at_once(deliveries).await.iter().flat_map(releases_of).collect();
            for (id, (name, fault, _)) in ids.iter().zip(&cases) {
                let release = local.stack.release(id).await.expect("the release");
                assert_eq!((release.state, &release.build.id), (State::Requested, &None), "{name}");
                local.message(id, ": queued (", 0).await;
                match fault {
                    // Whoever waited for the answer gave up, and had no time left to write that down.
                    Fault::NoAnswer => assert_eq!(release.build.delay, None),
                    Fault::AnswerLost | Fault::Refused(..) | Fault::Quoted(_) => drop(local.shown(id, LOST).await),
                }
            }
            let builds = local.all_builds().await;
            let mut built: Vec<_> = builds.iter().filter_map(|build| build["projectName"].as_str()).collect();
            built.sort_unstable();
            assert_eq!(
                built,
                ["again", "altered", "behind", "lapsed", "late", "silent"],
                "builds that nobody wrote down"
            );

            between.mend();
            for (id, (_, _, minutes)) in ids.iter().zip(&cases) {
                local
                    .change_record(id, |release| earlier(&mut release.build.due, SignedDuration::from_mins(*minutes)))
                    .await;
                try_at(local, id, Timestamp::now()).await;
            }
            let before = cases.clone().map(|(project, ..)| between.started(project));
            let records = local.all_closed_by_ticks().await;
            for release in &records {
                assert_eq!(release.state, State::Built, "{}: {:?}", release.pipeline, release.reason);
                local.message(&release.id, ": built in ", 1).await;
            }
            let calls = cases.iter().zip(before).map(|((project, ..), before)| between.started(project) - before);
            // Where the token may have lapsed, the build is looked for.
            assert_eq!(calls.collect::<Vec<_>>(), [1, 1, 0, 0, 1, 1, 1]);
            each_has_one_build(local, &ids.iter().collect::<Vec<_>>()).await;
            assert_eq!((records.len(), local.all_builds().await.len()), (7, 7));
        },
    );
}

#[test]
fn where_the_account_has_no_room_a_build_is_started_once_there_is() {
    with_gate(&config(&[("web", "github.com/acme/web", "")]), async |local, gate| {
        local.script(&[Gate::WAIT]).await;
        local.codebuild("UpdateProject", &json!({ "name": "web", "concurrentBuildLimit": 1 })).await;
        // Somebody else's build.
        let other = local.codebuild("StartBuild", &json!({ "projectName": "web" })).await["build"]["id"].clone();
        let id = release_of(&local.send(&push("acme/web", 1).delivery()).await);
        local.message(&id, ": queued (", 0).await;
        local.shown(&id, "AccountLimitExceededException: Cannot have more than 1 active build").await;
        was_tried(local, &id, 1).await;
        attempt(local, &[(&id, 2)]).await;

        gate.open();
        let over = async || {
            let builds = local.all_builds().await;
            builds.iter().any(|build| build["id"] == other && build["buildComplete"] == true).then_some(())
        };
        eventually("the other build ends", over).await;
        try_at(local, &id, Timestamp::now()).await;
        local.tick("Trigger").await;
        assert_eq!(local.closed(&id).await.state, State::Built);
        local.message(&id, ": built in ", 1).await;
        each_has_one_build(local, &[&id]).await;
        assert_eq!(local.all_builds().await.len(), 2);
    });
}

#[test]
fn what_codebuild_does_not_take_for_too_long_fails_and_says_why() {
    const WHY: &str = "StartBuild failed: AccountLimitExceededException: Cannot have more than 60 builds in queue";
    let between = Between::default();
    let pipelines = [
        ("hasty", "github.com/acme/web", r#"start_within = "5m""#),
        ("patient", "github.com/acme/web", ""),
        ("next", "github.com/acme/web", r#"after = ["hasty"]"#),
    ];
    with_config(
        &config(&pipelines),
        |options| options.codebuild = Some(between.middleware()),
        async |local| {
            local.script(&["true"]).await;
            between.break_project("hasty", FULL);
            between.break_project("patient", FULL);
            let ids = releases_of(&local.send(&push("acme/web", 1).delivery()).await);
            let [hasty, patient, next] = &ids[..] else { panic!("three releases: {ids:?}") };
            local.message(next, ": waits for hasty #1 (", 0).await;
            let pass = async |id: &ReleaseId, minutes: i64| {
                local
                    .change_record(id, |release| earlier(&mut release.build.due, SignedDuration::from_mins(minutes)))
                    .await;
                try_at(local, id, Timestamp::now()).await;
            };

            for id in [hasty, patient] {
                pass(id, 3).await;
            }
            attempt(local, &[(hasty, 2), (patient, 2)]).await;
            for id in [hasty, patient] {
                pass(id, 3).await;
            }
            local.tick("Trigger").await;
            is_given_up(local, hasty, &format!("the build could not be started for 5 minutes: {WHY}")).await;
            was_tried(local, patient, 3).await;
            pass(patient, 25).await;
            local.tick("Trigger").await;
            is_given_up(local, patient, &format!("the build could not be started for 30 minutes: {WHY}")).await;

            let next = local.closed(next).await;
            let reason = format!("hasty #1 failed: the build could not be started for 5 minutes: {WHY}");
            assert_eq!((next.state, next.reason), (State::Cancelled, Some(reason)));
            // It is over, whatever CodeBuild would say now.
            between.mend();
            local.tick("Trigger").await;
            assert_eq!((local.all_builds().await.len(), between.started("next")), (0, 0));
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

#[test]
fn a_project_that_does_not_exist_fails_its_release_at_once_and_no_other() {
    let pipelines = [("gone", "github.com/acme/web", ""), ("web", "github.com/acme/web", "")];
    with_config(
        &config(&pipelines),
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            local.codebuild("DeleteProject", &json!({ "name": "gone" })).await;
            let answer = local.send(&push("acme/web", 1).delivery()).await;
            let ids = releases_of(&answer);
            let [gone, web] = &ids[..] else { panic!("two releases: {ids:?}") };
            let release = local.stack.release(gone).await.expect("the release");
            assert_eq!(release.state, State::Failed, "at once");
            let reason = release.reason.expect("a reason");
            let refused = "CodeBuild refused to build gone: Project cannot be found: ";
            assert!(reason.starts_with(refused), "{reason}");

            fails_with(local, gone, &reason).await;
            assert_eq!(local.closed(web).await.state, State::Built);
            local.message(web, ": built in ", 1).await;
            each_has_one_build(local, &[web]).await;
            assert_eq!(local.all_builds().await.len(), 1);
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

/// Another attempt for each of these, by a tick: each was tried so often then.
async fn attempt(local: &Local, waiting: &[(&ReleaseId, u32)]) {
    for (id, _) in waiting {
        try_at(local, id, Timestamp::now()).await;
    }
    local.tick("Trigger").await;
    for (id, attempts) in waiting {
        was_tried(local, id, *attempts).await;
    }
}

/// The release is still to be built, was tried so often, and the pause before the next attempt is right.
async fn was_tried(local: &Local, id: &ReleaseId, attempts: u32) {
    let release = local.stack.release(id).await.expect("the release");
    assert_eq!((release.state, &release.build.id), (State::Requested, &None), "{:?}", release.reason);
    let delay = release.build.delay.expect("a delay");
    assert_eq!(delay.attempts, attempts);
    let pause = delay.until.duration_since(release.changed);
    assert_eq!(pause, SignedDuration::from_secs(10 << (attempts - 1)), "the pauses double");
}

/// The next attempt is due then.
async fn try_at(local: &Local, id: &ReleaseId, then: Timestamp) {
    let change = |release: &mut Release| {
        if let Some(delay) = &mut release.build.delay {
            delay.until = then;
        }
    };
    local.change_record(id, change).await;
}

/// It was some time earlier, and a moment more.
fn earlier(time: &mut Option<Timestamp>, by: SignedDuration) {
    let before = time.as_mut().expect("a time");
    *before -= by + SignedDuration::from_secs(1);
}

/// It fails, and is looked for once more, since CodeBuild may have taken it after all.
async fn is_given_up(local: &Local, id: &ReleaseId, reason: &str) {
    let failed = async || local.stack.release(id).await.ok().filter(|release| release.state == State::Failed);
    let release = eventually("the release fails", failed).await;
    assert_eq!((release.reason.as_deref(), release.build.outcome), (Some(reason), None));
    local.message(id, ": failed after ", 0).await;
    local.shown(id, reason).await;
    local.change_record(id, |release| earlier(&mut release.ended, SignedDuration::from_mins(1))).await;
    local.tick("Trigger").await;
    let release = local.closed(id).await;
    assert_eq!((&release.build.id, release.build.outcome), (&None, Some(Outcome::NotStarted)));
    assert_eq!((release.state, release.reason.as_deref()), (State::Failed, Some(reason)));
}

async fn fails_with(local: &Local, id: &ReleaseId, reason: &str) {
    let release = local.closed(id).await;
    assert_eq!((release.state, release.reason.as_deref()), (State::Failed, Some(reason)));
    assert_eq!((&release.build.id, release.build.outcome), (&None, Some(Outcome::Refused)));
    local.message(id, ": failed after ", 1).await;
    local.shown(id, reason).await;
    local.shown(id, ":x: build could not be started").await;
}

/// Each of these releases has one build, and its record names it.
async fn each_has_one_build(local: &Local, ids: &[&ReleaseId]) {
    let mut built: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for build in local.all_builds().await {
        assert_eq!(build["buildComplete"], true, "{build:#}");
        let (of, id) = (variable(&build, "LONGSHORE_RELEASE").unwrap_or_default(), build["id"].as_str());
        built.entry(of.to_owned()).or_default().push(id.expect("an id").to_owned());
    }
    for id in ids {
        let release = local.stack.release(id).await.expect("the release");
        let builds = built.get(id.as_str()).map(Vec::as_slice);
        assert_eq!(builds, release.build.id.as_ref().map(std::slice::from_ref), "{}", release.pipeline);
    }
}
