//! The way of a release through its environments: one step after the other, each written down before the next.

use anyhow::Context;
use longshore_aws::{ids, store::Admission};
use longshore_core::{
    release::{DeployStep, Deployment, Fact, Release, ServiceDeployment, Verdict, Where},
    task_definition::{is_revision, revise},
};
use serde_json::Value;

use crate::{
    Deploy,
    ecs::{Call, Progress, revision_number},
};

/// More steps than any release has: a bound for a loop that ends long before.
const STEPS: usize = 500;

impl Deploy {
    /// Takes a release as far as it goes now: to its end, or to where ECS has to come to a verdict. What changed is published once.
    pub(crate) async fn advance(&self, mut release: Release) -> anyhow::Result<Release> {
        let mut changed = false;
        let mut result = Ok(());
        for _ in 0..STEPS {
            match self.step(&release).await {
                Ok(Some(fact)) => {
                    let id = release.id.clone();
                    let saved = self.store.apply(&id, Some(release), fact, ids::now()).await?;
                    let saved = saved.context("the release is gone")??;
                    changed |= saved.changed;
                    release = saved.release;
                }
                Ok(None) => break,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        if changed {
            self.events.changed(&release).await;
        }
        result.map(|()| release)
    }

    /// Performs the next step, and returns what came of it; `None` when there is nothing to do but to wait.
    async fn step(&self, release: &Release) -> anyhow::Result<Option<Fact>> {
        let step = release.deploy_step(ids::now());
        tracing::debug!(release = %release.id, ?step, "step");
        match step {
            DeployStep::Nothing => Ok(None),
            DeployStep::Admit(at) => self.admit(release, at).await.map(Some),
            DeployStep::Base(at) => self.base(release, at).await.map(Some),
            DeployStep::Register(at) => self.register(release, at).await.map(Some),
            DeployStep::Update(at) => self.update(release, at).await.map(Some),
            DeployStep::Follow(at) => self.follow(release, at).await,
            DeployStep::GiveUp(at) => {
                let minutes = Release::DEPLOY_LIMIT.as_mins();
                Ok(Some(failed(at, format!("ECS came to no verdict within {minutes} minutes"))))
            }
        }
    }

    async fn admit(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, _) = place(release, at)?;
        Ok(match self.store.admit(release, &deployment.environment).await? {
            Admission::Admitted => Fact::Admitted(at),
            Admission::Overtaken(by) => Fact::Overtaken { at, by },
        })
    }

    /// The revision that the service runs is the base of the new one.
    async fn base(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        Ok(match self.ecs.service(&deployment.cluster, &service.service).await? {
            Call::Done(service) => Fact::Based(at, service.task_definition),
            Call::Refused(why) => failed(at, why),
        })
    }

    /// Registers the new revision, unless an earlier attempt that died did so.
    async fn register(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        let base = service.base.as_deref().context("a service without a base")?;
        let image = release.image.as_ref().context("a deployment without an image")?.reference();
        let described = self.ecs.describe(base).await?;
        let tags = [
            ("longshore:pipeline", release.pipeline.as_str()),
            ("longshore:release", release.id.as_str()),
            ("longshore:commit", &release.commit.id),
        ];
        let revision = match revise(&described, &image, &deployment.containers, &tags) {
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
        let newer = |arn: &String| revision_number(arn) > revision_number(base);
        for arn in self.ecs.newest_revisions(family).await?.into_iter().filter(newer) {
            if is_revision(&self.ecs.describe(&arn).await?, request) {
                return Ok(Some(arn));
            }
        }
        Ok(None)
    }

    /// Tells the service to run the new revision, unless it was told so by an earlier attempt, and only while no newer release was
    /// admitted meanwhile.
    async fn update(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        let task_definition = service.task_definition.as_deref().context("a service without a revision")?;
        if let Admission::Overtaken(by) = self.store.admit(release, &deployment.environment).await? {
            return Ok(Fact::Overtaken { at, by });
        }
        let (cluster, name) = (&deployment.cluster, &service.service);
        match self.ecs.service(cluster, name).await? {
            Call::Done(current) if current.task_definition == task_definition => return Ok(Fact::Updated(at)),
            Call::Done(_) => {}
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

    /// Reads how far ECS is with our service deployment, which has to be found first.
    async fn follow(&self, release: &Release, at: Where) -> anyhow::Result<Option<Fact>> {
        let (deployment, _) = place(release, at)?;
        // Every service that is under way is looked at: one that takes long does not hide another's end.
        for (position, service) in deployment.services.iter().enumerate().filter(|(_, s)| s.verdict.is_none()) {
            let at = Where { service: position, ..at };
            let task_definition = service.task_definition.as_deref().context("a service without a revision")?;
            let Some(arn) = &service.deployment else {
                match self.ecs.find_deployment(&deployment.cluster, &service.service, task_definition).await? {
                    Some(arn) => return Ok(Some(Fact::Followed(at, arn))),
                    None => continue,
                }
            };
            let (verdict, reason) = match self.ecs.progress(arn).await? {
                Progress::Under => continue,
                Progress::Ended(verdict, reason) => (verdict, reason),
            };
            let serving = self.ecs.service(&deployment.cluster, &service.service).await?;
            let ours = matches!(&serving, Call::Done(current) if current.task_definition == task_definition);
            return Ok(Some(match verdict {
                Verdict::Live if !ours => {
                    let reason = Some("another deployment took over".to_owned());
                    Fact::Concluded { at, verdict: Verdict::Superseded, reason }
                }
                verdict => Fact::Concluded { at, verdict, reason },
            }));
        }
        Ok(None)
    }
}

fn place(release: &Release, at: Where) -> anyhow::Result<(&Deployment, &ServiceDeployment)> {
    let deployment = release.deployments.get(at.deployment).context("no such deployment")?;
    Ok((deployment, deployment.services.get(at.service).context("no such service")?))
}

fn failed(at: Where, why: String) -> Fact {
    Fact::Concluded { at, verdict: Verdict::Failed, reason: Some(why) }
}
