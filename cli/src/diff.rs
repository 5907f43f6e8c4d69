//! `longshore diff`: what a release would change in an environment's task definitions. Nothing is registered.

use std::process::ExitCode;

use longshore_aws::deeds::{Deeds, Undone};
use longshore_core::{
    config::Base,
    message::revision,
    release::{Deployment, Release, ServiceDeployment},
    task_definition::{self, Change, diff, revise},
};
use serde::Serialize;
use serde_json::json;

use crate::{
    account,
    answer::refusal,
    changes, completions,
    ecs::{Ecs, Told},
    output,
    reference::Pipelines,
    table::Colour,
    terminal::plain,
};

const EXAMPLE: &str = "\
Example:
  $ longshore diff web#14 production
  service web: production-web:12 → a new revision
  containerDefinitions[web].image
    - \"123456789012.dkr.ecr.eu-central-1.amazonaws.com/web@sha256:1f0e…\"
    + \"123456789012.dkr.ecr.eu-central-1.amazonaws.com/web@sha256:9a3c…\"

The base is what the service runs now or, with `base = \"latest\"`, the newest revision of its family, as for a deployment; the tags that \
Longshore gives a revision are among the changes. For an environment of another account its role_arn is assumed, and its region asked.

Exit status: 0 it could be said, whether or not anything would change; 1 it could not be said: why; 2 wrong usage.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The release: 12, web#12, or its id.
    release: String,
    /// The environment.
    #[arg(add = completions::environments())]
    environment: String,
    /// Print one JSON object instead of text: {"release", "environment", "services": [{"service", "base", "again", "changes": [...]}]}.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pipelines: Pipelines,
    #[command(flatten)]
    account: account::Arguments,
}

/// What would change for a service.
#[derive(Debug, Serialize)]
struct Service {
    #[serde(rename = "service")]
    name: String,
    /// The ARN of the revision that would be changed.
    base: String,
    /// The ARN of the earlier revision that it would run again; absent where a new one would be made.
    again: Option<String>,
    changes: Vec<Change>,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let named = arguments.pipelines.named(&arguments.release)?;
    let account = arguments.account.open().await?;
    let events = account.events();
    let deeds = Deeds { store: &account.store, events: &events };
    let release = match arguments.pipelines.release(&deeds, &named).await {
        Ok(release) => release,
        Err(Undone::Refused(why)) => return refusal(&why, arguments.json),
        Err(Undone::Store(error)) => return Err(error.into()),
    };
    let name = &arguments.environment;
    let deployment = match release.deployment_to(name) {
        Ok((_, deployment)) => deployment,
        Err(error) => return refusal(&error.to_string(), arguments.json),
    };
    let ecs = Ecs(account.ecs(&deployment.plan.account).await);
    let mut services = Vec::new();
    for service in &deployment.services {
        match changes_of(&ecs, &release, deployment, service).await? {
            Ok(changes) => services.push(changes),
            Err(why) => return refusal(&format!("{}: {why}", service.service), arguments.json),
        }
    }
    if arguments.json {
        let id = release.id.as_str();
        output::json(&json!({ "release": id, "environment": name, "services": services }))?;
    } else {
        output::say(services.iter().map(shown).collect::<String>().trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// Made as `deploy` makes it, from the same base.
async fn changes_of(
    ecs: &Ecs,
    release: &Release,
    deployment: &Deployment,
    service: &ServiceDeployment,
) -> Told<Service> {
    macro_rules! told {
        ($told:expr) => {
            match $told {
                Ok(told) => told,
                Err(why) => return Ok(Err(why.to_string())),
            }
        };
    }
    let plan = &deployment.plan;
    let base = told!(ecs.running(&plan.cluster, &service.service).await?);
    let running = told!(ecs.revision(&base).await?);
    let wanted = if let Some(again) = &service.again {
        told!(task_definition::again(&told!(ecs.revision(again).await?)))
    } else {
        let described = match plan.base {
            Base::Running => running.clone(),
            Base::Latest => told!(ecs.revision(family(&base)).await?),
        };
        let chosen = told!(release.chosen(plan));
        let revision = told!(revise(&described, chosen.images(plan), &release.tags()));
        // Where no image is another one, no revision is registered, and the tags stay as they are.
        if revision.changed { revision.request } else { told!(task_definition::again(&described)) }
    };
    // Compared with what the service runs, so that what a newer base brings is among the changes.
    let changes = diff(&told!(task_definition::again(&running)), &wanted);
    Ok(Ok(Service { name: service.service.clone(), base, again: service.again.clone(), changes }))
}

/// The family of a revision's ARN.
fn family(arn: &str) -> &str {
    revision(arn).rsplit_once(':').map_or(arn, |(family, _)| family)
}

fn shown(service: &Service) -> String {
    let to = match &service.again {
        Some(again) => plain(revision(again)),
        None if service.changes.is_empty() => "nothing would change".to_owned(),
        None => "a new revision".to_owned(),
    };
    let title = format!("service {}: {} → {to}", plain(&service.name), plain(revision(&service.base)));
    format!("{}\n{}\n", Colour::Bold.of(&title), changes::shown(&service.changes))
}
