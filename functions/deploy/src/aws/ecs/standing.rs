//! What a service deployment says of itself.

use aws_sdk_ecs::types::{
    self, DeploymentLifecycleHookAction, DeploymentLifecycleHookStatus, DeploymentLifecycleHookTargetType,
    ServiceDeploymentLifecycleStage, ServiceDeploymentRollbackMonitorsStatus, ServiceDeploymentStatus,
};
use jiff::Timestamp;
use longshore_core::release::Rollout;

use super::timestamp;

/// A service deployment as it stands.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How far it is.
    pub progress: Rollout,
    /// Whether it is going back now: what comes of it is [`Rollout::RolledBack`] or [`Rollout::Failed`].
    pub going_back: bool,
    /// Why it is so, where ECS says why.
    pub reason: Option<String>,
    /// The stage of a blue/green, linear or canary deployment; rolling ones have none.
    pub stage: Option<Stage>,
    /// The hooks that wait for an answer; more than one may, at one stage.
    pub pauses: Vec<Pause>,
    /// The ARN of the service revision that it brings.
    pub target: Option<String>,
    /// The ARN of the service revision that it goes, or went, back to.
    pub rollback: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

/// The stage of a deployment that shifts traffic, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// More than one revision was active when it began.
    ReconcileService,
    /// Before the new revision starts.
    PreScaleUp,
    /// The new revision starts.
    ScaleUp,
    /// It has started, and serves nobody.
    PostScaleUp,
    /// Test traffic goes over to it.
    TestTrafficShift,
    /// It has all test traffic.
    PostTestTrafficShift,
    /// Before production traffic goes over; with linear and canary, before each step.
    PreProductionTrafficShift,
    /// Production traffic goes over.
    ProductionTrafficShift,
    /// It has all production traffic.
    PostProductionTrafficShift,
    /// Both run for a while, the new one serves.
    BakeTime,
    /// The old one is taken down.
    CleanUp,
}

/// A `PAUSE` hook that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// What an answer names.
    pub hook: String,
    /// When ECS answers by itself.
    pub expires: Option<Timestamp>,
    /// What it answers then.
    pub by_itself: Option<Answer>,
}

/// An answer to a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// On to the next stage.
    Continue,
    /// Back to the revision before.
    RollBack,
}

impl Stage {
    /// ECS's word: `PRE_SCALE_UP`.
    pub fn word(self) -> &'static str {
        match self {
            Self::ReconcileService => "RECONCILE_SERVICE",
            Self::PreScaleUp => "PRE_SCALE_UP",
            Self::ScaleUp => "SCALE_UP",
            Self::PostScaleUp => "POST_SCALE_UP",
            Self::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Self::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Self::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Self::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Self::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            Self::BakeTime => "BAKE_TIME",
            Self::CleanUp => "CLEAN_UP",
        }
    }

    fn of(stage: &ServiceDeploymentLifecycleStage) -> Option<Self> {
        use ServiceDeploymentLifecycleStage as Theirs;
        Some(match stage {
            Theirs::ReconcileService => Self::ReconcileService,
            Theirs::PreScaleUp => Self::PreScaleUp,
            Theirs::ScaleUp => Self::ScaleUp,
            Theirs::PostScaleUp => Self::PostScaleUp,
            Theirs::TestTrafficShift => Self::TestTrafficShift,
            Theirs::PostTestTrafficShift => Self::PostTestTrafficShift,
            Theirs::ProductionTrafficShift => Self::ProductionTrafficShift,
            Theirs::PostProductionTrafficShift => Self::PostProductionTrafficShift,
            Theirs::BakeTime => Self::BakeTime,
            Theirs::CleanUp => Self::CleanUp,
            // The SDK's list lags behind the documentation's.
            other if other.as_str() == Self::PreProductionTrafficShift.word() => Self::PreProductionTrafficShift,
            _ => return None,
        })
    }
}

impl Answer {
    fn of(action: &DeploymentLifecycleHookAction) -> Option<Self> {
        match action {
            DeploymentLifecycleHookAction::Continue => Some(Self::Continue),
            DeploymentLifecycleHookAction::Rollback => Some(Self::RollBack),
            _ => None,
        }
    }
}

impl From<Answer> for DeploymentLifecycleHookAction {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Continue => Self::Continue,
            Answer::RollBack => Self::Rollback,
        }
    }
}

impl Standing {
    pub(super) fn unseen() -> Self {
        Self {
            progress: Rollout::Under,
            going_back: false,
            reason: None,
            stage: None,
            pauses: Vec::new(),
            target: None,
            rollback: None,
            created: None,
            finished: None,
        }
    }

    pub(super) fn of(deployment: &types::ServiceDeployment) -> Self {
        use ServiceDeploymentStatus as Status;
        let reason = deployment.status_reason().map(str::to_owned);
        // Without a rollback, a failure that ECS detects stops the deployment, as a person's hand does.
        let triggered = Some(&ServiceDeploymentRollbackMonitorsStatus::Triggered);
        let detected = deployment.deployment_circuit_breaker().and_then(|breaker| breaker.status()) == triggered
            || deployment.alarms().and_then(|alarms| alarms.status()) == triggered;
        let progress = match deployment.status() {
            Some(Status::Successful) => Rollout::Successful,
            Some(Status::RollbackSuccessful) => Rollout::RolledBack(reason.clone()),
            Some(Status::RollbackFailed) => Rollout::Failed(reason.clone()),
            Some(Status::Stopped) if detected => Rollout::Failed(reason.clone()),
            Some(Status::Stopped) => Rollout::Stopped(reason.clone()),
            _ => Rollout::Under,
        };
        let rollback = deployment.rollback();
        Self {
            going_back: matches!(deployment.status(), Some(Status::RollbackRequested | Status::RollbackInProgress)),
            progress,
            reason: reason.or_else(|| rollback?.reason().map(str::to_owned)),
            stage: deployment.lifecycle_stage().and_then(Stage::of),
            pauses: deployment.lifecycle_hook_details().iter().filter_map(Pause::of).collect(),
            target: deployment.target_service_revision().and_then(|revision| revision.arn()).map(str::to_owned),
            rollback: rollback.and_then(|rollback| rollback.service_revision_arn()).map(str::to_owned),
            created: timestamp(deployment.created_at()),
            finished: timestamp(deployment.finished_at().or(deployment.stopped_at())),
        }
    }
}

impl Pause {
    fn of(hook: &types::DeploymentLifecycleHookDetail) -> Option<Self> {
        let waits = hook.target_type() == Some(&DeploymentLifecycleHookTargetType::Pause)
            && hook.status() == Some(&DeploymentLifecycleHookStatus::AwaitingAction);
        waits.then_some(())?;
        Some(Self {
            hook: hook.hook_id()?.to_owned(),
            expires: timestamp(hook.expires_at()),
            by_itself: hook.timeout_action().and_then(Answer::of),
        })
    }
}
