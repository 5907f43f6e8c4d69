//! Takes a deployment that shifts traffic through its lifecycle stages, as [`crate::scheduler::stages`] decides.

use serde_json::{Value, json};

use crate::{
    Timing,
    deployment_configuration::{Hook as Configured, Strategy},
    hooks::{Hook, HookStatus},
    model::{Deployment, Key, Service, State},
    scheduler::{
        Side, Snapshot,
        stages::{ALL, Company, Course, Next, Pace, Progress, Role, Stage, View, next, share},
    },
    shapes::id,
};

/// A service deployment that shifts traffic.
#[derive(Debug, Clone)]
pub(crate) struct Shift {
    pub course: Course,
    pub at: Progress,
    /// The deployment whose revision is to serve.
    pub green: String,
    /// The deployment whose revision serves, where there is one.
    pub blue: Option<String>,
    /// What is configured.
    configured: Vec<Configured>,
    /// What has been stopped at, oldest first.
    pub hooks: Vec<Hook>,
}

impl Shift {
    /// `None` for a rolling update.
    pub fn begin(
        strategy: Strategy,
        configuration: &Value,
        green: &str,
        blue: Option<&Deployment>,
        stray: bool,
        now: f64,
    ) -> Option<Self> {
        let configured = Configured::all(configuration);
        let asks = configured.iter().any(|hook| hook.stages.contains(&Stage::PreProductionTrafficShift));
        Some(Self {
            course: strategy.course(configuration, asks)?,
            at: Progress::begin(stray, now),
            green: green.to_owned(),
            blue: blue.map(|blue| blue.id.clone()),
            configured,
            hooks: Vec::new(),
        })
    }

    fn role(&self, deployment: &str) -> Role {
        if self.blue.as_deref() == Some(deployment) {
            Role::Blue
        } else if self.green == deployment {
            Role::Green
        } else {
            Role::Stray
        }
    }

    pub fn held(&self) -> bool {
        self.hooks.iter().any(|hook| hook.status == HookStatus::AwaitingAction)
    }

    /// Nobody can act on a hook any more.
    pub fn abandon(&mut self) {
        for hook in self.hooks.iter_mut().filter(|hook| hook.status == HookStatus::AwaitingAction) {
            hook.status = HookStatus::Failed;
        }
    }

    /// The deployment that gets the traffic.
    fn rising(&self) -> Option<&str> {
        if self.at.back { self.blue.as_deref() } else { Some(&self.green) }
    }
}

impl Service {
    /// Which of the deployments serves before a new one: the last that completed while it has its tasks, else the one with the
    /// most traffic.
    pub fn blue(&self) -> Option<&Deployment> {
        let proven = self.deployments.iter().find(|deployment| deployment.proven && deployment.full);
        let busiest = self.deployments.iter().filter(|deployment| deployment.proven || deployment.production > 0);
        proven.or_else(|| busiest.max_by_key(|deployment| deployment.production))
    }

    /// Gives each deployment what this stage makes of it.
    fn divide(&mut self, shift: &Shift) {
        for deployment in &mut self.deployments {
            let share = share(&shift.course, shift.at, shift.role(&deployment.id));
            deployment.full = share.full.unwrap_or(deployment.full);
            deployment.production = share.production.unwrap_or(deployment.production);
            deployment.test = share.test.unwrap_or(deployment.test);
        }
    }

    /// What each of the deployments is to have.
    pub fn sides(&self, now: f64) -> Vec<Side> {
        let side = |deployment: &Deployment| Side {
            deployment: deployment.id.clone(),
            wanted: if deployment.full { self.desired } else { 0 },
            starts: deployment.may_start() && now >= deployment.not_before,
        };
        self.deployments.iter().map(side).collect()
    }

    /// Traffic by deployment: production's and the test listener's; `None` where every target gets the same.
    pub fn weights(&self) -> Option<[Vec<(String, u16)>; 2]> {
        let by = |weight: fn(&Deployment) -> u16| {
            self.deployments.iter().map(|deployment| (deployment.id.clone(), weight(deployment))).collect()
        };
        self.held.then(|| [by(|deployment| deployment.production), by(|deployment| deployment.test)])
    }
}

impl State {
    /// Takes the running deployment to its next stage, where it may go there; true when something was done.
    pub fn shift(&mut self, key: &Key, snapshot: &Snapshot, timing: &Timing, now: f64) -> bool {
        let Some(running) = self.running(key) else { return false };
        if !matches!(running.status, "IN_PROGRESS" | "ROLLBACK_IN_PROGRESS") {
            return false;
        }
        let Some(mut shift) = running.shift.clone() else { return false };
        if self.expire(key, now) {
            return true;
        }
        let pace = timing.pace();
        match next(&shift.course, shift.at, view(&shift, snapshot, now), pace, now) {
            None => false,
            Some(Next::Done) => {
                self.complete(key, now);
                true
            }
            Some(Next::Enter(at)) => {
                shift.at = at;
                self.enter(key, shift, pace, now);
                true
            }
        }
    }

    fn enter(&mut self, key: &Key, mut shift: Shift, pace: Pace, now: f64) {
        let stage = shift.at.stage;
        let mut met = Vec::new();
        let hooks = shift.configured.iter().filter(|hook| hook.stages.contains(&stage) && !shift.at.back);
        for hook in hooks {
            met.push(Hook {
                id: format!("ecs-pause-{}", id()),
                stage,
                status: HookStatus::AwaitingAction,
                expires: now + f64::from(hook.minutes) * pace.minute,
                goes_on: hook.goes_on,
            });
        }
        shift.hooks.extend(met.iter().cloned());
        self.set_shift(key, shift, now);
        for hook in &met {
            self.hook_event(key, hook, now);
        }
    }

    /// The deployment is where `shift` says.
    pub fn set_shift(&mut self, key: &Key, shift: Shift, now: f64) {
        if let Some(service) = self.services.get_mut(key) {
            service.divide(&shift);
        }
        if let Some(running) = self.running(key) {
            tracing::debug!(service = %key.1, stage = shift.at.stage.name(), back = shift.at.back, "stage");
            running.shift = Some(shift);
            running.updated = now;
        }
    }

    /// The first stage of a deployment that was just made; its hooks are met.
    pub fn begin_shift(&mut self, key: &Key, timing: &Timing, now: f64) {
        if let Some(mut shift) = self.running(key).and_then(|running| running.shift.clone()) {
            shift.at.since = now;
            self.enter(key, shift, timing.pace(), now);
        }
    }

    /// Traffic goes back to the deployment that is the primary one again.
    pub fn shift_back(&mut self, key: &Key, now: f64) {
        let Some(service) = self.services.get(key) else { return };
        let (desired, held) = (service.desired, service.held);
        let Some(primary) = service.deployments.first() else { return };
        let (blue, full) = (primary.id.clone(), primary.full);
        let serving = self.tasks.values().filter(|task| task.started_by.as_ref() == Some(&blue) && task.serves());
        let ready = full && serving.count() >= desired;
        let Some(mut shift) = self.running(key).and_then(|running| running.shift.clone()).filter(|_| held) else {
            return;
        };
        shift.blue = Some(blue);
        shift.at = Progress::roll_back(ready, now);
        shift.abandon();
        self.set_shift(key, shift, now);
    }
}

impl Timing {
    fn pace(&self) -> Pace {
        Pace { minute: self.minute.as_secs_f64(), stage: self.stage.as_secs_f64() }
    }
}

fn view(shift: &Shift, snapshot: &Snapshot, now: f64) -> View {
    let serves = |wanted: &str| {
        // Blue has proved itself before: a rollback does not wait for it any longer than it must.
        let seconds = if shift.at.back { 0.0 } else { snapshot.steady };
        let tasks = snapshot.tasks.iter().filter(|task| task.deployment == wanted && !task.stopping);
        tasks.filter(|task| task.steady(seconds, now) && task.unhealthy.is_none()).count() >= snapshot.desired
    };
    let rising = shift.rising();
    let mut others = snapshot.tasks.iter().filter(|task| !task.drained && rising != Some(task.deployment.as_str()));
    let company = if others.clone().any(|task| shift.role(&task.deployment) == Role::Stray) {
        Company::Strays
    } else if others.next().is_some() {
        Company::Pair
    } else {
        Company::Alone
    };
    View { held: shift.held(), ready: rising.is_some_and(serves), company }
}

/// Tenths of a percent as percent.
pub(crate) fn percent(weight: u16) -> Value {
    json!(f64::from(weight.min(ALL)) / 10.0)
}

#[cfg(test)]
mod tests;
