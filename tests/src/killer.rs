//! Kills `trigger` between StartBuild and its record.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    extract::Request,
    middleware::{Next, from_fn},
};
use local_lambda::runtime::Host;
use longshore_local::{Middleware, Stack};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::within;

/// Comes between the functions and CodeBuild: lets StartBuild reach it, and kills every instance of `trigger` before the answer does.
#[derive(Clone, Default)]
pub struct Killer(Arc<Inner>);

#[derive(Default)]
struct Inner {
    host: OnceLock<Arc<Host>>,
    killed: AtomicUsize,
}

impl Inner {
    /// Kills every instance, once, and waits until none is left. Nobody is killed before the stack is armed.
    async fn kill(&self) {
        let Some(host) = self.host.get().filter(|_| self.killed.load(Ordering::SeqCst) == 0) else { return };
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
    }
}

impl Killer {
    /// What the stack is started with.
    pub fn middleware(&self) -> Middleware {
        let inner = self.0.clone();
        Box::new(move |router| {
            router.layer(from_fn(move |request: Request, next: Next| {
                let inner = inner.clone();
                async move {
                    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
                    let starts = target == Some("CodeBuild_20161006.StartBuild");
                    let answer = next.run(request).await;
                    if starts {
                        inner.kill().await;
                    }
                    answer
                }
            }))
        })
    }

    /// From now on the first StartBuild is the last thing that `trigger` does.
    pub fn arm(&self, stack: &Stack) {
        let _ = self.0.host.set(stack.host.clone());
    }

    /// How many processes were killed.
    pub fn killed(&self) -> usize {
        self.0.killed.load(Ordering::SeqCst)
    }
}
