//! `longshore environments`: what is live where, and what waits.

use std::{fmt::Write as _, process::ExitCode};

use jiff::Timestamp;
use longshore_aws::store::Store;
use longshore_core::{
    environment::{Environment, Live},
    release::{Release, Verdict},
    text::shorten,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    account, completions, output, records,
    reference::Pipelines,
    standing::{Standing, sentence},
    table::{self, Colour, cell, coloured},
    terminal::plain,
    time::{date, span},
};

/// How many of the newest releases are looked at for what waits.
const LOOKED_AT: usize = 20;

const EXAMPLE: &str = "\
Example:
  $ longshore environments web
  web staging     #14  9f3c2ab  live for 3 min  Show the tide
  web production  #12  1205f22  live for 26 h   Say hello
      locked by arn:aws:iam::123456789012:user/ada for 2 h: rolled back to #12
      #14 waits: locked by arn:aws:iam::123456789012:user/ada: rolled back to #12";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The pipeline; without one, all of longshore.toml.
    #[arg(add = completions::pipelines())]
    pipeline: Option<String>,
    /// Print one JSON object instead of text: {"environments": [{"pipeline", "environment", "live", "lock", "open"}]}.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pipelines: Pipelines,
    #[command(flatten)]
    account: account::Arguments,
}

/// An environment as it is.
struct Seen {
    pipeline: String,
    name: String,
    record: Environment,
    /// The message of the commit that is live.
    message: String,
    /// What is on its way there, or waits before it, the newest first.
    open: Vec<Release>,
}

/// Exit status: 0 when they could be read.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let pipelines = arguments.pipelines.all(arguments.pipeline.as_deref())?;
    let account = arguments.account.open().await?;
    let mut seen = Vec::new();
    for pipeline in &pipelines {
        seen.extend(look(&account.store, pipeline, &arguments.pipelines).await?);
    }
    let now = Timestamp::now();
    if arguments.json {
        let environments: Vec<_> = seen.iter().map(|seen| told(seen, now)).collect();
        output::json(&json!({ "environments": environments }))?;
    } else if seen.is_empty() {
        output::note(&format!("the table {} knows no environment of {}", account.table(), pipelines.join(", ")));
    } else {
        output::say(shown(&seen, now, table::width()).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// The environments of a pipeline, in order: those of its newest release of a push, and those of longshore.toml.
async fn look(store: &Store, pipeline: &str, pipelines: &Pipelines) -> anyhow::Result<Vec<Seen>> {
    let newest = records::read(store, &store.newest_releases(pipeline, None, LOOKED_AT).await?).await?;
    let pushed = newest.iter().find(|release| release.asked.is_none() && release.wished.is_none()).or(newest.first());
    let mut names: Vec<String> = pushed.iter().flat_map(|release| environments_of(release)).collect();
    // The file may be another repository's: it only adds to what the table knows.
    if let Ok(config) = pipelines.config()
        && let Some(configured) = config.pipeline(pipeline)
    {
        let configured = configured.environments.iter().map(|environment| environment.name.clone());
        names.extend(configured.filter(|name| !names.contains(name)).collect::<Vec<_>>());
    }
    let mut seen = Vec::new();
    for name in names {
        let record = store.environment(pipeline, &name).await?;
        let message = match record.live.first() {
            None => String::new(),
            Some(live) => match newest.iter().find(|release| release.id == live.release) {
                Some(release) => release.commit.message.clone(),
                None => store.release(&live.release).await?.map(|release| release.commit.message).unwrap_or_default(),
            },
        };
        let open = newest.iter().filter(|release| is_open(release, &name)).cloned().collect();
        seen.push(Seen { pipeline: pipeline.to_owned(), name, record, message, open });
    }
    Ok(seen)
}

fn environments_of(release: &Release) -> impl Iterator<Item = String> {
    release.deployments.iter().map(|deployment| deployment.environment.clone())
}

fn is_open(release: &Release, environment: &str) -> bool {
    release.deployment_to(environment).is_ok_and(|(_, one)| Standing::of(release, one).is_open())
}

/// An environment for programs.
#[derive(Serialize)]
struct Told<'a> {
    pipeline: &'a str,
    environment: &'a str,
    live: Option<&'a Live>,
    lock: Option<&'a longshore_core::release::Lock>,
    open: Vec<Open<'a>>,
}

/// A release that is on its way into an environment, or waits before it.
#[derive(Serialize)]
struct Open<'a> {
    release: &'a str,
    number: u64,
    standing: &'static str,
}

fn told(seen: &Seen, now: Timestamp) -> Told<'_> {
    let open = seen.open.iter().filter_map(|release| {
        let (_, deployment) = release.deployment_to(&seen.name).ok()?;
        let standing = Standing::of(release, deployment).word();
        Some(Open { release: release.id.as_str(), number: release.number, standing })
    });
    Told {
        pipeline: &seen.pipeline,
        environment: &seen.name,
        live: seen.record.live.first(),
        lock: seen.record.lock.as_ref().filter(|lock| lock.holds(now)),
        open: open.collect(),
    }
}

fn shown(seen: &[Seen], now: Timestamp, width: Option<usize>) -> String {
    let rows: Vec<_> = seen.iter().map(|seen| row(seen, now)).collect();
    let mut text = String::new();
    // One table, so that the columns are below each other, with each environment's notes between its lines.
    for (line, seen) in table::fitting(&rows, 0, width).lines().zip(seen) {
        let _ = writeln!(text, "{line}");
        for note in notes(seen, now) {
            let _ = writeln!(text, "    {note}");
        }
    }
    text
}

fn row(seen: &Seen, now: Timestamp) -> Vec<crate::table::Cell> {
    let name = coloured(format!("{} {}", seen.pipeline, seen.name), Colour::Bold);
    let Some(live) = seen.record.live.first() else {
        return vec![name, cell(""), cell(""), coloured("nothing is live", Colour::Dim)];
    };
    let number = match live.of {
        Some(of) => format!("#{} (of #{of})", live.number),
        None => format!("#{}", live.number),
    };
    let commit: String = live.commit.chars().take(7).collect();
    let since = coloured(format!("live for {}", span(live.at, now)), Standing::Ended(Verdict::Live).colour());
    vec![name, cell(number), cell(commit), since, cell(shorten(&seen.message, 60))]
}

/// The lock, and what is on its way or waits.
fn notes(seen: &Seen, now: Timestamp) -> Vec<String> {
    let lock = seen.record.lock.as_ref().filter(|lock| lock.holds(now)).map(|lock| {
        let until = lock.until.map(|until| format!(", until {}", date(until))).unwrap_or_default();
        let why = lock.reason.as_deref().map(|why| format!(": {}", plain(why))).unwrap_or_default();
        Colour::Open.of(&format!("locked by {} for {}{until}{why}", plain(&lock.by), span(lock.since, now)))
    });
    let open = seen.open.iter().filter_map(|release| {
        let (_, deployment) = release.deployment_to(&seen.name).ok()?;
        Some(format!("#{} {}", release.number, sentence(release, deployment, now)))
    });
    lock.into_iter().chain(open).collect()
}

#[cfg(test)]
mod tests {
    use longshore_core::release::{Lock, Obstacle};

    use super::*;
    use crate::sample::{at, end, release};

    #[test]
    fn what_is_live_is_a_line_and_what_is_locked_and_waits_is_below_it() {
        let mut live = release(12);
        end(&mut live, 1, Verdict::Live, None);
        let lock = Lock { by: "Bob".into(), reason: Some("tide".into()), since: at(0), until: None, rollback: false };
        let mut waiting = release(14);
        waiting.deployments[1].held = Some(Obstacle::Lock(lock.clone()));
        assert!(is_open(&waiting, "production") && !is_open(&waiting, "staging") && !is_open(&live, "production"));
        let mut record = Environment { lock: Some(lock), ..Environment::default() };
        assert!(record.went_live(Live::of(&live, at(90))));
        let seen = |name: &str, record: Environment, open: Vec<Release>| Seen {
            pipeline: "web".into(),
            name: name.into(),
            message: record.live.first().map(|_| "Change 12".to_owned()).unwrap_or_default(),
            record,
            open,
        };
        let all = [seen("staging", Environment::default(), Vec::new()), seen("production", record, vec![waiting])];
        insta::assert_snapshot!(anstream::adapter::strip_str(&shown(&all, at(7200), None)), @r"
        web staging                   nothing is live
        web production  #12  0c0c0c0  live for 2 h     Change 12
            locked by Bob for 2 h: tide
            #14 waits: locked by Bob: tide
        ");
    }
}
