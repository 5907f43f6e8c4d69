//! What comes before the services are told.

use longshore_core::release::{Controller, DeploymentFact, Fact, Release, ServiceDeployment, ServiceFact, Where, base};

use super::{Deploy, Done, of, place};
use crate::{ecs::Definition, plan::Broken};

impl Deploy {
    /// What the service goes back to: what it ran when its environment was last whole.
    pub(super) async fn base(&self, release: &Release, at: Where) -> Done {
        let (deployment, service, key) = place(release, at);
        let read = self.caller.call(move |world| {
            let service = world.ecs.services.get(&key)?;
            let definition = world.ecs.definitions.get(&service.running)?.clone();
            Some((definition, service.is_settled()))
        });
        let Some((running, settled)) = read.await? else { return Ok(None) };
        let (environment, name) = (deployment.environment.clone(), service.service.clone());
        let kept = self.caller.call(move |world| world.table.environment(&environment)).await?;
        let in_record = |record: Option<Release>| -> Option<ServiceDeployment> {
            let deployments = record?.deployments;
            let deployment = deployments.into_iter().find(|other| other.environment == deployment.environment)?;
            deployment.services.into_iter().find(|service| service.service == name)
        };
        let owner = match &running.release {
            Some(owner) => in_record(self.release(owner).await?),
            None => None,
        };
        let live = match kept.live.first() {
            Some(live) => in_record(self.release(&live.release).await?),
            None => None,
        };
        let back_to = match self.broken {
            Some(Broken::BaseIsRunning) => running.arn.as_str(),
            _ => base(&running.arn, owner.as_ref(), live.as_ref()),
        };
        let astray = !settled || back_to != running.arn;
        let astray = astray && self.broken != Some(Broken::BaseIsRunning);
        let task_definition = back_to.to_owned();
        of(at, ServiceFact::Based { task_definition, astray, controller: Controller::Ecs, idle: false })
    }

    pub(super) async fn preflight(&self, at: usize) -> Done {
        let refused = self.caller.call(|world| world.is_unlucky(world.plan.failing_deployments / 4)).await?;
        let fact = if refused { DeploymentFact::Blocked("no such platform".into()) } else { DeploymentFact::Cleared };
        Ok(Some(Fact::Deployment(at, fact)))
    }

    /// Registers the new revision, unless an earlier attempt that died did so, or nothing would change.
    pub(super) async fn register(&self, release: &Release, at: Where) -> Done {
        let (deployment, service, key) = place(release, at);
        if let Some(again) = service.again.clone() {
            return of(at, ServiceFact::Registered(again));
        }
        let (base, id) = (service.base.clone().unwrap_or_default(), release.id.clone());
        let family = key.clone();
        let read = self.caller.call(move |world| {
            let ours = |known: &&Definition| known.family == family && known.release.as_ref() == Some(&id);
            let registered = world.ecs.definitions.values().find(ours).map(|known| known.arn.clone());
            (registered, world.ecs.digest(&base), base)
        });
        let image = release.image.as_ref().and_then(|image| image.digest.as_str().chars().last()).unwrap_or_default();
        match read.await? {
            (Some(registered), ..) => of(at, ServiceFact::Registered(registered)),
            (None, Some(same), base) if same == image && !service.astray && !deployment.plan.force => {
                of(at, ServiceFact::Unchanged(base))
            }
            (None, ..) => {
                let id = release.id.clone();
                let registered = self.caller.call(move |world| world.ecs.register(&key, image, Some(id))).await?;
                of(at, ServiceFact::Registered(registered))
            }
        }
    }

    pub(super) async fn register_family(&self, release: &Release, at: usize, position: usize) -> Done {
        let family = release.deployments[at].families[position].family.clone();
        let id = release.id.clone();
        let registered = self.caller.call(move |world| world.ecs.register(&family, '?', Some(id))).await?;
        Ok(Some(Fact::Deployment(at, DeploymentFact::FamilyRegistered(position, registered))))
    }

    /// Starts a task, once per release and position.
    pub(super) async fn run(&self, release: &Release, at: usize, run: usize) -> Done {
        let (id, token) = (release.id.clone(), format!("{}/{at}/{run}", release.id));
        let knows_tokens = self.broken != Some(Broken::RunTokens);
        let task = self.caller.call(move |world| {
            let arn = world.ecs.run(&token, &id, knows_tokens);
            world.say(|| format!("{arn} runs for {token}"));
            arn
        });
        Ok(Some(Fact::Deployment(at, DeploymentFact::RunStarted { run, task: task.await? })))
    }

    pub(super) async fn follow_run(&self, release: &Release, at: usize, run: usize) -> Done {
        let deployment = &release.deployments[at];
        let begun = &deployment.runs[run];
        let limit = deployment.plan.before.get(run).map(|before| before.timeout).unwrap_or_default();
        let late = self.caller.now().duration_since(begun.started) > limit;
        let arn = begun.task.clone();
        let exit = self.caller.call(move |world| {
            let task = world.ecs.tasks.iter_mut().find(|task| task.arn == arn)?;
            // What takes too long is stopped.
            task.exit = task.exit.or(late.then_some(137));
            task.exit
        });
        let ended = |exit: i32| {
            let failure = (exit != 0).then(|| format!("exit code {exit}"));
            Fact::Deployment(at, DeploymentFact::RunEnded { run, exit: Some(exit), failure, log: Vec::new() })
        };
        Ok(exit.await?.map(ended))
    }
}
