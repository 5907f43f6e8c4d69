//! `longshore builds`: the builds of releases.

mod follow;

use std::{io, process::ExitCode};

use longshore_core::release::ReleaseId;

use crate::{
    account,
    output::{INTERRUPTED, interrupted},
};
use follow::Reader;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print the log of a release's build.
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
    #[command(flatten)]
    account: account::Arguments,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Command::Logs(LogsArguments { release, follow, account }) = arguments.command;
    let reading = async {
        let account = account.open().await?;
        Reader::new(&account, &release, follow).read().await
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

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
