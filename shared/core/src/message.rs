//! The Slack message of a release: a view, drawn whole from the record each time.
//!
//! Block Kit: <https://docs.slack.dev/reference/block-kit/blocks>. Texts from outside are escaped as Slack asks
//! (<https://docs.slack.dev/messaging/formatting-message-text#escaping>) and shortened well below its limits.

pub mod deployment;
mod known;
pub mod moment;
pub mod plain;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

pub use self::known::{Known, Member, Since};
use crate::{
    release::{Brought, Deed, Outcome, Release, Stage, State},
    report::Status,
};

const BLUE: &str = "#1d9bd1";
const GREEN: &str = "#2eb67d";
const RED: &str = "#e01e5a";
const AMBER: &str = "#ecb22e";
const GREY: &str = "#8d8d8d";

/// What `chat.postMessage` and `chat.update` take besides the channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct View {
    /// What notifications show.
    pub text: String,
    /// One attachment: its bar has the colour, its blocks are the message.
    pub attachments: Value,
}

/// A reply in the message's thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(pub String);

/// Draws the message.
pub fn view(release: &Release, known: &Known) -> View {
    let (icon, colour, headline) = headline(release);
    let title = format!("{icon} *{}* #{} · {headline}", escape(&release.pipeline), release.number);
    let mut blocks = vec![section(&title), commit(release, known)];
    let lines = lines(release);
    if !lines.is_empty() {
        blocks.push(section(&fitting(&lines)));
    }
    let reason = release.reason.as_ref().filter(|_| release.state != State::Live).map(|reason| quote(reason, 1500));
    blocks.extend(reason.filter(|reason| !reason.is_empty()).map(|reason| section(&reason)));
    blocks.extend(deployment::buttons(release, known));
    blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": footer(release)}]}));
    let text = format!("{} #{}: {headline} ({})", release.pipeline, release.number, release.commit.short());
    View { text: escape(&text), attachments: json!([{"color": colour, "fallback": escape(&text), "blocks": blocks}]) }
}

/// Draws the thread: a reply for each thing that happened, in order. Changes of a record have one order, so replies are only ever
/// added at the end, and how many were posted says which are missing.
pub fn thread(release: &Release, known: &Known) -> Vec<Reply> {
    let mut told: Vec<(Timestamp, String)> = Vec::new();
    if let Some(since) = &known.since {
        told.push((release.accepted, commits(since)));
    }
    for stage in release.build.stages.iter().filter(|stage| stage.ended.is_some()) {
        let message = stage.message.as_ref().map(|message| format!("\n{}", quote(message, 2000))).unwrap_or_default();
        told.push((stage.ended.unwrap_or(stage.started), format!("{}{message}", stage_line(stage))));
    }
    if let Some(ended) = release.build.ended {
        told.push((ended, build_end(release)));
    }
    for deployment in &release.deployments {
        told.extend(deployment::replies(deployment));
    }
    told.sort_by_key(|(at, _)| *at);
    told.into_iter().map(|(_, text)| Reply(text)).collect()
}

/// The commits since the release that was live last.
fn commits(since: &Since) -> String {
    let line = |commit: &Brought| {
        let id = commit.id.get(..7).unwrap_or(&commit.id);
        format!("\n• {} {} ({})", code(id), clip(&commit.message, 120), clip(&commit.author, 80))
    };
    format!("Since #{}, which was live last:{}", since.number, since.commits.iter().map(line).collect::<String>())
}

/// Icon, colour of the bar, and words for where a release stands.
pub(crate) fn headline(release: &Release) -> (&'static str, &'static str, String) {
    let took = release.ended.map(|ended| duration(release.accepted, ended)).unwrap_or_default();
    match release.state {
        State::Waiting => (":hourglass_flowing_sand:", GREY, waiting(release)),
        State::Requested => (":hourglass_flowing_sand:", GREY, "queued".to_owned()),
        // CodeBuild has it, and has not begun: neither a log nor a report.
        State::Building if release.build.log.is_none() && release.build.stages.is_empty() => {
            (":hourglass_flowing_sand:", GREY, "queued".to_owned())
        }
        State::Building => (":hammer_and_wrench:", BLUE, building(release)),
        State::Deploying => deployment::headline(release).unwrap_or((":rocket:", BLUE, "deploying".to_owned())),
        State::Built => (":package:", GREEN, format!("built in {took}")),
        State::Live => (":white_check_mark:", GREEN, format!("live in {took}")),
        State::RolledBack => (":rewind:", RED, format!("rolled back after {took}")),
        State::Failed => (":x:", RED, format!("failed after {took}")),
        State::Superseded => (":fast_forward:", AMBER, "superseded".to_owned()),
        State::Cancelled => (":no_entry_sign:", GREY, "cancelled".to_owned()),
    }
}

/// `waits for base #7 and tools #3`.
fn waiting(release: &Release) -> String {
    let open = release.waits.iter().filter(|wait| wait.met.is_none());
    let names: Vec<_> = open.map(|wait| format!("{} #{}", escape(&wait.pipeline), wait.number)).collect();
    format!("waits for {}", clip_list(&names))
}

/// The first three of some names, and how many more there are.
pub(crate) fn clip_list(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= 3 => format!("{} and {last}", first.join(", ")),
        [..] => format!("{} and {} more", names[..3].join(", "), names.len() - 3),
    }
}

fn building(release: &Release) -> String {
    match release.build.stages.iter().rev().find(|stage| stage.ended.is_none()) {
        Some(stage) => format!("building: {}", clip(&stage.name, 100)),
        None => "building".to_owned(),
    }
}

/// Branch, commit and author; the commit's message is plain text, which Slack does not interpret.
fn commit(release: &Release, known: &Known) -> Value {
    let commit = &release.commit;
    let id = link(commit.url.as_deref(), commit.short());
    let author = known.author.as_ref().map_or(&commit.author, |member| &member.name);
    let by = if author.is_empty() { String::new() } else { format!(" by {}", clip(author, 200)) };
    let fields = format!("{} at {id}{by}", code(&release.reference.name));
    let message = if commit.message.is_empty() { "(no message)" } else { &commit.message };
    json!({
        "type": "context",
        "elements": [
            {"type": "mrkdwn", "text": fields},
            {"type": "plain_text", "text": message, "emoji": false},
        ],
    })
}

fn lines(release: &Release) -> Vec<String> {
    let mut lines: Vec<String> = release.build.stages.iter().map(stage_line).collect();
    let quiet = [Outcome::Succeeded, Outcome::NotStarted];
    if let Some(delay) = release.build.delay.as_ref().filter(|_| release.state == State::Requested) {
        lines.push(format!(
            ":hourglass_flowing_sand: CodeBuild does not take the build yet: {}",
            clip(&delay.reason, 300)
        ));
    }
    if let Some(asked) = &release.asked {
        let (of, who) = (asked.number, clip(&asked.person.name, 100));
        let why = asked.person.reason.as_ref().map(|why| format!(": {}", clip(why, 300))).unwrap_or_default();
        lines.push(match asked.deed {
            Deed::Rollback => format!(":rewind: back to #{of}, says {who}{why}"),
            Deed::Deploy => format!(":point_right: #{of} by name, says {who}{why}"),
            Deed::Retry => format!(":repeat: #{of} once more, says {who}{why}"),
        });
    }
    if let Some(by) = release.called_off.as_ref().filter(|_| !release.state.is_end()) {
        let why = by.reason.as_ref().map(|why| format!(": {}", clip(why, 300))).unwrap_or_default();
        lines.push(format!(":no_entry_sign: to be cancelled, says {}{why}", clip(&by.name, 100)));
    }
    if let Some(person) = &release.wished {
        let why = person.reason.as_ref().map(|why| format!(": {}", clip(why, 300))).unwrap_or_default();
        lines.push(format!(":point_right: asked for by {}{why}", clip(&person.name, 100)));
    }
    if let Some(outcome) = release.build.outcome.filter(|outcome| !quiet.contains(outcome)) {
        lines.push(format!(":x: build {}", outcome.ending()));
    }
    if let Some(image) = &release.image {
        lines.push(format!(":package: image {}", code(image.digest.short())));
    }
    if release.is_imaged() {
        lines.extend(release.deployments.iter().flat_map(deployment::lines));
    }
    lines
}

fn stage_line(stage: &Stage) -> String {
    let took = stage.ended.map(|ended| format!(" · {}", duration(stage.started, ended))).unwrap_or_default();
    let icon = match stage.status {
        Status::Started => ":hourglass_flowing_sand:",
        Status::Succeeded => ":white_check_mark:",
        Status::Failed => ":x:",
    };
    format!("{icon} {}{took}", clip(&stage.name, 100))
}

fn build_end(release: &Release) -> String {
    let outcome = release.build.outcome.map_or("ended", Outcome::ending);
    let took = match (release.build.started, release.build.ended) {
        (Some(started), Some(ended)) => format!(" after {}", duration(started, ended)),
        _ => String::new(),
    };
    let reason = release.reason.as_ref().filter(|_| release.build.outcome != Some(Outcome::Succeeded));
    let reason = reason.map(|reason| format!("\n{}", quote(reason, 2000))).unwrap_or_default();
    format!(":hammer_and_wrench: build {outcome}{took}{reason}")
}

fn footer(release: &Release) -> String {
    let repository = clip(&release.repository, 300);
    let log = release
        .build
        .log
        .as_deref()
        .or(release.build.page.as_deref())
        .map(|log| format!(" · {}", link(Some(log), "build log")))
        .unwrap_or_default();
    let lead = match (release.state, release.commit.at, release.ended) {
        (State::Live, Some(committed), Some(ended)) if committed < ended => {
            format!(" · {} from commit to live", duration(committed, ended))
        }
        _ => String::new(),
    };
    format!("{repository}{log}{lead} · {}", release.id)
}

/// `web:8` of `arn:aws:ecs:…:task-definition/web:8`.
pub fn revision(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// `850 ms`, `12 s`, `3 min 05 s`, `1 h 02 min`.
pub fn duration(from: Timestamp, to: Timestamp) -> String {
    let took = to.duration_since(from).max(SignedDuration::ZERO);
    let seconds = (took + SignedDuration::from_millis(500)).as_secs();
    match seconds {
        _ if took.as_secs() == 0 => format!("{} ms", took.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

pub(crate) fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

pub(crate) fn link(url: Option<&str>, text: &str) -> String {
    let plain = |url: &&str| !url.contains(['<', '>', '|', ' ']) && url.len() <= 1000;
    match url.filter(plain) {
        Some(url) => format!("<{}|{}>", escape(url), escape(text)),
        None => escape(text),
    }
}

pub(crate) fn code(text: &str) -> String {
    format!("`{}`", clip(&text.replace('`', "'"), 200))
}

/// A quotation: each line marked, at most `limit` characters in all.
pub(crate) fn quote(text: &str, limit: usize) -> String {
    let mut quoted = String::new();
    for line in text.lines() {
        let left = limit.saturating_sub(quoted.chars().count() + 3);
        if left < 2 {
            break;
        }
        quoted += "> ";
        quoted += &clip(line, left);
        quoted.push('\n');
    }
    quoted.trim_end().to_owned()
}

/// As many lines as fit into a section, the newest kept.
fn fitting(lines: &[String]) -> String {
    const LIMIT: usize = 2800;
    let mut left = LIMIT;
    let fits = |line: &&String| {
        let length = line.chars().count() + 1;
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    };
    let kept = lines.iter().rev().take_while(fits).count();
    let dropped = lines.len() - kept;
    let first = (dropped > 0).then(|| format!("… {dropped} earlier"));
    first.iter().chain(&lines[dropped..]).cloned().collect::<Vec<_>>().join("\n")
}

/// Slack's three characters with a meaning.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Escapes a text, and cuts it where it would become longer than `limit` characters; never within an entity.
pub(crate) fn clip(text: &str, limit: usize) -> String {
    let mut escaped = String::new();
    let mut left = limit;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let part = escape(character.encode_utf8(&mut [0; 4]));
        let room = if characters.peek().is_some() { left.saturating_sub(1) } else { left };
        if part.len() > 1 && part.chars().count() > room || room == 0 {
            escaped.push('…');
            return escaped;
        }
        left -= part.chars().count();
        escaped += &part;
    }
    escaped
}

#[cfg(test)]
mod tests;
