//! Carries out what the scheduler decides.

use std::{collections::BTreeSet, sync::Arc};

use local_protocol::now;
use serde_json::Value;

use crate::{
    Timing,
    ecs::Inner,
    model::{Health, Key, State, Status, Task},
    scheduler::{Action, Snapshot, TaskView, hold, plan, threshold},
};

const IMPAIRED: usize = 3;

impl Inner {
    /// One look at every service; true when something was done.
    pub fn step(self: &Arc<Self>) -> bool {
        if self.closing.is_cancelled() {
            return false;
        }
        let now = now();
        let timing = &self.settings.quick;
        let mut state = self.state();
        let keys: Vec<Key> = state.services.keys().cloned().collect();
        let mut done = false;
        for key in keys {
            done |= state.turn(&key, timing, now);
            if let Some(service) = state.services.get(&key) {
                self.weigh(service);
            }
        }
        state.settle_deleted();
        state.forget(now);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.start(waiting);
        done
    }
}

impl State {
    /// One look at a service; true when something was done.
    pub fn turn(&mut self, key: &Key, timing: &Timing, now: f64) -> bool {
        let mut done = self.advance(key, timing, now);
        let Some(snapshot) = self.snapshot(key, timing) else { return done };
        if self.shift(key, &snapshot, timing, now) {
            return true;
        }
        let actions = self.actions(key, &snapshot, now);
        done |= !actions.is_empty();
        for action in actions {
            self.apply(key, action, timing, now);
        }
        self.steadiness(key, &snapshot, now);
        done
    }

    fn actions(&self, key: &Key, snapshot: &Snapshot, now: f64) -> Vec<Action> {
        match self.services.get(key) {
            Some(service) if service.held => hold(snapshot, &service.sides(now), now),
            Some(_) | None => plan(snapshot, now),
        }
    }

    fn snapshot(&self, key: &Key, timing: &Timing) -> Option<Snapshot> {
        let service = self.services.get(key)?;
        let primary = service.deployments.first()?;
        let configuration = service.settings.get("deploymentConfiguration").cloned().unwrap_or_default();
        let percent = |name: &str, otherwise: u64| {
            usize::try_from(configuration[name].as_u64().unwrap_or(otherwise)).unwrap_or(usize::MAX)
        };
        let tasks = self.tasks.values().filter(|task| task.service.as_ref() == Some(key));
        Some(Snapshot {
            desired: service.desired,
            minimum: percent("minimumHealthyPercent", 100),
            maximum: percent("maximumPercent", 200),
            threshold: breaker(&configuration["deploymentCircuitBreaker"], service.desired),
            steady: timing.steady.as_secs_f64(),
            primary: primary.id.clone(),
            rollout: primary.rollout,
            failures: primary.failures,
            not_before: primary.not_before,
            tasks: tasks.filter(|task| task.status != Status::Stopped).map(view).collect(),
        })
    }

    fn apply(&mut self, key: &Key, action: Action, timing: &Timing, now: f64) {
        match action {
            Action::Start { deployment, count } => {
                let ids: Vec<String> = (0..count).filter_map(|_| self.service_task(key, &deployment, now)).collect();
                self.note(key, &format!("has started {} tasks: {}.", ids.len(), listed(&ids)), now);
                for id in &ids {
                    if let Some(task) = self.tasks.get(id) {
                        self.task_event(task, now);
                    }
                }
            }
            Action::Stop(id) => {
                let Some(task) = self.tasks.get(&id) else { return };
                let deployment = task.started_by.clone().unwrap_or_default();
                let balanced = task.target.is_some();
                let reason = format!("Scaling activity initiated by (deployment {deployment})");
                self.stop_task(&id, "ServiceSchedulerInitiated", &reason, now);
                if balanced {
                    self.note(key, "has begun draining connections on 1 tasks.", now);
                }
                self.note(key, &format!("has stopped 1 running tasks: (task {id})."), now);
            }
            Action::Replace(id, reason) => {
                self.note(key, &format!("(task {id}): {reason}."), now);
                self.stop_task(&id, "ServiceSchedulerInitiated", &reason, now);
                self.count_failure(&id, timing, now);
            }
            Action::Credit(id) => {
                let Some(task) = self.tasks.get_mut(&id) else { return };
                task.credited = true;
                let deployment = task.started_by.clone();
                let Some(service) = self.services.get_mut(key) else { return };
                let found = service.deployments.iter_mut().find(|d| Some(&d.id) == deployment.as_ref());
                if let Some(found) = found {
                    found.failures = 0;
                }
            }
            Action::Fail => self.trip(key, now),
            Action::Complete => self.complete(key, now),
        }
    }

    fn note(&mut self, key: &Key, text: &str, now: f64) {
        if let Some(service) = self.services.get_mut(key) {
            service.note(text, now);
        }
    }

    /// A service that has its tasks again says so.
    fn steadiness(&mut self, key: &Key, snapshot: &Snapshot, now: f64) {
        let serving = snapshot.tasks.iter().filter(|task| task.healthy_since.is_some()).count();
        let calm = serving == snapshot.desired && snapshot.tasks.len() == serving;
        let Some(service) = self.services.get_mut(key) else { return };
        if service.current.is_some() || service.status != "ACTIVE" || service.steady == calm {
            return;
        }
        service.steady = calm;
        if calm {
            service.note("has reached a steady state.", now);
            self.service_event(key, "INFO", "SERVICE_STEADY_STATE", now);
        }
    }

    /// A task failed: its deployment waits before the next one, and the circuit breaker counts.
    pub fn count_failure(&mut self, id: &str, timing: &Timing, now: f64) {
        let Some(task) = self.tasks.get(id) else { return };
        let (Some(key), Some(deployment)) = (task.service.clone(), task.started_by.clone()) else { return };
        let Some(service) = self.services.get_mut(&key) else { return };
        let Some(found) = service.deployments.iter_mut().find(|d| d.id == deployment) else { return };
        found.failures += 1;
        found.updated = now;
        let doubled = u32::try_from(found.failures.clamp(1, 6) - 1).unwrap_or_default();
        found.not_before = now + (timing.backoff * 2_u32.pow(doubled)).as_secs_f64();
        let (failures, revision) = (found.failures, found.revision.clone());
        if let Some(running) = self.running(&key)
            && running.target == revision
            && running.rollback.is_none()
        {
            running.breaker.1 = failures;
        }
        if failures == IMPAIRED {
            self.note(&key, "is unable to consistently start tasks successfully.", now);
            self.service_event(&key, "WARN", "SERVICE_TASK_START_IMPAIRED", now);
        }
    }
}

/// The threshold, where the circuit breaker is enabled. `thresholdConfiguration` is a younger member of AWS's.
fn breaker(configuration: &Value, desired: usize) -> Option<usize> {
    if configuration["enable"] != true {
        return None;
    }
    let given = &configuration["thresholdConfiguration"];
    let value = given["value"].as_u64().and_then(|value| usize::try_from(value).ok());
    Some(match (given["type"].as_str(), value) {
        (Some("COUNT"), Some(value)) => value.max(1),
        (Some("UNBOUNDED_PERCENT"), Some(value)) => (desired * value).div_ceil(100).max(1),
        (Some("BOUNDED_PERCENT"), Some(value)) => (desired * value).div_ceil(100).clamp(3, 200),
        _ => threshold(desired),
    })
}

fn view(task: &Task) -> TaskView {
    let unhealthy = match (task.health(), task.target_health, &task.target) {
        _ if task.stop.is_some() => None,
        (Health::Unhealthy, _, _) => Some("Task failed container health checks".to_owned()),
        (_, Health::Unhealthy, Some((_, _, group))) => {
            Some(format!("Task failed ELB health checks in (target-group {group})"))
        }
        _ => None,
    };
    TaskView {
        id: task.id.clone(),
        deployment: task.started_by.clone().unwrap_or_default(),
        stopping: task.stop.is_some(),
        drained: task.status >= Status::Stopping,
        healthy_since: task.healthy_since,
        unhealthy,
        credited: task.credited,
    }
}

fn listed(ids: &[String]) -> String {
    let ids: BTreeSet<String> = ids.iter().map(|id| format!("(task {id})")).collect();
    ids.into_iter().collect::<Vec<_>>().join(" ")
}
