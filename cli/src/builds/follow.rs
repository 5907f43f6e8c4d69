//! The log of a release's build, from its first line to its last: the record names the build, CodeBuild its log stream, CloudWatch
//! Logs has the lines.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, anyhow, bail};
use aws_sdk_cloudwatchlogs::{operation::get_log_events::GetLogEventsError, types::OutputLogEvent};
use aws_sdk_codebuild::types::Build;
use longshore_aws::clients::told;
use longshore_core::{
    event::outcome,
    release::{Outcome, Release, ReleaseId},
};
use tokio::time::{Instant, sleep};

use crate::{account::Account, output::note, progress::Progress, terminal};

/// Between two looks.
const PACE: Duration = Duration::from_secs(2);
/// After its build ended, a log is at its end once nothing new came for so long: CloudWatch Logs shows a line some time after it was
/// written.
const QUIET: Duration = Duration::from_secs(10);
/// The same for a local stack, whose logs are whole when their builds end.
const QUIET_LOCALLY: Duration = Duration::from_secs(1);

/// Reads the log of one release's build.
pub struct Reader<'a> {
    account: &'a Account,
    codebuild: aws_sdk_codebuild::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    release: &'a ReleaseId,
    follow: bool,
    quiet: Duration,
    /// The lines that were read, where they are kept and not printed.
    kept: Option<Vec<String>>,
}

/// Where a build's log is.
struct Stream {
    group: String,
    name: String,
    /// What goes on after the events that were read.
    token: Option<String>,
}

impl<'a> Reader<'a> {
    /// A reader; no call is made.
    pub fn new(account: &'a Account, release: &'a ReleaseId, follow: bool, keep: bool) -> Self {
        let quiet = if account.is_local() { QUIET_LOCALLY } else { QUIET };
        let kept = keep.then(Vec::new);
        Self { account, codebuild: account.codebuild(), logs: account.logs(), release, follow, quiet, kept }
    }

    /// The lines that were kept.
    pub fn into_lines(self) -> Vec<String> {
        self.kept.unwrap_or_default()
    }

    /// Prints the log, or keeps it.
    pub async fn read(&mut self) -> anyhow::Result<ExitCode> {
        let id = self.build_id().await?;
        let (mut stream, mut told, mut quiet) = (None, false, Quiet::default());
        loop {
            // Before its log: when it had ended, nothing more is written.
            let build = self.build(&id).await?;
            let ended = build.build_status().and_then(|status| outcome(status.as_str()));
            stream = stream.or_else(|| stream_of(&build));
            let printed = match &mut stream {
                Some(stream) => self.print(stream).await?,
                None => None,
            };
            let found = printed.is_some();
            let lasted = quiet.lasted(ended.is_some(), printed.unwrap_or_default(), Instant::now());
            if !self.follow || lasted >= self.quiet {
                return self.verdict(&build, found, ended);
            }
            if !found && !told {
                note(&format!("waiting for the log of {id}"));
                told = true;
            }
            // It is taken away before lines come.
            let progress = if found { Progress::none() } else { Progress::of("no line yet") };
            sleep(PACE).await;
            drop(progress);
        }
    }

    /// CodeBuild's id of the build; waits for it, where asked to follow.
    async fn build_id(&self) -> anyhow::Result<String> {
        let mut told = false;
        loop {
            let release = self.record().await?;
            if let Some(id) = release.build.id {
                return Ok(id);
            }
            if release.state.is_end() {
                let reason = release.reason.unwrap_or_else(|| release.state.word().to_owned());
                bail!("the release {} ended before it had a build: {reason}", self.release);
            }
            if !self.follow {
                bail!("CodeBuild has not taken the build of {} yet: --follow waits for it", self.release);
            }
            if !told {
                note("waiting for CodeBuild to take the build");
                told = true;
            }
            sleep(PACE).await;
        }
    }

    async fn record(&self) -> anyhow::Result<Release> {
        let table = self.account.table();
        let read = self.account.store.release(self.release).await;
        let read = read.with_context(|| format!("the table {table} cannot be read"))?;
        read.with_context(|| format!("there is no release {} in the table {table}", self.release))
    }

    async fn build(&self, id: &str) -> anyhow::Result<Build> {
        let answer = self.codebuild.batch_get_builds().ids(id).send().await;
        let answer = answer.map_err(|error| anyhow!(told(&error)).context(format!("the build {id} cannot be read")))?;
        let build = answer.builds.unwrap_or_default().into_iter().next();
        build.with_context(|| format!("CodeBuild no longer has the build {id}"))
    }

    /// Prints what there is of the log after what was printed, and counts its events; `None` when it is not there yet.
    async fn print(&mut self, stream: &mut Stream) -> anyhow::Result<Option<usize>> {
        let mut printed = 0;
        loop {
            let request = self.logs.get_log_events().log_group_name(&stream.group).log_stream_name(&stream.name);
            let answer = request.start_from_head(true).set_next_token(stream.token.clone()).send().await;
            let page = match answer {
                Ok(page) => page,
                Err(error)
                    if error.as_service_error().is_some_and(GetLogEventsError::is_resource_not_found_exception) =>
                {
                    return Ok(None);
                }
                Err(error) => {
                    let log = format!("the log {} in {} cannot be read", stream.name, stream.group);
                    return Err(anyhow!(told(&error)).context(log));
                }
            };
            match &mut self.kept {
                Some(kept) => {
                    let messages = page.events().iter().filter_map(OutputLogEvent::message);
                    kept.extend(messages.map(|message| message.trim_end_matches(['\r', '\n']).to_owned()));
                }
                None => write(page.events())?,
            }
            printed += page.events().len();
            // The end has the token that it was asked with.
            let token = page.next_forward_token.or_else(|| stream.token.clone());
            if token == stream.token {
                return Ok(Some(printed));
            }
            stream.token = token;
        }
    }

    fn verdict(&self, build: &Build, found: bool, ended: Option<Outcome>) -> anyhow::Result<ExitCode> {
        let id = build.id().unwrap_or_default();
        let status = build.build_status().map_or("without a status", |status| status.as_str());
        match (found, ended) {
            (false, Some(_)) => bail!("the build {id} ended without a log: {status}"),
            (false, None) => {
                let phase = build.current_phase().unwrap_or("not begun");
                bail!("the build {id} has no log yet ({phase}): --follow waits for it")
            }
            (true, Some(ended)) if self.follow => {
                note(&format!("{id}: {status}"));
                Ok(if ended == Outcome::Succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            (true, Some(_) | None) => Ok(ExitCode::SUCCESS),
        }
    }
}

/// Since when a log is quiet whose build has ended.
#[derive(Default)]
struct Quiet(Option<Instant>);

impl Quiet {
    /// For how long that is, after a look that printed so many events.
    fn lasted(&mut self, ended: bool, printed: usize, now: Instant) -> Duration {
        if !ended {
            return Duration::ZERO;
        }
        if printed > 0 {
            self.0 = None;
        }
        now.duration_since(*self.0.get_or_insert(now))
    }
}

/// Where a build's log is, once CodeBuild has a stream for it.
fn stream_of(build: &Build) -> Option<Stream> {
    let logs = build.logs()?;
    Some(Stream { group: logs.group_name()?.to_owned(), name: logs.stream_name()?.to_owned(), token: None })
}

/// Prints events, as they are for a program, and harmless for a terminal. An event whose message does not end its line gets an end.
fn write(events: &[OutputLogEvent]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let (person, colours) = (out.is_terminal(), AutoStream::choice(&out) != ColorChoice::Never);
    for message in events.iter().filter_map(OutputLogEvent::message) {
        if person {
            out.write_all(terminal::harmless(message, colours).as_bytes())?;
        } else {
            out.write_all(message.as_bytes())?;
        }
        if !message.ends_with('\n') {
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_quiet_since_the_last_look_that_found_something_after_the_build_had_ended() {
        let begin = Instant::now();
        let mut quiet = Quiet::default();
        let mut look =
            |second: u64, ended, printed| quiet.lasted(ended, printed, begin + Duration::from_secs(second)).as_secs();
        let looks = [
            (look(0, false, 0), 0),
            (look(20, false, 3), 0),
            (look(40, true, 0), 0),
            (look(48, true, 0), 8),
            (look(50, true, 2), 0),
            (look(58, true, 0), 8),
            (look(60, true, 0), 10),
        ];
        assert!(looks.iter().all(|(lasted, expected)| lasted == expected), "{looks:?}");
    }
}
