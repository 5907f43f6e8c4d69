//! What presses and commands have in common: deeds that start, stop or hold builds, on top of the shared ones.

use longshore_aws::deeds::{Deeds, Undone};
use longshore_core::release::{Person, Release, ReleaseId, Verdict};

use crate::{
    Trigger,
    wish::{What, Wish},
};

impl Trigger {
    /// Sees to the build of a release that someone cancelled; what fails here, the tick does.
    pub(crate) async fn stopped(&self, cancelled: Release) -> Release {
        match Box::pin(self.advance(cancelled.clone())).await {
            Ok(release) => release,
            Err(error) => {
                tracing::warn!(release = %cancelled.id, "{error:#}: the tick will stop its build");
                cancelled
            }
        }
    }

    /// Tries a release once more, as the release `new`: its image where it has one; else it is built again.
    pub(crate) async fn try_again(&self, release: &Release, new: ReleaseId, person: Person) -> Result<Release, Undone> {
        let deeds = self.deeds();
        if release.is_imaged() && !release.deployments.is_empty() {
            return deeds.retry(new, &release.id, person).await;
        }
        let release = deeds.may_build_again(&release.id).await?;
        let what = release.commit.known().unwrap_or(&release.reference.name).to_owned();
        // A wish for one environment is again for that one.
        let mut environments = release.deployments.iter().map(|deployment| deployment.environment.clone());
        let environment = environments.next().filter(|_| release.wished.is_some() && release.deployments.len() == 1);
        let pipeline = release.pipeline.clone();
        let what = What::Named(what);
        self.build_by_name(Wish { id: new, pipeline, what, environment, person, once_more: true }).await
    }

    /// Refuses what was accepted before an environment asked for an approval: its plan does not.
    pub(crate) fn still_asks(&self, release: &Release, environment: &str) -> Result<(), Undone> {
        let configured = self.settings.config.pipeline(&release.pipeline);
        let asks = configured.and_then(|pipeline| pipeline.environment(environment)?.plan.approval.as_ref()).is_some();
        let asked = release.deployment_to(environment).is_ok_and(|(_, deployment)| deployment.plan.approval.is_some());
        if asks && !asked {
            let number = release.number;
            let why =
                format!("{environment} asks for an approval since #{number} was accepted: have its commit built anew");
            return Err(Undone::Refused(why));
        }
        Ok(())
    }

    pub(crate) fn deeds(&self) -> Deeds<'_> {
        Deeds { store: &self.store, events: &self.events }
    }
}

/// The environment that a release is on its way to, or did not get into.
pub(crate) fn current(release: &Release) -> Option<&str> {
    let mut deployments = release.deployments.iter();
    let open = deployments.find(|deployment| deployment.verdict != Some(Verdict::Live));
    open.filter(|_| release.is_imaged()).map(|open| open.environment.as_str())
}
