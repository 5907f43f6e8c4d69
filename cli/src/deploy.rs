//! `longshore deploy`: a release goes into an environment by name.

use std::process::ExitCode;

use longshore_aws::{deeds::Deeds, ids};
use longshore_core::release::Release;

use crate::{
    answer::Common,
    output::WrongUsage,
    reference::Reference,
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
    #[arg(value_name = "WHAT", num_args = 2..=3, required = true)]
    what: Vec<String>,
    /// Why: it is recorded, and shown.
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    common: Common,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (pipeline, release, environment) = match &arguments.what[..] {
        [release, environment] => (None, release, environment),
        [pipeline, release, environment] => (Some(pipeline.as_str()), release, environment),
        [] | [..] => return Err(WrongUsage("it takes [PIPELINE] RELEASE ENVIRONMENT".to_owned()).into()),
    };
    let reference = Reference::parse(release).map_err(|why| WrongUsage(format!("{}: {why}", plain(release))))?;
    let account = arguments.common.account.open().await?;
    let who = arguments.common.caller.who(&account).await?;
    let (store, events) = (&account.store, account.events());
    let of = arguments.common.pipelines.release(store, pipeline, &reference).await?;
    let deeds = Deeds { store, events: &events };
    let outcome = deeds.deploy(ids::release_id(), &of.id, environment, person(&who, Some(arguments.reason))).await;
    let name = plain(environment);
    let text = |release: &Release| {
        if release.id == of.id {
            format!("#{} passes what held it before {name}", of.number)
        } else {
            format!("#{} goes into {name} by name, as release #{}", of.number, release.number)
        }
    };
    arguments.common.form.release(store, outcome, text, &arguments.common.follow).await
}
