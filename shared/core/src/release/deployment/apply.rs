//! How a fact changes a deployment.

use jiff::Timestamp;

use super::{
    Answered, Attempt, Back, Controller, Decision, Deployment, Obstacle, Passed, Pause, Person, Probe, Reverting, Run,
    ServiceDeployment, Verdict,
};
use crate::{
    release::{Refused, Why, apply::set},
    text::shorten,
};

/// Something that happened to a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeploymentFact {
    /// It may not go in yet.
    Held(Obstacle),
    /// Someone who may answered whether it goes in.
    Decided(Decision),
    /// Someone tried to do something to it who may not.
    Declined(Attempt),
    /// Someone lets it pass locks and freezes.
    Overridden(Person),
    /// Nobody approved it in time.
    Expired,
    /// The environment took the release.
    Admitted,
    /// The environment had admitted a newer release, of this number.
    Overtaken(u64),
    /// Everything is in place for it.
    Cleared,
    /// It cannot go on: the reason, in a sentence. No service was told anything.
    Blocked(String),
    /// The new revision of a family of scheduled tasks is registered: its position, its ARN.
    FamilyRegistered(usize, String),
    /// A task was started that comes before the services.
    RunStarted {
        /// Its position in the plan's `before`.
        run: usize,
        /// Its ARN.
        task: String,
    },
    /// It ended.
    RunEnded {
        /// Its position in the plan's `before`.
        run: usize,
        /// What its container exited with.
        exit: Option<i32>,
        /// Why it failed, where it did.
        failure: Option<String>,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// The check was asked: what was wrong with the last answers, if anything.
    Probed {
        /// How many answers in a row were wrong, the earlier ones included.
        failures: u32,
        /// What the last wrong one was.
        last: Option<String>,
    },
    /// It answered well for long enough.
    Passed,
    /// Something beside it went wrong: what, in a sentence.
    Noted(String),
    /// A service runs something else by now, which no release brought: its name.
    TakenOver(String),
    /// All that comes after its services is done.
    Finished,
    /// Its services are known, and someone wants its release to end: see [`Fact::CalledOff`](crate::release::Fact::CalledOff).
    CalledOff,
    /// Something happened to one of its services, by position.
    Service(usize, ServiceFact),
}

/// Something that happened to a service of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceFact {
    /// It was read: what it runs, who deploys it, and whether no task of it is wanted.
    Based {
        /// The revision that it goes back to: see [`base`](crate::release::base).
        task_definition: String,
        /// Whether it runs something else, or is on its way somewhere.
        astray: bool,
        /// The newest service deployment that there is, by its ARN.
        before: Option<String>,
        /// Who deploys it.
        controller: Controller,
        /// Whether its desired count is 0.
        idle: bool,
    },
    /// The new revision is registered.
    Registered(String),
    /// It runs this revision already, which is what it is to run.
    Unchanged(String),
    /// It was told to run the new revision.
    Updated,
    /// The deployment that does it was found: ECS's by its ARN, CodeDeploy's by its id.
    Followed(String),
    /// Its deployment came to a lifecycle stage.
    Stage(String),
    /// Its deployment waits for a person's answer.
    Paused {
        /// The hook's id.
        hook: String,
        /// The stage.
        stage: String,
    },
    /// A person answered: on, or back.
    Answered(Decision),
    /// The answer was handed on.
    Resumed,
    /// Its deployment ended.
    Concluded {
        /// How.
        verdict: Verdict,
        /// What ECS says about it.
        reason: Option<String>,
        /// What was found about it.
        why: Option<Why>,
    },
    /// It was told to go back; by a deployment of its own, where that is known.
    SentBack(Option<String>),
    /// It runs what it ran before.
    CameBack,
    /// It does not: the reason.
    StayedAway(String),
}

impl DeploymentFact {
    /// Whether it is what a person says, who is to hear when that comes too late.
    pub(in crate::release) fn is_answer(&self) -> bool {
        matches!(self, Self::Decided(_) | Self::Overridden(_) | Self::Service(_, ServiceFact::Answered(_)))
    }
}

impl Deployment {
    /// Takes a fact; says whether anything changed.
    pub(in crate::release) fn apply(&mut self, fact: DeploymentFact, now: Timestamp) -> Result<bool, Refused> {
        if let Some(verdict) = self.verdict {
            return match fact {
                DeploymentFact::Declined(attempt) => Ok(self.declined(attempt, now)),
                answer if answer.is_answer() => Err(Refused::Ended(verdict.word())),
                _ => Ok(false),
            };
        }
        Ok(match fact {
            DeploymentFact::Held(obstacle) => {
                // Two that come to ask for an approval ask once.
                let asked = matches!(obstacle, Obstacle::Approval { .. })
                    && (self.decision.is_some() || matches!(self.held, Some(Obstacle::Approval { .. })));
                if self.admitted.is_some() || asked {
                    return Ok(false);
                }
                if matches!(obstacle, Obstacle::Approval { .. }) {
                    self.approval_asked.get_or_insert(now);
                }
                replace(&mut self.held, obstacle)
            }
            DeploymentFact::Decided(decision) => self.decided(decision, now)?,
            DeploymentFact::Declined(attempt) => self.declined(attempt, now),
            DeploymentFact::Overridden(person) => match &self.held {
                Some(Obstacle::Freeze { .. } | Obstacle::Lock(_)) => set(&mut self.overridden, person.dated(now)),
                Some(Obstacle::Approval { .. }) => return Err(Refused::NotHeld("it waits for an approval")),
                None => return Err(Refused::NotHeld("nothing holds it")),
            },
            DeploymentFact::Expired => match &self.held {
                Some(Obstacle::Approval { expires }) if *expires <= now && self.decision.is_none() => {
                    self.conclude(Verdict::Failed, Some("nobody approved it in time".to_owned()), now)
                }
                _ => false,
            },
            DeploymentFact::Admitted => {
                self.held = None;
                set(&mut self.admitted, now)
            }
            DeploymentFact::Overtaken(by) => {
                let reason = format!("release #{by} was admitted before it");
                self.conclude(Verdict::Superseded, Some(reason), now)
            }
            DeploymentFact::Cleared => set(&mut self.cleared, now),
            DeploymentFact::Blocked(reason) => {
                !self.is_begun() && self.end_badly(Verdict::Failed, shorten(&reason, 500), now)
            }
            DeploymentFact::FamilyRegistered(family, arn) => {
                self.families.get_mut(family).is_some_and(|family| set(&mut family.task_definition, arn))
            }
            DeploymentFact::RunStarted { run, task } => {
                let next = run == self.runs.len() && self.runs.iter().all(|run| run.ended.is_some());
                if next {
                    let log = Vec::new();
                    self.runs.push(Run { task, started: now, ended: None, exit: None, failure: None, log });
                }
                next
            }
            DeploymentFact::RunEnded { run, exit, failure, log } => self.run_ended(run, exit, failure, &log, now),
            DeploymentFact::Probed { failures, last } => self.probed(failures, last, now),
            DeploymentFact::Passed => {
                let probe = self.probe.get_or_insert_with(|| Probe::begun(now));
                set(&mut probe.passed, now)
            }
            DeploymentFact::Noted(note) => {
                let news = self.is_news(&note);
                if news {
                    self.notes.push(Self::note(&note));
                }
                news
            }
            DeploymentFact::TakenOver(service) => {
                let reason = format!("{service}: another deployment took over");
                self.reverting.is_none() && self.conclude(Verdict::Superseded, Some(reason), now)
            }
            DeploymentFact::Finished => {
                self.services.iter().all(|service| service.verdict == Some(Verdict::Live))
                    && self.conclude(Verdict::Live, None, now)
            }
            // The release's own.
            DeploymentFact::CalledOff => false,
            DeploymentFact::Service(position, fact) => {
                let force = self.plan.force;
                let Some(service) = self.services.get_mut(position) else { return Ok(false) };
                let changed = service.apply(fact, force, now)?;
                if changed {
                    self.settle(now);
                }
                changed
            }
        })
    }

    fn conclude(&mut self, verdict: Verdict, reason: Option<String>, now: Timestamp) -> bool {
        (self.verdict, self.reason, self.ended) = (Some(verdict), reason, Some(now));
        self.held = None;
        true
    }

    /// Ends it, once what has to go back is back.
    fn end_badly(&mut self, verdict: Verdict, reason: String, now: Timestamp) -> bool {
        if self.is_untouched() {
            return self.conclude(verdict, Some(reason), now);
        }
        let begins = self.reverting.is_none();
        self.reverting.get_or_insert(Reverting { reason, since: now });
        self.settle(now);
        begins
    }

    /// Whether its environment may have admitted it, written down or not.
    pub(in crate::release) fn was_let_in(&self) -> bool {
        self.admitted.is_some() || self.plan.approval.is_none() || self.decision.is_some()
    }

    /// Has what may have been told go back; `false` where nothing has to.
    pub(in crate::release) fn take_back(&mut self, reason: &str, now: Timestamp) -> bool {
        let back = self.services.iter().any(ServiceDeployment::goes_back);
        if back {
            let since = self.reverting.as_ref().map_or(now, |reverting| reverting.since);
            self.reverting = Some(Reverting { reason: reason.to_owned(), since });
            self.settle(now);
        }
        back
    }

    fn declined(&mut self, attempt: Attempt, now: Timestamp) -> bool {
        let room = self.attempts.len() < Self::ATTEMPTS;
        if room {
            self.attempts.push(Attempt { at: now, ..attempt });
        }
        room
    }

    fn decided(&mut self, decision: Decision, now: Timestamp) -> Result<bool, Refused> {
        if let Some(earlier) = &self.decision {
            return Err(Refused::Decided(earlier.by.name.clone()));
        }
        match &self.held {
            Some(Obstacle::Approval { expires }) if now < *expires => {}
            Some(Obstacle::Approval { .. }) => return Err(Refused::NotHeld("nobody approved it in time")),
            Some(Obstacle::Freeze { .. } | Obstacle::Lock(_)) | None => {
                return Err(Refused::NotHeld("it does not wait for an approval"));
            }
        }
        let decision = Decision { by: decision.by.dated(now), ..decision };
        if !decision.approved {
            let reason = decision.by.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            self.conclude(Verdict::Failed, Some(format!("rejected by {}{reason}", decision.by.name)), now);
        }
        self.held = None;
        self.decision = Some(decision);
        Ok(true)
    }

    fn run_ended(
        &mut self,
        position: usize,
        exit: Option<i32>,
        failure: Option<String>,
        log: &[String],
        now: Timestamp,
    ) -> bool {
        let Some(run) = self.runs.get_mut(position).filter(|run| run.ended.is_none()) else { return false };
        (run.ended, run.exit) = (Some(now), exit);
        let newest = log.len().saturating_sub(Run::LINES);
        run.log = log[newest..].iter().map(|line| shorten(line, 300)).collect();
        run.failure = failure.map(|failure| shorten(&failure, 500));
        if let Some(failure) = &run.failure {
            let command = self.plan.before.get(position).map(|before| before.command.join(" ")).unwrap_or_default();
            let reason = format!("before: {}: {failure}", shorten(&command, 100));
            self.end_badly(Verdict::Failed, reason, now);
        }
        true
    }

    fn probed(&mut self, failures: u32, last: Option<String>, now: Timestamp) -> bool {
        let probe = self.probe.get_or_insert_with(|| Probe::begun(now));
        if probe.passed.is_some() {
            return false;
        }
        probe.failures = failures;
        probe.last = last.map(|last| shorten(&last, 300)).or(probe.last.take());
        if failures >= Probe::FAILURES {
            let last = probe.last.as_deref().unwrap_or("no answer");
            let reason = format!("the check failed: {last}");
            self.reverting.get_or_insert(Reverting { reason, since: now });
            self.settle(now);
        }
        true
    }

    /// Brings the deployment in line with what its services came to: all or nothing.
    fn settle(&mut self, now: Timestamp) {
        if self.reverting.is_none() {
            let with = |verdict: Verdict| self.services.iter().find(|service| service.verdict == Some(verdict));
            if let Some(bad) = with(Verdict::Failed).or(with(Verdict::RolledBack)) {
                let verdict = bad.verdict.unwrap_or(Verdict::Failed);
                let reason = bad.told();
                self.reverting = (!self.is_untouched()).then(|| Reverting { reason: reason.clone(), since: now });
                if self.reverting.is_none() {
                    self.conclude(verdict, Some(reason), now);
                    return;
                }
            } else if let Some(over) = with(Verdict::Superseded) {
                let reason = over.told();
                if self.services.iter().all(|service| service.updated.is_none() || service.verdict.is_some()) {
                    self.conclude(Verdict::Superseded, Some(reason), now);
                }
                return;
            }
        }
        let Some(reverting) = &self.reverting else { return };
        let back = |service: &ServiceDeployment| service.back.as_ref().is_some_and(Back::is_over);
        if !self.services.iter().filter(|service| service.goes_back()).all(back) {
            return;
        }
        let away = |service: &ServiceDeployment| {
            let failure = service.back.as_ref()?.failure.as_deref()?;
            Some(format!("{} did not go back: {failure}", service.service))
        };
        let away: Vec<_> = self.services.iter().filter_map(away).collect();
        let reason = reverting.reason.clone();
        if away.is_empty() {
            self.conclude(Verdict::RolledBack, Some(reason), now);
        } else {
            self.conclude(Verdict::Failed, Some(format!("{reason}; {}", away.join("; "))), now);
        }
    }
}

impl ServiceDeployment {
    fn apply(&mut self, fact: ServiceFact, force: bool, now: Timestamp) -> Result<bool, Refused> {
        let over = self.verdict.is_some();
        Ok(match fact {
            ServiceFact::SentBack(deployment) => {
                let back = self.back.get_or_insert_default();
                let first = set(&mut back.told, now);
                back.deployment = back.deployment.take().or(deployment);
                first
            }
            ServiceFact::CameBack => set(&mut self.back.get_or_insert_default().ended, now),
            ServiceFact::StayedAway(failure) => {
                let back = self.back.get_or_insert_default();
                let first = set(&mut back.ended, now);
                if first {
                    back.failure.get_or_insert(shorten(&failure, 300));
                }
                first
            }
            ServiceFact::Answered(decision) => self.answered(Decision { by: decision.by.dated(now), ..decision })?,
            _ if over => false,
            // What services are changed by is a release's base as it was read first.
            ServiceFact::Based { .. } if self.base.is_some() => false,
            ServiceFact::Based { task_definition, astray, before, controller, idle } => {
                (self.controller, self.idle, self.astray, self.before) = (controller, idle, astray, before);
                if self.again.as_ref() == Some(&task_definition) && !force && !astray {
                    self.unchanged(task_definition.clone());
                }
                set(&mut self.base, task_definition)
            }
            ServiceFact::Registered(arn) => set(&mut self.task_definition, arn),
            ServiceFact::Unchanged(arn) => self.updated.is_none() && !self.astray && self.unchanged(arn),
            ServiceFact::Updated => set(&mut self.updated, now),
            ServiceFact::Followed(deployment) => set(&mut self.deployment, deployment),
            ServiceFact::Stage(stage) => {
                let new = self.stages.last().is_none_or(|last| last.stage != stage) && self.stages.len() < Self::STAGES;
                if new {
                    self.stages.push(Passed { stage: shorten(&stage, 60), at: now });
                }
                new
            }
            ServiceFact::Paused { hook, stage } => {
                let known = self.pause.as_ref().is_some_and(|pause| pause.hook == hook && pause.stage == stage);
                if !known {
                    self.pause = Some(Pause { hook, stage, since: now, answer: None });
                }
                !known
            }
            ServiceFact::Resumed => {
                let pause = self.pause.take();
                self.paused += pause.as_ref().map(|pause| now.duration_since(pause.since)).unwrap_or_default();
                if let Some(Pause { stage, answer: Some(decision), .. }) = pause.clone()
                    && self.answers.len() < Self::STAGES
                {
                    self.answers.push(Answered { stage, decision, at: now });
                }
                pause.is_some()
            }
            ServiceFact::Concluded { verdict, reason, why } => {
                self.pause = None;
                self.why = why;
                self.reason = reason.map(|reason| shorten(&reason, 500));
                set(&mut self.verdict, verdict)
            }
        })
    }

    fn unchanged(&mut self, arn: String) -> bool {
        self.task_definition = Some(arn);
        self.unchanged = true;
        set(&mut self.verdict, Verdict::Live)
    }

    fn answered(&mut self, decision: Decision) -> Result<bool, Refused> {
        match &mut self.pause {
            None => Err(Refused::NotHeld("its deployment does not wait for an answer")),
            Some(Pause { answer: Some(earlier), .. }) => Err(Refused::Decided(earlier.by.name.clone())),
            Some(pause) => Ok(set(&mut pause.answer, decision)),
        }
    }

    /// `web: <what ECS said>`.
    fn told(&self) -> String {
        let reason = self.reason.as_deref().or(self.verdict.map(Verdict::word)).unwrap_or_default();
        format!("{}: {reason}", self.service)
    }
}

impl Person {
    /// Why a release is cancelled that they cancel.
    pub(in crate::release) fn cancels(&self) -> String {
        let why = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        shorten(&format!("cancelled by {}{why}", self.name), 500)
    }

    /// Changes of a record have one order, whatever the clocks of those who make them say.
    pub(in crate::release) fn dated(self, at: Timestamp) -> Self {
        Self {
            name: shorten(&self.name, 200),
            reason: self.reason.map(|reason| shorten(reason.trim(), 500)).filter(|reason| !reason.is_empty()),
            at,
        }
    }
}

impl Probe {
    fn begun(since: Timestamp) -> Self {
        Self { since, failures: 0, last: None, passed: None }
    }
}

/// Puts a value in another's place; says whether that changed anything.
fn replace<T: PartialEq>(member: &mut Option<T>, value: T) -> bool {
    let new = member.as_ref() != Some(&value);
    *member = Some(value);
    new
}
