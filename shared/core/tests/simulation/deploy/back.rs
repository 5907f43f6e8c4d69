//! The way back.

use jiff::SignedDuration;
use longshore_core::release::{DeploymentFact, Fact, Release, ServiceFact, Where};

use super::{Deploy, Done, of, place, since};
use crate::ecs::{By, Deployment};

/// The clocks of ECS and of the functions are no further apart than that.
const CLOCKS: SignedDuration = SignedDuration::from_secs(2);

/// A service as it is read on the way back.
struct Found {
    running: String,
    settled: bool,
    /// Whether what it runs was brought by hand.
    by_hand: bool,
    last: Option<Deployment>,
    /// The deployment that brings its base, made after the one that brought this release's revision.
    back: Option<String>,
}

impl Found {
    fn is_under_way(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.status.is_under_way())
    }
}

impl Deploy {
    async fn found(&self, release: &Release, at: Where) -> Result<Option<Found>, crate::runtime::Lost> {
        let (deployment, service, key) = place(release, at);
        let base = service.base.clone().unwrap_or_default();
        let (own, arn) = (service.deployment.clone(), service.task_definition.clone());
        let since = since(release, service);
        let reverting = deployment.reverting.as_ref().map(|reverting| reverting.since).unwrap_or_default();
        let read = self.caller.call(move |world| {
            let service = world.ecs.services.get(&key)?;
            // ECS's own order says which came later, and no clock has to. A service that was told nothing by this release has none.
            let back = match own.or_else(|| world.ecs.find(&key, arn.as_ref()?, since)) {
                Some(own) => world.ecs.find_after(&key, &base, &own),
                None => world.ecs.find(&key, &base, reverting - CLOCKS),
            };
            Some(Found {
                running: service.running.clone(),
                settled: service.is_settled(),
                by_hand: world.ecs.definitions.get(&service.running)?.release.is_none(),
                last: service.last().cloned(),
                back,
            })
        });
        read.await
    }

    /// Turns its deployment round where that leads to its base, else tells the service to run its base.
    pub(super) async fn go_back(&self, release: &Release, at: Where) -> Done {
        let (_, service, key) = place(release, at);
        let Some(found) = self.found(release, at).await? else { return Ok(None) };
        let base = service.base.clone().unwrap_or_default();
        // What leads there already is told already: by an attempt that died, by ECS, or by whoever left it astray.
        if found.running == base && (found.settled || found.is_under_way()) {
            let id = found.last.filter(|last| last.target == base).map(|last| last.id);
            return of(at, ServiceFact::SentBack(id));
        }
        // It is not tried twice.
        if found.back.is_some() {
            return of(at, ServiceFact::SentBack(found.back));
        }
        if found.by_hand && found.running != base {
            return self.moved(release, at).await;
        }
        let is_ours = found.is_under_way() && service.task_definition.as_ref() == Some(&found.running);
        if is_ours && !service.astray {
            let told = key.clone();
            let stopped = self.caller.call(move |world| {
                let now = world.now;
                world.say(|| format!("{told} is turned round"));
                world.ecs.services.get_mut(&told).is_some_and(|service| service.roll_back(now))
            });
            // It may have come to its end meanwhile: then it is looked at again.
            return if stopped.await? { of(at, ServiceFact::SentBack(None)) } else { Ok(None) };
        }
        let by = By::Release { id: release.id.clone(), number: release.number, back: true };
        let force = found.running == base;
        match self.caller.call(move |world| world.update(&key, &base, force, by)).await? {
            Ok(made) => of(at, ServiceFact::SentBack(made)),
            Err(refused) => of(at, ServiceFact::StayedAway(refused)),
        }
    }

    pub(super) async fn follow_back(&self, release: &Release, at: Where) -> Done {
        let (_, service, _) = place(release, at);
        let Some(found) = self.found(release, at).await? else { return Ok(None) };
        let base = service.base.as_ref();
        if Some(&found.running) == base && found.settled {
            return of(at, ServiceFact::CameBack);
        }
        if Some(&found.running) == base && found.is_under_way() {
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
