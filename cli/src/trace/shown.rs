//! What was found, as text and as JSON.

use std::fmt::Write as _;

use longshore_core::{
    message::revision,
    release::{Decision, Outcome, Release},
};
use serde_json::{Value, json};

use super::{Found, Live};
use crate::{
    happened::person,
    standing::colour,
    summary::Summary,
    table::{Cell, Colour, fact, table},
    terminal::plain,
    time::date,
};

/// What was found, for programs.
pub(super) fn told(found: &Found, lives: &[Vec<Live>]) -> anyhow::Result<Value> {
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

/// What was found, for people.
pub(super) fn shown(found: &Found, lives: &[Vec<Live>]) -> String {
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
        rows.push(fact("build", format!("{id} {}", release.build.outcome.map_or("runs", Outcome::ending))));
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
}
