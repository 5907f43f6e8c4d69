//! The `post-receive` hook: tells Longshore of a push with the documented payload, headers and signature of the source whose host the
//! repository is on.
//!
//! Source: <https://docs.github.com/en/webhooks/webhook-events-and-payloads#push>.

mod told;

use std::{path::Path, process::Command};

use anyhow::{Context, bail};
use longshore_core::{
    push::{Source, is_null},
    webhook::{self, Headers},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::foundations::hex_token;

/// What the hook needs to know; a JSON file beside the repository.
#[derive(Debug, Clone, Deserialize)]
pub struct Settings {
    /// Where deliveries go: `…/webhooks/<source>`.
    pub url: String,
    /// `host/owner/name`.
    pub repository: String,
    /// The webhook secret.
    pub secret: String,
}

/// A delivery, ready to be sent.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The delivery's id.
    pub id: String,
    /// The event, in the source's word.
    pub event: String,
    /// The body, as it is signed.
    pub body: String,
}

/// Sends a delivery for each updated reference (`old new ref`, a line each, as git hands them to the hook), and says what was
/// answered. The push itself is not undone by a failure, as it is not on GitHub.
pub async fn run(settings: &Settings, repository: &Path, lines: &str) -> anyhow::Result<Vec<String>> {
    let mut answers = Vec::new();
    for line in lines.lines() {
        let mut words = line.split_whitespace();
        let (Some(before), Some(after), Some(reference)) = (words.next(), words.next(), words.next()) else {
            bail!("git handed over {line:?}, not an old and a new commit and a reference");
        };
        // One reference that could not be told does not keep the others from being told.
        let told = async {
            let payload = payload(settings, repository, before, after, reference)?;
            let Some((event, payload)) = told::told(settings.source(), payload) else {
                bail!(
                    "CodeCommit tells pushes through EventBridge, which the local stack does not play: nothing starts"
                );
            };
            send(settings, &Delivery { id: uuid(), event: event.to_owned(), body: payload.to_string() }).await
        };
        answers.push(match told.await {
            Ok((status, answer)) => format!("longshore: {status} {answer}"),
            Err(error) => format!("longshore: {reference}: {error:#}"),
        });
    }
    Ok(answers)
}

/// Sends one delivery, signed; the status and the body of the answer.
pub async fn send(settings: &Settings, delivery: &Delivery) -> anyhow::Result<(u16, String)> {
    let request = local_protocol::http().post(&settings.url);
    let answer = headers(settings, delivery)
        .iter()
        .fold(request, |request, (name, value)| request.header(name, value))
        .body(delivery.body.clone())
        .send()
        .await
        .with_context(|| format!("{} was not reached: is `longshore local` running?", settings.url))?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// The headers that the source sends a delivery with, the proof among them, and those of GitHub's own.
pub fn headers(settings: &Settings, delivery: &Delivery) -> Headers {
    let Delivery { id, event, body } = delivery;
    let (secret, now) = (&settings.secret, jiff::Timestamp::now());
    let signed = webhook::sign(settings.source(), event, id, "application/json", body.as_bytes(), secret, now);
    let others = [
        ("user-agent", "GitHub-Hookshot/longshore-local"),
        ("x-github-hook-id", "1"),
        ("x-github-hook-installation-target-type", "repository"),
        ("x-github-hook-installation-target-id", "1"),
    ];
    signed.iter().chain(others).collect()
}

impl Settings {
    /// The source whose route it is; GitHub where it is none's.
    fn source(&self) -> Source {
        self.url.rsplit('/').next().and_then(Source::parse).unwrap_or(Source::GitHub)
    }
}

/// The payload of a push, as GitHub tells it.
pub fn payload(
    settings: &Settings,
    repository: &Path,
    before: &str,
    after: &str,
    reference: &str,
) -> anyhow::Result<Value> {
    let (host, full_name) = settings.repository.split_once('/').context("the repository is not host/owner/name")?;
    let (owner, name) = full_name.split_once('/').unwrap_or(("", full_name));
    let page = format!("https://{host}/{full_name}");
    let commits = if is_null(after) { Vec::new() } else { pushed(repository, before, after, reference)? };
    let commits: Vec<Value> = commits.iter().map(|id| commit(repository, &page, id)).collect::<anyhow::Result<_>>()?;
    let head = if is_null(after) { Value::Null } else { commit(repository, &page, after)? };
    let author = head["author"].clone();
    let forced = !is_null(before) && !is_null(after) && !is_ancestor(repository, before, after);
    Ok(json!({
        "ref": reference, "before": before, "after": after,
        "created": is_null(before), "deleted": is_null(after), "forced": forced, "base_ref": null,
        "compare": format!("{page}/compare/{:.12}...{:.12}", before, after),
        "commits": commits, "head_commit": head,
        "repository": {
            "id": 1, "name": name, "full_name": full_name, "private": true, "fork": false, "html_url": page,
            "url": page, "pushed_at": jiff::Timestamp::now().as_second(), "clone_url": format!("{page}.git"), "default_branch": "main", "master_branch": "main",
            "owner": {"name": owner, "login": owner, "id": 1, "type": "Organization"},
        },
        "pusher": {"name": author["name"], "email": author["email"]},
        "sender": {"login": author["name"], "id": 1, "type": "User"},
    }))
}

/// The pushed commits, oldest first, at most as many as GitHub lists: those that the branch did not have; for a new branch, those that
/// no other one has.
fn pushed(repository: &Path, before: &str, after: &str, reference: &str) -> anyhow::Result<Vec<String>> {
    const LISTED: &str = "--max-count=2048";
    let excluded = format!("--exclude={reference}");
    let listed = if is_null(before) {
        git(repository, &["rev-list", LISTED, "--reverse", after, "--not", &excluded, "--branches"])?
    } else {
        git(repository, &["rev-list", LISTED, "--reverse", after, &format!("^{before}")])?
    };
    Ok(listed.lines().map(str::to_owned).collect())
}

/// A commit as a push lists it.
fn commit(repository: &Path, page: &str, id: &str) -> anyhow::Result<Value> {
    let shown = git(repository, &["show", "--no-patch", "--format=%T%x00%cI%x00%an%x00%ae%x00%cn%x00%ce%x00%B", id])?;
    let mut fields = shown.trim_end().splitn(7, '\0');
    let mut next = || fields.next().unwrap_or_default().to_owned();
    let (tree, time, author, author_mail, committer, committer_mail, message) =
        (next(), next(), next(), next(), next(), next(), next());
    let changes =
        git(repository, &["diff-tree", "--root", "--no-commit-id", "--name-status", "-r", "-z", "--no-renames", id])?;
    let mut changes = changes.split('\0');
    let (mut added, mut removed, mut modified) = (Vec::new(), Vec::new(), Vec::new());
    while let (Some(status), Some(file)) = (changes.next(), changes.next()) {
        match status {
            "A" => added.push(file),
            "D" => removed.push(file),
            _ => modified.push(file),
        }
    }
    Ok(json!({
        "id": id, "tree_id": tree, "distinct": true, "message": message, "timestamp": time,
        "url": format!("{page}/commit/{id}"),
        "author": {"name": author, "email": author_mail},
        "committer": {"name": committer, "email": committer_mail},
        "added": added, "removed": removed, "modified": modified,
    }))
}

fn is_ancestor(repository: &Path, before: &str, after: &str) -> bool {
    git(repository, &["merge-base", "--is-ancestor", before, after]).is_ok()
}

fn git(repository: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output =
        Command::new("git").arg("-C").arg(repository).args(arguments).output().context("git could not be run")?;
    if !output.status.success() {
        bail!("git {} failed: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A random id in the form that GitHub gives its deliveries (RFC 9562, version 4).
pub fn uuid() -> String {
    let digits = hex_token(2);
    format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..32])
}
