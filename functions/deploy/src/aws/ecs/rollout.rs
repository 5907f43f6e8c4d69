//! How far a service is with a revision, where it has no service deployments: those came in October 2024, and a deployment that is
//! older is told by DescribeServices alone, as are those of a region or partition that has none.

use aws_sdk_ecs::types::DeploymentRolloutState;

use super::{Call, Deployment, Services};
use crate::aws::done;

/// How far a service is with a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollout {
    /// ECS is at it, or has said nothing yet.
    Under,
    /// It brought the revision, which is the one that serves.
    Completed,
    /// It failed: what ECS says, such as the circuit breaker's going back.
    Failed(Option<String>),
    /// No deployment of the service has the revision: another took over, or a rollback did. What it was told to run instead.
    Gone {
        /// The ARN of the task definition of the primary deployment.
        now: String,
    },
}

impl Services {
    /// How far a service is with a revision: `rolloutState` of its newest deployment that has it. A service that is stable on another
    /// revision is not completed, but gone.
    pub async fn rollout(&self, cluster: &str, service: &str, task_definition: &str) -> anyhow::Result<Call<Rollout>> {
        let service = done!(self.service(cluster, service).await?);
        Ok(Call::Done(rollout(&service.deployments, &service.task_definition, task_definition)))
    }
}

fn rollout(deployments: &[Deployment], now: &str, task_definition: &str) -> Rollout {
    let ours = deployments.iter().filter(|deployment| deployment.task_definition == task_definition);
    let Some(ours) = ours.max_by_key(|deployment| (deployment.primary, deployment.created)) else {
        return Rollout::Gone { now: now.to_owned() };
    };
    match &ours.state {
        Some(DeploymentRolloutState::Failed) => Rollout::Failed(ours.reason.clone()),
        Some(DeploymentRolloutState::Completed) if ours.primary => Rollout::Completed,
        // It was completed, and is being replaced.
        Some(DeploymentRolloutState::Completed) => Rollout::Gone { now: now.to_owned() },
        _ if !ours.primary => Rollout::Gone { now: now.to_owned() },
        _ => Rollout::Under,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(revision: &str, primary: bool, state: DeploymentRolloutState) -> Deployment {
        Deployment {
            id: format!("ecs-svc/{revision}"),
            primary,
            task_definition: revision.to_owned(),
            state: Some(state),
            reason: Some("ECS deployment circuit breaker: rolling back".to_owned()),
            created: None,
        }
    }

    #[test]
    fn a_revision_is_completed_only_where_it_is_the_one_that_serves() {
        use DeploymentRolloutState::{Completed, Failed, InProgress};
        let gone = Rollout::Gone { now: "web:1".into() };
        let under = [deployment("web:2", true, InProgress), deployment("web:1", false, Completed)];
        assert_eq!(rollout(&under, "web:2", "web:2"), Rollout::Under);
        assert_eq!(rollout(&[deployment("web:2", true, Completed)], "web:2", "web:2"), Rollout::Completed);
        // The circuit breaker went back: while the failed one drains, and when it is forgotten.
        let back = [deployment("web:1", true, InProgress), deployment("web:2", false, Failed)];
        assert!(matches!(rollout(&back, "web:1", "web:2"), Rollout::Failed(Some(_))));
        assert_eq!(rollout(&[deployment("web:1", true, Completed)], "web:1", "web:2"), gone);
        // Another took over before it was done, or after.
        for state in [InProgress, Completed] {
            let over = [deployment("web:1", true, InProgress), deployment("web:2", false, state)];
            assert_eq!(rollout(&over, "web:1", "web:2"), gone);
        }
    }
}
