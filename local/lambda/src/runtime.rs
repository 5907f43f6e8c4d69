//! The host of the functions: starts their programs, hands them invocations one at a time, and says what became of each.

mod api;
mod instance;
mod log;
mod pool;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::template::Function;
use pool::Pool;

/// What an invocation may carry, and a response.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
pub(crate) const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024;

/// Between the attempts at an asynchronous invocation; Lambda waits one minute, then two.
const BACK_OFF: Duration = Duration::from_millis(200);

/// How the host runs functions.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// Where the functions' programs are.
    pub binaries: PathBuf,
    /// Set for every function, over what the template sets.
    pub environment: BTreeMap<String, String>,
    /// Where the logs go, `<LogicalId>.log` each.
    pub directory: PathBuf,
    /// How many instances of one function may run at once.
    pub instances: usize,
}

impl Default for HostSettings {
    fn default() -> Self {
        let here = || PathBuf::from(".");
        Self { binaries: here(), environment: BTreeMap::new(), directory: here(), instances: 4 }
    }
}

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvokeError {
    /// The template has no such function.
    #[error("there is no function {0:?}")]
    Unknown(String),
    /// The request is over Lambda's 6 MB.
    #[error("the payload is larger than 6 MB")]
    TooLarge,
    /// The function answered with an error.
    #[error("{error_type}: {message}")]
    Function {
        /// As the function says it.
        error_type: String,
        /// As the function says it.
        message: String,
    },
    /// The process ended in the middle of it (Lambda's `Runtime.ExitError`).
    #[error("RequestId: {request} Error: {reason}")]
    Exited {
        /// The invocation.
        request: String,
        /// For example `Runtime exited with error: signal: killed`.
        reason: String,
    },
    /// The function took too long and was killed (Lambda's `Sandbox.Timedout`).
    #[error("RequestId: {request} Error: Task timed out after {seconds:.2} seconds")]
    TimedOut {
        /// The invocation.
        request: String,
        /// The function's timeout.
        seconds: f64,
    },
    /// An instance could not be started.
    #[error("the function {function} did not start: {message}")]
    Init {
        /// The function's logical id.
        function: String,
        /// Why, with the last lines that it wrote.
        message: String,
    },
    /// The host is shutting down.
    #[error("the local stack is shutting down")]
    Stopped,
}

/// An asynchronous invocation that failed to the last.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// The function's logical id.
    pub function: String,
    /// What it was given.
    pub payload: Value,
    /// How the last attempt failed.
    pub error: InvokeError,
    /// How many attempts there were.
    pub attempts: u32,
}

/// Runs functions.
pub struct Host {
    pools: BTreeMap<String, Arc<Pool>>,
    dead: Arc<Mutex<Vec<DeadLetter>>>,
    /// Invocations that are queued or running.
    pending: watch::Sender<usize>,
    /// Invocations so far, those that are tried again counted once.
    begun: AtomicUsize,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Host").field("functions", &self.pools.keys()).finish_non_exhaustive()
    }
}

/// Counts an invocation for as long as it lives.
struct Pending(watch::Sender<usize>);

impl Pending {
    fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Host {
    /// Starts one instance of each function; fails with a function's own words when it does not come up.
    pub async fn start(functions: Vec<Function>, settings: HostSettings) -> anyhow::Result<Arc<Self>> {
        let directory = &settings.directory;
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let stop = CancellationToken::new();
        let mut pools = BTreeMap::new();
        for function in functions {
            pools.insert(function.logical_id.clone(), Pool::new(function, &settings, stop.clone())?);
        }
        let mut starts = JoinSet::new();
        for pool in pools.values() {
            let pool = pool.clone();
            starts.spawn(async move { pool.warm().await });
        }
        let dead = Arc::default();
        let host = Arc::new(Self {
            pools,
            dead,
            pending: watch::Sender::new(0),
            begun: AtomicUsize::new(0),
            tasks: TaskTracker::new(),
            stop,
        });
        while let Some(started) = starts.join_next().await {
            if let Err(error) = started.map_err(anyhow::Error::from).and_then(|started| Ok(started?)) {
                host.shutdown().await;
                return Err(error);
            }
        }
        Ok(host)
    }

    fn pool(&self, function: &str) -> Result<Arc<Pool>, InvokeError> {
        if self.stop.is_cancelled() {
            return Err(InvokeError::Stopped);
        }
        let pool = self.pools.get(function).cloned().ok_or_else(|| InvokeError::Unknown(function.to_owned()))?;
        self.begun.fetch_add(1, Ordering::Relaxed);
        Ok(pool)
    }

    /// Invokes a function, named by its logical id, and waits for its answer (`RequestResponse`). The invocation runs to its
    /// end even if the caller stops waiting.
    pub async fn invoke(&self, function: &str, payload: Value) -> Result<Value, InvokeError> {
        let (pool, pending) = (self.pool(function)?, Pending::new(&self.pending));
        let running = self.tasks.spawn(async move {
            let result = pool.invoke(&payload).await;
            drop(pending);
            result
        });
        running.await.unwrap_or(Err(InvokeError::Stopped))
    }

    /// Accepts an asynchronous invocation (`Event`) and returns at once; it is tried again as the template says, and becomes a
    /// dead letter if it fails to the last.
    #[expect(clippy::unused_async, reason = "it stands for a call over the network, and callers treat it as one")]
    pub async fn invoke_event(&self, function: &str, payload: Value) -> Result<(), InvokeError> {
        let (pool, pending) = (self.pool(function)?, Pending::new(&self.pending));
        let (dead, stop) = (self.dead.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let _pending = pending;
            let retries = pool.function.maximum_retries;
            for attempt in 1.. {
                let error = match pool.invoke(&payload).await {
                    Ok(_) | Err(InvokeError::Stopped) => return,
                    Err(error) => error,
                };
                let function = pool.function.logical_id.clone();
                tracing::warn!(function, attempt, %error, "an asynchronous invocation failed");
                if attempt > retries {
                    let letter = DeadLetter { function, payload, error, attempts: attempt };
                    dead.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
                    return;
                }
                tokio::select! {
                    () = tokio::time::sleep(BACK_OFF * attempt) => {}
                    () = stop.cancelled() => return,
                }
            }
        });
        Ok(())
    }

    /// The asynchronous invocations that failed to the last.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The process ids of a function's instances.
    pub fn processes(&self, function: &str) -> Vec<u32> {
        self.pools.get(function).map(|pool| pool.processes()).unwrap_or_default()
    }

    /// How many invocations there were so far, for requests and for events; one that was tried again counts once.
    pub fn invocations(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// Waits until no invocation is queued or running.
    pub async fn idle(&self) {
        let _ = self.pending.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Ends every instance, and waits until none is left. What was running fails with [`InvokeError::Stopped`].
    pub async fn shutdown(&self) {
        self.stop.cancel();
        let mut ends = JoinSet::new();
        for pool in self.pools.values() {
            let pool = pool.clone();
            ends.spawn(async move { pool.shutdown().await });
        }
        while ends.join_next().await.is_some() {}
        self.tasks.close();
        self.tasks.wait().await;
    }
}
