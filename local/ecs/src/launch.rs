//! From a task definition to containers that are started in order: pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    engine::{Launch, Network, Volume},
    model::Task,
    shapes::texts,
};

/// When a container may start, as to another one (`dependsOn`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Start,
    Healthy,
    Complete,
    Success,
}

/// A container health check; times in its own seconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Check {
    pub words: Vec<String>,
    pub interval: u32,
    pub timeout: u32,
    pub retries: u32,
    pub start_period: u32,
}

/// One container of a task, ready to be started.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub name: String,
    pub launch: Launch,
    pub waits: Vec<(String, Condition)>,
    pub check: Option<Check>,
    pub stop_timeout: u32,
}

/// The containers in an order in which each comes after those that it depends on.
pub(crate) fn order(containers: &[Value]) -> Result<Vec<usize>, String> {
    let names: BTreeMap<&str, usize> =
        containers.iter().enumerate().filter_map(|(i, c)| Some((c["name"].as_str()?, i))).collect();
    let mut after = Vec::new();
    for container in containers {
        let mut needed = Vec::new();
        for (name, _) in dependencies(container)? {
            let index = names.get(name.as_str());
            needed.push(*index.ok_or_else(|| format!("Container {name} in dependsOn does not exist."))?);
        }
        after.push(needed);
    }
    let mut order: Vec<usize> = Vec::new();
    while order.len() < containers.len() {
        let ready = |i: &usize| !order.contains(i) && after[*i].iter().all(|needed| order.contains(needed));
        let next = (0..containers.len()).find(ready);
        order.push(next.ok_or("The containers depend on each other in a circle.")?);
    }
    Ok(order)
}

fn dependencies(container: &Value) -> Result<Vec<(String, Condition)>, String> {
    let mut list = Vec::new();
    for entry in container["dependsOn"].as_array().into_iter().flatten() {
        let condition = match entry["condition"].as_str() {
            Some("START") => Condition::Start,
            Some("HEALTHY") => Condition::Healthy,
            Some("COMPLETE") => Condition::Complete,
            Some("SUCCESS") => Condition::Success,
            other => return Err(format!("Invalid container dependency condition: {}.", other.unwrap_or_default())),
        };
        list.push((entry["containerName"].as_str().unwrap_or_default().to_owned(), condition));
    }
    Ok(list)
}

/// The containers of a task. They share one network, as in `awsvpc` mode: that of the first container which nobody expects
/// to end. Containers that end before it starts have a network of their own.
pub(crate) fn steps(task: &Task, label: &str) -> Result<Vec<Step>, String> {
    let empty = Vec::new();
    let containers = task.definition["containerDefinitions"].as_array().unwrap_or(&empty);
    let order = order(containers)?;
    let ends = |name: &str| {
        containers.iter().any(|container| {
            dependencies(container).unwrap_or_default().iter().any(|(needed, condition)| {
                needed == name && matches!(condition, Condition::Complete | Condition::Success)
            })
        })
    };
    let ports: Vec<u16> = containers
        .iter()
        .flat_map(|container| container["portMappings"].as_array().into_iter().flatten())
        .filter(|mapping| mapping["protocol"] != "udp")
        .filter_map(|mapping| u16::try_from(mapping["containerPort"].as_u64()?).ok())
        .collect();
    let mut owner: Option<String> = None;
    let mut steps = Vec::new();
    for index in order {
        let container = &containers[index];
        let name = container["name"].as_str().unwrap_or_default().to_owned();
        if container["secrets"].as_array().is_some_and(|secrets| !secrets.is_empty()) {
            return Err(format!("the local stand-in fetches no secrets (container {name}): use environment"));
        }
        let mut launch = launch(container, overriding(&task.overrides, &name));
        launch.name = format!("{label}-{}-{name}", task.id);
        launch.volumes = volumes(container, &format!("{label}-{}", task.id));
        launch.network = match &owner {
            Some(owner) => Network::Of(owner.clone()),
            None if ends(&name) => Network::default(),
            None => {
                owner = Some(launch.name.clone());
                Network::Own(ports.clone())
            }
        };
        let stop_timeout = number(&container["stopTimeout"], 30);
        let waits = dependencies(container)?;
        steps.push(Step { name, launch, waits, check: check(&container["healthCheck"]), stop_timeout });
    }
    Ok(steps)
}

fn overriding<'a>(overrides: &'a Value, name: &str) -> Option<&'a Value> {
    overrides["containerOverrides"].as_array()?.iter().find(|entry| entry["name"] == name)
}

fn launch(container: &Value, overriding: Option<&Value>) -> Launch {
    let mut environment = pairs(&container["environment"]);
    let mut command = texts(&container["command"]);
    if let Some(overriding) = overriding {
        for (name, value) in pairs(&overriding["environment"]) {
            environment.retain(|(other, _)| *other != name);
            environment.push((name, value));
        }
        if overriding["command"].is_array() {
            command = texts(&overriding["command"]);
        }
    }
    Launch {
        name: String::new(),
        image: container["image"].as_str().unwrap_or_default().into(),
        entry_point: texts(&container["entryPoint"]),
        command,
        environment,
        user: text(&container["user"]),
        directory: text(&container["workingDirectory"]),
        read_only: container["readonlyRootFilesystem"] == true,
        init: container["linuxParameters"]["initProcessEnabled"] == true,
        volumes: Vec::new(),
        network: Network::default(),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn pairs(list: &Value) -> Vec<(String, String)> {
    let entries = list.as_array().into_iter().flatten();
    entries.filter_map(|entry| Some((text(&entry["name"])?, entry["value"].as_str()?.to_owned()))).collect()
}

fn volumes(container: &Value, prefix: &str) -> Vec<Volume> {
    let mounts = container["mountPoints"].as_array().into_iter().flatten();
    let volume = |mount: &Value| {
        Some(Volume {
            name: format!("{prefix}-{}", mount["sourceVolume"].as_str()?),
            path: text(&mount["containerPath"])?,
            read_only: mount["readOnly"] == true,
        })
    };
    mounts.filter_map(volume).collect()
}

fn number(value: &Value, otherwise: u32) -> u32 {
    value.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(otherwise)
}

/// Defaults as docker's and ECS's: every 30 seconds, 5 seconds each, 3 times.
fn check(check: &Value) -> Option<Check> {
    let words = texts(&check["command"]);
    let (kind, rest) = words.split_first()?;
    let words = match kind.as_str() {
        "CMD" => rest.to_vec(),
        "CMD-SHELL" => vec!["/bin/sh".into(), "-c".into(), rest.join(" ")],
        _ => return None,
    };
    Some(Check {
        words,
        interval: number(&check["interval"], 30),
        timeout: number(&check["timeout"], 5),
        retries: number(&check["retries"], 3),
        start_period: number(&check["startPeriod"], 0),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn containers_start_after_those_that_they_depend_on() {
        let needs = |name: &str| json!([{ "containerName": name, "condition": "HEALTHY" }]);
        let containers = [json!({ "name": "web", "dependsOn": needs("proxy") }), json!({ "name": "proxy" })];
        assert_eq!(order(&containers), Ok(vec![1, 0]));
        let circle = [json!({ "name": "a", "dependsOn": needs("b") }), json!({ "name": "b", "dependsOn": needs("a") })];
        assert!(order(&circle).is_err());
        assert!(order(&[json!({ "name": "a", "dependsOn": needs("c") })]).is_err());
    }

    #[test]
    fn a_shell_check_is_run_by_the_shell() {
        let shell = check(&json!({ "command": ["CMD-SHELL", "true || exit 1"], "interval": 5 })).expect("a check");
        assert_eq!((shell.words.len(), shell.interval, shell.retries), (3, 5, 3));
        assert_eq!(check(&json!({ "command": ["NONE"] })), None);
    }
}
