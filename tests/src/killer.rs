//! Kills `trigger` at a call to CodeBuild.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    extract::Request,
    http::StatusCode,
    middleware::{Next, from_fn},
    response::IntoResponse,
};
use local_lambda::runtime::Host;
use longshore_local::{Middleware, Stack};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::within;

/// Comes between the functions and CodeBuild: kills every instance of `trigger` at a call.
#[derive(Clone)]
pub struct Killer(Arc<Inner>);

struct Inner {
    target: String,
    /// Whether the call reaches CodeBuild.
    passes: bool,
    host: OnceLock<Arc<Host>>,
    killed: AtomicUsize,
}

impl Inner {
    /// Kills every instance, once, and waits until none is left; whether it did. Nobody is killed before the stack is armed.
    async fn kill(&self) -> bool {
        let Some(host) = self.host.get().filter(|_| self.killed.load(Ordering::SeqCst) == 0) else { return false };
        for process in host.processes("Trigger") {
            let process = Pid::from_raw(i32::try_from(process).expect("a process id"));
            kill(process, Signal::SIGKILL).expect("the process was there");
            self.killed.fetch_add(1, Ordering::SeqCst);
        }
        let gone = async {
            while !host.processes("Trigger").is_empty() {
                tokio::task::yield_now().await;
            }
        };
        within("trigger is gone", gone).await;
        true
    }
}

impl Killer {
    /// Lets the first call of this action reach CodeBuild, and kills before the answer is there.
    pub fn after(action: &str) -> Self {
        Self::at(action, true)
    }

    /// Kills before the first call of this action reaches CodeBuild.
    pub fn before(action: &str) -> Self {
        Self::at(action, false)
    }

    fn at(action: &str, passes: bool) -> Self {
        let target = format!("CodeBuild_20161006.{action}");
        Self(Arc::new(Inner { target, passes, host: OnceLock::new(), killed: AtomicUsize::new(0) }))
    }

    /// What the stack is started with.
    pub fn middleware(&self) -> Middleware {
        let inner = self.0.clone();
        Box::new(move |router| {
            router.layer(from_fn(move |request: Request, next: Next| {
                let inner = inner.clone();
                async move {
                    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
                    let meant = target == Some(&inner.target);
                    if meant && !inner.passes && inner.kill().await {
                        // Nobody is there any more to read it.
                        return StatusCode::SERVICE_UNAVAILABLE.into_response();
                    }
                    let answer = next.run(request).await;
                    if meant && inner.passes {
                        inner.kill().await;
                    }
                    answer
                }
            }))
        })
    }

    /// From now on the first such call is the last thing that `trigger` does.
    pub fn arm(&self, stack: &Stack) {
        let _ = self.0.host.set(stack.host.clone());
    }

    /// How many processes were killed.
    pub fn killed(&self) -> usize {
        self.0.killed.load(Ordering::SeqCst)
    }
}
