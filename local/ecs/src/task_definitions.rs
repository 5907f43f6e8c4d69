//! Task definitions. They are kept whole, as JSON: members that this program has never heard of come back as they were given.

use local_protocol::{Answer, Refusal, arn, now};
use serde_json::{Map, Value, json};

use crate::{
    model::{State, short},
    shapes::{client, page, required},
};

impl State {
    pub fn register_task_definition(&mut self, input: Value) -> Answer {
        validate(&input)?;
        let Value::Object(mut definition) = input else { return Err(client("Invalid request.")) };
        let tags = definition.remove("tags");
        let family = definition["family"].as_str().unwrap_or_default().to_owned();
        let revisions = self.families.entry(family.clone()).or_default();
        let revision = revisions.len() + 1;
        let arn = arn("ecs", &format!("task-definition/{family}:{revision}"));
        fill(&mut definition);
        definition.insert("taskDefinitionArn".into(), json!(arn));
        definition.insert("revision".into(), json!(revision));
        definition.insert("status".into(), json!("ACTIVE"));
        definition.insert("registeredAt".into(), json!(now()));
        definition.insert("registeredBy".into(), json!(local_protocol::arn("sts", "assumed-role/local/longshore")));
        let mut answer = json!({ "taskDefinition": definition });
        revisions.push(definition);
        if let Some(Value::Array(tags)) = tags {
            answer["tags"] = json!(tags);
            self.tags.insert(arn, tags);
        }
        Ok(answer)
    }

    /// `family` (its latest ACTIVE revision), `family:revision` or an ARN.
    pub fn task_definition(&self, name: &str) -> Option<&Map<String, Value>> {
        let name = short(name);
        if let Some((family, revision)) = name.split_once(':') {
            let revision: usize = revision.parse().ok()?;
            return self.families.get(family)?.get(revision.checked_sub(1)?);
        }
        self.families.get(name)?.iter().rev().find(|definition| definition["status"] == "ACTIVE")
    }

    pub fn describe_task_definition(&self, input: &Value) -> Answer {
        let name = required(input, "taskDefinition")?;
        let definition = self.task_definition(name).ok_or_else(|| client("Unable to describe task definition."))?;
        let mut answer = json!({ "taskDefinition": definition });
        if input["include"].as_array().is_some_and(|list| list.contains(&json!("TAGS"))) {
            let tags = definition["taskDefinitionArn"].as_str().and_then(|arn| self.tags.get(arn));
            answer["tags"] = json!(tags.cloned().unwrap_or_default());
        }
        Ok(answer)
    }

    pub fn deregister_task_definition(&mut self, input: &Value) -> Answer {
        let name = short(required(input, "taskDefinition")?);
        let (family, revision) = name.split_once(':').unwrap_or((name, ""));
        let revision: usize = revision.parse().map_err(|_| client("Invalid revision number. Number: null"))?;
        let found = self.families.get_mut(family).and_then(|list| list.get_mut(revision.wrapping_sub(1)));
        let definition = found.ok_or_else(|| client("The specified task definition does not exist."))?;
        definition.insert("status".into(), json!("INACTIVE"));
        definition.insert("deregisteredAt".into(), json!(now()));
        Ok(json!({ "taskDefinition": definition }))
    }

    pub fn list_task_definitions(&self, input: &Value) -> Answer {
        let status = input["status"].as_str().unwrap_or("ACTIVE");
        let prefix = input["familyPrefix"].as_str();
        let families = self.families.iter().filter(|(family, _)| prefix.is_none_or(|prefix| family.as_str() == prefix));
        let definitions = families.flat_map(|(_, list)| list).filter(|definition| definition["status"] == status);
        let mut arns: Vec<Value> = definitions.map(|definition| definition["taskDefinitionArn"].clone()).collect();
        if input["sort"] == "DESC" {
            arns.reverse();
        }
        page(input, "taskDefinitionArns", &arns, 100)
    }

    pub fn list_task_definition_families(&self, input: &Value) -> Answer {
        let prefix = input["familyPrefix"].as_str().unwrap_or_default();
        let status = input["status"].as_str().unwrap_or("ALL");
        let families = self.families.iter().filter(|(family, revisions)| {
            let active = revisions.iter().any(|definition| definition["status"] == "ACTIVE");
            family.starts_with(prefix) && (status == "ALL" || active == (status == "ACTIVE"))
        });
        let names: Vec<Value> = families.map(|(family, _)| json!(family)).collect();
        page(input, "families", &names, 100)
    }

    /// The ARN of an ACTIVE task definition that a service or task is to use.
    pub fn usable(&self, name: &str) -> Result<String, Refusal> {
        let definition = self.task_definition(name).ok_or_else(|| client("TaskDefinition not found."))?;
        if definition["status"] != "ACTIVE" {
            return Err(client("TaskDefinition is inactive"));
        }
        Ok(definition["taskDefinitionArn"].as_str().unwrap_or_default().to_owned())
    }
}

/// What ECS adds to a definition when it registers it; nothing that was given is changed.
fn fill(definition: &mut Map<String, Value>) {
    let fargate = wants_fargate(definition);
    let awsvpc = definition.get("networkMode").is_some_and(|mode| mode == "awsvpc");
    for name in ["volumes", "placementConstraints"] {
        definition.entry(name).or_insert_with(|| json!([]));
    }
    let containers = definition.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
        container.entry("cpu").or_insert_with(|| json!(0));
        container.entry("essential").or_insert_with(|| json!(true));
        for name in ["portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"] {
            container.entry(name).or_insert_with(|| json!([]));
        }
        let mappings = container.get_mut("portMappings").and_then(Value::as_array_mut);
        for mapping in mappings.into_iter().flatten().filter_map(Value::as_object_mut) {
            mapping.entry("protocol").or_insert_with(|| json!("tcp"));
            let port = if awsvpc { mapping.get("containerPort").cloned() } else { Some(json!(0)) };
            mapping.entry("hostPort").or_insert_with(|| port.unwrap_or_default());
        }
    }
    let compatible = if fargate || awsvpc { json!(["EC2", "FARGATE"]) } else { json!(["EC2"]) };
    definition.insert("compatibilities".into(), compatible);
    let mut attributes = vec![json!({ "name": "com.amazonaws.ecs.capability.docker-remote-api.1.18" })];
    if awsvpc {
        attributes.push(json!({ "name": "ecs.capability.task-eni" }));
    }
    definition.insert("requiresAttributes".into(), json!(attributes));
}

fn wants_fargate(definition: &Map<String, Value>) -> bool {
    let list = definition.get("requiresCompatibilities").and_then(Value::as_array);
    list.is_some_and(|list| list.contains(&json!("FARGATE")))
}

/// A member of a task or container that names an amount: a number, or a text with one.
fn amount(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn validate(input: &Value) -> Result<(), Refusal> {
    let family = input["family"].as_str().unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if family.is_empty() {
        return Err(client("Family should not be null or empty."));
    }
    if family.len() > 255 || !family.chars().all(fits) {
        return Err(client(format!(
            "Invalid family name: {family}. At most 255 letters, digits, - and _ are allowed."
        )));
    }
    let containers = input["containerDefinitions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    let fields = input.as_object().cloned().unwrap_or_default();
    let mut names = Vec::new();
    for container in containers {
        let name = container["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            return Err(client("Container.name should not be null or empty."));
        }
        if name.len() > 255 || !name.chars().all(fits) {
            return Err(client(format!("Invalid container name: {name}.")));
        }
        if container["image"].as_str().unwrap_or_default().is_empty() {
            return Err(client("Container.image should not be null or empty."));
        }
        if names.contains(&name) {
            return Err(client(format!("Container names must be unique: {name} is there twice.")));
        }
        names.push(name);
        health_check(container)?;
        let lacking = crate::logs::lacking(container, wants_fargate(&fields));
        if !lacking.is_empty() {
            return Err(client(format!("Log driver awslogs requires options: {}", lacking.join(", "))));
        }
    }
    if containers.iter().all(|container| container["essential"] == false) {
        return Err(client("At least one container must be essential."));
    }
    crate::launch::order(containers).map_err(client)?;
    if wants_fargate(&fields) {
        fargate(input)?;
    } else if amount(&input["memory"]).is_none() {
        for container in containers {
            if container["memory"].is_null() && container["memoryReservation"].is_null() {
                return Err(client(format!(
                    "Invalid setting for container '{}'. At least one of 'memory' or 'memoryReservation' must be specified.",
                    container["name"].as_str().unwrap_or_default()
                )));
            }
        }
    }
    Ok(())
}

/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>.
fn health_check(container: &Value) -> Result<(), Refusal> {
    let check = &container["healthCheck"];
    if check.is_null() {
        return Ok(());
    }
    if !matches!(check["command"][0].as_str(), Some("CMD" | "CMD-SHELL" | "NONE")) {
        return Err(client("The health check command must start with CMD or CMD-SHELL."));
    }
    for (name, least, most) in [("interval", 5, 300), ("timeout", 2, 120), ("retries", 1, 10), ("startPeriod", 0, 300)]
    {
        if let Some(value) = check[name].as_i64()
            && !(least..=most).contains(&value)
        {
            return Err(client(format!("The health check's {name} must be between {least} and {most}.")));
        }
    }
    Ok(())
}

/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html>.
fn fargate(input: &Value) -> Result<(), Refusal> {
    for name in ["cpu", "memory"] {
        if input[name].is_null() {
            return Err(client(format!("Fargate requires that '{name}' be defined at the task level.")));
        }
    }
    if input["networkMode"].as_str().is_none_or(|mode| mode != "awsvpc") {
        return Err(client("Fargate only supports network mode ‘awsvpc’."));
    }
    // Units such as "1 vCPU" and "2 GB" are taken at their word.
    let (Some(cpu), Some(memory)) = (amount(&input["cpu"]), amount(&input["memory"])) else { return Ok(()) };
    let gigabytes = |range: std::ops::RangeInclusive<u64>, step: u64| {
        memory.is_multiple_of(1024) && range.contains(&(memory / 1024)) && (memory / 1024).is_multiple_of(step)
    };
    let known = match cpu {
        256 => [512, 1024, 2048].contains(&memory),
        512 => gigabytes(1..=4, 1),
        1024 => gigabytes(2..=8, 1),
        2048 => gigabytes(4..=16, 1),
        4096 => gigabytes(8..=30, 1),
        8192 => gigabytes(16..=60, 4),
        16384 => gigabytes(32..=120, 8),
        _ => false,
    };
    if known { Ok(()) } else { Err(client("No Fargate configuration exists for given values.")) }
}
