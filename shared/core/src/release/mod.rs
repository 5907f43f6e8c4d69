//! A release: one commit going through one pipeline. Its record, and how facts change it.
//!
//! The functions load a record, [`apply`](Release::apply) a fact, save it under its version, and perform the next step
//! ([`build_step`](Release::build_step), [`deploy_step`](Release::deploy_step)). A step is read off the record alone, so a function
//! that dies anywhere is followed by another that finds the same step.

mod again;
mod apply;
mod build;
mod deployment;
mod revision;
mod step;
mod stuck;
mod trace;
mod wait;
mod why;
mod wished;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use again::{Asked, Deed, NotAgain};
pub use apply::{Fact, Newer, Refused, Where};
pub use build::{Build, Delay, Outcome, Stage};
pub use deployment::{
    Answered, Attempt, Back, Controller, Decision, DeployStep, Deployment, DeploymentFact, Family, Lock, NoEnvironment,
    Obstacle, Passed, Passing, Pause, Person, Probe, Reverting, Rollout, Run, ServiceDeployment, ServiceFact, Verdict,
    base,
};
pub use revision::{Chosen, NoImage, RELEASE_TAG};
pub use step::{BuildStep, OpenFor};
pub use wait::{Met, Until, Wait};
pub use why::{StoppedTask, Why};
pub use wished::NotThere;

use crate::{
    config::{Pipeline, Telling},
    image::{Base, Digest},
    push::{Push, Reference},
    text,
};

/// The digits of a ULID.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A release's id: a ULID, 26 characters of Crockford's base 32, which sort by time.
/// Source: <https://github.com/ulid/spec>.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseId(String);

impl ReleaseId {
    /// Reads an id; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |b: u8| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b));
        (text.len() == 26 && text.as_bytes()[0] <= b'7' && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    /// When it was made, by the clock of whoever made it: its first ten digits, in milliseconds.
    pub fn at(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(i64::try_from(self.bits() >> 80).ok()?).ok()
    }

    /// The ULID of these bits.
    pub(crate) fn of_bits(bits: u128) -> Self {
        let digit = |place: u32| char::from(DIGITS[usize::try_from(bits >> (5 * place) & 31).unwrap_or_default()]);
        Self((0..26).rev().map(digit).collect())
    }

    /// Its 128 bits: 48 of milliseconds, 80 of chance.
    fn bits(&self) -> u128 {
        let value = |digit: u8| DIGITS.iter().zip(0..).find_map(|(known, value)| (*known == digit).then_some(value));
        self.0.bytes().fold(0, |bits, digit| bits << 5 | value(digit).unwrap_or_default())
    }

    /// The 26 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ReleaseId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a release id is a ULID: 26 characters")
    }
}

impl From<ReleaseId> for String {
    fn from(id: ReleaseId) -> Self {
        id.0
    }
}

/// The record of a release. It holds all that its pipeline's configuration said when it was accepted, so that a later change of the
/// configuration changes no release that is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Its id.
    pub id: ReleaseId,
    /// Counts the changes of this record, from 1. A change is saved only onto the version that it was made from.
    pub version: u64,
    /// Its pipeline's name.
    pub pipeline: String,
    /// Its number within the pipeline. A smaller number never lands on a larger one.
    pub number: u64,
    /// Where it stands.
    pub state: State,
    /// Why it ended as it did, where that was not well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The delivery that it came from.
    pub delivery: String,
    /// `host/owner/name`.
    pub repository: String,
    /// The branch or tag.
    pub reference: Reference,
    /// The commit.
    pub commit: Commit,
    /// The commits that its push brought, oldest first, the newest being its own; at most [`Brought::MOST`], and none where the
    /// provider does not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brought: Vec<Brought>,
    /// What has to end before its build is started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Wait>,
    /// Whether a newer push of the same branch ends it before it is deploying.
    pub supersede: bool,
    /// For how long its build is tried to be started.
    pub start_within: SignedDuration,
    /// The CodeBuild project.
    pub project: String,
    /// The ECR repository of its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_repository: Option<String>,
    /// The Slack channel of its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// How much of it people are told.
    #[serde(default, skip_serializing_if = "Telling::is_default")]
    pub telling: Telling,
    /// When its delivery was accepted.
    pub accepted: Timestamp,
    /// When its record changed last.
    pub changed: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Its build.
    pub build: Build,
    /// Its image, once the build has pushed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Its images of other repositories, where its environments run several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Image>,
    /// Where it is deployed, in this order.
    pub deployments: Vec<Deployment>,
    /// Who wants it to end, while that is being seen to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_off: Option<Person>,
    /// Who asked for it, where it is not of a push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Who asked for its build by branch or commit, where no push did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wished: Option<Person>,
    /// Whether it was wished by building something once more: every lock holds it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once_more: bool,
}

/// Where a release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted; other releases have to end first.
    Waiting,
    /// Accepted; its build was asked for and has no id yet.
    Requested,
    /// Its build runs.
    Building,
    /// Its image goes into an environment.
    Deploying,
    /// Ended: its image is built, and its pipeline deploys nowhere.
    Built,
    /// Ended: it serves in every environment.
    Live,
    /// Ended: an environment went back to what it ran before.
    RolledBack,
    /// Ended: it failed.
    Failed,
    /// Ended: a newer release took its place.
    Superseded,
    /// Ended by a person, or before it began: a release that it waited for did not succeed.
    Cancelled,
}

impl State {
    /// Whether nothing more will happen.
    pub fn is_end(self) -> bool {
        match self {
            Self::Waiting | Self::Requested | Self::Building | Self::Deploying => false,
            Self::Built | Self::Live | Self::RolledBack | Self::Failed | Self::Superseded | Self::Cancelled => true,
        }
    }

    /// Whether it ended well: `built` or `live`.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Built | Self::Live)
    }

    /// How a release ended, in the words of a sentence about it: `failed`, `was superseded`.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Waiting | Self::Requested | Self::Building | Self::Deploying => "has not ended",
            Self::Built => "was built",
            Self::Live => "is live",
            Self::RolledBack => "was rolled back",
            Self::Failed => "failed",
            Self::Superseded => "was superseded",
            Self::Cancelled => "was cancelled",
        }
    }

    /// The word of the vocabulary, as it stands in records, events and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Requested => "requested",
            Self::Building => "building",
            Self::Deploying => "deploying",
            Self::Built => "built",
            Self::Live => "live",
            Self::RolledBack => "rolled_back",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
        }
    }

    /// The same as it is said in a sentence: `rolled back`.
    pub fn spoken(self) -> String {
        self.word().replace('_', " ")
    }
}

/// The commit of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// 40 or 64 hexadecimal digits; empty while nobody but CodeBuild knows which commit the head of a branch is ([`Commit::unknown`]).
    pub id: String,
    /// The first line of its message, at most 200 characters.
    pub message: String,
    /// Who wrote it, at most 80 characters.
    pub author: String,
    /// Their address, where the provider tells it: for who may not approve their own commit. It is shown nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// A commit that a push brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// 40 or 64 hexadecimal digits.
    pub id: String,
    /// The first line of its message, at most 100 characters.
    pub message: String,
    /// Who wrote it, at most 80 characters.
    pub author: String,
}

impl Brought {
    /// How many a record keeps.
    pub const MOST: usize = 30;
}

/// What a release is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The delivery's id.
    pub delivery: String,
    /// `host/owner/name`.
    pub repository: String,
    /// The branch or tag.
    pub reference: Reference,
    /// The commit.
    pub commit: Commit,
    /// The commits that came with it, where that is told: see [`Release::brought`].
    pub brought: Vec<Brought>,
}

impl Commit {
    /// The commit that a push leads to; `None` when it leads to none.
    pub fn of(push: &Push) -> Option<Self> {
        Some(Self {
            id: push.after.clone()?,
            message: text::shorten(text::first_line(&push.head.message), 200),
            author: text::shorten(text::first_line(&push.head.author), 80),
            email: push.head.email.clone(),
            url: push.head.url.clone(),
            at: push.head.committed,
        })
    }

    /// A commit of which nothing but the id is known.
    pub fn bare(id: &str) -> Self {
        Self { id: id.to_owned(), message: String::new(), author: String::new(), email: None, url: None, at: None }
    }

    /// The head of a branch or tag of which only CodeBuild can tell which commit it is, and has not yet.
    pub fn unknown() -> Self {
        Self::bare("")
    }

    /// Its id, once it is known.
    pub fn known(&self) -> Option<&str> {
        Some(self.id.as_str()).filter(|id| !id.is_empty())
    }

    /// The first seven digits, as people write them; `head` while it is not known.
    pub fn short(&self) -> &str {
        self.known().map_or("head", |id| id.get(..7).unwrap_or(id))
    }
}

/// A container image in ECR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `registry/repository`.
    pub repository: String,
    /// What is deployed.
    pub digest: Digest,
    /// The tag that it was reported under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// What it was built on, where its build told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<Base>>,
}

impl Image {
    /// An image of which nothing more is known.
    pub fn new(repository: impl Into<String>, digest: Digest) -> Self {
        Self { repository: repository.into(), digest, tag: None, base: None }
    }

    /// The repository without its registry.
    pub fn name(&self) -> &str {
        self.repository.split_once('/').map_or(self.repository.as_str(), |(_, name)| name)
    }

    /// `registry/repository@sha256:…`: how a task definition names it.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }
}

impl Release {
    /// A release as it is accepted.
    pub fn new(
        id: ReleaseId,
        number: u64,
        pipeline: &Pipeline,
        origin: Origin,
        waits: Vec<Wait>,
        channel: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let due = waits.iter().all(|wait| wait.met.is_some()).then_some(now);
        Self {
            id,
            version: 1,
            pipeline: pipeline.name.clone(),
            number,
            state: if due.is_some() { State::Requested } else { State::Waiting },
            reason: None,
            delivery: origin.delivery,
            repository: origin.repository,
            reference: origin.reference,
            commit: origin.commit,
            brought: origin.brought,
            waits,
            supersede: pipeline.supersede,
            start_within: pipeline.start_within,
            project: pipeline.project.clone(),
            image_repository: pipeline.image.clone(),
            channel: pipeline.channel.as_deref().or(channel).map(str::to_owned),
            telling: pipeline.telling,
            accepted: now,
            changed: now,
            ended: None,
            build: Build { due, ..Build::default() },
            image: None,
            others: Vec::new(),
            deployments: pipeline.environments.iter().map(Deployment::new).collect(),
            called_off: None,
            asked: None,
            wished: None,
            once_more: false,
        }
    }

    /// The tag under which its image is pushed: the commit, and the end of the release's id, so that a second release of a commit
    /// never needs the first one's tag (ECR's may be immutable). Where CodeBuild was told a branch, that is in the commit's place, also
    /// once the commit is known: every attempt to start the build has to say the same.
    pub fn image_tag(&self) -> String {
        let end = self.id.as_str()[18..].to_lowercase();
        match &self.build.source {
            Some(source) => format!("{}-{end}", wished::tag_of(source)),
            None => format!("{}-{end}", self.commit.id.get(..12).unwrap_or(&self.commit.id)),
        }
    }

    /// What CodeBuild is told to build: the commit, or the branch or tag of [`Build::source`]. The same for every attempt.
    ///
    /// Source: <https://docs.aws.amazon.com/codebuild/latest/userguide/sample-source-version.html>
    pub fn source_version(&self) -> &str {
        self.build.source.as_deref().unwrap_or(&self.commit.id)
    }

    /// The ECR repositories that its images go to: the pipeline's, then those that its environments name besides.
    pub fn repositories(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.image_repository.iter().map(String::as_str).collect();
        for repository in self.deployments.iter().flat_map(|deployment| deployment.plan.images.values()) {
            if !all.contains(&repository.as_str()) {
                all.push(repository);
            }
        }
        all
    }

    /// Its image of a repository, once the build has pushed it.
    pub fn image_of(&self, repository: &str) -> Option<&Image> {
        self.image.iter().chain(&self.others).find(|image| image.name() == repository)
    }

    /// Whether it has every image that its environments run.
    pub fn is_imaged(&self) -> bool {
        self.image.is_some() && self.repositories().into_iter().all(|repository| self.image_of(repository).is_some())
    }

    /// Whether nothing more will be heard of it: it ended, and so did its build.
    pub fn is_closed(&self) -> bool {
        self.open_for().is_none()
    }
}

/// A release as tests start with it: number 7 of `web`, accepted at second 0, for one service in production.
#[cfg(test)]
pub(crate) fn sample() -> Release {
    let text = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web-build\"\n\
        image = \"web\"\nenvironment = [{ name = \"production\", cluster = \"production\", services = [\"web\"] }]\n";
    let config = crate::config::Config::read(text).expect("a configuration");
    let start = Timestamp::from_second(1_800_000_000).expect("a time");
    let origin = Origin {
        delivery: "github/d-1".into(),
        repository: "github.com/acme/web".into(),
        reference: Reference::branch("main").expect("a branch"),
        commit: Commit {
            id: "0123456789012345678901234567890123456789".into(),
            message: "Say hello".into(),
            author: "Ada".into(),
            email: Some("ada@example.com".into()),
            url: Some("https://github.com/acme/web/commit/0123456".into()),
            at: Some(start - jiff::SignedDuration::from_secs(10)),
        },
        brought: Vec::new(),
    };
    let id = ReleaseId::parse("01JD0000000000000000000000").expect("an id");
    Release::new(id, 7, &config.pipelines()[0], origin, Vec::new(), Some("#deploys"), start)
}

#[cfg(test)]
mod tests;
