//! Watching a release until it ends.

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

use anyhow::bail;
use jiff::{SignedDuration, Timestamp};
use longshore_aws::store::Store;
use longshore_core::release::{Release, ReleaseId, State};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    happened::happened,
    output::{INTERRUPTED, interrupted, note, say},
    progress::Progress,
    standing::{self, Standing},
    time::limit,
};

/// Between two looks.
const PACE: Duration = Duration::from_millis(500);

/// `--follow`, for the commands that set a deployment going.
#[derive(clap::Args)]
pub struct Follow {
    /// Show what happens to the release until it ends: exit status 0 when it is live, 1 when not. Ctrl-C ends the look, and not the
    /// deployment.
    #[arg(short, long)]
    follow: bool,
    /// With --follow: for how long, such as 30m or 2h.
    #[arg(long, value_name = "TIME", default_value = "1h", requires = "follow", value_parser = limit)]
    timeout: SignedDuration,
}

/// How watching ended.
pub enum Watched {
    /// The release ended.
    Ended(Box<Release>),
    /// It has not, in the time that was given.
    Open(Box<Release>),
    /// Ctrl-C.
    Interrupted,
}

impl Follow {
    /// Whether it is asked for.
    pub fn is_wanted(&self) -> bool {
        self.follow
    }

    /// Watches a release: `quiet` prints nothing.
    pub async fn watch(&self, store: &Store, release: Release, quiet: bool) -> anyhow::Result<Watched> {
        let limit = Duration::try_from(self.timeout).unwrap_or_default();
        let watching = watch(store, release, Instant::now() + limit, quiet);
        tokio::select! {
            watched = watching => watched,
            () = interrupted() => Ok(Watched::Interrupted),
        }
    }
}

impl Watched {
    /// The exit status, and what is said beside it.
    pub fn status(&self, id: &ReleaseId) -> ExitCode {
        match self {
            Self::Ended(release) if release.state.is_success() => ExitCode::SUCCESS,
            Self::Ended(_) => ExitCode::FAILURE,
            Self::Open(_) => {
                note(&format!("the time is over, and the deployment goes on: longshore release {id}"));
                ExitCode::FAILURE
            }
            Self::Interrupted => {
                note(&format!("the deployment goes on: longshore release {id}"));
                ExitCode::from(INTERRUPTED)
            }
        }
    }
}

async fn watch(store: &Store, release: Release, end: Instant, quiet: bool) -> anyhow::Result<Watched> {
    let (mut release, mut news, mut failing) = (release, News::default(), false);
    let progress = if quiet { Progress::none() } else { Progress::of("") };
    loop {
        if !quiet {
            let lines = news.of(&release, Timestamp::now());
            progress.tell(&format!("{}#{} is {}", release.pipeline, release.number, release.state.word()));
            progress.above(|| lines.iter().for_each(|line| say(line)));
        }
        if release.state.is_end() {
            return Ok(Watched::Ended(Box::new(release)));
        }
        let next = Instant::now() + PACE;
        if next >= end {
            return Ok(Watched::Open(Box::new(release)));
        }
        sleep(PACE).await;
        match timeout_at(end, store.release(&release.id)).await {
            Err(_) => return Ok(Watched::Open(Box::new(release))),
            Ok(Ok(Some(read))) => (release, failing) = (read, false),
            Ok(Ok(None)) => bail!("the release {} is gone from the table", release.id),
            // The table may answer again.
            Ok(Err(error)) if !failing => {
                progress.above(|| note(&format!("{error}; it is asked again")));
                failing = true;
            }
            Ok(Err(_)) => {}
        }
    }
}

/// What was shown, so that each thing is shown once.
#[derive(Debug, Default)]
struct News {
    told: BTreeSet<(Timestamp, String)>,
    standing: Option<(String, Standing)>,
}

impl News {
    /// The lines for what is new: what happened, and what is waited for now.
    fn of(&mut self, release: &Release, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        for (at, text) in happened(release) {
            if self.told.insert((at, text.clone())) {
                lines.push(format!("{}  {text}", at.strftime("%H:%M:%S")));
            }
        }
        let current = release.deployments.iter().find(|deployment| deployment.verdict.is_none());
        if let Some(current) = current.filter(|_| release.state == State::Deploying) {
            let standing = (current.environment.clone(), Standing::of(release, current));
            let waits = match standing.1 {
                Standing::Approval | Standing::Frozen | Standing::Locked | Standing::Paused => true,
                Standing::Waiting
                | Standing::NeverCame
                | Standing::Deploying
                | Standing::GoingBack
                | Standing::Ended(_) => false,
            };
            if waits && self.standing.as_ref() != Some(&standing) {
                let environment = crate::terminal::plain(&current.environment);
                let sentence = standing::sentence(release, current, now);
                lines.push(format!("{}  {environment}: {sentence}", now.strftime("%H:%M:%S")));
            }
            self.standing = Some(standing);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use longshore_core::release::{Lock, Obstacle, Verdict};

    use super::*;
    use crate::sample::{at, end, release};

    #[test]
    fn each_thing_is_shown_once_with_its_time() {
        let (mut release, mut news, mut shown) = (release(14), News::default(), Vec::new());
        let mut see = |release: &Release, second| shown.extend(news.of(release, at(second)));
        see(&release, 41);
        see(&release, 42);
        let lock = Lock { by: "Bob".into(), reason: Some("tide".into()), since: at(0), until: None, rollback: false };
        release.deployments[0].held = Some(Obstacle::Lock(lock));
        see(&release, 43);
        see(&release, 44);
        release.deployments[0].held = None;
        end(&mut release, 0, Verdict::Live, None);
        see(&release, 91);
        end(&mut release, 1, Verdict::Failed, Some("no capacity"));
        (release.state, release.ended, release.reason) = (State::Failed, Some(at(92)), Some("no capacity".into()));
        see(&release, 93);
        see(&release, 94);
        insta::assert_snapshot!(shown.join("\n"), @r"
        19:54:00  main at 0e0e0e0 by Ada accepted
        19:54:01  build web:1 started
        19:54:40  build succeeded
        19:54:43  staging: waits: locked by Bob: tide
        19:54:50  staging: deployment begun
        19:54:51  staging: web goes from staging-web:13 to staging-web:14
        19:55:30  staging: live in 40 s
        19:54:50  production: deployment begun
        19:54:51  production: web goes from production-web:13 to production-web:14
        19:55:30  production: failed after 40 s: no capacity
        19:55:32  release #14 failed: no capacity
        ");
    }
}
