//! The way of a release through its environments: one step after the other, each written down before the next.

use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use longshore_aws::{
    ids,
    store::{Admission, Hold},
};
use longshore_core::{
    release::{DeployStep, Deployment, Fact, Release, ServiceDeployment, Verdict, Where},
    task_definition::{Images, is_revision, revise},
};
use serde_json::Value;

use crate::{
    Deploy,
    ecs::{Call, Progress, revision_number},
};

/// More steps than any release has: a bound for a loop that ends long before.
const STEPS: usize = 500;
/// How often, and after which pause, a held environment is asked again; then the tick goes on.
const HOLD_ATTEMPTS: usize = 15;
const HOLD_PAUSE: Duration = Duration::from_millis(200);

impl Deploy {
    /// Takes a release as far as it goes until `deadline`: to its end, or to where it has to wait. What changed is published once.
    ///
    /// Services are changed only while the environment is held, by one invocation at a time: an UpdateService of an older release,
    /// however late, comes before that of a newer one.
    pub(crate) async fn advance(&self, mut release: Release, deadline: Timestamp) -> anyhow::Result<Release> {
        let version = release.version;
        let mut held = None;
        let result = self.advance_held(&mut release, &mut held, deadline).await;
        // After an error a call may still be on its way: then the environment is not given back, its hold lapses.
        if result.is_ok() {
            self.leave(held).await;
        }
        if release.version > version {
            self.events.changed(&release).await;
        }
        result.map(|()| release)
    }

    async fn advance_held(&self, release: &mut Release, held: &mut Held, deadline: Timestamp) -> anyhow::Result<()> {
        for _ in 0..STEPS {
            let step = release.deploy_step(ids::now());
            tracing::debug!(release = %release.id, ?step, "step");
            let holds = |at: Where| held.as_ref().is_some_and(|(deployment, _)| *deployment == at.deployment);
            let fact = match changes(release, step) {
                Some(at) if !holds(at) => {
                    self.leave(held.take()).await;
                    match self.hold(release, at).await? {
                        Admission::Admitted(right) => {
                            *held = Some((at.deployment, right));
                            // Whoever held it before may have taken this very release further.
                            *release = self.store.release(&release.id).await?.context("the release is gone")?;
                            continue;
                        }
                        Admission::Overtaken(by) => Some(Fact::Overtaken { at, by }),
                        Admission::Busy => None,
                    }
                }
                _ => match self.step(release, step).await {
                    Ok(fact) => fact,
                    // What cannot be updated now must not hide the end of what was.
                    Err(error) => match self.follow_beside(release, step).await {
                        Some(fact) => Some(fact),
                        None => return Err(error),
                    },
                },
            };
            let Some(fact) = fact else { return Ok(()) };
            let saved = self.store.apply(&release.id, Some(release.clone()), fact, ids::now()).await?;
            *release = saved.context("the release is gone")??.release;
            if ids::now() > deadline {
                tracing::warn!(release = %release.id, "no time left: the tick goes on");
                return Ok(());
            }
        }
        Ok(())
    }

    /// Gives an environment back. A failure is no more than a delay: the right to it lapses by itself.
    async fn leave(&self, held: Held) {
        if let Some((_, hold)) = held
            && let Err(error) = self.store.leave(&hold).await
        {
            tracing::warn!(%error, "the environment could not be given back");
        }
    }

    /// Asks the environment to admit the release, and waits a little for whoever works there.
    async fn hold(&self, release: &Release, at: Where) -> anyhow::Result<Admission> {
        let (deployment, _) = place(release, at)?;
        let holder = ids::release_id();
        for _ in 0..HOLD_ATTEMPTS {
            match self.store.admit(release, &deployment.environment, holder.as_str(), ids::now()).await? {
                Admission::Busy => tokio::time::sleep(HOLD_PAUSE).await,
                admission => return Ok(admission),
            }
        }
        tracing::info!(release = %release.id, environment = deployment.environment, "busy: the tick will try again");
        Ok(Admission::Busy)
    }

    /// Performs a step, and returns what came of it; `None` when there is nothing to do but to wait.
    async fn step(&self, release: &Release, step: DeployStep) -> anyhow::Result<Option<Fact>> {
        match step {
            DeployStep::Nothing => Ok(None),
            DeployStep::Admit(at) => Ok(Some(Fact::Admitted(at))),
            DeployStep::Base(at) => self.base(release, at).await.map(Some),
            DeployStep::Register(at) => self.register(release, at).await.map(Some),
            DeployStep::Update(at) => self.update(release, at).await.map(Some),
            DeployStep::Follow(at) => self.follow(release, at).await,
            DeployStep::GiveUp(at) => {
                let minutes = Release::DEPLOY_LIMIT.as_mins();
                let late = format!("ECS came to no verdict within {minutes} minutes");
                Ok(Some(match self.follow(release, at).await {
                    Ok(Some(fact)) => fact,
                    Ok(None) => failed(at, late),
                    Err(error) => failed(at, format!("{late}: {error:#}")),
                }))
            }
        }
    }

    /// The revision that the service runs is the base of the new one.
    async fn base(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        Ok(match self.ecs.service(&deployment.plan.cluster, &service.service).await? {
            Call::Done(service) => Fact::Based(at, service.task_definition),
            Call::Refused(why) => failed(at, why),
        })
    }

    /// Registers the new revision, unless an earlier attempt that died did so.
    async fn register(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        let base = service.base.as_deref().context("a service without a base")?;
        let image = release.image.as_ref().context("a deployment without an image")?.reference();
        let described = match self.ecs.describe(base).await? {
            Call::Done(described) => described,
            Call::Refused(why) => return Ok(failed(at, format!("{base}: {why}"))),
        };
        let tags = [
            ("longshore:pipeline", release.pipeline.as_str()),
            ("longshore:release", release.id.as_str()),
            ("longshore:commit", &release.commit.id),
        ];
        let images = Images::One { image: &image, containers: &deployment.plan.containers };
        let revision = match revise(&described, images, &tags) {
            Ok(revision) => revision,
            Err(error) => return Ok(failed(at, format!("{base}: {error}"))),
        };
        if let Some(registered) = self.registered(base, &revision.request).await? {
            return Ok(Fact::Registered(at, registered));
        }
        Ok(match self.ecs.register(&revision.request).await? {
            Call::Done(arn) => {
                let containers = revision.containers.join(", ");
                tracing::info!(release = %release.id, base, revision = arn, containers, "registered");
                Fact::Registered(at, arn)
            }
            Call::Refused(why) => failed(at, format!("ECS refused the new revision: {why}")),
        })
    }

    /// A revision newer than the base that is what we would register: the release's id is among its tags.
    async fn registered(&self, base: &str, request: &Value) -> anyhow::Result<Option<String>> {
        let family = request["family"].as_str().unwrap_or_default();
        let Call::Done(newest) = self.ecs.newest_revisions(family).await? else { return Ok(None) };
        for arn in newest.into_iter().filter(|arn| revision_number(arn) > revision_number(base)) {
            if let Call::Done(described) = self.ecs.describe(&arn).await?
                && is_revision(&described, request)
            {
                return Ok(Some(arn));
            }
        }
        Ok(None)
    }

    /// Tells the service to run the new revision, unless an earlier attempt did: ECS may have rolled that back since, and it is not
    /// tried twice.
    async fn update(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        let task_definition = service.task_definition.as_deref().context("a service without a revision")?;
        let (cluster, name) = (&deployment.plan.cluster, &service.service);
        match self.ecs.find_deployment(cluster, name, task_definition).await? {
            Call::Done(Some(_)) => return Ok(Fact::Updated(at)),
            Call::Done(None) => {}
            Call::Refused(why) => return Ok(failed(at, why)),
        }
        Ok(match self.ecs.update(cluster, name, task_definition).await? {
            Call::Done(()) => {
                tracing::info!(release = %release.id, cluster, service = name, revision = task_definition, "updated");
                Fact::Updated(at)
            }
            Call::Refused(why) => failed(at, format!("ECS refused the update: {why}")),
        })
    }

    /// After an update that failed: what became of the services that were updated before it.
    async fn follow_beside(&self, release: &Release, step: DeployStep) -> Option<Fact> {
        match step {
            DeployStep::Update(at) => self.follow(release, at).await.ok().flatten(),
            _ => None,
        }
    }

    /// Reads how far ECS is with our service deployments, which have to be found first. Every service that is under way is looked at:
    /// one that takes long does not hide another's end.
    async fn follow(&self, release: &Release, at: Where) -> anyhow::Result<Option<Fact>> {
        let (deployment, _) = place(release, at)?;
        for (position, service) in deployment.services.iter().enumerate().filter(|(_, s)| s.verdict.is_none()) {
            let at = Where { service: position, ..at };
            let Some(task_definition) = service.task_definition.as_deref().filter(|_| service.updated.is_some()) else {
                continue;
            };
            let Some(arn) = &service.deployment else {
                match self.ecs.find_deployment(&deployment.plan.cluster, &service.service, task_definition).await? {
                    Call::Done(Some(arn)) => return Ok(Some(Fact::Followed(at, arn))),
                    Call::Done(None) => continue,
                    Call::Refused(why) => return Ok(Some(failed(at, why))),
                }
            };
            let progress = match self.ecs.progress(arn).await? {
                Call::Done(progress) => progress,
                Call::Refused(why) => return Ok(Some(failed(at, why))),
            };
            let (verdict, reason) = match progress {
                Progress::Under => continue,
                Progress::Successful => (Verdict::Live, None),
                Progress::RolledBack(reason) => (Verdict::RolledBack, reason),
                Progress::Failed(reason) => (Verdict::Failed, reason),
                // Another deployment took over, or someone stopped this one and nothing came in its place.
                Progress::Stopped(reason) => {
                    match self.ecs.service(&deployment.plan.cluster, &service.service).await? {
                        Call::Done(current) if current.task_definition != task_definition => {
                            let reason = reason.unwrap_or_else(|| "another deployment took over".to_owned());
                            (Verdict::Superseded, Some(reason))
                        }
                        _ => (Verdict::Failed, Some(reason.unwrap_or_else(|| "the deployment was stopped".to_owned()))),
                    }
                }
            };
            return Ok(Some(Fact::Concluded { at, verdict, reason }));
        }
        Ok(None)
    }
}

/// An environment that is held: the deployment's position, and the right to change its services.
type Held = Option<(usize, Hold)>;

/// Where a step changes services, or decides that they are not changed: for that the environment must be held.
fn changes(release: &Release, step: DeployStep) -> Option<Where> {
    match step {
        DeployStep::Admit(at) | DeployStep::Base(at) | DeployStep::Register(at) | DeployStep::Update(at) => Some(at),
        DeployStep::GiveUp(at) => {
            let (_, service) = place(release, at).ok()?;
            service.updated.is_none().then_some(at)
        }
        DeployStep::Follow(_) | DeployStep::Nothing => None,
    }
}

fn place(release: &Release, at: Where) -> anyhow::Result<(&Deployment, &ServiceDeployment)> {
    let deployment = release.deployments.get(at.deployment).context("no such deployment")?;
    Ok((deployment, deployment.services.get(at.service).context("no such service")?))
}

fn failed(at: Where, why: String) -> Fact {
    Fact::Concluded { at, verdict: Verdict::Failed, reason: Some(why) }
}
