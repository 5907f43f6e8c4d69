//! Deployments of a service, and the service deployments and revisions by which ECS tells about them.
//!
//! A rollback makes the last completed deployment the primary one again, as ECS documents ("the deployment changes from a
//! COMPLETED to IN_PROGRESS"); only when nothing is left of it, a new deployment of its revision takes its place.

use local_protocol::arn;
use serde_json::{Value, json};

use crate::{
    model::{Deployment, Key, Service, ServiceDeployment, State},
    scheduler::{Rollout, threshold},
    shapes::{digits, token},
};

const OVER: &str = "Service deployment rolled back because the circuit breaker threshold was exceeded.";

impl State {
    /// Makes a deployment of what the service now says; a running one is superseded.
    pub fn deploy(&mut self, key: &Key, now: f64) {
        let Some(service) = self.services.get(key) else { return };
        let (cluster, name) = key;
        let revision = arn("ecs", &format!("service-revision/{cluster}/{name}/{}", digits()));
        let id = token();
        let service_deployment = arn("ecs", &format!("service-deployment/{cluster}/{name}/{id}"));
        self.revisions.insert(revision.clone(), self.revision(service, &revision, now));
        let configuration = service.settings.get("deploymentConfiguration").cloned().unwrap_or_default();
        let enabled = configuration["deploymentCircuitBreaker"]["enable"] == true;
        let mut sources: Vec<String> = service.deployments.iter().map(|d| d.revision.clone()).collect();
        sources.dedup();
        if let Some(running) = service.current.clone() {
            let reason = format!("Service deployment stopped because it was superseded by service deployment {id}.");
            self.close(&running, "STOPPED", Some(reason), now);
        }
        let Some(service) = self.services.get_mut(key) else { return };
        let deployment = Deployment {
            id: format!("ecs-svc/{}", digits()),
            task_definition: service.task_definition.clone(),
            revision: revision.clone(),
            created: now,
            updated: now,
            rollout: Rollout::InProgress,
            reason: String::new(),
            failures: 0,
            not_before: 0.0,
            proven: false,
            settings: service.settings.clone(),
        };
        service.deployments.insert(0, deployment);
        service.current = Some(service_deployment.clone());
        service.steady = false;
        self.service_deployments.push(ServiceDeployment {
            arn: service_deployment,
            service: key.clone(),
            created: now,
            updated: now,
            started: None,
            finished: None,
            stopped: None,
            status: "PENDING",
            reason: None,
            sources,
            target: revision,
            configuration,
            rollback: None,
            breaker: (if enabled { "MONITORING" } else { "DISABLED" }, 0, threshold(service.desired)),
        });
        self.in_progress(key, None, now);
    }

    /// The primary deployment is in progress: its reason, its event.
    fn in_progress(&mut self, key: &Key, reason: Option<String>, now: f64) {
        let Some(primary) = self.primary(key) else { return };
        let reason = reason.unwrap_or_else(|| format!("ECS deployment {} in progress.", primary.id));
        primary.rollout = Rollout::InProgress;
        primary.reason.clone_from(&reason);
        primary.updated = now;
        let id = primary.id.clone();
        self.deployment_event(key, "SERVICE_DEPLOYMENT_IN_PROGRESS", &id, &reason, now);
    }

    fn revision(&self, service: &Service, revision: &str, now: f64) -> Value {
        let containers = self.task_definition(&service.task_definition);
        let containers = containers.and_then(|definition| definition["containerDefinitions"].as_array());
        let images = containers.into_iter().flatten().map(|container| {
            let image = container["image"].as_str().unwrap_or_default();
            let mut json = json!({ "containerName": container["name"], "image": image });
            if let Some((_, digest)) = image.split_once('@') {
                json["imageDigest"] = json!(digest);
            }
            json
        });
        let mut json = json!({
            "serviceRevisionArn": revision, "serviceArn": service.arn,
            "clusterArn": arn("ecs", &format!("cluster/{}", service.key.0)),
            "taskDefinition": service.task_definition, "containerImages": images.collect::<Vec<_>>(),
            "guardDutyEnabled": false, "createdAt": now,
        });
        for name in
            ["launchType", "capacityProviderStrategy", "platformVersion", "loadBalancers", "networkConfiguration"]
        {
            crate::present::optional(&mut json, name, service.settings.get(name).cloned());
        }
        json
    }

    fn primary(&mut self, key: &Key) -> Option<&mut Deployment> {
        self.services.get_mut(key)?.deployments.first_mut()
    }

    pub fn running(&mut self, key: &Key) -> Option<&mut ServiceDeployment> {
        let arn = self.services.get(key)?.current.clone()?;
        self.service_deployments.iter_mut().find(|deployment| deployment.arn == arn)
    }

    /// A service deployment ends.
    fn close(&mut self, arn: &str, status: &'static str, reason: Option<String>, now: f64) {
        let Some(found) = self.service_deployments.iter_mut().find(|deployment| deployment.arn == arn) else { return };
        found.status = status;
        found.updated = now;
        found.finished = Some(now);
        found.stopped = (status == "STOPPED").then_some(now);
        found.reason = reason.or(found.reason.take());
        if found.breaker.0 == "MONITORING" {
            found.breaker.0 = "MONITORING_COMPLETE";
        }
        let key = found.service.clone();
        if let Some(service) = self.services.get_mut(&key) {
            service.current = None;
        }
    }

    /// The primary deployment reached a steady state.
    pub fn complete(&mut self, key: &Key, now: f64) {
        let Some(service) = self.services.get_mut(key) else { return };
        service.deployments.truncate(1);
        let Some(primary) = service.deployments.first_mut() else { return };
        let id = primary.id.clone();
        let reason = format!("ECS deployment {id} completed.");
        primary.rollout = Rollout::Completed;
        primary.reason.clone_from(&reason);
        primary.updated = now;
        primary.proven = true;
        service.completed = Some((primary.task_definition.clone(), primary.revision.clone()));
        service.note(&format!("(deployment {id}) deployment completed."), now);
        service.note("has reached a steady state.", now);
        service.steady = true;
        let running = service.current.clone();
        let back = self.running(key).is_some_and(|deployment| deployment.rollback.is_some());
        if let Some(running) = running {
            self.close(&running, if back { "ROLLBACK_SUCCESSFUL" } else { "SUCCESSFUL" }, None, now);
        }
        self.deployment_event(key, "SERVICE_DEPLOYMENT_COMPLETED", &id, &reason, now);
        self.service_event(key, "INFO", "SERVICE_STEADY_STATE", now);
    }

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
                ..service.deployments[0].clone()
            },
        };
        service.settings.extend(deployment.settings.clone());
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
        self.in_progress(key, Some(format!("{why} {id}.")), now);
    }

    /// PENDING becomes IN_PROGRESS, and what someone asked for is done.
    pub fn advance(&mut self, key: &Key, now: f64) -> bool {
        let Some(running) = self.running(key) else { return false };
        let arn = running.arn.clone();
        match running.status {
            "PENDING" => {
                running.status = "IN_PROGRESS";
                running.started = Some(now);
                running.updated = now;
            }
            "ROLLBACK_REQUESTED" => {
                self.fail(key, "ECS deployment was stopped by a user: rolling back.", now);
                let reason = "Service deployment rolled back because a user stopped it.";
                self.roll_back(key, reason, "ECS deployment was stopped by a user: rolling back to deploymentId", now);
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
