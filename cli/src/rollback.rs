//! `longshore rollback`: an environment goes back to an earlier live release.

use std::{
    fmt::Write as _,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    process::ExitCode,
};

use jiff::Timestamp;
use longshore_aws::{
    deeds::{Deeds, To, Undone},
    ids,
    store::Store,
};
use longshore_core::{
    environment::{Environment, Live},
    message::revision,
    release::{Deployment, Release},
    slack::command::{Wanted, Word},
    text::list,
};

use crate::{
    answer::Common,
    completions,
    output::{WrongUsage, note},
    table::Colour,
    terminal::plain,
    time::span,
    who::{person, reason},
};

const EXAMPLE: &str = "\
Examples:
  longshore rollback web production --reason 'checkout is broken'    to what was live before
  longshore rollback web production 12 --yes --follow                to #12, not asking, watching
  longshore rollback production                                      of the only pipeline here

Nothing is built: the services run the revisions again that were live with that release. The environment is locked with it, so that no \
push goes in over it: `longshore unlock` takes the lock away, and so does `longshore deploy`, which takes a release there by name. \
While another release is on its way, a rollback without RELEASE goes to what is live now.

Exit status: 0 done (with --follow: live), 1 refused or failed, 2 wrong usage, 130 after Ctrl-C.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
#[command(override_usage = "longshore rollback [OPTIONS] [PIPELINE] <ENVIRONMENT> [RELEASE]")]
pub struct Arguments {
    /// The pipeline, which may be left out where longshore.toml has only one; the environment; and the release to go back to: 12, web#12
    /// or its id. Of two, the second is the release where it looks like one.
    #[arg(value_name = "PLACE", num_args = 1..=3, required = true, add = completions::places())]
    place: Vec<String>,
    /// Why: it is recorded, and shown with the lock.
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    common: Common,
}

impl Arguments {
    /// What is wanted, as Slack's command says it.
    pub fn wanted(&self) -> anyhow::Result<Wanted> {
        self.common.pipelines.wanted(Word::RollBack, &self.place, None)
    }
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Wanted::RollBack { pipeline, environment, to } = arguments.wanted()? else { unreachable!("the word makes it") };
    if !arguments.yes && (!io::stdin().is_terminal() || !arguments.common.form.is_text()) {
        return Err(WrongUsage("nobody can be asked here: --yes goes back without".to_owned()).into());
    }
    let Common { form, follow, caller, pipelines: _, account } = arguments.common;
    let account = account.open().await?;
    let who = caller.who(&account).await?;
    let (store, events) = (&account.store, account.events());
    let deeds = Deeds { store, events: &events };
    // What is asked about is what is done, whatever goes live meanwhile.
    let target = match deeds.target(&pipeline, &environment, To::from(to.as_ref())).await {
        Ok(target) => target,
        Err(undone) => return form.undone(undone),
    };
    if !arguments.yes {
        note(&change(store, &pipeline, &environment, &target).await?);
        if !confirmed()? {
            return form.refused("nothing was done");
        }
    }
    let to = To::Release(target.id.clone());
    let by = person(&who, arguments.reason);
    let outcome = deeds.roll_back(ids::release_id(), &pipeline, &environment, to, by).await;
    let (pipeline, environment) = (plain(&pipeline), plain(&environment));
    let text = |release: &Release| {
        let (to, number) = (target.number, release.number);
        format!(
            "{environment} goes back to {pipeline}#{to} as release #{number}, and is locked: longshore unlock {pipeline} {environment}"
        )
    };
    form.release(store, outcome, text, &follow).await
}

/// What would change, for whoever is asked.
async fn change(store: &Store, pipeline: &str, environment: &str, target: &Release) -> Result<String, Undone> {
    let (known, current) = store.environment_with_live(pipeline, environment).await?;
    Ok(told(&known, current.as_ref(), environment, target, Timestamp::now()))
}

fn told(known: &Environment, current: Option<&Release>, name: &str, target: &Release, now: Timestamp) -> String {
    let mut text = format!("{} goes back\n", Colour::Bold.of(&plain(&format!("{} {name}", target.pipeline))));
    let live = known.live.first();
    let since = live.map(|live| format!(", live for {}", span(live.at, now))).unwrap_or_default();
    let from = match current {
        // Back to what is live, while another is on its way.
        Some(current) if current.id == target.id => {
            known.newest.map_or("what is on its way".to_owned(), |newest| format!("#{newest}, which is on its way"))
        }
        Some(current) => format!("{}{since}", commit(current)),
        None => "nothing that is known".to_owned(),
    };
    let _ = writeln!(text, "  from {from}\n  to   {}", commit(target));
    let undone: Vec<String> = undone(known, target).map(|live| format!("#{}", live.number)).collect();
    if undone.len() > 1 {
        let _ = writeln!(text, "  undone: {}", list(undone, "and"));
    }
    for (service, was, is) in ways(current, target, name).into_iter().filter(|(_, was, is)| was != is) {
        let _ = writeln!(text, "  service {}: {} → {}", plain(service), plain(was), plain(is));
    }
    let stays = current.is_some_and(|current| current.id == target.id);
    let newer = known.newest.filter(|newest| !stays && live.is_some_and(|live| *newest > live.number));
    if let Some(newer) = newer {
        let _ = writeln!(text, "  #{newer} came after what is live: where it is still on its way, it is superseded");
    }
    text + "  and is locked until someone unlocks it, or deploys by name"
}

/// `#12 1205f22 Say hello, by Ada`
fn commit(release: &Release) -> String {
    let commit = &release.commit;
    let of = release.asked.as_ref().map(|asked| format!(" (of #{})", asked.number)).unwrap_or_default();
    let by = if commit.author.is_empty() { String::new() } else { format!(", by {}", plain(&commit.author)) };
    format!("#{}{of} {} {}{by}", release.number, plain(commit.short()), plain(&commit.message))
}

/// What was live after the target.
fn undone<'a>(known: &'a Environment, target: &Release) -> impl Iterator<Item = &'a Live> {
    let target = target.asked.as_ref().map_or(target.number, |asked| asked.number);
    known.live.iter().filter(move |live| live.of.is_none() && live.number > target)
}

/// Each service with the revision that it runs with what is live, and the one that it gets.
fn ways<'a>(current: Option<&'a Release>, target: &'a Release, name: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let deployment = |release: &'a Release| -> Option<&'a Deployment> { Some(release.deployment_to(name).ok()?.1) };
    let now = current.and_then(deployment).map(|deployment| &deployment.services[..]).unwrap_or_default();
    let of = |service: &str| {
        let found = now.iter().find(|other| other.service == service);
        found.and_then(|found| found.task_definition.as_deref()).map_or("?", revision)
    };
    let services = deployment(target).map(|deployment| &deployment.services[..]).unwrap_or_default();
    let gets = services.iter().filter_map(|service| Some((service, revision(service.task_definition.as_deref()?))));
    gets.map(|(service, gets)| (service.service.as_str(), of(&service.service), gets)).collect()
}

/// Asks on the terminal. Only `y` and `yes` are a yes; Ctrl-C ends the program, as nothing has begun.
fn confirmed() -> anyhow::Result<bool> {
    anstream::eprint!("Go back? [y/N] ");
    io::stderr().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests;
