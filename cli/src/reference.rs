//! How people name pipelines and releases: by name, by number, by id; or not at all where longshore.toml leaves no choice.

use std::{fmt, path::PathBuf};

use anyhow::Context;
use longshore_aws::store::Store;
use longshore_core::{
    config::Config,
    release::{Release, ReleaseId},
    text::{list, nearest},
};

use crate::{output::WrongUsage, terminal::plain};

/// `--config`, for the commands whose PIPELINE may be left out.
#[derive(clap::Args)]
pub struct Pipelines {
    /// The configuration that says which pipeline is meant where none is named: one that has only one.
    #[arg(long, value_name = "FILE", default_value = "longshore.toml")]
    config: PathBuf,
}

/// A release as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By its id, in whatever case.
    Id(ReleaseId),
    /// By its number within a pipeline: `web#12`; or `12` and `#12`, where the pipeline is known otherwise.
    Number {
        /// The pipeline, where it is named.
        pipeline: Option<String>,
        /// The number.
        number: u64,
    },
}

impl Reference {
    /// Reads a reference, as an argument.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WANTED: &str =
            "a release is named by its number (12), its pipeline and number (web#12), or its id (26 characters)";
        if let Some(id) = ReleaseId::parse(&text.to_ascii_uppercase()) {
            return Ok(Self::Id(id));
        }
        let (pipeline, number) = text.split_once('#').unwrap_or(("", text));
        // No sign, which Rust would take.
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|_| digits).ok_or(WANTED)?;
        Ok(Self::Number { pipeline: Some(pipeline.to_owned()).filter(|name| !name.is_empty()), number })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Number { pipeline: Some(pipeline), number } => write!(f, "{pipeline}#{number}"),
            Self::Number { pipeline: None, number } => write!(f, "#{number}"),
        }
    }
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
            return Ok(named.to_owned());
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
            return Ok(vec![named.to_owned()]);
        }
        let config = self.config().map_err(|error| {
            WrongUsage(format!("no PIPELINE is named, and there is no longshore.toml that tells one: {error:#}"))
        })?;
        Ok(config.pipelines().iter().map(|pipeline| pipeline.name.clone()).collect())
    }

    /// The release that is meant. A number without a pipeline is one of `pipeline`, or of the only one of the configuration.
    ///
    /// The error of one that is not there is a sentence.
    pub async fn release(
        &self,
        store: &Store,
        pipeline: Option<&str>,
        reference: &Reference,
    ) -> anyhow::Result<Release> {
        let (id, pipeline) = match reference {
            Reference::Id(id) => (id.clone(), pipeline.map(str::to_owned)),
            Reference::Number { pipeline: own, number } => {
                if let (Some(own), Some(pipeline)) = (own, pipeline)
                    && own != pipeline
                {
                    return Err(WrongUsage(format!("{reference} is no release of {pipeline}")).into());
                }
                let pipeline = self.one(own.as_deref().or(pipeline))?;
                let newest = store.newest_releases(&pipeline, number.checked_add(1), 1).await?;
                let found = newest.into_iter().find(|listed| listed.number == *number);
                let id = found.with_context(|| self.missing(&pipeline, *number))?.id;
                (id, Some(pipeline))
            }
        };
        let release = store.release(&id).await?.with_context(|| format!("there is no release {id}"))?;
        match pipeline {
            Some(pipeline) if pipeline != release.pipeline => {
                let own = plain(&release.pipeline);
                Err(WrongUsage(format!("{id} is {own}#{}, no release of {pipeline}", release.number)).into())
            }
            Some(_) | None => Ok(release),
        }
    }

    /// That there is no such number; with the pipeline that may have been meant.
    fn missing(&self, pipeline: &str, number: u64) -> String {
        let meant = self.config().ok().and_then(|config| {
            let names: Vec<&str> = config.pipelines().iter().map(|pipeline| pipeline.name.as_str()).collect();
            if names.contains(&pipeline) { None } else { nearest(pipeline, names).map(str::to_owned) }
        });
        let meant = meant.map(|name| format!(": did you mean {name}#{number}?")).unwrap_or_default();
        format!("there is no release {pipeline}#{number}{meant}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_by_number_by_pipeline_and_number_or_by_id() {
        let number =
            |pipeline: Option<&str>, number| Reference::Number { pipeline: pipeline.map(str::to_owned), number };
        assert_eq!(Reference::parse("12"), Ok(number(None, 12)));
        assert_eq!(Reference::parse("#12"), Ok(number(None, 12)));
        assert_eq!(Reference::parse("web#12"), Ok(number(Some("web"), 12)));
        let id = ReleaseId::parse("01JD0000000000000000000000").expect("an id");
        assert_eq!(Reference::parse("01jd0000000000000000000000"), Ok(Reference::Id(id)));
        for wrong in ["", "#", "web", "web#", "web#+1", "-1", "+1", "web#12#3", "99999999999999999999", "٣"] {
            assert!(Reference::parse(wrong).is_err(), "{wrong}");
        }
    }
}
