//! ECS in our verbs. Task definitions go through as the JSON that ECS sent (`raw`), everything else is typed.

mod raw;

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_ecs::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    types::{
        DeploymentController, DeploymentControllerType, ServiceDeploymentRollbackMonitorsStatus,
        ServiceDeploymentStatus, SortOrder, TaskDefinitionField,
    },
};
use longshore_core::release::Verdict;
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
    /// Under way.
    Under,
    /// Ended: what became of it, and what ECS says.
    Ended(Verdict, Option<String>),
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
    pub(crate) async fn describe(&self, task_definition: &str) -> anyhow::Result<Value> {
        let keep = raw::KeepAnswer::default();
        let request = self.0.describe_task_definition().task_definition(task_definition);
        let request = request.include(TaskDefinitionField::Tags).customize().interceptor(keep.clone());
        request.send().await.map_err(unanswered).context("the task definition could not be read")?;
        keep.take().context("DescribeTaskDefinition answered no JSON")
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
    pub(crate) async fn newest_revisions(&self, family: &str) -> anyhow::Result<Vec<String>> {
        let request = self.0.list_task_definitions().family_prefix(family).sort(SortOrder::Desc).max_results(10);
        let answer = request.send().await.map_err(unanswered).context("the revisions could not be listed")?;
        Ok(answer.task_definition_arns.unwrap_or_default())
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
    ) -> anyhow::Result<Option<String>> {
        let request = self.0.list_service_deployments().cluster(cluster).service(service).max_results(20);
        let listed =
            request.send().await.map_err(unanswered).context("the service's deployments could not be listed")?;
        let listed = listed.service_deployments();
        let revisions: Vec<_> =
            listed.iter().filter_map(|d| d.target_service_revision_arn()).map(str::to_owned).collect();
        if revisions.is_empty() {
            return Ok(None);
        }
        let request = self.0.describe_service_revisions().set_service_revision_arns(Some(revisions));
        let described =
            request.send().await.map_err(unanswered).context("the service's revisions could not be read")?;
        let ours = |arn: &str| {
            let mut found = described.service_revisions().iter().filter(|r| r.service_revision_arn() == Some(arn));
            found.any(|revision| revision.task_definition() == Some(task_definition))
        };
        let newest = listed
            .iter()
            .filter(|deployment| deployment.target_service_revision_arn().is_some_and(ours))
            .max_by_key(|deployment| deployment.created_at().map(|time| (time.secs(), time.subsec_nanos())));
        Ok(newest.and_then(|deployment| deployment.service_deployment_arn()).map(str::to_owned))
    }

    /// How far a service deployment is.
    pub(crate) async fn progress(&self, arn: &str) -> anyhow::Result<Progress> {
        let request = self.0.describe_service_deployments().service_deployment_arns(arn);
        let answer = request.send().await.map_err(unanswered).context("the service deployment could not be read")?;
        let Some(deployment) = answer.service_deployments().first() else {
            // ECS keeps service deployments for ninety days; one that is gone went with its service.
            return Ok(Progress::Ended(Verdict::Failed, Some("the service deployment is gone".to_owned())));
        };
        let reason = deployment.status_reason().map(str::to_owned);
        let tripped = deployment.deployment_circuit_breaker().and_then(|breaker| breaker.status())
            == Some(&ServiceDeploymentRollbackMonitorsStatus::Triggered);
        let ended = match deployment.status() {
            Some(ServiceDeploymentStatus::Successful) => Verdict::Live,
            Some(ServiceDeploymentStatus::RollbackSuccessful) => Verdict::RolledBack,
            Some(ServiceDeploymentStatus::RollbackFailed) => Verdict::Failed,
            Some(ServiceDeploymentStatus::Stopped) if tripped => Verdict::Failed,
            Some(ServiceDeploymentStatus::Stopped) => Verdict::Superseded,
            _ => return Ok(Progress::Under),
        };
        Ok(Progress::Ended(ended, reason))
    }
}

/// The number of a revision's ARN: 8 of `…:task-definition/web:8`.
pub(crate) fn revision_number(arn: &str) -> u64 {
    arn.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// ECS's refusal where it is for good; an error where a retry may mend it.
fn refused_or<T, E, R>(error: SdkError<E, R>, what: &'static str) -> anyhow::Result<Call<T>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    const FINAL: [&str; 8] = [
        "AccessDeniedException",
        "ClientException",
        "ClusterNotFoundException",
        "InvalidParameterException",
        "PlatformUnknownException",
        "ServiceNotActiveException",
        "ServiceNotFoundException",
        "UnsupportedFeatureException",
    ];
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    if !code.is_some_and(|code| FINAL.contains(&code)) {
        return Err(unanswered(error).context(what));
    }
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
    Ok(Call::Refused(message.or(code).unwrap_or_default().to_owned()))
}

fn unanswered<E, R>(error: SdkError<E, R>) -> anyhow::Error
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    anyhow!("{}", DisplayErrorContext(error))
}
