//! ECS in our verbs. Task definitions go through as the JSON that ECS sent (`raw`), everything else is typed.

mod deployments;
mod raw;
mod revisions;
mod rollout;
mod service;
mod standing;
mod tasks;
mod why;

use anyhow::anyhow;
use aws_config::SdkConfig;
use aws_sdk_ecs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use longshore_aws::clients::told;

pub use super::Call;
pub use revisions::family_of;
pub use rollout::Rollout;
pub use service::{Controller, Deployment, Event, Launch, Service, Target};
pub use standing::{Answer, Pause, Stage, Standing};
pub use tasks::{RunTask, Task, TaskContainer};

/// ECS of one account and region.
#[derive(Debug, Clone)]
pub struct Services(Client);

impl Services {
    /// A client; no call is made.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self(Client::new(sdk))
    }
}

/// The number of a revision's ARN: 8 of `…:task-definition/web:8`.
pub fn revision_number(arn: &str) -> u64 {
    arn.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The last part of an ARN: what people call a task or a container.
pub fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The SDK's time as ours, to the millisecond.
fn timestamp(time: Option<&aws_sdk_ecs::primitives::DateTime>) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(time?.to_millis().ok()?).ok()
}

/// ECS's refusal where it is for good; an error where a retry may mend it.
fn refused_or<T, E: ProvideErrorMetadata, R>(error: SdkError<E, R>, what: &'static str) -> anyhow::Result<Call<T>> {
    refusal(error, what).map(Call::Refused)
}

/// Why ECS refused for good; an error where a retry may mend it.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html>, and the errors of each operation.
fn refusal<E: ProvideErrorMetadata, R>(error: SdkError<E, R>, what: &'static str) -> anyhow::Result<String> {
    const FINAL: [&str; 13] = [
        "AccessDeniedException",
        "BlockedException",
        "ClientException",
        "ClusterNotFoundException",
        "ConflictException",
        "InvalidParameterException",
        "NamespaceNotFoundException",
        "PlatformTaskDefinitionIncompatibilityException",
        "PlatformUnknownException",
        "ServiceDeploymentNotFoundException",
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
    Ok(message.or(code).unwrap_or_default().to_owned())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the last that is done with an error, and so it reads as map_err(unanswered)"
)]
fn unanswered<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> anyhow::Error {
    anyhow!(told(&error))
}
