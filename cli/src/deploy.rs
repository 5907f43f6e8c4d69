//! `longshore deploy`: a release goes into an environment by name.

use std::process::ExitCode;

use longshore_aws::{deeds::Deeds, ids};
use longshore_core::{
    release::Release,
    slack::command::{Wanted, Word},
};

use crate::{
    answer::Common,
    completions,
    terminal::plain,
    who::{person, reason},
};

const EXAMPLE: &str = "\
Examples:
  longshore deploy web 14 production --reason 'the fix cannot wait'
  longshore deploy web#14 production --reason 'the fix cannot wait' --follow
  longshore deploy 14 production --reason 'as agreed'     of the only pipeline here

Where the release waits at a lock or a freeze, it passes. Otherwise its images go in again, by a release with a number of its own: \
nothing is built, and what ran before its services (migrations) runs again only where it was never live. An approval that the \
environment asks for is asked for. The lock that came with a rollback goes; one that somebody set stays.

Exit status: 0 done (with --follow: live), 1 refused or failed, 2 wrong usage, 130 after Ctrl-C.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
#[command(override_usage = "longshore deploy [OPTIONS] --reason <REASON> [PIPELINE] <RELEASE> <ENVIRONMENT>")]
pub struct Arguments {
    /// The pipeline, which may be left out with web#12 and an id, or where longshore.toml has only one; the release: 12, web#12 or its id;
    /// and the environment.
    #[arg(value_name = "WHAT", num_args = 2..=3, required = true, add = completions::places())]
    what: Vec<String>,
    /// Why: it is recorded, and shown.
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    common: Common,
}

impl Arguments {
    /// What is wanted, as Slack's command says it.
    pub fn wanted(&self) -> anyhow::Result<Wanted> {
        self.common.pipelines.wanted(Word::Promote, &self.what, None)
    }
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Wanted::Promote { release, environment } = arguments.wanted()? else { unreachable!("the word makes it") };
    let Common { form, follow, caller, pipelines, account } = arguments.common;
    let account = account.open().await?;
    let who = caller.who(&account).await?;
    let (store, events) = (&account.store, account.events());
    let deeds = Deeds { store, events: &events };
    let of = match pipelines.release(&deeds, &release).await {
        Ok(of) => of,
        Err(undone) => return form.undone(undone),
    };
    let outcome = deeds.deploy(ids::release_id(), &of.id, &environment, person(&who, Some(arguments.reason))).await;
    let name = plain(&environment);
    let text = |release: &Release| {
        if release.id == of.id {
            format!("#{} passes what held it before {name}", of.number)
        } else {
            format!("#{} goes into {name} by name, as release #{}", of.number, release.number)
        }
    };
    form.release(store, outcome, text, &follow).await
}
