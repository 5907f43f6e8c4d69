//! Services: create, update, describe, delete, list.

use local_protocol::{Answer, Refusal, arn, now};
use serde_json::{Map, Value, json};

use crate::{
    deployment_configuration::configuration,
    model::{Key, Service, State, Status, short},
    present::KEPT,
    run_task::networked,
    shapes::{invalid, page, required, texts},
};

/// A change of one of these makes a new deployment.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>.
const DEPLOYED: [&str; 10] = [
    "taskDefinition",
    "networkConfiguration",
    "loadBalancers",
    "platformVersion",
    "capacityProviderStrategy",
    "serviceRegistries",
    "enableECSManagedTags",
    "propagateTags",
    "enableExecuteCommand",
    "serviceConnectConfiguration",
];

/// Members of a deployment configuration that only some strategies have.
const OF_A_STRATEGY: [&str; 4] = ["bakeTimeInMinutes", "lifecycleHooks", "linearConfiguration", "canaryConfiguration"];

impl State {
    pub fn create_service(&mut self, input: &Value) -> Answer {
        let cluster = self.cluster(input)?;
        let name = required(input, "serviceName")?;
        let key = (cluster.clone(), name.to_owned());
        if self.services.get(&key).is_some_and(|service| service.status == "ACTIVE") {
            return Err(invalid("Creation of service was not idempotent."));
        }
        if self.services.get(&key).is_some_and(|service| service.status == "DRAINING") {
            return Err(invalid("Unable to Start a service that is still Draining."));
        }
        if input["schedulingStrategy"] == "DAEMON" {
            return Err(invalid("the local stand-in only knows the scheduling strategy REPLICA"));
        }
        if input["deploymentController"]["type"].as_str().is_some_and(|kind| kind != "ECS") {
            return Err(invalid("the local stand-in only knows the deployment controller ECS"));
        }
        let desired = count(&input["desiredCount"])?.ok_or_else(|| invalid("desiredCount must be set."))?;
        let task_definition = self.usable(required(input, "taskDefinition")?)?;
        self.balanced(input, &task_definition)?;
        if let Some(definition) = self.task_definition(&task_definition) {
            networked(input, definition)?;
        }
        let mut settings = kept(input);
        let configuration = configuration(input.get("deploymentConfiguration"), &input["loadBalancers"])?;
        settings.insert("deploymentConfiguration".into(), configuration);
        if !settings.contains_key("launchType") && !settings.contains_key("capacityProviderStrategy") {
            settings.insert("launchType".into(), json!("EC2"));
        }
        if settings.get("launchType").is_some_and(|kind| kind == "FARGATE") {
            settings.entry("platformVersion").or_insert_with(|| json!("LATEST"));
        }
        let arn = arn("ecs", &format!("service/{cluster}/{name}"));
        if let Some(Value::Array(tags)) = input.get("tags") {
            self.tags.insert(arn.clone(), tags.clone());
        }
        let service = Service {
            key: key.clone(),
            arn,
            status: "ACTIVE",
            created: now(),
            desired,
            settings,
            task_definition: task_definition.clone(),
            deployments: Vec::new(),
            completed: None,
            events: Vec::new(),
            current: None,
            steady: false,
            held: false,
        };
        self.services.insert(key.clone(), service);
        self.deploy(&key, now());
        self.answer(&key)
    }

    /// The load balancers name containers and ports that the task definition has.
    fn balanced(&self, input: &Value, task_definition: &str) -> Result<(), Refusal> {
        let Some(definition) = self.task_definition(task_definition) else { return Ok(()) };
        for balancer in input["loadBalancers"].as_array().into_iter().flatten() {
            let name = balancer["containerName"].as_str().unwrap_or_default();
            let port = &balancer["containerPort"];
            let mut containers = definition["containerDefinitions"].as_array().into_iter().flatten();
            let container = containers.find(|container| container["name"] == name);
            let container = container
                .ok_or_else(|| invalid(format!("The container {name} does not exist in the task definition.")))?;
            let mut mappings = container["portMappings"].as_array().into_iter().flatten();
            if !mappings.any(|mapping| mapping["containerPort"] == *port) {
                return Err(invalid(format!("The container {name} did not have a container port {port} defined.")));
            }
        }
        Ok(())
    }

    pub fn update_service(&mut self, input: &Value) -> Answer {
        let key = self.service_key(input, "service")?;
        let desired = count(&input["desiredCount"])?;
        let task_definition = match input["taskDefinition"].as_str() {
            Some(name) => Some(self.usable(name)?),
            None => None,
        };
        let Some(service) = self.services.get(&key) else { return Err(missing()) };
        let mut check = json!({ "loadBalancers": service.settings.get("loadBalancers") });
        if input["loadBalancers"].is_array() {
            check["loadBalancers"] = input["loadBalancers"].clone();
        }
        let runs = task_definition.as_deref().unwrap_or(&service.task_definition);
        self.balanced(&check, runs)?;
        check["networkConfiguration"] = json!(service.settings.get("networkConfiguration"));
        if input["networkConfiguration"].is_object() {
            check["networkConfiguration"] = input["networkConfiguration"].clone();
        }
        if let Some(definition) = self.task_definition(runs) {
            networked(&check, definition)?;
        }
        let configuration = match input.get("deploymentConfiguration") {
            Some(Value::Object(given)) => {
                let mut merged = service.settings["deploymentConfiguration"].as_object().cloned().unwrap_or_default();
                // What belongs to another strategy goes with it.
                if given.get("strategy").is_some_and(|strategy| Some(strategy) != merged.get("strategy")) {
                    merged.retain(|name, _| !OF_A_STRATEGY.contains(&name.as_str()));
                }
                merged.extend(given.clone());
                Some(configuration(Some(&Value::Object(merged)), &check["loadBalancers"])?)
            }
            _ if input["loadBalancers"].is_array() => {
                let kept = &service.settings["deploymentConfiguration"];
                Some(configuration(Some(kept), &check["loadBalancers"])?)
            }
            _ => None,
        };
        let Some(service) = self.services.get_mut(&key) else { return Err(missing()) };
        let mut renewed = input["forceNewDeployment"] == true;
        if let Some(arn) = task_definition
            && arn != service.task_definition
        {
            service.task_definition = arn;
            renewed = true;
        }
        for (name, value) in kept(input) {
            renewed |= DEPLOYED.contains(&name.as_str()) && service.settings.get(&name) != Some(&value);
            service.settings.insert(name, value);
        }
        if let Some(configuration) = configuration {
            service.settings.insert("deploymentConfiguration".into(), configuration);
        }
        if let Some(desired) = desired {
            service.steady &= desired == service.desired;
            service.desired = desired;
        }
        if renewed {
            self.deploy(&key, now());
        }
        self.answer(&key)
    }

    pub fn delete_service(&mut self, input: &Value) -> Answer {
        let key = self.service_key(input, "service")?;
        let Some(service) = self.services.get_mut(&key) else { return Err(missing()) };
        if service.desired > 0 && input["force"] != true {
            return Err(invalid("The service cannot be stopped while it is scaled above 0."));
        }
        service.desired = 0;
        service.status = "DRAINING";
        self.answer(&key)
    }

    pub fn describe_services(&self, input: &Value) -> Answer {
        let cluster = self.cluster(input)?;
        let names = texts(&input["services"]);
        if names.is_empty() {
            return Err(invalid("Services cannot be empty."));
        }
        if names.len() > 10 {
            return Err(invalid("Services can have at most 10 items."));
        }
        let with_tags = texts(&input["include"]).iter().any(|member| member == "TAGS");
        let (mut services, mut failures) = (Vec::new(), Vec::new());
        for name in &names {
            if let Some(service) = self.services.get(&(cluster.clone(), short(name).to_owned())) {
                let mut json = self.service_json(service);
                if with_tags {
                    json["tags"] = json!(self.tags.get(&service.arn).cloned().unwrap_or_default());
                }
                services.push(json);
            } else {
                let arn = arn("ecs", &format!("service/{cluster}/{}", short(name)));
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
        Ok(json!({ "services": services, "failures": failures }))
    }

    pub fn list_services(&self, input: &Value) -> Answer {
        let cluster = self.cluster(input)?;
        let kind = input["launchType"].as_str();
        let services =
            self.services.values().filter(|service| service.key.0 == cluster && service.status != "INACTIVE");
        let services = services
            .filter(|service| kind.is_none_or(|kind| service.settings.get("launchType").is_some_and(|v| v == kind)));
        let arns: Vec<Value> = services.map(|service| json!(service.arn)).collect();
        page(input, "serviceArns", &arns, 10)
    }

    /// The service that a member of a request names; it must be there and ACTIVE.
    pub fn service_key(&self, input: &Value, member: &str) -> Result<Key, Refusal> {
        let cluster = self.cluster(input)?;
        let key = (cluster, short(required(input, member)?).to_owned());
        match self.services.get(&key) {
            None => Err(missing()),
            Some(service) if service.status != "ACTIVE" => {
                Err(Refusal::client("ServiceNotActiveException", "Service was not ACTIVE."))
            }
            Some(_) => Ok(key),
        }
    }

    fn answer(&self, key: &Key) -> Answer {
        let service = self.services.get(key).ok_or_else(missing)?;
        Ok(json!({ "service": self.service_json(service) }))
    }

    /// A service that was deleted and has no tasks any more is INACTIVE.
    pub fn settle_deleted(&mut self) {
        for service in self.services.values_mut().filter(|service| service.status == "DRAINING") {
            let mut tasks = self.tasks.values().filter(|task| task.service.as_ref() == Some(&service.key));
            if tasks.all(|task| task.status == Status::Stopped) {
                service.status = "INACTIVE";
                service.deployments.clear();
            }
        }
    }
}

pub(crate) fn missing() -> Refusal {
    Refusal::client("ServiceNotFoundException", "Service not found.")
}

fn kept(input: &Value) -> Map<String, Value> {
    let names = KEPT.iter().filter(|name| **name != "deploymentConfiguration");
    names.filter_map(|name| Some(((*name).to_owned(), input.get(*name).filter(|v| !v.is_null())?.clone()))).collect()
}

fn count(value: &Value) -> Result<Option<usize>, Refusal> {
    match value {
        Value::Null => Ok(None),
        value => match value.as_u64().and_then(|count| usize::try_from(count).ok()) {
            Some(count) => Ok(Some(count)),
            None => Err(invalid("desiredCount must not be negative.")),
        },
    }
}
