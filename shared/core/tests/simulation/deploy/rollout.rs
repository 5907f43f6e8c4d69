//! Services are told, and followed to their verdicts; then comes the check, and the end.

use jiff::SignedDuration;
use longshore_core::release::{DeploymentFact, Fact, Release, Rollout, ServiceFact, Verdict, Where};

use super::{Deploy, Done, blocked, of, place, since};
use crate::{ecs::By, plan::Broken};

impl Deploy {
    /// Tells the service, unless an earlier attempt did: ECS may have taken that back since, and it is not tried twice.
    pub(super) async fn update(&self, release: &Release, at: Where) -> Done {
        let (deployment, service, key) = place(release, at);
        let arn = service.task_definition.clone().unwrap_or_default();
        if self.broken != Some(Broken::UpdateAgain) {
            let (key, arn, since) = (key.clone(), arn.clone(), since(release, service));
            if self.caller.call(move |world| world.ecs.find(&key, &arn, since)).await?.is_some() {
                return of(at, ServiceFact::Updated);
            }
        }
        let by = By::Release { id: release.id.clone(), number: release.number, back: false };
        let force = deployment.plan.force || service.astray || self.broken == Some(Broken::UpdateAgain);
        match self.caller.call(move |world| world.update(&key, &arn, force, by)).await? {
            Ok(_) => of(at, ServiceFact::Updated),
            Err(refused) => {
                let verdict = Verdict::Failed;
                of(at, ServiceFact::Concluded { verdict, reason: Some(refused), why: None })
            }
        }
    }

    /// Hands a person's answer on; a hook that waits no more has been answered.
    pub(super) async fn answer(&self, release: &Release, at: Where) -> Done {
        let (_, service, key) = place(release, at);
        let Some(pause) = service.pause.clone() else { return Ok(None) };
        let approved = pause.answer.is_some_and(|answer| answer.approved);
        let told = self.caller.call(move |world| {
            let now = world.now;
            let Some(service) = world.ecs.services.get_mut(&key) else { return };
            let waits = service.under_way().is_some_and(|d| d.pause.as_deref() == Some(&pause.hook));
            if waits && approved {
                service.under_way().map(|deployment| deployment.pause.take());
            } else if waits {
                service.roll_back(now);
            }
        });
        told.await?;
        of(at, ServiceFact::Resumed)
    }

    /// Every service that is under way is looked at: one that takes long does not hide another's end.
    pub(super) async fn follow(&self, release: &Release, deployment: usize) -> Done {
        for position in 0..release.deployments[deployment].services.len() {
            let at = Where { deployment, service: position };
            let (_, service, key) = place(release, at);
            if service.verdict.is_some() || service.updated.is_none() {
                continue;
            }
            let arn = service.task_definition.clone().unwrap_or_default();
            let Some(id) = service.deployment.clone() else {
                let since = since(release, service);
                match self.caller.call(move |world| world.ecs.find(&key, &arn, since)).await? {
                    Some(id) => return of(at, ServiceFact::Followed(id)),
                    None => continue,
                }
            };
            let (rollout, pause) = self.caller.call(move |world| world.ecs.progress(&id)).await?;
            let known = service.pause.as_ref().map(|pause| &pause.hook);
            match pause {
                Some(hook) if known != Some(&hook) => {
                    return of(at, ServiceFact::Paused { hook, stage: "POST_TEST_TRAFFIC_SHIFT".to_owned() });
                }
                None if known.is_some() && rollout == Rollout::Under => return of(at, ServiceFact::Resumed),
                _ => {}
            }
            let serving = self.caller.call(move |world| world.ecs.services[&key].running.clone()).await?;
            let verdict = match (self.broken, &rollout) {
                (Some(Broken::LiveOnStopped), Rollout::Stopped(_))
                | (Some(Broken::LiveUnlooked), Rollout::Successful) => Some((Verdict::Live, None)),
                _ => rollout.verdict(&arn, &serving),
            };
            if let Some((verdict, reason)) = verdict {
                return of(at, ServiceFact::Concluded { verdict, reason, why: None });
            }
        }
        Ok(None)
    }

    /// Looks once more.
    pub(super) async fn give_up(&self, release: &Release, at: Where) -> Done {
        let deployment = &release.deployments[at.deployment];
        if deployment.reverting.is_some() {
            let late = ServiceFact::StayedAway("it takes too long".to_owned());
            return Ok(self.follow_back(release, at).await?.or(Some(at.fact(late))));
        }
        if !deployment.is_begun() && deployment.services[at.service].base.is_none() {
            return self.base(release, at).await;
        }
        if !deployment.is_begun() {
            if let Some(told) = self.told_before(release, at.deployment).await? {
                return Ok(Some(told));
            }
            return Ok(Some(blocked(at, "it takes too long")));
        }
        let reason = Some("ECS came to no verdict in time".to_owned());
        let late = ServiceFact::Concluded { verdict: Verdict::Failed, reason, why: None };
        Ok(self.follow(release, at.deployment).await?.or(Some(at.fact(late))))
    }

    /// A service that was told by an invocation which died before it wrote that down.
    async fn told_before(&self, release: &Release, deployment: usize) -> Done {
        for position in 0..release.deployments[deployment].services.len() {
            let at = Where { deployment, service: position };
            let (_, service, key) = place(release, at);
            let (Some(arn), None) = (service.task_definition.clone(), service.verdict) else { continue };
            let since = since(release, service);
            if self.caller.call(move |world| world.ecs.find(&key, &arn, since)).await?.is_some() {
                return of(at, ServiceFact::Updated);
            }
        }
        Ok(None)
    }

    /// Asks the check's URL.
    pub(super) async fn check(&self, release: &Release, at: usize) -> Done {
        let deployment = &release.deployments[at];
        let Some(check) = &deployment.plan.check else { return Ok(None) };
        self.caller.sleep(SignedDuration::from_secs(3)).await;
        // An application is well or ill, and mostly stays so.
        let number = usize::try_from(release.number).unwrap_or_default();
        let is_wrong = self.caller.call(move |world| {
            let ill = (number * 37 + world.plan.turns) % 100 < world.plan.wrong_answers;
            ill != world.is_unlucky(10)
        });
        let is_wrong = is_wrong.await?;
        let before = deployment.probe.as_ref();
        let lasted = before.is_some_and(|probe| self.caller.now().duration_since(probe.since) >= check.lasts);
        let failures = before.map_or(0, |probe| probe.failures) + 1;
        let fact = match is_wrong {
            true => DeploymentFact::Probed { failures, last: Some("it answered 500".to_owned()) },
            false if lasted => DeploymentFact::Passed,
            false => DeploymentFact::Probed { failures: 0, last: None },
        };
        Ok(Some(Fact::Deployment(at, fact)))
    }

    /// The environment is held, so that no release changes its services; what was done by hand since is seen.
    pub(super) async fn finish(&self, release: &Release, at: usize) -> Done {
        for service in 0..release.deployments[at].services.len() {
            let (_, service, key) = place(release, Where { deployment: at, service });
            let serving = self.caller.call(move |world| world.ecs.services[&key].running.clone()).await?;
            if self.broken != Some(Broken::LiveUnlooked) && service.task_definition.as_ref() != Some(&serving) {
                let fact = DeploymentFact::TakenOver(service.service.clone());
                return Ok(Some(Fact::Deployment(at, fact)));
            }
        }
        let (known, environment) = (release.clone(), release.deployments[at].environment.clone());
        self.caller.call(move |world| world.live(&known, &environment)).await?;
        Ok(Some(Fact::Deployment(at, DeploymentFact::Finished)))
    }
}
