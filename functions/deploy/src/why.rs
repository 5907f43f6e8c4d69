//! Why a service did not come up: what ECS, the load balancer and the containers say.

use longshore_core::release::{Deployment, Release, ServiceDeployment, Why};
use serde_json::Value;

use crate::{
    Deploy,
    aws::{
        Call, Clients,
        ecs::{Task, last_part},
        logs::Place,
    },
};

impl Deploy {
    /// What can be found out. Nothing that fails here keeps a verdict from being written down.
    pub(crate) async fn why(
        &self,
        clients: &Clients,
        release: &Release,
        deployment: &Deployment,
        service: &ServiceDeployment,
    ) -> Why {
        match gather(clients, deployment, service).await {
            Ok(why) => why,
            Err(error) => {
                tracing::warn!(release = %release.id, service = service.service, "the reasons: {error:#}");
                Why::default()
            }
        }
    }
}

async fn gather(clients: &Clients, deployment: &Deployment, service: &ServiceDeployment) -> anyhow::Result<Why> {
    let (cluster, name) = (&deployment.plan.cluster, &service.service);
    let revision = service.task_definition.as_deref().unwrap_or_default();
    let deployments: Vec<&str> = service.deployment.as_deref().into_iter().collect();
    let (why, tasks) = match clients.ecs.why(cluster, name, revision, &deployments).await? {
        Call::Done(found) => found,
        Call::Refused(why) => {
            tracing::warn!(service = name, why, "ECS does not say why");
            Default::default()
        }
    };
    let targets = targets(clients, cluster, name).await.unwrap_or_else(|error| {
        tracing::warn!(service = name, "the target group: {error:#}");
        Vec::new()
    });
    let log = last_words(clients, revision, &tasks).await.unwrap_or_else(|error| {
        tracing::warn!(service = name, "the log: {error:#}");
        Vec::new()
    });
    Ok(why.with_targets(targets).with_log(log))
}

/// The targets that are not healthy.
async fn targets(clients: &Clients, cluster: &str, service: &str) -> anyhow::Result<Vec<String>> {
    let Call::Done(found) = clients.ecs.service(cluster, service).await? else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    for group in found.targets.iter().flat_map(|target| &target.groups) {
        match clients.balancers.health(group).await? {
            Call::Done(targets) => {
                lines.extend(targets.iter().filter(|target| !target.is_healthy()).map(ToString::to_string));
            }
            Call::Refused(why) => tracing::warn!(service, why, "the target group could not be read"),
        }
    }
    Ok(lines)
}

/// The last lines of the container that failed, of the newest task that did.
async fn last_words(clients: &Clients, revision: &str, tasks: &[Task]) -> anyhow::Result<Vec<String>> {
    let Some(task) = tasks.first() else { return Ok(Vec::new()) };
    let failed = task.containers.iter().find(|container| container.exit_code.is_some_and(|code| code != 0));
    let Some(container) = failed.or(task.containers.first()) else { return Ok(Vec::new()) };
    let Call::Done(described) = clients.ecs.describe(revision).await? else { return Ok(Vec::new()) };
    log_lines(clients, &described, &container.name, &task.arn, Why::LOG_LINES).await
}

/// The last lines that a container of a task wrote; none where its log is not in CloudWatch, or cannot be read.
pub(crate) async fn log_lines(
    clients: &Clients,
    described: &Value,
    container: &str,
    task: &str,
    most: usize,
) -> anyhow::Result<Vec<String>> {
    let Some(place) = Place::of(described, container) else { return Ok(Vec::new()) };
    Ok(match clients.logs.last(&place, last_part(task), most).await? {
        Call::Done(lines) => lines,
        Call::Refused(why) => {
            tracing::warn!(task, why, "the log could not be read");
            Vec::new()
        }
    })
}
