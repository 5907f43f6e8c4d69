//! `longshore trace`: from what runs to where it came from.

mod subject;

use std::{fmt::Write as _, process::ExitCode};

use jiff::Timestamp;
use longshore_aws::store::Store;
use longshore_core::{
    config::{self, Config},
    message::revision,
    release::{Decision, RELEASE_TAG, Release, ReleaseId},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    account::{self, Account},
    answer::refusal,
    ecs::{Ecs, Told},
    happened::{ending, person},
    output, records,
    reference::Pipelines,
    standing::colour,
    summary::Summary,
    table::{Cell, Colour, cell, coloured, table},
    terminal::plain,
    time::date,
};
use subject::{Place, Subject};

/// How many of a pipeline's newest releases are searched by commit and digest.
const SEARCHED: usize = 1000;
/// How many of them are read whole for a digest that is none of a pipeline's own images.
const READ: usize = 100;

const EXAMPLE: &str = "\
Examples:
  longshore trace arn:aws:ecs:eu-central-1:123456789012:task/production/0f1e2d3c4b5a69788796a5b4c3d2e1f0
  longshore trace sha256:9a3c…             the digest of an image, also as REPOSITORY@sha256:…
  longshore trace 1205f22 --pipeline web   a commit

It shows commit, author, build and delivery of each release that is found, who approved it, and where it is or was live. A task leads
to its revision, whose tag longshore:release names the release. ECS forgets a stopped task after about an hour; its image's digest does
not change. Images and commits are looked for among a pipeline's newest 1000 releases.

Exit status: 0 found, 1 not found or it failed, 2 wrong usage.";

// The flattened account has a group of this name.
#[derive(clap::Args)]
#[group(skip)]
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

fn told(found: &Found, lives: &[Vec<Live>]) -> anyhow::Result<Value> {
    let mut releases = Vec::new();
    for (release, live) in found.releases.iter().zip(lives) {
        let approved: Vec<_> = approvals(release)
            .map(|(environment, decision)| json!({ "environment": environment, "by": decision.by }))
            .collect();
        releases.push(json!({
            "release": serde_json::to_value(Summary::from(release))?,
            "build": release.build.id, "log": release.build.log, "delivery": release.delivery,
            "approved": approved, "live": live,
        }));
    }
    let task = found.task.as_ref().map(|task| &task["taskArn"]);
    Ok(json!({ "task": task, "revision": found.revision, "releases": releases }))
}

/// Who said that it may go where.
fn approvals(release: &Release) -> impl Iterator<Item = (&str, &Decision)> {
    let deployments = release.deployments.iter();
    let decided = deployments.filter_map(|one| Some((one.environment.as_str(), one.decision.as_ref()?)));
    decided.filter(|(_, decision)| decision.approved)
}

fn shown(found: &Found, lives: &[Vec<Live>]) -> String {
    let mut rows = Vec::new();
    if let Some(task) = &found.task {
        let (arn, status) = (task["taskArn"].as_str(), task["lastStatus"].as_str());
        rows.push(fact("task", format!("{} {}", arn.unwrap_or_default(), status.unwrap_or_default())));
    }
    rows.extend(found.revision.as_ref().map(|arn| fact("revision", revision(arn))));
    let mut text = table(&rows, 2);
    for (release, live) in found.releases.iter().zip(lives) {
        let title = format!("{} #{}", plain(&release.pipeline), release.number);
        let state = colour(release.state).of(release.state.word());
        let _ = writeln!(text, "{} {state}", Colour::Bold.of(&title));
        text += &table(&facts(release, live), 2);
    }
    text
}

fn fact(name: &str, value: impl AsRef<str>) -> Vec<Cell> {
    vec![coloured(name, Colour::Dim), cell(value)]
}

fn facts(release: &Release, live: &[Live]) -> Vec<Vec<Cell>> {
    let commit = &release.commit;
    let mut rows = vec![fact("release", release.id.as_str())];
    if let Some(asked) = &release.asked {
        rows.push(fact("images of", format!("#{}, asked for by {}", asked.number, person(&asked.person))));
    }
    rows.push(fact("commit", format!("{} {}", commit.id, commit.message)));
    rows.push(fact("author", &commit.author));
    rows.push(fact("source", format!("{} {}", release.repository, release.reference)));
    rows.extend(commit.url.as_ref().map(|url| fact("page", url)));
    if let Some(id) = &release.build.id {
        rows.push(fact("build", format!("{id} {}", release.build.outcome.map_or("runs", ending))));
    }
    rows.extend(release.build.log.as_ref().map(|log| fact("log", log)));
    if !release.delivery.is_empty() {
        rows.push(fact("delivery", &release.delivery));
    }
    rows.extend(release.image.iter().chain(&release.others).map(|image| fact("image", image.reference())));
    rows.extend(approvals(release).map(|(name, decision)| {
        fact("approved", format!("for {name} by {}, {}", person(&decision.by), date(decision.by.at)))
    }));
    for live in live {
        let by = live.by.map(|by| format!(", by #{by}")).unwrap_or_default();
        let (word, at) = (if live.now { "is live in" } else { "was live in" }, date(live.since));
        let since = if live.now { "since" } else { "from" };
        rows.push(fact(word, format!("{} {since} {at}{by}", live.environment)));
    }
    rows
}

#[cfg(test)]
mod tests {
    use longshore_core::release::{Person, State, Verdict};

    use super::*;
    use crate::sample::{at, end, release};

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
    fn a_task_is_shown_with_its_release_and_where_that_is_live() {
        let mut release = release(12);
        end(&mut release, 1, Verdict::Live, None);
        release.state = State::Live;
        let by = Person { name: "Bob".into(), reason: Some("seen".into()), at: at(45) };
        release.deployments[1].decision = Some(Decision { approved: true, by });
        let live =
            |environment: &str, second, now, by| Live { environment: environment.into(), since: at(second), now, by };
        let lives = [vec![live("staging", 80, false, None), live("production", 7200, true, Some(16))]];
        let found = Found {
            task: Some(
                json!({ "taskArn": "arn:aws:ecs:eu-central-1:123456789012:task/c/0f1e", "lastStatus": "RUNNING" }),
            ),
            revision: Some("arn:aws:ecs:eu-central-1:123456789012:task-definition/production-web:8".into()),
            releases: vec![release],
        };
        insta::assert_snapshot!(anstream::adapter::strip_str(&shown(&found, &lives)), @r"
          task      arn:aws:ecs:eu-central-1:123456789012:task/c/0f1e RUNNING
          revision  production-web:8
        web #12 live
          release      01JD0000000000000000000012
          commit       0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c Change 12
          author       Ada
          source       github.com/acme/web refs/heads/main
          page         https://github.com/acme/web/commit/1
          build        web:1 succeeded
          delivery     github/d-1
          image        r.example/web@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
          approved     for production by Bob: seen, 2026-11-21 19:54 UTC
          was live in  staging from 2026-11-21 19:55 UTC
          is live in   production since 2026-11-21 21:54 UTC, by #16
        ");
        let told = told(&found, &lives).expect("JSON");
        assert_eq!(told["releases"][0]["live"][1]["by"], 16);
        assert_eq!(told["releases"][0]["approved"][0]["by"]["name"], "Bob");
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
