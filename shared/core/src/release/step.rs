//! What is to be done next, read off the record.

use jiff::{SignedDuration, Timestamp};

use super::{Release, State, Verdict, Where};

/// For which kind of work a release is open: the value of the table's sparse index, by which a tick finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenFor {
    /// Its build has not ended: `trigger` looks after it.
    Build,
    /// It is being deployed: `deploy` looks after it, and `trigger` after its build where that still runs.
    Deployment,
}

impl OpenFor {
    /// The value in the index.
    pub fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Deployment => "deployment",
        }
    }
}

/// What `trigger` does next for a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildStep {
    /// Start the build.
    Start {
        /// Look for a build of this release first: the idempotency token may have lapsed since an earlier attempt.
        look_first: bool,
    },
    /// It was tried for too long: fail visibly.
    GiveUp,
    /// Read how the build is.
    Follow,
    /// Nothing.
    Nothing,
}

/// What `deploy` does next for a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeployStep {
    /// Ask the environment to admit the release.
    Admit(Where),
    /// Read which revision the service runs.
    Base(Where),
    /// Register the new revision.
    Register(Where),
    /// Tell the service to run it.
    Update(Where),
    /// Read how far ECS is.
    Follow(Where),
    /// ECS came to no verdict in time.
    GiveUp(Where),
    /// Nothing.
    Nothing,
}

impl Release {
    /// For how long a build is tried to be started.
    pub const START_LIMIT: SignedDuration = SignedDuration::from_mins(30);
    /// Within this time of its first use, an idempotency token names the same build (CodeBuild keeps it for five minutes).
    pub const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(4);
    /// For how long a service's deployment is followed.
    pub const DEPLOY_LIMIT: SignedDuration = SignedDuration::from_mins(60);

    /// What `trigger` does next.
    pub fn build_step(&self, now: Timestamp) -> BuildStep {
        let age = now.duration_since(self.accepted);
        match (&self.build.id, self.build.outcome) {
            (_, Some(_)) => BuildStep::Nothing,
            (Some(_), None) => BuildStep::Follow,
            (None, None) if self.state.is_end() => BuildStep::Nothing,
            (None, None) if age > Self::START_LIMIT => BuildStep::GiveUp,
            (None, None) => BuildStep::Start { look_first: age > Self::TOKEN_LIFE },
        }
    }

    /// What `deploy` does next. Environments are taken in order; within one, each service is brought to its update before any is
    /// followed, so that they move together.
    pub fn deploy_step(&self, now: Timestamp) -> DeployStep {
        if self.state != State::Deploying {
            return DeployStep::Nothing;
        }
        let current = self.deployments.iter().enumerate().find(|(_, d)| d.verdict != Some(Verdict::Live));
        let Some((deployment, current)) = current else { return DeployStep::Nothing };
        if current.admitted.is_none() {
            return DeployStep::Admit(Where { deployment, service: 0 });
        }
        let mut follow = None;
        for (service, state) in current.services.iter().enumerate().filter(|(_, s)| s.verdict.is_none()) {
            let at = Where { deployment, service };
            match (&state.base, &state.task_definition, state.updated) {
                (None, ..) => return DeployStep::Base(at),
                (Some(_), None, _) => return DeployStep::Register(at),
                (Some(_), Some(_), None) => return DeployStep::Update(at),
                (Some(_), Some(_), Some(updated)) => {
                    let overdue = now.duration_since(updated) > Self::DEPLOY_LIMIT;
                    follow = follow.or(Some(if overdue { DeployStep::GiveUp(at) } else { DeployStep::Follow(at) }));
                }
            }
        }
        follow.unwrap_or(DeployStep::Nothing)
    }

    /// What the release is still open for.
    pub fn open_for(&self) -> Option<OpenFor> {
        let build_runs = self.build.outcome.is_none() && (self.build.id.is_some() || !self.state.is_end());
        match self.state {
            State::Deploying => Some(OpenFor::Deployment),
            _ if build_runs => Some(OpenFor::Build),
            _ => None,
        }
    }
}
