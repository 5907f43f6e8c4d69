//! What there is in the account before the first push: the table, the secret, projects, clusters, services.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;
use local_lambda::template;
use local_protocol::{ACCOUNT, Client, REGION, Refusal};
use local_slack::{Channel, Group, Interactions, User};
use longshore_core::config::{Config, Environment};
use serde_json::{Value, json};

use crate::foundations::hex_token;

/// What there is in the control plane.
pub(crate) struct ControlPlane {
    /// The table's name.
    pub(crate) table: String,
    /// The secret's name.
    pub(crate) secret: Option<String>,
}

/// Makes the template's tables and its secret in the control plane.
pub(crate) async fn control_plane(
    aws: &Client,
    template: &template::Stack,
    secret: &Value,
) -> anyhow::Result<ControlPlane> {
    let (mut name, mut secret_name) = (None, None);
    for table in &template.tables {
        create(aws, "dynamodb", "DynamoDB_20120810.CreateTable", table).await?;
        name = table["TableName"].as_str().map(str::to_owned);
    }
    for time_to_live in &template.time_to_live {
        create(aws, "dynamodb", "DynamoDB_20120810.UpdateTimeToLive", time_to_live).await?;
    }
    for declared in &template.secrets {
        let mut request = declared.request.clone();
        request["SecretString"] = secret.to_string().into();
        create(aws, "secretsmanager", "secretsmanager.CreateSecret", &request).await?;
        secret_name = request["Name"].as_str().map(str::to_owned);
    }
    Ok(ControlPlane { table: name.context("template.yaml has no table")?, secret: secret_name })
}

/// The secret's value: one webhook secret for all sources, a callback key of its own for each start, a bot token, and what Slack signs with.
pub(crate) fn secret(webhook: &str, slack_token: Option<&str>, slack_signing_secret: &str) -> Value {
    json!({
        "github": webhook, "bitbucket": webhook, "gitlab": webhook,
        "callback_key": hex_token(4), "slack_bot_token": slack_token.unwrap_or("xoxb-local"),
        "slack_signing_secret": slack_signing_secret,
    })
}

/// The stand-in for Slack has the channels that the configuration names, and, beside a developer, an author of commits (the demo's, by
/// their address) and an approver, who is in the group `release-managers`. What they press goes to `interactions`.
pub(crate) fn slack(config: &Config, interactions: Interactions) -> local_slack::Settings {
    let named = config.slack.iter().map(|slack| &slack.channel);
    let named = named.chain(config.pipelines().iter().filter_map(|pipeline| pipeline.channel.as_ref()));
    let environments = config.pipelines().iter().flat_map(|pipeline| &pipeline.environments);
    let named = named.chain(environments.filter_map(|environment| environment.plan.channel.as_ref()));
    let mut settings = local_slack::Settings { interactions: Some(interactions), ..local_slack::Settings::default() };
    settings.users.push(User::new("U0AUTHOR", "ada", "ada@example.com"));
    settings.users.push(User::new("U0APPROVER", "grace", "grace@example.com"));
    settings.groups.push(Group {
        id: "S0MANAGERS".into(),
        handle: "release-managers".into(),
        users: vec!["U0APPROVER".into()],
    });
    for (position, channel) in named.enumerate() {
        let name = channel.trim_start_matches('#');
        if settings.channels.iter().all(|known| known.name != name && known.id != name) {
            let id = if channel.starts_with('#') { format!("C0LOCAL{position:04}") } else { name.to_owned() };
            settings.channels.push(Channel::new(&id, &name.to_lowercase()));
        }
    }
    settings
}

/// A CodeBuild project like the template's, of another name and source.
pub(crate) fn project(
    template: &template::Stack,
    name: &str,
    source: &Path,
    variables: &BTreeMap<String, String>,
) -> Value {
    let declared = template.projects.iter().find(|project| project["name"] == name).or(template.projects.first());
    let mut project = declared.cloned().unwrap_or_else(|| {
        json!({
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {"type": "LINUX_CONTAINER", "image": "local", "computeType": "BUILD_GENERAL1_SMALL"},
            "serviceRole": format!("arn:aws:iam::{ACCOUNT}:role/build"),
        })
    });
    let variables: Vec<Value> =
        variables.iter().map(|(name, value)| json!({"name": name, "value": value, "type": "PLAINTEXT"})).collect();
    project["name"] = name.into();
    project["source"] = json!({ "type": "GITHUB", "location": source });
    project["environment"]["environmentVariables"] = variables.into();
    project
}

/// An environment's cluster and services, as they would be there on AWS: each service runs a placeholder.
pub(crate) async fn services(
    ecs: &Client,
    environment: &Environment,
    image: &str,
    port: u16,
    health: Option<&str>,
) -> anyhow::Result<()> {
    let cluster = json!({ "clusterName": environment.plan.cluster });
    create(ecs, "ecs", "AmazonEC2ContainerServiceV20141113.CreateCluster", &cluster).await?;
    for service in &environment.services {
        let container = environment.plan.containers.first().unwrap_or(service);
        let family = format!("{}-{service}", environment.plan.cluster);
        let mut definition = task_definition(&family, container, image, port, health);
        definition["containerDefinitions"][0]["logConfiguration"] = logs(&family, service);
        create(ecs, "ecs", "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", &definition).await?;
        let group = format!("targetgroup/{family}/{port:016x}");
        let request = json!({
            "cluster": environment.plan.cluster, "serviceName": service, "taskDefinition": family, "desiredCount": 1,
            "launchType": "FARGATE",
            "deploymentConfiguration": {
                "minimumHealthyPercent": 100, "maximumPercent": 200,
                "deploymentCircuitBreaker": {"enable": true, "rollback": true},
            },
            "loadBalancers": [{
                "targetGroupArn": local_protocol::arn("elasticloadbalancing", &group),
                "containerName": container, "containerPort": port,
            }],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-local"], "assignPublicIp": "ENABLED"}},
        });
        create(ecs, "ecs", "AmazonEC2ContainerServiceV20141113.CreateService", &request).await?;
    }
    Ok(())
}

/// Where a service's containers log to: the group `/ecs/<family>`, streams that begin with the service's name.
fn logs(family: &str, service: &str) -> Value {
    json!({
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": format!("/ecs/{family}"), "awslogs-region": REGION, "awslogs-stream-prefix": service,
        },
    })
}

fn task_definition(family: &str, container: &str, image: &str, port: u16, health: Option<&str>) -> Value {
    let architecture = if std::env::consts::ARCH == "aarch64" { "ARM64" } else { "X86_64" };
    let mut definition = json!({
        "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "runtimePlatform": {"cpuArchitecture": architecture, "operatingSystemFamily": "LINUX"},
        "containerDefinitions": [{
            "name": container, "image": image, "essential": true, "stopTimeout": 5,
            "portMappings": [{"containerPort": port, "protocol": "tcp", "name": "http"}],
        }],
        "tags": [{"key": "made-by", "value": "longshore local"}],
    });
    if let Some(health) = health {
        definition["containerDefinitions"][0]["healthCheck"] = json!({
            "command": ["CMD-SHELL", format!("wget -q -O /dev/null http://127.0.0.1:{port}{health} || exit 1")],
            "interval": 5, "timeout": 2, "retries": 3, "startPeriod": 2,
        });
    }
    definition
}

/// Calls an API whose refusal ends the start; what is there already is no refusal.
pub(crate) async fn create(client: &Client, service: &str, target: &str, input: &Value) -> anyhow::Result<()> {
    match client.call(service, target, input).await {
        Ok(_) => Ok(()),
        Err(Refusal { code, .. }) if code.ends_with("AlreadyExistsException") => Ok(()),
        Err(refusal) => Err(refusal).with_context(|| format!("{target} failed")),
    }
}
