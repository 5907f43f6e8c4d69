//! What runs before the services are told: a task at a time, on the new revision, in the service's network.

use anyhow::Context;
use longshore_aws::ids;
use longshore_core::{
    config::Before,
    event::STARTED_BY,
    release::{Deployment, DeploymentFact, Fact, Image, OpenFor, Release, Run, ServiceDeployment},
};
use serde_json::Value;

use crate::{
    Deploy,
    advance::blocked,
    aws::{
        Call, Clients,
        ecs::{RunTask, Task},
    },
    why::log_lines,
};

impl Deploy {
    /// Starts a task, once however often it is tried: its client token names release, environment and position. `None` while a task of an
    /// older release runs: two migrations at once are none.
    pub(crate) async fn run(&self, release: &Release, at: usize, run: usize) -> anyhow::Result<Option<Fact>> {
        let (deployment, before, service) = place(release, at, run)?;
        if self.is_older_running(release, &deployment.environment).await? {
            return Ok(None);
        }
        let clients = self.clients(deployment).await;
        let revision = service.task_definition.as_deref().context("a service without a revision")?;
        let found = match clients.ecs.service(&deployment.plan.cluster, &service.service).await? {
            Call::Done(found) => found,
            Call::Refused(why) => return Ok(Some(blocked(at, why))),
        };
        let container = match &before.container {
            Some(named) => Some(named.clone()),
            None => container(&clients, release, before, revision).await?.0,
        };
        let Some(container) = container else {
            return Ok(Some(blocked(at, format!("before: {revision} has no container that gets an image"))));
        };
        let tags = [
            ("longshore:release".to_owned(), release.id.to_string()),
            ("longshore:commit".to_owned(), release.commit.known().unwrap_or("unknown").to_owned()),
        ];
        let task = RunTask {
            cluster: &deployment.plan.cluster,
            task_definition: revision,
            launch: &found.launch,
            container: &container,
            command: &before.command,
            started_by: &format!("{STARTED_BY}{}", release.id),
            client_token: &format!("{}-{at}-{run}", release.id),
            tags: &tags.into(),
        };
        Ok(Some(match clients.ecs.run_task(&task).await? {
            Call::Done(task) => {
                tracing::info!(release = %release.id, task, container, "a task was started");
                Fact::Deployment(at, DeploymentFact::RunStarted { run, task })
            }
            Call::Refused(why) => {
                let command = before.command.join(" ");
                blocked(at, format!("before: {command} could not be started: {why}"))
            }
        }))
    }

    /// Whether a task of an older release of the environment may still run. That release stops it when it sees that it was overtaken.
    async fn is_older_running(&self, release: &Release, environment: &str) -> anyhow::Result<bool> {
        for id in self.store.open_releases(OpenFor::Deployment).await?.into_iter().filter(|id| *id != release.id) {
            let Some(other) = self.store.release(&id).await? else { continue };
            let older = other.pipeline == release.pipeline && other.number < release.number;
            let runs = other.deployment_to(environment).map(|(_, deployment)| deployment.runs.as_slice());
            if older && runs.unwrap_or_default().iter().any(|run| run.ended.is_none()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether it ended, and how.
    pub(crate) async fn follow_run(&self, release: &Release, at: usize, run: usize) -> anyhow::Result<Option<Fact>> {
        let (deployment, before, service) = place(release, at, run)?;
        let started = deployment.runs.get(run).context("no such task")?;
        let clients = self.clients(deployment).await;
        let age = ids::now().duration_since(started.started);
        let task = match clients.ecs.task(&deployment.plan.cluster, &started.task).await? {
            Call::Done(task) => task,
            Call::Refused(why) => return Ok(Some(ended(at, run, None, Some(why), Vec::new()))),
        };
        let newer = self.newer(release, deployment).await?;
        let revision = service.task_definition.as_deref().unwrap_or_default();
        let Some(task) = task.filter(Task::is_stopped) else {
            let late = age > before.timeout;
            let why = match newer {
                _ if late => format!("it ran for longer than {} s", before.timeout.as_secs()),
                // The newer release waits until it has stopped.
                Some(newer) => format!("release #{newer} was admitted"),
                None => return Ok(None),
            };
            if let Call::Refused(refused) = clients.ecs.stop_task(&deployment.plan.cluster, &started.task, &why).await?
            {
                tracing::warn!(release = %release.id, task = started.task, refused, "the task could not be stopped");
            }
            if !late {
                return Ok(None);
            }
            let (container, described) = container(&clients, release, before, revision).await.unwrap_or_default();
            let log = written(&clients, release, container.as_deref(), described.as_ref(), started).await;
            return Ok(Some(ended(at, run, None, Some(why), log)));
        };
        if let Some(newer) = newer {
            return Ok(Some(Fact::Deployment(at, DeploymentFact::Overtaken(newer))));
        }
        let (name, described) = container(&clients, release, before, revision).await?;
        let log = written(&clients, release, name.as_deref(), described.as_ref(), started).await;
        let container = name.and_then(|name| task.container(&name));
        let exit = container.and_then(|container| container.exit_code);
        let failure = match exit {
            Some(0) => None,
            Some(code) => Some(format!("exit code {code}")),
            None => Some(container.and_then(|container| container.reason.clone()).unwrap_or_else(|| task.told())),
        };
        Ok(Some(ended(at, run, exit, failure, log)))
    }
}

fn place(release: &Release, at: usize, run: usize) -> anyhow::Result<(&Deployment, &Before, &ServiceDeployment)> {
    let deployment = release.deployments.get(at).context("no such deployment")?;
    let before = deployment.plan.before.get(run).context("nothing to run")?;
    let service = deployment.services.iter().find(|service| service.service == before.run);
    Ok((deployment, before, service.context("no such service")?))
}

/// The container that runs the command, and what ECS says of the revision, which its log is found by.
async fn container(
    clients: &Clients,
    release: &Release,
    before: &Before,
    revision: &str,
) -> anyhow::Result<(Option<String>, Option<Value>)> {
    let described = clients.ecs.describe(revision).await.map(|call| match call {
        Call::Done(described) => Some(described),
        Call::Refused(_) => None,
    });
    if let Some(named) = &before.container {
        // It is known; only its log would be missing.
        return Ok((Some(named.clone()), described.unwrap_or_default()));
    }
    let described = described?;
    Ok((described.as_ref().and_then(|described| ours(release, described)), described))
}

/// The first container that runs an image of the release.
fn ours(release: &Release, described: &Value) -> Option<String> {
    let images: Vec<String> = release.image.iter().chain(&release.others).map(Image::reference).collect();
    let mut containers = described["taskDefinition"]["containerDefinitions"].as_array()?.iter();
    let ours = containers.find(|container| images.iter().any(|image| container["image"] == image.as_str()));
    ours?["name"].as_str().map(str::to_owned)
}

/// The last lines that it wrote. Without them it is no worse than without a log: what went wrong is in our log.
async fn written(
    clients: &Clients,
    release: &Release,
    container: Option<&str>,
    described: Option<&Value>,
    run: &Run,
) -> Vec<String> {
    let Some((container, described)) = container.zip(described) else { return Vec::new() };
    let read = log_lines(clients, described, container, &run.task, Run::LINES).await;
    read.unwrap_or_else(|error| {
        tracing::warn!(release = %release.id, task = run.task, "the log could not be read: {error:#}");
        Vec::new()
    })
}

fn ended(at: usize, run: usize, exit: Option<i32>, failure: Option<String>, log: Vec<String>) -> Fact {
    Fact::Deployment(at, DeploymentFact::RunEnded { run, exit, failure, log })
}
