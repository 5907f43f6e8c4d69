//! The build of a release.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::Status;

/// The build of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The branch or tag that CodeBuild is told to build, by its name, where it is not told the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// CodeBuild's id: `project:uuid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its page: what a webhook's answer links to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The page of its log, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Since when it is to be started: nothing is waited for any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// How CodeBuild did not take it, while it is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
    /// When CodeBuild took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it was seen to have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What it reported about itself, in order; at most [`Build::STAGES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// The last lines of its log, oldest first, where it ended badly and the log could be read; at most [`Build::TAIL`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<String>,
}

impl Build {
    /// How many stages are kept: more reports change none.
    pub const STAGES: usize = 40;
    /// How many lines of the log are kept.
    pub const TAIL: usize = 20;
}

/// A build that CodeBuild did not take yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delay {
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again.
    pub until: Timestamp,
    /// What CodeBuild said last.
    pub reason: String,
}

/// How a build ended: CodeBuild's `buildStatus`, and two ends of a build that never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All phases ended well.
    Succeeded,
    /// A phase failed.
    Failed,
    /// Someone stopped it.
    Stopped,
    /// It ran for too long.
    TimedOut,
    /// CodeBuild failed.
    Fault,
    /// It could not be started.
    Refused,
    /// It was not started: its release ended first.
    NotStarted,
}

impl Outcome {
    /// Whether the end of the build's log may say why it ended so.
    pub fn is_told_by_log(self) -> bool {
        match self {
            Self::Failed | Self::TimedOut | Self::Fault => true,
            Self::Succeeded | Self::Stopped | Self::Refused | Self::NotStarted => false,
        }
    }

    /// How a build ended, in the words of a sentence about it: `failed`, `was stopped`.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "was stopped",
            Self::TimedOut => "timed out",
            Self::Fault => "ended in a fault of CodeBuild",
            Self::Refused => "could not be started",
            Self::NotStarted => "was not started",
        }
    }
}

/// A stage of a build, as its script reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: Status,
    /// When it began (or was first heard of).
    pub started: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What the script said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
