//! `longshore build`: a branch or a commit is built and released, as Slack's command does it.
//!
//! Which commit a branch is at, the function `trigger` asks the provider, whose token it has. So what is wanted is written down in the table, as for
//! somebody in Slack, and done by the function; what became of it is read there.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use longshore_aws::{ids, store::Store};
use longshore_core::{
    release::Release,
    slack::command::{Errand, Key, Outcome, Wanted, Word},
};
use tokio::time::{Instant, sleep};

use crate::{
    answer::Common,
    completions,
    output::{INTERRUPTED, interrupted, note},
    progress::Progress,
    terminal::plain,
};

/// Between two looks.
const PACE: Duration = Duration::from_millis(300);
/// For how long it is waited for: an event tells the function at once, and otherwise its tick within a minute.
const PATIENCE: Duration = Duration::from_secs(90);

const EXAMPLE: &str = "\
Examples:
  longshore build web                                        the head of the pipeline's own branch
  longshore build web release/2.4 --environment staging      of another branch that it builds, for one environment alone
  longshore build web 1205f22 --follow                       a commit: its whole id, or seven digits

What the pipeline's `branches` and `tags` do not name is not built. Freezes, approvals and locks that somebody set hold such a release; \
the lock of a rollback goes with it. The function `trigger` does it at once, or within a minute.

Exit status: 0 recorded (with --follow: live), 1 refused or failed, 2 wrong usage, 130 after Ctrl-C.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
#[command(override_usage = "longshore build [OPTIONS] <PIPELINE> [BRANCH|COMMIT]")]
pub struct Arguments {
    /// The pipeline, and the branch, tag or commit; without one, the pipeline's own branch.
    #[arg(value_name = "WHAT", num_args = 1..=2, required = true, add = completions::pipelines())]
    what: Vec<String>,
    /// The only environment that it goes to; all of the pipeline's without one.
    #[arg(long, value_name = "NAME", add = completions::environments())]
    environment: Option<String>,
    #[command(flatten)]
    common: Common,
}

impl Arguments {
    /// What is wanted, as Slack's command says it.
    pub fn wanted(&self) -> anyhow::Result<Wanted> {
        let mut words = self.what.clone();
        if let Some(environment) = &self.environment {
            words.extend(["to".to_owned(), environment.clone()]);
        }
        self.common.pipelines.wanted(Word::Start, &words, None)
    }
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let wanted = arguments.wanted()?;
    let Common { form, follow, caller, pipelines: _, account } = arguments.common;
    let account = account.open().await?;
    let who = caller.who(&account).await?;
    let id = ids::release_id();
    let key = Key::of_call(&id);
    let errand = Errand::called(id.clone(), &who.name, wanted, None, ids::now());
    let store = &account.store;
    store.keep_errand(&key, &errand, None).await?;
    account.events().command(&key).await;
    let outcome = tokio::select! {
        outcome = outcome(store, &key) => outcome?,
        () = interrupted() => {
            note(&format!("it is written down, and will be done: longshore release {id}"));
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    let Some(outcome) = outcome else {
        let patience = PATIENCE.as_secs();
        bail!("it is written down, and was not done within {patience} s: longshore release {id} will show it");
    };
    if let Some(why) = outcome.refused {
        return form.refused(&why);
    }
    let release = store.release(&id).await?.with_context(|| format!("there is no release {id}"))?;
    form.release(store, Ok(release), told, &follow).await
}

/// What became of it; `None`: nothing yet.
pub async fn outcome(store: &Store, key: &Key) -> anyhow::Result<Option<Outcome>> {
    let end = Instant::now() + PATIENCE;
    let progress = Progress::of("waiting for trigger to take it");
    loop {
        if let Some(outcome) = store.errand_outcome(key).await? {
            return Ok(Some(outcome));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        progress.tell("waiting for trigger to take it");
        sleep(PACE).await;
    }
}

fn told(release: &Release) -> String {
    let (pipeline, number) = (plain(&release.pipeline), release.number);
    let (name, commit) = (plain(&release.reference.name), plain(release.commit.short()));
    let at = if commit.is_empty() { String::new() } else { format!(" at {commit}") };
    format!("{pipeline}#{number} builds {name}{at}: release {}", release.id)
}
