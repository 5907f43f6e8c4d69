//! Tasks that are run once, and what became of tasks.

use std::collections::BTreeMap;

use anyhow::anyhow;
use aws_sdk_ecs::types::{self, ContainerOverride, DesiredStatus, Tag, TaskOverride};
use jiff::Timestamp;

use super::{Call, Launch, Services, last_part, refused_or, timestamp};

/// A task to be run once.
#[derive(Debug, Clone)]
pub struct RunTask<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The revision's ARN.
    pub task_definition: &'a str,
    /// How: as the service launches its tasks, in its network.
    pub launch: &'a Launch,
    /// The container whose command is replaced.
    pub container: &'a str,
    /// The words of its command. With the container's name, at most 8,192 characters as JSON.
    pub command: &'a [String],
    /// Who starts it, for `ListTasks`: at most 128 letters, digits, `-`, `_` and `/`.
    pub started_by: &'a str,
    /// Makes it one task however often it is asked for: 1 to 64 visible characters.
    /// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html>.
    pub client_token: &'a str,
    /// Its tags.
    pub tags: &'a BTreeMap<String, String>,
}

/// A task as it is.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its ARN.
    pub arn: String,
    /// Its revision's ARN.
    pub task_definition: String,
    /// PROVISIONING, PENDING, ACTIVATING, RUNNING, DEACTIVATING, STOPPING, DEPROVISIONING, STOPPED.
    pub status: String,
    /// Why it stopped, in a word: `EssentialContainerExited`, `TaskFailedToStart`, …
    pub stop_code: Option<String>,
    /// Why it stopped.
    pub reason: Option<String>,
    /// When it stopped.
    pub stopped: Option<Timestamp>,
    /// Its containers.
    pub containers: Vec<TaskContainer>,
}

/// A container of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskContainer {
    /// Its name in the task definition.
    pub name: String,
    /// How it ended; none while it runs, or where it never ran.
    pub exit_code: Option<i32>,
    /// What went wrong beside its own exit: `OutOfMemoryError: …`, `CannotPullContainerError: …`.
    pub reason: Option<String>,
}

impl Task {
    /// The last part of its ARN, which also ends the name of its log stream.
    pub fn id(&self) -> &str {
        last_part(&self.arn)
    }

    /// Whether it is over.
    pub fn is_stopped(&self) -> bool {
        self.status == "STOPPED"
    }

    /// A container of it.
    pub fn container(&self, name: &str) -> Option<&TaskContainer> {
        self.containers.iter().find(|container| container.name == name)
    }

    /// Stop code and reason, as one text for people.
    pub fn told(&self) -> String {
        match (&self.stop_code, &self.reason) {
            (Some(code), Some(reason)) => format!("{code}: {reason}"),
            (Some(text), None) | (None, Some(text)) => text.clone(),
            (None, None) => format!("it is {}", self.status),
        }
    }

    fn of(task: &types::Task) -> Self {
        let container = |container: &types::Container| TaskContainer {
            name: container.name().unwrap_or_default().to_owned(),
            exit_code: container.exit_code(),
            reason: container.reason().map(str::to_owned),
        };
        Self {
            arn: task.task_arn().unwrap_or_default().to_owned(),
            task_definition: task.task_definition_arn().unwrap_or_default().to_owned(),
            status: task.last_status().unwrap_or_default().to_owned(),
            stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
            reason: task.stopped_reason().map(str::to_owned),
            stopped: timestamp(task.stopped_at()),
            containers: task.containers().iter().map(container).collect(),
        }
    }
}

impl Services {
    /// Runs a task once; its ARN. A task that cannot be placed is a refusal with ECS's reason, such as `RESOURCE:MEMORY`.
    ///
    /// The same token with the same request answers the same task, for a day at least; with another request, which a service's
    /// changed network is enough for, the task that the token has already started is answered all the same.
    pub async fn run_task(&self, run: &RunTask<'_>) -> anyhow::Result<Call<String>> {
        let container = ContainerOverride::builder().name(run.container).set_command(Some(run.command.to_vec()));
        let overrides = TaskOverride::builder().container_overrides(container.build()).build();
        let tags = run.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let Launch { launch_type, capacity, platform_version, network } = run.launch.clone();
        let request = self
            .0
            .run_task()
            .cluster(run.cluster)
            .task_definition(run.task_definition)
            .count(1)
            .set_launch_type(launch_type)
            .set_capacity_provider_strategy((!capacity.is_empty()).then_some(capacity))
            .set_platform_version(platform_version)
            .set_network_configuration(network)
            .overrides(overrides)
            .started_by(run.started_by)
            .client_token(run.client_token)
            .set_tags((!run.tags.is_empty()).then_some(tags));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                use aws_sdk_ecs::operation::run_task::RunTaskError::ConflictException;
                return match error.as_service_error() {
                    Some(ConflictException(conflict)) if !conflict.resource_ids().is_empty() => {
                        Ok(Call::Done(conflict.resource_ids()[0].clone()))
                    }
                    _ => refused_or(error, "the task could not be run"),
                };
            }
        };
        if let Some(arn) = answer.tasks().first().and_then(|task| task.task_arn()) {
            return Ok(Call::Done(arn.to_owned()));
        }
        let failure = answer.failures().first();
        let reason = failure.and_then(|failure| failure.reason());
        let Some(reason) = reason else { return Err(anyhow!("RunTask answered neither a task nor a failure")) };
        let detail = failure.and_then(|failure| failure.detail());
        Ok(Call::Refused(detail.map_or_else(|| reason.to_owned(), |detail| format!("{reason}: {detail}"))))
    }

    /// A task; `None` where ECS does not know it: in its first moments, and about an hour after it stopped.
    pub async fn task(&self, cluster: &str, arn: &str) -> anyhow::Result<Call<Option<Task>>> {
        let arns = vec![arn.to_owned()];
        Ok(self.tasks(cluster, arns).await?.map(|tasks| tasks.into_iter().next()))
    }

    /// Stops a task; `reason` is told wherever the task is shown, at most 1,024 characters. `false` where it is not known any more.
    pub async fn stop_task(&self, cluster: &str, arn: &str, reason: &str) -> anyhow::Result<Call<bool>> {
        match self.0.stop_task().cluster(cluster).task(arn).reason(reason).send().await {
            Ok(_) => Ok(Call::Done(true)),
            Err(error) => {
                use aws_sdk_ecs::operation::stop_task::StopTaskError::InvalidParameterException;
                // "The referenced task was not found": whether it is that is asked, not read out of a sentence.
                let invalid = matches!(error.as_service_error(), Some(InvalidParameterException(_)));
                if invalid && self.task(cluster, arn).await? == Call::Done(None) {
                    return Ok(Call::Done(false));
                }
                refused_or(error, "the task could not be stopped")
            }
        }
    }

    /// Tasks of a service that stopped, of one revision: at most the newest 100 that ECS lists, in no order.
    pub(super) async fn stopped_tasks(
        &self,
        cluster: &str,
        service: &str,
        task_definition: &str,
    ) -> anyhow::Result<Call<Vec<Task>>> {
        let request = self.0.list_tasks().cluster(cluster).service_name(service);
        let listed = match request.desired_status(DesiredStatus::Stopped).send().await {
            Ok(listed) => listed.task_arns.unwrap_or_default(),
            Err(error) => return refused_or(error, "the service's tasks could not be listed"),
        };
        if listed.is_empty() {
            return Ok(Call::Done(Vec::new()));
        }
        let tasks = self.tasks(cluster, listed).await?;
        Ok(tasks.map(|tasks| tasks.into_iter().filter(|task| task.task_definition == task_definition).collect()))
    }

    async fn tasks(&self, cluster: &str, arns: Vec<String>) -> anyhow::Result<Call<Vec<Task>>> {
        match self.0.describe_tasks().cluster(cluster).set_tasks(Some(arns)).send().await {
            Ok(answer) => Ok(Call::Done(answer.tasks().iter().map(Task::of).collect())),
            Err(error) => refused_or(error, "the tasks could not be read"),
        }
    }
}
