//! A service whose tasks are told to be well or not, and a clock that is told the time: no container, no waiting.

use local_protocol::{Event, Refusal};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    Timing,
    model::{Health, Key, ServiceDeployment, State, Status},
    shifting::Shift,
};

pub struct World {
    pub state: State,
    pub events: UnboundedReceiver<Event>,
    pub now: f64,
    pub timing: Timing,
    /// Tasks of this task definition never get well.
    pub sick: Option<String>,
    /// Every stage that was seen, with green's production traffic in tenths of a percent, without repetition.
    pub seen: Vec<(String, u16)>,
}

pub fn key() -> Key {
    ("demo".into(), "web".into())
}

fn balancers() -> Value {
    json!([{
        "targetGroupArn": "arn:one", "containerName": "web", "containerPort": 80,
        "advancedConfiguration": {
            "alternateTargetGroupArn": "arn:two", "productionListenerRule": "arn:rule", "roleArn": "arn:role",
        },
    }])
}

impl World {
    /// A cluster and versions 1 to 4 of a task definition.
    pub fn bare() -> Self {
        let (sender, events) = tokio::sync::mpsc::unbounded_channel();
        let (state, timing) = (State::new(sender), Timing::tests());
        // Requests are dated by the machine's clock; that of the world begins there and then runs ahead of it.
        let mut world = Self { state, events, now: local_protocol::now(), timing, sick: None, seen: Vec::new() };
        world.state.create_cluster(&json!({ "clusterName": "demo" }));
        for _ in 0..4 {
            let container = json!({ "name": "web", "image": "web", "portMappings": [{ "containerPort": 80 }] });
            let input = json!({ "family": "web", "memory": "64", "containerDefinitions": [container] });
            world.state.register_task_definition(input).expect("a definition");
        }
        world
    }

    /// A service that runs version 1, deployed with this configuration.
    pub fn new(configuration: &Value) -> Self {
        let mut world = Self::bare();
        world.create(configuration);
        world.until_done("SUCCESSFUL");
        world.seen.clear();
        world
    }

    pub fn create(&mut self, configuration: &Value) {
        let input = json!({
            "cluster": "demo", "serviceName": "web", "taskDefinition": "web:1", "desiredCount": 2,
            "deploymentConfiguration": configuration, "loadBalancers": balancers(),
        });
        self.state.create_service(&input).expect("a service");
    }

    pub fn update(&mut self, members: &Value) {
        let mut input = members.clone();
        input["cluster"] = json!("demo");
        input["service"] = json!("web");
        self.state.update_service(&input).expect("an update");
    }

    /// A tenth of a second passes: containers start and stop, the scheduler looks until there is nothing to do.
    pub fn pass(&mut self) {
        self.now += 0.1;
        let now = self.now;
        for task in self.state.tasks.values_mut() {
            let definition = task.definition["taskDefinitionArn"].as_str().unwrap_or_default();
            let sick = self.sick.as_deref().is_some_and(|sick| definition.ends_with(sick));
            if task.stop.is_some() {
                task.status = Status::Stopped;
                task.stopped.get_or_insert(now);
            } else if !sick {
                task.status = Status::Running;
                task.target_health = Health::Healthy;
                task.healthy_since.get_or_insert(now);
            }
        }
        let failed: Vec<String> = match &self.sick {
            Some(sick) => self
                .state
                .tasks
                .values()
                .filter(|task| task.stop.is_none())
                .filter(|task| task.definition["taskDefinitionArn"].as_str().is_some_and(|arn| arn.ends_with(sick)))
                .map(|task| task.id.clone())
                .collect(),
            None => Vec::new(),
        };
        for id in failed {
            self.state.stop_task(&id, "EssentialContainerExited", "Essential container in task exited", now);
            self.state.count_failure(&id, &self.timing, now);
        }
        for _ in 0..20 {
            let busy = self.state.turn(&key(), &self.timing, now);
            self.check();
            if !busy {
                return;
            }
        }
        panic!("the scheduler is never done: {:?}", self.seen);
    }

    /// At no time is there traffic where no tasks serve, once the service has served.
    pub fn check(&mut self) {
        let service = &self.state.services[&key()];
        let serving = |deployment: &str| {
            let mut tasks = self.state.tasks.values();
            tasks.any(|task| task.started_by.as_deref() == Some(deployment) && task.serves())
        };
        if service.completed.is_some() && service.held {
            for deployment in service.deployments.iter().filter(|deployment| deployment.production > 0) {
                assert!(serving(&deployment.id), "traffic without tasks at {:?}", self.seen.last());
            }
        }
        let Some(running) = service.current.clone() else { return };
        let Some(running) = self.state.service_deployments.iter().find(|d| d.arn == running) else { return };
        let Some(shift) = &running.shift else { return };
        let green = service.deployments.iter().find(|deployment| deployment.id == shift.green);
        let share = green.map_or(0, |green| green.production);
        let seen = (shift.at.stage.name().to_owned(), share);
        if running.status != "PENDING" && self.seen.last() != Some(&seen) {
            self.seen.push(seen);
        }
    }

    pub fn last(&self) -> &ServiceDeployment {
        self.state.service_deployments.last().expect("a deployment")
    }

    pub fn described(&self) -> Value {
        self.state.service_deployment_json(self.last())
    }

    pub fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..3000 {
            if done(self) {
                return;
            }
            self.pass();
        }
        panic!("never: {what}; {:?}, {:#}", self.seen, self.described());
    }

    pub fn until_done(&mut self, status: &str) {
        self.until(status, |world| world.last().finished.is_some());
        assert_eq!(self.last().status, status, "{:?}", self.last().reason);
    }

    /// The hook that waits, once one does.
    pub fn hook(&mut self) -> Value {
        let waits = |world: &Self| world.last().shift.as_ref().is_some_and(Shift::held);
        self.until("a hook", waits);
        let details = self.described()["lifecycleHookDetails"].clone();
        details.as_array().and_then(|list| list.last()).cloned().expect("details")
    }

    pub fn act(&mut self, hook: &Value, action: &str) -> Result<Value, Refusal> {
        let arn = self.last().arn.clone();
        let input = json!({ "serviceDeploymentArn": arn, "hookId": hook["hookId"], "action": action });
        self.state.continue_service_deployment(&input)
    }

    /// Versions by their task definitions' numbers, with the tasks that are not told to stop.
    pub fn running(&self) -> Vec<(String, usize)> {
        let mut counts: Map<String, Value> = Map::new();
        for task in self.state.tasks.values().filter(|task| task.stop.is_none()) {
            let arn = task.definition["taskDefinitionArn"].as_str().unwrap_or_default();
            let version = arn.rsplit(':').next().unwrap_or_default().to_owned();
            let count = counts.get(&version).and_then(Value::as_u64).unwrap_or_default();
            counts.insert(version, json!(count + 1));
        }
        let number = |value: &Value| usize::try_from(value.as_u64().unwrap_or_default()).expect("a small number");
        counts.iter().map(|(version, count)| (version.clone(), number(count))).collect()
    }

    pub fn named(&mut self, detail_type: &str) -> Vec<String> {
        let events = std::iter::from_fn(|| self.events.try_recv().ok());
        let wanted = events.filter(|event| event.detail_type == detail_type);
        wanted.filter_map(|event| event.detail["eventName"].as_str().map(str::to_owned)).collect()
    }
}
