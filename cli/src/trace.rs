//! `longshore trace`: from what runs to where it came from.

mod shown;
mod subject;

use std::process::ExitCode;

use jiff::Timestamp;
use longshore_aws::store::Store;
use longshore_core::{
    config::{self, Config},
    message::revision,
    release::{RELEASE_TAG, Release, ReleaseId},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    account::{self, Account},
    answer::refusal,
    ecs::{Ecs, Told},
    output, records,
    reference::Pipelines,
};
use shown::{shown, told};
use subject::{Place, Subject};

/// How many of a pipeline's newest releases are searched by commit and digest.
const SEARCHED: usize = 1000;
/// How many of them are read whole for a digest that is none of a pipeline's own images.
const READ: usize = 100;

const EXAMPLE: &str = "\
Examples:
  longshore trace arn:aws:ecs:eu-central-1:123456789012:task/production/0f1e2d3c
  longshore trace sha256:9a3c…             the digest of an image, also as REPOSITORY@sha256:…
  longshore trace 1205f22 --pipeline web   a commit

It shows commit, author, build and delivery of each release that is found, who approved it, and where it is or was live. A task leads \
to its revision, whose tag longshore:release names the release. ECS forgets a stopped task after about an hour; its image's digest does \
not change. Images and commits are looked for among a pipeline's newest 1000 releases.

Exit status: 0 found, 1 not found or it failed, 2 wrong usage.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The ARN of a task or of a task definition, an image's digest, or 7 digits of a commit or more.
    #[arg(value_parser = Subject::parse)]
    subject: Subject,
    /// The pipeline that has the image or commit; without one, all of longshore.toml are searched.
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Print one JSON object instead of text: {"revision", "task", "releases": [{"release", "build", "delivery", "approved", "live"}]}.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pipelines: Pipelines,
    #[command(flatten)]
    account: account::Arguments,
}

/// What was found.
#[derive(Default)]
struct Found {
    /// The task, as ECS tells it.
    task: Option<Value>,
    /// The ARN of its revision.
    revision: Option<String>,
    releases: Vec<Release>,
}

/// A time during which a release was live somewhere, or is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Live {
    environment: String,
    since: Timestamp,
    /// Whether it is what serves now.
    now: bool,
    /// The number of the release by which it went there again.
    by: Option<u64>,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let account = arguments.account.open().await?;
    let found = match &arguments.subject {
        Subject::Task { arn, cluster, place } => {
            let ecs = ecs(&account, place, &arguments.pipelines).await;
            of_task(&ecs, &account.store, arn, cluster).await?
        }
        Subject::Revision { arn, place } => {
            let ecs = ecs(&account, place, &arguments.pipelines).await;
            of_revision(&ecs, &account.store, arn).await?
        }
        Subject::Digest(_) | Subject::Commit(_) => {
            let pipelines = arguments.pipelines.all(arguments.pipeline.as_deref())?;
            searched(&account.store, &pipelines, &arguments.subject).await?
        }
    };
    let found = match found {
        Ok(found) => found,
        Err(why) => return refusal(&why, arguments.json),
    };
    let mut lives = Vec::new();
    for release in &found.releases {
        lives.push(live(&account.store, release).await?);
    }
    if arguments.json {
        output::json(&told(&found, &lives)?)?;
    } else {
        output::say(shown(&found, &lives).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// ECS where an ARN is: by the role of an environment there, where longshore.toml here names one.
async fn ecs(account: &Account, place: &Place, pipelines: &Pipelines) -> Ecs {
    let config = pipelines.config().unwrap_or_default();
    Ecs(account.ecs(&abroad(&config, place)).await)
}

fn abroad(config: &Config, place: &Place) -> config::Account {
    let environments = config.pipelines().iter().flat_map(|pipeline| &pipeline.environments);
    let mut accounts = environments.map(|environment| &environment.plan.account);
    let of = format!("::{}:role/", place.account);
    let named = accounts.find(|account| account.role_arn.as_ref().is_some_and(|arn| arn.contains(&of)));
    config::Account { region: Some(place.region.clone()), ..named.cloned().unwrap_or_default() }
}

async fn of_task(ecs: &Ecs, store: &Store, arn: &str, cluster: &str) -> Told<Found> {
    let task = match ecs.task(cluster, arn).await? {
        Ok(Some(task)) => task,
        Ok(None) => {
            let why = format!(
                "ECS knows no task {arn}; it forgets a stopped one after about an hour: trace its image's digest instead"
            );
            return Ok(Err(why));
        }
        Err(why) => return Ok(Err(why)),
    };
    let Some(revision) = task["taskDefinitionArn"].as_str().map(str::to_owned) else {
        return Ok(Err(format!("ECS does not say which revision {arn} runs")));
    };
    Ok(of_revision(ecs, store, &revision).await?.map(|found| Found { task: Some(task), ..found }))
}

/// The release that a revision's tag names.
async fn of_revision(ecs: &Ecs, store: &Store, arn: &str) -> Told<Found> {
    let described = match ecs.revision(arn).await? {
        Ok(described) => described,
        Err(why) => return Ok(Err(why)),
    };
    let Some(tag) = tag(&described, RELEASE_TAG) else {
        let name = revision(arn);
        return Ok(Err(format!("{name} has no tag {RELEASE_TAG}: no release of Longshore registered it")));
    };
    let release = match ReleaseId::parse(tag) {
        Some(id) => store.release(&id).await?,
        None => None,
    };
    Ok(match release {
        Some(release) => Ok(Found { task: None, revision: Some(arn.to_owned()), releases: vec![release] }),
        None => Err(format!("{} is of the release {tag}, which is not in this table", revision(arn))),
    })
}

fn tag<'a>(described: &'a Value, key: &str) -> Option<&'a str> {
    let tags = described["tags"].as_array()?;
    tags.iter().find(|tag| tag["key"] == key)?["value"].as_str()
}

/// The releases of a commit or an image, the newest first.
async fn searched(store: &Store, pipelines: &[String], subject: &Subject) -> Told<Found> {
    let mut releases = Vec::new();
    for pipeline in pipelines {
        let listed = store.newest_releases(pipeline, None, SEARCHED).await?;
        let matching: Vec<_> =
            listed.iter().filter(|listed| subject.is(&listed.commit, listed.digest.as_ref())).cloned().collect();
        if !matching.is_empty() || matches!(subject, Subject::Commit(_)) {
            releases.extend(records::read(store, &matching).await?);
            continue;
        }
        // The index has the pipeline's own images alone.
        let newest = records::read(store, &listed[..listed.len().min(READ)]).await?;
        let has = |release: &Release| release.others.iter().any(|image| subject.is("", Some(&image.digest)));
        releases.extend(newest.into_iter().filter(has));
    }
    if releases.is_empty() {
        let of = pipelines.join(", ");
        return Ok(Err(format!("no release of {of} has it, among the newest {SEARCHED}")));
    }
    Ok(Ok(Found { releases, ..Found::default() }))
}

/// Where a release is or was live; also where another took its images there again.
async fn live(store: &Store, release: &Release) -> anyhow::Result<Vec<Live>> {
    let mut found = Vec::new();
    for deployment in &release.deployments {
        let record = store.environment(&release.pipeline, &deployment.environment).await?;
        for (position, live) in record.live.iter().enumerate() {
            if live.release == release.id || live.of == Some(release.number) {
                let by = Some(live.number).filter(|_| live.release != release.id);
                let environment = deployment.environment.clone();
                found.push(Live { environment, since: live.at, now: position == 0, by });
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_task_of_another_account_is_asked_for_by_the_role_of_an_environment_there() {
        let text = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\n\
            project = \"web\"\nimage = \"web\"\n[[pipeline.environment]]\nname = \"abroad\"\ncluster = \"c\"\n\
            services = [\"web\"]\nregion = \"us-east-1\"\nrole_arn = \"arn:aws:iam::210987654321:role/longshore\"\n";
        let config = Config::read(text).expect("a configuration");
        let place = |account: &str| Place { region: "eu-west-1".into(), account: account.into() };
        let there = abroad(&config, &place("210987654321"));
        assert_eq!(there.role_arn.as_deref(), Some("arn:aws:iam::210987654321:role/longshore"));
        assert_eq!(there.region.as_deref(), Some("eu-west-1"), "the ARN says where");
        assert_eq!(abroad(&config, &place("123456789012")).role_arn, None);
    }

    #[test]
    fn a_tag_is_found_by_its_key() {
        let described =
            json!({"tags": [{"key": "team", "value": "web"}, {"key": "longshore:release", "value": "01JD"}]});
        assert_eq!(tag(&described, "longshore:release"), Some("01JD"));
        assert_eq!(tag(&described, "longshore:commit"), None);
        assert_eq!(tag(&json!({}), "team"), None);
    }
}
