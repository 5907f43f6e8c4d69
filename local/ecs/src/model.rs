//! What the stand-in knows: clusters, task definitions, services with their deployments, tasks. Data only.

use std::{collections::BTreeMap, net::SocketAddr};

use local_protocol::{Events, Refusal};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::{health::Failure, logs::Source, run_task::Token, scheduler::Rollout, shifting::Shift};

/// A service: its cluster's name and its own.
pub(crate) type Key = (String, String);

#[derive(Debug)]
pub(crate) struct State {
    pub clusters: BTreeMap<String, Value>,
    /// The revisions of each family; revision 1 is the first.
    pub families: BTreeMap<String, Vec<Map<String, Value>>>,
    pub services: BTreeMap<Key, Service>,
    pub tasks: BTreeMap<String, Task>,
    /// Oldest first.
    pub service_deployments: Vec<ServiceDeployment>,
    pub revisions: BTreeMap<String, Value>,
    pub tags: BTreeMap<String, Vec<Value>>,
    /// Tasks that nobody has begun with.
    pub waiting: Vec<String>,
    /// The streams of CloudWatch Logs, by group and name.
    pub streams: BTreeMap<(String, String), Source>,
    /// The requests of RunTask that carried a token.
    pub tokens: BTreeMap<(String, String), Token>,
    pub events: Events,
}

#[derive(Debug)]
pub(crate) struct Service {
    pub key: Key,
    pub arn: String,
    pub status: &'static str,
    pub created: f64,
    pub desired: usize,
    /// The members of the request that are given back as they came.
    pub settings: Map<String, Value>,
    pub task_definition: String,
    /// The primary deployment first, then older ones that still have tasks.
    pub deployments: Vec<Deployment>,
    /// The last deployment that completed: what a rollback goes back to.
    pub completed: Option<(String, String)>,
    /// Newest first.
    pub events: Vec<Value>,
    /// The ARN of the running service deployment.
    pub current: Option<String>,
    pub steady: bool,
    /// Its deployments have the tasks and the traffic that each of them says, not what a rolling update gives them.
    pub held: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub id: String,
    pub task_definition: String,
    pub revision: String,
    pub created: f64,
    pub updated: f64,
    pub rollout: Rollout,
    pub reason: String,
    /// Failed tasks since the last healthy one.
    pub failures: usize,
    /// No task is started before this time.
    pub not_before: f64,
    /// It has been completed at some time.
    pub proven: bool,
    pub settings: Map<String, Value>,
    /// While the service is held: it has the service's tasks, or none.
    pub full: bool,
    /// While the service is held: its production traffic, in tenths of a percent.
    pub production: u16,
    /// While the service is held: its traffic from the test listener, in tenths of a percent.
    pub test: u16,
    /// Its targets are in the alternate target group.
    pub alternate: bool,
}

impl Deployment {
    /// One that failed gets no new tasks, unless it still has traffic.
    pub fn may_start(&self) -> bool {
        self.rollout != Rollout::Failed || self.production > 0
    }
}

#[derive(Debug, Clone)]
pub(crate) struct ServiceDeployment {
    pub arn: String,
    pub service: Key,
    pub created: f64,
    pub updated: f64,
    pub started: Option<f64>,
    pub finished: Option<f64>,
    pub stopped: Option<f64>,
    pub status: &'static str,
    pub reason: Option<String>,
    pub sources: Vec<String>,
    pub target: String,
    pub configuration: Value,
    /// Reason, time, revision.
    pub rollback: Option<(String, f64, String)>,
    pub breaker: (&'static str, usize, usize),
    /// Why it is to be rolled back, where someone or something asked for it.
    pub requested: Option<String>,
    /// How far it is, where it shifts traffic.
    pub shift: Option<Shift>,
}

impl ServiceDeployment {
    /// It is to be rolled back, for this reason.
    pub fn request_rollback(&mut self, reason: &str, now: f64) {
        self.status = "ROLLBACK_REQUESTED";
        self.requested = Some(reason.to_owned());
        self.updated = now;
    }
}

/// How far a task has come; the order is that of a task's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Provisioning,
    Pending,
    Running,
    Deactivating,
    Stopping,
    Stopped,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Unknown,
    Healthy,
    Unhealthy,
}

impl Health {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub name: String,
    pub arn: String,
    pub image: String,
    pub digest: Option<String>,
    pub runtime: Option<String>,
    pub status: Status,
    pub essential: bool,
    pub checked: bool,
    pub health: Health,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    pub bindings: Vec<(u16, SocketAddr)>,
}

/// Why a task stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    pub code: &'static str,
    pub reason: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub id: String,
    pub arn: String,
    pub cluster: String,
    pub service: Option<Key>,
    pub group: String,
    pub started_by: Option<String>,
    pub definition: Map<String, Value>,
    pub overrides: Value,
    pub launch_type: String,
    pub status: Status,
    pub stop: Option<Stop>,
    pub containers: Vec<Container>,
    /// The container and port that the service's load balancer leads to.
    pub target: Option<(String, u16, String)>,
    pub target_health: Health,
    /// Why its target failed the last checks, where it did.
    pub target_failure: Option<Failure>,
    /// Since when it has been running and healthy.
    pub healthy_since: Option<f64>,
    /// Its health has already ended a run of failures.
    pub credited: bool,
    pub version: u64,
    pub created: f64,
    pub pull_started: Option<f64>,
    pub pull_stopped: Option<f64>,
    pub started: Option<f64>,
    pub stopping: Option<f64>,
    pub stopped: Option<f64>,
    pub signal: CancellationToken,
    pub settings: Map<String, Value>,
}

impl Task {
    /// The health of its essential containers that have a health check.
    pub fn health(&self) -> Health {
        let mut checked = self.containers.iter().filter(|c| c.checked && c.essential).peekable();
        if checked.peek().is_none() {
            return Health::Unknown;
        }
        let mut health = Health::Healthy;
        for container in checked {
            match container.health {
                Health::Unhealthy => return Health::Unhealthy,
                Health::Unknown => health = Health::Unknown,
                Health::Healthy => {}
            }
        }
        health
    }

    /// RUNNING, its containers healthy where they are checked, and its target where there is one.
    pub fn serves(&self) -> bool {
        let checked = self.containers.iter().any(|c| c.checked && c.essential);
        self.status == Status::Running
            && self.stop.is_none()
            && (!checked || self.health() == Health::Healthy)
            && (self.target.is_none() || self.target_health == Health::Healthy)
    }

    pub fn container(&mut self, name: &str) -> Option<&mut Container> {
        self.containers.iter_mut().find(|c| c.name == name)
    }
}

impl State {
    pub fn new(events: Events) -> Self {
        Self {
            clusters: BTreeMap::new(),
            families: BTreeMap::new(),
            services: BTreeMap::new(),
            tasks: BTreeMap::new(),
            service_deployments: Vec::new(),
            revisions: BTreeMap::new(),
            tags: BTreeMap::new(),
            waiting: Vec::new(),
            streams: BTreeMap::new(),
            tokens: BTreeMap::new(),
            events,
        }
    }

    /// The name of the cluster that a request means: a name, an ARN, or `default`.
    pub fn cluster(&self, input: &Value) -> Result<String, Refusal> {
        let name = short(input["cluster"].as_str().unwrap_or("default"));
        match self.clusters.get(name) {
            Some(cluster) if cluster["status"] == "ACTIVE" => Ok(name.to_owned()),
            _ => Err(Refusal::client("ClusterNotFoundException", "Cluster not found.")),
        }
    }
}

/// What follows the last slash of an ARN, or the name itself.
pub(crate) fn short(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}
