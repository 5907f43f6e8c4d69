//! The service scheduler's decisions, a pure function: a service, its tasks and the time in, actions out.
//!
//! Sources: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html> for the rolling update,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html> for the circuit breaker.

pub mod stages;

/// `rolloutState` of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollout {
    /// Tasks are being replaced.
    InProgress,
    /// The service is in a steady state.
    Completed,
    /// The circuit breaker gave up, or someone stopped it.
    Failed,
}

impl Rollout {
    /// AWS's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// What the scheduler sees of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// How many tasks there should be.
    pub desired: usize,
    /// `minimumHealthyPercent`.
    pub minimum: usize,
    /// `maximumPercent`.
    pub maximum: usize,
    /// After how many failed tasks the circuit breaker gives up, where it is enabled.
    pub threshold: Option<usize>,
    /// How long all tasks must have been healthy, in seconds.
    pub steady: f64,
    /// The primary deployment's id.
    pub primary: String,
    /// How far it is.
    pub rollout: Rollout,
    /// Its failed tasks since the last healthy one.
    pub failures: usize,
    /// It starts no task before this time.
    pub not_before: f64,
    /// The tasks of the service that have not stopped, oldest first.
    pub tasks: Vec<TaskView>,
}

/// What the scheduler sees of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskView {
    /// The task's id.
    pub id: String,
    /// The deployment that it belongs to.
    pub deployment: String,
    /// It has been told to stop.
    pub stopping: bool,
    /// It no longer serves: drained, its containers ending.
    pub drained: bool,
    /// Since when it has been running and healthy.
    pub healthy_since: Option<f64>,
    /// Why it must be replaced.
    pub unhealthy: Option<String>,
    /// Its health has already been counted.
    pub credited: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Start tasks of a deployment.
    Start {
        /// The deployment's id.
        deployment: String,
        /// How many.
        count: usize,
    },
    /// Stop a task that is not needed any more.
    Stop(String),
    /// Stop a task that is unhealthy, for this reason; it counts as failed.
    Replace(String, String),
    /// A task has been healthy for long enough: the run of failures ends.
    Credit(String),
    /// The circuit breaker gives up on the primary deployment.
    Fail,
    /// The primary deployment is complete.
    Complete,
}

/// The circuit breaker's threshold: half the tasks, at least 3 and at most 200.
pub fn threshold(desired: usize) -> usize {
    desired.div_ceil(2).clamp(3, 200)
}

impl TaskView {
    /// Whether it has been healthy for so many seconds.
    pub fn steady(&self, seconds: f64, now: f64) -> bool {
        self.healthy_since.is_some_and(|since| now - since >= seconds)
    }
}

/// Whether the circuit breaker gives up.
fn broken(service: &Snapshot) -> bool {
    service.rollout == Rollout::InProgress && service.threshold.is_some_and(|limit| service.failures >= limit)
}

/// The tasks that are to stay, those that have to be replaced being so.
fn tended<'a>(service: &'a Snapshot, now: f64, actions: &mut Vec<Action>) -> Vec<&'a TaskView> {
    let mut alive: Vec<&TaskView> = service.tasks.iter().filter(|task| !task.stopping).collect();
    alive.retain(|task| match &task.unhealthy {
        Some(reason) => {
            actions.push(Action::Replace(task.id.clone(), reason.clone()));
            false
        }
        None => true,
    });
    for task in alive.iter().filter(|task| !task.credited && task.steady(service.steady, now)) {
        actions.push(Action::Credit(task.id.clone()));
    }
    alive
}

/// What a revision of a deployment that shifts traffic is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The deployment's id.
    pub deployment: String,
    /// How many tasks.
    pub wanted: usize,
    /// Whether missing ones are started at this moment.
    pub starts: bool,
}

/// What the service needs at this moment while traffic is shifted: each side as many tasks as it is to have, others none.
pub fn hold(service: &Snapshot, sides: &[Side], now: f64) -> Vec<Action> {
    if broken(service) {
        return vec![Action::Fail];
    }
    let mut actions = Vec::new();
    let alive = tended(service, now, &mut actions);
    let stop = |task: &&TaskView| Action::Stop(task.id.clone());
    actions.extend(alive.iter().filter(|task| sides.iter().all(|side| side.deployment != task.deployment)).map(stop));
    for side in sides {
        let tasks: Vec<&TaskView> = alive.iter().filter(|task| task.deployment == side.deployment).copied().collect();
        // The youngest go first.
        actions.extend(tasks.iter().skip(side.wanted).rev().map(stop));
        let count = side.wanted.saturating_sub(tasks.len());
        if count > 0 && side.starts {
            actions.push(Action::Start { deployment: side.deployment.clone(), count });
        }
    }
    actions
}

/// What the service needs at this moment.
pub fn plan(service: &Snapshot, now: f64) -> Vec<Action> {
    if broken(service) {
        return vec![Action::Fail];
    }
    let mut actions = Vec::new();
    let alive = tended(service, now, &mut actions);
    let steady = |task: &TaskView| task.steady(service.steady, now);

    let (new, old): (Vec<&TaskView>, Vec<&TaskView>) =
        alive.iter().partition(|task| task.deployment == service.primary);
    let healthy = |tasks: &[&TaskView]| tasks.iter().filter(|task| task.healthy_since.is_some()).count();
    let least = (service.desired * service.minimum).div_ceil(100);
    let most = service.desired * service.maximum / 100;

    // Old tasks go as new ones take their place, never below the minimum of healthy ones; when there is no room for a new
    // one, the minimum decides alone. Old tasks that never served go first, and need no permission.
    let mut spare = (healthy(&new) + healthy(&old)).saturating_sub(least);
    let needed = service.desired.saturating_sub(healthy(&new));
    let mut crowd = alive.len();
    let (serving, idle): (Vec<&TaskView>, Vec<&TaskView>) = old.iter().partition(|task| task.healthy_since.is_some());
    let mut stopped = 0;
    for task in &idle {
        actions.push(Action::Stop(task.id.clone()));
        stopped += 1;
        crowd -= 1;
    }
    let mut serving_left = serving.len();
    for task in &serving {
        let surplus = serving_left > needed;
        let crowded = service.rollout == Rollout::InProgress && new.len() < service.desired && crowd >= most;
        if spare == 0 || !(surplus || crowded) {
            break;
        }
        actions.push(Action::Stop(task.id.clone()));
        stopped += 1;
        spare -= 1;
        crowd -= 1;
        serving_left -= 1;
    }

    if new.len() > service.desired {
        // The youngest go first; of a primary deployment that is not healthy none is worth more than another.
        for task in new.iter().rev().take(new.len() - service.desired) {
            actions.push(Action::Stop(task.id.clone()));
        }
    } else if service.rollout != Rollout::Failed && now >= service.not_before {
        let missing = service.desired - new.len();
        let count = missing.min(most.saturating_sub(crowd));
        if count > 0 {
            actions.push(Action::Start { deployment: service.primary.clone(), count });
        }
    }

    let gone = stopped == 0 && service.tasks.iter().all(|task| task.deployment == service.primary || task.drained);
    let complete = new.len() == service.desired && new.iter().all(|task| steady(task)) && gone && old.is_empty();
    if complete && service.rollout == Rollout::InProgress {
        actions.push(Action::Complete);
    }
    actions
}

#[cfg(test)]
mod tests;
