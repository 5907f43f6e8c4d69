//! The whole path of a release, simulated: pushes, builds, deployments, people and faults in any order that a seed gives, with the core
//! deciding each step, and all that has to hold checked at each change.
//!
//! `LONGSHORE_SCHEDULES` is how many schedules are run, of all kinds together (`make simulate`: 100,000). `LONGSHORE_SEED` is one that is
//! run alone, with its trace: its test fails in any case, so that the trace is seen.
//!
//! What is simulated and not the real thing: `trigger` and `deploy`, whose loops are played here as their crates have them (`trigger.rs`,
//! `deploy.rs`), the table with its conditions (`table.rs`), CodeBuild (`codebuild.rs`), ECS (`ecs.rs`, `nature.rs`), people (`people.rs`).
//! Services under CodeDeploy and environments that several pipelines share are not.

mod chance;
mod checks;
mod codebuild;
mod deploy;
mod ecs;
mod nature;
mod people;
mod plan;
mod reached;
mod runtime;
mod schedule;
mod table;
mod trigger;
mod world;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use plan::{Broken, Kind};
use schedule::Run;

/// How many schedules are run where nobody says, of all kinds together.
const SCHEDULES: u64 = 3_000;
/// Within so many schedules a broken rule is noticed.
const NOTICED: u64 = 3_000;
/// Within so many schedules all happens that they are about.
const REACHED: u64 = 400;

#[expect(clippy::disallowed_methods, reason = "a person says how many, and which")]
fn told(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs a schedule; a panic is a violation too.
fn run(seed: u64, kind: Kind, broken: Option<Broken>, traced: bool) -> Run {
    let run = catch_unwind(AssertUnwindSafe(|| schedule::run(seed, kind, broken, traced)));
    run.unwrap_or_else(|_| Run { violation: Some("it panicked".to_owned()), ..Run::default() })
}

fn all_hold(kind: Kind, test: &str) {
    if let Some(seed) = told("LONGSHORE_SEED") {
        let Run { violation, trace, .. } = run(seed, kind, None, true);
        let trace = trace.join("\n");
        panic!("{trace}\nseed {seed} of {test}: {}", violation.as_deref().unwrap_or("everything holds"));
    }
    let schedules = told("LONGSHORE_SCHEDULES").unwrap_or(SCHEDULES).div_ceil(Kind::ALL);
    for seed in 0..schedules {
        if let Some(violation) = run(seed, kind, None, false).violation {
            panic!(
                "seed {seed}: {violation}\nits trace: LONGSHORE_SEED={seed} cargo quick-test -p longshore-core --test simulation \
                 -E 'test({test})'"
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

/// The check of the checks: each of these worlds breaks a rule, and it is noticed as what it is.
#[test]
fn a_world_that_breaks_a_rule_is_noticed() {
    for (broken, kind, words) in [
        (Broken::Numbers, Kind::Automation, "after #"),
        (Broken::Versions, Kind::Automation, ""),
        (Broken::Holds, Kind::Automation, ""),
        (Broken::Locks, Kind::People, "which is locked"),
        (Broken::Tokens, Kind::Automation, "was built twice"),
        (Broken::RunTokens, Kind::Automation, "ran twice"),
        (Broken::LiveOnStopped, Kind::Hands, "is Live: "),
        (Broken::LiveUnlooked, Kind::Hands, "does not run it"),
        (Broken::UpdateAgain, Kind::Automation, "twice to go on"),
        (Broken::BaseIsRunning, Kind::Automation, ""),
        (Broken::FinishUnheld, Kind::Automation, "is live in "),
        (Broken::Approvals, Kind::People, "nobody had approved it"),
        (Broken::Ticks, Kind::Automation, "never ended"),
    ] {
        let mut violations = (0..NOTICED).filter_map(|seed| run(seed, kind, Some(broken), false).violation);
        let noticed = violations.any(|violation| violation.contains(words));
        assert!(noticed, "{broken:?} is not noticed");
    }
}

/// Schedules in which nothing happens hold everything.
#[test]
fn the_schedules_come_to_all_that_they_are_about() {
    let mut reached = BTreeSet::new();
    for seed in 0..REACHED {
        for kind in [Kind::Hands, Kind::Everything] {
            reached.extend(run(seed, kind, None, false).reached);
        }
    }
    let missing: Vec<_> = reached::ALL.iter().filter(|name| !reached.contains(*name)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}
