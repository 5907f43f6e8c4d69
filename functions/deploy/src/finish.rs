//! After the services: what runs on a schedule, and where the release is live.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::SignedDuration;
use longshore_aws::ids;
use longshore_core::release::{Deployment, DeploymentFact, Fact, Release};

use crate::{
    Deploy,
    aws::{Call, Clients, ecs},
};

/// For how long what comes after the services is tried.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

impl Deploy {
    /// Moves schedules to the new revision, and publishes what is live: the environment's record first, which a rollback reads. What a
    /// refusal keeps from being done is noted, and takes nothing back: the services run it.
    ///
    /// What fails again and again is noted after a while, too: the services run it, and the release comes to its end.
    pub(crate) async fn finish(&self, release: &Release, at: usize) -> anyhow::Result<Fact> {
        match self.finish_up(release, at).await {
            Err(error) if ids::now().duration_since(release.changed) > PATIENCE => {
                let note = format!("not everything after the services was done: {error:#}");
                let news = release.deployments.get(at).is_some_and(|deployment| deployment.is_news(&note));
                let fact = if news { DeploymentFact::Noted(note) } else { DeploymentFact::Finished };
                Ok(Fact::Deployment(at, fact))
            }
            done => done,
        }
    }

    async fn finish_up(&self, release: &Release, at: usize) -> anyhow::Result<Fact> {
        let deployment = release.deployments.get(at).context("no such deployment")?;
        let clients = self.clients(deployment).await;
        // The environment is held, so that no release changes its services; what was done by hand meanwhile is seen here.
        for service in &deployment.services {
            let found = clients.ecs.service(&deployment.plan.cluster, &service.service).await?;
            let serves =
                matches!(&found, Call::Done(found) if Some(&found.task_definition) == service.task_definition.as_ref());
            if !serves {
                return Ok(Fact::Deployment(at, DeploymentFact::TakenOver(service.service.clone())));
            }
        }
        self.store.live(release, &deployment.environment, ids::now()).await?;
        for work in [move_schedules(&clients, deployment).await?, publish(&clients, release, deployment).await?] {
            if let Some(note) = work.filter(|note| deployment.is_news(note)) {
                tracing::warn!(release = %release.id, note, "beside the deployment");
                return Ok(Fact::Deployment(at, DeploymentFact::Noted(note)));
            }
        }
        Ok(Fact::Deployment(at, DeploymentFact::Finished))
    }
}

/// A note where something was refused.
async fn move_schedules(clients: &Clients, deployment: &Deployment) -> anyhow::Result<Option<String>> {
    for family in &deployment.families {
        let Some(revision) = &family.task_definition else { continue };
        // Targets name their cluster by its ARN, which is beside the revision's.
        let Some((front, _)) = revision.split_once(":task-definition/") else { continue };
        let cluster = format!("{front}:cluster/{}", deployment.plan.cluster);
        match clients.schedules.run(&cluster, revision).await? {
            Call::Done(moved) => {
                for scheduled in &moved.changed {
                    tracing::info!(place = %scheduled.place, revision, before = scheduled.task_definition, "moved");
                }
            }
            Call::Refused(why) => return Ok(Some(format!("the schedules of {} were not moved: {why}", family.family))),
        }
    }
    Ok(None)
}

/// `/longshore/<pipeline>/<environment>/…`.
async fn publish(clients: &Clients, release: &Release, deployment: &Deployment) -> anyhow::Result<Option<String>> {
    let base = format!("/longshore/{}/{}", release.pipeline, deployment.environment);
    let mut parameters = BTreeMap::from([
        (format!("{base}/release"), release.id.to_string()),
        (format!("{base}/number"), release.number.to_string()),
        // A parameter cannot be empty.
        (format!("{base}/commit"), release.commit.known().unwrap_or("unknown").to_owned()),
    ]);
    if let Some(image) = &release.image {
        parameters.insert(format!("{base}/digest"), image.digest.as_str().to_owned());
        parameters.insert(format!("{base}/image"), image.reference());
    }
    let revisions = deployment.services.iter().filter_map(|service| service.task_definition.as_deref());
    let families = deployment.families.iter().filter_map(|family| family.task_definition.as_deref());
    for arn in revisions.chain(families) {
        if let Some(family) = ecs::family_of(arn) {
            parameters.insert(format!("{base}/revision/{family}"), arn.to_owned());
        }
    }
    Ok(match clients.parameters.put(&parameters).await? {
        Call::Done(()) => None,
        Call::Refused(why) => Some(format!("the SSM parameters were not written: {why}")),
    })
}
