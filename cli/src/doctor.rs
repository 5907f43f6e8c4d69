//! `longshore doctor`: is everything there that Longshore needs?
//!
//! Each module reads something, thinly, and judges what was read by functions without I/O.

mod allowed;
mod balancing;
mod builds;
mod deliveries;
mod endpoint;
pub mod finding;
mod report;
pub mod secret;
mod services;
mod slack;
pub mod stack;

use std::{
    io::{IsTerminal, stderr},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use aws_config::SdkConfig;
use jiff::Timestamp;
use longshore_aws::{
    secrets::Secrets,
    signed::{Service, Signed},
};
use longshore_core::config::Config;
use longshore_local::Whereabouts;
use serde_json::json;
use tokio::{task::JoinSet, time::timeout};

use crate::{account, output};
use finding::{Code, Finding, Severity};
use stack::Stack;

/// For how long one part is looked at.
const EACH: Duration = Duration::from_secs(40);

const HELP: &str = "\
Examples:
  longshore doctor
  longshore doctor --stack longshore-staging --region eu-central-1 --json
  longshore doctor --local

It reads longshore.toml, the stack's parameters and outputs, and everything that they name, and changes nothing. docs/doctor.md has a \
section for each `code` that --json tells.

Exit status: 0 all is right, or there is advice alone; 1 something is wrong; 2 something could not be looked at, and nothing else is wrong.";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "longshore.toml")]
    config: PathBuf,
    /// The stack.
    #[arg(long, value_name = "NAME", default_value = "longshore", conflicts_with = "local")]
    stack: String,
    /// Print one JSON object instead of text: {"ok", "findings": [{"severity", "code", "subject", "message", "cure"}]}.
    #[arg(long)]
    json: bool,
    /// The local stack that runs in this directory (without one: .local/stack), not an AWS account: its services, secret and endpoint.
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".local/stack")]
    #[arg(conflicts_with_all = ["region", "profile"])]
    local: Option<PathBuf>,
    /// The AWS region, if not that of the environment or the profile.
    #[arg(long)]
    region: Option<String>,
    /// The profile in AWS's configuration files, if not that of the environment.
    #[arg(long)]
    profile: Option<String>,
}

/// What is looked at, and what is known of it already.
pub struct World {
    sdk: SdkConfig,
    local: Option<Whereabouts>,
    config: Config,
    /// Not of a local stack.
    stack: Option<Stack>,
    /// Where Longshore answers, where that is known.
    url: Option<String>,
    /// Where it could be read.
    secret: Option<Secrets>,
}

/// Exit status: 0 right, 1 wrong, 2 not looked at.
pub async fn run(arguments: Arguments) -> ExitCode {
    let as_json = arguments.json;
    let looked = async {
        tokio::select! {
            findings = look(arguments) => findings.map(Some),
            () = output::interrupted() => Ok(None),
        }
    };
    let mut findings = match looked.await {
        Ok(Some(findings)) => findings,
        Ok(None) => return ExitCode::from(output::INTERRUPTED),
        Err(error) => {
            output::failed(&error);
            return ExitCode::from(2);
        }
    };
    findings.sort_by_key(|finding| finding.severity);
    let worst = findings.first().map_or(Severity::Fine, |finding| finding.severity);
    let code = match worst {
        Severity::Wrong => 1,
        Severity::Unknown => 2,
        Severity::Advice | Severity::Fine => 0,
    };
    if as_json {
        if let Err(error) = output::json(&json!({ "ok": code == 0, "findings": findings })) {
            return output::failed(&error);
        }
    } else {
        output::say(report::shown(&findings, report::width()).trim_end());
    }
    ExitCode::from(code)
}

async fn look(arguments: Arguments) -> anyhow::Result<Vec<Finding>> {
    let file = arguments.config.display().to_string();
    let text = std::fs::read_to_string(&arguments.config);
    let text = text
        .with_context(|| format!("{file} cannot be read: name it with --config, or write one with `longshore init`"))?;
    let config = Config::read(&text).map_err(|problems| anyhow::anyhow!(problems.lines(&file)))?;
    let (sdk, local) = account::connect(arguments.local.as_deref(), arguments.region, arguments.profile).await?;
    let mut findings = Vec::new();
    let mut world = World { sdk, local, config, stack: None, url: None, secret: None };
    let mut secret = None;
    if let Some(local) = &world.local {
        world.url = Some(local.url.clone());
        secret.clone_from(&local.secret);
    } else {
        match stack::read(&world.sdk, &arguments.stack).await {
            Ok(stack) => {
                findings.push(stack.finding());
                findings.extend(allowed::findings(&world.config, &stack));
                world.url = stack.url().ok();
                secret = stack.output("SecretArn").map(str::to_owned);
                world.stack = Some(stack);
            }
            Err(error) => findings.push(not_there(&arguments.stack, &error)),
        }
    }
    if let Some(id) = &secret {
        match secret::read(&world.client(Service::SecretsManager), id).await {
            Ok(Some(read)) => {
                findings.extend(secret::findings(&world.config, &read, Timestamp::now()));
                world.secret = Some(read.secrets);
            }
            Ok(None) => findings.push(secret::unreadable()),
            Err(error) if error.is("ResourceNotFoundException") => findings.push(Finding::wrong(
                Code::SecretMissing,
                "secret",
                "is not there, or empty: the functions cannot prove anything, and refuse everything",
                "`sam deploy` makes it; one that was deleted can be restored for a while: `aws secretsmanager restore-secret`",
            )),
            Err(error) => findings.push(Finding::of_call("secret", "secretsmanager:GetSecretValue", &error)),
        }
    }
    let local = world.local.is_some();
    findings.extend(all(Arc::new(world)).await);
    // What would be better on AWS is no matter on this machine.
    findings.retain(|finding| !local || finding.severity != Severity::Advice);
    Ok(findings)
}

/// A stack that was not described: CloudFormation says so with a `ValidationError`.
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>.
fn not_there(name: &str, error: &longshore_aws::signed::CallError) -> Finding {
    let subject = format!("stack {name}");
    if error.is("ValidationError") {
        return Finding::wrong(
            Code::StackMissing,
            subject,
            "is not there, in this account and region",
            "`sam build && sam deploy`; another name is told with --stack, another region with --region",
        );
    }
    Finding::of_call(subject, "cloudformation:DescribeStacks", error)
}

/// Everything that needs no order, at once.
async fn all(world: Arc<World>) -> Vec<Finding> {
    let mut parts: JoinSet<(String, Option<Vec<Finding>>)> = JoinSet::new();
    macro_rules! part {
        ($what:expr, |$world:ident| $look:expr) => {{
            let $world = world.clone();
            let what: String = $what;
            parts.spawn(async move { (what, timeout(EACH, $look).await.ok()) });
        }};
    }
    part!("the projects".to_owned(), |world| builds::projects(&world));
    part!("the image repositories".to_owned(), |world| builds::images(&world));
    for (at, pipeline) in world.config.pipelines().iter().enumerate() {
        for (within, environment) in pipeline.environments.iter().enumerate() {
            let what = format!("the services of {} in {}", pipeline.name, environment.name);
            part!(what, |world| async move {
                let pipeline = &world.config.pipelines()[at];
                services::environment(&world, pipeline, &pipeline.environments[within]).await
            });
        }
    }
    part!("the endpoint".to_owned(), |world| endpoint::health(&world));
    if endpoint::has_webhooks(&world.config) {
        part!("the webhooks".to_owned(), |world| endpoint::webhooks(&world));
    }
    if world.local.is_none() {
        part!("Slack".to_owned(), |world| slack::look(&world));
    }
    let (mut findings, total) = (Vec::new(), parts.len());
    let progress = stderr().is_terminal();
    while let Some(part) = parts.join_next().await {
        if progress {
            anstream::eprint!("\r\u{1b}[Klooked at {} of {total}", total - parts.len());
        }
        match part {
            Ok((_, Some(found))) => findings.extend(found),
            Ok((what, None)) => findings.push(Finding::unlooked(
                what,
                format!("gave no answer within {} s", EACH.as_secs()),
                "look again in a moment",
            )),
            Err(_) => {
                findings.push(Finding::unlooked("a part", "was not looked at: the program failed there", "report it"));
            }
        }
    }
    if progress {
        anstream::eprint!("\r\u{1b}[K");
    }
    findings.sort_by(|one, other| one.subject.cmp(&other.subject));
    findings
}

impl World {
    /// A client in Longshore's own account and region.
    fn client(&self, service: Service) -> Signed {
        self.client_of(&self.sdk, service)
    }

    /// A client with that configuration; of a local stack, of its stand-in.
    fn client_of(&self, sdk: &SdkConfig, service: Service) -> Signed {
        let Some(local) = &self.local else { return Signed::new(sdk, service) };
        let endpoints = &local.endpoints;
        let url = match service {
            Service::CodeBuild => &endpoints.codebuild,
            Service::Ecs => &endpoints.ecs,
            Service::Ecr => &endpoints.ecr,
            Service::ElasticLoadBalancing => &endpoints.balancing,
            Service::CloudWatchLogs => &endpoints.logs,
            Service::CloudFormation
            | Service::CodeDeploy
            | Service::EventBridge
            | Service::Scheduler
            | Service::SecretsManager
            | Service::Sns
            | Service::Ssm
            | Service::Sts => &endpoints.default,
        };
        Signed::new(&sdk.to_builder().endpoint_url(url).build(), service)
    }
}

#[cfg(test)]
mod tests;
