//! The vocabulary of a build's progress: phases, statuses, and what is said about a phase that failed.
//!
//! Source: <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BuildPhase.html>.

use jiff::Timestamp;

/// What a build goes through, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Submitted,
    Queued,
    Provisioning,
    DownloadSource,
    Install,
    PreBuild,
    Build,
    PostBuild,
    UploadArtifacts,
    Finalizing,
    Completed,
}

impl Phase {
    /// The phases that a buildspec gives commands for.
    pub(crate) const WITH_COMMANDS: [Self; 4] = [Self::Install, Self::PreBuild, Self::Build, Self::PostBuild];

    /// `CodeBuild`'s name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Queued => "QUEUED",
            Self::Provisioning => "PROVISIONING",
            Self::DownloadSource => "DOWNLOAD_SOURCE",
            Self::Install => "INSTALL",
            Self::PreBuild => "PRE_BUILD",
            Self::Build => "BUILD",
            Self::PostBuild => "POST_BUILD",
            Self::UploadArtifacts => "UPLOAD_ARTIFACTS",
            Self::Finalizing => "FINALIZING",
            Self::Completed => "COMPLETED",
        }
    }
}

/// How a build, or one of its phases, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    InProgress,
    Succeeded,
    Failed,
    Fault,
    Stopped,
    TimedOut,
}

impl Status {
    /// `CodeBuild`'s name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Fault => "FAULT",
            Self::Stopped => "STOPPED",
            Self::TimedOut => "TIMED_OUT",
        }
    }
}

/// Why a phase ended as it did, in `CodeBuild`'s words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Context {
    /// The source cannot be had.
    pub(crate) fn client_error(message: impl Into<String>) -> Self {
        Self { code: "CLIENT_ERROR", message: message.into() }
    }

    /// The buildspec cannot be read.
    pub(crate) fn yaml_file_error(message: impl Into<String>) -> Self {
        Self { code: "YAML_FILE_ERROR", message: message.into() }
    }

    /// A command failed; `reason` is for example `exit status 1`.
    pub(crate) fn command(command: &str, reason: impl std::fmt::Display) -> Self {
        Self {
            code: "COMMAND_EXECUTION_ERROR",
            message: format!("Error while executing command: {}. Reason: {reason}", command.trim_end()),
        }
    }

    /// The stand-in itself failed.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self { code: "INTERNAL_SERVICE_ERROR", message: message.into() }
    }
}

/// A phase that began, and perhaps ended.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) phase: Phase,
    pub(crate) started: Timestamp,
    /// `None` while it lasts.
    pub(crate) ended: Option<(Timestamp, Status)>,
    pub(crate) contexts: Vec<Context>,
}

impl Record {
    /// Whole seconds from its start to its end.
    pub(crate) fn seconds(&self) -> Option<i64> {
        self.ended.map(|(end, _)| end.as_second() - self.started.as_second())
    }
}
