//! Tasks: run, stop, describe, list. What happens to them is in `runner`.

use local_protocol::{Answer, Refusal, arn};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    deployments::target_group,
    model::{Health, Key, State, Status, Stop, Task, short},
    present::fresh,
    shapes::{id, invalid, page, required, texts},
};

/// How long a stopped task can be described, in seconds.
const REMEMBERED: f64 = 3600.0;

impl State {
    /// A task that nobody has started yet.
    pub fn add_task(&mut self, cluster: &str, definition: Map<String, Value>, group: String, now: f64) -> &mut Task {
        let id = id();
        let task = Task {
            arn: arn("ecs", &format!("task/{cluster}/{id}")),
            cluster: cluster.into(),
            service: None,
            group,
            started_by: None,
            containers: fresh(&format!("{cluster}/{id}"), &definition),
            definition,
            overrides: json!({ "containerOverrides": [], "inferenceAcceleratorOverrides": [] }),
            launch_type: "EC2".into(),
            status: Status::Provisioning,
            stop: None,
            target: None,
            target_health: Health::Unknown,
            target_failure: None,
            healthy_since: None,
            credited: false,
            version: 1,
            created: now,
            pull_started: None,
            pull_stopped: None,
            started: None,
            stopping: None,
            stopped: None,
            signal: CancellationToken::new(),
            settings: Map::new(),
            id: id.clone(),
        };
        self.waiting.push(id.clone());
        self.tasks.entry(id).or_insert(task)
    }

    /// A task of one of a service's deployments; its id.
    pub fn service_task(&mut self, key: &Key, deployment: &str, now: f64) -> Option<String> {
        let deployment = self.services.get(key)?.deployments.iter().find(|d| d.id == deployment)?.clone();
        let definition = self.task_definition(&deployment.task_definition)?.clone();
        let balancer = deployment.settings.get("loadBalancers").map(|list| list[0].clone()).unwrap_or_default();
        let task = self.add_task(&key.0, definition, format!("service:{}", key.1), now);
        task.service = Some(key.clone());
        task.started_by = Some(deployment.id);
        task.launch_type = deployment.settings.get("launchType").and_then(Value::as_str).unwrap_or("FARGATE").into();
        task.target = balancer["containerName"].as_str().and_then(|name| {
            let port = u16::try_from(balancer["containerPort"].as_u64()?).ok()?;
            let group = target_group(&balancer, deployment.alternate).unwrap_or("local");
            Some((name.to_owned(), port, group.to_owned()))
        });
        task.settings = deployment.settings;
        Some(task.id.clone())
    }

    pub fn task_id(&self, input: &Value) -> Result<String, Refusal> {
        let cluster = self.cluster(input)?;
        let id = short(required(input, "task")?);
        match self.tasks.get(id) {
            Some(task) if task.cluster == cluster => Ok(id.to_owned()),
            _ => Err(invalid("The referenced task was not found.")),
        }
    }

    /// Tells a task to stop; the first reason holds.
    pub fn stop_task(&mut self, id: &str, code: &'static str, reason: &str, now: f64) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        if task.stop.is_none() && task.status != Status::Stopped {
            task.stop = Some(Stop { code, reason: reason.into() });
            task.stopping = Some(now);
            task.healthy_since = None;
            task.version += 1;
            task.signal.cancel();
            let task = task.clone();
            self.task_event(&task, now);
        }
    }

    pub fn describe_tasks(&self, input: &Value) -> Answer {
        let cluster = self.cluster(input)?;
        let names = texts(&input["tasks"]);
        if names.is_empty() {
            return Err(invalid("Tasks cannot be empty."));
        }
        let with_tags = texts(&input["include"]).iter().any(|member| member == "TAGS");
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for name in &names {
            if let Some(task) = self.tasks.get(short(name)).filter(|task| task.cluster == cluster) {
                let mut json = task.json(&|time| json!(time));
                let tags = self.tags.get(&task.arn).filter(|_| with_tags).cloned();
                json["tags"] = json!(tags.unwrap_or_default());
                tasks.push(json);
            } else {
                let arn = arn("ecs", &format!("task/{cluster}/{}", short(name)));
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
        Ok(json!({ "tasks": tasks, "failures": failures }))
    }

    pub fn list_tasks(&self, input: &Value) -> Answer {
        let cluster = self.cluster(input)?;
        let service = match input["serviceName"].as_str() {
            Some(_) => Some(self.service_key(input, "serviceName")?),
            None => None,
        };
        let stopped = input["desiredStatus"] == "STOPPED";
        let matches =
            |member: &str, value: Option<&str>| input[member].as_str().is_none_or(|wanted| value == Some(wanted));
        let tasks = self.tasks.values().filter(|task| {
            task.cluster == cluster
                && (service.is_none() || task.service == service)
                && task.stop.is_some() == stopped
                && matches("family", task.definition["family"].as_str())
                && matches("startedBy", task.started_by.as_deref())
                && matches("launchType", Some(&task.launch_type))
        });
        let arns: Vec<Value> = tasks.map(|task| json!(task.arn)).collect();
        page(input, "taskArns", &arns, 100)
    }

    /// Forgets tasks that stopped an hour ago.
    pub fn forget(&mut self, now: f64) {
        self.tasks.retain(|_, task| task.stopped.is_none_or(|stopped| now - stopped < REMEMBERED));
    }
}
