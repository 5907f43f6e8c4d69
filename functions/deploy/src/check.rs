//! The check after a deployment: a URL that has to answer well for a while.

use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use longshore_aws::{
    ids,
    outbound::{self, Lazy},
};
use longshore_core::{
    config::Check,
    release::{DeploymentFact, Fact, Probe, Release},
};
use reqwest::{Client, redirect::Policy};

use crate::Deploy;

/// Between two questions.
const PAUSE: Duration = Duration::from_secs(2);
/// For how long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

impl Deploy {
    /// Asks until it passed, failed, or the time of this invocation is over: then the next goes on.
    pub(crate) async fn check(
        &self,
        release: &Release,
        at: usize,
        deadline: Timestamp,
    ) -> anyhow::Result<Option<Fact>> {
        let deployment = release.deployments.get(at).context("no such deployment")?;
        let check = deployment.plan.check.as_ref().context("nothing to check")?;
        let of = |fact| Ok(Some(Fact::Deployment(at, fact)));
        let Some(probe) = &deployment.probe else {
            return of(DeploymentFact::Probed { failures: 0, last: None });
        };
        let client = self.client.get().map_err(anyhow::Error::msg)?;
        let mut failures = probe.failures;
        loop {
            match ask(client, check).await {
                Ok(()) => failures = 0,
                Err(wrong) => {
                    failures += 1;
                    tracing::info!(release = %release.id, failures, wrong, "the check");
                    if failures >= Probe::FAILURES {
                        return of(DeploymentFact::Probed { failures, last: Some(wrong) });
                    }
                }
            }
            let now = ids::now();
            if failures == 0 && now.duration_since(probe.since) >= check.lasts {
                return of(DeploymentFact::Passed);
            }
            if now > deadline {
                let news = failures != probe.failures;
                return Ok(news.then_some(Fact::Deployment(at, DeploymentFact::Probed { failures, last: None })));
            }
            tokio::time::sleep(PAUSE.min(remaining(check, probe, now))).await;
        }
    }
}

/// Until a check that goes well has passed; not less than a moment.
fn remaining(check: &Check, probe: &Probe, now: Timestamp) -> Duration {
    let left = check.lasts - now.duration_since(probe.since);
    Duration::try_from(left).unwrap_or_default().max(Duration::from_millis(100))
}

/// A client for checks: it follows no redirection, since another page's answer says nothing about this one; and each question has a connection
/// of its own, so that each may come to another task.
pub(crate) const fn client() -> Lazy {
    Lazy::new(|| outbound::builder(PATIENCE, Policy::none()).pool_max_idle_per_host(0).build().ok())
}

/// Asks once; what is wrong with the answer, in a sentence that names no more of it than its status.
async fn ask(client: &Client, check: &Check) -> Result<(), String> {
    match client.get(&check.url).send().await {
        Ok(answer) if answer.status().as_u16() == check.expect => Ok(()),
        Ok(answer) => Err(format!("{} answered {}, not {}", check.url, answer.status().as_u16(), check.expect)),
        Err(error) if error.is_timeout() => {
            Err(format!("{} did not answer within {} s", check.url, PATIENCE.as_secs()))
        }
        Err(error) if error.is_connect() => Err(format!("{} could not be reached", check.url)),
        Err(_) => Err(format!("{} gave no answer that can be read", check.url)),
    }
}
