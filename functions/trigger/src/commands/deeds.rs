//! Does what somebody wants. Done again, after an invocation that died in the middle, it changes nothing more.

use jiff::Timestamp;
use longshore_aws::deeds::{Deeds, To, Undone};
use longshore_core::{
    approval::Who,
    release::{Deployment, Lock, Person, Release},
    slack::{
        User,
        answer::Done,
        command::{Errand, Named, Wanted},
    },
};

use crate::{
    Trigger,
    deeds::current,
    slack::SlackError,
    who::Place,
    wish::{What, Wish},
};

impl Trigger {
    /// `maybe_done`: an earlier invocation may have done it.
    pub(super) async fn do_it(&self, errand: &Errand, maybe_done: bool) -> Result<Done, Undone> {
        let deeds = self.deeds();
        match &errand.wanted {
            Wanted::Start { pipeline, what, environment } => {
                self.as_shown(errand, pipeline).await?;
                self.still_newest(errand, pipeline).await?;
                let person = if errand.called {
                    let reason = errand.rebuild.as_ref().map(|rebuild| rebuild.reason.clone());
                    Person { name: errand.by.name.clone(), reason, at: errand.received }
                } else {
                    self.may_start(&errand.by, pipeline, environment.as_deref(), errand.received).await?
                };
                let what = what.clone().map_or(What::Default, What::Named);
                let (pipeline, environment) = (pipeline.clone(), environment.clone());
                let id = errand.id.clone();
                let wish = Wish { id, pipeline, what, environment, person, once_more: errand.rebuild.is_some() };
                Ok(Done::Started(Box::new(Box::pin(self.build_by_name(wish)).await?)))
            }
            Wanted::Promote { release, environment } => {
                let of = deeds.named(release).await?;
                let place = Place { pipeline: &of.pipeline, environment: Some(environment), release: Some(&of) };
                let person = self.person(&errand.by, &place, "promote", errand.received).await?;
                let release = if maybe_done && is_let_in(&of, environment, &person) {
                    of.clone()
                } else {
                    self.as_shown(errand, &of.pipeline).await?;
                    self.still_asks(&of, environment)?;
                    deeds.deploy(errand.id.clone(), &of.id, environment, person).await?
                };
                Ok(Done::Promoted { of: of.number, environment: environment.clone(), release: Box::new(release) })
            }
            Wanted::RollBack { pipeline, environment, to } => {
                self.as_shown(errand, pipeline).await?;
                let place = Place { pipeline, environment: Some(environment), release: None };
                let person = self.person(&errand.by, &place, "roll back", errand.received).await?;
                let to = To::from(to.as_ref());
                let release = deeds.roll_back(errand.id.clone(), pipeline, environment, to, person).await?;
                let to = release.asked.as_ref().map_or(release.number, |asked| asked.number);
                Ok(Done::RolledBack { to, environment: environment.clone(), release: Box::new(release) })
            }
            Wanted::Decide { release, approved, reason } => {
                Box::pin(self.decide(errand, release, *approved, reason.as_ref())).await
            }
            Wanted::Cancel { release } => {
                let release = deeds.named(release).await?;
                let place =
                    Place { pipeline: &release.pipeline, environment: current(&release), release: Some(&release) };
                let person = self.person(&errand.by, &place, "cancel", errand.received).await?;
                let is_ours = |by: &Person| by.name == person.name && by.at >= person.at;
                let ended = format!("cancelled by {}", person.name);
                let has_ended = maybe_done && release.reason.as_ref().is_some_and(|reason| reason.starts_with(&ended));
                if has_ended || release.called_off.as_ref().is_some_and(is_ours) {
                    return Ok(Done::Cancelled(Box::new(release)));
                }
                let cancelled = deeds.cancel(&release.id, person).await?;
                Ok(Done::Cancelled(Box::new(Box::pin(self.stopped(cancelled)).await)))
            }
            Wanted::Lock { pipeline, environment, reason } => {
                let place = Place { pipeline, environment: Some(environment), release: None };
                let by = self.person(&errand.by, &place, "lock", errand.received).await?.name;
                let lock = Lock { by, reason: reason.clone(), since: errand.received, until: None, rollback: false };
                deeds.lock(pipeline, environment, &lock).await?;
                let (pipeline, environment) = (pipeline.clone(), environment.clone());
                Ok(Done::Locked { pipeline, environment, reason: reason.clone() })
            }
            Wanted::Unlock { pipeline, environment, reason } => {
                let place = Place { pipeline, environment: Some(environment), release: None };
                self.person(&errand.by, &place, "unlock", errand.received).await?;
                if !deeds.unlock(pipeline, environment).await? && !maybe_done {
                    return Err(Undone::Refused(format!("{environment} of {pipeline} is not locked")));
                }
                let (pipeline, environment) = (pipeline.clone(), environment.clone());
                Ok(Done::Unlocked { pipeline, environment, reason: reason.clone() })
            }
        }
    }

    async fn decide(
        &self,
        errand: &Errand,
        named: &Named,
        approved: bool,
        reason: Option<&String>,
    ) -> Result<Done, Undone> {
        let release = self.deeds().named(named).await?;
        let done = |release: Release, environment: String| {
            Ok(Done::Decided { release: Box::new(release), environment, approved, reason: reason.cloned() })
        };
        let who = self.caller(errand, &release).await?;
        let is_ours = |deployment: &&Deployment| {
            deployment.decision.as_ref().is_some_and(|decision| {
                decision.approved == approved && decision.by.name == who.name && decision.by.at >= errand.received
            })
        };
        if let Some(decided) = release.deployments.iter().find(is_ours) {
            let environment = decided.environment.clone();
            return done(release, environment);
        }
        let environment = Deeds::awaited(&release)?.to_owned();
        let decided =
            self.deeds().decide(&release.id, &environment, &who, approved, reason.cloned(), errand.received).await?;
        done(decided, environment)
    }

    /// Refuses what is built once more where a release came in since; but not what was done already.
    async fn still_newest(&self, errand: &Errand, pipeline: &str) -> Result<(), Undone> {
        let Some(rebuild) = &errand.rebuild else { return Ok(()) };
        let newest = self.store.newest_releases(pipeline, None, 1).await?;
        match newest.first().filter(|newest| newest.number > rebuild.newest && newest.id != errand.id) {
            Some(newest) => Err(Undone::Refused(format!("#{} came in meanwhile, and is newer", newest.number))),
            None => Ok(()),
        }
    }

    /// Refuses what was confirmed while something else was live; but not what was done already.
    async fn as_shown(&self, errand: &Errand, pipeline: &str) -> Result<(), Undone> {
        if errand.shown.is_empty() || self.store.release(&errand.id).await?.is_some() {
            return Ok(());
        }
        match self.changed_since(pipeline, &errand.shown).await? {
            Some(why) => Err(Undone::Refused(why)),
            None => Ok(()),
        }
    }

    /// Somebody, as records name them, where they may do something.
    pub(super) async fn person(
        &self,
        by: &User,
        place: &Place<'_>,
        deed: &str,
        at: Timestamp,
    ) -> Result<Person, Undone> {
        let who = self.permitted(by, place, deed, at).await.map_err(|error| unknown(&error))??;
        Ok(Person { name: who.name, reason: None, at })
    }

    /// The same, for a build: whom the pipeline names, and for each environment that it reaches whom that names itself. Where an approval is
    /// waited for, those who give it decide later.
    pub(super) async fn may_start(
        &self,
        by: &User,
        pipeline: &str,
        environment: Option<&str>,
        at: Timestamp,
    ) -> Result<Person, Undone> {
        let place = |environment| Place { pipeline, environment, release: None };
        let person = self.person(by, &place(None), "start", at).await?;
        let configured = self.settings.config.pipeline(pipeline);
        let environments = configured.map(|pipeline| pipeline.environments.as_slice()).unwrap_or_default();
        for one in environments.iter().filter(|one| environment.is_none_or(|only| only == one.name)) {
            if !one.allow.is_empty() {
                self.person(by, &place(Some(&one.name)), &format!("start what goes to {}", one.name), at).await?;
            }
        }
        Ok(person)
    }

    /// Whoever decides on a release.
    async fn caller(&self, errand: &Errand, release: &Release) -> Result<Who, Undone> {
        let waiting = release.deployments.iter().find(|deployment| deployment.verdict.is_none());
        let approval = waiting.and_then(|deployment| deployment.plan.approval.as_ref());
        self.who(&errand.by, approval).await.map_err(|error| unknown(&error))
    }
}

fn unknown(error: &SlackError) -> Undone {
    Undone::Refused(format!("whether you may do that is not known ({error}); try again"))
}

/// Whether somebody let a release pass what held it there.
fn is_let_in(release: &Release, environment: &str, person: &Person) -> bool {
    let deployment = release.deployment_to(environment).ok().map(|(_, deployment)| deployment);
    let by = deployment.and_then(|deployment| deployment.overridden.as_ref());
    by.is_some_and(|by| by.name == person.name && by.at >= person.at)
}
