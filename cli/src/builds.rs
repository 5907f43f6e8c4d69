//! `longshore builds`: the builds of releases.

mod follow;

use std::process::ExitCode;

use longshore_core::release::ReleaseId;
use serde_json::json;

use crate::{
    account,
    logs::is_closed_pipe,
    output::{self, INTERRUPTED, interrupted},
};
pub use follow::Reader;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print the log of a release's build, by the release's id; `longshore logs` takes a number or a pipeline as well.
    ///
    /// Without --follow: what there is of it now, and exit status 0 when there is a log.
    Logs(LogsArguments),
}

#[derive(clap::Args)]
struct LogsArguments {
    /// The release's id, as the answer to its push and its message show it.
    #[arg(value_parser = account::release)]
    release: ReleaseId,
    /// Wait for the build, and go on until it has ended: exit status 0 when it succeeded, 1 when not.
    #[arg(short, long)]
    follow: bool,
    /// Print one JSON object instead of text: {"release", "lines": [...]}.
    #[arg(long, conflicts_with = "follow")]
    json: bool,
    #[command(flatten)]
    account: account::Arguments,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Command::Logs(LogsArguments { release, follow, json, account }) = arguments.command;
    let reading = async {
        let account = account.open().await?;
        let mut reader = Reader::new(&account, &release, follow, json);
        let code = reader.read().await?;
        if json {
            output::json(&json!({ "release": release.as_str(), "lines": reader.into_lines() }))?;
        }
        Ok(code)
    };
    let read = tokio::select! {
        read = reading => read,
        () = interrupted() => return Ok(ExitCode::from(INTERRUPTED)),
    };
    match read {
        // Whoever read it, such as `head`, has enough.
        Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
        read => read,
    }
}
