//! One instance of a function: a process, the listener that is its Runtime API, and one invocation at a time.

use std::{collections::BTreeMap, io, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    process::Command,
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use super::{
    InvokeError,
    api::{Api, Init, Work},
    log::{self, Log, Tail},
};
use crate::{process::Process, template::Function};

/// How long Lambda lets a function initialise.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>.
const INIT: Duration = Duration::from_secs(10);

/// How an invocation went.
pub(super) enum Outcome {
    Answered(Result<Value, InvokeError>),
    /// The instance died before the function saw the invocation: another may have it.
    Untouched,
}

pub(super) struct Instance {
    pub process: Process,
    work: mpsc::Sender<Work>,
    init: watch::Receiver<Init>,
    tail: Arc<Tail>,
    readers: TaskTracker,
}

impl Instance {
    /// Starts the process; it is not ready yet.
    pub async fn start(
        function: &Function,
        program: &Path,
        environment: &BTreeMap<String, String>,
        log: &Arc<Log>,
    ) -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let mut command = Command::new(program);
        command.env_clear().envs(environment).env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string());
        let stream =
            format!("{}/[$LATEST]{}", jiff::Timestamp::now().strftime("%Y/%m/%d"), crate::uuid().replace('-', ""));
        command.env("AWS_LAMBDA_LOG_STREAM_NAME", stream);
        let (process, output, errors) = Process::spawn(command)?;

        let (work, queue) = mpsc::channel(1);
        let api = Api::new(local_protocol::arn("lambda", &format!("function:{}", function.name)), queue);
        let init = api.init.subscribe();
        let server = tokio::spawn(axum::serve(listener, api.router()).into_future());

        let (tail, readers) = (Arc::new(Tail::default()), TaskTracker::new());
        let (log_output, tail_output) = (log.clone(), tail.clone());
        readers.spawn(async move { log::copy(output, &log_output, &tail_output).await });
        let (log_errors, tail_errors) = (log.clone(), tail.clone());
        readers.spawn(async move { log::copy(errors, &log_errors, &tail_errors).await });
        readers.close();

        let instance = Arc::new(Self { process, work, init, tail, readers });
        let (pid, ended, log) = (instance.process.pid(), instance.process.exited(), log.clone());
        tokio::spawn(async move {
            log.line(&format!("[{pid}] {}", ended.await));
            server.abort();
        });
        Ok(instance)
    }

    /// Waits until the function asks for its first invocation.
    pub async fn ready(&self) -> Result<(), String> {
        let mut init = self.init.clone();
        let changed = async move { init.wait_for(|state| *state != Init::Starting).await.map(|state| state.clone()) };
        let state = tokio::select! {
            biased;
            Ok(state) = changed => state,
            reason = self.process.exited() => Init::Failed(reason),
            () = tokio::time::sleep(INIT) => Init::Failed(format!("Init timed out after {:.2} seconds", INIT.as_secs_f64())),
        };
        match state {
            Init::Ready => Ok(()),
            Init::Starting => Err("the function did not start".to_owned()),
            Init::Failed(reason) => {
                // A function that posts its failure may still have something to say before it ends by itself.
                let _ = timeout(Duration::from_secs(1), self.process.exited()).await;
                self.process.kill().await;
                let _ = timeout(Duration::from_secs(1), self.readers.wait()).await;
                Err(format!("{reason}{}", self.tail.text()))
            }
        }
    }

    /// Gives the function one invocation. The caller sees to it that there is one at a time.
    pub async fn invoke(&self, payload: Bytes, limit: Duration) -> Outcome {
        let request = crate::uuid();
        let (taken, mut accepted) = oneshot::channel();
        let (answer, mut answered) = oneshot::channel();
        let work = Work { request: request.clone(), payload, timeout: limit, taken, answer };
        if self.work.send(work).await.is_err() {
            return Outcome::Untouched;
        }
        tokio::select! {
            biased;
            Ok(()) = &mut accepted => {}
            _ = self.process.exited() => {
                if accepted.try_recv().is_err() {
                    return Outcome::Untouched;
                }
            }
        }
        let result = tokio::select! {
            biased;
            Ok(result) = &mut answered => result,
            reason = self.process.exited() => Err(InvokeError::Exited { request, reason }),
            () = tokio::time::sleep(limit) => {
                self.process.kill().await;
                Err(InvokeError::TimedOut { request, seconds: limit.as_secs_f64() })
            }
        };
        Outcome::Answered(result)
    }
}
