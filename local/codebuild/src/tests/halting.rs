//! Builds that are stopped, that take too long, or that have to wait: nothing of them is left running.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use super::{Stand, context, phases, until};

/// Starts three processes (one of which leaves the process group, and ignores SIGTERM), writes down their ids, and
/// waits.
const ENDLESS: &str = "version: 0.2
phases:
  build:
    commands:
      - sleep 100000 & echo $! >pids
      - setsid sh -c 'trap \"\" TERM; echo $$ >>pids; while :; do sleep 100000; done' &
      - sh -c 'echo $$ >>pids; sleep 100000'
  post_build: { commands: [ 'echo never' ] }
";

/// The processes that a build of `ENDLESS` has started, when all have.
async fn processes(stand: &Stand, id: &str) -> Vec<String> {
    let (project, uuid) = id.split_once(':').expect("project:uuid");
    let file = stand.directory.path().join("builds").join(project).join(uuid).join("src/pids");
    let all = || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let pids: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        (pids.len() == 3).then_some(pids)
    };
    until("the build's processes", all).await
}

/// Whether the process lives; one that is dead and waits for its parent does not.
fn lives(pid: &String) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn assert_none_lives(pids: &[String]) {
    let left: Vec<_> = pids.iter().filter(|pid| lives(pid)).collect();
    assert!(left.is_empty(), "still running: {left:?} of {pids:?}");
}

#[tokio::test]
async fn stopping_a_build_kills_its_process_tree() {
    let stand = Stand::new();
    stand.inline(ENDLESS).await;
    let id = stand.start(json!({})).await;
    let pids = processes(&stand, &id).await;
    assert!(pids.iter().all(lives), "{pids:?}");
    let build = stand.ok("StopBuild", json!({ "id": id })).await["build"].take();
    assert_eq!(build["buildStatus"], "STOPPED");
    assert_eq!(build["buildComplete"], true);
    assert_eq!(phases(&build)[6..], ["BUILD STOPPED", "COMPLETED -"]);
    assert_none_lives(&pids);
    // To stop it once more changes nothing.
    let again = stand.ok("StopBuild", json!({ "id": id })).await["build"].take();
    assert_eq!(again, build);
}

#[tokio::test]
async fn a_build_that_takes_too_long_is_killed() {
    let stand = Stand::with(1, Duration::from_millis(200));
    stand.inline(ENDLESS).await;
    let id = stand.start(json!({ "timeoutInMinutesOverride": 25 })).await;
    let pids = processes(&stand, &id).await;
    let build = stand.complete(&id).await;
    assert_eq!(build["buildStatus"], "TIMED_OUT");
    assert_eq!(phases(&build)[6..], ["BUILD TIMED_OUT", "COMPLETED -"]);
    assert!(context(&build, "BUILD").1.contains("25 minutes"));
    assert_none_lives(&pids);
}

#[tokio::test]
async fn what_a_build_leaves_in_the_background_ends_with_it() {
    let (stand, build) = Stand::build_of(
        "version: 0.2
phases:
  build:
    commands:
      - sleep 100000 & echo $! >pids
      - setsid sleep 100000 & echo $! >>pids
      - env -i sh -c 'sleep 100000 & echo $! >>pids'
      - exit 0
      - sleep 100000 & echo $! >>pids
      - cat pids
",
    )
    .await;
    assert_eq!(build["buildStatus"], "SUCCEEDED");
    let pids: Vec<_> = stand.output(&build).lines().map(str::to_owned).collect();
    assert_eq!(pids.len(), 4, "{pids:?}");
    assert_none_lives(&pids);
}

#[tokio::test]
async fn builds_beyond_the_limit_wait_in_line() {
    let stand = Stand::with(1, Duration::from_mins(1));
    stand.inline(ENDLESS).await;
    let first = stand.start(json!({})).await;
    processes(&stand, &first).await;
    let quick = "version: 0.2\nphases: { build: { commands: [ 'true' ] } }";
    let second = stand.start(json!({ "buildspecOverride": quick })).await;
    let third = stand.start(json!({ "buildspecOverride": quick })).await;
    assert_eq!(stand.describe(&second).await["currentPhase"], "QUEUED");
    let stopped = stand.ok("StopBuild", json!({ "id": third })).await["build"].take();
    assert_eq!(phases(&stopped), ["SUBMITTED SUCCEEDED", "QUEUED STOPPED", "COMPLETED -"]);
    assert_eq!(stand.describe(&second).await["currentPhase"], "QUEUED");
    stand.ok("StopBuild", json!({ "id": first })).await;
    assert_eq!(stand.complete(&second).await["buildStatus"], "SUCCEEDED");
}

#[tokio::test]
async fn a_build_that_waits_too_long_times_out() {
    let stand = Stand::with(1, Duration::from_millis(20));
    stand.inline(ENDLESS).await;
    let first = stand.start(json!({ "timeoutInMinutesOverride": 2160 })).await;
    processes(&stand, &first).await;
    let second = stand.build(json!({ "queuedTimeoutInMinutesOverride": 5 })).await;
    assert_eq!(phases(&second), ["SUBMITTED SUCCEEDED", "QUEUED TIMED_OUT", "COMPLETED -"]);
    assert_eq!(second["buildStatus"], "TIMED_OUT");
    stand.service.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_stops_all_builds_and_starts_no_more() {
    let stand = Stand::with(1, Duration::from_mins(1));
    stand.inline(ENDLESS).await;
    let first = stand.start(json!({})).await;
    let pids = processes(&stand, &first).await;
    let second = stand.start(json!({})).await;
    stand.service.shutdown().await;
    assert_none_lives(&pids);
    for id in [&first, &second] {
        let build: Value = stand.describe(id).await;
        assert_eq!(build["buildStatus"], "STOPPED");
    }
    assert_eq!(stand.refused("StartBuild", json!({ "projectName": "app" })).await.0, "ServiceUnavailable");
}
