//! What is said about things that are done: that they were taken, that they were done, that they were not.

use super::{Answer, releases::commit};
use crate::{
    message::markup::{clip, code, escape, quote},
    release::Release,
    slack::{User, command::Wanted},
};

/// What was done.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// A build was asked for.
    Started(Box<Release>),
    /// A release goes to an environment.
    Promoted {
        /// The one that was named.
        of: u64,
        /// The environment.
        environment: String,
        /// The one that takes it there; the same where it only waited there.
        release: Box<Release>,
    },
    /// An environment goes back.
    RolledBack {
        /// The release that it goes back to.
        to: u64,
        /// The environment.
        environment: String,
        /// The release that takes it there.
        release: Box<Release>,
    },
    /// A release was approved or rejected.
    Decided {
        /// The release.
        release: Box<Release>,
        /// The environment.
        environment: String,
        /// Yes, or no.
        approved: bool,
        /// Why.
        reason: Option<String>,
    },
    /// A release was cancelled.
    Cancelled(Box<Release>),
    /// An environment was locked.
    Locked {
        /// The pipeline.
        pipeline: String,
        /// The environment.
        environment: String,
        /// Why.
        reason: Option<String>,
    },
    /// An environment was unlocked.
    Unlocked {
        /// The pipeline.
        pipeline: String,
        /// The environment.
        environment: String,
        /// Why.
        reason: Option<String>,
    },
}

/// Tells the channel what somebody did; `name` is the command's own.
pub fn done(done: &Done, by: &User, name: &str) -> Answer {
    let who = format!("<@{}>", by.id);
    let why = |reason: &Option<String>| {
        reason.as_ref().map(|reason| format!("\n{}", quote(reason, 1000))).unwrap_or_default()
    };
    let place = |pipeline: &str, environment: &str| format!("{} of {}", escape(environment), escape(pipeline));
    Answer::of(&match done {
        Done::Started(release) => {
            format!(
                ":hammer_and_wrench: {who} starts {} of {}{}",
                numbered(release),
                code(&release.reference.name),
                commit(release)
            )
        }
        Done::Promoted { of, environment, release } if *of == release.number => {
            format!(":point_right: {who} lets {} into {}", numbered(release), escape(environment))
        }
        Done::Promoted { of, environment, release } => {
            let place = place(&release.pipeline, environment);
            format!(":point_right: {who} takes {place} to #{of}, as release #{}", release.number)
        }
        Done::RolledBack { to, environment, release } => {
            let unlock = code(&format!("{name} unlock {} {environment}", release.pipeline));
            let place = place(&release.pipeline, environment);
            format!(
                ":rewind: {who} takes {place} back to #{to}, as release #{}. It is locked: {unlock}",
                release.number
            )
        }
        Done::Decided { release, environment, approved, reason } => {
            let (icon, word) = if *approved { (":ok_hand:", "approved") } else { (":no_entry_sign:", "rejected") };
            format!("{icon} {who} {word} {} for {}{}", numbered(release), escape(environment), why(reason))
        }
        Done::Cancelled(release) => format!(":no_entry_sign: {who} cancelled {}", numbered(release)),
        Done::Locked { pipeline, environment, reason } => {
            let unlock = code(&format!("{name} unlock {pipeline} {environment}"));
            format!(
                ":lock: {who} locked {}: {unlock} lets releases in again{}",
                place(pipeline, environment),
                why(reason)
            )
        }
        Done::Unlocked { pipeline, environment, reason } => {
            format!(":unlock: {who} unlocked {}{}", place(pipeline, environment), why(reason))
        }
    })
}

fn numbered(release: &Release) -> String {
    format!("*{}* #{}", escape(&release.pipeline), release.number)
}

/// Tells whoever wants something that it was written down.
pub fn acknowledged(wanted: &Wanted, name: &str) -> Answer {
    Answer::of(&format!(":hourglass_flowing_sand: Taken: {}. What becomes of it is told here.", said(wanted, name)))
}

/// Takes the place of a question that was answered with yes.
pub fn confirmed(wanted: &Wanted, name: &str) -> Answer {
    Answer::of(&format!(":hourglass_flowing_sand: Confirmed: {}. What becomes of it is told here.", said(wanted, name)))
}

/// Takes the place of a question that was answered with no.
pub fn dismissed() -> Answer {
    Answer::sentence("Nothing was done.")
}

/// Tells why something was not done: a sentence without its full stop.
pub fn undone(why: &str) -> Answer {
    Answer::of(&format!(":no_entry_sign: Nothing was done: {}.", clip(why, 2000)))
}

/// What is wanted, as a command says it.
fn said(wanted: &Wanted, name: &str) -> String {
    let optional = |word: &Option<String>| word.as_ref().map(|word| format!(" {word}")).unwrap_or_default();
    let words = match wanted {
        Wanted::Start { pipeline, what, environment } => {
            let to = environment.as_ref().map(|environment| format!(" to {environment}")).unwrap_or_default();
            format!("{pipeline}{}{to}", optional(what))
        }
        Wanted::Promote { release, environment } => format!("{release} {environment}"),
        Wanted::RollBack { pipeline, environment, to } => {
            format!("{pipeline} {environment}{}", to.as_ref().map(|to| format!(" {to}")).unwrap_or_default())
        }
        Wanted::Decide { release, reason, .. } => format!("{release}{}", optional(reason)),
        Wanted::Cancel { release } => release.to_string(),
        Wanted::Lock { pipeline, environment, reason } | Wanted::Unlock { pipeline, environment, reason } => {
            format!("{pipeline} {environment}{}", optional(reason))
        }
    };
    code(&format!("{name} {} {words}", wanted.word().word()))
}
