//! What `trigger` does each minute, whatever events came.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use longshore_aws::{
    ids, metrics,
    together::{each, from_anywhere},
};
use longshore_core::release::{OpenFor, Release, State};
use tokio::time::{Instant, timeout, timeout_at};

use crate::Trigger;

/// How long a tick takes at most. Lambda ends an invocation after 25 seconds.
const TIME: Duration = Duration::from_secs(20);
/// How much of it is for the releases, and for what people want done; the rest is for what GitHub failed to deliver.
const FOR_RELEASES: Duration = Duration::from_secs(12);
/// How much is left for the last request to GitHub, once no further one is begun.
const LAST_REQUEST: Duration = Duration::from_secs(4);

impl Trigger {
    /// Looks after every release whose build has not ended, and what people want done, then asks for deliveries that failed. What fails here is logged and no
    /// error: the next tick is the better retry.
    pub(crate) async fn tick(&self) {
        let end = Instant::now() + TIME;
        let seen = Mutex::default();
        let both = async { tokio::join!(self.look_after_open(&seen), self.see_to_errands()) };
        match timeout(FOR_RELEASES, Box::pin(both)).await {
            Ok((releases, errands)) => {
                if let Err(error) = releases {
                    tracing::error!("{error:#}: the open releases are not known");
                }
                if let Err(error) = errands {
                    tracing::error!("{error:#}: the commands that are left are not known");
                }
            }
            Err(_) => {
                tracing::warn!("the releases and commands were not all looked after in time: the next tick goes on");
            }
        }
        seen.into_inner().unwrap_or_else(PoisonError::into_inner).tell(ids::now());
        match timeout_at(end, Box::pin(self.redeliver_failed(end - LAST_REQUEST))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("{error:#}: GitHub was not asked for what it failed to deliver"),
            Err(_) => tracing::warn!("GitHub was not asked for everything in time: the next tick goes on"),
        }
    }

    /// Begins anywhere among them, so that those that are not come to in time are come to on another tick. One that fails does not keep
    /// the others waiting.
    async fn look_after_open(&self, seen: &Mutex<Seen>) -> anyhow::Result<()> {
        let mut open = self.store.open_releases(OpenFor::Build).await?;
        open.extend(self.store.open_releases(OpenFor::Deployment).await?);
        Box::pin(each(from_anywhere(open), |id| async move {
            let read = match self.store.release(&id).await {
                Ok(Some(release)) => release,
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(release = %id, %error, "it cannot be read");
                    let unread = Seen { due: None, stuck: 1 };
                    return seen.lock().unwrap_or_else(PoisonError::into_inner).add(&unread);
                }
            };
            let mut found = Seen::of(&read, ids::now());
            match Box::pin(self.bring_on(read)).await {
                Ok(release) => found = Seen::of(&release, ids::now()),
                Err(error) => tracing::error!(release = %id, "{error:#}"),
            }
            seen.lock().unwrap_or_else(PoisonError::into_inner).add(&found);
        }))
        .await;
        Ok(())
    }
}

/// What a tick saw of the releases that wait for a build, once it had done for them what it could.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Since when the oldest of those is to be started that CodeBuild has not taken yet.
    due: Option<Timestamp>,
    /// How many have not moved for longer than they may, or cannot be read.
    stuck: usize,
}

impl Seen {
    /// Those of one release. One that is being deployed is for `deploy` to count.
    fn of(release: &Release, now: Timestamp) -> Self {
        let waits = release.state == State::Requested && release.build.id.is_none();
        let stuck = release.state != State::Deploying && release.is_stuck(now);
        Self { due: release.build.due.filter(|_| waits), stuck: usize::from(stuck) }
    }

    fn add(&mut self, other: &Self) {
        self.due = self.due.into_iter().chain(other.due).min();
        self.stuck += other.stuck;
    }

    /// Nothing where there is nothing: a metric without values costs nothing.
    fn tell(&self, now: Timestamp) {
        if let Some(due) = self.due {
            metrics::queue_age(now.duration_since(due));
        }
        metrics::stuck(self.stuck);
    }
}
