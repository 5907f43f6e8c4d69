//! What has to hold, checked as it happens: each record is compared with what truly happened.

use jiff::{SignedDuration, Timestamp};
use longshore_core::{
    freeze,
    release::{Asked, Deployment, Release, ServiceDeployment, Verdict},
};

use crate::{
    ecs::{By, Service, Status},
    world::World,
};

/// For how long something may have been seen before it is written down: an invocation's life, and that of what it sent.
const SEEN: SignedDuration = SignedDuration::from_secs(36);

/// Clocks are no further apart than that.
const CLOCKS: SignedDuration = SignedDuration::from_secs(1);

/// An environment took a release.
pub fn admitted(world: &mut World, release: &Release, environment: &str) {
    let number = release.number;
    let Some(kept) = world.table.releases.get(&release.id) else { return };
    let Some(deployment) = kept.deployments.iter().find(|deployment| deployment.environment == environment) else {
        return;
    };
    // One that is cancelled goes in to see what is there, and no further.
    let by_itself = kept.called_off.is_none()
        && !kept.asked.as_ref().is_some_and(Asked::is_by_name)
        && deployment.overridden.is_none();
    let entry = (release.id.clone(), environment.to_owned());
    let first = !world.ledger.entered.contains(&entry);
    let frozen = |at: Timestamp| freeze::until(&deployment.plan.freeze, at).is_some();
    let (now, life) = (world.now, SEEN);
    let mut wrong = Vec::new();
    if first && by_itself && world.table.environment(environment).lock.is_some_and(|lock| lock.holds(now + life)) {
        wrong.push(format!("#{number} went into {environment} by itself, which is locked"));
    }
    if first && by_itself && frozen(now + CLOCKS) && frozen(now - life) {
        wrong.push(format!("#{number} went into {environment} by itself, which is frozen"));
    }
    if deployment.plan.approval.is_some() && !world.ledger.approved.contains(&entry) {
        wrong.push(format!("#{number} went into {environment}, and nobody had approved it"));
    }
    world.ledger.entered.insert(entry);
    let newest = world.ledger.admitted.entry(environment.to_owned()).or_default();
    if *newest > number {
        wrong.push(format!("#{number} went into {environment} after #{newest}"));
    }
    *newest = number.max(*newest);
    for wrong in wrong {
        world.wrong(wrong);
    }
}

/// A service was told what to run.
pub fn told(world: &mut World, key: &str, by: &By) {
    let By::Release { id, number, back } = by else { return };
    let environment = key.split('/').next().unwrap_or_default();
    let newest = world.ledger.admitted.get(environment).copied().unwrap_or_default();
    if newest > *number {
        world.wrong(format!("#{number} told {key} something after #{newest} was admitted"));
    }
    let deployments = world.ecs.services.get(key).map(|service| service.deployments.as_slice()).unwrap_or_default();
    if deployments.iter().filter(|deployment| deployment.by == *by).count() > 1 {
        let way = if *back { "back" } else { "on" };
        world.wrong(format!("#{number} ({id}) told {key} twice to go {way}"));
    }
}

/// A release is written down as what is live.
pub fn live(world: &mut World, release: &Release, environment: &str) {
    let number = release.number;
    let newest = world.ledger.admitted.get(environment).copied().unwrap_or_default();
    if newest > number {
        world.wrong(format!("#{number} is live in {environment} after #{newest} was admitted"));
    }
    let Some(deployment) = release.deployments.iter().find(|deployment| deployment.environment == environment) else {
        return;
    };
    for service in &deployment.services {
        let arn = service.task_definition.as_deref().unwrap_or_default();
        if !truth(world, environment, service).is_some_and(|truth| truth.ran(arn, false, world.now - SEEN)) {
            world.wrong(format!("#{number} is live in {environment}, and {} does not run it", service.service));
        }
    }
    let kept = world.table.environment(environment);
    let Some(first) = kept.live.first() else { return };
    let image = world.image_of(&first.release);
    let (before, image_before) = world.ledger.live.get(environment).copied().unwrap_or((0, '0'));
    if first.number < before {
        world.wrong(format!("what is live in {environment} went back from #{before} to #{}", first.number));
    }
    if first.release == release.id && release.asked.is_none() && image < image_before {
        world.wrong(format!("#{number} is of an older commit than what was live in {environment}"));
    }
    world.ledger.live.insert(environment.to_owned(), (first.number, image));
    world.ledger.lived.insert((release.id.clone(), environment.to_owned()));
}

/// A record was saved.
pub fn saved(world: &mut World, before: &Release, after: &Release) {
    for (old, new) in before.deployments.iter().zip(&after.deployments) {
        for (old, new_service) in old.services.iter().zip(&new.services) {
            if let (None, Some(verdict)) = (old.verdict, new_service.verdict) {
                service_ended(world, after, new, new_service, verdict);
            }
        }
        if let (None, Some(verdict)) = (old.verdict, new.verdict) {
            deployment_ended(world, after, new, verdict);
        }
    }
    if before.state.is_end() && before.state != after.state {
        world.wrong(format!("#{} was {} and is {}", after.number, before.state.word(), after.state.word()));
    }
}

fn truth<'w>(world: &'w World, environment: &str, service: &ServiceDeployment) -> Option<&'w Service> {
    world.ecs.services.get(&format!("{environment}/{}", service.service))
}

fn service_ended(
    world: &mut World,
    release: &Release,
    deployment: &Deployment,
    service: &ServiceDeployment,
    verdict: Verdict,
) {
    let Some(truth) = truth(world, &deployment.environment, service) else { return };
    let arn = service.task_definition.as_deref().unwrap_or_default();
    let id = service.deployment.as_ref();
    let ours = |status: &[Status]| {
        truth.deployments.iter().any(|deployment| Some(&deployment.id) == id && status.contains(&deployment.status))
    };
    let recently = world.now - SEEN;
    let holds = match verdict {
        // Read after it was admitted; what was done by hand since is seen before it is finished.
        Verdict::Live if service.unchanged => truth.ran(arn, true, deployment.admitted.unwrap_or(world.now) - SEEN),
        Verdict::Live => ours(&[Status::Successful]) && truth.ran(arn, false, recently),
        Verdict::RolledBack => ours(&[Status::RollbackSuccessful]),
        Verdict::Superseded => {
            ours(&[Status::Stopped]) || ours(&[Status::Successful]) && !truth.ran_only(arn, recently)
        }
        // Also one that takes too long, or that was never told.
        Verdict::Failed => !(ours(&[Status::Successful]) && truth.ran_only(arn, recently)),
    };
    if !holds {
        let found: Vec<_> = truth.deployments.iter().filter(|d| d.target == arn).map(|d| d.status).collect();
        let (number, name) = (release.number, &service.service);
        let running = truth.running.clone();
        world.wrong(format!("#{number} says that {name} is {verdict:?}: {arn} is {found:?}, and {running} runs"));
    }
}

fn deployment_ended(world: &mut World, release: &Release, deployment: &Deployment, verdict: Verdict) {
    let environment = deployment.environment.as_str();
    let number = release.number;
    let newer = world.ledger.admitted.get(environment).is_some_and(|newest| *newest > number);
    let by_hand = world.ledger.hands.contains_key(environment);
    let wrong = match verdict {
        Verdict::Live if !world.ledger.lived.contains(&(release.id.clone(), environment.to_owned())) => {
            Some("is live, and is not written down as that".to_owned())
        }
        Verdict::Superseded if !newer && !by_hand => Some("is superseded, and by nothing".to_owned()),
        Verdict::RolledBack if !newer && !by_hand => {
            let recently = world.now - SEEN;
            let away = |service: &&ServiceDeployment| {
                let base = service.base.as_deref().unwrap_or_default();
                (service.updated.is_some() || service.astray)
                    && !truth(world, environment, service).is_some_and(|truth| truth.ran(base, true, recently))
            };
            let away = deployment.services.iter().find(away);
            away.map(|service| format!("is rolled back, and {} does not run its base", service.service))
        }
        Verdict::Live | Verdict::Superseded | Verdict::RolledBack | Verdict::Failed => None,
    };
    if let Some(wrong) = wrong {
        world.wrong(format!("#{number} {wrong} in {environment}"));
    }
}

/// Nothing moves any more.
pub fn over(world: &mut World) {
    let mut wrong = Vec::new();
    for id in &world.ledger.accepted {
        match world.table.releases.get(id) {
            Some(release) if release.is_closed() && release.state.is_end() => {}
            Some(release) => wrong.push(format!("#{} never ended: {:?}", release.number, release.state)),
            None => wrong.push(format!("{id} is gone")),
        }
        if world.codebuild.builds.iter().filter(|build| build.release == *id).count() > 1 {
            wrong.push(format!("{id} was built twice"));
        }
    }
    for task in &world.ecs.tasks {
        if world.ecs.tasks.iter().filter(|other| other.token == task.token).count() > 1 {
            wrong.push(format!("{} ran twice", task.token));
        }
    }
    for environment in &world.plan.pipeline.environments {
        wrong.extend(whole(world, &environment.name));
    }
    for wrong in wrong {
        world.wrong(wrong);
    }
}

/// Whether all services of an environment run the release that is live there.
fn whole(world: &World, environment: &str) -> Option<String> {
    let kept = world.table.environment(environment);
    let newest = kept.release.and_then(|id| world.table.releases.get(&id));
    let newest = newest.and_then(|release| release.deployments.iter().find(|d| d.environment == environment));
    let said = newest.is_some_and(|newest| newest.verdict == Some(Verdict::Failed) && newest.reverting.is_some());
    if said || world.ledger.hands.contains_key(environment) {
        return None;
    }
    let expected = kept.live.first().map_or('0', |live| world.image_of(&live.release));
    let prefix = format!("{environment}/");
    let services = world.ecs.services.iter().filter(|(key, _)| key.starts_with(&prefix));
    let runs = services.map(|(key, service)| (key, world.ecs.digest(&service.running).unwrap_or_default()));
    let runs: Vec<_> = runs.collect();
    let other = runs.iter().any(|(_, image)| *image != expected);
    other.then(|| format!("{environment} is to run image {expected} and runs {runs:?}"))
}

impl Service {
    /// Whether it ran nothing else since then, and was settled.
    fn ran_only(&self, arn: &str, since: Timestamp) -> bool {
        self.running == arn && self.is_settled() && !self.changed_since(since)
    }
}
