//! `longshore rebuild`: what is live, built once more on the base image of today, as a release.
//!
//! The release is asked for by name and made by `trigger`, as for `longshore build`; locks, freezes and approvals hold it as they hold a push's,
//! since nobody meant to pass them. It is not made where another release came in between the look and the build: then that is newer.

mod look;
mod registry;

use std::process::ExitCode;

use longshore_aws::ids;
use longshore_core::{
    release::Release,
    slack::command::{Errand, Key, LONGEST_REASON, Rebuild, Wanted},
    text::shorten,
};
use serde_json::{Value, json};

use crate::{
    account::{self, Account},
    answer::Form,
    build, completions,
    output::WrongUsage,
    progress::Progress,
    reference::Pipelines,
    table::{Cell, Colour, cell, coloured, fitting, width},
    terminal::plain,
    who::{Caller, reason},
};
use look::{Finding, Looked, look};
use registry::Registries;

const EXAMPLE: &str = "\
Examples:
  longshore rebuild --base-changed --dry-run     which pipelines have a newer base image; nothing is done
  longshore rebuild --base-changed               a release of each of them
  longshore rebuild web --reason 'the certificates of the image ran out'

What is built is the commit of the pipeline's newest live release. A base image is what a build reported with its image; its registry \
is asked what the tag names now: ECR with your credentials, others as anybody may ask. A base that the Dockerfile names by digest \
changes with a commit alone. A pipeline with a release on its way, or that went back on purpose, is left as it is.

Exit status: 0 done, or nothing to do; 1 something was refused, or could not be found out; 2 wrong usage.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The pipelines; with --base-changed, all of longshore.toml where none is named.
    #[arg(value_name = "PIPELINE", required_unless_present = "base_changed", add = completions::pipelines())]
    names: Vec<String>,
    /// Only those whose base image has a newer digest.
    #[arg(long)]
    base_changed: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Why: it is recorded, and shown. Without one: which base image changed.
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    caller: Caller,
    #[command(flatten)]
    pipelines: Pipelines,
    #[command(flatten)]
    account: account::Arguments,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { names, base_changed, dry_run, reason, form, caller, pipelines, account } = arguments;
    let names = meant(&pipelines, &names)?;
    let account = account.open().await?;
    let who = if dry_run { None } else { Some(caller.who(&account).await?.name) };
    let registries = base_changed.then(|| Registries::new(&account)).transpose()?;
    let progress = Progress::of("looking at the releases that are live");
    let mut done = Vec::new();
    for name in &names {
        progress.tell(&format!("looking at {name}"));
        let looked = look(&account.store, name, registries.as_ref()).await;
        let outcome = match (&who, &looked.release) {
            (Some(who), Some(release)) if looked.is_due() => {
                progress.tell(&format!("asking for a release of {name}"));
                ask(&account, who, release, &looked, reason.as_deref()).await
            }
            _ => Outcome::None,
        };
        done.push((looked, outcome));
    }
    drop(progress);
    let rows: Vec<_> = done.iter().map(|(looked, outcome)| row(looked, outcome, dry_run)).collect();
    let object = json!({ "pipelines": done.iter().map(|(looked, outcome)| told(looked, outcome)).collect::<Vec<_>>() });
    form.done(fitting(&rows, 0, width()).trim_end(), object)?;
    let failed = |(looked, outcome): &(Looked, Outcome)| {
        matches!(outcome, Outcome::Refused(_) | Outcome::Pending(_)) || matches!(looked.finding, Finding::Unknown(_))
    };
    Ok(if done.iter().any(failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The pipelines that are named, or all of the configuration's; each once.
fn meant(pipelines: &Pipelines, names: &[String]) -> anyhow::Result<Vec<String>> {
    if names.is_empty() {
        return pipelines.all(None);
    }
    let config = pipelines.config().ok();
    let mut meant = Vec::new();
    for name in names {
        let name = pipelines.one(Some(name))?;
        if config.as_ref().is_some_and(|config| config.pipeline(&name).is_none()) {
            return Err(WrongUsage(format!("there is no pipeline {}", plain(&name))).into());
        }
        if !meant.contains(&name) {
            meant.push(name);
        }
    }
    Ok(meant)
}

/// What came of asking.
enum Outcome {
    /// Nothing was asked.
    None,
    /// A release is made.
    Made(Box<Release>),
    /// It was refused, or could not be asked for: why.
    Refused(String),
    /// It is written down; whether it is done is not known yet: why.
    Pending(String),
}

impl Looked {
    fn is_due(&self) -> bool {
        match self.finding {
            Finding::Wanted | Finding::Changed { .. } => true,
            Finding::Unchanged | Finding::Left(_) | Finding::Unknown(_) => false,
        }
    }
}

/// Writes down what is wanted, and reads what became of it.
async fn ask(account: &Account, who: &str, release: &Release, looked: &Looked, reason: Option<&str>) -> Outcome {
    let id = ids::release_id();
    let (key, store) = (Key::of_call(&id), &account.store);
    let reason = match (&looked.finding, reason) {
        (_, Some(reason)) => reason.to_owned(),
        (Finding::Changed { base, now }, None) => {
            let moved = base.moving().unwrap_or_default();
            format!("the base image {moved} changed from {} to {}", base.digest.short(), now.short())
        }
        (Finding::Wanted | Finding::Unchanged | Finding::Left(_) | Finding::Unknown(_), None) => {
            format!("#{} once more, on the base image of today", release.number)
        }
    };
    let what = Some(release.commit.id.clone()).filter(|commit| !commit.is_empty());
    let wanted = Wanted::Start { pipeline: looked.pipeline.clone(), what, environment: None };
    let rebuild = Rebuild { reason: shorten(&reason, LONGEST_REASON), newest: looked.newest };
    let errand = Errand::called(id.clone(), who, wanted, Some(rebuild), ids::now());
    if let Err(error) = store.keep_errand(&key, &errand, None).await {
        return Outcome::Refused(error.to_string());
    }
    account.events().command(&key).await;
    let pending = |why: &str| Outcome::Pending(format!("{why}: longshore release {id}"));
    match build::outcome(store, &key).await.map(|outcome| outcome.map(|outcome| outcome.refused)) {
        Ok(Some(Some(why))) => Outcome::Refused(why),
        Ok(Some(None)) => match store.release(&id).await {
            Ok(Some(made)) => Outcome::Made(Box::new(made)),
            Ok(None) => Outcome::Refused(format!("there is no release {id}")),
            Err(error) => pending(&error.to_string()),
        },
        Ok(None) => pending("it was not done in time"),
        Err(error) => pending(&format!("{error:#}")),
    }
}

fn row(looked: &Looked, outcome: &Outcome, dry_run: bool) -> Vec<Cell> {
    let number = looked.release.as_ref().map(|release| format!("#{}", release.number)).unwrap_or_default();
    let base = match &looked.finding {
        Finding::Changed { base, now } => {
            let moved = base.moving().unwrap_or_default();
            format!("{moved} {} → {}", base.digest.short(), now.short())
        }
        Finding::Wanted | Finding::Unchanged | Finding::Left(_) | Finding::Unknown(_) => String::new(),
    };
    let (text, colour) = match (&looked.finding, outcome) {
        (_, Outcome::Made(made)) => (format!("released as #{}", made.number), Colour::Good),
        (_, Outcome::Refused(why)) => (format!("refused: {why}"), Colour::Bad),
        (_, Outcome::Pending(why)) => (format!("written down; {why}"), Colour::Open),
        (Finding::Wanted | Finding::Changed { .. }, Outcome::None) if dry_run => {
            ("would be released".to_owned(), Colour::Open)
        }
        (Finding::Wanted | Finding::Changed { .. }, Outcome::None) => ("not released".to_owned(), Colour::Bad),
        (Finding::Unchanged, Outcome::None) => ("unchanged".to_owned(), Colour::Dim),
        (Finding::Left(why), Outcome::None) => (format!("left: {why}"), Colour::Dim),
        (Finding::Unknown(why), Outcome::None) => (format!("not known: {why}"), Colour::Bad),
    };
    vec![cell(&looked.pipeline), cell(number), coloured(text, colour), cell(base)]
}

/// `{"pipeline", "live", "finding", "base", "now", "release", "why"}`; what there is not is null.
fn told(looked: &Looked, outcome: &Outcome) -> Value {
    let (finding, why) = match (&looked.finding, outcome) {
        (_, Outcome::Refused(why)) => ("refused", Some(why)),
        (_, Outcome::Pending(why)) => ("pending", Some(why)),
        (Finding::Wanted, _) => ("wanted", None),
        (Finding::Changed { .. }, _) => ("changed", None),
        (Finding::Unchanged, _) => ("unchanged", None),
        (Finding::Left(why), _) => ("left", Some(why)),
        (Finding::Unknown(why), _) => ("unknown", Some(why)),
    };
    let (base, now) = match &looked.finding {
        Finding::Changed { base, now } => (Some(base), Some(now)),
        Finding::Wanted | Finding::Unchanged | Finding::Left(_) | Finding::Unknown(_) => (None, None),
    };
    let made = match outcome {
        Outcome::Made(made) => Some(json!({ "id": made.id, "number": made.number })),
        Outcome::None | Outcome::Refused(_) | Outcome::Pending(_) => None,
    };
    json!({
        "pipeline": looked.pipeline, "live": looked.release.as_ref().map(|release| release.number),
        "finding": finding, "base": base, "now": now, "release": made, "why": why,
    })
}
