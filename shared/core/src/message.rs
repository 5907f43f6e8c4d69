//! The Slack message of a release: a view, drawn whole from the record each time.
//!
//! Block Kit: <https://docs.slack.dev/reference/block-kit/blocks>. Texts from outside are escaped as Slack asks
//! (<https://docs.slack.dev/messaging/formatting-message-text#escaping>) and shortened well below its limits.

mod build;
pub mod catalogue;
mod commits;
pub mod deployment;
mod known;
pub(crate) mod markup;
mod mention;
pub mod moment;
mod pages;
pub mod plain;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

pub use self::known::{Known, Member, Since};
pub use self::markup::escape;
use self::{
    markup::{clip, code, fitting, link, log_block, markup, quote, section, unmarked},
    pages::Pages,
};
use crate::release::{Asked, Deed, Outcome, Release, State, Verdict};

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
    blocks.extend(last_words(release).map(|log| section(&log)));
    blocks.extend(deployment::buttons(release));
    let footer: Vec<_> = footer(release, known).iter().map(|text| markup(text)).collect();
    blocks.push(json!({"type": "context", "elements": footer}));
    let name = format!("{} #{}", escape(&release.pipeline), release.number);
    let text = format!("{name}: {headline} ({})", escape(release.commit.short()));
    let attachment = json!({"color": colour, "fallback": text, "blocks": blocks});
    View { text, attachments: json!([attachment]) }
}

/// Draws the thread: a reply for each thing that happened, in order. Changes of a record have one order, so replies are only ever
/// added at the end, and how many were posted says which are missing.
pub fn thread(release: &Release, known: &Known) -> Vec<Reply> {
    let mut told: Vec<(Timestamp, String)> = Vec::new();
    told.extend(commits::reply(release, known).map(|commits| (release.accepted, commits)));
    let stages = release.build.stages.iter();
    told.extend(stages.filter_map(|stage| Some((stage.ended?, build::stage_end(stage)))));
    told.extend(release.build.ended.map(|ended| (ended, build::end(release))));
    for deployment in &release.deployments {
        told.extend(deployment.approval_asked.map(|asked| (asked, mention::approvers(deployment, known))));
        told.extend(deployment::replies(deployment));
    }
    told.extend(release.ended.zip(mention::author(release, known)));
    told.sort_by_key(|(at, _)| *at);
    told.into_iter().map(|(_, text)| Reply(text)).collect()
}

/// Where a release that ended badly left a log, its last lines: the build's, that of what ran before the services, a container's.
fn last_words(release: &Release) -> Option<String> {
    if !matches!(release.state, State::Failed | State::RolledBack) {
        return None;
    }
    let shown = |what: &str, lines: &[String]| {
        let log = log_block(&lines[lines.len().saturating_sub(12)..], 1500);
        (!log.is_empty()).then(|| format!("{what} said last:{log}"))
    };
    let built = shown("The build", &release.build.tail);
    let mut deployments = release.deployments.iter().filter(|it| it.verdict.is_some_and(|it| it != Verdict::Live));
    built.or_else(|| {
        deployments.find_map(|deployment| {
            let (what, lines) = deployment::last_words(deployment)?;
            shown(&what, lines)
        })
    })
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
    let page = || Pages::of(release).filter(|_| !commit.id.is_empty()).map(|pages| pages.commit(&commit.id));
    let id = link(commit.url.clone().or_else(page).as_deref(), commit.short());
    let author = clip(known.author.as_ref().map_or(&commit.author, |member| &member.name), 200);
    let by = if author.trim().is_empty() { String::new() } else { format!(" by {author}") };
    let fields = format!("{} at {id}{by}", code(&release.reference.name));
    let message = unmarked(&commit.message, 300);
    let message = if message.is_empty() { "(no message)" } else { &message };
    let message = json!({"type": "plain_text", "text": message, "emoji": false});
    json!({"type": "context", "elements": [markup(&fields), message]})
}

fn lines(release: &Release) -> Vec<String> {
    let mut lines: Vec<String> = release.build.stages.iter().map(build::stage_line).collect();
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

/// Where it is from, the pages to look at, and from commit to live: each on its own.
fn footer(release: &Release, known: &Known) -> Vec<String> {
    let page = release.build.page.as_deref().filter(|page| release.build.log.as_deref() != Some(*page));
    let log = release.build.log.as_deref().map(|log| link(Some(log), "log"));
    let pages: Vec<_> = page.map(|page| link(Some(page), "build")).into_iter().chain(log).collect();
    // What is asked for by name was live, or could have been, before.
    let by_name = release.asked.as_ref().is_some_and(Asked::is_by_name);
    let lead = match (release.state, release.commit.at, release.ended) {
        (State::Live, Some(committed), Some(ended)) if committed < ended && !by_name => {
            Some(format!(":stopwatch: {} from commit to live", duration(committed, ended)))
        }
        _ => None,
    };
    let parts = [
        Some(clip(&release.repository, 300)),
        Some(pages.join(" · ")).filter(|pages| !pages.is_empty()),
        commits::range(release, known),
        lead,
        Some(release.id.to_string()),
    ];
    parts.into_iter().flatten().collect()
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

#[cfg(test)]
mod tests;
