//! `longshore approve` and `longshore reject`: whether a release may go in where somebody has to say so.

use std::process::ExitCode;

use jiff::Timestamp;
use longshore_aws::deeds::Deeds;

use crate::{answer::Common, reference::Reference, terminal::plain, who::reason};

const EXAMPLE: &str = "\
Examples:
  longshore approve web#14 production --reason 'seen on staging' --follow
  longshore reject 14 production --reason 'not before the holiday'

longshore.toml says who may: `approval = { by = [\"arn:aws:iam::123456789012:role/Release\"] }` names a role, whoever has taken it. Who \
tries and may not is refused, which is recorded. A release that is rejected fails, and nothing of it goes in there.

Exit status: 0 done (with --follow: live), 1 refused or failed, 2 wrong usage, 130 after Ctrl-C.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The release: 12, web#12, or its id.
    #[arg(value_parser = Reference::parse)]
    release: Reference,
    /// The environment that it waits for.
    environment: String,
    /// Why: it is recorded, and shown.
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Says yes (`approved`) or no.
pub async fn run(arguments: Arguments, approved: bool) -> anyhow::Result<ExitCode> {
    let account = arguments.common.account.open().await?;
    let who = arguments.common.caller.who(&account).await?;
    let (store, events) = (&account.store, account.events());
    let of = arguments.common.pipelines.release(store, None, &arguments.release).await?;
    let deeds = Deeds { store, events: &events };
    let outcome =
        deeds.decide(&of.id, &arguments.environment, &who, approved, arguments.reason, Timestamp::now()).await;
    let (number, name) = (format!("{}#{}", plain(&of.pipeline), of.number), plain(&arguments.environment));
    let word = if approved { "approved" } else { "rejected" };
    let text = |_: &_| format!("{number} is {word} for {name}");
    arguments.common.form.release(store, outcome, text, &arguments.common.follow).await
}
