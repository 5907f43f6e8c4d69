//! What is done for a delivery once it is recorded: its builds are started, and what it takes the place of is brought to its end.

use std::sync::{Mutex, PoisonError};

use longshore_aws::{ids, store::Acceptance, together::each};
use longshore_core::release::{Fact, Newer, Release, ReleaseId, State};
use tokio::time::{Instant, timeout_at};

use crate::{Trigger, plan::Superseded};

/// A delivery that is recorded, and what is to be done for it. Nothing of that can fail the delivery: what is not done here, the tick
/// does.
pub(crate) struct Recorded {
    /// Why nothing answers it: it starts nothing itself.
    pub(crate) ignored: Option<String>,
    /// The releases that answer it: its own, in the order in which they were made.
    answer: Vec<Answered>,
    /// Commits that are released again because of it. They are no answer to it.
    again: Vec<Release>,
    superseded: Vec<Superseded>,
}

/// A release that answers a delivery.
#[derive(Clone)]
pub(crate) struct Answered {
    /// Its id.
    pub(crate) id: ReleaseId,
    /// Its record; `None` while it is not read.
    pub(crate) release: Option<Release>,
    /// Whether this delivery made it.
    new: bool,
}

impl Recorded {
    /// One that was recorded now.
    pub(crate) fn now(acceptance: Acceptance<'_>, superseded: Vec<Superseded>, ignored: Option<String>) -> Self {
        let mut releases = acceptance.releases;
        let mut answered = |id: ReleaseId| {
            let place = releases.iter().position(|release| release.id == id);
            let release = place.map(|place| releases.swap_remove(place));
            Answered { new: release.is_some(), id, release }
        };
        let answer = acceptance.answer.into_iter().map(&mut answered).collect();
        Self { ignored, answer, again: releases, superseded }
    }

    /// One that was recorded before, with these releases.
    pub(crate) fn before(ids: Vec<ReleaseId>) -> Self {
        let answer = ids.into_iter().map(|id| Answered { id, release: None, new: false }).collect();
        Self { ignored: None, answer, again: Vec::new(), superseded: Vec::new() }
    }
}

impl Trigger {
    /// Starts the builds of a delivery that is recorded, then ends what they take the place of, and starts what is released again because
    /// of it: as far as that comes until then. What is answered are the releases as they are known in the end.
    pub(crate) async fn start(&self, recorded: Recorded, until: Instant) -> Vec<Answered> {
        let Recorded { answer, again, superseded, ignored: _ } = recorded;
        let releases = answer.clone();
        let answer = Mutex::new(answer);
        let advanced = |place: usize, release: Release| {
            answer.lock().unwrap_or_else(PoisonError::into_inner)[place].release = Some(release);
        };
        let work = async {
            each(releases.into_iter().enumerate(), async |(place, answered)| {
                if let Some(release) = Box::pin(self.start_one(answered)).await {
                    advanced(place, release);
                }
            })
            .await;
            self.supersede(&superseded).await;
            each(again, async |release| {
                let again = Answered { id: release.id.clone(), release: Some(release), new: true };
                Box::pin(self.start_one(again)).await;
            })
            .await;
        };
        let in_time = timeout_at(until, Box::pin(work)).await.is_ok();
        let answer = answer.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !in_time {
            tracing::warn!("not all was done for a delivery in time: the tick goes on");
            // What was started or delayed told of itself; of what is as it was recorded, nobody has heard.
            let recorded =
                answer.iter().filter(|answered| answered.new).filter_map(|answered| answered.release.as_ref());
            for release in recorded.filter(|release| release.state == State::Requested && release.version == 1) {
                self.events.changed(release).await;
            }
        }
        answer
    }

    /// Brings a release to its build; `None` where it cannot be read.
    async fn start_one(&self, Answered { id, release, new }: Answered) -> Option<Release> {
        let release = match release {
            Some(release) => release,
            None => match self.store.release(&id).await {
                Ok(release) => release?,
                Err(error) => {
                    tracing::error!(release = %id, %error, "it answers a delivery, and cannot be read");
                    return None;
                }
            },
        };
        if new {
            tracing::info!(
                release = %release.id, delivery = release.delivery, pipeline = release.pipeline,
                repository = release.repository, commit = release.commit.id, state = release.state.word(), "accepted"
            );
            // People see that it is there: what is started now publishes itself.
            if release.build.due.is_none() || release.state.is_end() {
                self.events.changed(&release).await;
            }
        }
        match self.advance(release.clone()).await {
            Ok(advanced) => Some(advanced),
            Err(error) => {
                tracing::error!(release = %id, "{error:#}: the tick will try again");
                Some(release)
            }
        }
    }

    /// Ends releases that newer ones took the place of, and stops their builds. What fails here, the tick does.
    async fn supersede(&self, superseded: &[Superseded]) {
        for Superseded { older, by } in superseded {
            for id in older {
                match self.end(id, by).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => tracing::warn!(release = %id, "{error:#}: the tick will end it"),
                }
            }
        }
    }

    /// Ends one; whether it was still there to be ended.
    async fn end(&self, id: &ReleaseId, by: &Newer) -> anyhow::Result<bool> {
        let fact = Fact::Superseded(by.clone());
        match Box::pin(self.store.apply(id, None, fact, ids::now())).await? {
            Some(Ok(changed)) if changed.changed => {
                self.events.changed(&changed.release).await;
                self.advance(changed.release).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
