//! `longshore continue` and `longshore back`: the answer to a deployment that is paused.

use std::process::ExitCode;

use longshore_aws::deeds::Deeds;
use longshore_core::release::Decision;

use crate::{
    answer::Common,
    completions,
    terminal::plain,
    who::{person, reason},
};

const EXAMPLE: &str = "\
Examples:
  longshore continue web#14 production           the traffic goes on to the new version
  longshore back web#14 production               back to what served before, and the release ends as rolled back
  longshore continue web#14 production api       of the service api, where several are paused

A deployment is paused where the service has a PAUSE hook at one of its lifecycle stages. `longshore environments` shows it.

Exit status: 0 done (with --follow: live), 1 refused or failed, 2 wrong usage, 130 after Ctrl-C.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The release: 12, web#12, or its id.
    release: String,
    /// The environment that it is going into.
    #[arg(add = completions::environments())]
    environment: String,
    /// The service; the one that waits where none is named.
    service: Option<String>,
    /// Why: it is recorded, and shown.
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Says on, or back.
pub async fn run(arguments: Arguments, on: bool) -> anyhow::Result<ExitCode> {
    let named = arguments.common.pipelines.named(&arguments.release)?;
    let account = arguments.common.account.open().await?;
    let who = arguments.common.caller.who(&account).await?;
    let (store, events) = (&account.store, account.events());
    let deeds = Deeds { store, events: &events };
    let of = match arguments.common.pipelines.release(&deeds, &named).await {
        Ok(of) => of,
        Err(undone) => return arguments.common.form.undone(undone),
    };
    let decision = Decision { approved: on, by: person(&who, arguments.reason) };
    let (environment, service) = (&arguments.environment, arguments.service.as_deref());
    let outcome = deeds.answer(&of.id, environment, service, decision).await;
    let (number, name) = (format!("{}#{}", plain(&of.pipeline), of.number), plain(environment));
    let word = if on { "on" } else { "back" };
    let text = |_: &_| format!("{number} goes {word} in {name}");
    arguments.common.form.release(store, outcome, text, &arguments.common.follow).await
}
