//! What operators see: one id from the delivery to the verdict in the logs of all functions and in the build, and metrics.

use std::collections::BTreeMap;

use longshore_core::{
    push::Source,
    release::{Build, Release, ReleaseId, State},
    webhook::Headers,
};
use longshore_tests::{
    Between, Datum, Fault, Local, Push, Recording, Works, config, data, reason_of, release_of, variable, with_config,
};
use serde_json::{Value, json};

/// What every line about a release says of it, once it is known.
const IDS: [&str; 7] = ["release", "trace", "pipeline", "delivery", "repository", "commit", "build"];

fn pipelines() -> String {
    let keys = "image = \"web\"\n[[pipeline.environment]]\nname = \"production\"\ncluster = \"production\"\nservices = [\"web\"]";
    config(&[("web", "github.com/acme/web", keys), ("broken", "github.com/acme/broken", "")])
}

#[test]
fn one_id_leads_from_the_delivery_through_every_log_and_the_build_to_the_verdict() {
    let recording = Recording::new();
    with_config(
        &pipelines(),
        |options| recording.install(options),
        async |local| {
            local.script(&[Local::REPORT_BRANCH]).await;
            local.version("web", "main", Works::Well).await;
            let push = Push { repository: "acme/web", branch: "main", before: 0, after: 1, files: &["README.md"] };
            let delivery = push.delivery();
            let release = local.closed(&release_of(&local.send(&delivery).await)).await;
            assert_eq!(release.state, State::Live);
            local.message(&release.id, ": live in ", 0).await;
            // What it was ignored for is in the log, too.
            reason_of(&local.send(&push.deletion()).await);
            local.tick("Notify").await;

            every_log_tells_of_it(local, &release);
            the_build_got_the_trace(local, &release).await;
            every_event_has_the_trace(&recording, &release);
            the_metrics_are_right(local, &release, &delivery.id);
        },
    );
}

/// A line for each function, and all that is known on each.
fn every_log_tells_of_it(local: &Local, release: &Release) {
    let trace = release.id.trace();
    let known: BTreeMap<&str, &str> = [
        ("release", release.id.as_str()),
        ("trace", trace.as_str()),
        ("pipeline", "web"),
        ("delivery", &release.delivery),
        ("repository", &release.repository),
        ("commit", &release.commit.id),
        ("build", release.build.id.as_deref().expect("a build")),
    ]
    .into();
    for (function, log) in local.logs() {
        let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let mut about = 0;
        for line in &lines {
            assert!(line["request"].is_string(), "{function}: a line of no request: {line}");
            assert!(line["timestamp"].is_string() && line["level"].is_string() && line["span"].is_null(), "{line}");
            assert_eq!(
                line["release"].is_null(),
                line["trace"].is_null(),
                "{function}: a release without a trace: {line}"
            );
            for name in IDS.into_iter().filter(|name| line["release"] == known["release"] && !line[*name].is_null()) {
                assert_eq!(line[name], known[name], "{function}: another {name}: {line}");
            }
            about += usize::from(IDS.iter().all(|name| line[*name] == known[*name]));
        }
        assert!(about > 0, "{function} has no line with all of {IDS:?}: {log}");
        let first = lines.iter().find(|line| line["delivery"] == known["delivery"]);
        assert!(first.is_some(), "{function} does not name the delivery");
    }
    let trigger = local.logs().remove("Trigger").expect("a log");
    let answered = trigger.lines().find(|line| line.contains("\"answered\"") && line.contains(known["release"]));
    assert!(answered.is_some_and(|line| line.contains(known["delivery"])), "the answer names what it started");
}

async fn the_build_got_the_trace(local: &Local, release: &Release) {
    let builds = local.builds().await;
    let [build] = &builds[..] else { panic!("one build") };
    let parent = variable(build, "TRACEPARENT").expect("a variable");
    assert_eq!(parent, release.id.traceparent());
    assert!(parent.starts_with(&format!("00-{}-", release.id.trace())));
}

fn every_event_has_the_trace(recording: &Recording, release: &Release) {
    let calls = recording.calls();
    let events = calls.iter().filter(|call| call.target == "AWSEvents.PutEvents");
    let entries = events.flat_map(|call| call.input["Entries"].as_array().cloned().unwrap_or_default());
    let details = entries.filter(|entry| entry["DetailType"] == "Release Changed");
    let details: Vec<Value> =
        details.map(|entry| serde_json::from_str(entry["Detail"].as_str().expect("a detail")).expect("JSON")).collect();
    assert!(details.iter().any(|detail| detail["state"] == "live"), "{details:?}");
    for detail in details {
        assert_eq!((&detail["release"], &detail["trace"]), (&json!(release.id), &json!(release.id.trace())));
    }
}

fn the_metrics_are_right(local: &Local, release: &Release, delivery: &str) {
    let all = metrics(local);
    for datum in &all {
        assert_eq!(datum.dimensions["Stack"], datum.line["Stack"], "{datum:?}");
        assert!(datum.line["request"].is_string(), "{datum:?}");
    }
    let sums = sums(&all);
    let ended = ("Releases".to_owned(), Some("live".to_owned()));
    let expected = [(("Deliveries".to_owned(), None), 2.0), (("Ignored".to_owned(), None), 1.0), (ended, 1.0)];
    for (metric, sum) in expected {
        assert_eq!(sums.get(&metric), Some(&sum), "{metric:?} of {sums:?}");
    }
    assert!(!sums.keys().any(|(name, _)| ["Refused", "QueueAge", "Stuck"].contains(&&**name)), "{sums:?}");

    let of = |name: &str| all.iter().filter(|datum| datum.name == name).collect::<Vec<_>>();
    let [lead_time] = of("LeadTime")[..] else { panic!("one lead time") };
    let took = release.ended.expect("an end").duration_since(release.accepted).as_secs_f64();
    assert!((lead_time.value - took).abs() < 0.001 && lead_time.unit == "Seconds", "{lead_time:?}");
    for name in IDS {
        assert!(lead_time.line[name].is_string(), "no {name}: {lead_time:?}");
    }
    let lags = of("SlackLag");
    assert!(!lags.is_empty() && lags.iter().all(|lag| lag.unit == "Milliseconds"), "{lags:?}");
    assert!(lags.iter().all(|lag| (0.0..120_000.0).contains(&lag.value) && lag.line["release"] == release.id.as_str()));
    let taken = of("Deliveries");
    assert!(taken[0].line["delivery"].as_str().is_some_and(|id| id.ends_with(delivery)), "{taken:?}");
    assert_eq!(taken[0].line["source"], "github");
}

#[test]
fn what_waits_is_refused_or_ends_badly_is_counted_once() {
    let between = Between::default();
    with_config(
        &pipelines(),
        |options| options.codebuild = Some(between.middleware()),
        async |local| {
            local.script(&["true"]).await;
            // One that CodeBuild puts off, and one that it refuses.
            between.break_project("web", Fault::Refused(400, "ThrottlingException", "Rate exceeded"));
            between.break_project("broken", Fault::Refused(400, "InvalidInputException", "no such source"));
            let push = |repository| Push { repository, branch: "main", before: 0, after: 1, files: &["README.md"] };
            let waits = release_of(&local.send(&push("acme/web").delivery()).await);
            let refused = release_of(&local.send(&push("acme/broken").delivery()).await);
            assert_eq!(local.ended(&refused).await.state, State::Failed);
            let unsigned = local.request(Source::GitHub, &Headers::default(), "{}").await;
            assert_eq!(unsigned.0, 401);
            let too_large = local_protocol::http().post(format!("{}/slack/commands", local.stack.url));
            let too_large = too_large.body("a".repeat(65 * 1024)).send().await.expect("an answer");
            assert_eq!(too_large.status(), 413);
            local.tick("Trigger").await;
            let age = told(local, "QueueAge").pop().expect("something waits");
            assert!((0.0..600.0).contains(&age.value) && age.unit == "Seconds", "{age:?}");
            assert_eq!(told(local, "Stuck"), []);

            // Nobody came to it for an hour more than it had.
            age_by_hours(local, &waits, 100).await;
            between.break_project("web", Fault::Refused(400, "ThrottlingException", "Rate exceeded"));
            let before = told(local, "QueueAge").len();
            local.tick("Trigger").await;
            let given_up = local.ended(&waits).await;
            assert_eq!(given_up.state, State::Failed, "its time is over");
            assert_eq!(told(local, "QueueAge").len(), before, "nothing waits any more");

            for function in ["Trigger", "Notify", "Deploy", "Trigger"] {
                local.tick(function).await;
            }
            let sums = sums(&metrics(local));
            let failed = ("Releases".to_owned(), Some("failed".to_owned()));
            assert_eq!(sums.get(&failed), Some(&2.0), "each once, however often it is come to: {sums:?}");
            assert_eq!(sums.get(&("Refused".to_owned(), None)), Some(&2.0));
            assert!(!sums.contains_key(&("LeadTime".to_owned(), None)), "nothing went live: {sums:?}");
        },
    );
}

#[test]
fn what_does_not_come_further_is_told_at_every_tick() {
    let between = Between::default();
    with_config(
        &pipelines(),
        |options| options.codebuild = Some(between.middleware()),
        async |local| {
            local.script(&["true"]).await;
            let push = Push { repository: "acme/broken", branch: "main", before: 0, after: 1, files: &["README.md"] };
            let id = release_of(&local.send(&push.delivery()).await);
            let closed = local.closed(&id).await;
            // CodeBuild says of its build that it runs, for two days.
            between.describe_builds("broken", json!({ "buildStatus": "IN_PROGRESS", "buildComplete": false }));
            let release = Release { state: State::Building, ended: None, reason: None, ..closed };
            let build = Build { outcome: None, ended: None, ..release.build.clone() };
            local.put_record(&Release { build, ..release }).await;
            local.tick("Trigger").await;
            assert_eq!(told(local, "Stuck"), [], "it may run");
            age_by_hours(local, &id, 48).await;
            for ticks in 1..=2 {
                local.tick("Trigger").await;
                let stuck = told(local, "Stuck");
                assert_eq!(stuck.iter().map(|datum| datum.value).collect::<Vec<_>>(), vec![1.0; ticks]);
            }
        },
    );
}

/// Makes a release older, so that what was a while ago was longer ago.
async fn age_by_hours(local: &Local, id: &ReleaseId, hours: i64) {
    let age = jiff::SignedDuration::from_hours(hours);
    local
        .change_record(id, |release| {
            release.accepted -= age;
            release.changed -= age;
            release.build.due = release.build.due.map(|due| due - age);
            release.build.started = release.build.started.map(|started| started - age);
        })
        .await;
}

/// The metrics of all functions.
fn metrics(local: &Local) -> Vec<Datum> {
    local.logs().values().flat_map(|log| data(log)).collect()
}

fn told(local: &Local, name: &str) -> Vec<Datum> {
    metrics(local).into_iter().filter(|datum| datum.name == name).collect()
}

/// The sums of the metrics, by name and verdict.
fn sums(all: &[Datum]) -> BTreeMap<(String, Option<String>), f64> {
    let mut sums = BTreeMap::new();
    for datum in all {
        let key = (datum.name.clone(), datum.dimensions.get("Verdict").cloned());
        *sums.entry(key).or_default() += datum.value;
    }
    sums
}
