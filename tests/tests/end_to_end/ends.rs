//! Builds that end without having called back: CodeBuild alone tells how, by its event or when it is asked.

use jiff::{SignedDuration, Timestamp};
use longshore_core::release::{Outcome, Release, ReleaseId, State};
use longshore_tests::{Between, Gate, Local, Push, config, release_of, releases_of, with_config, without_events};
use serde_json::{Value, json};

/// How a build ends: the pipeline and project, what CodeBuild describes, and what is made of it.
struct End {
    name: &'static str,
    status: &'static str,
    /// The failing phase: its name, its status, what CodeBuild says about it.
    phase: (&'static str, &'static str, &'static str),
    outcome: Outcome,
    reason: &'static str,
}

const ENDS: [End; 5] = [
    End {
        name: "unprovisioned",
        status: "FAILED",
        phase: (
            "PROVISIONING",
            "CLIENT_ERROR",
            "CannotPullContainerError: the image \"harbour/build:7\" is in no registry that this project may read",
        ),
        outcome: Outcome::Failed,
        reason: "PROVISIONING client error: CannotPullContainerError: the image \"harbour/build:7\" is in no registry that \
                 this project may read",
    },
    End {
        name: "late",
        status: "TIMED_OUT",
        phase: ("BUILD", "TIMED_OUT", "The build ran for 60 minutes."),
        outcome: Outcome::TimedOut,
        reason: "the build timed out: BUILD timed out: The build ran for 60 minutes.",
    },
    End {
        name: "unqueued",
        status: "TIMED_OUT",
        phase: ("QUEUED", "TIMED_OUT", "No machine was free for 480 minutes."),
        outcome: Outcome::TimedOut,
        reason: "the build timed out: QUEUED timed out: No machine was free for 480 minutes.",
    },
    End {
        name: "stopped",
        status: "STOPPED",
        phase: ("INSTALL", "STOPPED", ""),
        outcome: Outcome::Stopped,
        reason: "the build was stopped: INSTALL stopped",
    },
    End {
        name: "faulted",
        status: "FAULT",
        phase: ("DOWNLOAD_SOURCE", "FAULT", "An internal error occurred; <none of yours>."),
        outcome: Outcome::Fault,
        reason: "CodeBuild had a fault: DOWNLOAD_SOURCE fault: An internal error occurred; <none of yours>.",
    },
];

impl End {
    /// The members of the build that say so: <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html>.
    fn described(&self) -> Value {
        let now = Timestamp::now().as_second();
        let (name, status, said) = self.phase;
        let context = json!({ "statusCode": format!("{name}_{status}"), "message": said });
        json!({
            "buildComplete": true, "buildStatus": self.status, "currentPhase": "COMPLETED", "endTime": now,
            "phases": [
                { "phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED", "startTime": now, "endTime": now },
                { "phaseType": name, "phaseStatus": status, "startTime": now, "endTime": now, "contexts": [context] },
                { "phaseType": "COMPLETED", "startTime": now },
            ],
        })
    }

    async fn is_told(&self, local: &Local, release: &Release) {
        let Self { name, outcome, reason, .. } = self;
        assert_eq!((release.state, release.build.outcome), (State::Failed, Some(*outcome)), "{name}");
        assert_eq!(release.reason.as_deref(), Some(*reason), "{name}");
        assert_eq!(release.build.stages, [], "{name}: nothing called back");
        let message = local.message(&release.id, ": failed after ", 1).await;
        let blocks = message.attachments[0]["blocks"].to_string();
        // As JSON has it, in Slack's markup.
        let reason = json!(reason.replace('<', "&lt;").replace('>', "&gt;")).to_string();
        assert!(blocks.contains(reason.trim_matches('"')), "{name}: {reason} in {blocks}");
        assert_eq!(local.thread(&message).len(), 1, "{name}: {:#?}", local.thread(&message));
    }
}

#[test]
fn a_build_that_never_called_back_is_ended_by_codebuilds_event() {
    ended(false);
}

#[test]
fn a_build_that_never_called_back_is_ended_by_a_tick_when_every_event_is_lost() {
    ended(true);
}

/// One push starts a build of each kind; all of them are held until CodeBuild describes them as ended.
fn ended(events_are_lost: bool) {
    let (gate, between) = (Gate::new(), Between::default());
    with_config(
        &config(&ENDS.each_ref().map(|end| (end.name, "github.com/acme/web", ""))),
        |options| {
            gate.install(options);
            options.codebuild = Some(between.middleware());
            if events_are_lost {
                options.template = without_events(&["CodeBuild Build State Change"]);
            }
        },
        async |local| {
            local.script(&[Gate::WAIT]).await;
            let ids = releases_of(&local.send(&push().delivery()).await);
            for (id, end) in ids.iter().zip(&ENDS) {
                let release = local.stack.release(id).await.expect("the release");
                assert_eq!((release.pipeline.as_str(), release.state), (end.name, State::Building));
                between.describe_builds(end.name, end.described());
            }
            if events_are_lost {
                local.tick("Trigger").await;
                let records = local.records().await;
                assert!(records.iter().all(Release::is_closed), "one tick is enough: {records:#?}");
            } else {
                gate.open();
            }
            for (id, end) in ids.iter().zip(&ENDS) {
                end.is_told(local, &local.closed(id).await).await;
            }
            assert_eq!((local.messages().len(), local.all_builds().await.len()), (ENDS.len(), ENDS.len()));
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

#[test]
fn a_build_that_codebuild_has_no_longer_ends_as_a_fault() {
    let (gate, between) = (Gate::new(), Between::default());
    with_config(
        &config(&[("web", "github.com/acme/web", "")]),
        |options| {
            gate.install(options);
            options.codebuild = Some(between.middleware());
        },
        async |local| {
            local.script(&[Gate::WAIT]).await;
            let id = release_of(&local.send(&push().delivery()).await);
            local.message(&id, ": building", 0).await;
            between.describe_builds("web", Value::Null);

            // Just after its start it may not be seen yet.
            local.tick("Trigger").await;
            let release = local.stack.release(&id).await.expect("the release");
            assert_eq!((release.state, release.build.outcome), (State::Building, None));

            started_long_ago(local, &id).await;
            local.tick("Trigger").await;
            let release = local.stack.release(&id).await.expect("the release");
            assert_eq!((release.state, release.build.outcome), (State::Failed, Some(Outcome::Fault)));
            let reason = "CodeBuild had a fault: CodeBuild no longer has the build";
            assert_eq!(release.reason.as_deref(), Some(reason));
            let message = local.message(&id, ": failed after ", 1).await;
            assert!(message.attachments[0]["blocks"].to_string().contains(reason), "{message:?}");
        },
    );
}

/// Has the record say that the build was started an hour ago.
async fn started_long_ago(local: &Local, id: &ReleaseId) {
    let mut release = local.stack.release(id).await.expect("the release");
    release.build.started = release.build.started.map(|started| started - SignedDuration::from_hours(1));
    release.version += 1;
    local.put_record(&release).await;
}

fn push() -> Push<'static> {
    Push { repository: "acme/web", branch: "main", before: 0, after: 1, files: &[] }
}
