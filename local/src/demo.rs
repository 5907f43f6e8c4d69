//! The demo: the sample application through the whole path, twice, by real pushes.

mod timeline;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use longshore_core::release::{Release, ReleaseId, State};

use crate::{Stack, repository::git};
pub use timeline::Timeline;

/// A release that takes longer than this has hung.
const DEADLINE: Duration = Duration::from_mins(10);

/// A working copy of the sample, with a remote that is the local repository of the pipeline.
pub struct Sample {
    directory: PathBuf,
}

/// A release that went through, with the time from push to live.
pub struct Gone {
    /// Its record at the end.
    pub release: Release,
    /// From the start of `git push`.
    pub lead_time: Duration,
}

impl Sample {
    /// Copies the sample (`source`) and the reusable `buildspec` into a new working copy at `directory`.
    pub async fn make(directory: &Path, source: &Path, buildspec: &Path, remote: &Path) -> anyhow::Result<Self> {
        copy(source, directory).with_context(|| format!("{} could not be copied", source.display()))?;
        std::fs::copy(buildspec, directory.join("buildspec.yml"))
            .with_context(|| format!("{} could not be copied", buildspec.display()))?;
        let sample = Self { directory: directory.to_owned() };
        sample.git(&["init", "--quiet", "--initial-branch=main"]).await?;
        sample.git(&["remote", "add", "origin", &remote.to_string_lossy()]).await?;
        Ok(sample)
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Commits everything.
    pub async fn commit(&self, message: &str) -> anyhow::Result<String> {
        self.git(&["add", "--all"]).await?;
        let author = ["-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.com"];
        self.git(&[&author[..], &["commit", "--quiet", "--allow-empty", "--message", message]].concat()).await?;
        Ok(self.git(&["rev-parse", "HEAD"]).await?.trim().to_owned())
    }

    /// Pushes, and returns what the remote's hook said.
    pub async fn push(&self) -> anyhow::Result<String> {
        self.git(&["push", "--quiet", "origin", "HEAD:main"]).await
    }

    async fn git(&self, arguments: &[&str]) -> anyhow::Result<String> {
        git(&self.directory, arguments).await
    }
}

/// The release that an answer of the webhook names.
pub fn release_in(answer: &str) -> Option<ReleaseId> {
    let (_, rest) = answer.split_once("\"release\":\"")?;
    ReleaseId::parse(rest.get(..26)?)
}

/// Pushes what was committed, and shows its way until it ended.
pub async fn push(stack: &Stack, sample: &Sample, print: &mut dyn FnMut(String)) -> anyhow::Result<Gone> {
    let start = Instant::now();
    let answer = sample.push().await?;
    let Some(id) = release_in(&answer) else { bail!("the push started no release: {}", answer.trim()) };
    let mut timeline = Timeline::new(start);
    print(timeline.line(&format!("pushed; release {id}")));
    let release = loop {
        let release = stack.release(&id).await?;
        for line in timeline.news(&release) {
            print(line);
        }
        if release.state.is_end() {
            break release;
        }
        if start.elapsed() > DEADLINE {
            bail!("the release is {} after {} minutes", release.state.word(), DEADLINE.as_secs() / 60);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    if release.state != State::Live {
        let log = release.build.log.as_deref().unwrap_or("none");
        bail!(
            "the release is {}: {} (log: {log})",
            release.state.word(),
            release.reason.as_deref().unwrap_or("no reason")
        );
    }
    Ok(Gone { release, lead_time: start.elapsed() })
}

/// Gets a page; retried until it answers 200 with `wanted` in it.
pub async fn page_with(url: &str, wanted: &str) -> anyhow::Result<String> {
    let client = local_protocol::http();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let page = match client.get(url).send().await {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        if page.contains(wanted) {
            return Ok(page);
        }
        if Instant::now() > deadline {
            bail!("{url} does not show {wanted:?}; it shows {:.300}", page.trim());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
