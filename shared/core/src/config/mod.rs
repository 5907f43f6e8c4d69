//! The configuration, `longshore.toml`: which pushes start what, and where the image goes.
//!
//! One file, strict: an unknown key, a missing one, a wrong type or an impossible value is a [`Problem`] with its place in the file
//! and the cure. All problems are found in one reading.

mod problem;
mod read;

use std::collections::HashMap;

pub use problem::{Place, Problem, Problems};

use jiff::SignedDuration;

use crate::{glob::Pattern, push::Cause};

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// `[slack]`, where there is one.
    pub slack: Option<Slack>,
    pipelines: Vec<Pipeline>,
    /// Positions in `pipelines` by folded repository, so that routing costs the same for one pipeline and for thousands.
    by_repository: HashMap<String, Vec<usize>>,
}

/// `[slack]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slack {
    /// `#name` or a channel id: where the messages go, unless a pipeline names another.
    pub channel: String,
}

/// `[[pipeline]]`: which pushes of which repository start which CodeBuild project, and where the image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// Unique; letters, digits, `-`, `_` and `.`, at most 64.
    pub name: String,
    /// `host/owner/name`, as it was written.
    pub repository: String,
    /// Which branches: at least one of `branches` and `tags` is there.
    pub branches: Vec<Pattern>,
    /// Which tags.
    pub tags: Vec<Pattern>,
    /// Which files have to have changed; none named: any, or none.
    pub paths: Rules<Pattern>,
    /// What counts: `"push"` (the default) or `"merge"`.
    pub on: Cause,
    /// Whose pushes count; none named: anybody's.
    pub actors: Rules<Who>,
    /// Marks in the head commit's message that keep it from starting; `["[skip ci]", "[skip deploy]"]` where the key is absent.
    pub skip: Vec<String>,
    /// Whether a newer push ends an older release that is not yet deploying (the default); otherwise each finishes, in order.
    pub supersede: bool,
    /// The pipelines that have to succeed first, of the same origin.
    pub after: Vec<String>,
    /// For how long a build is tried to be started; 30 minutes where the key is absent.
    pub start_within: SignedDuration,
    /// The CodeBuild project.
    pub project: String,
    /// The ECR repository of the image; without one there is nothing to deploy.
    pub image: Option<String>,
    /// The Slack channel of this pipeline's messages.
    pub channel: Option<String>,
    /// Where the image is deployed, in this order.
    pub environments: Vec<Environment>,
}

/// What is named and what is excluded (written with a `!` before it): something passes when it is named, or when none is, and it is not
/// excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules<T> {
    /// What is named.
    pub include: Vec<T>,
    /// What is excluded.
    pub exclude: Vec<T>,
}

/// A person or machine that pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The unique name, compared without regard to case.
    Login(String),
    /// `id:…`: the provider's id, compared exactly.
    Id(String),
}

/// `[[pipeline.environment]]`: ECS services that run the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Unique within its pipeline.
    pub name: String,
    /// The ECS cluster.
    pub cluster: String,
    /// The ECS services, at least one.
    pub services: Vec<String>,
    /// The containers that get the image; none named means those that run an image of the same repository now.
    pub containers: Vec<String>,
}

impl Config {
    /// Reads and checks the text of a `longshore.toml`.
    pub fn read(text: &str) -> Result<Self, Problems> {
        read::config(text)
    }

    /// All pipelines, as the file orders them.
    pub fn pipelines(&self) -> &[Pipeline] {
        &self.pipelines
    }

    /// The pipeline of this name.
    pub fn pipeline(&self, name: &str) -> Option<&Pipeline> {
        self.pipelines.iter().find(|pipeline| pipeline.name == name)
    }

    /// The pipelines of a repository, compared as GitHub compares: without regard to case.
    pub fn of_repository(&self, repository: &str) -> impl Iterator<Item = &Pipeline> {
        let positions = self.by_repository.get(&fold(repository)).map(Vec::as_slice).unwrap_or_default();
        positions.iter().map(|&position| &self.pipelines[position])
    }

    fn new(slack: Option<Slack>, pipelines: Vec<Pipeline>) -> Self {
        let mut by_repository: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, pipeline) in pipelines.iter().enumerate() {
            by_repository.entry(fold(&pipeline.repository)).or_default().push(position);
        }
        Self { slack, pipelines, by_repository }
    }
}

/// A repository's address in the form in which its host compares it.
pub fn fold(repository: &str) -> String {
    repository.to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
