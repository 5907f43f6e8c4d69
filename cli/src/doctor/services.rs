//! ECS: clusters, services, and what their task definitions say.

use longshore_aws::signed::{CallError, Service, Signed};
use longshore_core::{
    config::{Environment, Pipeline},
    image::without_name,
};
use serde_json::{Value, json};

use super::{
    World,
    allowed::matches,
    balancing,
    finding::{Code, Finding},
    stack::Stack,
};
use crate::account::within;

/// ECS describes as many services at once.
const SERVICES: usize = 10;
/// What ECS waits for a container that does not say, in seconds.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#container_definition_timeout>.
const STOP_TIMEOUT: i64 = 30;
/// From which waiting is worth a word, in seconds.
const LONG_STOP: i64 = 10;

/// What the stack's parameters let the functions do with tasks; `None` where they are not known, or another account's.
#[derive(Clone, Copy, Default)]
struct Allowed<'a> {
    roles: Option<&'a str>,
    logs: Option<&'a str>,
}

/// Looks at an environment's services.
pub async fn environment(world: &World, pipeline: &Pipeline, environment: &Environment) -> Vec<Finding> {
    let plan = &environment.plan;
    let sdk = match &world.local {
        Some(_) => world.sdk.clone(),
        None => within(&world.sdk, &plan.account).await,
    };
    let client = world.client_of(&sdk, Service::Ecs);
    let registry = world.stack.as_ref().and_then(Stack::registry);
    let mut findings = Vec::new();
    for names in environment.services.chunks(SERVICES) {
        let answer = call(&client, "DescribeServices", &json!({ "cluster": plan.cluster, "services": names })).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                findings.push(not_described(pipeline, environment, &error));
                break;
            }
        };
        for name in names {
            let subject = format!("service {}/{name}", plan.cluster);
            let found =
                answer["services"].as_array().into_iter().flatten().find(|one| one["serviceName"] == name.as_str());
            let Some(found) = found.filter(|found| found["status"] == "ACTIVE") else {
                findings.push(missing(&subject, pipeline, environment));
                continue;
            };
            let mut of_this = service(&subject, environment, found);
            let arn = found["taskDefinition"].as_str().map(str::to_owned);
            let arn = arn.or_else(|| found["taskSets"][0]["taskDefinition"].as_str().map(str::to_owned));
            if let Some(arn) = arn {
                match call(&client, "DescribeTaskDefinition", &json!({ "taskDefinition": arn })).await {
                    Ok(answer) => {
                        of_this.extend(task_definition(
                            &subject,
                            pipeline,
                            environment,
                            &answer["taskDefinition"],
                            world.allowed(environment),
                            registry.as_deref(),
                        ));
                    }
                    Err(error) => {
                        of_this.push(Finding::of_call(subject.as_str(), "ecs:DescribeTaskDefinition", &error));
                    }
                }
            }
            let groups = target_groups(found);
            // A local stack has no target groups that could be described.
            if !groups.is_empty() && world.local.is_none() {
                of_this.extend(
                    balancing::look(&world.client_of(&sdk, Service::ElasticLoadBalancing), &subject, &groups).await,
                );
            }
            if of_this.is_empty() {
                of_this.push(Finding::fine(subject, "is there, and can be deployed"));
            }
            findings.extend(of_this);
        }
    }
    findings
}

impl World {
    fn allowed(&self, environment: &Environment) -> Allowed<'_> {
        let stack = self.stack.as_ref().filter(|_| environment.plan.account.role_arn.is_none());
        Allowed {
            roles: stack.map(|stack| stack.parameter("TaskRoles").unwrap_or_default()),
            logs: stack.map(|stack| stack.parameter("TaskLogs").unwrap_or_default()),
        }
    }
}

async fn call(client: &Signed, action: &str, input: &Value) -> Result<Value, CallError> {
    client.json(&format!("AmazonEC2ContainerServiceV20141113.{action}"), input).await
}

fn not_described(pipeline: &Pipeline, environment: &Environment, error: &CallError) -> Finding {
    let cluster = &environment.plan.cluster;
    if error.is("ClusterNotFoundException") {
        return Finding::wrong(
            Code::ClusterMissing,
            format!("cluster {cluster}"),
            format!("is not there: nothing of {} can be deployed to {}", pipeline.name, environment.name),
            "make the ECS cluster, or write another into `cluster`; in another account or region, `role_arn` and `region` say which",
        );
    }
    let subject = format!("services of {} in {}", pipeline.name, environment.name);
    Finding::of_call(subject, "ecs:DescribeServices", error)
}

fn missing(subject: &str, pipeline: &Pipeline, environment: &Environment) -> Finding {
    Finding::wrong(
        Code::ServiceMissing,
        subject,
        format!("is not there: releases of {} fail in {}", pipeline.name, environment.name),
        "make the ECS service: Longshore deploys services, and makes none; or write another into `services`",
    )
}

/// What is the matter with a service as DescribeServices tells it.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html>.
fn service(subject: &str, environment: &Environment, found: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let controller = found["deploymentController"]["type"].as_str().unwrap_or("ECS");
    let configured = environment.plan.codedeploy.is_some();
    if (controller == "CODE_DEPLOY") != configured || controller == "EXTERNAL" {
        let (message, cure) = match (controller, configured) {
            ("CODE_DEPLOY", _) => (
                "is under the CodeDeploy controller",
                "add `codedeploy` to the environment: its application and deployment group",
            ),
            ("EXTERNAL", _) => (
                "is under an external controller, which Longshore cannot drive",
                "make the service anew with the controller ECS",
            ),
            (_, _) => (
                "is not under the CodeDeploy controller, and the environment has `codedeploy`",
                "leave `codedeploy` out",
            ),
        };
        findings.push(Finding::wrong(Code::ServiceController, subject, message, cure));
    }
    let breaker = &found["deploymentConfiguration"]["deploymentCircuitBreaker"];
    if controller == "ECS" && (breaker["enable"] != true || breaker["rollback"] != true) {
        findings.push(Finding::advice(
            Code::CircuitBreaker,
            subject,
            "has no deployment circuit breaker with rollback: a version that does not start is tried until `timeout`",
            "turn it on: `aws ecs update-service --deployment-configuration 'deploymentCircuitBreaker={enable=true,rollback=true}' …`",
        ));
    }
    if found["desiredCount"] == 0 && found["schedulingStrategy"] != "DAEMON" {
        findings.push(Finding::advice(
            Code::ServiceStopped,
            subject,
            "wants no tasks: a release goes live there without anything running",
            "set its desired count",
        ));
    }
    findings
}

/// The target groups of a service, those of blue/green deployments too.
fn target_groups(found: &Value) -> Vec<String> {
    let groups = found["loadBalancers"].as_array().into_iter().flatten();
    let mut arns: Vec<String> =
        groups.filter_map(|group| group["targetGroupArn"].as_str().map(str::to_owned)).collect();
    arns.sort();
    arns.dedup();
    arns
}

/// What is the matter with a task definition. `registry` is where images are pushed to; `None` where that is not known.
fn task_definition(
    subject: &str,
    pipeline: &Pipeline,
    environment: &Environment,
    found: &Value,
    allowed: Allowed<'_>,
    registry: Option<&str>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let containers = found["containerDefinitions"].as_array().cloned().unwrap_or_default();
    let name = |container: &Value| container["name"].as_str().unwrap_or_default().to_owned();
    let plan = &environment.plan;
    // Each service of the environment gets all of them.
    for wanted in plan.containers.iter().chain(plan.images.keys()) {
        if !containers.iter().any(|container| name(container) == *wanted) {
            let there = containers.iter().map(&name).collect::<Vec<_>>().join(", ");
            let cure = format!("write its name as the task definition has it: {there}");
            findings.push(Finding::wrong(Code::ContainerUnknown, subject, format!("has no container {wanted}"), cure));
        }
    }
    if let Some(image) = pipeline.image.as_deref().filter(|_| plan.containers.is_empty() && plan.images.is_empty()) {
        let runs = |container: &Value| container["image"].as_str().is_some_and(|of| is_of(of, registry, image));
        if containers.len() > 1 && !containers.iter().any(runs) {
            let of = registry.map_or_else(|| image.to_owned(), |registry| format!("{registry}/{image}"));
            let message = format!("has {} containers, and none runs an image of {of}", containers.len());
            let cure = "name those that get the image: `containers` of the environment";
            findings.push(Finding::wrong(Code::ContainerUnknown, subject, message, cure));
        }
    }
    for key in ["taskRoleArn", "executionRoleArn"] {
        let Some(arn) = found[key].as_str().filter(|arn| !arn.is_empty()) else { continue };
        let role = arn.split_once(":role/").map_or(arn, |(_, role)| role);
        if let Some(pattern) = allowed.roles.filter(|pattern| !matches(pattern, role)) {
            findings.push(Finding::wrong(
                Code::RoleNotPassed,
                subject,
                format!("has the {key} {role}, which may not be passed: TaskRoles is {pattern}"),
                format!("set the parameter TaskRoles in samconfig.toml to a pattern that {role} matches, too, and `sam deploy`"),
            ));
        }
    }
    for container in &containers {
        let group = container["logConfiguration"]["options"]["awslogs-group"].as_str();
        if let (Some(group), Some(pattern)) = (group, allowed.logs)
            && !matches(pattern, group)
        {
            findings.push(Finding::advice(
                Code::LogsUnread,
                subject,
                format!("logs to {group}, which the functions may not read: TaskLogs is {pattern}"),
                "set the parameter TaskLogs in samconfig.toml, and a failure shows the task's last lines",
            ));
        }
    }
    // ECS stops a task's containers together: the slowest counts.
    let slowest = containers.iter().map(|container| container["stopTimeout"].as_i64().unwrap_or(STOP_TIMEOUT)).max();
    if let Some(slowest) = slowest.filter(|slowest| *slowest > LONG_STOP) {
        findings.push(Finding::advice(
            Code::StopTimeout,
            subject,
            format!("gives a task that does not end by itself {slowest} s to stop, in each deployment"),
            "end on SIGTERM, and set `stopTimeout` of its containers to 2 s, or as long as a request takes",
        ));
    }
    findings
}

/// Whether an image is of this repository, compared with its registry as `deploy` does; where that is not known, with any registry that
/// is named. Docker Hub's `web` is of none.
fn is_of(reference: &str, registry: Option<&str>, repository: &str) -> bool {
    let name = without_name(reference);
    match registry {
        Some(registry) => name == format!("{registry}/{repository}"),
        None => name
            .split_once('/')
            .is_some_and(|(host, path)| path == repository && (host.contains(['.', ':']) || host == "localhost")),
    }
}

#[cfg(test)]
mod tests;
