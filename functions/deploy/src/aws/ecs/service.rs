//! Services: what they are, and how they are told what to run.

use anyhow::Context;
use aws_sdk_ecs::types::{
    self, CapacityProviderStrategyItem, DeploymentControllerType, DeploymentRolloutState, LaunchType,
    NetworkConfiguration,
};
use jiff::Timestamp;

use super::{Call, Services, refused_or, timestamp};
use crate::aws::done;

/// A service as it is.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html>.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its ARN.
    pub arn: String,
    /// Its cluster's ARN.
    pub cluster: String,
    /// The ARN of the task definition of its primary deployment, or task set: what it was told to run last.
    pub task_definition: String,
    /// The service revisions that have tasks now: one, but while a deployment runs. Empty where ECS keeps none.
    pub revisions: Vec<String>,
    /// How many tasks it should have. A service that is scaled to zero deploys without starting anything.
    pub desired: i32,
    /// How many it has.
    pub running: i32,
    /// Who carries out its deployments.
    pub controller: Controller,
    /// How its tasks are launched.
    pub launch: Launch,
    /// The load balancers' target groups, of ECS's services alone: CodeDeploy's have theirs in the deployment group too.
    pub targets: Vec<Target>,
    /// What ECS knows of deployments under way and the last one; empty under another controller than its own.
    pub deployments: Vec<Deployment>,
    /// What happened lately, newest first: ECS keeps 100.
    pub events: Vec<Event>,
}

/// Who carries out a service's deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    /// ECS itself.
    Ecs,
    /// CodeDeploy: a deployment of its own, instead of UpdateService.
    CodeDeploy,
    /// Something that works with task sets.
    External,
}

/// How a service's tasks are launched, so that a task of ours is launched likewise.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Launch {
    /// FARGATE, EC2, EXTERNAL or MANAGED_INSTANCES; absent where a strategy says it.
    pub launch_type: Option<LaunchType>,
    /// The capacity provider strategy.
    pub capacity: Vec<CapacityProviderStrategyItem>,
    /// Fargate's platform version, as the service asks for it.
    pub platform_version: Option<String>,
    /// Subnets and security groups, for tasks with a network interface of their own.
    pub network: Option<NetworkConfiguration>,
}

/// A target group that a service's tasks are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The target group's ARN; with ECS's blue/green deployments a second one, which takes turns with it.
    pub groups: Vec<String>,
    /// The container that is asked.
    pub container: String,
    /// Its port.
    pub port: i32,
}

/// One of a service's deployments, as DescribeServices tells them: those of before service deployments.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// `ecs-svc/…`, which is also in the service's events and in `startedBy` of its tasks.
    pub id: String,
    /// Whether it is the newest one: PRIMARY.
    pub primary: bool,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// COMPLETED, FAILED or IN_PROGRESS; absent under another controller than ECS's own.
    pub state: Option<DeploymentRolloutState>,
    /// Why.
    pub reason: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// A service's event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Option<Timestamp>,
    /// ECS's sentence, `(service web) …`.
    pub message: String,
}

impl Services {
    /// A service that can be deployed to, under whatever controller. One that is not there, or not ACTIVE, is a refusal.
    pub async fn service(&self, cluster: &str, service: &str) -> anyhow::Result<Call<Service>> {
        let found = done!(self.found(cluster, service).await?);
        match found.status() {
            Some("ACTIVE") => {}
            Some("INACTIVE") | None => return Ok(missing(cluster, service)),
            Some(status) => return Ok(Call::Refused(format!("the service {service} is {status}"))),
        }
        Service::of(&found).map(Call::Done)
    }

    /// A service in whatever state it is.
    pub(super) async fn found(&self, cluster: &str, service: &str) -> anyhow::Result<Call<types::Service>> {
        let answer = self.0.describe_services().cluster(cluster).services(service).send().await;
        match answer {
            Ok(answer) => {
                let found = answer.services.unwrap_or_default().into_iter().next();
                Ok(found.map_or_else(|| missing(cluster, service), Call::Done))
            }
            Err(error) => refused_or(error, "the service could not be read"),
        }
    }

    /// Tells a service to run a revision; with `force` also where it runs that one already: all its tasks are replaced.
    pub async fn tell(
        &self,
        cluster: &str,
        service: &str,
        task_definition: &str,
        force: bool,
    ) -> anyhow::Result<Call<()>> {
        let request = self.0.update_service().cluster(cluster).service(service).task_definition(task_definition);
        match request.set_force_new_deployment(force.then_some(true)).send().await {
            Ok(_) => Ok(Call::Done(())),
            Err(error) => refused_or(error, "the service could not be updated"),
        }
    }
}

fn missing<T>(cluster: &str, service: &str) -> Call<T> {
    Call::Refused(format!("the cluster {cluster} has no service {service}"))
}

impl Service {
    fn of(found: &types::Service) -> anyhow::Result<Self> {
        let controller = match found.deployment_controller().map(types::DeploymentController::r#type) {
            None | Some(DeploymentControllerType::Ecs) => Controller::Ecs,
            Some(DeploymentControllerType::CodeDeploy) => Controller::CodeDeploy,
            // A controller that is newer than this is not ECS's own either.
            Some(_) => Controller::External,
        };
        // Under another controller the tasks are in task sets, which may say what the service does not.
        let set = found.task_sets().iter().find(|set| set.status() == Some("PRIMARY"));
        let task_definition = found.task_definition().or_else(|| set?.task_definition());
        let balancers = match (found.load_balancers(), set) {
            ([], Some(set)) => set.load_balancers(),
            (balancers, _) => balancers,
        };
        let revision = |revision: &types::ServiceCurrentRevisionSummary| revision.arn().map(str::to_owned);
        Ok(Self {
            arn: found.service_arn().unwrap_or_default().to_owned(),
            cluster: found.cluster_arn().unwrap_or_default().to_owned(),
            task_definition: task_definition.context("ECS described a service without a task definition")?.to_owned(),
            revisions: found.current_service_revisions().iter().filter_map(revision).collect(),
            desired: found.desired_count(),
            running: found.running_count(),
            controller,
            launch: Launch::of(found, set),
            targets: balancers.iter().filter_map(Target::of).collect(),
            deployments: found.deployments().iter().map(Deployment::of).collect(),
            events: found.events().iter().map(Event::of).collect(),
        })
    }
}

impl Service {
    /// Whether nothing moves, and it runs what came to its end last. Under another controller than ECS's own nothing is known of that.
    pub fn is_settled(&self) -> bool {
        match self.controller {
            Controller::Ecs => {
                let done = |one: &Deployment| one.primary && one.state == Some(DeploymentRolloutState::Completed);
                matches!(&self.deployments[..], [one] if done(one))
            }
            Controller::CodeDeploy | Controller::External => true,
        }
    }

    /// Whether its newest deployment is under way.
    pub fn is_under_way(&self) -> bool {
        let primary = self.deployments.iter().find(|deployment| deployment.primary);
        primary.is_some_and(|primary| primary.state == Some(DeploymentRolloutState::InProgress))
    }
}

impl Launch {
    fn of(found: &types::Service, set: Option<&types::TaskSet>) -> Self {
        let strategy = match (found.capacity_provider_strategy(), set) {
            ([], Some(set)) => set.capacity_provider_strategy(),
            (strategy, _) => strategy,
        };
        let launch_type = found.launch_type().or_else(|| set?.launch_type());
        let platform_version = found.platform_version().or_else(|| set?.platform_version());
        let network = found.network_configuration().or_else(|| set?.network_configuration());
        Self {
            // RunTask takes either.
            launch_type: launch_type.filter(|_| strategy.is_empty()).cloned(),
            capacity: strategy.to_vec(),
            platform_version: platform_version.map(str::to_owned),
            network: network.cloned(),
        }
    }
}

impl Target {
    fn of(balancer: &types::LoadBalancer) -> Option<Self> {
        let alternate = balancer.advanced_configuration().and_then(|advanced| advanced.alternate_target_group_arn());
        let groups = [balancer.target_group_arn()?].into_iter().chain(alternate);
        Some(Self {
            groups: groups.map(str::to_owned).collect(),
            container: balancer.container_name().unwrap_or_default().to_owned(),
            port: balancer.container_port().unwrap_or_default(),
        })
    }
}

impl Deployment {
    pub(super) fn of(found: &types::Deployment) -> Self {
        Self {
            id: found.id().unwrap_or_default().to_owned(),
            primary: found.status() == Some("PRIMARY"),
            task_definition: found.task_definition().unwrap_or_default().to_owned(),
            state: found.rollout_state().cloned(),
            reason: found.rollout_state_reason().map(str::to_owned),
            created: timestamp(found.created_at()),
        }
    }
}

impl Event {
    pub(super) fn of(found: &types::ServiceEvent) -> Self {
        Self { at: timestamp(found.created_at()), message: found.message().unwrap_or_default().to_owned() }
    }
}
