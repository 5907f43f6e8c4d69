//! What runs a family of task definitions on a schedule: targets of EventBridge rules, and of EventBridge Scheduler's schedules.
//!
//! They are changed as JSON: whatever a target holds beside its task definition is sent back as it came. A target that names the
//! family without a revision gets the newest one from ECS each time, and is left alone.

mod rules;
mod scheduler;

use std::fmt;

use anyhow::Context;
use aws_config::SdkConfig;
use longshore_aws::signed::{Service, Signed};
use serde_json::Value;

use super::{Call, done};

/// EventBridge and its Scheduler, of one account and region.
#[derive(Debug, Clone)]
pub struct Schedules {
    events: Signed,
    scheduler: Signed,
}

/// A target that runs a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Where it is.
    pub place: Place,
    /// The task definition that it runs, as it says it: with a revision, or without.
    pub task_definition: String,
}

/// Where a target is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A rule of the default event bus.
    Rule {
        /// Its name.
        rule: String,
        /// The target's id in it.
        target: String,
    },
    /// A schedule of EventBridge Scheduler.
    Schedule {
        /// Its group.
        group: String,
        /// Its name.
        name: String,
    },
}

/// What became of a family's targets. Nothing was changed of `same` and `following`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// Those that run the revision from now on; what they ran before is in them, to go back to.
    pub changed: Vec<Scheduled>,
    /// Those that ran it already.
    pub same: Vec<Scheduled>,
    /// Those that name no revision, and so follow the family by themselves.
    pub following: Vec<Scheduled>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { rule, target } => write!(f, "rule {rule}, target {target}"),
            Self::Schedule { group, name } => write!(f, "schedule {group}/{name}"),
        }
    }
}

impl Scheduled {
    /// Whether it names a revision, and not only the family.
    pub fn names_a_revision(&self) -> bool {
        self.task_definition.rsplit('/').next().is_some_and(|name| name.contains(':'))
    }
}

impl Schedules {
    /// Clients; no call is made.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { events: Signed::new(sdk, Service::EventBridge), scheduler: Signed::new(sdk, Service::Scheduler) }
    }

    /// The targets in a cluster, by its ARN, that run the family of this task definition (an ARN, with a revision or without).
    pub async fn of_family(&self, cluster: &str, task_definition: &str) -> anyhow::Result<Call<Vec<Scheduled>>> {
        let mut found = done!(self.rules(cluster, task_definition).await?);
        found.extend(done!(self.schedules(cluster, task_definition).await?));
        Ok(Call::Done(found.into_iter().map(|(scheduled, _)| scheduled).collect()))
    }

    /// Has every target in a cluster that runs a revision of the family run this one, by the ARNs of both. The first refusal ends it;
    /// what was changed before it stays changed, and is found as `same` when it is asked for again.
    pub async fn run(&self, cluster: &str, task_definition: &str) -> anyhow::Result<Call<Moved>> {
        let mut moved = Moved::default();
        let mut found = done!(self.rules(cluster, task_definition).await?);
        found.extend(done!(self.schedules(cluster, task_definition).await?));
        for (scheduled, value) in found {
            if moved.is_due(&scheduled, task_definition) {
                let changed = match &scheduled.place {
                    Place::Rule { rule, .. } => self.change_rule(rule, value, task_definition).await,
                    Place::Schedule { name, .. } => self.change_schedule(name, value, task_definition).await,
                };
                match changed.with_context(|| scheduled.place.to_string())? {
                    Call::Done(()) => moved.changed.push(scheduled),
                    Call::Refused(why) => return Ok(Call::Refused(format!("{}: {why}", scheduled.place))),
                }
            }
        }
        Ok(Call::Done(moved))
    }
}

impl Moved {
    /// Whether a target is to be changed; one that is not is noted.
    fn is_due(&mut self, scheduled: &Scheduled, task_definition: &str) -> bool {
        if !scheduled.names_a_revision() {
            self.following.push(scheduled.clone());
        } else if scheduled.task_definition == task_definition {
            self.same.push(scheduled.clone());
        } else {
            return true;
        }
        false
    }
}

/// What a target of a cluster runs, where it is of the family.
fn runs(target: &Value, cluster: &str, task_definition: &str) -> Option<String> {
    let runs = target["EcsParameters"]["TaskDefinitionArn"].as_str()?;
    (target["Arn"] == cluster && family(runs) == family(task_definition)).then(|| runs.to_owned())
}

/// A task definition's ARN without its revision: account and region are part of whose family it is.
fn family(task_definition: &str) -> &str {
    match task_definition.rsplit_once(':') {
        Some((family, revision)) if !revision.contains('/') => family,
        _ => task_definition,
    }
}
