//! A stand-in for AWS `CodeBuild` that really runs builds on this machine.
//!
//! It speaks `CodeBuild`'s API (AWS JSON 1.1), clones the source with git, runs the buildspec's commands in a shell,
//! keeps `CodeBuild`'s phases and statuses, and emits the events that `CodeBuild` puts on `EventBridge`. The builds' logs
//! can be read as CloudWatch Logs gives them, by `GetLogEvents`, and so can another stand-in's that is given as a
//! [`LogSource`].
//!
//! What it leaves out: images (commands run on this machine, in the build's own directory), artifacts, caches, reports,
//! batch builds, secondary sources, VPCs, and the Parameter Store and Secrets Manager kinds of variables, which fail a
//! build with a message that names them. Builds are forgotten when the process ends; their directories stay.
//!
//! Sources: the API reference <https://docs.aws.amazon.com/codebuild/latest/APIReference/Welcome.html>, the buildspec
//! reference <https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html>, and the events
//! <https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html>.

mod agent;
mod api;
mod build;
mod buildspec;
mod events;
mod input;
mod log;
mod log_events;
mod log_lines;
mod log_source;
mod overrides;
mod phase;
mod process;
mod project;
mod shell;
mod source;
mod start;
mod store;
mod yaml;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Router, routing::get};
use local_protocol::Events;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

pub use log_source::{Found, LogSource};

use crate::{agent::Site, log_events::Logs, store::Store};

/// How the stand-in runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Checkouts, logs and build state live below this directory.
    pub directory: PathBuf,
    /// Base URL at which this stand-in's router is reachable (for log deep links), for example `http://127.0.0.1:4001`.
    pub url: String,
    /// Added to each build's environment (container engine settings, `PATH`, `AWS_ENDPOINT_URL` and the like).
    pub environment: BTreeMap<String, String>,
    /// Builds that run at once; others wait in `QUEUED`.
    pub concurrent: usize,
}

/// The service: projects, builds, and the tasks that run them.
#[derive(Debug)]
pub struct CodeBuild {
    site: Arc<Site>,
    events: Events,
    store: Mutex<Store>,
    builds: TaskTracker,
}

impl CodeBuild {
    /// A service without projects.
    pub fn new(settings: Settings, events: Events) -> Arc<Self> {
        Self::with_minute(settings, events, Duration::from_mins(1))
    }

    fn with_minute(mut settings: Settings, events: Events, minute: Duration) -> Arc<Self> {
        // Builds run in their own directories, so a relative path would lead elsewhere.
        settings.directory = std::path::absolute(&settings.directory).unwrap_or(settings.directory);
        settings.url.truncate(settings.url.trim_end_matches('/').len());
        let slots = Semaphore::new(settings.concurrent.max(1));
        let site = Arc::new(Site { settings, minute, slots });
        Arc::new(Self { site, events, store: Mutex::default(), builds: TaskTracker::new() })
    }

    /// AWS JSON at `POST /`, and `GET /builds/{project}/{uuid}/log` (text; with `?follow=1` it streams until the build
    /// ends).
    pub fn router(self: &Arc<Self>) -> Router {
        let logs = Router::new().route("/builds/{project}/{uuid}/log", get(log::serve)).with_state(Arc::clone(self));
        local_protocol::router(Arc::clone(self)).merge(logs)
    }

    /// CloudWatch Logs for the builds' logs and those of `others`, which may be `()`: AWS JSON at `POST /`, with the one
    /// action `GetLogEvents`. An address of its own, as the services of AWS have.
    pub fn logs_router(self: &Arc<Self>, others: impl LogSource) -> Router {
        local_protocol::router(Arc::new(Logs(Arc::clone(self), others)))
    }

    /// Stops all builds (kills their processes) and waits for them. No build starts afterwards.
    pub async fn shutdown(&self) {
        self.store().close();
        self.builds.close();
        self.builds.wait().await;
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

/// Takes a lock; what a panicking holder left behind is still consistent here, as no change spans two steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
