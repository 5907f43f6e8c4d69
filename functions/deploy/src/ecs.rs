//! ECS in our verbs. Task definitions go through as the JSON that ECS sent (`raw`), everything else is typed.

mod raw;

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_ecs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{
        DeploymentController, DeploymentControllerType, ServiceDeploymentRollbackMonitorsStatus,
        ServiceDeploymentStatus, SortOrder, TaskDefinitionField,
    },
};
use longshore_aws::clients::told;
use serde_json::Value;

/// The clients of one account and region.
pub(crate) struct Services(Client);

/// What a call came to: done, or refused for good, with ECS's reason.
pub(crate) enum Call<T> {
    Done(T),
    Refused(String),
}

/// A service as it is.
pub(crate) struct Service {
    /// The ARN of the task definition of its primary deployment.
    pub(crate) task_definition: String,
}

/// How far a service deployment is.
pub(crate) enum Progress {
    /// Under way, or not seen yet.
    Under,
    /// It brought its revision.
    Successful,
    /// It went back to the revision before.
    RolledBack(Option<String>),
    /// It failed: what ECS says.
    Failed(Option<String>),
    /// It was stopped, by a person or because another took over.
    Stopped(Option<String>),
}

impl Services {
    pub(crate) fn new(sdk: &SdkConfig) -> Self {
        Self(Client::new(sdk))
    }

    /// A service that can be deployed to.
    pub(crate) async fn service(&self, cluster: &str, service: &str) -> anyhow::Result<Call<Service>> {
        let answer = self.0.describe_services().cluster(cluster).services(service).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return refused_or(error, "the service could not be read"),
        };
        let missing = || Call::Refused(format!("the cluster {cluster} has no service {service}"));
        let Some(found) = answer.services().first() else { return Ok(missing()) };
        match found.status() {
            Some("ACTIVE") => {}
            Some("INACTIVE") | None => return Ok(missing()),
            Some(status) => return Ok(Call::Refused(format!("the service {service} is {status}"))),
        }
        let controller = found.deployment_controller().map(DeploymentController::r#type);
        if let Some(other) = controller.filter(|kind| **kind != DeploymentControllerType::Ecs) {
            return Ok(Call::Refused(format!("the service {service} is under the {} controller", other.as_str())));
        }
        let task_definition = found.task_definition().context("ECS described a service without a task definition")?;
        Ok(Call::Done(Service { task_definition: task_definition.to_owned() }))
    }

    /// The whole answer of DescribeTaskDefinition, tags included.
    pub(crate) async fn describe(&self, task_definition: &str) -> anyhow::Result<Call<Value>> {
        let keep = raw::KeepAnswer::default();
        let request = self.0.describe_task_definition().task_definition(task_definition);
        let request = request.include(TaskDefinitionField::Tags).customize().interceptor(keep.clone());
        match request.send().await {
            Ok(_) => Ok(Call::Done(keep.take().context("DescribeTaskDefinition answered no JSON")?)),
            Err(error) => refused_or(error, "the task definition could not be read"),
        }
    }

    /// RegisterTaskDefinition with this very request; answers the new revision's ARN.
    pub(crate) async fn register(&self, request: &Value) -> anyhow::Result<Call<String>> {
        // The typed request is only the vehicle: its body is replaced before it is signed.
        let family = request["family"].as_str().unwrap_or_default();
        let call = self.0.register_task_definition().family(family).set_container_definitions(Some(Vec::new()));
        let answer = call.customize().interceptor(raw::SendBody::new(request)).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return refused_or(error, "the revision could not be registered"),
        };
        let arn = answer.task_definition().and_then(|registered| registered.task_definition_arn());
        Ok(Call::Done(arn.context("RegisterTaskDefinition answered no ARN")?.to_owned()))
    }

    /// The newest active revisions of a family, newest first.
    pub(crate) async fn newest_revisions(&self, family: &str) -> anyhow::Result<Call<Vec<String>>> {
        let request = self.0.list_task_definitions().family_prefix(family).sort(SortOrder::Desc).max_results(10);
        match request.send().await {
            Ok(answer) => Ok(Call::Done(answer.task_definition_arns.unwrap_or_default())),
            Err(error) => refused_or(error, "the revisions could not be listed"),
        }
    }

    /// Tells a service to run a revision.
    pub(crate) async fn update(&self, cluster: &str, service: &str, task_definition: &str) -> anyhow::Result<Call<()>> {
        let request = self.0.update_service().cluster(cluster).service(service).task_definition(task_definition);
        match request.send().await {
            Ok(_) => Ok(Call::Done(())),
            Err(error) => refused_or(error, "the service could not be updated"),
        }
    }

    /// The newest service deployment that brings this revision; `None` while ECS has not made it.
    pub(crate) async fn find_deployment(
        &self,
        cluster: &str,
        service: &str,
        task_definition: &str,
    ) -> anyhow::Result<Call<Option<String>>> {
        let request = self.0.list_service_deployments().cluster(cluster).service(service).max_results(20);
        let listed = match request.send().await {
            Ok(listed) => listed,
            Err(error) => return refused_or(error, "the service's deployments could not be listed"),
        };
        let listed = listed.service_deployments();
        let mut revisions: Vec<_> =
            listed.iter().filter_map(|d| d.target_service_revision_arn()).map(str::to_owned).collect();
        revisions.sort_unstable();
        revisions.dedup();
        if revisions.is_empty() {
            return Ok(Call::Done(None));
        }
        let request = self.0.describe_service_revisions().set_service_revision_arns(Some(revisions));
        let described = match request.send().await {
            Ok(described) => described,
            Err(error) => return refused_or(error, "the service's revisions could not be read"),
        };
        let ours = |arn: &str| {
            let mut found = described.service_revisions().iter().filter(|r| r.service_revision_arn() == Some(arn));
            found.any(|revision| revision.task_definition() == Some(task_definition))
        };
        let newest = listed
            .iter()
            .filter(|deployment| deployment.target_service_revision_arn().is_some_and(ours))
            .max_by_key(|deployment| deployment.created_at().map(|time| (time.secs(), time.subsec_nanos())));
        Ok(Call::Done(newest.and_then(|deployment| deployment.service_deployment_arn()).map(str::to_owned)))
    }

    /// How far a service deployment is. Its statuses:
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>.
    pub(crate) async fn progress(&self, arn: &str) -> anyhow::Result<Call<Progress>> {
        let request = self.0.describe_service_deployments().service_deployment_arns(arn);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return refused_or(error, "the service deployment could not be read"),
        };
        let Some(deployment) = answer.service_deployments().first() else {
            let why = answer.failures().first().and_then(|failure| failure.reason()).unwrap_or_default();
            tracing::warn!(deployment = arn, why, "ECS does not see the service deployment");
            return Ok(Call::Done(Progress::Under));
        };
        let reason = deployment.status_reason().map(str::to_owned);
        // Without a rollback, a failure that ECS detects stops the deployment, as a person's hand does.
        let triggered = Some(&ServiceDeploymentRollbackMonitorsStatus::Triggered);
        let detected = deployment.deployment_circuit_breaker().and_then(|breaker| breaker.status()) == triggered
            || deployment.alarms().and_then(|alarms| alarms.status()) == triggered;
        Ok(Call::Done(match deployment.status() {
            Some(ServiceDeploymentStatus::Successful) => Progress::Successful,
            Some(ServiceDeploymentStatus::RollbackSuccessful) => Progress::RolledBack(reason),
            Some(ServiceDeploymentStatus::RollbackFailed) => Progress::Failed(reason),
            Some(ServiceDeploymentStatus::Stopped) if detected => Progress::Failed(reason),
            Some(ServiceDeploymentStatus::Stopped) => Progress::Stopped(reason),
            _ => Progress::Under,
        }))
    }
}

/// The number of a revision's ARN: 8 of `…:task-definition/web:8`.
pub(crate) fn revision_number(arn: &str) -> u64 {
    arn.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// ECS's refusal where it is for good; an error where a retry may mend it.
fn refused_or<T, E: ProvideErrorMetadata, R>(error: SdkError<E, R>, what: &'static str) -> anyhow::Result<Call<T>> {
    const FINAL: [&str; 10] = [
        "AccessDeniedException",
        "ClientException",
        "ClusterNotFoundException",
        "InvalidParameterException",
        "NamespaceNotFoundException",
        "PlatformTaskDefinitionIncompatibilityException",
        "PlatformUnknownException",
        "ServiceNotActiveException",
        "ServiceNotFoundException",
        "UnsupportedFeatureException",
    ];
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
    // Two registrations of one family at once: the later one only has to come again.
    let passes = message.is_some_and(|message| message.contains("Too many concurrent attempts"));
    if passes || !code.is_some_and(|code| FINAL.contains(&code)) {
        return Err(unanswered(error).context(what));
    }
    Ok(Call::Refused(message.or(code).unwrap_or_default().to_owned()))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the last that is done with an error, and so it reads as map_err(unanswered)"
)]
fn unanswered<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> anyhow::Error {
    anyhow!(told(&error))
}
