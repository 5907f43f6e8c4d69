//! What is to be done next, read off the record.

use jiff::{SignedDuration, Timestamp};

use super::{Release, State};

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
    /// Look how the releases are that it waits for.
    Wait,
    /// Start the build.
    Start {
        /// Look for a build of this release first: the idempotency token may have lapsed since an earlier attempt.
        look_first: bool,
    },
    /// It was tried for too long: once more, then fail visibly.
    GiveUp,
    /// Read how the build is, and where its log is.
    Follow,
    /// Stop the build: its release ended before it.
    Stop,
    /// The release ended before it was known which build it got: look for that build, which there may be none of.
    Find,
    /// Nothing.
    Nothing,
}

impl Release {
    /// After a release ended, for how long another invocation may still be about to start its build: longer than a function may run.
    pub const START_LASTS: SignedDuration = SignedDuration::from_secs(45);
    /// Within this time of its first use, an idempotency token names the same build (CodeBuild keeps it for five minutes).
    pub const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(4);

    /// What `trigger` does next.
    pub fn build_step(&self, now: Timestamp) -> BuildStep {
        match (&self.build.id, self.build.outcome) {
            (_, Some(_)) => BuildStep::Nothing,
            (Some(_), None) if self.is_build_unwanted() => BuildStep::Stop,
            (Some(_), None) => BuildStep::Follow,
            (None, None) if self.state.is_end() || self.is_imaged() => {
                let since = now.duration_since(self.ended.unwrap_or(self.changed));
                if since > Self::START_LASTS { BuildStep::Find } else { BuildStep::Nothing }
            }
            (None, None) => self.start_step(now),
        }
    }

    /// Whether nobody waits for the build: its release ended before it, and not because of it.
    fn is_build_unwanted(&self) -> bool {
        let unwanted = match self.state {
            State::Superseded | State::Cancelled => true,
            // The release was given up before it was known that it has a build. Any other failure is that of its build.
            State::Failed => self.build.started.zip(self.ended).is_some_and(|(started, ended)| started > ended),
            State::Waiting
            | State::Requested
            | State::Building
            | State::Deploying
            | State::Built
            | State::Live
            | State::RolledBack => false,
        };
        unwanted && (self.image.is_none() || self.state == State::Cancelled)
    }

    fn start_step(&self, now: Timestamp) -> BuildStep {
        let Some(due) = self.build.due else { return BuildStep::Wait };
        let age = now.duration_since(due);
        match &self.build.delay {
            _ if age > self.start_within => BuildStep::GiveUp,
            Some(delay) if now < delay.until => BuildStep::Nothing,
            _ => BuildStep::Start { look_first: age > Self::TOKEN_LIFE },
        }
    }

    /// Whether a newer push of the same branch would still take its place.
    pub fn may_be_superseded(&self) -> bool {
        let early = matches!(self.state, State::Waiting | State::Requested | State::Building);
        early && self.supersede && self.image.is_none()
    }

    /// What the release is still open for.
    pub fn open_for(&self) -> Option<OpenFor> {
        match (self.state, self.build.outcome) {
            (State::Deploying, _) => Some(OpenFor::Deployment),
            (_, None) => Some(OpenFor::Build),
            (_, Some(_)) => None,
        }
    }
}
