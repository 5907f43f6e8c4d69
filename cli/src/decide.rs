//! `longshore approve` and `longshore reject`: whether a release may go in where somebody has to say so.

use std::process::ExitCode;

use jiff::Timestamp;
use longshore_aws::deeds::{Deeds, Undone};
use longshore_core::slack::command::{Wanted, Word};

use crate::{answer::Common, completions, terminal::plain, who::reason};

const EXAMPLE: &str = "\
Examples:
  longshore approve web#14 production --reason 'seen on staging' --follow
  longshore reject 14 --reason 'not before the holiday'    where it waits, of the only pipeline here

longshore.toml says who may: `approval = { by = [\"arn:aws:iam::123456789012:role/Release\"] }` names a role, whoever has taken it. Who \
tries and may not is refused, which is recorded. A release that is rejected fails, and nothing of it goes in there.

Exit status: 0 done (with --follow: live), 1 refused or failed, 2 wrong usage, 130 after Ctrl-C.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The release: 12, web#12, or its id.
    release: String,
    /// The environment that it waits for; without one, that in which it waits.
    #[arg(add = completions::environments())]
    environment: Option<String>,
    /// Why: it is recorded, and shown.
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    common: Common,
}

impl Arguments {
    /// What is wanted, as Slack's command says it.
    pub fn wanted(&self, approved: bool) -> anyhow::Result<Wanted> {
        let word = if approved { Word::Approve } else { Word::Reject };
        self.common.pipelines.wanted(word, std::slice::from_ref(&self.release), self.reason.as_deref())
    }
}

/// Says yes (`approved`) or no.
pub async fn run(arguments: Arguments, approved: bool) -> anyhow::Result<ExitCode> {
    let Wanted::Decide { release, approved, reason } = arguments.wanted(approved)? else {
        unreachable!("the word makes it")
    };
    let Common { form, follow, caller, pipelines, account } = arguments.common;
    let account = account.open().await?;
    let who = caller.who(&account).await?;
    let (store, events) = (&account.store, account.events());
    let deeds = Deeds { store, events: &events };
    let decided = async {
        let of = pipelines.release(&deeds, &release).await?;
        let environment = match arguments.environment {
            Some(environment) => environment,
            None => Deeds::awaited(&of)?.to_owned(),
        };
        let decided = deeds.decide(&of.id, &environment, &who, approved, reason, Timestamp::now()).await?;
        Ok::<_, Undone>((decided, environment))
    };
    let (decided, environment) = match Box::pin(decided).await {
        Ok(decided) => decided,
        Err(undone) => return form.undone(undone),
    };
    let (number, name) = (format!("{}#{}", plain(&decided.pipeline), decided.number), plain(&environment));
    let word = if approved { "approved" } else { "rejected" };
    let text = |_: &_| format!("{number} is {word} for {name}");
    form.release(store, Ok(decided), text, &follow).await
}
