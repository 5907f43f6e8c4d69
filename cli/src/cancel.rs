//! `longshore cancel` and `longshore retry`: a release that is to end, and one that is tried once more.

use std::process::ExitCode;

use longshore_aws::deeds::Deeds;
use longshore_core::{
    release::{Release, State},
    slack::command::Key,
};

use crate::{
    answer::Common,
    reference::Reference,
    terminal::plain,
    who::{person, reason},
};

const EXAMPLE: &str = "\
Examples:
  longshore cancel web#14 --reason 'wrong branch'    its build is stopped; what it has begun to deploy goes back
  longshore retry web#14 --follow                    its image once more, from the environment on that it did not get into

A release that has no image cannot be tried again from here: press Retry in Slack, or push.

Exit status: 0 done (with --follow: live), 1 refused or failed, 2 wrong usage, 130 after Ctrl-C.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The release: 12, web#12, or its id.
    #[arg(value_parser = Reference::parse)]
    release: Reference,
    /// Why: it is recorded, and shown.
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Ends it.
pub async fn cancel(arguments: Arguments) -> anyhow::Result<ExitCode> {
    run(
        arguments,
        async |deeds: Deeds<'_>, of: &Release, by| Box::pin(deeds.cancel(&of.id, by)).await,
        |number, release| match release.state {
            State::Cancelled => format!("{number} is cancelled"),
            _ => format!("{number} is being cancelled: what it has begun goes back first"),
        },
    )
    .await
}

/// Tries it once more.
pub async fn retry(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let again = async |deeds: Deeds<'_>, of: &Release, by| {
        let new = Key::of_retry(&of.id).release(of.ended.unwrap_or(of.accepted));
        Box::pin(deeds.retry(new, &of.id, by)).await
    };
    run(arguments, again, |number, release| format!("{number} is tried once more, as release #{}", release.number))
        .await
}

async fn run(
    arguments: Arguments,
    deed: impl AsyncFnOnce(
        Deeds<'_>,
        &Release,
        longshore_core::release::Person,
    ) -> Result<Release, longshore_aws::deeds::Undone>,
    told: impl Fn(&str, &Release) -> String,
) -> anyhow::Result<ExitCode> {
    let account = arguments.common.account.open().await?;
    let who = arguments.common.caller.who(&account).await?;
    let (store, events) = (&account.store, account.events());
    let of = arguments.common.pipelines.release(store, None, &arguments.release).await?;
    let outcome = deed(Deeds { store, events: &events }, &of, person(&who, arguments.reason)).await;
    let number = format!("{}#{}", plain(&of.pipeline), of.number);
    let text = |release: &Release| told(&number, release);
    arguments.common.form.release(store, outcome, text, &arguments.common.follow).await
}
