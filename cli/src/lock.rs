//! `longshore lock` and `longshore unlock`: whether anything goes into an environment by itself.

use std::process::ExitCode;

use jiff::Timestamp;
use longshore_aws::deeds::Deeds;
use longshore_core::{
    release::Lock,
    slack::command::{Unclear, Wanted, Word},
};
use serde_json::json;

use crate::{
    account,
    answer::Form,
    completions,
    output::WrongUsage,
    reference::Pipelines,
    terminal::plain,
    time::{date, until},
    who::{Caller, person, reason},
};

const LOCK_EXAMPLE: &str = "\
Examples:
  longshore lock web production --reason 'the database is being moved'
  longshore lock web production --reason 'on the stage' --until 2h
  longshore lock production --reason holidays --until 2027-01-02T08:00:00+01:00

What is being deployed there goes on to its end. Everything after it waits, says so in its message, and goes on by itself when the lock \
is taken away or ends. `longshore deploy` lets one release pass, and `longshore rollback` is never held. A lock replaces the one before.

Exit status: 0 done, 1 refused or failed, 2 wrong usage.";

const UNLOCK_EXAMPLE: &str = "\
Example:
  longshore unlock web production

The release that waits there goes on at once.

Exit status: 0 done, 1 it was not locked or it failed, 2 wrong usage.";

#[derive(clap::Args)]
#[command(after_help = LOCK_EXAMPLE)]
#[command(override_usage = "longshore lock [OPTIONS] --reason <REASON> [PIPELINE] <ENVIRONMENT>")]
pub struct LockArguments {
    /// The pipeline, which may be left out where longshore.toml has only one, and the environment.
    #[arg(value_name = "PLACE", num_args = 1..=2, required = true, add = completions::places())]
    place: Vec<String>,
    /// Why: whoever waits there reads it.
    #[arg(long, value_parser = reason)]
    reason: String,
    /// Until when: 30m, 2h or 7d from now, or a moment such as 2026-12-24T18:00:00+01:00. Without it, until it is unlocked.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    caller: Caller,
    #[command(flatten)]
    pipelines: Pipelines,
    #[command(flatten)]
    account: account::Arguments,
}

#[derive(clap::Args)]
#[command(after_help = UNLOCK_EXAMPLE)]
#[command(override_usage = "longshore unlock [OPTIONS] [PIPELINE] <ENVIRONMENT>")]
pub struct UnlockArguments {
    /// The pipeline, which may be left out where longshore.toml has only one, and the environment.
    #[arg(value_name = "PLACE", num_args = 1..=2, required = true, add = completions::places())]
    place: Vec<String>,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    pipelines: Pipelines,
    #[command(flatten)]
    account: account::Arguments,
}

impl LockArguments {
    /// What is wanted, as Slack's command says it.
    pub fn wanted(&self) -> anyhow::Result<Wanted> {
        self.pipelines.wanted(Word::Lock, &self.place, Some(&self.reason))
    }
}

impl UnlockArguments {
    /// What is wanted, as Slack's command says it.
    pub fn wanted(&self) -> anyhow::Result<Wanted> {
        self.pipelines.wanted(Word::Unlock, &self.place, None)
    }
}

pub async fn lock(arguments: LockArguments) -> anyhow::Result<ExitCode> {
    let Wanted::Lock { pipeline, environment, reason } = arguments.wanted()? else { unreachable!("the word makes it") };
    let now = Timestamp::now();
    let end = arguments.until.as_deref().map(|text| until(text, now)).transpose();
    let end = end.map_err(|why| WrongUsage(format!("--until: {why}")))?;
    let account = arguments.account.open().await?;
    let known = known(&account, &pipeline, &environment, &arguments.pipelines).await?;
    if let Err(why) = known {
        return arguments.form.refused(&why);
    }
    let who = arguments.caller.who(&account).await?;
    let by = person(&who, reason);
    let lock = Lock { by: by.name, reason: by.reason, since: now, until: end, rollback: false };
    let events = account.events();
    let deeds = Deeds { store: &account.store, events: &events };
    if let Err(undone) = deeds.lock(&pipeline, &environment, &lock).await {
        return arguments.form.undone(undone);
    }
    let end = end.map(|end| format!(" until {}", date(end))).unwrap_or_default();
    let text = format!("{} {} is locked{end}", plain(&pipeline), plain(&environment));
    arguments.form.done(&text, json!({ "pipeline": pipeline, "environment": environment, "lock": lock }))
}

pub async fn unlock(arguments: UnlockArguments) -> anyhow::Result<ExitCode> {
    let Wanted::Unlock { pipeline, environment, .. } = arguments.wanted()? else { unreachable!("the word makes it") };
    let account = arguments.account.open().await?;
    let events = account.events();
    let deeds = Deeds { store: &account.store, events: &events };
    let name = format!("{} {}", plain(&pipeline), plain(&environment));
    match deeds.unlock(&pipeline, &environment).await {
        Err(undone) => arguments.form.undone(undone),
        Ok(false) => arguments.form.refused(&format!("{name} was not locked")),
        Ok(true) => {
            let object = json!({ "pipeline": pipeline, "environment": environment });
            arguments.form.done(&format!("{name} is unlocked"), object)
        }
    }
}

/// Whether there is such an environment, by the newest releases or the configuration here; if not, why not. A lock that is misspelt
/// would hold nothing, and nobody would notice.
async fn known(
    account: &account::Account,
    pipeline: &str,
    environment: &str,
    pipelines: &Pipelines,
) -> anyhow::Result<Result<(), String>> {
    const LOOKED_AT: usize = 20;
    let newest = account.store.newest_releases(pipeline, None, LOOKED_AT).await?;
    let newest = crate::records::read(&account.store, &newest).await?;
    let deployments = newest.iter().flat_map(|release| &release.deployments);
    let mut names: Vec<String> = deployments.map(|deployment| deployment.environment.clone()).collect();
    if let Ok(config) = pipelines.config()
        && let Some(configured) = config.pipeline(pipeline)
    {
        names.extend(configured.environments.iter().map(|environment| environment.name.clone()));
    }
    names.sort_unstable();
    names.dedup();
    if names.iter().any(|name| name == environment) {
        return Ok(Ok(()));
    }
    Ok(Err(match &names[..] {
        [] => format!("nothing is known of a pipeline {pipeline}: neither a release nor a longshore.toml here"),
        names => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            Unclear::no_environment(pipeline, environment, &names).to_string()
        }
    }))
}
