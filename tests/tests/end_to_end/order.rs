//! Pushes of one branch, in whatever order their deliveries come: what is released is the newest.

use longshore_core::release::{Outcome, Release, ReleaseId, State};
use longshore_local::hook;
use longshore_tests::{
    Application, Gate, Killer, Local, Push, Quality, commit, config, eventually, reason_of, release_of, variable,
    with_config, with_gate, with_stack, without_events,
};
use serde_json::Value;

/// A push of commit `after` to main, which named `before` until then.
fn push(before: u8, after: u8) -> Push<'static> {
    Push { repository: "acme/web", branch: "main", before, after, files: &[] }
}

fn one_pipeline() -> String {
    config(&[("web", "github.com/acme/web", "")])
}

#[test]
fn of_five_pushes_told_at_once_the_newest_alone_is_built() {
    with_gate(&one_pipeline(), async |local, gate| {
        local.script(&[Gate::WAIT]).await;
        let deliveries = (1..=5).map(|after| push(after - 1, after).delivery()).collect();
        let answers = local.send_at_once(deliveries).await;
        for (answer, number) in answers.iter().zip(1..) {
            let release = local.stack.release(&release_of(answer)).await.expect("the release");
            assert_eq!(release.commit.id, commit(number), "the answer names its own push's release");
        }
        gate.open();
        let commits: Vec<_> = (1..=5).map(commit).collect();
        the_newest_alone_is_built(local, &commits).await;
    });
}

#[test]
fn of_five_pushes_by_git_one_after_the_other_the_newest_alone_is_built() {
    with_gate(&one_pipeline(), async |local, gate| {
        local.script(&[Gate::WAIT]).await;
        let application = Application::make(local).await;
        let (mut commits, mut ids) = (Vec::new(), Vec::new());
        for version in 1..=5 {
            commits.push(application.commit(&format!("version {version}"), Quality::Good).await);
            ids.push(application.push().await);
        }
        gate.open();
        the_newest_alone_is_built(local, &commits).await;
        let records = local.records().await;
        assert_eq!(records.iter().map(|release| release.id.clone()).collect::<Vec<_>>(), ids, "one for each push");
        for (older, newer) in records.iter().zip(&records[1..]) {
            let reason = format!("release #{} ({}) is of a newer push", newer.number, newer.commit.short());
            assert_eq!(older.reason.as_deref(), Some(reason.as_str()));
            assert_eq!(older.build.outcome, Some(Outcome::Stopped), "its build was stopped");
        }
    });
}

#[test]
fn deliveries_that_come_in_reverse_start_one_build() {
    with_config(
        &one_pipeline(),
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            for after in (1..=5).rev() {
                let answer = local.send(&push(after - 1, after).delivery()).await;
                let id = release_of(&answer);
                let release = local.stack.release(&id).await.expect("the release");
                if after < 5 {
                    assert_eq!((release.state, release.build.id), (State::Superseded, None), "from the beginning");
                    assert_eq!(release.build.outcome, Some(Outcome::NotStarted));
                    let reason = release.reason.expect("a reason");
                    let newest = format!("release #1 ({}) is of a newer push, which was told first", &commit(5)[..7]);
                    assert_eq!(reason, newest);
                }
            }
            let commits: Vec<_> = (1..=5).map(commit).collect();
            the_newest_alone_is_built(local, &commits).await;
            assert_eq!((local.releases().await, local.all_builds().await.len()), (5, 1));
        },
    );
}

#[test]
fn a_delivery_that_closes_a_gap_brings_the_newest_commit_back() {
    with_gate(&one_pipeline(), async |local, gate| {
        local.script(&[Gate::WAIT]).await;
        // The provider dates all of them alike: between the third and the first nothing is known but the order of arrival.
        let third = release_of(&local.send(&push(2, 3).delivery()).await);
        release_of(&local.send(&push(0, 1).delivery()).await);
        let third = local.closed(&third).await;
        assert_eq!(third.state, State::Superseded, "what came last is presumed newer");
        let second = release_of(&local.send(&push(1, 2).delivery()).await);
        let second = local.closed(&second).await;
        assert_eq!((second.state, second.build.outcome), (State::Superseded, Some(Outcome::NotStarted)));
        gate.open();
        the_newest_alone_is_built(local, &[commit(1), commit(2), commit(3)]).await;
        let newest = local.records().await.pop().expect("releases");
        assert_eq!((newest.state, newest.commit.id), (State::Built, commit(3)), "the newest has the largest number");
    });
}

#[test]
fn a_gap_that_is_closed_late_ends_what_was_thought_of_as_the_newest() {
    with_gate(&one_pipeline(), async |local, gate| {
        local.script(&[Gate::WAIT]).await;
        // The first is told after the third, and so presumed newer: it ends the third, and the fourth is late.
        release_of(&local.send(&push(2, 3).delivery()).await);
        let first = release_of(&local.send(&push(0, 1).delivery()).await);
        release_of(&local.send(&push(3, 4).delivery()).await);
        // Now it is known that the first is the oldest.
        release_of(&local.send(&push(1, 2).delivery()).await);
        let first = local.closed(&first).await;
        assert_eq!((first.state, first.build.outcome), (State::Superseded, Some(Outcome::Stopped)));
        gate.open();
        the_newest_alone_is_built(local, &[commit(1), commit(2), commit(3), commit(4)]).await;
    });
}

#[test]
fn a_push_that_starts_nothing_puts_the_order_right_all_the_same() {
    with_gate(&config(&[("web", "github.com/acme/web", r#"paths = ["web/**"]"#)]), async |local, gate| {
        local.script(&[Gate::WAIT]).await;
        let of = |after, files| Push { files, ..push(after - 1, after) }.delivery();
        release_of(&local.send(&of(3, &["web/page"])).await);
        release_of(&local.send(&of(1, &["web/page"])).await);
        let reason = reason_of(&local.send(&of(2, &["docs/page"])).await);
        assert!(reason.contains("is not among its paths"), "{reason}");
        gate.open();
        the_newest_alone_is_built(local, &[commit(1), commit(2), commit(3)]).await;
    });
}

#[test]
fn a_tag_that_is_deleted_and_made_again_is_released_again() {
    with_config(
        &config(&[("web", "github.com/acme/web", r#"tags = ["v*"]"#)]),
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            // Each push of a repository has a time of its own.
            let tagged = |mut delivery: hook::Delivery, second: i64| {
                delivery.body = delivery.body.replace("refs/heads/main", "refs/tags/v1");
                delivery.body = delivery.body.replace(&Push::AT.to_string(), &(Push::AT + second).to_string());
                delivery
            };
            let first = release_of(&local.send(&tagged(push(0, 1).delivery(), 0)).await);
            assert_eq!(local.closed(&first).await.state, State::Built);
            let again = release_of(&local.send(&tagged(push(0, 1).delivery(), 0)).await);
            assert_eq!(again, first, "the same push, by another webhook");
            let reason = reason_of(&local.send(&tagged(push(0, 1).deletion(), 1)).await);
            assert!(reason.contains("was deleted"), "{reason}");
            let again = release_of(&local.send(&tagged(push(0, 1).delivery(), 2)).await);
            assert_ne!(again, first);
            assert_eq!(local.closed(&again).await.state, State::Built);
        },
    );
}

#[test]
fn without_supersede_each_push_is_built_and_none_before_the_one_before_it_ended() {
    with_gate(&config(&[("web", "github.com/acme/web", "supersede = false")]), async |local, gate| {
        local.script(&[Gate::WAIT]).await;
        let mut ids = Vec::new();
        for after in 1..=3 {
            ids.push(release_of(&local.send(&push(after - 1, after).delivery()).await));
        }
        for (id, before) in ids[1..].iter().zip(&ids) {
            let release = local.stack.release(id).await.expect("the release");
            assert_eq!((release.state, release.build.id), (State::Waiting, None));
            assert_eq!(release.waits[0].release, *before);
            local.message(id, ": waits for web #", 0).await;
        }
        gate.open();
        for id in &ids {
            let release = local.closed(id).await;
            assert_eq!(release.state, State::Built, "{:?}", release.reason);
            local.message(id, ": built in ", 1).await;
        }
        let builds = local.all_builds().await;
        let started: Vec<_> = builds.iter().filter_map(|build| variable(build, "LONGSHORE_RELEASE")).collect();
        assert_eq!(started, ids.iter().map(ReleaseId::as_str).collect::<Vec<_>>(), "in order, each once");
        for (before, after) in builds.iter().zip(&builds[1..]) {
            let (ended, started) = (before["endTime"].as_f64(), after["startTime"].as_f64());
            assert!(ended.is_some() && ended <= started, "{ended:?} {started:?}");
        }
    });
}

#[test]
fn one_push_told_by_two_webhooks_is_one_release() {
    with_config(
        &one_pipeline(),
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            let first = local.send(&push(0, 1).delivery()).await;
            let second = local.send(&push(0, 1).delivery()).await;
            assert_eq!(first, second, "the same answer");
            assert_eq!(local.closed(&release_of(&first)).await.state, State::Built);
            // And at once, as two webhooks of one repository do.
            let deliveries = vec![push(1, 2).delivery(), push(1, 2).delivery()];
            let answers = local.send_at_once(deliveries).await;
            assert_eq!(release_of(&answers[0]), release_of(&answers[1]), "the same release");
            assert_eq!(local.closed(&release_of(&answers[0])).await.state, State::Built);
            assert_eq!((local.releases().await, local.all_builds().await.len()), (2, 2));
        },
    );
}

#[test]
fn a_tick_ends_what_was_superseded_by_a_trigger_that_was_killed() {
    let (gate, killer) = (Gate::new(), Killer::before("StopBuild"));
    with_config(
        &one_pipeline(),
        |options| {
            gate.install(options);
            options.codebuild = Some(killer.middleware());
            // One of the older build would have another invocation end it in the same moment.
            options.template = without_events(&["CodeBuild Build State Change"]);
        },
        async |local| {
            local.script(&[Gate::WAIT]).await;
            let older = release_of(&local.send(&push(0, 1).delivery()).await);
            let before = local.stack.release(&older).await.expect("the release");
            killer.arm(&local.stack);
            let (status, body) = local.send(&push(1, 2).delivery()).await;
            assert!(status >= 500 && killer.killed() >= 1, "{status} {body}");
            local.stack.host.idle().await;

            // Had it died a moment before, not even the record would say that it is superseded.
            let mut record = before.clone();
            record.version = local.stack.release(&older).await.expect("the release").version + 1;
            local.put_record(&record).await;
            let newer = local.records().await.pop().expect("a release");
            assert_eq!((newer.number, newer.state), (2, State::Building), "its own build came first");

            local.tick("Trigger").await;
            let older = local.closed(&older).await;
            assert_eq!((older.state, older.build.outcome), (State::Superseded, Some(Outcome::Stopped)));
            let reason = format!("release #2 ({}) is of a newer push", newer.commit.short());
            assert_eq!(older.reason, Some(reason));
            gate.open();
            let ends: Vec<_> = local.all_closed_by_ticks().await.iter().map(|release| release.state).collect();
            assert_eq!(ends, [State::Superseded, State::Built]);
            assert_eq!((local.releases().await, local.all_builds().await.len()), (2, 2));
        },
    );
}

#[test]
fn whoever_stops_a_build_sees_its_end_without_an_event_of_it() {
    let gate = Gate::new();
    with_config(
        &one_pipeline(),
        |options| {
            gate.install(options);
            options.template = without_events(&["CodeBuild Build State Change"]);
        },
        async |local| {
            local.script(&[Gate::WAIT]).await;
            let older = release_of(&local.send(&push(0, 1).delivery()).await);
            let logs = async || local.builds().await[0]["logs"]["streamName"].is_string().then_some(());
            eventually("the build has a log", logs).await;
            release_of(&local.send(&push(1, 2).delivery()).await);
            let older = local.stack.release(&older).await.expect("the release");
            assert_eq!((older.state, older.build.outcome), (State::Superseded, Some(Outcome::Stopped)));
            assert!(older.build.log.is_some(), "what it did until then can be read");
        },
    );
}

#[test]
fn an_older_release_that_is_deploying_is_not_stopped_by_a_newer_push() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            application.commit("version one", Quality::Good).await;
            let first = application.push().await;
            let look = async || {
                let release = local.stack.release(&first).await.ok()?;
                (release.state != State::Requested && !release.may_be_superseded()).then_some(())
            };
            eventually("the first release has its image", look).await;
            application.commit("version two", Quality::Good).await;
            let second = local.closed(&application.push().await).await;
            let first = local.closed(&first).await;
            assert_eq!(second.state, State::Live, "{:?}", second.reason);
            assert_eq!(first.build.outcome, Some(Outcome::Succeeded), "its build was not stopped");
            assert_eq!(first.state, State::Live, "{:?}", first.reason);
            assert!(local.page().await.contains("version two"));
        },
    );
}

/// Of these commits, oldest first, the last was built once. All else was superseded by something newer, and says so in record and
/// message; no build goes on, and no other succeeded.
async fn the_newest_alone_is_built(local: &Local, commits: &[String]) {
    let records = local.all_closed().await;
    let age = |release: &Release| commits.iter().position(|id| *id == release.commit.id).expect("a known commit");
    let newest = records.iter().filter(|release| release.state == State::Built).collect::<Vec<_>>();
    let [newest] = newest[..] else { panic!("one release is built: {records:#?}") };
    assert_eq!(age(newest), commits.len() - 1, "it is of the newest commit");
    local.message(&newest.id, ": built in ", 1).await;
    for release in records.iter().filter(|release| release.id != newest.id) {
        assert_eq!(release.state, State::Superseded, "{release:#?}");
        let reason = release.reason.as_deref().expect("a reason");
        let by =
            |other: &&Release| reason.starts_with(&format!("release #{} ({})", other.number, other.commit.short()));
        assert!(records.iter().any(|other| by(&other)), "{reason}");
        let message = local.message(&release.id, ": superseded", 0).await;
        let blocks = message.attachments[0]["blocks"].to_string();
        assert!(blocks.contains(reason), "{reason}: {blocks}");
    }
    let builds = local.all_builds().await;
    for build in &builds {
        assert_eq!(build["buildComplete"], true, "no build goes on: {build:#}");
        let release = variable(build, "LONGSHORE_RELEASE").expect("a release");
        assert_eq!(build["buildStatus"] == "SUCCEEDED", release == newest.id.as_str(), "{build:#}");
        let known = |record: &&Release| record.build.id.as_deref() == build["id"].as_str();
        assert!(records.iter().any(|record| known(&record)), "a build that no record names: {build:#}");
    }
    let of = |build: &Value| variable(build, "LONGSHORE_RELEASE").map(str::to_owned);
    let mut releases: Vec<_> = builds.iter().map(of).collect();
    releases.sort();
    releases.dedup();
    assert_eq!(releases.len(), builds.len(), "no release has two builds");
    assert_eq!(local.stack.host.dead_letters(), []);
}
