//! `longshore cancel` and `longshore retry`: a release that is to end, and one that is tried once more.

use std::process::ExitCode;

use longshore_aws::deeds::{Deeds, Undone};
use longshore_core::{
    release::{Person, Release, State},
    slack::command::{Key, Named, Wanted, Word},
};

use crate::{
    answer::Common,
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
    release: String,
    /// Why: it is recorded, and shown.
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    common: Common,
}

impl Arguments {
    /// What is wanted by `cancel`, as Slack's command says it.
    pub fn wanted(&self) -> anyhow::Result<Wanted> {
        self.common.pipelines.wanted(Word::Cancel, std::slice::from_ref(&self.release), None)
    }
}

/// Ends it.
pub async fn cancel(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Wanted::Cancel { release } = arguments.wanted()? else { unreachable!("the word makes it") };
    let deed = async |deeds: Deeds<'_>, of: &Release, by| Box::pin(deeds.cancel(&of.id, by)).await;
    let told = |number: &str, release: &Release| match release.state {
        State::Cancelled => format!("{number} is cancelled"),
        State::Waiting
        | State::Requested
        | State::Building
        | State::Deploying
        | State::Built
        | State::Live
        | State::RolledBack
        | State::Failed
        | State::Superseded => format!("{number} is being cancelled: what it has begun goes back first"),
    };
    run(arguments, release, deed, told).await
}

/// Tries it once more.
pub async fn retry(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let named = arguments.common.pipelines.named(&arguments.release)?;
    let again = async |deeds: Deeds<'_>, of: &Release, by| {
        let new = Key::of_retry(&of.id).release(of.ended.unwrap_or(of.accepted));
        Box::pin(deeds.retry(new, &of.id, by)).await
    };
    let told = |number: &str, release: &Release| format!("{number} is tried once more, as release #{}", release.number);
    run(arguments, named, again, told).await
}

async fn run(
    arguments: Arguments,
    named: Named,
    deed: impl AsyncFnOnce(Deeds<'_>, &Release, Person) -> Result<Release, Undone>,
    told: impl Fn(&str, &Release) -> String,
) -> anyhow::Result<ExitCode> {
    let Common { form, follow, caller, pipelines, account } = arguments.common;
    let account = account.open().await?;
    let who = caller.who(&account).await?;
    let (store, events) = (&account.store, account.events());
    let deeds = Deeds { store, events: &events };
    let of = match pipelines.release(&deeds, &named).await {
        Ok(of) => of,
        Err(undone) => return form.undone(undone),
    };
    let outcome = deed(deeds, &of, person(&who, arguments.reason)).await;
    let number = format!("{}#{}", plain(&of.pipeline), of.number);
    let text = |release: &Release| told(&number, release);
    form.release(store, outcome, text, &follow).await
}
