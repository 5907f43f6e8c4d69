//! What is asked about before it is done: a rollback, and whatever goes into a pipeline's last environment, which counts as production.

use longshore_aws::{
    deeds::{To, Undone},
    ids,
};
use longshore_core::{
    release::{Release, ReleaseId},
    slack::{
        answer::{Answer, Change, confirmation},
        command::{Given, Named, Wanted},
        confirm::{Proposal, Shown},
    },
};

use crate::Trigger;
use crate::who::Place;

impl Trigger {
    /// The question, with what would change; `None`: it is done without one. What cannot be done is refused here already, as far as that is
    /// known.
    pub(super) async fn proposed(
        &self,
        given: &Given,
        id: &ReleaseId,
        wanted: &Wanted,
    ) -> Result<Option<Answer>, Undone> {
        let now = ids::now();
        let (pipeline, wanted, changes) = match wanted {
            Wanted::RollBack { pipeline, environment, to } => {
                let place = Place { pipeline, environment: Some(environment), release: None };
                self.person(&given.by, &place, "roll back", now).await?;
                let target = self.deeds().target(pipeline, environment, To::from(to.as_ref())).await?;
                let to = Some(Named::Id(target.id.clone()));
                let changes = vec![self.change(pipeline, environment, Some(target)).await?];
                let wanted = Wanted::RollBack { pipeline: pipeline.clone(), environment: environment.clone(), to };
                (pipeline.clone(), wanted, changes)
            }
            Wanted::Promote { release, environment } => {
                let release = self.deeds().named(release).await?;
                release.deployment_to(environment).map_err(Undone::because)?;
                if self.last_environment(&release.pipeline, Some(&release)).as_ref() != Some(environment) {
                    return Ok(None);
                }
                let place =
                    Place { pipeline: &release.pipeline, environment: Some(environment), release: Some(&release) };
                self.person(&given.by, &place, "promote", now).await?;
                let wanted =
                    Wanted::Promote { release: Named::Id(release.id.clone()), environment: environment.clone() };
                let pipeline = release.pipeline.clone();
                let changes = vec![self.change(&pipeline, environment, Some(release)).await?];
                (pipeline, wanted, changes)
            }
            Wanted::Start { pipeline, what: _, environment } => {
                let last = self.last_environment(pipeline, None);
                let (Some(last), Some(configured)) = (last, self.settings.config.pipeline(pipeline)) else {
                    return Ok(None);
                };
                if environment.as_ref().is_some_and(|only| *only != last) {
                    return Ok(None);
                }
                self.may_start(&given.by, pipeline, environment.as_deref(), now).await?;
                let mut changes = Vec::new();
                for one in configured.environments.iter().map(|one| &one.name) {
                    if environment.as_ref().is_none_or(|only| only == one) {
                        changes.push(self.change(pipeline, one, None).await?);
                    }
                }
                (pipeline.clone(), wanted.clone(), changes)
            }
            Wanted::Decide { .. } | Wanted::Cancel { .. } | Wanted::Lock { .. } | Wanted::Unlock { .. } => {
                return Ok(None);
            }
        };
        let shown = |change: &Change| Shown {
            environment: change.environment.clone(),
            live: change.record.live.first().map(|live| live.release.clone()),
        };
        let shown = changes.iter().map(shown).collect();
        let proposal = Proposal { id: id.clone(), name: given.name.clone(), pipeline, wanted, shown };
        let asked = confirmation(&changes, &proposal);
        asked.map(Some).ok_or_else(|| Undone::Refused("it is too long to be asked about".to_owned()))
    }

    /// A pipeline's last environment: the configuration's; for a pipeline that is no longer in it, that of its release.
    fn last_environment(&self, pipeline: &str, release: Option<&Release>) -> Option<String> {
        match self.settings.config.pipeline(pipeline) {
            Some(pipeline) => pipeline.environments.last().map(|last| last.name.clone()),
            None => release?.deployments.last().map(|last| last.environment.clone()),
        }
    }

    async fn change(&self, pipeline: &str, environment: &str, to: Option<Release>) -> Result<Change, Undone> {
        let (record, live) = self.store.environment_with_live(pipeline, environment).await?;
        Ok(Change { environment: environment.to_owned(), record, live, to })
    }

    /// Why what was shown to somebody is not so any more; `None`: it is.
    pub(super) async fn changed_since(&self, pipeline: &str, shown: &[Shown]) -> Result<Option<String>, Undone> {
        for Shown { environment, live } in shown {
            let record = self.store.environment(pipeline, environment).await?;
            let now = record.live.first();
            if now.map(|now| &now.release) != live.as_ref() {
                let now = now.map_or("nothing".to_owned(), |now| format!("#{}", now.number));
                return Ok(Some(format!(
                    "{environment} of {pipeline} changed since you were asked, and {now} is live there now; give the command again"
                )));
            }
        }
        Ok(None)
    }
}
