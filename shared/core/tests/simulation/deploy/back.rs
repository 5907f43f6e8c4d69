//! The way back.

use longshore_core::release::{DeploymentFact, Fact, Release, ServiceFact, Where};

use super::{Deploy, Done, of, place, since};
use crate::ecs::{By, Deployment, Status};

/// A service as it is read on the way back.
struct Found {
    running: String,
    settled: bool,
    /// Whether what it runs was brought by hand.
    by_hand: bool,
    last: Option<Deployment>,
    /// The deployment that takes it back, where there is one.
    back: Option<String>,
}

impl Deploy {
    async fn found(&self, release: &Release, at: Where) -> Result<Option<Found>, crate::runtime::Lost> {
        let (deployment, service, key) = place(release, at);
        let base = service.base.clone().unwrap_or_default();
        let Some(reverting) = deployment.reverting.as_ref().map(|reverting| reverting.since) else { return Ok(None) };
        let read = self.caller.call(move |world| {
            let service = world.ecs.services.get(&key)?;
            Some(Found {
                running: service.running.clone(),
                settled: service.is_settled(),
                by_hand: world.ecs.definitions.get(&service.running)?.release.is_none(),
                last: service.last().cloned(),
                back: world.ecs.find(&key, &base, reverting),
            })
        });
        read.await
    }

    /// Turns its deployment round where that leads to its base, else tells the service to run its base.
    pub(super) async fn go_back(&self, release: &Release, at: Where) -> Done {
        let (_, service, key) = place(release, at);
        let Some(found) = self.found(release, at).await? else { return Ok(None) };
        let base = service.base.clone().unwrap_or_default();
        if found.back.is_some() {
            return of(at, ServiceFact::SentBack(found.back));
        }
        if found.running == base && found.settled {
            return of(at, ServiceFact::SentBack(None));
        }
        if found.by_hand && found.running != base {
            return self.moved(release, at).await;
        }
        let arn = service.task_definition.as_deref();
        let since = since(release, service);
        let ours = found.last.filter(|last| Some(last.target.as_str()) == arn && last.created >= since);
        match ours.as_ref().map(|ours| ours.status) {
            Some(Status::RollbackInProgress) if !service.astray => return of(at, ServiceFact::SentBack(None)),
            Some(Status::InProgress) if !service.astray => {
                let stopped = self.caller.call(move |world| {
                    let now = world.now;
                    world.say(|| format!("{key} is turned round"));
                    world.ecs.services.get_mut(&key).is_some_and(|service| service.roll_back(now))
                });
                // It may have come to its end meanwhile: then it is looked at again.
                return if stopped.await? { of(at, ServiceFact::SentBack(None)) } else { Ok(None) };
            }
            _ => {}
        }
        let by = By::Release { id: release.id.clone(), number: release.number, back: true };
        let told = key.clone();
        let arn = base.clone();
        let force = found.running == base;
        self.caller.call(move |world| world.update(&told, &arn, force, by)).await?;
        let back = self.found(release, at).await?.and_then(|found| found.back);
        of(at, ServiceFact::SentBack(back))
    }

    pub(super) async fn follow_back(&self, release: &Release, at: Where) -> Done {
        let (_, service, _) = place(release, at);
        let Some(found) = self.found(release, at).await? else { return Ok(None) };
        let base = service.base.as_ref();
        if Some(&found.running) == base && found.settled {
            return of(at, ServiceFact::CameBack);
        }
        if Some(&found.running) == base && found.last.is_some_and(|last| last.status.is_under_way()) {
            return Ok(None);
        }
        self.moved(release, at).await
    }

    /// It is not on its way back: a newer release has it, someone deployed by hand, or ECS failed.
    async fn moved(&self, release: &Release, at: Where) -> Done {
        let newest = self.newest(&release.deployments[at.deployment]).await?;
        if let Some(newest) = newest.filter(|newest| *newest > release.number) {
            return Ok(Some(Fact::Deployment(at.deployment, DeploymentFact::Overtaken(newest))));
        }
        of(at, ServiceFact::StayedAway("it runs something else".to_owned()))
    }
}
