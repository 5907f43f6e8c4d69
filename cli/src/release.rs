//! `longshore release`: everything about one release.

mod shown;

use std::process::ExitCode;

use jiff::Timestamp;
use longshore_aws::deeds::{Deeds, Undone};

use crate::{account, answer::refusal, output, reference::Pipelines};

const EXAMPLE: &str = "\
Examples:
  longshore release 12                 of the only pipeline in longshore.toml
  longshore release web#12 --local     of the local stack in .local/stack
  longshore release 01JD0000000000000000000000 --json | jq .deployments

It shows the commit, the build with its stages and its log's page, the images, and of each environment: who approved, what ran \
first and what it logged, which service went from which revision to which, and, where it failed, ECS's events, the tasks that \
stopped, the targets that were not healthy and the last lines of a container's log; then what happened, in order.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The release: 12, web#12, or its id.
    release: String,
    /// Print its whole record as JSON instead of text: what the table has.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pipelines: Pipelines,
    #[command(flatten)]
    account: account::Arguments,
}

/// Exit status: 0 when it could be read, however it ended.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let named = arguments.pipelines.named(&arguments.release)?;
    let account = arguments.account.open().await?;
    let events = account.events();
    let deeds = Deeds { store: &account.store, events: &events };
    let release = match arguments.pipelines.release(&deeds, &named).await {
        Ok(release) => release,
        Err(Undone::Refused(why)) => return refusal(&why, arguments.json),
        Err(Undone::Store(error)) => return Err(error.into()),
    };
    if arguments.json {
        output::json(&release)?;
    } else {
        output::say(shown::shown(&release, Timestamp::now()).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}
