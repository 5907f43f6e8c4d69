//! How tasks, services and deployments look in answers and events. Member names are those of AWS's API model.

use local_protocol::arn;
use serde_json::{Map, Value, json};

use crate::{
    hooks::Hook,
    model::{Container, Deployment, Health, Service, ServiceDeployment, State, Status, Task},
    shifting::percent,
};

/// Members of a service that are given back as they were given.
pub(crate) const KEPT: [&str; 16] = [
    "loadBalancers",
    "serviceRegistries",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "deploymentConfiguration",
    "placementConstraints",
    "placementStrategy",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "schedulingStrategy",
    "deploymentController",
    "enableECSManagedTags",
    "propagateTags",
    "enableExecuteCommand",
    "availabilityZoneRebalancing",
];

impl Container {
    fn json(&self, task: &str) -> Value {
        let mut json = json!({
            "containerArn": self.arn, "taskArn": task, "name": self.name, "image": self.image,
            "lastStatus": match self.status { Status::Provisioning | Status::Pending => "PENDING", status => status.name() },
            "healthStatus": self.health.name(), "cpu": "0", "networkInterfaces": [],
        });
        let bindings: Vec<Value> = self
            .bindings
            .iter()
            .map(|(port, address)| {
                json!({
                    "bindIP": address.ip().to_string(), "containerPort": port, "hostPort": address.port(), "protocol": "tcp",
                })
            })
            .collect();
        json["networkBindings"] = Value::from(bindings);
        optional(&mut json, "imageDigest", self.digest.clone());
        optional(&mut json, "runtimeId", self.runtime.clone());
        optional(&mut json, "exitCode", self.exit_code);
        optional(&mut json, "reason", self.reason.clone());
        json
    }
}

impl Task {
    /// As `DescribeTasks` shows it; `time` writes a timestamp (a number in the API, a text in events).
    pub fn json(&self, time: &dyn Fn(f64) -> Value) -> Value {
        let containers: Vec<Value> = self.containers.iter().map(|c| c.json(&self.arn)).collect();
        let mut json = json!({
            "taskArn": self.arn,
            "clusterArn": arn("ecs", &format!("cluster/{}", self.cluster)),
            "taskDefinitionArn": self.definition["taskDefinitionArn"],
            "attachments": [], "attributes": [],
            "availabilityZone": format!("{}a", local_protocol::REGION),
            "containers": containers,
            "cpu": self.definition.get("cpu").cloned().unwrap_or_else(|| json!("0")),
            "memory": self.definition.get("memory").cloned().unwrap_or_else(|| json!("0")),
            "createdAt": time(self.created),
            "desiredStatus": if self.stop.is_some() { "STOPPED" } else { "RUNNING" },
            "lastStatus": self.status.name(),
            "healthStatus": self.health().name(),
            "group": self.group,
            "launchType": self.launch_type,
            "overrides": self.overrides,
            "enableExecuteCommand": false,
            "version": self.version,
        });
        if self.launch_type == "FARGATE" {
            json["platformVersion"] = json!("1.4.0");
            json["platformFamily"] = json!("Linux");
        }
        if self.started.is_some() {
            json["connectivity"] = json!("CONNECTED");
            optional(&mut json, "connectivityAt", self.started.map(time));
        }
        optional(&mut json, "startedBy", self.started_by.clone());
        optional(&mut json, "pullStartedAt", self.pull_started.map(time));
        optional(&mut json, "pullStoppedAt", self.pull_stopped.map(time));
        optional(&mut json, "startedAt", self.started.map(time));
        optional(&mut json, "stoppingAt", self.stopping.map(time));
        if let Some(stop) = &self.stop {
            json["stopCode"] = json!(stop.code);
            json["stoppedReason"] = json!(stop.reason);
        }
        if self.status == Status::Stopped {
            optional(&mut json, "stoppedAt", self.stopped.map(time));
            optional(&mut json, "executionStoppedAt", self.stopped.map(time));
        }
        json
    }
}

impl State {
    /// Running and pending tasks of a service, of one deployment where it is given.
    pub fn counts(&self, service: &Service, deployment: Option<&str>) -> (usize, usize) {
        let tasks = self.tasks.values().filter(|task| task.service.as_ref() == Some(&service.key));
        let tasks = tasks.filter(|task| deployment.is_none() || task.started_by.as_deref() == deployment);
        tasks.fold((0, 0), |(running, pending), task| match task.status {
            Status::Running | Status::Deactivating => (running + 1, pending),
            Status::Provisioning | Status::Pending => (running, pending + 1),
            Status::Stopping | Status::Stopped => (running, pending),
        })
    }

    fn deployment_json(&self, service: &Service, deployment: &Deployment, primary: bool) -> Value {
        let (running, pending) = self.counts(service, Some(&deployment.id));
        let mut json = json!({
            "id": deployment.id,
            "status": if primary { "PRIMARY" } else { "ACTIVE" },
            "taskDefinition": deployment.task_definition,
            "desiredCount": service.requested(deployment, primary),
            "pendingCount": pending, "runningCount": running, "failedTasks": deployment.failures,
            "createdAt": deployment.created, "updatedAt": deployment.updated,
            "rolloutState": deployment.rollout.name(), "rolloutStateReason": deployment.reason,
        });
        for name in ["capacityProviderStrategy", "launchType", "platformVersion", "networkConfiguration"] {
            optional(&mut json, name, deployment.settings.get(name).cloned());
        }
        json
    }

    /// As `DescribeServices` shows it.
    pub fn service_json(&self, service: &Service) -> Value {
        let (running, pending) = self.counts(service, None);
        let deployments: Vec<Value> =
            service.deployments.iter().enumerate().map(|(i, d)| self.deployment_json(service, d, i == 0)).collect();
        let mut json = json!({
            "serviceArn": service.arn, "serviceName": service.key.1,
            "clusterArn": arn("ecs", &format!("cluster/{}", service.key.0)),
            "loadBalancers": [], "serviceRegistries": [], "status": service.status,
            "desiredCount": service.desired, "runningCount": running, "pendingCount": pending,
            "taskDefinition": service.task_definition,
            "deployments": deployments, "events": service.events, "createdAt": service.created,
            "placementConstraints": [], "placementStrategy": [], "schedulingStrategy": "REPLICA",
            "deploymentController": { "type": "ECS" }, "enableECSManagedTags": false, "propagateTags": "NONE",
            "enableExecuteCommand": false, "availabilityZoneRebalancing": "DISABLED",
            "createdBy": format!("arn:aws:iam::{}:root", local_protocol::ACCOUNT),
        });
        for name in KEPT {
            optional(&mut json, name, service.settings.get(name).cloned());
        }
        optional(&mut json, "currentServiceDeployment", service.current.clone());
        let revisions = service.deployments.iter().map(|d| self.revision_summary(service, &d.revision, service.held));
        json["currentServiceRevisions"] = revisions.collect();
        json
    }

    /// `ServiceRevisionSummary`; `weighed`: with the traffic that it has.
    fn revision_summary(&self, service: &Service, revision: &str, weighed: bool) -> Value {
        let place = service.deployments.iter().position(|deployment| deployment.revision == revision);
        let deployment = place.and_then(|place| service.deployments.get(place));
        let (running, pending) = deployment.map_or((0, 0), |deployment| self.counts(service, Some(&deployment.id)));
        let requested = deployment.map_or(0, |deployment| service.requested(deployment, place == Some(0)));
        let mut json = json!({
            "arn": revision, "requestedTaskCount": requested, "runningTaskCount": running, "pendingTaskCount": pending,
        });
        let balanced = service.settings.get("loadBalancers").and_then(Value::as_array).is_some_and(|l| !l.is_empty());
        if weighed && balanced {
            json["requestedProductionTrafficWeight"] =
                percent(deployment.map_or(0, |deployment| deployment.production));
            json["requestedTestTrafficWeight"] = percent(deployment.map_or(0, |deployment| deployment.test));
        }
        json
    }

    /// As `DescribeServiceDeployments` shows it.
    pub fn service_deployment_json(&self, deployment: &ServiceDeployment) -> Value {
        let mut json = deployment.brief();
        if let Some(fields) = json.as_object_mut() {
            fields.remove("targetServiceRevisionArn");
        }
        json["updatedAt"] = json!(deployment.updated);
        json["deploymentConfiguration"] = deployment.configuration.clone();
        let (status, failures, threshold) = deployment.breaker;
        json["deploymentCircuitBreaker"] =
            json!({ "status": status, "failureCount": failures, "threshold": threshold });
        json["alarms"] = json!({ "status": "DISABLED" });
        optional(&mut json, "stoppedAt", deployment.stopped);
        if let Some(shift) = &deployment.shift {
            json["lifecycleStage"] = json!(shift.at.stage.name());
            json["lifecycleHookDetails"] = shift.hooks.iter().map(Hook::json).collect();
        }
        if let Some(service) = self.services.get(&deployment.service) {
            let weighed = deployment.shift.is_some();
            json["targetServiceRevision"] = self.revision_summary(service, &deployment.target, weighed);
            let sources = deployment.sources.iter().map(|arn| self.revision_summary(service, arn, weighed));
            json["sourceServiceRevisions"] = sources.collect();
        }
        if let Some((reason, started, revision)) = &deployment.rollback {
            json["rollback"] = json!({ "reason": reason, "startedAt": started, "serviceRevisionArn": revision });
        }
        json
    }
}

impl Service {
    /// How many tasks one of its deployments is to have.
    fn requested(&self, deployment: &Deployment, primary: bool) -> usize {
        let full = if self.held { deployment.full } else { primary };
        if full { self.desired } else { 0 }
    }
}

impl ServiceDeployment {
    /// As `ListServiceDeployments` shows it.
    pub fn brief(&self) -> Value {
        let mut json = json!({
            "serviceDeploymentArn": self.arn,
            "serviceArn": arn("ecs", &format!("service/{}/{}", self.service.0, self.service.1)),
            "clusterArn": arn("ecs", &format!("cluster/{}", self.service.0)),
            "createdAt": self.created, "targetServiceRevisionArn": self.target, "status": self.status,
        });
        optional(&mut json, "startedAt", self.started);
        optional(&mut json, "finishedAt", self.finished);
        optional(&mut json, "statusReason", self.reason.clone());
        json
    }
}

pub(crate) fn optional<T: Into<Value>>(json: &mut Value, name: &str, value: Option<T>) {
    if let (Some(value), Some(fields)) = (value, json.as_object_mut()) {
        fields.insert(name.into(), value.into());
    }
}

/// Only for a task that has never been seen.
pub(crate) fn fresh(task: &str, definition: &Map<String, Value>) -> Vec<Container> {
    let list = definition["containerDefinitions"].as_array().into_iter().flatten();
    let container = |json: &Value| Container {
        name: json["name"].as_str().unwrap_or_default().into(),
        arn: arn("ecs", &format!("container/{}/{}", task, crate::shapes::uuid())),
        image: json["image"].as_str().unwrap_or_default().into(),
        digest: None,
        runtime: None,
        status: Status::Pending,
        essential: json["essential"] != false,
        checked: json["healthCheck"]["command"][0].as_str().is_some_and(|word| word != "NONE"),
        health: Health::Unknown,
        exit_code: None,
        reason: None,
        bindings: Vec::new(),
    };
    list.map(container).collect()
}
