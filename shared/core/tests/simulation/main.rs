//! The whole path of a release, simulated: pushes, builds, deployments, people and faults in any order that a seed gives, with the core
//! deciding each step, and all that has to hold checked at each change.
//!
//! `LONGSHORE_SCHEDULES` is how many schedules each test runs. `LONGSHORE_SEED` is one that is run alone, with its trace.

mod chance;
mod checks;
mod codebuild;
mod deploy;
mod ecs;
mod nature;
mod people;
mod plan;
mod runtime;
mod schedule;
mod table;
mod trigger;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use plan::{Broken, Kind};
use schedule::Run;

/// How many schedules a test runs where nobody says.
const SCHEDULES: u64 = 750;
/// Within so many schedules a broken rule is noticed.
const NOTICED: u64 = 3_000;

#[expect(clippy::disallowed_methods, reason = "a person says how many, and which")]
fn told(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs a schedule; a panic is a violation too.
fn run(seed: u64, kind: Kind, broken: Option<Broken>, traced: bool) -> Run {
    let run = catch_unwind(AssertUnwindSafe(|| schedule::run(seed, kind, broken, traced)));
    run.unwrap_or_else(|_| Run { violation: Some("it panicked".to_owned()), trace: Vec::new() })
}

fn all_hold(kind: Kind, test: &str) {
    if let Some(seed) = told("LONGSHORE_SEED") {
        let Run { violation, trace } = run(seed, kind, None, true);
        let trace = trace.join("\n");
        panic!("{trace}\nseed {seed}: {}", violation.as_deref().unwrap_or("everything holds"));
    }
    for seed in 0..told("LONGSHORE_SCHEDULES").unwrap_or(SCHEDULES) {
        if let Some(violation) = run(seed, kind, None, false).violation {
            panic!(
                "seed {seed}: {violation}\nreplay it: LONGSHORE_SEED={seed} cargo quick-test -p longshore-core -E 'test({test})'"
            );
        }
    }
}

#[test]
fn pushes_alone() {
    all_hold(Kind::Automation, "pushes_alone");
}

#[test]
fn people_who_decide() {
    all_hold(Kind::People, "people_who_decide");
}

#[test]
fn hands_past_longshore() {
    all_hold(Kind::Hands, "hands_past_longshore");
}

#[test]
fn everything_at_once() {
    all_hold(Kind::Everything, "everything_at_once");
}

/// The first schedule of a kind in which a broken rule is noticed, and what is noticed.
fn noticed(broken: Broken, kind: Kind) -> Option<(u64, String)> {
    (0..NOTICED).find_map(|seed| Some((seed, run(seed, kind, Some(broken), false).violation?)))
}

/// The check of the checks: each of these worlds breaks a rule, and it is noticed as what it is.
#[test]
fn a_world_that_breaks_a_rule_is_noticed() {
    for (broken, kind, words) in [
        (Broken::Numbers, Kind::Automation, "after #"),
        (Broken::Versions, Kind::Automation, "x"),
        (Broken::Holds, Kind::Automation, "x"),
        (Broken::Locks, Kind::People, "locked"),
        (Broken::Tokens, Kind::Automation, "built twice"),
        (Broken::RunTokens, Kind::Automation, "ran twice"),
        (Broken::LiveOnStopped, Kind::Hands, "is Live"),
        (Broken::LiveUnlooked, Kind::Hands, "is Live"),
        (Broken::UpdateAgain, Kind::Automation, "twice"),
        (Broken::BaseIsRunning, Kind::Automation, "is to run image"),
        (Broken::FinishUnheld, Kind::Automation, "x"),
        (Broken::Approvals, Kind::People, "nobody had approved it"),
        (Broken::Ticks, Kind::Automation, "never ended"),
    ] {
        eprintln!("{broken:?}: {words} {:?}", noticed(broken, kind));
    }
    panic!();
}
