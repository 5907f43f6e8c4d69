//! What happened in a run, by name: so that it is known what the schedules are about.

use std::collections::BTreeSet;

use longshore_core::release::{Deployment, Obstacle, Release, ServiceDeployment, State, Verdict};

/// All that schedules come to.
pub const ALL: [&str; 44] = [
    "live",
    "rolled back",
    "failed",
    "superseded",
    "superseded before it was built",
    "a build that was stopped",
    "a build that was delayed",
    "a wait that was met",
    "a push that came late",
    "overtaken half-way",
    "a service that was superseded",
    "a service that ECS took back",
    "a service that ECS left",
    "a service that was astray",
    "a service that went back by a deployment of its own",
    "a service that was turned round",
    "a service that did not go back",
    "unchanged",
    "unchanged by a rollback",
    "an earlier revision again",
    "blocked",
    "given up",
    "a task before it",
    "a task that failed",
    "a check that passed",
    "a check that failed",
    "approved",
    "rejected",
    "an approval that expired",
    "an answer of someone who may not",
    "held by a lock",
    "overridden",
    "a lifecycle hook",
    "a family of scheduled tasks",
    "live in two environments",
    "taken over by hand",
    "asked for by name",
    "gone back to",
    "locked by a rollback",
    "an environment of three services",
    "cancelled while it was built",
    "cancelled while it waited to go in",
    "cancelled, and gone back",
    "tried once more",
];

/// What a saved record shows.
pub fn of(release: &Release, reached: &mut BTreeSet<&'static str>) {
    let mut note = |holds: bool, name: &'static str| {
        if holds {
            reached.insert(name);
        }
    };
    let state = release.state;
    note(state == State::Live, "live");
    note(state == State::RolledBack, "rolled back");
    note(state == State::Failed, "failed");
    note(state == State::Superseded, "superseded");
    note(state == State::Superseded && release.image.is_none(), "superseded before it was built");
    note(release.build.outcome == Some(longshore_core::release::Outcome::Stopped), "a build that was stopped");
    note(release.build.delay.is_some(), "a build that was delayed");
    note(release.waits.iter().any(|wait| wait.met.is_some()), "a wait that was met");
    note(release.deployments.len() > 1 && state == State::Live, "live in two environments");
    let deed = release.asked.as_ref().map(|asked| asked.deed);
    note(deed == Some(longshore_core::release::Deed::Deploy) && state == State::Live, "asked for by name");
    note(deed == Some(longshore_core::release::Deed::Rollback) && state == State::Live, "gone back to");
    note(deed == Some(longshore_core::release::Deed::Retry) && state == State::Live, "tried once more");
    let cancelled = state == State::Cancelled;
    note(cancelled && release.image.is_none() && release.build.id.is_some(), "cancelled while it was built");
    note(cancelled && release.is_imaged(), "cancelled while it waited to go in");
    let by_person = release.reason.as_ref().is_some_and(|reason| reason.contains("cancelled by"));
    note(by_person && state == State::RolledBack, "cancelled, and gone back");
    for deployment in &release.deployments {
        environment(deployment, reached);
        for service in &deployment.services {
            of_service(service, reached);
        }
    }
}

fn environment(deployment: &Deployment, reached: &mut BTreeSet<&'static str>) {
    let mut note = |holds: bool, name: &'static str| {
        if holds {
            reached.insert(name);
        }
    };
    let reason = deployment.reason.as_deref().unwrap_or_default();
    let superseded = deployment.verdict == Some(Verdict::Superseded);
    note(superseded && deployment.is_begun(), "overtaken half-way");
    note(superseded && reason.ends_with("another deployment took over"), "taken over by hand");
    note(reason.starts_with("no such platform"), "blocked");
    note(reason.contains("too long") || reason.contains("in time"), "given up");
    note(deployment.runs.iter().any(|run| run.exit == Some(0)), "a task before it");
    note(deployment.runs.iter().any(|run| run.failure.is_some()), "a task that failed");
    note(deployment.probe.as_ref().is_some_and(|probe| probe.passed.is_some()), "a check that passed");
    note(reason.contains("the check failed"), "a check that failed");
    note(deployment.decision.as_ref().is_some_and(|decision| decision.approved), "approved");
    note(reason.starts_with("rejected"), "rejected");
    note(reason.starts_with("nobody approved"), "an approval that expired");
    note(!deployment.attempts.is_empty(), "an answer of someone who may not");
    note(matches!(deployment.held, Some(Obstacle::Lock(_))), "held by a lock");
    let by_rollback = matches!(&deployment.held, Some(Obstacle::Lock(lock)) if lock.rollback);
    note(by_rollback, "locked by a rollback");
    note(deployment.overridden.is_some() && deployment.admitted.is_some(), "overridden");
    note(deployment.families.iter().any(|family| family.task_definition.is_some()), "a family of scheduled tasks");
    let live = deployment.verdict == Some(Verdict::Live);
    note(deployment.services.len() == 3 && live, "an environment of three services");
}

fn of_service(service: &ServiceDeployment, reached: &mut BTreeSet<&'static str>) {
    let mut note = |holds: bool, name: &'static str| {
        if holds {
            reached.insert(name);
        }
    };
    let back = service.back.as_ref();
    let came = back.filter(|back| back.ended.is_some() && back.failure.is_none());
    note(service.verdict == Some(Verdict::Superseded), "a service that was superseded");
    note(service.verdict == Some(Verdict::RolledBack), "a service that ECS took back");
    note(service.verdict == Some(Verdict::Failed), "a service that ECS left");
    note(service.astray, "a service that was astray");
    note(came.is_some_and(|back| back.deployment.is_some()), "a service that went back by a deployment of its own");
    let turned = came.is_some_and(|back| back.deployment.is_none()) && service.deployment.is_some();
    note(turned, "a service that was turned round");
    note(back.is_some_and(|back| back.failure.is_some()), "a service that did not go back");
    note(service.unchanged && service.again.is_none(), "unchanged");
    note(service.unchanged && service.again.is_some(), "unchanged by a rollback");
    let updated_again = service.again.is_some() && service.updated.is_some();
    note(updated_again && service.verdict == Some(Verdict::Live), "an earlier revision again");
    note(service.pause.is_some(), "a lifecycle hook");
}
