//! What AWS does by itself: builds and deployments go on, fail, hang and end.

use longshore_core::release::Outcome;

use crate::{
    codebuild::CodeBuild,
    ecs::Status,
    world::{Event, World},
};

/// What a build tries: to report its image.
pub struct Report {
    pub release: longshore_core::release::ReleaseId,
    pub build: usize,
    pub digest: char,
}

/// A build does something; it may be to report its image.
pub fn build(world: &mut World) -> Option<Report> {
    let open: Vec<usize> = (0..world.codebuild.builds.len())
        .filter(|position| world.codebuild.builds[*position].outcome.is_none())
        .collect();
    let position = *world.chance.of(&open)?;
    let fails = world.is_unlucky(world.plan.failing_builds / 4);
    let build = &mut world.codebuild.builds[position];
    if !fails && !build.reported && build.attempts < CodeBuild::ATTEMPTS {
        build.attempts += 1;
        return Some(Report { release: build.release.clone(), build: position, digest: build.digest });
    }
    let well = !fails && build.reported;
    build.outcome = Some(if well { Outcome::Succeeded } else { Outcome::Failed });
    let (id, release) = (build.id.clone(), build.release.clone());
    world.say(|| format!("{id} ended, {}", if well { "well" } else { "badly" }));
    world.emit(&Event::Build(release));
    None
}

/// A deployment of a service, or a task, goes a step further.
pub fn ecs(world: &mut World) {
    task(world);
    let under_way: Vec<String> = {
        let moving = world.ecs.services.iter_mut();
        moving.filter_map(|(key, service)| service.under_way().map(|_| key.clone())).collect()
    };
    let Some(key) = world.chance.of(&under_way).cloned() else { return };
    let fails = world.chance.percent(world.plan.failing_deployments / if world.calm { 2 } else { 1 });
    let (way, quick) = (world.chance.below(10), world.chance.percent(50));
    let may_pause = world.plan.pauses && world.chance.percent(40);
    let now = world.now;
    let Some(service) = world.ecs.services.get_mut(&key) else { return };
    let Some(deployment) = service.under_way() else { return };
    let told = match deployment.status {
        _ if deployment.hangs => return,
        Status::RollbackInProgress if fails && way == 0 => {
            service.end(Status::RollbackFailed, now);
            "could not go back"
        }
        Status::RollbackInProgress if quick => {
            service.end(Status::RollbackSuccessful, now);
            "went back"
        }
        // A hook that nobody answers times out.
        Status::InProgress if deployment.pause.is_some() && way == 0 => {
            deployment.pause = None;
            "waits no more"
        }
        Status::InProgress if deployment.pause.is_some() => return,
        Status::InProgress if fails && way == 0 => {
            deployment.hangs = true;
            "hangs"
        }
        Status::InProgress if fails && way < 3 => {
            service.end(Status::Broken, now);
            "was stopped by the circuit breaker"
        }
        Status::InProgress if fails => {
            service.roll_back(now);
            "is turned round by the circuit breaker"
        }
        Status::InProgress if may_pause && deployment.pauses < 2 => {
            deployment.pauses += 1;
            deployment.pause = Some(format!("{}-hook-{}", deployment.id, deployment.pauses));
            "pauses"
        }
        Status::InProgress if quick => {
            service.end(Status::Successful, now);
            "succeeded"
        }
        _ => return,
    };
    world.say(|| format!("{key} {told}"));
    world.emit(&Event::Service(key));
}

fn task(world: &mut World) {
    let fails = world.is_unlucky(world.plan.failing_tasks);
    let ends = world.chance.percent(40);
    let Some(task) = world.ecs.tasks.iter_mut().find(|task| task.exit.is_none() && ends) else { return };
    task.exit = Some(i32::from(fails));
    let (arn, release) = (task.arn.clone(), task.release.clone());
    world.say(|| format!("{arn} exits with {}", i32::from(fails)));
    world.emit(&Event::Task(release));
}
