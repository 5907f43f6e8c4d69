//! Releases that people ask for by name: going back to an earlier one, or taking one to an environment, without a build.

use serde::{Deserialize, Serialize};

use super::{Build, Deployment, NoEnvironment, Outcome, Person, Release, ReleaseId, ServiceDeployment, State, Verdict};

/// What someone asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Back to an earlier release, or on to this one.
    pub deed: Deed,
    /// The release whose images these are.
    pub of: ReleaseId,
    /// Its number.
    pub number: u64,
    /// Who asked, and why.
    pub person: Person,
}

/// Which way someone takes an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Back to an earlier live release: the environment is locked with it.
    Rollback,
    /// To a release by name.
    Deploy,
    /// The same release once more, from the environment on that it did not get into: as automation would take it.
    Retry,
}

/// Why a release cannot go into an environment again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAgain {
    /// Its pipeline had no such environment when it was accepted.
    #[error(transparent)]
    NoEnvironment(#[from] NoEnvironment),
    /// It was never built to the end.
    #[error("release #{0} has no image")]
    NoImage(u64),
    /// One can only go back to what was live there.
    #[error("release #{number} was never live in {environment}")]
    NeverLive {
        /// The release's number.
        number: u64,
        /// The environment.
        environment: String,
    },
}

impl Release {
    /// Whether it may be worth trying it once more: it ended, and not well, and nothing newer took its place.
    pub fn may_be_tried_again(&self) -> bool {
        match self.state {
            State::Failed | State::RolledBack | State::Cancelled => {
                self.asked.as_ref().is_none_or(|asked| asked.deed != Deed::Rollback)
            }
            State::Waiting
            | State::Requested
            | State::Building
            | State::Deploying
            | State::Built
            | State::Live
            | State::Superseded => false,
        }
    }

    /// A release that takes this one's images into an environment again: with the revisions that were live there, where they were; else
    /// with new ones.
    ///
    /// A retry goes on to the environments after that one, and locks and freezes hold it as they hold a push's.
    ///
    /// It has a number of its own, larger than all before, so that order holds; what ran before its services (migrations) does not run again
    /// for a release that was live; locks, freezes and, on the way back, approvals do not hold it.
    pub fn again(
        &self,
        id: ReleaseId,
        number: u64,
        environment: &str,
        deed: Deed,
        person: Person,
    ) -> Result<Self, NotAgain> {
        let (at, deployment) = self.deployment_to(environment)?;
        if !self.is_imaged() {
            return Err(NotAgain::NoImage(self.number));
        }
        let was_live = deployment.verdict == Some(Verdict::Live);
        if deed == Deed::Rollback && !was_live {
            return Err(NotAgain::NeverLive { number: self.number, environment: environment.to_owned() });
        }
        let last = if deed == Deed::Retry { self.deployments.len() } else { at + 1 };
        let now = person.at;
        let of = self.asked.as_ref().map_or((&self.id, self.number), |asked| (&asked.of, asked.number));
        Ok(Self {
            id,
            version: 1,
            number,
            state: State::Deploying,
            reason: None,
            delivery: String::new(),
            waits: Vec::new(),
            accepted: now,
            changed: now,
            ended: None,
            build: Build { outcome: Some(Outcome::NotStarted), ..Build::default() },
            deployments: self.deployments[at..last].iter().map(|deployment| deployment.again(deed)).collect(),
            called_off: None,
            once_more: false,
            asked: Some(Asked { deed, of: of.0.clone(), number: of.1, person }),
            wished: None,
            ..self.clone()
        })
    }
}

impl Asked {
    /// Whether it passes what holds automation: freezes, and locks.
    pub fn is_by_name(&self) -> bool {
        match self.deed {
            Deed::Rollback | Deed::Deploy => true,
            Deed::Retry => false,
        }
    }
}

impl Deployment {
    fn again(&self, deed: Deed) -> Self {
        let was_live = self.verdict == Some(Verdict::Live);
        let mut plan = self.plan.clone();
        if deed != Deed::Retry {
            plan.freeze = Vec::new();
        }
        if deed == Deed::Rollback {
            plan.approval = None;
        }
        if was_live {
            plan.before = Vec::new();
        }
        let service = |service: &ServiceDeployment| ServiceDeployment {
            service: service.service.clone(),
            again: service.task_definition.clone().filter(|_| was_live),
            ..ServiceDeployment::default()
        };
        let again = Self::of(self.environment.clone(), plan, self.services.iter().map(service).collect());
        // What was live had revisions of its scheduled tasks, too.
        Self { families: if was_live { self.families.clone() } else { again.families }, ..again }
    }
}
