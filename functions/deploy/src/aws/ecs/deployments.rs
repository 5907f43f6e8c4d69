//! Service deployments: each is followed by its own ARN to its own end.

use std::cmp::Reverse;

use aws_sdk_ecs::{
    primitives::DateTime,
    types::{ServiceDeploymentBrief, StopServiceDeploymentStopType},
};
use longshore_core::release::Rollout;

use super::{Answer, Call, Services, Standing, refusal, refused_or};
use crate::aws::done;

impl Services {
    /// The newest service deployment that brings this revision, of those that came after `after`; `None` while ECS has not made it. ECS's
    /// own order says which came later, and no clock.
    pub async fn find_deployment(
        &self,
        cluster: &str,
        service: &str,
        task_definition: &str,
        after: Option<&str>,
    ) -> anyhow::Result<Call<Option<String>>> {
        let listed = done!(self.newest_first(cluster, service).await?);
        // One that is not among the newest any more is older than all of them.
        let last = listed.iter().find(|deployment| after.is_some() && deployment.service_deployment_arn() == after);
        let last = last.and_then(created);
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
        let newest = listed.into_iter().find(|deployment| {
            deployment.target_service_revision_arn().is_some_and(ours)
                && last.is_none_or(|last| created(deployment).is_some_and(|at| at > last))
        });
        Ok(Call::Done(newest.and_then(|deployment| deployment.service_deployment_arn)))
    }

    /// The newest service deployment, whatever it brings, by its ARN; `None` where ECS lists none.
    pub async fn newest_deployment(&self, cluster: &str, service: &str) -> anyhow::Result<Call<Option<String>>> {
        let newest = done!(self.newest_first(cluster, service).await?).into_iter().next();
        Ok(Call::Done(newest.and_then(|newest| newest.service_deployment_arn)))
    }

    /// The last twenty service deployments, the newest first.
    async fn newest_first(&self, cluster: &str, service: &str) -> anyhow::Result<Call<Vec<ServiceDeploymentBrief>>> {
        let request = self.0.list_service_deployments().cluster(cluster).service(service).max_results(20);
        match request.send().await {
            Ok(answer) => {
                let mut listed = answer.service_deployments.unwrap_or_default();
                listed.sort_by_key(|deployment| Reverse(created(deployment)));
                Ok(Call::Done(listed))
            }
            Err(error) => refused_or(error, "the service's deployments could not be listed"),
        }
    }

    /// How far a service deployment is.
    pub async fn progress(&self, arn: &str) -> anyhow::Result<Call<Rollout>> {
        Ok(self.standing(arn).await?.map(|standing| standing.progress))
    }

    /// A service deployment as it stands. One that ECS does not see, which happens in the first moments, is under way.
    pub async fn standing(&self, arn: &str) -> anyhow::Result<Call<Standing>> {
        let request = self.0.describe_service_deployments().service_deployment_arns(arn);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return refused_or(error, "the service deployment could not be read"),
        };
        Ok(Call::Done(answer.service_deployments().first().map_or_else(
            || {
                let why = answer.failures().first().and_then(|failure| failure.reason()).unwrap_or_default();
                tracing::warn!(deployment = arn, why, "ECS does not see the service deployment");
                Standing::unseen()
            },
            Standing::of,
        )))
    }

    /// Stops a service deployment, and has the service go back to the revision before where `rollback` says so. `false` where it was
    /// over already: its own verdict stands.
    pub async fn stop_deployment(&self, arn: &str, rollback: bool) -> anyhow::Result<Call<bool>> {
        let kind =
            if rollback { StopServiceDeploymentStopType::Rollback } else { StopServiceDeploymentStopType::Abort };
        let answer = self.0.stop_service_deployment().service_deployment_arn(arn).stop_type(kind).send().await;
        let why = match answer {
            Ok(_) => return Ok(Call::Done(true)),
            Err(error) => refusal(error, "the service deployment could not be stopped")?,
        };
        // What ECS answers about one that is over is not documented: the deployment itself says whether that is why.
        Ok(match self.progress(arn).await? {
            Call::Done(Rollout::Under) | Call::Refused(_) => Call::Refused(why),
            Call::Done(Rollout::Successful | Rollout::RolledBack(_) | Rollout::Failed(_) | Rollout::Stopped(_)) => {
                Call::Done(false)
            }
        })
    }

    /// Answers a pause. `false` where the hook no longer waits: it was answered, timed out, or its deployment is over.
    pub async fn continue_deployment(&self, arn: &str, hook: &str, answer: Answer) -> anyhow::Result<Call<bool>> {
        let request = self.0.continue_service_deployment().service_deployment_arn(arn).hook_id(hook);
        let why = match request.action(answer.into()).send().await {
            Ok(_) => return Ok(Call::Done(true)),
            Err(error) => refusal(error, "the pause could not be answered")?,
        };
        let standing = done!(self.standing(arn).await?);
        let waits = standing.pauses.iter().any(|pause| pause.hook == hook);
        Ok(if waits { Call::Refused(why) } else { Call::Done(false) })
    }
}

/// When ECS made it, in nanoseconds.
fn created(deployment: &ServiceDeploymentBrief) -> Option<i128> {
    deployment.created_at().map(DateTime::as_nanos)
}
