//! `RunTask`: tasks of their own, once per client token.
//! Sources: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html>.

use local_protocol::{Answer, Refusal};
use serde_json::{Map, Value, json};

use crate::{
    model::State,
    shapes::{client, invalid, required},
};

/// How long a client token is remembered, in seconds.
const REMEMBERED: f64 = 24.0 * 3600.0;
/// How long a client token may be, in characters.
const LONGEST_TOKEN: usize = 64;
/// How long `startedBy` may be, in characters.
const LONGEST_STARTER: usize = 128;
/// How long overrides may be, as JSON, in characters.
const LONGEST_OVERRIDES: usize = 8192;

/// What a client token was used for.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    request: Value,
    answer: Value,
    tasks: Vec<String>,
    at: f64,
}

impl State {
    pub fn run_task(&mut self, input: &Value, now: f64) -> Answer {
        let cluster = self.cluster(input)?;
        self.tokens.retain(|_, token| now - token.at < REMEMBERED);
        let token = match input["clientToken"].as_str() {
            Some(token) if token.chars().count() > LONGEST_TOKEN => {
                return Err(invalid(format!("clientToken can not be longer than {LONGEST_TOKEN} characters.")));
            }
            Some(token) => Some((cluster.clone(), token.to_owned())),
            None => None,
        };
        if let Some(seen) = token.as_ref().and_then(|token| self.tokens.get(token)) {
            if seen.request != *input {
                let message = "The client token was used already with other parameters.";
                return Err(Refusal::client("ConflictException", message));
            }
            return Ok(self.again(seen));
        }
        let (answer, tasks) = self.run_new(&cluster, input, now)?;
        if let Some(token) = token {
            let seen = Token { request: input.clone(), answer: answer.clone(), tasks, at: now };
            self.tokens.insert(token, seen);
        }
        Ok(answer)
    }

    /// The tasks that a token started, as they are now; those that were forgotten as they were.
    fn again(&self, seen: &Token) -> Value {
        let mut answer = seen.answer.clone();
        for (place, id) in seen.tasks.iter().enumerate() {
            if let Some(task) = self.tasks.get(id) {
                answer["tasks"][place] = task.json(&|time| json!(time));
            }
        }
        answer
    }

    fn run_new(&mut self, cluster: &str, input: &Value, now: f64) -> Result<(Value, Vec<String>), Refusal> {
        let found = self.task_definition(required(input, "taskDefinition")?);
        let definition = found.ok_or_else(|| client("TaskDefinition not found."))?.clone();
        if definition["status"] != "ACTIVE" {
            return Err(client("TaskDefinition is inactive"));
        }
        let count = match &input["count"] {
            Value::Null => 1,
            count => count
                .as_u64()
                .filter(|count| (1..=10).contains(count))
                .ok_or_else(|| invalid("count must be between 1 and 10."))?,
        };
        if input["startedBy"].as_str().is_some_and(|starter| starter.chars().count() > LONGEST_STARTER) {
            return Err(invalid(format!("startedBy can not be longer than {LONGEST_STARTER} characters.")));
        }
        launchable(input, &definition)?;
        networked(input, &definition)?;
        overridable(&input["overrides"], &definition)?;
        let family = definition["family"].as_str().unwrap_or_default();
        let group = input["group"].as_str().map_or_else(|| format!("family:{family}"), str::to_owned);
        let (mut tasks, mut ids) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let task = self.add_task(cluster, definition.clone(), group.clone(), now);
            if input["overrides"].is_object() {
                task.overrides = input["overrides"].clone();
            }
            task.started_by = input["startedBy"].as_str().map(str::to_owned);
            input["launchType"].as_str().unwrap_or("EC2").clone_into(&mut task.launch_type);
            let task = task.clone();
            tasks.push(task.json(&|time| json!(time)));
            ids.push(task.id.clone());
            if let Some(tags) = input["tags"].as_array() {
                self.tags.insert(task.arn.clone(), tags.clone());
            }
            self.task_event(&task, now);
        }
        Ok((json!({ "tasks": tasks, "failures": [] }), ids))
    }
}

/// The launch type is one that the task definition was validated for.
fn launchable(input: &Value, definition: &Map<String, Value>) -> Result<(), Refusal> {
    let strategy = input["capacityProviderStrategy"].as_array().is_some_and(|list| !list.is_empty());
    match input["launchType"].as_str() {
        Some(_) if strategy => Err(invalid("A launch type and a capacity provider strategy can not both be given.")),
        Some(kind @ ("EC2" | "FARGATE")) => {
            let compatible = definition["compatibilities"].as_array().is_some_and(|list| list.contains(&json!(kind)));
            if compatible {
                return Ok(());
            }
            Err(invalid(format!("Task definition does not support launch_type {kind}.")))
        }
        Some(other) => {
            Err(invalid(format!("the local stand-in only knows the launch types EC2 and FARGATE, not {other}")))
        }
        None => Ok(()),
    }
}

/// Tasks in `awsvpc` mode say where, and no others do.
pub(crate) fn networked(input: &Value, definition: &Map<String, Value>) -> Result<(), Refusal> {
    let configuration = &input["networkConfiguration"]["awsvpcConfiguration"];
    let awsvpc = definition.get("networkMode").is_some_and(|mode| mode == "awsvpc");
    if !awsvpc {
        if configuration.is_null() {
            return Ok(());
        }
        return Err(invalid("Network Configuration is not valid for the given networkMode of this task definition."));
    }
    if configuration.is_null() {
        return Err(invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified."));
    }
    if configuration["subnets"].as_array().is_none_or(Vec::is_empty) {
        return Err(invalid("subnets can not be empty."));
    }
    match configuration["assignPublicIp"].as_str() {
        None | Some("ENABLED" | "DISABLED") => Ok(()),
        Some(other) => Err(invalid(format!("assignPublicIp must be ENABLED or DISABLED, not {other}."))),
    }
}

/// Overrides are for containers that the task definition has, and of the shapes that the API has.
fn overridable(overrides: &Value, definition: &Map<String, Value>) -> Result<(), Refusal> {
    if overrides.is_null() {
        return Ok(());
    }
    if overrides.to_string().chars().count() > LONGEST_OVERRIDES {
        return Err(invalid(format!("The overrides can not be longer than {LONGEST_OVERRIDES} characters.")));
    }
    let containers = definition["containerDefinitions"].as_array().map(Vec::as_slice).unwrap_or_default();
    for overriding in overrides["containerOverrides"].as_array().into_iter().flatten() {
        if !containers.iter().any(|container| container["name"] == overriding["name"]) {
            let name = overriding["name"].as_str().unwrap_or_default();
            return Err(invalid(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            )));
        }
        let serialization = |message: &str| Err(Refusal::client("SerializationException", message));
        let texts = |list: &Value| match list {
            Value::Null => true,
            Value::Array(list) => list.iter().all(Value::is_string),
            _ => false,
        };
        if !texts(&overriding["command"]) {
            return serialization("command of an override is a list of strings");
        }
        let pair = |pair: &Value| pair["name"].is_string() && pair["value"].is_string();
        let environment = &overriding["environment"];
        if !(environment.is_null() || environment.as_array().is_some_and(|list| list.iter().all(pair))) {
            return serialization("environment of an override is a list of names and values");
        }
    }
    Ok(())
}
