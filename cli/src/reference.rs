//! How people name pipelines and releases: by name, by number, by id; or not at all where longshore.toml leaves no choice. What may be written is
//! decided in the core, for Slack's commands and for these.

use std::path::PathBuf;

use anyhow::Context;
use longshore_aws::deeds::{Deeds, Undone};
use longshore_core::{
    config::Config,
    release::Release,
    slack::command::{Named, Names, Unclear, Wanted, Word},
    text::{list, nearest},
};

use crate::output::WrongUsage;

/// `--config`, for the commands whose PIPELINE may be left out.
#[derive(clap::Args)]
pub struct Pipelines {
    /// The configuration that says which pipeline is meant where none is named: one that has only one.
    #[arg(long, value_name = "FILE", default_value = "longshore.toml", value_hint = clap::ValueHint::FilePath)]
    config: PathBuf,
}

impl Pipelines {
    /// The configuration, where there is one that can be read.
    pub fn config(&self) -> anyhow::Result<Config> {
        let file = self.config.display();
        let text = std::fs::read_to_string(&self.config).with_context(|| format!("{file} cannot be read"))?;
        Config::read(&text).map_err(|problems| anyhow::anyhow!("{}", problems.lines(&file.to_string())))
    }

    /// The pipeline that is meant: the one that is named, or the only one of the configuration.
    pub fn one(&self, named: Option<&str>) -> anyhow::Result<String> {
        if let Some(named) = named {
            return Ok(self.meant(named));
        }
        let all = self.all(None)?;
        match &all[..] {
            [one] => Ok(one.clone()),
            all => {
                let (file, present) = (self.config.display(), list(all.iter().cloned(), "and"));
                Err(WrongUsage(format!("no PIPELINE is named, and {file} has {present}")).into())
            }
        }
    }

    /// The pipeline that is named, or all of the configuration's.
    pub fn all(&self, named: Option<&str>) -> anyhow::Result<Vec<String>> {
        if let Some(named) = named {
            return Ok(vec![self.meant(named)]);
        }
        let config = self.config().map_err(|error| {
            WrongUsage(format!("no PIPELINE is named, and there is no longshore.toml that tells one: {error:#}"))
        })?;
        Ok(config.pipelines().iter().map(|pipeline| pipeline.name.clone()).collect())
    }

    /// A pipeline's name as the configuration writes it, in whatever case it was written; one that it does not have, as it was written.
    fn meant(&self, written: &str) -> String {
        let config = self.config().ok();
        names(config.as_ref()).pipeline(written).map_or(written, |pipeline| &pipeline.name).to_owned()
    }

    /// What is meant by the words of a command, as Slack's commands are read: the same grammar, the same refusals.
    pub fn wanted(&self, word: Word, words: &[String], reason: Option<&str>) -> anyhow::Result<Wanted> {
        let config = self.config().ok();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let read = Wanted::read(word, &words, reason, names(config.as_ref()));
        let read = read.map_err(|unclear| self.wrong(&unclear))?;
        read.with_context(|| format!("{} wants nothing done", word.word()))
    }

    /// The release that a word names.
    pub fn named(&self, written: &str) -> anyhow::Result<Named> {
        let config = self.config().ok();
        Named::read(&[written], names(config.as_ref())).map_err(|unclear| self.wrong(&unclear))
    }

    /// Its record; else a sentence with what there is, and with the pipeline that may have been meant.
    pub async fn release(&self, deeds: &Deeds<'_>, named: &Named) -> Result<Release, Undone> {
        match (deeds.named(named).await, named) {
            (Err(Undone::Refused(why)), Named::Number { pipeline, number }) => {
                let near = self.near(pipeline).map(|name| format!("; did you mean {name}#{number}?"));
                Err(Undone::Refused(why + &near.unwrap_or_default()))
            }
            (found, Named::Number { .. } | Named::Id(_)) => found,
        }
    }

    /// The pipeline of the configuration that may have been meant by a name that it does not have.
    fn near(&self, pipeline: &str) -> Option<String> {
        let config = self.config().ok()?;
        let names: Vec<&str> = config.pipelines().iter().map(|pipeline| pipeline.name.as_str()).collect();
        if names.contains(&pipeline) { None } else { nearest(pipeline, names).map(str::to_owned) }
    }

    /// The command was called wrong. Where the pipeline is missing, it is said where it was looked for.
    fn wrong(&self, unclear: &Unclear) -> anyhow::Error {
        match (unclear, self.one(None)) {
            (Unclear::Missing { what: "PIPELINE", .. }, Err(error)) => error,
            _ => WrongUsage(unclear.to_string()).into(),
        }
    }
}

fn names(config: Option<&Config>) -> Names<'_> {
    config.map_or(Names::Unknown, Names::Some)
}
