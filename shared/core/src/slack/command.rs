//! What Slack tells when somebody gives a slash command, and what the command says.
//!
//! Slack posts a form. The command's own name is chosen in the Slack app, so that answers say it as Slack sent it; its text is a line that a
//! person wrote, and that Slack may have dressed up ([`plain`]). [`Command::parse`] reads it against the configuration. The program `longshore` reads
//! its words with the same grammar ([`Wanted::read`], [`Named::read`]): what may be typed, and how it is refused, is decided here once.
//!
//! Sources: <https://docs.slack.dev/interactivity/implementing-slash-commands>,
//! <https://docs.slack.dev/messaging/formatting-message-text>.

mod errand;
mod parse;
mod plain;
mod repository;
mod unclear;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::{
    errand::{Errand, Key, Outcome, Rebuild},
    parse::{Names, reason},
    plain::plain,
    repository::repository,
    unclear::Unclear,
};
use super::{User, called, is_user};
use crate::{release::ReleaseId, signature::Verified, webhook};

/// The longest text of a command that is read, in bytes.
pub const LONGEST: usize = 4000;
/// The longest reason that is kept, in characters: a record keeps as many.
pub const LONGEST_REASON: usize = 500;

/// Somebody gave a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The command's own name, with its slash: `/deploy`. At most 40 characters; where Slack tells none that is one, `/deploy`.
    pub name: String,
    /// What follows it, as Slack sent it; it may be long.
    pub text: String,
    /// Who.
    pub by: User,
    /// Where they can be answered, five times within 30 minutes; it is as good as a token. An HTTP address of at most 500 bytes, whose host has
    /// to be checked.
    pub response_url: Option<String>,
}

/// Why a request is no command. The sentence is for the sender; it never holds text of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotACommand {
    /// A field that is needed is absent or cannot be.
    #[error("the form has no usable {0}")]
    Field(&'static str),
}

/// What a command says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// It asks something: answered privately, and nothing is changed.
    Question(Question),
    /// It wants something done: recorded, and done after that.
    Wanted(Wanted),
}

/// What somebody wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// What can be asked and done.
    Help,
    /// What is live and what is on its way, of all pipelines or of one.
    Status(Option<String>),
    /// The newest releases of a pipeline.
    Releases(String),
    /// The log of a release's build, and the last lines of what failed.
    Logs(Named),
    /// Whether a push to a branch starts something, and why.
    Why {
        /// `host/owner/name`: one of the configuration's.
        repository: String,
        /// The branch's name, as git would take it.
        branch: String,
    },
}

/// What somebody wants done. As JSON it is in the table and in the value of a button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Wanted {
    /// Build a branch or a commit, and release it.
    Start {
        /// The pipeline.
        pipeline: String,
        /// The branch or commit, as it was written; the pipeline's own branch where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        what: Option<String>,
        /// The only environment that it goes to; all of the pipeline's where none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<String>,
    },
    /// Take a release to an environment, by name.
    Promote {
        /// The release.
        release: Named,
        /// The environment.
        environment: String,
    },
    /// Take an environment back to an earlier live release.
    RollBack {
        /// The pipeline.
        pipeline: String,
        /// The environment.
        environment: String,
        /// The release to go back to; what was live before where none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Named>,
    },
    /// Approve or reject a release where it waits for that.
    Decide {
        /// The release.
        release: Named,
        /// Yes, or no.
        approved: bool,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// End a release before its end.
    Cancel {
        /// The release.
        release: Named,
    },
    /// Lock an environment.
    Lock {
        /// The pipeline.
        pipeline: String,
        /// The environment.
        environment: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Unlock an environment.
    Unlock {
        /// The pipeline.
        pipeline: String,
        /// The environment.
        environment: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// A release as a person names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Named {
    /// By its id.
    Id(ReleaseId),
    /// By its number within a pipeline: `web#7`.
    Number {
        /// The pipeline: one of the configuration's.
        pipeline: String,
        /// The number.
        number: u64,
    },
}

/// The words that a command can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// [`Question::Help`]
    Help,
    /// [`Wanted::Start`]
    Start,
    /// [`Question::Status`]
    Status,
    /// [`Question::Releases`]
    Releases,
    /// [`Wanted::Promote`]
    Promote,
    /// [`Wanted::RollBack`]
    RollBack,
    /// [`Wanted::Decide`], yes
    Approve,
    /// [`Wanted::Decide`], no
    Reject,
    /// [`Wanted::Cancel`]
    Cancel,
    /// [`Wanted::Lock`]
    Lock,
    /// [`Wanted::Unlock`]
    Unlock,
    /// [`Question::Logs`]
    Logs,
    /// [`Question::Why`]
    Why,
}

impl Word {
    /// All of them, in the order in which they are explained.
    pub const ALL: [Self; 13] = [
        Self::Start,
        Self::Status,
        Self::Releases,
        Self::Promote,
        Self::RollBack,
        Self::Approve,
        Self::Reject,
        Self::Cancel,
        Self::Lock,
        Self::Unlock,
        Self::Logs,
        Self::Why,
        Self::Help,
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Help => "help",
            Self::Start => "start",
            Self::Status => "status",
            Self::Releases => "releases",
            Self::Promote => "promote",
            Self::RollBack => "rollback",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Cancel => "cancel",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Logs => "logs",
            Self::Why => "why",
        }
    }

    /// What follows the command's name.
    pub fn usage(self) -> &'static str {
        match self {
            Self::Help => "help",
            Self::Start => "PIPELINE [BRANCH|COMMIT] [to ENV]",
            Self::Status => "status [PIPELINE]",
            Self::Releases => "releases PIPELINE",
            Self::Promote => "promote RELEASE ENV",
            Self::RollBack => "rollback PIPELINE ENV [RELEASE]",
            Self::Approve => "approve RELEASE [REASON]",
            Self::Reject => "reject RELEASE [REASON]",
            Self::Cancel => "cancel RELEASE",
            Self::Lock => "lock PIPELINE ENV [REASON]",
            Self::Unlock => "unlock PIPELINE ENV [REASON]",
            Self::Logs => "logs RELEASE",
            Self::Why => "why REPOSITORY BRANCH",
        }
    }

    /// What it does, in a few words.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Help => "this list",
            Self::Start => "build a branch or a commit, and release it",
            Self::Status => "what is live, what is on its way, and what it waits for",
            Self::Releases => "the last ten releases",
            Self::Promote => "take a release to an environment, without a build",
            Self::RollBack => "go back to what was live before, or to a release",
            Self::Approve => "let a release in that waits for it",
            Self::Reject => "do not let it in",
            Self::Cancel => "end a release before its end",
            Self::Lock => "let nothing in by itself",
            Self::Unlock => "let releases in again",
            Self::Logs => "the build's log, and the last lines of what failed",
            Self::Why => "whether a push to a branch starts something, and why",
        }
    }

    /// The word that somebody wrote, in whatever case. `start` may also be `deploy`.
    pub fn parse(written: &str) -> Option<Self> {
        let is = |word: &str| word.eq_ignore_ascii_case(written);
        Self::ALL.into_iter().find(|one| is(one.word())).or_else(|| is("deploy").then_some(Self::Start))
    }
}

impl Wanted {
    /// The pipeline, where the command names it.
    pub fn pipeline(&self) -> Option<&str> {
        match self {
            Self::Start { pipeline, .. }
            | Self::RollBack { pipeline, .. }
            | Self::Lock { pipeline, .. }
            | Self::Unlock { pipeline, .. } => Some(pipeline),
            Self::Promote { release, .. } | Self::Decide { release, .. } | Self::Cancel { release } => match release {
                Named::Id(_) => None,
                Named::Number { pipeline, .. } => Some(pipeline),
            },
        }
    }

    /// The word that it is asked for with.
    pub fn word(&self) -> Word {
        match self {
            Self::Start { .. } => Word::Start,
            Self::Promote { .. } => Word::Promote,
            Self::RollBack { .. } => Word::RollBack,
            Self::Decide { approved: true, .. } => Word::Approve,
            Self::Decide { approved: false, .. } => Word::Reject,
            Self::Cancel { .. } => Word::Cancel,
            Self::Lock { .. } => Word::Lock,
            Self::Unlock { .. } => Word::Unlock,
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Number { pipeline, number } => write!(f, "{pipeline}#{number}"),
        }
    }
}

/// Reads the form of a command; `None`: Slack tries the address out, which wants nothing but the status 200.
pub fn read(body: Verified<'_>) -> Result<Option<Given>, NotACommand> {
    let mut fields = Fields::default();
    for (name, value) in form_urlencoded::parse(body.bytes()) {
        let field = match &*name {
            "command" => &mut fields.command,
            "text" => &mut fields.text,
            "user_id" => &mut fields.user_id,
            "user_name" => &mut fields.user_name,
            "response_url" => &mut fields.response_url,
            "ssl_check" => &mut fields.ssl_check,
            _ => continue,
        };
        // The first one counts.
        field.get_or_insert_with(|| value.into_owned());
    }
    if fields.ssl_check.is_some_and(|check| check == "1") {
        return Ok(None);
    }
    let id = fields.user_id.filter(|id| is_user(id)).ok_or(NotACommand::Field("user_id"))?;
    let name = fields.user_name.as_deref().and_then(called).unwrap_or_else(|| id.clone());
    Ok(Some(Given {
        name: fields.command.filter(|name| is_command(name)).unwrap_or_else(|| "/deploy".to_owned()),
        text: fields.text.unwrap_or_default(),
        by: User { id, name },
        response_url: fields.response_url.filter(|url| webhook::is_page(url)),
    }))
}

#[derive(Default)]
struct Fields {
    command: Option<String>,
    text: Option<String>,
    user_id: Option<String>,
    user_name: Option<String>,
    response_url: Option<String>,
    ssl_check: Option<String>,
}

/// Whether this may be a command's name: a slash and up to 32 characters without white space. Markup could not trip over it.
pub(super) fn is_command(name: &str) -> bool {
    let rest = name.strip_prefix('/').unwrap_or_default();
    (1..=39).contains(&rest.chars().count())
        && rest.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests;
