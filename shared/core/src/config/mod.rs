//! The configuration, `longshore.toml`: which pushes start what, and where the image goes.
//!
//! One file, strict: an unknown key, a missing one, a wrong type or an impossible value is a [`Problem`] with its place in the file
//! and the cure. All problems are found in one reading.

mod after;
mod environment;
mod problem;
mod provenance;
mod read;
mod section;
mod servers;
mod telling;
mod values;
mod warnings;

use std::collections::{BTreeSet, HashMap};

pub use environment::{
    Account, Approval, Approver, Base, Before, Check, CodeDeploy, Environment, Freeze, Plan, Severity,
};
pub use problem::{Place, Problem, Problems};
pub use provenance::{Evidence, PublicKey, Required};
pub use telling::{Notify, Telling};

use jiff::SignedDuration;

use crate::{
    address::{Hosts, is_codecommit},
    glob::Pattern,
    push::{Actor, Cause, Kind, Reference, Source},
};

pub use values::duration;

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// `[slack]`, where there is one.
    pub slack: Option<Slack>,
    /// `[github]`, where there is one: GitHub Enterprise Server.
    pub github: Option<Server>,
    /// `[bitbucket]`, where there is one: Bitbucket Data Center, whose payloads need not say where they come from.
    pub bitbucket: Option<Server>,
    /// `[gitlab]`, where there is one: a self-managed GitLab.
    pub gitlab: Option<Server>,
    pipelines: Vec<Pipeline>,
    /// Positions in `pipelines` by folded repository.
    by_repository: HashMap<String, Vec<usize>>,
    /// Positions in `pipelines` by name.
    by_name: HashMap<String, usize>,
    /// Positions in `pipelines`: whoever is waited for comes before those who wait.
    order: Vec<usize>,
    /// For each position in `pipelines` its place in `order`.
    rank: Vec<usize>,
    /// For each position in `pipelines` the positions of those that name it in their `after`, in the file's order.
    downstream: Vec<Vec<usize>>,
}

/// `[slack]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slack {
    /// `#name` or a channel id: where the messages go, unless a pipeline names another.
    pub channel: String,
    /// `notify` and `thread`, for pipelines that say nothing else.
    pub telling: Telling,
}

/// `[github]`, `[bitbucket]`, `[gitlab]`: a server of one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The host in the addresses of its repositories: `git.acme.example`, with a port where it has one. No other source has it.
    pub host: String,
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
    /// How much of its releases people are told: its own keys, before those of `[slack]`.
    pub telling: Telling,
    /// Who may start, cancel and retry its releases from Slack; nobody named: everybody.
    pub allow: Vec<Approver>,
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

impl<T> Rules<T> {
    /// Whether nothing is named and nothing excluded: everything passes.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether something passes, of which `matches` tells which of ours it is.
    pub fn passes(&self, matches: impl Fn(&T) -> bool) -> bool {
        (self.include.is_empty() || self.include.iter().any(&matches)) && !self.exclude.iter().any(matches)
    }
}

impl<T> Default for Rules<T> {
    fn default() -> Self {
        Self { include: Vec::new(), exclude: Vec::new() }
    }
}

/// A person or machine that pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The unique name, compared without regard to case.
    Login(String),
    /// `id:…`: the provider's id, compared exactly.
    Id(String),
}

impl Who {
    /// Whether this is them; `None` where the provider does not tell the name or the id that it would take to know.
    pub fn is(&self, actor: &Actor) -> Option<bool> {
        match self {
            Self::Login(login) => actor.login.as_ref().map(|told| told.to_lowercase() == login.to_lowercase()),
            Self::Id(id) => actor.id.as_ref().map(|told| told == id),
        }
    }
}

impl Pipeline {
    /// The variable under which the builds after this pipeline of that name get what it made: `LONGSHORE_UPSTREAM_` and the name in
    /// upper case, with `_` for everything but letters and digits.
    pub fn upstream_variable(name: &str) -> String {
        let character = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        format!("LONGSHORE_UPSTREAM_{}", name.chars().map(character).collect::<String>())
    }

    /// Whether this is its repository, compared as its host compares ([`fold`]).
    pub fn is_of(&self, repository: &str) -> bool {
        fold(&self.repository) == fold(repository)
    }

    /// The environment of this name.
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == name)
    }

    /// Whether this is one of its branches or tags.
    pub fn wants(&self, reference: &Reference) -> bool {
        let patterns = match reference.kind {
            Kind::Branch => &self.branches,
            Kind::Tag => &self.tags,
        };
        patterns.iter().any(|pattern| pattern.matches(&reference.name))
    }

    /// The branch that is built when a push to another repository starts this pipeline: the first of its `branches` that is a plain
    /// name. [`Config::read`] refuses a file in which one is needed and missing.
    pub fn own_branch(&self) -> Option<Reference> {
        self.branches.iter().filter_map(Pattern::plain).find_map(Reference::branch)
    }
}

impl Config {
    /// Reads and checks the text of a `longshore.toml`.
    pub fn read(text: &str) -> Result<Self, Problems> {
        read::config(text)
    }

    /// What in the text that this was read from may not be meant so: patterns that another one covers, an `after` that never waits,
    /// approvals that nobody could give. None of it keeps the functions from taking the file.
    pub fn warnings(&self, text: &str) -> Problems {
        warnings::warnings(text, self)
    }

    /// The hosts of one's own servers.
    pub fn hosts<'c>(&'c self) -> Hosts<'c> {
        let host = |server: Option<&'c Server>| server.map(|server| server.host.as_str());
        Hosts {
            github: host(self.github.as_ref()),
            bitbucket: host(self.bitbucket.as_ref()),
            gitlab: host(self.gitlab.as_ref()),
        }
    }

    /// The source that a repository's host is of; every pipeline's has one.
    pub fn source_of(&self, repository: &str) -> Option<Source> {
        self.hosts().source(repository.split('/').next().unwrap_or_default())
    }

    /// All pipelines, as the file orders them.
    pub fn pipelines(&self) -> &[Pipeline] {
        &self.pipelines
    }

    /// The pipeline of this name.
    pub fn pipeline(&self, name: &str) -> Option<&Pipeline> {
        self.by_name.get(name).map(|&position| &self.pipelines[position])
    }

    /// The pipelines of a repository, compared as its host compares: without regard to case, but exactly for CodeCommit.
    /// Source: <https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html> (repository names).
    pub fn of_repository(&self, repository: &str) -> impl Iterator<Item = &Pipeline> {
        let positions = self.by_repository.get(&fold(repository)).map(Vec::as_slice).unwrap_or_default();
        positions.iter().map(|&position| &self.pipelines[position])
    }

    /// The pipelines that name this one in their `after`.
    pub fn downstream_of(&self, name: &str) -> impl Iterator<Item = &Pipeline> {
        let position = self.by_name.get(name);
        let positions = position.map(|&position| self.downstream[position].as_slice()).unwrap_or_default();
        positions.iter().map(|&position| &self.pipelines[position])
    }

    /// The positions in [`Config::pipelines`] of a repository's pipelines, and of all that come after them, however far; whoever is waited for
    /// comes before those who wait. No other is ever started by the repository's pushes.
    pub(crate) fn concerned(&self, repository: &str) -> Vec<usize> {
        let mut found: BTreeSet<usize> = BTreeSet::new();
        let mut open: Vec<usize> = self.by_repository.get(&fold(repository)).cloned().unwrap_or_default();
        while let Some(position) = open.pop() {
            if found.insert(self.rank[position]) {
                open.extend(&self.downstream[position]);
            }
        }
        found.into_iter().map(|rank| self.order[rank]).collect()
    }

    /// The positions of all pipelines in [`Config::pipelines`]; whoever is waited for comes before those who wait.
    pub(crate) fn upstream_first(&self) -> &[usize] {
        &self.order
    }

    /// With its pipelines, in the file's order and in that of [`Config::upstream_first`].
    fn with(self, pipelines: Vec<Pipeline>, order: Vec<usize>) -> Self {
        let mut by_repository: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_name = HashMap::new();
        for (position, pipeline) in pipelines.iter().enumerate() {
            by_repository.entry(fold(&pipeline.repository)).or_default().push(position);
            by_name.insert(pipeline.name.clone(), position);
        }
        let mut rank = vec![0; pipelines.len()];
        for (place, &position) in order.iter().enumerate() {
            rank[position] = place;
        }
        let mut downstream = vec![Vec::new(); pipelines.len()];
        for (position, pipeline) in pipelines.iter().enumerate() {
            for upstream in pipeline.after.iter().filter_map(|name| by_name.get(name)) {
                downstream[*upstream].push(position);
            }
        }
        Self { pipelines, by_repository, by_name, order, rank, downstream, ..self }
    }
}

/// Two addresses of a repository are equal when their folded forms are.
pub fn fold(repository: &str) -> String {
    let folded = repository.to_ascii_lowercase();
    match (folded.split_once('/'), repository.split_once('/')) {
        (Some((host, _)), Some((_, path))) if is_codecommit(host) => format!("{host}/{path}"),
        _ => folded,
    }
}

#[cfg(test)]
mod tests;
