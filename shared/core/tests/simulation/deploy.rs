//! The function `deploy`: what comes next is read off the record, done, and written down, as `functions/deploy/src/advance.rs` does it.

mod back;
mod prepare;
mod rollout;

use jiff::SignedDuration;
use longshore_core::release::{
    DeployStep, Deployment, DeploymentFact, Fact, Obstacle, Release, ReleaseId, ServiceDeployment, ServiceFact, Where,
};

use crate::{
    plan::Broken,
    runtime::{Caller, Lost},
    table::Admission,
};

/// For how long an invocation goes on.
const TIME: SignedDuration = SignedDuration::from_secs(15);
const HOLD_ATTEMPTS: usize = 15;
const HOLD_PAUSE: SignedDuration = SignedDuration::from_millis(200);

/// What a step came to: a fact, or nothing but to wait.
type Done = Result<Option<Fact>, Lost>;

/// An environment that is held: the position of its deployment, and the name of the hold.
struct Held {
    deployment: usize,
    environment: String,
    holder: u64,
}

/// An invocation of `deploy`.
pub struct Deploy {
    caller: Caller,
    broken: Option<Broken>,
}

impl Deploy {
    pub fn new(caller: Caller, broken: Option<Broken>) -> Self {
        Self { caller, broken }
    }

    /// Takes releases further, one after the other; one that fails does not keep the others waiting.
    pub async fn advance_all(&self, releases: Vec<ReleaseId>) {
        for id in releases {
            if self.advance(&id).await.is_err() {
                self.caller.say(|| format!("{id}: the tick will try again"));
            }
        }
    }

    /// Takes a release as far as it goes.
    pub async fn advance(&self, id: &ReleaseId) -> Result<(), Lost> {
        let Some(mut release) = self.release(id).await? else { return Ok(()) };
        let mut held = None;
        let result = self.advance_held(&mut release, &mut held).await;
        // After an error a call may still be on its way: then the environment is not given back.
        if result.is_ok()
            && let Some(held) = held
        {
            self.leave(held).await;
        }
        result
    }

    async fn advance_held(&self, release: &mut Release, held: &mut Option<Held>) -> Result<(), Lost> {
        loop {
            let mut step = release.deploy_step(self.caller.now());
            if self.broken == Some(Broken::Approvals)
                && let DeployStep::Hold(at, Obstacle::Approval { .. }) | DeployStep::Wait(at) = step
            {
                step = DeployStep::Admit(at);
            }
            self.caller.say(|| format!("#{} {step:?}", release.number));
            let fact = match self.needs(release, &step) {
                Some(at) if held.as_ref().is_none_or(|held| held.deployment != at) => {
                    if let Some(held) = held.take() {
                        self.leave(held).await;
                    }
                    let holder = self.caller.name();
                    match self.hold(release, at, holder).await? {
                        Admission::Admitted => {
                            let environment = release.deployments[at].environment.clone();
                            *held = Some(Held { deployment: at, environment, holder });
                            // Whoever held it before may have taken this very release further.
                            *release = self.release(&release.id).await?.ok_or(Lost)?;
                            continue;
                        }
                        Admission::Overtaken(by) => Some(self.overtaken(release, &step, at, by).await?),
                        Admission::Locked(lock) => {
                            Some(Fact::Deployment(at, DeploymentFact::Held(Obstacle::Lock(lock))))
                        }
                        Admission::Busy => None,
                    }
                }
                _ => match self.step(release, step.clone()).await {
                    Ok(fact) => fact,
                    Err(lost) => {
                        self.beside(release, &step).await;
                        return Err(lost);
                    }
                },
            };
            let Some(fact) = fact else { return Ok(()) };
            let version = release.version;
            *release = self.apply(release.clone(), fact).await?;
            let late = self.caller.now().duration_since(self.caller.began) > TIME;
            if late || release.version == version {
                return Ok(());
            }
        }
    }

    /// For which deployment the environment has to be held.
    fn needs(&self, release: &Release, step: &DeployStep) -> Option<usize> {
        let unheld = self.broken == Some(Broken::FinishUnheld) && matches!(step, DeployStep::Finish(_));
        release.held_for(step).filter(|_| !unheld)
    }

    async fn hold(&self, release: &Release, at: usize, holder: u64) -> Result<Admission, Lost> {
        let deployment = &release.deployments[at];
        let passing = release.passing(at);
        for _ in 0..HOLD_ATTEMPTS {
            let (release, environment) = (release.clone(), deployment.environment.clone());
            let holder = (holder, self.caller.now());
            let admission = self.caller.call(move |world| world.admit(&release, &environment, holder, passing)).await?;
            match admission {
                Admission::Busy => self.caller.sleep(HOLD_PAUSE).await,
                admission => return Ok(admission),
            }
        }
        Ok(Admission::Busy)
    }

    /// A failure is no more than a delay: the right lapses by itself.
    async fn leave(&self, held: Held) {
        let Held { environment, holder, .. } = held;
        self.caller.call(move |world| world.table.leave(&environment, holder)).await.ok();
    }

    /// What cannot be updated now must not hide the end of what was. More is not done: the call that failed may still be on its way.
    async fn beside(&self, release: &Release, step: &DeployStep) {
        if let DeployStep::Update(at) = step
            && let Ok(Some(fact)) = self.follow(release, at.deployment).await
        {
            self.apply(release.clone(), fact).await.ok();
        }
    }

    /// A newer release was admitted. This one may have been written down as live before.
    async fn overtaken(&self, release: &Release, step: &DeployStep, at: usize, by: u64) -> Result<Fact, Lost> {
        let environment = release.deployments[at].environment.clone();
        let kept = self.caller.call(move |world| world.table.environment(&environment)).await?;
        let was_live = kept.live.iter().any(|live| live.release == release.id);
        let finishes = matches!(step, DeployStep::Finish(_)) && was_live;
        let fact = if finishes { DeploymentFact::Finished } else { DeploymentFact::Overtaken(by) };
        Ok(Fact::Deployment(at, fact))
    }

    async fn step(&self, release: &Release, step: DeployStep) -> Done {
        let of = |at: usize, fact: DeploymentFact| Ok(Some(Fact::Deployment(at, fact)));
        match step {
            DeployStep::Nothing => Ok(None),
            DeployStep::Hold(at, obstacle) => of(at, DeploymentFact::Held(obstacle)),
            DeployStep::Wait(at) => self.wait(release, at).await,
            DeployStep::Expire(at) => of(at, DeploymentFact::Expired),
            DeployStep::Admit(at) => of(at, DeploymentFact::Admitted),
            DeployStep::Base(at) => self.base(release, at).await,
            DeployStep::Preflight(at) => self.preflight(at).await,
            DeployStep::Register(at) => self.register(release, at).await,
            DeployStep::RegisterFamily(at, family) => self.register_family(release, at, family).await,
            DeployStep::Run(at, run) => self.run(release, at, run).await,
            DeployStep::FollowRun(at, run) => self.follow_run(release, at, run).await,
            DeployStep::Update(at) => self.update(release, at).await,
            DeployStep::Answer(at) => self.answer(release, at).await,
            DeployStep::Follow(at) => self.follow(release, at.deployment).await,
            DeployStep::GiveUp(at) => self.give_up(release, at).await,
            DeployStep::Check(at) => self.check(release, at).await,
            DeployStep::GoBack(at) => self.go_back(release, at).await,
            DeployStep::FollowBack(at) => self.follow_back(release, at).await,
            DeployStep::Finish(at) => self.finish(release, at).await,
            DeployStep::CallOff(at) => Ok(Some(Fact::Deployment(at, DeploymentFact::CalledOff))),
        }
    }

    /// What holds it is looked at again on the next tick; a newer release may have gone in meanwhile.
    async fn wait(&self, release: &Release, at: usize) -> Done {
        let newest = self.newest(&release.deployments[at]).await?.filter(|newest| *newest > release.number);
        Ok(newest.map(|newest| Fact::Deployment(at, DeploymentFact::Overtaken(newest))))
    }

    async fn newest(&self, deployment: &Deployment) -> Result<Option<u64>, Lost> {
        let environment = deployment.environment.clone();
        Ok(self.caller.call(move |world| world.table.environment(&environment)).await?.newest)
    }

    async fn release(&self, id: &ReleaseId) -> Result<Option<Release>, Lost> {
        let id = id.clone();
        self.caller.call(move |world| world.table.releases.get(&id).cloned()).await
    }

    /// Takes a fact into a record, made again onto whatever others saved meanwhile.
    pub async fn apply(&self, known: Release, fact: Fact) -> Result<Release, Lost> {
        apply(&self.caller, known, fact).await
    }
}

/// Takes a fact into a record, as the store does it.
pub async fn apply(caller: &Caller, known: Release, fact: Fact) -> Result<Release, Lost> {
    let id = known.id.clone();
    let mut known = Some(known);
    for _ in 0..20 {
        let read = if let Some(known) = known.take() {
            known
        } else {
            let id = id.clone();
            caller.call(move |world| world.table.releases.get(&id).cloned()).await?.ok_or(Lost)?
        };
        let mut changed = read.clone();
        if changed.apply(fact.clone(), caller.now()) != Ok(true) {
            return Ok(read);
        }
        if let Some(saved) = caller.call(move |world| world.save(changed)).await? {
            return Ok(saved);
        }
    }
    Err(Lost)
}

/// The place of a service in a record, and its key in ECS.
fn place(release: &Release, at: Where) -> (&Deployment, &ServiceDeployment, String) {
    let deployment = &release.deployments[at.deployment];
    let service = &deployment.services[at.service];
    (deployment, service, format!("{}/{}", deployment.environment, service.service))
}

/// It cannot go on, for good.
fn blocked(at: Where, why: &str) -> Fact {
    Fact::Deployment(at.deployment, DeploymentFact::Blocked(why.to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a step returns")]
fn of(at: Where, fact: ServiceFact) -> Done {
    Ok(Some(at.fact(fact)))
}
