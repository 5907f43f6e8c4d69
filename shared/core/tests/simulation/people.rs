//! What people do, in one atomic step each: their commands are a few conditional writes, and whoever dies in between is asked again by
//! the person.

use jiff::SignedDuration;
use longshore_core::release::{
    Attempt, Decision, Deed, DeploymentFact, Fact, Lock, Obstacle, Person, Release, ReleaseId, ServiceFact, Where,
};

use crate::{
    ecs::By,
    plan::Kind,
    world::{Event, World},
};

/// Someone does something, if there is something to do.
pub fn act(world: &mut World) {
    match world.plan.kind {
        Kind::Automation => {}
        Kind::Hands if world.chance.percent(25) => by_hand(world),
        Kind::People | Kind::Hands | Kind::Everything => command(world),
    }
}

fn command(world: &mut World) {
    if !world.ledger.lived.is_empty() && world.chance.percent(20) {
        return ask(world, Deed::Rollback);
    }
    match world.chance.below(12) {
        0 => lock(world),
        1 => unlock(world),
        2 | 3 => ask(world, Deed::Rollback),
        4 => ask(world, Deed::Deploy),
        5 => ask(world, Deed::Retry),
        6 => call_off(world),
        _ => answer(world),
    }
}

fn person(world: &World) -> Person {
    Person { name: "ada".to_owned(), reason: None, at: world.now }
}

/// Answers to whatever asks for an answer.
pub fn answer(world: &mut World) {
    let mut asked = Vec::new();
    let by = person(world);
    let decision = |approved: bool| Decision { approved, by: by.clone() };
    let yes = world.chance.percent(80);
    for release in world.table.releases.values().filter(|release| !release.state.is_end()) {
        for (at, deployment) in release.deployments.iter().enumerate() {
            let fact = match &deployment.held {
                Some(Obstacle::Approval { .. }) if by.at.as_millisecond() % 5 == 0 => {
                    DeploymentFact::Declined(Attempt {
                        name: "eve".into(),
                        deed: "decide".into(),
                        why: "she may not".into(),
                        at: by.at,
                    })
                }
                Some(Obstacle::Approval { .. }) => DeploymentFact::Decided(decision(yes)),
                Some(Obstacle::Freeze { .. } | Obstacle::Lock(_)) if yes => DeploymentFact::Overridden(by.clone()),
                _ => continue,
            };
            asked.push((release.id.clone(), deployment.environment.clone(), Fact::Deployment(at, fact)));
        }
        for (deployment, of) in release.deployments.iter().enumerate() {
            for (service, _) in of.services.iter().enumerate().filter(|(_, service)| service.pause.is_some()) {
                let fact = Where { deployment, service }.fact(ServiceFact::Answered(decision(yes)));
                asked.push((release.id.clone(), of.environment.clone(), fact));
            }
        }
    }
    let Some((id, environment, fact)) = world.chance.of(&asked).cloned() else { return };
    world.say(|| format!("someone answers {id}: {fact:?}"));
    let approves = matches!(&fact, Fact::Deployment(_, DeploymentFact::Decided(decision)) if decision.approved);
    // Known before the record says so: the record is what is checked.
    let entry = (id.clone(), environment);
    let known = approves && !world.ledger.approved.insert(entry.clone());
    if world.take(&id, fact) == Some(Ok(true)) {
        world.emit(&Event::Asked(id));
    } else if approves && !known {
        world.ledger.approved.remove(&entry);
    }
}

/// Someone cancels a release that is open.
fn call_off(world: &mut World) {
    let open = world.table.releases.values().filter(|release| !release.state.is_end());
    let open: Vec<_> = open.map(|release| release.id.clone()).collect();
    let Some(id) = world.chance.of(&open).cloned() else { return };
    world.say(|| format!("someone cancels {id}"));
    let by = person(world);
    if world.take(&id, Fact::CalledOff(by)) == Some(Ok(true)) {
        world.emit(&Event::Asked(id));
    }
}

fn an_environment(world: &mut World) -> String {
    let names: Vec<_> = world.plan.pipeline.environments.iter().map(|environment| environment.name.clone()).collect();
    world.chance.of(&names).cloned().unwrap_or_default()
}

fn lock(world: &mut World) {
    let environment = an_environment(world);
    let until = world.chance.percent(50).then(|| world.now + SignedDuration::from_mins(10));
    let lock = Lock { by: "ada".into(), reason: None, since: world.now, until, rollback: false };
    world.say(|| format!("someone locks {environment}"));
    world.table.lock(&environment, lock, None);
}

fn unlock(world: &mut World) {
    let environment = an_environment(world);
    world.say(|| format!("someone unlocks {environment}"));
    world.table.unlock(&environment);
}

/// Back to an earlier live release, or to a release by name.
fn ask(world: &mut World, deed: Deed) {
    let environment = an_environment(world);
    let kept = world.table.environment(&environment);
    let of: Option<ReleaseId> = match deed {
        Deed::Rollback if world.chance.percent(50) => {
            let on_its_way = world.chance.percent(50);
            kept.earlier(on_its_way).ok().map(|live| live.release.clone())
        }
        Deed::Rollback => world.chance.of(&kept.live).map(|live| live.release.clone()),
        Deed::Deploy | Deed::Retry => {
            let all: Vec<_> = world.table.releases.keys().cloned().collect();
            world.chance.of(&all).cloned()
        }
    };
    let Some(of) = of.and_then(|of| world.table.releases.get(&of)).cloned() else { return };
    let id = world.table.next_id();
    let by = person(world);
    let number = world.table.next_number();
    let Ok(release) = of.again(id.clone(), number, &environment, deed, by) else { return };
    world.say(|| format!("someone asks for #{} in {environment}: {deed:?}, as #{number}", of.number));
    // Between the number and the record others may come in.
    let at = world.now + world.chance.millis(2_000);
    world.on_their_way.push((at, Box::new(move |world| record(world, release, &environment, deed))));
}

/// One transaction: the release and, with a rollback, the lock.
fn record(world: &mut World, release: Release, environment: &str, deed: Deed) {
    world.say(|| format!("#{} is recorded: {deed:?} in {environment}", release.number));
    world.ledger.accepted.insert(release.id.clone());
    if deed == Deed::Rollback {
        let lock = Lock { by: "ada".into(), reason: None, since: world.now, until: None, rollback: true };
        world.table.lock(environment, lock, Some(release.number));
    }
    world.emit(&Event::Asked(release.id.clone()));
    world.table.releases.insert(release.id.clone(), release);
}

/// Past Longshore: a service is told to run another revision, or its deployment is stopped.
fn by_hand(world: &mut World) {
    let keys: Vec<_> = world.ecs.services.keys().cloned().collect();
    let Some(key) = world.chance.of(&keys).cloned() else { return };
    if world.chance.percent(30) {
        let now = world.now;
        let environment = key.split('/').next().unwrap_or_default().to_owned();
        world.ledger.hands.insert(environment, now);
        world.say(|| format!("someone stops the deployment of {key}"));
        if let Some(service) = world.ecs.services.get_mut(&key) {
            service.roll_back(now);
        }
        return;
    }
    let known: Vec<_> = world.ecs.definitions.values().filter(|known| known.family == key).cloned().collect();
    let arn = if world.chance.percent(50) {
        world.ecs.register(&key, 'f', None)
    } else {
        world.chance.of(&known).map(|known| known.arn.clone()).unwrap_or_default()
    };
    world.update(&key, &arn, false, &By::Hand).ok();
}

/// In the end nothing is locked, and whoever is asked answers, or does not.
pub fn settle(world: &mut World) {
    let names: Vec<_> = world.plan.pipeline.environments.iter().map(|environment| environment.name.clone()).collect();
    for name in names {
        world.table.unlock(&name);
    }
}
