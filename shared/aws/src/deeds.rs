//! What people do to releases and environments, by Slack or by the program `longshore`: each deed is recorded first, and `deploy` is woken
//! to see to it.

mod named;

use std::fmt;

use jiff::Timestamp;
use longshore_core::{
    approval::{self, Who},
    environment::Environment,
    release::{
        Attempt, Decision, Deed, DeploymentFact, Fact, Lock, Person, Release, ReleaseId, ServiceFact, State, Verdict,
    },
};

use crate::{
    events::Publisher,
    store::{Asking, LockedBy, Store, StoreError},
};

/// Why a deed was not done. The sentence is for whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum Undone {
    /// It cannot be done: why.
    #[error("{0}")]
    Refused(String),
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Undone {
    /// It cannot be done, for this reason.
    pub fn because(error: impl fmt::Display) -> Self {
        Self::Refused(error.to_string())
    }
}

/// What people can do.
#[derive(Debug, Clone, Copy)]
pub struct Deeds<'a> {
    /// The records.
    pub store: &'a Store,
    /// What wakes `deploy`, and has the message drawn.
    pub events: &'a Publisher,
}

/// Which release a rollback goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// The one that was live before.
    Earlier,
    /// The release of this number.
    Number(u64),
    /// This one.
    Release(ReleaseId),
}

impl Deeds<'_> {
    /// Approves or rejects a release where it waits for that. Whoever may not is refused, which is recorded.
    pub async fn decide(
        &self,
        id: &ReleaseId,
        environment: &str,
        who: &Who,
        approved: bool,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<Release, Undone> {
        let release = self.release(id).await?;
        let at = position(&release, environment)?;
        self.may_decide(&release, at, who, now).await?;
        let decision = Decision { approved, by: Person { name: who.name.clone(), reason, at: now } };
        self.take(release, Fact::Deployment(at, DeploymentFact::Decided(decision)), now, true).await
    }

    /// [`Deeds::answer`], for those who may: on, where the environment has an approval, only those who may approve the release, and whoever
    /// else tries is recorded; back, everybody.
    pub async fn answer_as(
        &self,
        id: &ReleaseId,
        environment: &str,
        service: Option<&str>,
        who: &Who,
        approved: bool,
        now: Timestamp,
    ) -> Result<Release, Undone> {
        if approved {
            let release = self.release(id).await?;
            let at = position(&release, environment)?;
            self.may_decide(&release, at, who, now).await?;
        }
        let by = Person { name: who.name.clone(), reason: None, at: now };
        self.answer(id, environment, service, Decision { approved, by }).await
    }

    /// Refuses, and records, who may not decide on a release going into an environment.
    pub async fn may_decide(&self, release: &Release, at: usize, who: &Who, now: Timestamp) -> Result<(), Undone> {
        let Some(approval) = &release.deployments[at].plan.approval else { return Ok(()) };
        let Err(why) = approval::may(approval, &release.commit, who) else { return Ok(()) };
        let name = who.name.clone();
        let refusal = Undone::Refused(format!("{name} may not decide: {why}"));
        self.declined(release, at, Attempt { name, deed: "decide".to_owned(), why: why.to_string(), at: now }).await?;
        Err(refusal)
    }

    /// Records what someone tried to do to a release who may not.
    pub async fn declined(&self, release: &Release, at: usize, attempt: Attempt) -> Result<(), Undone> {
        let now = attempt.at;
        let fact = Fact::Deployment(at, DeploymentFact::Declined(attempt));
        self.take(release.clone(), fact, now, false).await.map(drop)
    }

    /// Ends a release: at once, where nothing was begun; else what it has begun to deploy goes back first.
    pub async fn cancel(&self, id: &ReleaseId, person: Person) -> Result<Release, Undone> {
        let release = self.release(id).await?;
        let now = person.at;
        let deploying = release.state == State::Deploying;
        self.take(release, Fact::CalledOff(person), now, deploying).await
    }

    /// Answers a deployment that is paused: on, or back. Where nobody names the service, the one that waits is meant.
    pub async fn answer(
        &self,
        id: &ReleaseId,
        environment: &str,
        service: Option<&str>,
        decision: Decision,
    ) -> Result<Release, Undone> {
        let release = self.release(id).await?;
        let at = position(&release, environment)?;
        let mut services = release.deployments[at].services.iter();
        let meant = match service {
            Some(name) => services.position(|service| service.service == name),
            None => services.position(|service| service.pause.as_ref().is_some_and(|pause| pause.answer.is_none())),
        };
        let nothing = || Undone::Refused(format!("release #{} is not paused in {environment}", release.number));
        let meant = meant.ok_or_else(nothing)?;
        let now = decision.by.at;
        let fact = DeploymentFact::Service(meant, ServiceFact::Answered(decision));
        self.take(release, Fact::Deployment(at, fact), now, true).await
    }

    /// Locks an environment.
    pub async fn lock(&self, pipeline: &str, environment: &str, lock: &Lock) -> Result<(), Undone> {
        Ok(self.store.lock(pipeline, environment, lock).await?)
    }

    /// Unlocks an environment, and has the release go on that waits there. `false`: it was not locked.
    pub async fn unlock(&self, pipeline: &str, environment: &str) -> Result<bool, Undone> {
        let unlocked = self.store.unlock(pipeline, environment).await?;
        for id in self.store.open_releases(longshore_core::release::OpenFor::Deployment).await? {
            if let Some(release) = self.store.release(&id).await?
                && release.pipeline == pipeline
                && release.deployment_to(environment).is_ok()
            {
                self.events.asked(&release).await;
            }
        }
        Ok(unlocked)
    }

    /// The release that a rollback goes to: one of the pipeline's. Whether it was live in the environment is for [`Deeds::roll_back`]
    /// to say.
    pub async fn target(&self, pipeline: &str, environment: &str, to: To) -> Result<Release, Undone> {
        let known = self.store.environment(pipeline, environment).await?;
        let target = match to {
            To::Release(id) => id,
            To::Number(number) => {
                let found = known.live.iter().find(|live| live.number == number);
                let why =
                    || Undone::Refused(format!("release #{number} was not live in {environment}: {}", lives(&known)));
                found.ok_or_else(why)?.release.clone()
            }
            To::Earlier => {
                let on_its_way = match &known.release {
                    Some(newest) => {
                        self.store.release(newest).await?.is_some_and(|newest| is_under_way(&newest, environment))
                    }
                    None => false,
                };
                known.earlier(on_its_way).map_err(Undone::because)?.release.clone()
            }
        };
        let of = self.release(&target).await?;
        if of.pipeline != pipeline {
            return Err(Undone::Refused(format!("release {target} is one of {}, not of {pipeline}", of.pipeline)));
        }
        Ok(of)
    }

    /// Takes an environment back to an earlier live release, by a release of its own with the id `new`, and locks it. Both are recorded, or
    /// none; asked for again under the same id, nothing more happens.
    pub async fn roll_back(
        &self,
        new: ReleaseId,
        pipeline: &str,
        environment: &str,
        to: To,
        person: Person,
    ) -> Result<Release, Undone> {
        let of = self.target(pipeline, environment, to).await?;
        let lock = lock_of(&of, &person);
        let locked = LockedBy { environment, lock: &lock, once_from: None };
        self.again(new, &of, environment, Deed::Rollback, person, Some(locked)).await
    }

    /// [`Deeds::roll_back`] from a release that is live, to what was live before it: once, however many ask.
    pub async fn revert(
        &self,
        new: ReleaseId,
        id: &ReleaseId,
        environment: &str,
        person: Person,
    ) -> Result<Release, Undone> {
        let release = self.release(id).await?;
        let known = self.store.environment(&release.pipeline, environment).await?;
        let (pipeline, number) = (&release.pipeline, release.number);
        match known.live.first() {
            Some(live) if live.release == *id => {}
            Some(live) => {
                let live = live.number;
                return Err(Undone::Refused(format!("{pipeline} #{live} is live in {environment}, not #{number}")));
            }
            None => return Err(Undone::Refused(format!("nothing of {pipeline} is live in {environment}"))),
        }
        if let Some(newest) = known.newest.filter(|newest| *newest > number) {
            return Err(Undone::Refused(format!("{pipeline} #{newest} went into {environment} after #{number}")));
        }
        let earlier = known.earlier(false).map_err(Undone::because)?;
        let of = self.release(&earlier.release).await?;
        let lock = lock_of(&of, &person);
        let locked = LockedBy { environment, lock: &lock, once_from: Some(number) };
        self.again(new, &of, environment, Deed::Rollback, person, Some(locked)).await
    }

    /// Takes a release to an environment, by name: where it waits at a lock or a freeze there, it passes; else by a release of its own with
    /// the id `new`.
    pub async fn deploy(
        &self,
        new: ReleaseId,
        id: &ReleaseId,
        environment: &str,
        person: Person,
    ) -> Result<Release, Undone> {
        let release = self.release(id).await?;
        let at = position(&release, environment)?;
        if release.state == State::Deploying && release.deployments[at].held.is_some() {
            let now = person.at;
            let fact = Fact::Deployment(at, DeploymentFact::Overridden(person));
            return self.take(release, fact, now, true).await;
        }
        if is_under_way(&release, environment) {
            let number = release.number;
            return Err(Undone::Refused(format!("release #{number} is on its way to {environment} already")));
        }
        self.again(new, &release, environment, Deed::Deploy, person, None).await
    }

    /// Tries a release once more that did not come to its end well, from the environment on that it did not get into: by a release of its own
    /// with the id `new`, which builds nothing.
    pub async fn retry(&self, new: ReleaseId, id: &ReleaseId, person: Person) -> Result<Release, Undone> {
        let release = self.release(id).await?;
        let open = release.deployments.iter().find(|deployment| deployment.verdict != Some(Verdict::Live));
        let Some(open) = open.filter(|_| release.state.is_end()) else { return Err(nothing_to_retry(&release)) };
        self.again(new, &release, &open.environment, Deed::Retry, person, None).await
    }

    /// Refuses where a newer release of the pipeline is on its way, or went in: nobody tries an older commit again by mistake.
    async fn newest(&self, release: &Release, below: u64) -> Result<(), Undone> {
        for deployment in &release.deployments {
            let known = self.store.environment(&release.pipeline, &deployment.environment).await?;
            if let Some(live) = known.live.first().filter(|live| live.number > release.number) {
                let (live, number, environment) = (live.number, release.number, &deployment.environment);
                return Err(Undone::Refused(format!(
                    "release #{live} is live in {environment}, and newer than #{number}"
                )));
            }
        }
        for listed in self.store.newest_releases(&release.pipeline, Some(below), 20).await? {
            if listed.number <= release.number {
                break;
            }
            let Some(newer) = self.store.release(&listed.id).await? else { continue };
            let entered = newer.deployments.iter().any(|deployment| deployment.admitted.is_some());
            if !newer.state.is_end() || newer.state.is_success() || entered {
                let (number, newer) = (release.number, newer.number);
                return Err(Undone::Refused(format!("release #{newer} is newer than #{number}")));
            }
        }
        Ok(())
    }

    /// [`Deeds::retry`] of a release that has no image has to be built: whether that may be.
    pub async fn may_build_again(&self, id: &ReleaseId) -> Result<Release, Undone> {
        let release = self.release(id).await?;
        if !release.state.is_end() || release.state.is_success() {
            return Err(nothing_to_retry(&release));
        }
        self.newest(&release, u64::MAX >> 1).await?;
        Ok(release)
    }

    async fn again(
        &self,
        new: ReleaseId,
        of: &Release,
        environment: &str,
        deed: Deed,
        person: Person,
        locked: Option<LockedBy<'_>>,
    ) -> Result<Release, Undone> {
        if let Some(known) = self.store.release(&new).await? {
            return Ok(known);
        }
        let number = self.store.next_number(&of.pipeline).await?;
        if deed == Deed::Retry {
            self.newest(of, number).await?;
        }
        let release = of.again(new, number, environment, deed, person);
        let release = release.map_err(Undone::because)?;
        match self.store.ask(&release, locked).await? {
            Asking::New => {}
            Asking::Known => return self.release(&release.id).await,
            Asking::Twice => {
                let from = locked.and_then(|locked| locked.once_from).unwrap_or_default();
                return Err(Undone::Refused(format!("someone took {environment} back from #{from} already")));
            }
        }
        self.events.asked(&release).await;
        self.events.changed(&release).await;
        Ok(release)
    }

    async fn release(&self, id: &ReleaseId) -> Result<Release, Undone> {
        self.store.release(id).await?.ok_or_else(|| Undone::Refused(format!("there is no release {id}")))
    }

    /// Records a fact, and has everybody know; `deploy` only where it has something to do.
    async fn take(&self, release: Release, fact: Fact, now: Timestamp, wakes: bool) -> Result<Release, Undone> {
        let id = release.id.clone();
        let saved = self.store.apply(&id, Some(release), fact, now).await?;
        let saved = saved.ok_or_else(|| Undone::Refused(format!("there is no release {id}")))?;
        let saved = saved.map_err(Undone::because)?.release;
        if wakes {
            self.events.asked(&saved).await;
        }
        self.events.changed(&saved).await;
        Ok(saved)
    }
}

/// The position of an environment's deployment in a release.
fn position(release: &Release, environment: &str) -> Result<usize, Undone> {
    let (at, _) = release.deployment_to(environment).map_err(Undone::because)?;
    Ok(at)
}

/// Whether a release was admitted to an environment, and has not ended there.
fn is_under_way(release: &Release, environment: &str) -> bool {
    let deployment = release.deployment_to(environment);
    release.state == State::Deploying && deployment.is_ok_and(|(_, deployment)| deployment.verdict.is_none())
}

/// The lock that comes with a rollback to a release.
fn lock_of(to: &Release, person: &Person) -> Lock {
    Lock {
        by: person.name.clone(),
        reason: Some(person.reason.clone().unwrap_or_else(|| format!("rolled back to #{}", to.number))),
        since: person.at,
        until: None,
        rollback: true,
    }
}

fn nothing_to_retry(release: &Release) -> Undone {
    let (number, state) = (release.number, release.state.spoken());
    Undone::Refused(format!("release #{number} is {state}: there is nothing to try once more"))
}

/// What was live, for whoever named something else.
fn lives(environment: &Environment) -> String {
    let numbers: Vec<_> = environment.live.iter().take(10).map(|live| format!("#{}", live.number)).collect();
    if numbers.is_empty() { "nothing was".to_owned() } else { format!("{} were", numbers.join(", ")) }
}
