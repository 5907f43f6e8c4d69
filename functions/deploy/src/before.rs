//! What runs before the services are told: a task at a time, on the new revision, in the service's network.

use anyhow::Context;
use longshore_aws::ids;
use longshore_core::{
    config::Before,
    event::STARTED_BY,
    release::{Deployment, DeploymentFact, Fact, Image, OpenFor, Release, Run, ServiceDeployment},
};

use crate::{
    Deploy,
    advance::blocked,
    aws::{
        Call, Clients,
        ecs::{RunTask, Task},
    },
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
        let Some(container) = self.container(&clients, release, before, revision).await? else {
            return Ok(Some(blocked(at, format!("before: {revision} has no container that gets an image"))));
        };
        let tags = [
            ("longshore:release".to_owned(), release.id.to_string()),
            ("longshore:commit".to_owned(), release.commit.id.clone()),
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
            let mut there = other.deployments.iter().filter(|deployment| deployment.environment == environment);
            if older && there.any(|deployment| deployment.runs.iter().any(|run| run.ended.is_none())) {
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
        let newest = self.store.environment(&release.pipeline, &deployment.environment).await?.newest;
        let newer = newest.filter(|newest| *newest > release.number);
        let Some(task) = task.filter(Task::is_stopped) else {
            if let Some(newer) = newer.filter(|_| age <= before.timeout) {
                // The newer release waits until it has stopped.
                let why = format!("release #{newer} was admitted");
                clients.ecs.stop_task(&deployment.plan.cluster, &started.task, &why).await?;
                return Ok(None);
            }
            if age <= before.timeout {
                return Ok(None);
            }
            let why = format!("it ran for longer than {} s", before.timeout.as_secs());
            if let Call::Refused(refused) = clients.ecs.stop_task(&deployment.plan.cluster, &started.task, &why).await?
            {
                tracing::warn!(release = %release.id, task = started.task, refused, "the task could not be stopped");
            }
            let log = self.task_log(&clients, release, before, service, started).await;
            return Ok(Some(ended(at, run, None, Some(why), log)));
        };
        if let Some(newer) = newer {
            return Ok(Some(Fact::Deployment(at, DeploymentFact::Overtaken(newer))));
        }
        let revision = service.task_definition.as_deref().unwrap_or_default();
        let name = self.container(&clients, release, before, revision).await?.unwrap_or_default();
        let container = task.container(&name);
        let exit = container.and_then(|container| container.exit_code);
        let failure = match exit {
            Some(0) => None,
            Some(code) => Some(format!("exit code {code}")),
            None => Some(match container.and_then(|container| container.reason.clone()) {
                Some(reason) => reason,
                None => task.told(),
            }),
        };
        let log = self.task_log(&clients, release, before, service, started).await;
        Ok(Some(ended(at, run, exit, failure, log)))
    }

    /// The container that runs the command.
    async fn container(
        &self,
        clients: &Clients,
        release: &Release,
        before: &Before,
        revision: &str,
    ) -> anyhow::Result<Option<String>> {
        if let Some(container) = &before.container {
            return Ok(Some(container.clone()));
        }
        let Call::Done(described) = clients.ecs.describe(revision).await? else { return Ok(None) };
        let images: Vec<String> = release.image.iter().chain(&release.others).map(Image::reference).collect();
        let containers = described["taskDefinition"]["containerDefinitions"].as_array().cloned().unwrap_or_default();
        let ours = containers.iter().find(|container| images.iter().any(|image| container["image"] == image.as_str()));
        Ok(ours.and_then(|container| container["name"].as_str()).map(str::to_owned))
    }

    /// The last lines that it wrote. Without them it is no worse than without a log: what went wrong is in our log.
    async fn task_log(
        &self,
        clients: &Clients,
        release: &Release,
        before: &Before,
        service: &ServiceDeployment,
        run: &Run,
    ) -> Vec<String> {
        let revision = service.task_definition.as_deref().unwrap_or_default();
        let read = async {
            let Some(container) = self.container(clients, release, before, revision).await? else {
                return Ok(Vec::new());
            };
            let Call::Done(described) = clients.ecs.describe(revision).await? else { return Ok(Vec::new()) };
            crate::why::log_lines(clients, &described, &container, &run.task, Run::LINES).await
        };
        read.await.unwrap_or_else(|error: anyhow::Error| {
            tracing::warn!(release = %release.id, task = run.task, "the log could not be read: {error:#}");
            Vec::new()
        })
    }
}

fn place(release: &Release, at: usize, run: usize) -> anyhow::Result<(&Deployment, &Before, &ServiceDeployment)> {
    let deployment = release.deployments.get(at).context("no such deployment")?;
    let before = deployment.plan.before.get(run).context("nothing to run")?;
    let service = deployment.services.iter().find(|service| service.service == before.run);
    Ok((deployment, before, service.context("no such service")?))
}

fn ended(at: usize, run: usize, exit: Option<i32>, failure: Option<String>, log: Vec<String>) -> Fact {
    Fact::Deployment(at, DeploymentFact::RunEnded { run, exit, failure, log })
}
