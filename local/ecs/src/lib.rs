//! A stand-in for Amazon ECS that really runs tasks: containers in docker or podman, health checks, deployments with ECS's
//! circuit breaker, a load balancer on loopback in front of each service, and the events that ECS documents.
//!
//! Deployments are performed by all four strategies: ROLLING, and BLUE_GREEN, LINEAR and CANARY with their lifecycle stages,
//! two target groups, weighted traffic, a test listener ([`Ecs::test_address`]) and `PAUSE` hooks. A rollback takes production
//! traffic back first, then the test traffic, then the tasks. ABORT, of which AWS says nothing, leaves tasks and traffic as they
//! are until the next deployment. Left out: `AWS_LAMBDA` hooks and hooks of rolling updates, which are refused; alarms, Service
//! Connect, early success criteria and `resetOnHealthyTask: false`, which are kept and do nothing; the 24 hours that AWS gives
//! each stage.
//!
//! `RunTask` starts the tasks of a client token once, within 24 hours; its `ConflictException` names no `resourceIds`. What
//! containers with the log driver `awslogs` write is kept as CloudWatch Logs would have it ([`Ecs::log_stream`]). Left out of
//! it: reading lines as multi-line messages, and the driver's non-blocking mode.
//!
//! Of Elastic Load Balancing it answers `DescribeTargetHealth` ([`Ecs::balancing_router`]). A service has one load balancer:
//! the first that it names.
//!
//! What AWS's API model says (`ecs/2014-11-13`) decides about names, shapes and error codes. The scheduler's decisions are in
//! [`scheduler`], a pure function; everything that touches containers is in [`engine`] and `runner`.

use std::{path::PathBuf, time::Duration};

pub mod engine;
pub mod scheduler;

mod api;
mod balancing;
mod deployment_configuration;
mod deployments;
mod ecs;
mod events;
mod health;
mod hooks;
mod launch;
mod logs;
mod model;
mod present;
mod proxy;
mod rollback;
mod run_task;
mod runner;
mod service_deployments;
mod services;
mod shapes;
mod shifting;
mod steps;
mod tags;
mod task_definitions;
mod tasks;

pub use ecs::Ecs;
pub use logs::{Line, LogStream};

/// What a stand-in needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the logs of tasks are kept.
    pub directory: PathBuf,
    /// The base URL at which [`Ecs::router`] is served.
    pub url: String,
    /// How quickly things happen.
    pub quick: Timing,
}

/// How long things take. The defaults are those of a patient laptop: the order of events is ECS's, the waiting is not.
#[derive(Debug, Clone)]
pub struct Timing {
    /// How often the scheduler looks, besides whenever something changes.
    pub tick: Duration,
    /// How long a second of a health check's `interval` and `startPeriod` lasts, and of a target's check.
    pub second: Duration,
    /// How long the containers of a service's task must have been up before the task counts as RUNNING.
    pub settle: Duration,
    /// How long every task must have been healthy before a deployment counts as completed.
    pub steady: Duration,
    /// The pause after a first failed task; it doubles with each further one, five times.
    pub backoff: Duration,
    /// The longest wait for the requests that a deregistered target still answers (deregistration delay).
    pub drain: Duration,
    /// The longest time between SIGTERM and SIGKILL; a shorter `stopTimeout` holds.
    pub stop: Duration,
    /// How long a new task may leave its load balancer's checks unanswered; a longer `healthCheckGracePeriodSeconds` holds.
    pub grace: Duration,
    /// How long a minute of a deployment lasts: of bake time, between two steps of traffic, of a hook's timeout.
    pub minute: Duration,
    /// How long each lifecycle stage of a deployment that shifts traffic lasts at least, so that it can be seen.
    pub stage: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            tick: Duration::from_millis(250),
            second: Duration::from_millis(200),
            settle: Duration::from_millis(700),
            steady: Duration::from_millis(1500),
            backoff: Duration::from_millis(500),
            drain: Duration::from_secs(5),
            stop: Duration::from_secs(5),
            grace: Duration::from_secs(15),
            minute: Duration::from_secs(3),
            stage: Duration::from_millis(500),
        }
    }
}

impl Timing {
    /// The shortest times that still work, for tests.
    pub fn tests() -> Self {
        Self {
            tick: Duration::from_millis(50),
            second: Duration::from_millis(50),
            settle: Duration::from_millis(300),
            steady: Duration::from_millis(300),
            backoff: Duration::from_millis(50),
            drain: Duration::from_secs(5),
            stop: Duration::from_secs(1),
            grace: Duration::from_secs(3),
            minute: Duration::from_millis(600),
            stage: Duration::from_millis(50),
        }
    }
}
