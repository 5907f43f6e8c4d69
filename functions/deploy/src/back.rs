//! The way back: to what each service ran when its environment was last whole.

use anyhow::Context;
use jiff::SignedDuration;
use longshore_aws::ids;
use longshore_core::release::{
    Controller, Deployment, DeploymentFact, Fact, Release, ServiceDeployment, ServiceFact, Where,
};

use crate::{
    Deploy,
    advance::place,
    aws::{Call, Clients, ecs::Service},
    moving::{hand_over, own_deployment},
    prepare,
};

/// For how long after it was told a service may still show what it ran before that.
const ECHO: SignedDuration = SignedDuration::from_secs(30);

impl Deploy {
    /// Sends a service back: its deployment is turned round while it runs, where that leads to its base; else the service is told to run
    /// its base.
    pub(crate) async fn go_back(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        let clients = self.clients(deployment).await;
        let base = service.base.as_deref().context("a service without a base")?;
        let (cluster, name) = (&deployment.plan.cluster, &service.service);
        tracing::info!(release = %release.id, cluster, service = name, revision = base, "goes back");
        if service.controller == Controller::CodeDeploy {
            return back_by_codedeploy(&clients, release, deployment, service, at).await;
        }
        let found = match clients.ecs.service(cluster, name).await? {
            Call::Done(found) => found,
            Call::Refused(why) => return Ok(at.fact(ServiceFact::StayedAway(why))),
        };
        let running = &found.task_definition;
        // What leads there already is told already: by an attempt that died, by ECS, or by whoever left it astray.
        if running == base && (found.is_settled() || found.is_under_way()) {
            return Ok(at.fact(ServiceFact::SentBack(None)));
        }
        // It is not tried twice.
        let own = match &service.deployment {
            Some(own) => Some(own.clone()),
            None => match own_deployment(&clients, deployment, service).await? {
                Call::Done(own) => own,
                Call::Refused(_) => None,
            },
        };
        let after = own.as_deref().or(service.before.as_deref());
        if let Call::Done(Some(arn)) = clients.ecs.find_deployment(cluster, name, base, after).await? {
            return Ok(at.fact(ServiceFact::SentBack(Some(arn))));
        }
        if running != base && !is_ours(&clients, running).await? {
            return self.moved(release, deployment, at).await;
        }
        let turns = found.is_under_way() && service.task_definition.as_ref() == Some(running) && !service.astray;
        if turns && turned_round(&clients, service).await? {
            return Ok(at.fact(ServiceFact::SentBack(service.deployment.clone())));
        }
        Ok(match clients.ecs.tell(cluster, name, base, running == base).await? {
            Call::Done(()) => at.fact(ServiceFact::SentBack(None)),
            Call::Refused(why) => at.fact(ServiceFact::StayedAway(why)),
        })
    }

    /// Whether a service runs its base again.
    pub(crate) async fn follow_back(&self, release: &Release, at: Where) -> anyhow::Result<Option<Fact>> {
        let (deployment, _) = place(release, at)?;
        let clients = self.clients(deployment).await;
        for (position, service) in deployment.services.iter().enumerate() {
            let at = Where { service: position, ..at };
            let told = service.back.as_ref().filter(|back| !back.is_over()).and_then(|back| back.told);
            let Some(told) = told else { continue };
            let base = service.base.as_deref().context("a service without a base")?;
            let found = match clients.ecs.service(&deployment.plan.cluster, &service.service).await? {
                Call::Done(found) => found,
                Call::Refused(why) => return Ok(Some(at.fact(ServiceFact::StayedAway(why)))),
            };
            if found.task_definition == base && found.is_settled() {
                return Ok(Some(at.fact(ServiceFact::CameBack)));
            }
            if !is_on_its_way(&clients, service, &found, base).await? && ids::now().duration_since(told) > ECHO {
                return self.moved(release, deployment, at).await.map(Some);
            }
        }
        Ok(None)
    }

    /// It is not on its way back: a newer release has it, someone deployed by hand, or ECS failed.
    async fn moved(&self, release: &Release, deployment: &Deployment, at: Where) -> anyhow::Result<Fact> {
        Ok(match self.newer(release, deployment).await? {
            Some(newer) => Fact::Deployment(at.deployment, DeploymentFact::Overtaken(newer)),
            None => at.fact(ServiceFact::StayedAway("it runs something else".to_owned())),
        })
    }
}

async fn is_ours(clients: &Clients, running: &str) -> anyhow::Result<bool> {
    Ok(matches!(clients.ecs.describe(running).await?, Call::Done(described) if prepare::is_ours(&described)))
}

/// Turns a deployment round that is under way; `false` where it came to its end meanwhile, or ECS does not do it.
async fn turned_round(clients: &Clients, service: &ServiceDeployment) -> anyhow::Result<bool> {
    let Some(arn) = &service.deployment else { return Ok(false) };
    if let Call::Done(standing) = clients.ecs.standing(arn).await?
        && standing.going_back
    {
        return Ok(true);
    }
    Ok(matches!(clients.ecs.stop_deployment(arn, true).await?, Call::Done(true)))
}

/// Whether ECS is taking a service to its base. A deployment that is being turned round may still show the revision that it brought.
async fn is_on_its_way(
    clients: &Clients,
    service: &ServiceDeployment,
    found: &Service,
    base: &str,
) -> anyhow::Result<bool> {
    if found.task_definition == base {
        return Ok(found.is_under_way() || service.controller == Controller::CodeDeploy);
    }
    match (&service.deployment, service.controller) {
        (Some(arn), Controller::Ecs) => {
            Ok(matches!(clients.ecs.standing(arn).await?, Call::Done(standing) if standing.going_back))
        }
        // What takes it back is a deployment of its own, which takes its time.
        (Some(_), Controller::CodeDeploy) => Ok(true),
        (None, _) => Ok(false),
    }
}

/// CodeDeploy's deployment is stopped, and goes back by itself; one that is over is followed by another, of the base.
async fn back_by_codedeploy(
    clients: &Clients,
    release: &Release,
    deployment: &Deployment,
    service: &ServiceDeployment,
    at: Where,
) -> anyhow::Result<Fact> {
    let stopped = match &service.deployment {
        Some(id) => clients.codedeploy.stop(id, true).await?,
        None => Call::Done(false),
    };
    match stopped {
        Call::Done(true) => return Ok(at.fact(ServiceFact::SentBack(None))),
        Call::Done(false) => {}
        Call::Refused(why) => return Ok(at.fact(ServiceFact::StayedAway(why))),
    }
    let base = service.base.as_deref().context("a service without a base")?;
    let mark = format!("{} {} back", release.id, service.service);
    Ok(match hand_over(clients, release, deployment, service, base, &mark).await? {
        Call::Done(()) => at.fact(ServiceFact::SentBack(None)),
        Call::Refused(why) => at.fact(ServiceFact::StayedAway(why)),
    })
}
