//! What a command answers that does something: done, or refused with a sentence.
//!
//! Exit status 0: done. 1: refused, or it failed. 2: wrong usage.

use std::process::ExitCode;

use anstream::eprintln;
use longshore_aws::{deeds::Undone, store::Store};
use longshore_core::release::Release;
use serde_json::{Value, json};

use crate::{
    account,
    follow::{Follow, Watched},
    output::{self, say},
    reference::Pipelines,
    summary::Summary,
    terminal::plain,
    who::Caller,
};

/// What every command takes that does something to a release.
#[derive(clap::Args)]
pub struct Common {
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub follow: Follow,
    #[command(flatten)]
    pub caller: Caller,
    #[command(flatten)]
    pub pipelines: Pipelines,
    #[command(flatten)]
    pub account: account::Arguments,
}

/// `--json`, for the commands that do something.
#[derive(clap::Args)]
pub struct Form {
    /// Print one JSON object instead of text: {"done": true, …}, or {"done": false, "refused": "why"}.
    #[arg(long)]
    json: bool,
}

impl Form {
    /// Whether text is wanted.
    pub fn is_text(&self) -> bool {
        !self.json
    }

    /// Says that something was done. The object gets the member `done`.
    pub fn done(&self, text: &str, mut object: Value) -> anyhow::Result<ExitCode> {
        if self.json {
            object["done"] = true.into();
            output::json(&object)?;
        } else {
            say(text);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Says that it was not.
    pub fn undone(&self, undone: Undone) -> anyhow::Result<ExitCode> {
        match undone {
            Undone::Refused(why) => self.refused(&why),
            Undone::Store(error) => Err(error.into()),
        }
    }

    /// Says why something is not done.
    pub fn refused(&self, why: &str) -> anyhow::Result<ExitCode> {
        refusal(why, self.json)
    }

    /// Says what came of a release, and watches it where that is asked for.
    pub async fn release(
        &self,
        store: &Store,
        outcome: Result<Release, Undone>,
        text: impl FnOnce(&Release) -> String,
        follow: &Follow,
    ) -> anyhow::Result<ExitCode> {
        let release = match outcome {
            Ok(release) => release,
            Err(undone) => return self.undone(undone),
        };
        let object =
            |release: &Release| anyhow::Ok(json!({ "release": serde_json::to_value(Summary::from(release))? }));
        if !follow.is_wanted() {
            return self.done(&text(&release), object(&release)?);
        }
        if self.is_text() {
            say(&text(&release));
        }
        let id = release.id.clone();
        let watched = follow.watch(store, release, self.json).await?;
        if self.json
            && let Watched::Ended(release) | Watched::Open(release) = &watched
        {
            self.done("", object(release)?)?;
        }
        Ok(watched.status(&id))
    }
}

/// Says why something is refused, and the exit status for it.
pub fn refusal(why: &str, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&json!({ "done": false, "refused": why }))?;
    } else {
        eprintln!("\u{1b}[1;31mrefused\u{1b}[0m: {}", plain(why));
    }
    Ok(ExitCode::FAILURE)
}
