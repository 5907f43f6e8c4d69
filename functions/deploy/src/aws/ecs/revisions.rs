//! Task definitions.

use anyhow::Context;
use aws_sdk_ecs::types::{SortOrder, TaskDefinitionField};
use longshore_core::task_definition::read;
use serde_json::Value;

use super::{Call, Services, raw, refused_or};

impl Services {
    /// The whole answer of DescribeTaskDefinition, tags included.
    pub async fn describe(&self, task_definition: &str) -> anyhow::Result<Call<Value>> {
        let keep = raw::KeepAnswer::default();
        let request = self.0.describe_task_definition().task_definition(task_definition);
        let request = request.include(TaskDefinitionField::Tags).customize().interceptor(keep.clone());
        match request.send().await {
            Ok(_) => Ok(match read(&keep.take().context("DescribeTaskDefinition answered nothing")?) {
                Ok(described) => Call::Done(described),
                Err(lossy) => Call::Refused(format!("the task definition cannot be handed on whole: {lossy}")),
            }),
            Err(error) => refused_or(error, "the task definition could not be read"),
        }
    }

    /// RegisterTaskDefinition with this very request; the new revision's ARN, and the whole answer.
    pub async fn register(&self, request: &Value) -> anyhow::Result<Call<(String, Value)>> {
        let keep = raw::KeepAnswer::default();
        // The typed request is only the vehicle: its body is replaced before it is signed.
        let family = request["family"].as_str().unwrap_or_default();
        let call = self.0.register_task_definition().family(family).set_container_definitions(Some(Vec::new()));
        let call = call.customize().interceptor(raw::SendBody::new(request)).interceptor(keep.clone());
        let answer = call.send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return refused_or(error, "the revision could not be registered"),
        };
        let arn = answer.task_definition().and_then(|registered| registered.task_definition_arn());
        let arn = arn.context("RegisterTaskDefinition answered no ARN")?.to_owned();
        let answered = serde_json::from_slice(&keep.take().unwrap_or_default());
        Ok(Call::Done((arn, answered.context("RegisterTaskDefinition answered no JSON")?)))
    }

    /// The newest active revisions of a family, newest first.
    pub async fn newest_revisions(&self, family: &str) -> anyhow::Result<Call<Vec<String>>> {
        let request = self.0.list_task_definitions().family_prefix(family).sort(SortOrder::Desc).max_results(10);
        match request.send().await {
            Ok(answer) => Ok(Call::Done(answer.task_definition_arns.unwrap_or_default())),
            Err(error) => refused_or(error, "the revisions could not be listed"),
        }
    }

    /// The newest active revision of a family; `None` where it has none.
    pub async fn newest_of_family(&self, family: &str) -> anyhow::Result<Call<Option<String>>> {
        // `familyPrefix` is a full name, in spite of its own; what answers otherwise is not believed.
        let ours = |arn: &String| family_of(arn) == Some(family);
        Ok(self.newest_revisions(family).await?.map(|newest| newest.into_iter().find(ours)))
    }
}

/// The family of a revision's ARN, or of `family:revision`: `web` of `…:task-definition/web:8`.
pub fn family_of(revision: &str) -> Option<&str> {
    let name = revision.rsplit_once('/').map_or(revision, |(_, name)| name);
    let family = name.rsplit_once(':').map_or(name, |(family, _)| family);
    (!family.is_empty()).then_some(family)
}
