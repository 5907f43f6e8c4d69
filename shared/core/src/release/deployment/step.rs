//! What `deploy` does next, read off the record.

use jiff::Timestamp;

use super::{Back, Deployment, Obstacle, ServiceDeployment, Verdict};
use crate::{
    freeze,
    release::{Asked, Deed, Release, State, Where},
};

/// What `deploy` does next for a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeployStep {
    /// Write down what keeps the release from going in.
    Hold(usize, Obstacle),
    /// Something keeps it from going in: look whether a newer release went in meanwhile.
    Wait(usize),
    /// Nobody approved it in time.
    Expire(usize),
    /// Ask the environment to admit the release.
    Admit(usize),
    /// Read which revision the service runs.
    Base(Where),
    /// See whether everything is in place.
    Preflight(usize),
    /// Register the new revision.
    Register(Where),
    /// Register the new revision of a family of scheduled tasks, by its position.
    RegisterFamily(usize, usize),
    /// Start a task of the plan's `before`, by its position.
    Run(usize, usize),
    /// See how that task is.
    FollowRun(usize, usize),
    /// Tell the service to run the new revision.
    Update(Where),
    /// Hand a person's answer on.
    Answer(Where),
    /// Read how far the deployments are.
    Follow(Where),
    /// It takes too long: look once more, then fail visibly.
    GiveUp(Where),
    /// Ask the check's URL.
    Check(usize),
    /// Tell the service to run again what it ran before.
    GoBack(Where),
    /// See whether it does.
    FollowBack(Where),
    /// Say where the release is live.
    Finish(usize),
    /// Have it go back or end, since someone cancelled it.
    CallOff(usize),
    /// Nothing.
    Nothing,
}

/// Whether a release stops at a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// It does.
    Automation,
    /// It passes: it is begun, or a person lets it.
    Past,
    /// A person asked for it by name: it passes, and takes the lock of a rollback away.
    ByName,
    /// A person asked for its build: it stops at a lock that somebody set, and passes that of a rollback, which goes.
    Wished,
}

impl Release {
    /// Whether it stops at a lock of the environment of one of its deployments, by position.
    pub fn passing(&self, at: usize) -> Passing {
        let deployment = self.deployments.get(at);
        let overridden = deployment.is_some_and(|deployment| deployment.overridden.is_some());
        // What was admitted goes to its end, whoever locks meanwhile: all or nothing.
        let admitted = deployment.is_some_and(|deployment| deployment.admitted.is_some());
        let wished = self.wished.is_some() && !self.once_more;
        match self.asked.as_ref().map(|asked| asked.deed) {
            _ if self.called_off.is_some() => Passing::Past,
            Some(Deed::Deploy) => Passing::ByName,
            // A rollback leaves its own lock, and those of others.
            Some(Deed::Rollback) => Passing::Past,
            None if wished && overridden => Passing::ByName,
            Some(Deed::Retry) | None if overridden || admitted => Passing::Past,
            None if wished => Passing::Wished,
            Some(Deed::Retry) | None => Passing::Automation,
        }
    }

    /// What `deploy` does next. Environments are taken in order; within one, every service has its revision before any is told anything.
    pub fn deploy_step(&self, now: Timestamp) -> DeployStep {
        if self.state != State::Deploying {
            return DeployStep::Nothing;
        }
        let mut deployments = self.deployments.iter().enumerate();
        let current = deployments.find(|(_, deployment)| deployment.verdict != Some(Verdict::Live));
        let by_name = self.asked.as_ref().is_some_and(Asked::is_by_name);
        current.map_or(DeployStep::Nothing, |(at, current)| match self.called_off {
            None => current.step(at, by_name, now),
            Some(_) => match current.step(at, by_name, now) {
                // It may be written down as live already: too late.
                finish @ DeployStep::Finish(_) => finish,
                step => current.last_step(at, now).unwrap_or(step),
            },
        })
    }

    /// The deployment whose environment has to be held for a step: where services are changed, or where it is decided that they are not.
    pub fn held_for(&self, step: &DeployStep) -> Option<usize> {
        match *step {
            DeployStep::Admit(at)
            | DeployStep::Preflight(at)
            | DeployStep::RegisterFamily(at, _)
            | DeployStep::Run(at, _)
            | DeployStep::Finish(at)
            | DeployStep::Base(Where { deployment: at, .. })
            | DeployStep::Register(Where { deployment: at, .. })
            | DeployStep::Update(Where { deployment: at, .. })
            | DeployStep::Answer(Where { deployment: at, .. })
            | DeployStep::GoBack(Where { deployment: at, .. }) => Some(at),
            DeployStep::GiveUp(Where { deployment: at, .. }) => {
                let deployment = self.deployments.get(at)?;
                (!deployment.is_begun() && deployment.reverting.is_none()).then_some(at)
            }
            DeployStep::CallOff(at) => self.deployments.get(at)?.admitted.map(|_| at),
            DeployStep::Hold(..)
            | DeployStep::Wait(_)
            | DeployStep::Expire(_)
            | DeployStep::FollowRun(..)
            | DeployStep::Follow(_)
            | DeployStep::Check(_)
            | DeployStep::FollowBack(_)
            | DeployStep::Nothing => None,
        }
    }
}

impl Deployment {
    fn step(&self, at: usize, by_name: bool, now: Timestamp) -> DeployStep {
        let here = |service: usize| Where { deployment: at, service };
        let Some(admitted) = self.admitted else { return self.entry_step(at, by_name, now) };
        if self.verdict.is_some() {
            return DeployStep::Nothing;
        }
        if let Some(reverting) = &self.reverting {
            return self.back_step(at, reverting.since, now);
        }
        if !self.is_begun() && self.runs.iter().all(|run| run.ended.is_some()) && self.is_overdue(admitted, now) {
            // What it found is not known while a base is missing: then that is read once more before all else.
            let first = |open: fn(&ServiceDeployment) -> bool| self.services.iter().position(open);
            let unread = first(|service| service.verdict.is_none() && service.base.is_none());
            return DeployStep::GiveUp(here(unread.or(first(|service| service.verdict.is_none())).unwrap_or(0)));
        }
        self.preparing_step(at).or_else(|| self.moving_step(at, now)).unwrap_or_else(|| {
            let checked = self.probe.as_ref().is_some_and(|probe| probe.passed.is_some());
            match &self.plan.check {
                Some(_) if !checked && !self.is_unchanged() => DeployStep::Check(at),
                _ => DeployStep::Finish(at),
            }
        })
    }

    /// Of a release that someone cancelled: it goes in, to see what is there. `None`: as any other's.
    fn last_step(&self, at: usize, now: Timestamp) -> Option<DeployStep> {
        let Some(admitted) = self.admitted else {
            return Some(if self.was_let_in() { DeployStep::Admit(at) } else { DeployStep::CallOff(at) });
        };
        let runs = self.runs.iter().any(|run| run.ended.is_none());
        let overdue = !self.is_begun() && self.is_overdue(admitted, now);
        if self.verdict.is_some() || self.reverting.is_some() || runs || overdue {
            return None;
        }
        let unread = self.services.iter().position(|service| service.verdict.is_none() && service.base.is_none());
        Some(match unread {
            Some(service) => DeployStep::Base(Where { deployment: at, service }),
            None => DeployStep::CallOff(at),
        })
    }

    /// Before the environment admits the release.
    fn entry_step(&self, at: usize, by_name: bool, now: Timestamp) -> DeployStep {
        if let Some(approval) = self.plan.approval.as_ref().filter(|_| self.decision.is_none()) {
            return match &self.held {
                Some(Obstacle::Approval { expires }) if *expires <= now => DeployStep::Expire(at),
                Some(Obstacle::Approval { .. }) => DeployStep::Wait(at),
                _ => DeployStep::Hold(at, Obstacle::Approval { expires: now + approval.expires }),
            };
        }
        if !by_name
            && self.overridden.is_none()
            && let Some(until) = freeze::until(&self.plan.freeze, now)
        {
            let freeze = Obstacle::Freeze { until };
            return if self.held.as_ref() == Some(&freeze) {
                DeployStep::Wait(at)
            } else {
                DeployStep::Hold(at, freeze)
            };
        }
        DeployStep::Admit(at)
    }

    /// Until every service has its revision, and what comes first has run.
    fn preparing_step(&self, at: usize) -> Option<DeployStep> {
        let unbegun = |service: &&ServiceDeployment| service.verdict.is_none() && service.updated.is_none();
        let first = |lacks: fn(&ServiceDeployment) -> bool| {
            let service = self.services.iter().position(|service| unbegun(&service) && lacks(service))?;
            Some(Where { deployment: at, service })
        };
        if let Some(at) = first(|service| service.base.is_none()) {
            return Some(DeployStep::Base(at));
        }
        if self.cleared.is_none() {
            return Some(DeployStep::Preflight(at));
        }
        if let Some(at) = first(|service| service.task_definition.is_none()) {
            return Some(DeployStep::Register(at));
        }
        if !self.is_unchanged()
            && let Some(family) = self.families.iter().position(|family| family.task_definition.is_none())
        {
            return Some(DeployStep::RegisterFamily(at, family));
        }
        if self.is_begun() || !self.services.iter().any(|service| unbegun(&service)) {
            return None;
        }
        match self.runs.iter().position(|run| run.ended.is_none()) {
            Some(run) => Some(DeployStep::FollowRun(at, run)),
            None if self.runs.len() < self.plan.before.len() => Some(DeployStep::Run(at, self.runs.len())),
            None => None,
        }
    }

    /// Until every service's deployment ended.
    fn moving_step(&self, at: usize, now: Timestamp) -> Option<DeployStep> {
        let here = |service: usize| Where { deployment: at, service };
        let answered = |service: &ServiceDeployment| service.pause.as_ref().is_some_and(|pause| pause.answer.is_some());
        if let Some(service) = self.services.iter().position(answered) {
            return Some(DeployStep::Answer(here(service)));
        }
        let under_way = self.services.iter().position(|service| service.verdict.is_none() && service.updated.is_some());
        let untold = self.services.iter().position(|service| service.verdict.is_none() && service.updated.is_none());
        let all_well = self.services.iter().all(|service| matches!(service.verdict, None | Some(Verdict::Live)));
        match (untold, under_way) {
            (Some(service), None) if all_well => Some(DeployStep::Update(here(service))),
            (Some(service), Some(_)) if all_well && !self.plan.in_order => Some(DeployStep::Update(here(service))),
            (_, Some(service)) => {
                let updated = self.services[service].updated?;
                let overdue = self.is_overdue(updated + self.paused(), now) && !self.is_paused();
                Some(if overdue { DeployStep::GiveUp(here(service)) } else { DeployStep::Follow(here(service)) })
            }
            (_, None) => None,
        }
    }

    /// On the way back: all services are told before any is looked at.
    fn back_step(&self, at: usize, since: Timestamp, now: Timestamp) -> DeployStep {
        let overdue = self.is_overdue(since, now);
        // What cannot even be told is given up, too, if later: the others are to be told first.
        let hopeless = self.is_overdue(since + self.plan.timeout, now);
        let here = |service: usize| Where { deployment: at, service };
        let open = |service: &ServiceDeployment, told: bool| {
            let back = service.back.as_ref();
            let over = back.is_some_and(Back::is_over);
            service.goes_back() && !over && back.is_some_and(|back| back.told.is_some()) == told
        };
        let first = |told: bool| self.services.iter().position(|service| open(service, told));
        match (first(false), first(true)) {
            (Some(service), _) if hopeless => DeployStep::GiveUp(here(service)),
            (Some(service), _) => DeployStep::GoBack(here(service)),
            (None, Some(service)) if overdue => DeployStep::GiveUp(here(service)),
            (None, Some(service)) => DeployStep::FollowBack(here(service)),
            (None, None) => DeployStep::Nothing,
        }
    }
}
