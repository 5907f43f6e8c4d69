//! Telling services what to run, and following their deployments to a verdict.

use anyhow::Context;
use longshore_core::{
    appspec,
    release::{
        Controller, Decision, Deployment, Fact, Pause, Release, Rollout, ServiceDeployment, ServiceFact, Verdict,
        Where, Why,
    },
};

use crate::{
    Deploy,
    advance::{blocked, failed, place},
    aws::{
        Call, Clients,
        codedeploy::State,
        done,
        ecs::{self, Answer},
    },
};

impl Deploy {
    /// Tells the service to run the new revision, unless an earlier attempt did: ECS may have rolled that back since, and it is not
    /// tried twice.
    pub(crate) async fn update(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        let task_definition = service.task_definition.as_deref().context("a service without a revision")?;
        let clients = self.clients(deployment).await;
        let told = match service.controller {
            Controller::Ecs => self.tell(&clients, deployment, service, task_definition).await?,
            Controller::CodeDeploy => {
                let mark = mark(release, service);
                hand_over(&clients, release, deployment, service, task_definition, &mark).await?
            }
        };
        Ok(match told {
            Call::Done(()) => {
                let (cluster, name) = (&deployment.plan.cluster, &service.service);
                tracing::info!(release = %release.id, cluster, service = name, revision = task_definition, "updated");
                at.fact(ServiceFact::Updated)
            }
            Call::Refused(why) => failed(at, format!("the update was refused: {why}")),
        })
    }

    async fn tell(
        &self,
        clients: &Clients,
        deployment: &Deployment,
        service: &ServiceDeployment,
        task_definition: &str,
    ) -> anyhow::Result<Call<()>> {
        if done!(own_deployment(clients, deployment, service).await?).is_some() {
            return Ok(Call::Done(()));
        }
        let force = deployment.plan.force || service.astray;
        clients.ecs.tell(&deployment.plan.cluster, &service.service, task_definition, force).await
    }

    /// Hands a person's answer on to the deployment that waits for it.
    pub(crate) async fn answer(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        let clients = self.clients(deployment).await;
        let Some(Pause { hook, answer: Some(Decision { approved, .. }), .. }) = &service.pause else {
            anyhow::bail!("nobody answered");
        };
        let arn = service.deployment.as_deref().context("a pause without a deployment")?;
        let answer = if *approved { Answer::Continue } else { Answer::RollBack };
        if let Call::Refused(why) = clients.ecs.continue_deployment(arn, hook, answer).await? {
            // It stays as it is, and is asked again should it still wait.
            tracing::warn!(release = %release.id, deployment = arn, why, "the answer was refused");
        }
        Ok(at.fact(ServiceFact::Resumed))
    }

    /// Reads how far the deployments are, which have to be found first. Every service that is under way is looked at: one that takes
    /// long does not hide another's end.
    pub(crate) async fn follow(&self, release: &Release, at: Where) -> anyhow::Result<Option<Fact>> {
        let (deployment, _) = place(release, at)?;
        let clients = self.clients(deployment).await;
        for (position, service) in deployment.services.iter().enumerate().filter(|(_, s)| s.verdict.is_none()) {
            let at = Where { service: position, ..at };
            if service.updated.is_none() {
                continue;
            }
            let seen = match service.controller {
                Controller::Ecs => self.follow_ecs(&clients, deployment, service, at).await?,
                Controller::CodeDeploy => follow_codedeploy(&clients, release, deployment, service, at).await?,
            };
            match seen {
                Seen::Nothing => {}
                Seen::Fact(fact) => return Ok(Some(fact)),
                Seen::Ended(verdict, reason) => {
                    let why = match verdict {
                        Verdict::Live | Verdict::Superseded => None,
                        Verdict::RolledBack | Verdict::Failed => {
                            Some(self.why(&clients, release, deployment, service).await)
                        }
                    };
                    return Ok(Some(concluded(at, verdict, reason, why)));
                }
            }
        }
        Ok(None)
    }

    async fn follow_ecs(
        &self,
        clients: &Clients,
        deployment: &Deployment,
        service: &ServiceDeployment,
        at: Where,
    ) -> anyhow::Result<Seen> {
        let (cluster, name) = (&deployment.plan.cluster, &service.service);
        let task_definition = service.task_definition.as_deref().context("a service without a revision")?;
        let Some(arn) = &service.deployment else {
            return Ok(match own_deployment(clients, deployment, service).await? {
                Call::Done(Some(arn)) => Seen::Fact(at.fact(ServiceFact::Followed(arn))),
                Call::Done(None) => without_deployment(clients, deployment, service, task_definition).await?,
                Call::Refused(why) => Seen::Ended(Verdict::Failed, Some(why)),
            });
        };
        let standing = match clients.ecs.standing(arn).await? {
            Call::Done(standing) => standing,
            Call::Refused(why) => return Ok(Seen::Ended(Verdict::Failed, Some(why))),
        };
        let stage = standing.stage.map(ecs::Stage::word);
        if let Some(stage) = stage.filter(|stage| service.stages.last().is_none_or(|last| last.stage != *stage)) {
            return Ok(Seen::Fact(at.fact(ServiceFact::Stage(stage.to_owned()))));
        }
        let stage = stage.unwrap_or_default().to_owned();
        if standing.progress == Rollout::Under {
            let known =
                |hook: &str| service.pause.as_ref().is_some_and(|pause| pause.hook == hook && pause.stage == stage);
            return Ok(match standing.pauses.first() {
                Some(pause) if !known(&pause.hook) => {
                    Seen::Fact(at.fact(ServiceFact::Paused { hook: pause.hook.clone(), stage }))
                }
                // It was answered elsewhere, or its time was over.
                None if service.pause.as_ref().is_some_and(|pause| pause.answer.is_none()) => {
                    Seen::Fact(at.fact(ServiceFact::Resumed))
                }
                Some(_) | None => Seen::Nothing,
            });
        }
        let serving = match clients.ecs.service(cluster, name).await? {
            Call::Done(service) => service.task_definition,
            Call::Refused(why) => return Ok(Seen::Ended(Verdict::Failed, Some(why))),
        };
        let verdict = standing.progress.verdict(task_definition, &serving);
        Ok(verdict.map_or(Seen::Nothing, |(verdict, reason)| Seen::Ended(verdict, reason.or(standing.reason))))
    }

    /// It takes too long: whatever it is at last, or a failure.
    pub(crate) async fn give_up(&self, release: &Release, at: Where) -> anyhow::Result<Option<Fact>> {
        let (deployment, service) = place(release, at)?;
        let minutes = deployment.plan.timeout.as_mins();
        if deployment.reverting.is_some() {
            let late = format!("not within {minutes} minutes");
            return Ok(Some(match self.follow_back(release, at).await {
                Ok(Some(fact)) => fact,
                Ok(None) => at.fact(ServiceFact::StayedAway(late)),
                Err(error) => at.fact(ServiceFact::StayedAway(self.told(deployment, &late, &error).await)),
            }));
        }
        if !deployment.is_begun() {
            let late = format!("it could not be begun within {minutes} minutes");
            // What a service goes back to has to be known before all else.
            let looked = match service.base {
                None => self.base(release, at).await.map(Some),
                Some(_) => self.told_before(release, at.deployment).await,
            };
            return Ok(Some(match looked {
                Ok(Some(fact)) => fact,
                Ok(None) => blocked(at.deployment, late),
                Err(error) => blocked(at.deployment, self.told(deployment, &late, &error).await),
            }));
        }
        let late = format!("there was no verdict within {minutes} minutes");
        Ok(Some(match self.follow(release, at).await {
            Ok(Some(fact)) => fact,
            Ok(None) => {
                let clients = self.clients(deployment).await;
                let why = self.why(&clients, release, deployment, service).await;
                concluded(at, Verdict::Failed, Some(late), Some(why))
            }
            Err(error) => failed(at, self.told(deployment, &late, &error).await),
        }))
    }

    /// What went wrong in the end: where the environment's role cannot be assumed, that is why.
    async fn told(&self, deployment: &Deployment, late: &str, error: &anyhow::Error) -> String {
        match self.clients(deployment).await.role_refused() {
            Some(why) => format!("{late}: the role could not be assumed: {why}"),
            None => format!("{late}: {error:#}"),
        }
    }

    /// A service that was told by an invocation which died before it wrote that down.
    async fn told_before(&self, release: &Release, deployment: usize) -> anyhow::Result<Option<Fact>> {
        for service in 0..release.deployments[deployment].services.len() {
            let at = Where { deployment, service };
            let (place, service) = place(release, at)?;
            if service.verdict.is_none()
                && let Call::Done(Some(_)) = own_deployment(&*self.clients(place).await, place, service).await?
            {
                return Ok(Some(at.fact(ServiceFact::Updated)));
            }
        }
        Ok(None)
    }
}

/// The service deployment that brings this release's revision, if ECS made it: of those from before the release, which one that goes back
/// finds too, none is ours.
pub(crate) async fn own_deployment(
    clients: &Clients,
    deployment: &Deployment,
    service: &ServiceDeployment,
) -> anyhow::Result<Call<Option<String>>> {
    let Some(revision) = &service.task_definition else { return Ok(Call::Done(None)) };
    let before = service.before.as_deref();
    clients.ecs.find_deployment(&deployment.plan.cluster, &service.service, revision, before).await
}

/// What a look at a service's deployment found.
enum Seen {
    /// No news.
    Nothing,
    /// Something to write down.
    Fact(Fact),
    /// It ended.
    Ended(Verdict, Option<String>),
}

fn concluded(at: Where, verdict: Verdict, reason: Option<String>, why: Option<Why>) -> Fact {
    at.fact(ServiceFact::Concluded { verdict, reason, why: why.filter(|why| !why.is_empty()) })
}

/// A service that predates service deployments, or whose deployment ECS does not list yet: DescribeServices tells of it.
async fn without_deployment(
    clients: &Clients,
    deployment: &Deployment,
    service: &ServiceDeployment,
    task_definition: &str,
) -> anyhow::Result<Seen> {
    let rollout = clients.ecs.rollout(&deployment.plan.cluster, &service.service, task_definition).await?;
    Ok(match rollout {
        Call::Refused(why) => Seen::Ended(Verdict::Failed, Some(why)),
        Call::Done(ecs::Rollout::Under) => Seen::Nothing,
        Call::Done(ecs::Rollout::Completed) => Seen::Ended(Verdict::Live, None),
        Call::Done(ecs::Rollout::Failed(reason)) => Seen::Ended(Verdict::Failed, reason),
        Call::Done(ecs::Rollout::Gone { now }) if service.base.as_deref() == Some(&now) => {
            Seen::Ended(Verdict::RolledBack, Some("the service runs its earlier revision again".to_owned()))
        }
        Call::Done(ecs::Rollout::Gone { .. }) => {
            Seen::Ended(Verdict::Superseded, Some("another deployment took over".to_owned()))
        }
    })
}

/// Has CodeDeploy deploy a revision, once: its deployment is found again by its mark.
pub(crate) async fn hand_over(
    clients: &Clients,
    release: &Release,
    deployment: &Deployment,
    service: &ServiceDeployment,
    task_definition: &str,
    mark: &str,
) -> anyhow::Result<Call<()>> {
    let group = deployment.plan.codedeploy.as_ref().context("no CodeDeploy deployment group")?;
    let found = match clients.ecs.service(&deployment.plan.cluster, &service.service).await? {
        Call::Done(found) => found,
        Call::Refused(why) => return Ok(Call::Refused(why)),
    };
    let Some(target) = found.targets.first() else {
        return Ok(Call::Refused(format!("the service {} has no load balancer", service.service)));
    };
    let capacity = found.launch.capacity.iter();
    let spec = appspec::app_spec(&appspec::Target {
        task_definition,
        container: &target.container,
        port: target.port,
        platform_version: found.launch.platform_version.as_deref(),
        capacity: capacity
            .map(|item| appspec::Capacity {
                provider: item.capacity_provider(),
                base: item.base(),
                weight: item.weight(),
            })
            .collect(),
    });
    let since = deployment.admitted.unwrap_or(release.accepted);
    Ok(clients.codedeploy.start(group, &spec, mark, since).await?.map(drop))
}

/// By which CodeDeploy's deployment of a service is found again.
fn mark(release: &Release, service: &ServiceDeployment) -> String {
    format!("{} {}", release.id, service.service)
}

async fn follow_codedeploy(
    clients: &Clients,
    release: &Release,
    deployment: &Deployment,
    service: &ServiceDeployment,
    at: Where,
) -> anyhow::Result<Seen> {
    let Some(id) = &service.deployment else {
        let group = deployment.plan.codedeploy.as_ref().context("no CodeDeploy deployment group")?;
        let since = deployment.admitted.unwrap_or(release.accepted);
        return Ok(match clients.codedeploy.find(group, &mark(release, service), since).await? {
            Call::Done(Some(id)) => Seen::Fact(at.fact(ServiceFact::Followed(id))),
            Call::Done(None) => Seen::Nothing,
            Call::Refused(why) => Seen::Ended(Verdict::Failed, Some(why)),
        });
    };
    let found = match clients.codedeploy.standing(id).await? {
        Call::Done(found) => found,
        Call::Refused(why) => return Ok(Seen::Ended(Verdict::Failed, Some(why))),
    };
    if !found.state.is_end() {
        let word = found.state.word();
        let news = service.stages.last().is_none_or(|last| last.stage != word);
        return Ok(if news { Seen::Fact(at.fact(ServiceFact::Stage(word.to_owned()))) } else { Seen::Nothing });
    }
    // What takes it back is a deployment of its own, whose end is the verdict.
    if let Some(rollback) = &found.rollback {
        return Ok(match clients.codedeploy.standing(rollback).await? {
            Call::Done(back) if back.state == State::Succeeded => Seen::Ended(Verdict::RolledBack, found.error),
            Call::Done(back) if back.state.is_end() => Seen::Ended(Verdict::Failed, back.error.or(found.error)),
            Call::Done(_) => Seen::Nothing,
            Call::Refused(why) => Seen::Ended(Verdict::Failed, Some(why)),
        });
    }
    let task_definition = service.task_definition.as_deref().unwrap_or_default();
    let serving = match clients.ecs.service(&deployment.plan.cluster, &service.service).await? {
        Call::Done(service) => service.task_definition,
        Call::Refused(why) => return Ok(Seen::Ended(Verdict::Failed, Some(why))),
    };
    let rollout = match found.state {
        State::Succeeded => Rollout::Successful,
        State::Stopped if service.base.as_ref() == Some(&serving) => Rollout::RolledBack(found.error),
        State::Stopped => Rollout::Stopped(found.error),
        State::Failed => Rollout::Failed(found.error),
        State::Created | State::Queued | State::InProgress | State::Baking | State::Ready => Rollout::Under,
    };
    let verdict = rollout.verdict(task_definition, &serving);
    Ok(verdict.map_or(Seen::Nothing, |(verdict, reason)| Seen::Ended(verdict, reason)))
}
