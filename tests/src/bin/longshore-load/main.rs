//! `make load`: many deliveries at once through the real `trigger`, and whether any was lost or doubled.
//!
//! A local stack runs twenty pipelines on twenty repositories. Pushes of all of them are sent as GitHub sends them, signed, over
//! connections that are kept; one delivery in ten is one that was sent before, at once with it or later. CodeBuild is replaced by a list
//! of what was asked of it, and `notify` and `deploy` get no events: what is measured is what it takes to accept deliveries, on a
//! machine that plays Lambda, API Gateway, DynamoDB and EventBridge at the same time. Of `trigger` as many instances may run as there
//! are deliveries under way, as on Lambda.
//!
//! What came of it is read from the table and checked ([`check`]). The status is 0 when all is right, 1 when something is wrong (which is
//! said on standard error, with where the logs are), 130 when it was interrupted. A run takes three minutes at most, and ends all that it started.

mod builds;
mod check;
mod figures;
mod plan;
mod run;
mod send;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Parser;
use longshore_local::{Interrupted, Stack};
use longshore_tests::show_logs;
use tempfile::TempDir;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use builds::Builds;
use plan::Plan;

/// From the beginning to the last check.
const DEADLINE: Duration = Duration::from_secs(150);
/// For the end of everything that was started.
const GRACE: Duration = Duration::from_secs(20);
/// A shell's status for what Ctrl-C ended.
const INTERRUPTED: u8 = 130;
/// How many faults are told one by one.
const TOLD: usize = 20;

/// Sends many deliveries at once to a local stack, and checks that none is lost or doubled.
#[derive(Debug, Parser)]
#[command(name = "longshore-load")]
struct Arguments {
    /// How many deliveries are sent; one in ten was sent before.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(20..=5000))]
    deliveries: u16,
    /// How many are under way at once.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    concurrency: u16,
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("there is no runtime")?;
    let code = runtime.block_on(load(&arguments));
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

async fn load(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let interrupted = interrupted()?;
    tokio::pin!(interrupted);
    let deadline = tokio::time::Instant::now() + DEADLINE;
    let directory = tempfile::Builder::new().prefix("longshore-load-").tempdir()?;
    let plan = Plan::new(arguments.deliveries.into());
    let config = directory.path().join("longshore.toml");
    std::fs::write(&config, plan.config())?;
    let builds = Builds::default();
    let concurrency = usize::from(arguments.concurrency);
    let options = run::options(directory.path(), config, concurrency, &builds)?;
    let stack = match Stack::start(options, &mut interrupted).await {
        Ok(stack) => stack,
        Err(error) if error.is::<Interrupted>() => return Ok(ExitCode::from(INTERRUPTED)),
        Err(error) => return Err(error),
    };
    say(&format!("the stack runs; {} deliveries follow, {concurrency} at once", plan.queue.len()));
    let ran = tokio::select! {
        ran = tokio::time::timeout_at(deadline, run::run(&stack, plan, concurrency, &builds)) => Some(ran),
        () = &mut interrupted => None,
    };
    let logs = stack.logs().to_owned();
    if timeout(GRACE, stack.shutdown()).await.is_err() {
        say("the stack did not end by itself, and was killed");
    }
    let figures = match ran {
        None => return Ok(ExitCode::from(INTERRUPTED)),
        Some(Ok(figures)) => figures?,
        Some(Err(_)) => {
            show_logs(&logs);
            bail!("the run was not over after {} s", DEADLINE.as_secs());
        }
    };
    let shown = if arguments.json { format!("{:#}\n", figures.json()) } else { figures.table() };
    std::io::stdout().write_all(shown.as_bytes())?;
    if figures.wrong.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    show_logs(&logs);
    say(&format!("the logs of the functions and the items of the table are in {}", kept(directory, &logs)?.display()));
    for fault in figures.wrong.iter().take(TOLD) {
        say(&format!("wrong: {fault}"));
    }
    if let Some(more) = figures.wrong.len().checked_sub(TOLD).filter(|more| *more > 0) {
        say(&format!("wrong: and {more} more"));
    }
    Ok(ExitCode::FAILURE)
}

/// Keeps the folder of the logs, out of a directory that goes otherwise; where it is then.
fn kept(directory: TempDir, logs: &Path) -> anyhow::Result<PathBuf> {
    let kept = tempfile::Builder::new().prefix("longshore-load-logs-").tempdir()?.keep();
    for entry in std::fs::read_dir(logs)? {
        let entry = entry?;
        std::fs::copy(entry.path(), kept.join(entry.file_name()))?;
    }
    directory.close()?;
    Ok(kept)
}

/// Until Ctrl-C, or until somebody asks for the end; from now on neither ends the process by itself.
fn interrupted() -> anyhow::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn say(text: &str) {
    eprintln!("load: {text}");
}
