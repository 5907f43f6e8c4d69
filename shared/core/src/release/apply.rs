//! How a fact changes a release.

use jiff::{SignedDuration, Timestamp};

use super::{
    Build, Commit, Delay, DeploymentFact, Image, Met, Outcome, Person, Release, ReleaseId, ServiceFact, Stage, State,
    Verdict,
};
use crate::{
    log,
    push::is_commit,
    report::{Progress, Status},
    text::shorten,
};

/// A stage that is said to begin this soon after it ended has not begun again: the report of its beginning came late.
const OVERTAKEN: SignedDuration = SignedDuration::from_secs(5);

/// Something that happened. A fact that a release knows already, or that comes too late to matter, changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// CodeBuild took the build.
    BuildStarted {
        /// `project:uuid`.
        id: String,
        /// The build's page.
        page: Option<String>,
    },
    /// The page of the build's log is known, which it is not before the build has a machine.
    BuildLogged(String),
    /// CodeBuild told which commit the branch is that it was told to build.
    CommitResolved(Commit),
    /// A release that this one waits for came to what was waited for.
    Awaited(ReleaseId, Met),
    /// A release that this one waits for did not succeed: the reason, in a sentence.
    Cancelled(String),
    /// A newer push of the same branch has a release.
    Superseded(Newer),
    /// Someone wants it to end: it does, or what it has begun to deploy goes back first.
    CalledOff(Person),
    /// CodeBuild does not take the build for now.
    BuildDelayed(String),
    /// The build can never be started.
    BuildRefused(String),
    /// The build was tried to be started for too long: the reason. One of the attempts may have started it all the same, so that it is
    /// looked for once the release has failed.
    BuildGivenUp(String),
    /// There is no build, and there will be none: the release ended first.
    BuildNotStarted,
    /// The build's script reported a stage.
    Progress(Progress),
    /// The build ended.
    BuildEnded {
        /// How.
        outcome: Outcome,
        /// The failing phase and what CodeBuild says about it.
        reason: Option<String>,
        /// The last lines of its log, oldest first, where it ended badly and they could be read.
        tail: Vec<String>,
    },
    /// The build pushed its image.
    ImageReported(Image),
    /// Something happened to a deployment, by its position.
    Deployment(usize, DeploymentFact),
}

/// A release that takes another's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newer {
    /// Its number.
    pub number: u64,
    /// The first digits of its commit.
    pub commit: String,
}

/// Positions in the record: the deployment, and the service within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Where {
    /// Position in [`Release::deployments`].
    pub deployment: usize,
    /// Position in the deployment's services.
    pub service: usize,
}

impl Where {
    /// Something that happened there.
    pub fn fact(self, fact: ServiceFact) -> Fact {
        Fact::Deployment(self.deployment, DeploymentFact::Service(self.service, fact))
    }
}

/// Why a fact cannot be taken; the sentence is for its sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A release has one image.
    #[error("this release has another image already: {0}")]
    AnotherImage(String),
    /// The release is over.
    #[error("this release has ended: {0}")]
    Ended(&'static str),
    /// Someone else was first.
    #[error("{0} has decided already")]
    Decided(String),
    /// There is nothing to decide.
    #[error("there is nothing to decide: {0}")]
    NotHeld(&'static str),
    /// It cannot be ended now.
    #[error("it cannot be cancelled now: {0}")]
    NotNow(&'static str),
}

impl Release {
    /// Takes a fact; says whether the record changed. The version is counted up by saving, not here.
    ///
    /// Clocks of several machines write one record: a change is never dated before the one that it follows, so that what happened
    /// has one order.
    pub fn apply(&mut self, fact: Fact, now: Timestamp) -> Result<bool, Refused> {
        let now = now.max(self.changed + SignedDuration::from_millis(1));
        let changed = match fact {
            Fact::BuildStarted { id, page } => self.build_started(id, page, now),
            Fact::Awaited(release, met) => self.awaited(&release, met, now),
            Fact::Cancelled(reason) => self.state == State::Waiting && self.end_unbuilt(State::Cancelled, reason),
            Fact::Superseded(newer) => self.superseded(&newer),
            Fact::CalledOff(person) => self.called_off(person.dated(now))?,
            Fact::BuildDelayed(reason) => self.build_delayed(&reason, now),
            Fact::BuildNotStarted => {
                self.state.is_end() && self.build.id.is_none() && set(&mut self.build.outcome, Outcome::NotStarted)
            }
            Fact::BuildLogged(log) => !self.is_closed() && set(&mut self.build.log, log),
            Fact::CommitResolved(commit) => self.commit_resolved(commit),
            Fact::BuildRefused(reason) => {
                self.build.id.is_none() && self.build_ended(Outcome::Refused, Some(reason), now)
            }
            Fact::BuildGivenUp(reason) => self.build_given_up(&reason),
            Fact::Progress(progress) => !self.is_closed() && self.build.report(progress, now),
            Fact::BuildEnded { outcome, reason, tail } => {
                self.build_ended(outcome, reason, now) && self.build.keep_tail(&tail)
            }
            Fact::ImageReported(image) => self.image_reported(image)?,
            Fact::Deployment(at, DeploymentFact::CalledOff) if !self.state.is_end() => self.call_off(at, now),
            // Whoever works on it may not know yet; people hear it.
            Fact::Deployment(_, fact) if self.state == State::Cancelled && fact.is_answer() => {
                return Err(Refused::Ended(self.state.word()));
            }
            Fact::Deployment(..) if self.state == State::Cancelled => false,
            Fact::Deployment(at, fact) => match self.deployments.get_mut(at) {
                Some(deployment) => deployment.apply(fact, now)?,
                None => false,
            },
        };
        if changed {
            self.settle(now);
            self.changed = now;
        }
        Ok(changed)
    }

    /// A release as it is accepted when a newer push of its branch was accepted before.
    #[must_use]
    pub fn late(mut self, newer: &Newer) -> Self {
        let reason = format!("release #{} ({}) is of a newer push, which was told first", newer.number, newer.commit);
        self.end_unbuilt(State::Superseded, reason);
        self.build.outcome = Some(Outcome::NotStarted);
        self.ended = Some(self.accepted);
        self
    }

    fn awaited(&mut self, release: &ReleaseId, met: Met, now: Timestamp) -> bool {
        if self.state != State::Waiting {
            return false;
        }
        let Some(wait) = self.waits.iter_mut().find(|wait| wait.release == *release && wait.met.is_none()) else {
            return false;
        };
        wait.met = Some(met);
        if self.waits.iter().all(|wait| wait.met.is_some()) {
            self.build.due = Some(now);
        }
        true
    }

    /// A newer release takes its place, unless its image is on its way into an environment: there, numbers decide.
    fn superseded(&mut self, newer: &Newer) -> bool {
        let reason = || format!("release #{} ({}) is of a newer push", newer.number, newer.commit);
        self.may_be_superseded() && self.end_unbuilt(State::Superseded, reason())
    }

    /// Ends it, where it was never to go into an environment yet. Else `deploy` sees to it: what a release left half-way in there that came
    /// before this one is this one's to take back, and whether its services were told anything only their holder knows.
    fn called_off(&mut self, person: Person) -> Result<bool, Refused> {
        if self.state.is_end() {
            return Err(Refused::Ended(self.state.word()));
        }
        if let Some(earlier) = &self.called_off {
            return Err(Refused::Decided(earlier.name.clone()));
        }
        let deploying = self.state == State::Deploying;
        let current = self.deployments.iter_mut().find(|deployment| deployment.verdict.is_none());
        match current.filter(|_| deploying) {
            Some(current) if current.reverting.is_some() => Err(Refused::NotNow("it goes back already")),
            Some(current) if current.was_let_in() => {
                self.called_off = Some(person);
                Ok(true)
            }
            Some(current) => {
                current.held = None;
                Ok(self.end_cancelled(&person))
            }
            None => Ok(self.end_cancelled(&person)),
        }
    }

    fn end_cancelled(&mut self, by: &Person) -> bool {
        self.end_unbuilt(State::Cancelled, by.cancels())
    }

    /// What has to go back does; where nothing has to, that is the end.
    fn call_off(&mut self, at: usize, now: Timestamp) -> bool {
        let Some(person) = self.called_off.clone() else { return false };
        let Some(deployment) = self.deployments.get_mut(at) else { return false };
        if deployment.verdict.is_some() || deployment.reverting.is_some() {
            return false;
        }
        deployment.take_back(&person.cancels(), now) || self.end_cancelled(&person)
    }

    /// Ends it without an image. A build that may have been started is seen to its end all the same.
    fn end_unbuilt(&mut self, state: State, reason: String) -> bool {
        if self.state == State::Waiting {
            self.build.outcome = Some(Outcome::NotStarted);
        }
        (self.state, self.reason) = (state, Some(reason));
        true
    }

    /// The pause doubles with each attempt: from 10 seconds to 5 minutes.
    fn build_delayed(&mut self, reason: &str, now: Timestamp) -> bool {
        if self.state != State::Requested {
            return false;
        }
        let attempts = self.build.delay.as_ref().map_or(0, |delay| delay.attempts) + 1;
        let pause = SignedDuration::from_secs(10 << (attempts - 1).min(5)).min(SignedDuration::from_mins(5));
        self.build.delay = Some(Delay { attempts, until: now + pause, reason: shorten(reason, 300) });
        true
    }

    /// Not an outcome of the build: whether there is one is not known.
    fn build_given_up(&mut self, reason: &str) -> bool {
        self.state == State::Requested && self.end_unbuilt(State::Failed, shorten(reason, 500))
    }

    fn build_started(&mut self, id: String, page: Option<String>, now: Timestamp) -> bool {
        if self.build.id.is_some() || self.build.outcome.is_some() {
            return false;
        }
        (self.build.id, self.build.page, self.build.started) = (Some(id), page, Some(now));
        self.build.delay = None;
        true
    }

    /// What is known of a commit stays.
    fn commit_resolved(&mut self, commit: Commit) -> bool {
        let news = self.commit.known().is_none() && is_commit(&commit.id);
        if news {
            self.commit = commit;
        }
        news
    }

    fn build_ended(&mut self, outcome: Outcome, reason: Option<String>, now: Timestamp) -> bool {
        if self.build.outcome.is_some() {
            return false;
        }
        (self.build.outcome, self.build.ended) = (Some(outcome), Some(now));
        let failure = self.build_failure(outcome, reason);
        for stage in self.build.stages.iter_mut().filter(|stage| stage.ended.is_none()) {
            stage.ended = Some(now);
            stage.status = if outcome == Outcome::Succeeded { Status::Succeeded } else { Status::Failed };
        }
        if (!self.is_imaged() || self.deployments.is_empty()) && self.ended.is_none() {
            self.reason = failure;
        }
        true
    }

    /// Why a build without an image fails its release; `None` when it does not. What the build itself reported as failed says most;
    /// then what CodeBuild says, with the stage that the build was in.
    fn build_failure(&self, outcome: Outcome, reason: Option<String>) -> Option<String> {
        let mut newest_first = self.build.stages.iter().rev();
        let failed = newest_first.clone().find(|stage| stage.status == Status::Failed);
        let reported = failed.map(|stage| match &stage.message {
            Some(message) => format!("{}: {message}", stage.name),
            None => format!("{} failed", stage.name),
        });
        let running = newest_first.find(|stage| stage.ended.is_none());
        let place = running.map(|stage| format!(" in {}", stage.name)).unwrap_or_default();
        let reason = reported.or(reason).map(|reason| format!(": {}", shorten(&reason, 500))).unwrap_or_default();
        let alone = reason.strip_prefix(": ").map(str::to_owned);
        match outcome {
            Outcome::Succeeded if self.deployments.is_empty() => None,
            Outcome::Succeeded => Some(self.imageless()),
            Outcome::Failed if place.is_empty() && alone.is_some() => alone,
            Outcome::Failed => Some(format!("the build failed{place}{reason}")),
            Outcome::Refused => Some(alone.unwrap_or_else(|| "the build could not be started".to_owned())),
            Outcome::NotStarted => Some("the build was not started".to_owned()),
            Outcome::Stopped => Some(format!("the build was stopped{place}{reason}")),
            Outcome::TimedOut => Some(format!("the build timed out{place}{reason}")),
            Outcome::Fault => Some(format!("CodeBuild had a fault{place}{reason}")),
        }
    }

    /// A build that succeeded without the images that its release needs.
    fn imageless(&self) -> String {
        let missing: Vec<_> = self.repositories().into_iter().filter(|name| self.image_of(name).is_none()).collect();
        match self.image {
            None => "the build succeeded and reported no image".to_owned(),
            Some(_) => format!("the build succeeded and reported no image of {}", missing.join(", ")),
        }
    }

    /// A release has one image of each repository.
    fn image_reported(&mut self, image: Image) -> Result<bool, Refused> {
        match self.image_of(image.name()) {
            Some(known) if known.digest == image.digest => return Ok(false),
            Some(known) => return Err(Refused::AnotherImage(known.reference())),
            None if self.state.is_end() => return Err(Refused::Ended(self.state.word())),
            None => {}
        }
        if self.image_repository.as_deref() == Some(image.name()) {
            self.image = Some(image);
        } else {
            self.others.push(image);
        }
        Ok(true)
    }

    /// Brings state, reason and end in line with what the record holds.
    fn settle(&mut self, now: Timestamp) {
        if self.state.is_end() {
            self.ended.get_or_insert(now);
            return;
        }
        let ended_badly = self.deployments.iter().find(|d| d.verdict.is_some_and(|verdict| verdict != Verdict::Live));
        self.state = if let Some(deployment) = ended_badly {
            self.reason = deployment.reason.as_ref().map(|reason| format!("{}: {reason}", deployment.environment));
            deployment.verdict.map_or(State::Failed, State::from)
        } else if self.is_imaged() && !self.deployments.is_empty() {
            if self.deployments.iter().all(|deployment| deployment.verdict.is_some()) {
                State::Live
            } else {
                State::Deploying
            }
        } else {
            match self.build.outcome {
                Some(Outcome::Succeeded) if self.reason.is_none() => State::Built,
                Some(_) => State::Failed,
                None if self.build.id.is_some() => State::Building,
                None if self.build.due.is_some() => State::Requested,
                None => State::Waiting,
            }
        };
        self.ended = self.state.is_end().then_some(now);
    }
}

impl Build {
    /// Keeps the end of its log; gives `true`.
    fn keep_tail(&mut self, lines: &[String]) -> bool {
        self.tail = log::tail(lines.iter().map(String::as_str), Self::TAIL);
        true
    }

    fn report(&mut self, progress: Progress, now: Timestamp) -> bool {
        let ended = (progress.status != Status::Started).then_some(now);
        let running = self.stages.iter_mut().rev().find(|stage| stage.name == progress.phase && stage.ended.is_none());
        if let Some(stage) = running {
            let before = stage.clone();
            stage.status = progress.status;
            stage.ended = ended;
            stage.message = progress.message.or(stage.message.take());
            return *stage != before;
        }
        // The same end told twice by a curl that retried, or a beginning that was overtaken by its end.
        let last = self.stages.iter().rev().find(|stage| stage.name == progress.phase);
        let told = last.is_some_and(|stage| match stage.ended {
            Some(ended) if progress.status == Status::Started => now.duration_since(ended) < OVERTAKEN,
            _ => stage.status == progress.status && stage.message == progress.message,
        });
        if told || self.stages.len() == Self::STAGES {
            return false;
        }
        let Progress { phase: name, status, message } = progress;
        self.stages.push(Stage { name, status, started: now, ended, message });
        true
    }
}

/// What happened, and what is known about it besides.
pub(super) fn set<T>(member: &mut Option<T>, value: T) -> bool {
    let first = member.is_none();
    member.get_or_insert(value);
    first
}
