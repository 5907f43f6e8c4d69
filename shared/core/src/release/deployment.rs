//! A release going into an environment: what its record holds of that.

mod apply;
mod base;
mod rollout;
mod step;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use apply::{DeploymentFact, ServiceFact};
pub use base::base;
pub use rollout::Rollout;
pub use step::{DeployStep, Passing};

use super::{Release, State, Why};
use crate::{
    config::{Environment, Plan},
    text::shorten,
};

/// One release going into one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The environment's name.
    pub environment: String,
    /// How it takes a release, as longshore.toml said when this one was accepted.
    pub plan: Plan,
    /// Its ECS services.
    pub services: Vec<ServiceDeployment>,
    /// The families of its scheduled tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
    /// What it waits for before it may go in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Obstacle>,
    /// When somebody was first asked for an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_asked: Option<Timestamp>,
    /// The answer to the question whether it may go in, where the environment asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Who tried to do what they may not; at most [`Deployment::ATTEMPTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Who lets it pass locks and freezes, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Person>,
    /// When the environment admitted the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admitted: Option<Timestamp>,
    /// When everything was found to be in place for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared: Option<Timestamp>,
    /// What was run first, in the order of the plan's `before`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// How the check goes that comes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Why its services go back to what they ran before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverting: Option<Reverting>,
    /// What went wrong beside it, and changed nothing of how it ended; at most [`Deployment::NOTES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why, where it was not `live`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One ECS service getting the image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDeployment {
    /// The service's name.
    pub service: String,
    /// The ARN of an earlier revision that it is to run again, where this release goes back to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// The ARN of the task definition that it goes back to: what it ran before ([`base`](super::base)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Who deploys it.
    #[serde(default, skip_serializing_if = "Controller::is_ecs")]
    pub controller: Controller,
    /// Whether it ran, or was on its way to, something else than its base when it was read: what a release left there that did not
    /// come to its end. Then it has to be taken to its base also where it was told nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub astray: bool,
    /// The newest service deployment that there was when it was read, by its ARN. Of those that bring this release's revision, only later ones
    /// are this release's: one that goes back brings a revision that had deployments before. ECS's own order says so, and no clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Whether no task of it is wanted: its desired count is 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idle: bool,
    /// The ARN of the new revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// Whether it runs what it is to run already, so that nothing was done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchanged: bool,
    /// When the service was told to run it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
    /// ECS's service deployment, by its ARN; CodeDeploy's deployment, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The lifecycle stages that it came to, in order; at most [`ServiceDeployment::STAGES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Passed>,
    /// What it waits for a person's answer at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// For how long it waited for people's answers, in all.
    #[serde(default, skip_serializing_if = "SignedDuration::is_zero")]
    pub paused: SignedDuration,
    /// What people answered at pauses, in order; at most [`ServiceDeployment::STAGES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answered>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What ECS said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was found about why it did not come up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Its way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Back>,
}

/// Who deploys a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Controller {
    /// ECS itself.
    #[default]
    Ecs,
    /// CodeDeploy.
    CodeDeploy,
}

impl Controller {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_ecs(&self) -> bool {
        *self == Self::Ecs
    }
}

/// A family of scheduled tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// Its name.
    pub family: String,
    /// The ARN of its new revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
}

/// What keeps a release from going in. It is looked at again and again, and nobody has to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Obstacle {
    /// Someone has to approve.
    Approval {
        /// Until when.
        expires: Timestamp,
    },
    /// longshore.toml says that nothing goes in now.
    Freeze {
        /// Until when.
        until: Timestamp,
    },
    /// Someone locked the environment.
    Lock(Lock),
}

/// A lock of an environment: nothing goes in by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Who locked it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Until when; until it is unlocked where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Whether it came with a rollback: then it goes with the next release that someone asks for by name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rollback: bool,
}

impl Lock {
    /// Whether it holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// An answer to the question whether a release may go in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Yes, or no.
    pub approved: bool,
    /// Who, and why.
    #[serde(rename = "person")]
    pub by: Person,
}

/// Someone who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their name: a Slack user's, or an AWS caller's ARN; at most 200 characters.
    pub name: String,
    /// Why they did it, in their words; at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What someone tried who may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Who.
    pub name: String,
    /// What they wanted, as it follows "may not": `decide`, `roll back`.
    #[serde(default = "Attempt::decide")]
    pub deed: String,
    /// Why not.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

impl Attempt {
    fn decide() -> String {
        "decide".to_owned()
    }
}

/// A task that ran before the services were told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its ARN.
    pub task: String,
    /// When it was started.
    pub started: Timestamp,
    /// When it was seen to have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What its container exited with; none where it never began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The last lines of its log, at most [`Run::LINES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

impl Run {
    /// How many lines of the log are kept.
    pub const LINES: usize = 50;
}

/// How a check goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Since when it is asked.
    pub since: Timestamp,
    /// How many answers in a row were wrong.
    pub failures: u32,
    /// What the last wrong one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// When it had answered well for long enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<Timestamp>,
}

impl Probe {
    /// So many wrong answers in a row are a failure.
    pub const FAILURES: u32 = 3;
}

/// Why services go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverting {
    /// The reason, in a sentence.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// A service's way back to its base.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// When it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Timestamp>,
    /// The deployment that takes it there, where that is one of its own; none where ECS turned the first one round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it did not come back, where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A lifecycle stage that a deployment came to.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// AWS's word: `POST_TEST_TRAFFIC_SHIFT`; CodeDeploy's event: `AfterAllowTestTraffic`.
    pub stage: String,
    /// When it was seen there.
    pub at: Timestamp,
}

/// A deployment that waits for a person's answer: a `PAUSE` hook.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContinueServiceDeployment.html>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The hook's id.
    pub hook: String,
    /// The stage that it is at.
    pub stage: String,
    /// When it was seen.
    pub since: Timestamp,
    /// What was answered, and by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Decision>,
}

/// An answer at a pause that was handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The stage.
    pub stage: String,
    /// On, or back; who, and why.
    pub decision: Decision,
    /// When it was handed on.
    pub at: Timestamp,
}

/// How a deployment ended. "Stable" is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The new revision serves.
    Live,
    /// Another deployment took over.
    Superseded,
    /// The service went back to its earlier revision.
    RolledBack,
    /// It failed, and nothing went back.
    Failed,
}

impl Verdict {
    /// The word of the vocabulary.
    pub fn word(self) -> &'static str {
        State::from(self).word()
    }
}

impl From<Verdict> for State {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Live => Self::Live,
            Verdict::Superseded => Self::Superseded,
            Verdict::RolledBack => Self::RolledBack,
            Verdict::Failed => Self::Failed,
        }
    }
}

/// A release goes into no environment of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("release #{number} knows no environment {environment}: it has {present}")]
pub struct NoEnvironment {
    /// The release's number.
    number: u64,
    /// The environment that was asked for.
    environment: String,
    /// Those that it has.
    present: String,
}

impl Release {
    /// Its deployment into an environment, with the position of that.
    pub fn deployment_to(&self, environment: &str) -> Result<(usize, &Deployment), NoEnvironment> {
        let mut deployments = self.deployments.iter().enumerate();
        deployments.find(|(_, deployment)| deployment.environment == environment).ok_or_else(|| NoEnvironment {
            number: self.number,
            environment: environment.to_owned(),
            present: self.deployments.iter().map(|it| it.environment.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

impl Back {
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }
}

impl Deployment {
    /// How many notes are kept.
    pub const NOTES: usize = 10;
    /// How many attempts of people who may not answer are kept.
    pub const ATTEMPTS: usize = 20;

    /// A deployment that has not begun.
    pub fn new(environment: &Environment) -> Self {
        let service = |service: &String| ServiceDeployment { service: service.clone(), ..ServiceDeployment::default() };
        Self::of(environment.name.clone(), environment.plan.clone(), environment.services.iter().map(service).collect())
    }

    /// A deployment of these services that has not begun.
    pub(super) fn of(environment: String, plan: Plan, services: Vec<ServiceDeployment>) -> Self {
        let family = |family: &String| Family { family: family.clone(), task_definition: None };
        Self {
            environment,
            services,
            families: plan.scheduled.iter().map(family).collect(),
            plan,
            held: None,
            approval_asked: None,
            decision: None,
            attempts: Vec::new(),
            overridden: None,
            admitted: None,
            cleared: None,
            runs: Vec::new(),
            probe: None,
            reverting: None,
            notes: Vec::new(),
            ended: None,
            verdict: None,
            reason: None,
        }
    }

    /// Whether a service was told to run the new revision.
    pub fn is_begun(&self) -> bool {
        self.services.iter().any(|service| service.updated.is_some())
    }

    /// Whether nothing has to be taken back, whatever happens.
    pub(super) fn is_untouched(&self) -> bool {
        !self.is_begun() && !self.services.iter().any(|service| service.astray)
    }

    /// Whether nothing had to be done: every service ran it already.
    pub fn is_unchanged(&self) -> bool {
        !self.services.is_empty() && self.services.iter().all(|service| service.unchanged)
    }

    /// Whether this is not noted yet, and there is room for it.
    pub fn is_news(&self, note: &str) -> bool {
        self.notes.len() < Self::NOTES && !self.notes.contains(&Self::note(note))
    }

    fn note(text: &str) -> String {
        shorten(text, 300)
    }

    /// Whether a person is waited for: that does not count as the deployment's time.
    pub(super) fn is_paused(&self) -> bool {
        self.services.iter().any(|service| service.pause.is_some())
    }

    /// For how long people were waited for.
    pub(super) fn paused(&self) -> SignedDuration {
        self.services.iter().map(|service| service.paused).max().unwrap_or_default()
    }

    /// Whether its time is over.
    pub(super) fn is_overdue(&self, since: Timestamp, now: Timestamp) -> bool {
        now.duration_since(since) > self.plan.timeout.max(SignedDuration::from_mins(1))
    }
}

impl ServiceDeployment {
    /// How many lifecycle stages are kept.
    pub const STAGES: usize = 40;

    /// Whether it has to be taken back when its deployment goes back: it was told, or may have been by whoever died before writing that
    /// down, and ECS did not take it back itself, nor did another deployment take over. ECS takes a service back to what it ran last to the
    /// end: for one that was astray, that is not its base.
    pub fn goes_back(&self) -> bool {
        match self.verdict {
            Some(Verdict::Superseded) => false,
            Some(Verdict::RolledBack) => self.astray,
            Some(Verdict::Live | Verdict::Failed) => self.updated.is_some() || self.astray,
            None => self.updated.is_some() || self.astray || self.task_definition.is_some(),
        }
    }
}

#[cfg(test)]
mod tests;
