//! Deployments of a service, and the service deployments and revisions by which ECS tells about them.

use local_protocol::arn;
use serde_json::{Value, json};

use crate::{
    deployment_configuration::Strategy,
    model::{Deployment, Key, Service, ServiceDeployment, State},
    scheduler::{Rollout, stages::ALL, threshold},
    shapes::{digits, token},
    shifting::Shift,
};

impl State {
    /// Makes a deployment of what the service now says; a running one is superseded.
    pub fn deploy(&mut self, key: &Key, now: f64) {
        let Some(service) = self.services.get(key) else { return };
        let (cluster, name) = key;
        let revision = arn("ecs", &format!("service-revision/{cluster}/{name}/{}", digits()));
        let id = token();
        let service_deployment = arn("ecs", &format!("service-deployment/{cluster}/{name}/{id}"));
        let configuration = service.settings.get("deploymentConfiguration").cloned().unwrap_or_default();
        let enabled = configuration["deploymentCircuitBreaker"]["enable"] == true;
        let strategy = Strategy::of(&configuration);
        let previous = service.deployments.len();
        let blue = service.blue().cloned();
        let id_of_green = format!("ecs-svc/{}", digits());
        let stray = previous > usize::from(blue.is_some());
        let shift = Shift::begin(strategy, &configuration, &id_of_green, blue.as_ref(), stray, now);
        // Green's targets are in the group that blue's are not in; a rolling update stays where the service is.
        let alternate = match (&shift, &blue) {
            (Some(_), Some(blue)) => !blue.alternate,
            (Some(_), None) | (None, _) => service.deployments.first().is_some_and(|primary| primary.alternate),
        };
        let described = self.revision(service, &revision, alternate, now);
        let mut sources: Vec<String> = service.deployments.iter().map(|d| d.revision.clone()).collect();
        sources.dedup();
        let running = service.current.clone();
        self.revisions.insert(revision.clone(), described);
        if let Some(running) = running {
            let reason = format!("Service deployment stopped because it was superseded by service deployment {id}.");
            self.close(&running, "STOPPED", Some(reason), now);
        }
        let Some(service) = self.services.get_mut(key) else { return };
        let deployment = Deployment {
            id: id_of_green,
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
            full: true,
            production: 0,
            test: 0,
            alternate,
        };
        service.held = shift.is_some();
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
            requested: None,
            shift: shift.clone(),
        });
        match shift {
            Some(shift) => self.set_shift(key, shift, now),
            // A rolling update asks nobody what it has.
            None => service.deployments.iter_mut().for_each(|deployment| deployment.full = true),
        }
        self.in_progress(key, None, now);
    }

    /// The primary deployment is in progress: its reason, its event.
    pub fn in_progress(&mut self, key: &Key, reason: Option<String>, now: f64) {
        let Some(primary) = self.primary(key) else { return };
        let reason = reason.unwrap_or_else(|| format!("ECS deployment {} in progress.", primary.id));
        primary.rollout = Rollout::InProgress;
        primary.reason.clone_from(&reason);
        primary.updated = now;
        let id = primary.id.clone();
        self.deployment_event(key, "SERVICE_DEPLOYMENT_IN_PROGRESS", &id, &reason, now);
    }

    fn revision(&self, service: &Service, revision: &str, alternate: bool, now: f64) -> Value {
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
        let resolved = |balancer: &Value| {
            let rule = &balancer["advancedConfiguration"]["productionListenerRule"];
            json!({ "targetGroupArn": target_group(balancer, alternate), "productionListenerRule": rule })
        };
        if let Some(balancers) = service.settings.get("loadBalancers").and_then(Value::as_array) {
            let resolved: Vec<Value> = balancers.iter().map(resolved).collect();
            json["resolvedConfiguration"] = json!({ "loadBalancers": resolved });
        }
        json
    }

    pub fn primary(&mut self, key: &Key) -> Option<&mut Deployment> {
        self.services.get_mut(key)?.deployments.first_mut()
    }

    pub fn running(&mut self, key: &Key) -> Option<&mut ServiceDeployment> {
        let arn = self.services.get(key)?.current.clone()?;
        self.service_deployments.iter_mut().find(|deployment| deployment.arn == arn)
    }

    /// A service deployment ends.
    pub fn close(&mut self, arn: &str, status: &'static str, reason: Option<String>, now: f64) {
        let Some(found) = self.service_deployments.iter_mut().find(|deployment| deployment.arn == arn) else { return };
        found.status = status;
        found.updated = now;
        found.finished = Some(now);
        found.stopped = (status == "STOPPED").then_some(now);
        found.reason = reason.or(found.reason.take());
        if found.breaker.0 == "MONITORING" {
            found.breaker.0 = "MONITORING_COMPLETE";
        }
        if let Some(shift) = &mut found.shift {
            shift.abandon();
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
        service.held = false;
        let Some(primary) = service.deployments.first_mut() else { return };
        (primary.full, primary.production, primary.test) = (true, ALL, ALL);
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
}

/// The target group of a revision: that of the load balancer, or the alternate one where there is one.
pub(crate) fn target_group(balancer: &Value, alternate: bool) -> Option<&str> {
    let other = balancer["advancedConfiguration"]["alternateTargetGroupArn"].as_str().filter(|_| alternate);
    other.or(balancer["targetGroupArn"].as_str())
}
