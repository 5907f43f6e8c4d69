//! How a deployment fails, is stopped, and goes back.
//!
//! A rollback makes the last completed deployment the primary one again, as ECS documents ("the deployment changes from a
//! COMPLETED to IN_PROGRESS"); only when nothing is left of it, a new deployment of its revision takes its place. One that
//! shifted traffic takes it back before its tasks go; one that is aborted stays as it is, tasks and traffic, until the next.

use crate::{
    Timing,
    model::{Deployment, Key, State},
    scheduler::Rollout,
    shapes::digits,
};

const OVER: &str = "Service deployment rolled back because the circuit breaker threshold was exceeded.";

impl State {
    /// The circuit breaker gives up on the primary deployment, and rolls back where it may.
    pub fn trip(&mut self, key: &Key, now: f64) {
        let reason = "ECS deployment circuit breaker: tasks failed to start.";
        self.fail(key, reason, now);
        let Some(running) = self.running(key) else { return };
        running.breaker.0 = "TRIGGERED";
        let arn = running.arn.clone();
        let may = running.configuration["deploymentCircuitBreaker"]["rollback"] == true;
        if running.rollback.is_some() {
            self.close(&arn, "ROLLBACK_FAILED", None, now);
        } else if may {
            self.roll_back(key, OVER, "ECS deployment circuit breaker: rolling back to deploymentId", now);
        } else {
            let reason = "Service deployment stopped because the circuit breaker threshold was exceeded.";
            self.close(&arn, "STOPPED", Some(reason.into()), now);
        }
    }

    fn fail(&mut self, key: &Key, reason: &str, now: f64) {
        let Some(primary) = self.primary(key) else { return };
        primary.rollout = Rollout::Failed;
        primary.reason = reason.into();
        primary.updated = now;
        let id = primary.id.clone();
        self.deployment_event(key, "SERVICE_DEPLOYMENT_FAILED", &id, reason, now);
        if let Some(service) = self.services.get_mut(key) {
            service.note(&format!("(deployment {id}) deployment failed: tasks failed to start."), now);
        }
    }

    /// Goes back to the last completed deployment; `why` ends with the id of the deployment that it goes back to.
    fn roll_back(&mut self, key: &Key, reason: &str, why: &str, now: f64) {
        let Some(service) = self.services.get_mut(key) else { return };
        let arn = service.current.clone().unwrap_or_default();
        let Some((task_definition, revision)) = service.completed.clone() else {
            let reason = format!("{reason} No rollback candidate was found to run the rollback.");
            self.close(&arn, "ROLLBACK_FAILED", Some(reason), now);
            return;
        };
        service.task_definition.clone_from(&task_definition);
        let place = service.deployments.iter().position(|deployment| deployment.proven);
        let mut deployment = match place {
            Some(place) => service.deployments.remove(place),
            None => Deployment {
                id: format!("ecs-svc/{}", digits()),
                task_definition,
                revision: revision.clone(),
                created: now,
                proven: true,
                full: false,
                production: 0,
                test: 0,
                alternate: service.deployments[0].alternate != service.held,
                ..service.deployments[0].clone()
            },
        };
        // How deployments go is the service's, not a revision's.
        let kept = deployment.settings.iter().filter(|(name, _)| *name != "deploymentConfiguration");
        service.settings.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
        deployment.failures = 0;
        deployment.not_before = 0.0;
        let id = deployment.id.clone();
        service.deployments.insert(0, deployment);
        service.note(&format!("rolling back to (deployment {id})."), now);
        if let Some(running) = self.running(key) {
            running.status = "ROLLBACK_IN_PROGRESS";
            running.reason = Some(reason.into());
            running.updated = now;
            running.rollback = Some((reason.into(), now, revision));
        }
        self.shift_back(key, now);
        self.in_progress(key, Some(format!("{why} {id}.")), now);
    }

    /// PENDING becomes IN_PROGRESS, and what someone asked for is done.
    pub fn advance(&mut self, key: &Key, timing: &Timing, now: f64) -> bool {
        let Some(running) = self.running(key) else { return false };
        let arn = running.arn.clone();
        match running.status {
            "PENDING" => {
                running.status = "IN_PROGRESS";
                running.started = Some(now);
                running.updated = now;
                self.begin_shift(key, timing, now);
            }
            "ROLLBACK_REQUESTED" => {
                let reason = running.requested.take().unwrap_or_default();
                self.fail(key, &reason, now);
                self.roll_back(key, &reason, "ECS deployment rolling back to deploymentId", now);
            }
            "STOP_REQUESTED" => {
                self.fail(key, "ECS deployment was stopped by a user.", now);
                self.close(&arn, "STOPPED", Some("Service deployment stopped by a user.".into()), now);
            }
            _ => return false,
        }
        true
    }
}
