//! The end of a build's log.

use std::time::Duration;

use anyhow::Context;
use aws_sdk_codebuild::types::Build;
use longshore_aws::logs::Stream;
use longshore_core::{
    log,
    release::{Build as Kept, Outcome, Release},
};
use tokio::time::timeout;

use crate::Trigger;

/// For how long the fact that a build ended waits for what its log says.
const TIME: Duration = Duration::from_secs(2);
/// How many lines are read for each that is kept: some say nothing.
const READ: usize = 2;

impl Trigger {
    /// The last lines of a release's build that say something, oldest first: at most `lines`, each without colours and tokens, of at most
    /// [`log::LINE`] characters. None where there is no build or no log yet, or where the project logs elsewhere.
    ///
    /// # Errors
    ///
    /// Where CodeBuild or CloudWatch Logs refuses or does not answer: a sentence for whoever asked.
    pub async fn log_lines(&self, release: &Release, lines: usize) -> anyhow::Result<Vec<String>> {
        let Some(id) = &release.build.id else { return Ok(Vec::new()) };
        match self.builds(vec![id.clone()]).await?.first() {
            Some(build) => self.last_lines(build, lines).await,
            None => Ok(Vec::new()),
        }
    }

    /// What a build that ended badly said last. Nothing that fails here keeps its end from being written down.
    pub(super) async fn tail(&self, release: &Release, build: &Build, outcome: Outcome) -> Vec<String> {
        if !outcome.is_told_by_log() || release.state.is_end() {
            return Vec::new();
        }
        let why = match timeout(TIME, self.last_lines(build, Kept::TAIL)).await {
            Ok(Ok(lines)) => return lines,
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("no answer in {} s", TIME.as_secs()),
        };
        tracing::warn!(release = %release.id, why, "the end of the build's log is not shown");
        Vec::new()
    }

    /// Source: <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_LogsLocation.html>.
    async fn last_lines(&self, build: &Build, lines: usize) -> anyhow::Result<Vec<String>> {
        let place = build.logs().and_then(|logs| logs.group_name().zip(logs.stream_name()));
        let Some((group, name)) = place else { return Ok(Vec::new()) };
        let read = self.logs.last(Stream { group, name, region: None }, lines.saturating_mul(READ)).await;
        let read = read.context("the build's log could not be read")?;
        Ok(log::tail(read.iter().map(String::as_str), lines))
    }
}
