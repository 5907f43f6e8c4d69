//! A moment of a release as plain text, for mail and whatever else reads an SNS topic.
//!
//! Limits: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>: a subject of less than 100 ASCII characters, in one line,
//! without control characters, beginning with a letter, a digit or a punctuation mark; a body of 256 KB.

use crate::{
    message::{
        duration,
        moment::{Kind, Moment},
    },
    release::{Deployment, Release, State, Verdict},
    text::shorten,
};

/// The most that a text from outside takes in the body, in characters.
const LONGEST: usize = 2000;

/// A text for people, and what subscribers filter by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    /// `web #7 live in 2 min 05 s (0123456)`: 1 to 99 printable ASCII characters.
    pub subject: String,
    /// Lines of plain text; a few thousand characters at most.
    pub body: String,
    /// Names and values: `pipeline`, `environment` where the moment is about one, `state`, `moment`. None of them is empty.
    pub attributes: Vec<(&'static str, String)>,
}

/// Writes a moment down.
pub fn plain(release: &Release, moment: &Moment) -> Plain {
    let headline = format!("{} #{} {}", release.pipeline, release.number, happened(release, moment));
    let mut attributes = vec![("pipeline", release.pipeline.clone())];
    attributes.extend(moment.environment.as_ref().map(|environment| ("environment", environment.clone())));
    attributes.push(("state", release.state.word().to_owned()));
    attributes.push(("moment", moment.kind.word().to_owned()));
    attributes.retain(|(_, value)| !value.is_empty());
    let subject = subject(&format!("{headline} ({})", release.commit.short()));
    Plain { subject, body: body(release, moment, &headline), attributes }
}

/// What happened, in the words of a headline.
fn happened(release: &Release, moment: &Moment) -> String {
    let environment = moment.environment.as_deref().unwrap_or("nowhere");
    let took = release.ended.map(|ended| duration(release.accepted, ended)).unwrap_or_default();
    match &moment.kind {
        Kind::Accepted => "accepted".to_owned(),
        Kind::Approval => format!("waits for approval to {environment}"),
        Kind::Deploying => format!("deploying to {environment}"),
        Kind::Pause { .. } => format!("paused in {environment}"),
        Kind::End(state) => match state {
            State::Built => format!("built in {took}"),
            State::Live => format!("live in {took}"),
            State::RolledBack => format!("rolled back after {took}"),
            State::Failed => format!("failed after {took}"),
            State::Superseded
            | State::Cancelled
            | State::Waiting
            | State::Requested
            | State::Building
            | State::Deploying => state.ending().to_owned(),
        },
    }
}

fn subject(text: &str) -> String {
    let plain = text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' });
    let mut subject: String = plain.take(99).collect();
    subject.truncate(subject.trim_end().len());
    // It may not begin with a space; a pipeline's name is never empty.
    if subject.starts_with(' ') || subject.is_empty() {
        format!("Release{subject}").chars().take(99).collect()
    } else {
        subject
    }
}

fn body(release: &Release, moment: &Moment, headline: &str) -> String {
    let mut lines = vec![headline.to_owned()];
    let reference = match release.reference.kind {
        crate::push::Kind::Branch => "branch",
        crate::push::Kind::Tag => "tag",
    };
    let commit = &release.commit;
    lines.push(String::new());
    lines.push(format!("Repository: {}", line(&release.repository)));
    lines.push(format!("{}{}: {}", reference[..1].to_uppercase(), &reference[1..], line(&release.reference.name)));
    lines.push(format!("Commit: {}", line(commit.known().unwrap_or("not known yet"))));
    for (name, value) in [("Author", &commit.author), ("Message", &commit.message)] {
        if !value.is_empty() {
            lines.push(format!("{name}: {}", line(value)));
        }
    }
    lines.extend(release.wished.as_ref().map(|person| format!("Asked for by: {}", line(&person.name))));
    lines.extend(question(release, moment));
    lines.extend(release.deployments.iter().filter_map(environment));
    if let Some(reason) = release.reason.as_ref().filter(|_| release.state != State::Live) {
        lines.push(format!("Why: {}", line(reason)));
    }
    lines.push(String::new());
    let pages = [("Commit page", &commit.url), ("Build page", &release.build.page), ("Build log", &release.build.log)];
    for (name, url) in pages {
        lines.extend(url.as_ref().map(|url| format!("{name}: {}", line(url))));
    }
    lines.push(format!("Release: {}", release.id));
    lines.join("\n") + "\n"
}

/// What is asked of people, and how they answer.
fn question(release: &Release, moment: &Moment) -> Option<String> {
    let environment = moment.environment.as_deref()?;
    let place = format!("{}#{} {environment}", release.pipeline, release.number);
    Some(match &moment.kind {
        Kind::Approval => {
            format!("Asked: may it go into {environment}? longshore approve {place}, or longshore reject {place}")
        }
        Kind::Pause { service, stage } => {
            let paused = format!("{} is paused at {}", line(service), line(stage));
            format!("Asked: {paused}. longshore continue {place}, or longshore back {place}")
        }
        Kind::Accepted | Kind::Deploying | Kind::End(_) => return None,
    })
}

/// An environment that the release came to, and how it stands there.
fn environment(deployment: &Deployment) -> Option<String> {
    let how = match (deployment.verdict, deployment.admitted) {
        (None, None) if deployment.held.is_some() => "waits".to_owned(),
        (None, None) => return None,
        (None, Some(_)) => "deploying".to_owned(),
        (Some(Verdict::Live), _) => "live".to_owned(),
        (Some(verdict @ (Verdict::RolledBack | Verdict::Failed | Verdict::Superseded)), _) => {
            let why = deployment.reason.as_ref().map(|why| format!(": {}", line(why))).unwrap_or_default();
            format!("{}{why}", State::from(verdict).ending())
        }
    };
    Some(format!("Environment {}: {how}", deployment.environment))
}

/// A text from outside in one line: without control characters, and not too long.
fn line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    shorten(plain.trim(), LONGEST)
}

#[cfg(test)]
mod tests;
