//! The instances of one function.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use local_protocol::REGION;
use serde_json::Value;
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    HostSettings, InvokeError, PAYLOAD_LIMIT,
    instance::{Instance, Outcome},
    log::Log,
};
use crate::template::Function;

/// How long an instance may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(1);

pub(super) struct Pool {
    pub function: Function,
    program: PathBuf,
    environment: BTreeMap<String, String>,
    log: Arc<Log>,
    /// Permits for as many instances as may run at once; first come, first served.
    busy: Semaphore,
    idle: Mutex<Vec<Arc<Instance>>>,
    all: Mutex<Vec<Arc<Instance>>>,
    stop: CancellationToken,
}

impl Pool {
    pub fn new(function: Function, settings: &HostSettings, stop: CancellationToken) -> anyhow::Result<Arc<Self>> {
        let program = settings.binaries.join(&function.binary);
        anyhow::ensure!(
            program.is_file(),
            "the program of the function {}, {}, does not exist: build it with `cargo build --profile quick --bin {}`",
            function.logical_id,
            program.display(),
            function.binary,
        );
        let program = program.canonicalize()?;
        Ok(Arc::new(Self {
            environment: environment(&function, settings),
            log: Arc::new(Log::open(&settings.directory, &function.logical_id)?),
            busy: Semaphore::new(settings.instances.max(1)),
            idle: Mutex::default(),
            all: Mutex::default(),
            function,
            program,
            stop,
        }))
    }

    /// Starts one instance ahead of the first invocation.
    pub async fn warm(&self) -> Result<(), InvokeError> {
        let instance = self.start().await?;
        lock(&self.idle).push(instance);
        Ok(())
    }

    pub async fn invoke(&self, payload: &Value) -> Result<Value, InvokeError> {
        let payload = Bytes::from(payload.to_string());
        if payload.len() > PAYLOAD_LIMIT {
            return Err(InvokeError::TooLarge);
        }
        let stopped = |_| InvokeError::Stopped;
        let permit = tokio::select! {
            permit = self.busy.acquire() => permit.map_err(stopped)?,
            () = self.stop.cancelled() => return Err(InvokeError::Stopped),
        };
        let result = loop {
            if self.stop.is_cancelled() {
                break Err(InvokeError::Stopped);
            }
            let idle = lock(&self.idle).pop();
            let instance = match idle {
                Some(instance) if instance.process.alive() => instance,
                Some(_) => continue,
                None => self.start().await?,
            };
            match instance.invoke(payload.clone(), self.function.timeout).await {
                Outcome::Untouched => {}
                Outcome::Answered(result) => {
                    if instance.process.alive() {
                        lock(&self.idle).push(instance);
                    }
                    break result;
                }
            }
        };
        drop(permit);
        match result {
            Err(InvokeError::Exited { .. }) if self.stop.is_cancelled() => Err(InvokeError::Stopped),
            result => result,
        }
    }

    async fn start(&self) -> Result<Arc<Instance>, InvokeError> {
        let failed = |message: String| InvokeError::Init { function: self.function.logical_id.clone(), message };
        let started = Instance::start(&self.function, &self.program, &self.environment, &self.log).await;
        let instance = started.map_err(|error| failed(format!("{}: {error}", self.program.display())))?;
        {
            let mut all = lock(&self.all);
            all.retain(|instance| instance.process.alive());
            all.push(instance.clone());
        }
        // `shutdown` cancels first and ends what it finds afterwards: an instance is seen by one of the two.
        if self.stop.is_cancelled() {
            instance.process.kill().await;
            return Err(InvokeError::Stopped);
        }
        instance.ready().await.map_err(failed)?;
        Ok(instance)
    }

    pub fn processes(&self) -> Vec<u32> {
        lock(&self.all)
            .iter()
            .filter(|instance| instance.process.alive())
            .map(|instance| instance.process.pid())
            .collect()
    }

    pub async fn shutdown(&self) {
        lock(&self.idle).clear();
        let instances = std::mem::take(&mut *lock(&self.all));
        let mut ends: JoinSet<()> =
            instances.into_iter().map(|instance| async move { instance.process.end(GRACE).await }).collect();
        while ends.join_next().await.is_some() {}
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>.
fn environment(function: &Function, settings: &HostSettings) -> BTreeMap<String, String> {
    let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let task = settings.binaries.to_string_lossy();
    let mut environment: BTreeMap<String, String> = [
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
    ]
    .map(text)
    .into();
    environment.extend(function.environment.clone());
    environment.extend(settings.environment.clone());
    // The rest is Lambda's alone: nobody may set it otherwise.
    let group = format!("/aws/lambda/{}", function.name);
    let own = [
        ("_HANDLER", function.binary.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &function.memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &group),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("LAMBDA_TASK_ROOT", &task),
        ("LAMBDA_RUNTIME_DIR", &task),
        ("TZ", ":UTC"),
    ];
    environment.extend(own.map(text));
    environment
}
