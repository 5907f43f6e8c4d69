//! ECS as far as a deployer sees it: services with their service deployments, task definitions, one-off tasks. What it does takes its time,
//! and may fail, hang, pause, or be turned round.
//! Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use longshore_core::release::{ReleaseId, Rollout};

#[derive(Default)]
pub struct Ecs {
    pub definitions: BTreeMap<String, Definition>,
    pub services: BTreeMap<String, Service>,
    pub tasks: Vec<Task>,
    made: u64,
}

/// A revision of a family.
#[derive(Debug, Clone)]
pub struct Definition {
    pub arn: String,
    pub family: String,
    /// Stands for its image: a hexadecimal digit.
    pub digest: char,
    /// Our tag.
    pub release: Option<ReleaseId>,
}

/// A service; its key is `environment/service`, and its family has the same name.
#[derive(Debug, Clone)]
pub struct Service {
    /// The revision of its primary deployment.
    pub running: String,
    /// The revision that came to its end last: what ECS goes back to.
    completed: String,
    pub deployments: Vec<Deployment>,
    /// Since when it ran what, and whether it was settled.
    history: Vec<(Timestamp, String, bool)>,
}

/// A service deployment.
#[derive(Debug, Clone)]
pub struct Deployment {
    pub id: String,
    pub target: String,
    source: String,
    pub status: Status,
    pub created: Timestamp,
    pub by: By,
    /// The hook that it waits at.
    pub pause: Option<String>,
    pub pauses: u32,
    pub hangs: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    InProgress,
    Successful,
    /// By another, or by hand.
    Stopped,
    /// The circuit breaker stopped it, and does not roll back.
    Broken,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

/// Who told a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    Release { id: ReleaseId, number: u64, back: bool },
    Hand,
}

/// A one-off task.
#[derive(Debug, Clone)]
pub struct Task {
    pub arn: String,
    pub token: String,
    pub release: ReleaseId,
    pub exit: Option<i32>,
}

impl Status {
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::InProgress | Self::RollbackInProgress)
    }
}

impl Service {
    pub fn new(arn: &str, now: Timestamp) -> Self {
        Self {
            running: arn.to_owned(),
            completed: arn.to_owned(),
            deployments: Vec::new(),
            history: vec![(now, arn.to_owned(), true)],
        }
    }

    pub fn last(&self) -> Option<&Deployment> {
        self.deployments.last()
    }

    pub fn under_way(&mut self) -> Option<&mut Deployment> {
        self.deployments.last_mut().filter(|deployment| deployment.status.is_under_way())
    }

    /// Whether nothing moves, and it runs what came to its end last.
    pub fn is_settled(&self) -> bool {
        let failed = |status: Status| status.is_under_way() || status == Status::RollbackFailed;
        self.running == self.completed && !self.last().is_some_and(|deployment| failed(deployment.status))
    }

    /// Whether it ran a revision at some moment since then, and was settled with it where that is asked for.
    pub fn ran(&self, arn: &str, settled: bool, since: Timestamp) -> bool {
        let ends = self.history.iter().skip(1).map(|(at, ..)| Some(*at)).chain([None]);
        let mut moments = self.history.iter().zip(ends);
        moments.any(|((_, ran, rest), end)| ran == arn && (*rest || !settled) && end.is_none_or(|end| end >= since))
    }

    pub fn changed_since(&self, since: Timestamp) -> bool {
        self.history.last().is_some_and(|(at, ..)| *at >= since)
    }

    pub fn note(&mut self, now: Timestamp) {
        let noted = (now, self.running.clone(), self.is_settled());
        self.history.push(noted);
    }

    /// Turns its deployment round; `false` where none is under way.
    pub fn roll_back(&mut self, now: Timestamp) -> bool {
        let turned = self.under_way().filter(|deployment| deployment.status == Status::InProgress).map(|deployment| {
            (deployment.status, deployment.pause, deployment.hangs) = (Status::RollbackInProgress, None, false);
            deployment.source.clone()
        });
        let is_turned = turned.is_some();
        self.running = turned.unwrap_or_else(|| self.running.clone());
        self.note(now);
        is_turned
    }

    /// Its deployment comes to this end.
    pub fn end(&mut self, status: Status, now: Timestamp) {
        if let Some(deployment) = self.under_way() {
            deployment.status = status;
        }
        if matches!(status, Status::Successful | Status::RollbackSuccessful) {
            self.completed.clone_from(&self.running);
        }
        self.note(now);
    }
}

impl Ecs {
    fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    pub fn register(&mut self, family: &str, digest: char, release: Option<ReleaseId>) -> String {
        let arn = format!("{family}:{}", self.next());
        let definition = Definition { arn: arn.clone(), family: family.to_owned(), digest, release };
        self.definitions.insert(arn.clone(), definition);
        arn
    }

    /// UpdateService; the deployment that it made. Where nothing changes, and it is not forced, it makes none.
    pub fn update(&mut self, key: &str, arn: &str, force: bool, by: By, now: Timestamp) -> Option<String> {
        let id = format!("{key}/{}", self.next());
        let service = self.services.get_mut(key)?;
        if service.running == arn && !force {
            return None;
        }
        if let Some(deployment) = service.under_way() {
            (deployment.status, deployment.pause) = (Status::Stopped, None);
        }
        service.running = arn.to_owned();
        let source = service.completed.clone();
        service.deployments.push(Deployment {
            id: id.clone(),
            target: arn.to_owned(),
            source,
            status: Status::InProgress,
            created: now,
            by,
            pause: None,
            pauses: 0,
            hangs: false,
        });
        service.note(now);
        Some(id)
    }

    /// How far a service deployment is, and the hook that it waits at.
    pub fn progress(&self, id: &str) -> (Rollout, Option<String>) {
        let mut all = self.services.values().flat_map(|service| &service.deployments);
        let Some(deployment) = all.find(|deployment| deployment.id == id) else { return (Rollout::Under, None) };
        let rollout = match deployment.status {
            Status::InProgress | Status::RollbackInProgress => Rollout::Under,
            Status::Successful => Rollout::Successful,
            Status::Stopped => Rollout::Stopped(None),
            Status::Broken => Rollout::Failed(Some("the circuit breaker stopped it".to_owned())),
            Status::RollbackSuccessful => Rollout::RolledBack(Some("the circuit breaker was triggered".to_owned())),
            Status::RollbackFailed => Rollout::Failed(Some("the rollback failed".to_owned())),
        };
        (rollout, deployment.pause.clone())
    }

    /// The newest deployment that brings this revision, made since then.
    pub fn find(&self, key: &str, arn: &str, since: Timestamp) -> Option<String> {
        let mut newest_first = self.services.get(key)?.deployments.iter().rev();
        // Clocks of several machines are no closer than that.
        let since = since - SignedDuration::from_millis(1);
        newest_first.find(|d| d.target == arn && d.created >= since).map(|d| d.id.clone())
    }

    /// The newest deployment that brings this revision, made after another.
    pub fn find_after(&self, key: &str, arn: &str, first: &str) -> Option<String> {
        let deployments = &self.services.get(key)?.deployments;
        let first = deployments.iter().position(|deployment| deployment.id == first)?;
        deployments[first + 1..].iter().rfind(|deployment| deployment.target == arn).map(|d| d.id.clone())
    }

    /// RunTask: the same client token is the same task.
    pub fn run(&mut self, token: &str, release: &ReleaseId, knows_tokens: bool) -> String {
        if let Some(known) = self.tasks.iter().find(|task| task.token == token).filter(|_| knows_tokens) {
            return known.arn.clone();
        }
        let arn = format!("task/{}", self.next());
        let task = Task { arn: arn.clone(), token: token.to_owned(), release: release.clone(), exit: None };
        self.tasks.push(task);
        arn
    }

    /// The image that a service runs.
    pub fn digest(&self, arn: &str) -> Option<char> {
        self.definitions.get(arn).map(|definition| definition.digest)
    }
}
