//! The way of a release through its environments: one step after the other, each written down before the next.

use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use longshore_aws::{
    ids,
    store::{Admission, Hold},
    telemetry,
};
use longshore_core::release::{
    DeployStep, Deployment, DeploymentFact, Fact, Obstacle, Release, ServiceDeployment, ServiceFact, Verdict, Where,
};
use tracing::Instrument;

use crate::Deploy;

/// More steps than any release has: a bound for a loop that ends long before.
const STEPS: usize = 500;
/// How often, and after which pause, a held environment is asked again; then the tick goes on.
const HOLD_ATTEMPTS: usize = 15;
const HOLD_PAUSE: Duration = Duration::from_millis(200);

impl Deploy {
    /// Takes a release as far as it goes until `deadline`: to its end, or to where it has to wait. What changed is published once.
    ///
    /// Services are changed only while the environment is held, by one invocation at a time: an UpdateService of an older release,
    /// however late, comes before that of a newer one.
    pub(crate) async fn advance(&self, release: Release, deadline: Timestamp) -> anyhow::Result<Release> {
        let span = telemetry::release(&release);
        self.advance_on(release, deadline).instrument(span).await
    }

    async fn advance_on(&self, mut release: Release, deadline: Timestamp) -> anyhow::Result<Release> {
        let version = release.version;
        let mut held = None;
        let result = Box::pin(self.advance_held(&mut release, &mut held, deadline)).await;
        // After an error a call may still be on its way: then the environment is not given back, its hold lapses.
        if result.is_ok() {
            self.leave(held).await;
        }
        if release.version > version {
            self.events.changed(&release).await;
        }
        result.map(|()| release)
    }

    async fn advance_held(&self, release: &mut Release, held: &mut Held, deadline: Timestamp) -> anyhow::Result<()> {
        for _ in 0..STEPS {
            let step = release.deploy_step(ids::now());
            tracing::debug!(release = %release.id, ?step, "step");
            let holds = |at: usize| held.as_ref().is_some_and(|(deployment, _)| *deployment == at);
            let fact = match release.held_for(&step) {
                Some(at) if !holds(at) => {
                    self.leave(held.take()).await;
                    match self.hold(release, at).await? {
                        Admission::Admitted(right) => {
                            *held = Some((at, right));
                            // Whoever held it before may have taken this very release further.
                            *release = self.store.release(&release.id).await?.context("the release is gone")?;
                            continue;
                        }
                        Admission::Overtaken(by) => Some(self.overtaken(release, &step, at, by).await?),
                        Admission::Locked(lock) => locked(release, at, Obstacle::Lock(lock)),
                        Admission::Busy => None,
                    }
                }
                _ => match self.step(release, &step, deadline).await {
                    Ok(fact) => fact,
                    Err(error) => {
                        self.beside(release, &step).await;
                        return Err(error);
                    }
                },
            };
            let Some(fact) = fact else { return Ok(()) };
            let saved = self.store.apply(&release.id, Some(release.clone()), fact, ids::now()).await?;
            let saved = saved.context("the release is gone")??;
            *release = saved.release;
            if !saved.changed {
                // Nothing new: another invocation was here, or there is nothing to do but to wait.
                return Ok(());
            }
            if ids::now() > deadline {
                tracing::warn!(release = %release.id, "no time left: the tick goes on");
                return Ok(());
            }
        }
        Ok(())
    }

    /// Gives an environment back. A failure is no more than a delay: the right to it lapses by itself.
    async fn leave(&self, held: Held) {
        if let Some((_, hold)) = held
            && let Err(error) = self.store.leave(&hold).await
        {
            tracing::warn!(%error, "the environment could not be given back");
        }
    }

    /// Asks the environment to admit the release, and waits a little for whoever works there.
    async fn hold(&self, release: &Release, at: usize) -> anyhow::Result<Admission> {
        let deployment = release.deployments.get(at).context("no such deployment")?;
        let passing = release.passing(at);
        let holder = ids::release_id();
        for _ in 0..HOLD_ATTEMPTS {
            let asked = self.store.admit(release, &deployment.environment, holder.as_str(), passing, ids::now());
            match asked.await? {
                Admission::Busy => tokio::time::sleep(HOLD_PAUSE).await,
                admission => return Ok(admission),
            }
        }
        tracing::info!(release = %release.id, environment = deployment.environment, "busy: the tick will try again");
        Ok(Admission::Busy)
    }

    /// Performs a step, and returns what came of it; `None` when there is nothing to do but to wait.
    async fn step(&self, release: &Release, step: &DeployStep, deadline: Timestamp) -> anyhow::Result<Option<Fact>> {
        let of = |at: usize, fact: DeploymentFact| Some(Fact::Deployment(at, fact));
        match *step {
            DeployStep::Nothing => Ok(None),
            DeployStep::Hold(at, ref obstacle) => Ok(of(at, DeploymentFact::Held(obstacle.clone()))),
            DeployStep::Wait(at) => self.wait(release, at).await,
            DeployStep::Expire(at) => Ok(of(at, DeploymentFact::Expired)),
            DeployStep::Admit(at) => Ok(of(at, DeploymentFact::Admitted)),
            DeployStep::Base(at) => self.base(release, at).await.map(Some),
            DeployStep::Preflight(at) => self.preflight(release, at).await,
            DeployStep::Register(at) => self.register(release, at).await.map(Some),
            DeployStep::RegisterFamily(at, family) => self.register_family(release, at, family).await.map(Some),
            DeployStep::Run(at, run) => self.run(release, at, run).await,
            DeployStep::FollowRun(at, run) => self.follow_run(release, at, run).await,
            DeployStep::Update(at) => self.update(release, at).await.map(Some),
            DeployStep::Answer(at) => self.answer(release, at).await.map(Some),
            DeployStep::Follow(at) => self.follow(release, at).await,
            DeployStep::GiveUp(at) => self.give_up(release, at).await,
            DeployStep::Check(at) => self.check(release, at, deadline).await,
            DeployStep::GoBack(at) => self.go_back(release, at).await.map(Some),
            DeployStep::FollowBack(at) => self.follow_back(release, at).await,
            DeployStep::Finish(at) => self.finish(release, at).await.map(Some),
            DeployStep::CallOff(at) => Ok(Some(Fact::Deployment(at, DeploymentFact::CalledOff))),
        }
    }

    /// A newer release was admitted. This one may have been written down as live before that.
    async fn overtaken(&self, release: &Release, step: &DeployStep, at: usize, by: u64) -> anyhow::Result<Fact> {
        let deployment = release.deployments.get(at).context("no such deployment")?;
        let overtaken = Fact::Deployment(at, DeploymentFact::Overtaken(by));
        if !matches!(step, DeployStep::Finish(_)) {
            return Ok(overtaken);
        }
        let known = self.store.environment(&release.pipeline, &deployment.environment).await?;
        let was_live = known.live.iter().any(|live| live.release == release.id);
        Ok(if was_live { Fact::Deployment(at, DeploymentFact::Finished) } else { overtaken })
    }

    /// Something keeps the release from going in. A newer one may have gone in meanwhile.
    async fn wait(&self, release: &Release, at: usize) -> anyhow::Result<Option<Fact>> {
        let deployment = release.deployments.get(at).context("no such deployment")?;
        let newer = self.newer(release, deployment).await?;
        Ok(newer.map(|newer| Fact::Deployment(at, DeploymentFact::Overtaken(newer))))
    }

    /// The number of the newer release that the environment admitted, if it did.
    pub(crate) async fn newer(&self, release: &Release, deployment: &Deployment) -> anyhow::Result<Option<u64>> {
        let newest = self.store.environment(&release.pipeline, &deployment.environment).await?.newest;
        Ok(newest.filter(|newest| *newest > release.number))
    }

    /// What cannot be updated now must not hide the end of what was. More is not done: the call that failed may still be on its way.
    async fn beside(&self, release: &mut Release, step: &DeployStep) {
        if let DeployStep::Update(at) = step
            && let Ok(Some(fact)) = self.follow(release, *at).await
            && let Ok(Some(Ok(saved))) = self.store.apply(&release.id, Some(release.clone()), fact, ids::now()).await
        {
            *release = saved.release;
        }
    }
}

/// An environment that is held: the deployment's position, and the right to change its services.
type Held = Option<(usize, Hold)>;

/// A lock that is written down already is no news.
fn locked(release: &Release, at: usize, obstacle: Obstacle) -> Option<Fact> {
    let known = release.deployments.get(at)?.held.as_ref() == Some(&obstacle);
    // A release that was admitted before the lock came stays where it is.
    let news = !known && release.deployments[at].admitted.is_none();
    news.then_some(Fact::Deployment(at, DeploymentFact::Held(obstacle)))
}

/// What a record holds of a service of an environment.
pub(crate) fn place(release: &Release, at: Where) -> anyhow::Result<(&Deployment, &ServiceDeployment)> {
    let deployment = release.deployments.get(at.deployment).context("no such deployment")?;
    Ok((deployment, deployment.services.get(at.service).context("no such service")?))
}

/// A service whose deployment failed.
pub(crate) fn failed(at: Where, why: String) -> Fact {
    at.fact(ServiceFact::Concluded { verdict: Verdict::Failed, reason: Some(why), why: None })
}

/// A deployment that cannot go on, and has touched nothing.
pub(crate) fn blocked(at: usize, why: String) -> Fact {
    Fact::Deployment(at, DeploymentFact::Blocked(why))
}
