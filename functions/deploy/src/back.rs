//! The way back: to what each service ran before.

use anyhow::Context;
use longshore_aws::ids;
use longshore_core::release::{Controller, Fact, Release, Rollout, ServiceFact, Where};

use crate::{
    Deploy,
    advance::place,
    aws::{Call, ecs},
};

impl Deploy {
    /// Sends a service back: its deployment is turned round while it runs; else the service is told to run its earlier revision.
    pub(crate) async fn go_back(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        let (cluster, name) = (&deployment.plan.cluster, &service.service);
        let base = service.base.as_deref().context("a service without a base")?;
        let clients = self.clients(deployment).await;
        tracing::info!(release = %release.id, cluster, service = name, revision = base, "goes back");
        if service.controller == Controller::CodeDeploy {
            let Some(id) = &service.deployment else {
                return Ok(at.fact(ServiceFact::StayedAway("CodeDeploy's deployment is not known".to_owned())));
            };
            return Ok(match clients.codedeploy.stop(id, true).await? {
                Call::Done(_) => at.fact(ServiceFact::SentBack(None)),
                Call::Refused(why) => at.fact(ServiceFact::StayedAway(why)),
            });
        }
        let turned = match &service.deployment {
            None => false,
            Some(arn) => match clients.ecs.standing(arn).await? {
                Call::Done(standing) if standing.going_back => true,
                Call::Done(standing) if standing.progress == Rollout::Under => {
                    matches!(clients.ecs.stop_deployment(arn, true).await?, Call::Done(true))
                }
                Call::Done(_) | Call::Refused(_) => false,
            },
        };
        if turned {
            return Ok(at.fact(ServiceFact::SentBack(service.deployment.clone())));
        }
        Ok(match clients.ecs.tell(cluster, name, base, false).await? {
            Call::Done(()) => at.fact(ServiceFact::SentBack(None)),
            Call::Refused(why) => at.fact(ServiceFact::StayedAway(why)),
        })
    }

    /// Whether a service runs its earlier revision again.
    pub(crate) async fn follow_back(&self, release: &Release, at: Where) -> anyhow::Result<Option<Fact>> {
        let (deployment, _) = place(release, at)?;
        let clients = self.clients(deployment).await;
        for (position, service) in deployment.services.iter().enumerate() {
            let at = Where { service: position, ..at };
            let Some(back) = service.back.as_ref().filter(|back| back.told.is_some() && !back.is_over()) else {
                continue;
            };
            let base = service.base.as_deref().context("a service without a base")?;
            let stayed = |why: String| Some(at.fact(ServiceFact::StayedAway(why)));
            let rollout = match service.controller {
                Controller::Ecs => clients.ecs.rollout(&deployment.plan.cluster, &service.service, base).await?,
                Controller::CodeDeploy => {
                    let found = clients.ecs.service(&deployment.plan.cluster, &service.service).await?;
                    found.map(|found| match found.task_definition {
                        running if running == base => ecs::Rollout::Completed,
                        _ => ecs::Rollout::Under,
                    })
                }
            };
            let overdue = back.told.is_some_and(|told| ids::now().duration_since(told) > deployment.plan.timeout);
            return Ok(match rollout {
                Call::Refused(why) => stayed(why),
                Call::Done(ecs::Rollout::Completed) => Some(at.fact(ServiceFact::CameBack)),
                Call::Done(ecs::Rollout::Failed(why)) => stayed(why.unwrap_or_else(|| "ECS gave up".to_owned())),
                Call::Done(ecs::Rollout::Under | ecs::Rollout::Gone { .. }) if overdue => {
                    stayed(format!("not within {} minutes", deployment.plan.timeout.as_mins()))
                }
                // A deployment that is being turned round still shows the new revision for a moment.
                Call::Done(ecs::Rollout::Under | ecs::Rollout::Gone { .. }) => continue,
            });
        }
        Ok(None)
    }
}
