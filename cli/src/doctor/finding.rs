//! What was found, with its cure.

use longshore_aws::signed::CallError;
use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Releases fail, or never start, until it is mended.
    Wrong,
    /// It could not be looked at.
    Unknown,
    /// It works, and could be better.
    Advice,
    /// All is well.
    Fine,
}

/// What it is about: docs/doctor.md has a section for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    Fine,
    Unlooked,
    StackMissing,
    StackUnready,
    NotAllowed,
    ProjectMissing,
    ProjectSource,
    ProjectClone,
    ProjectPrivileged,
    RepositoryMissing,
    RepositoryMutable,
    RepositoryUnscanned,
    ClusterMissing,
    ServiceMissing,
    ServiceStopped,
    ServiceController,
    CircuitBreaker,
    ContainerUnknown,
    RoleNotPassed,
    LogsUnread,
    StopTimeout,
    HealthCheck,
    Deregistration,
    SecretMissing,
    SecretKey,
    SecretShort,
    SecretOld,
    SecretRotating,
    Unreachable,
    OtherVersion,
    WebhookMissing,
    WebhookOff,
    WebhookEvents,
    WebhookFailing,
    WebhookUnseen,
    SlackToken,
    SlackScope,
    SlackChannel,
    SlackGroup,
}

impl Code {
    /// All of them, as docs/doctor.md orders them.
    #[cfg(test)]
    pub const ALL: [Self; 39] = [
        Self::Fine,
        Self::Unlooked,
        Self::StackMissing,
        Self::StackUnready,
        Self::NotAllowed,
        Self::ProjectMissing,
        Self::ProjectSource,
        Self::ProjectClone,
        Self::ProjectPrivileged,
        Self::RepositoryMissing,
        Self::RepositoryMutable,
        Self::RepositoryUnscanned,
        Self::ClusterMissing,
        Self::ServiceMissing,
        Self::ServiceStopped,
        Self::ServiceController,
        Self::CircuitBreaker,
        Self::ContainerUnknown,
        Self::RoleNotPassed,
        Self::LogsUnread,
        Self::StopTimeout,
        Self::HealthCheck,
        Self::Deregistration,
        Self::SecretMissing,
        Self::SecretKey,
        Self::SecretShort,
        Self::SecretOld,
        Self::SecretRotating,
        Self::Unreachable,
        Self::OtherVersion,
        Self::WebhookMissing,
        Self::WebhookOff,
        Self::WebhookEvents,
        Self::WebhookFailing,
        Self::WebhookUnseen,
        Self::SlackToken,
        Self::SlackScope,
        Self::SlackChannel,
        Self::SlackGroup,
    ];
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    pub code: Code,
    /// What it is about: `service production/web`.
    pub subject: String,
    /// What is the matter with it, after the subject: `is not there`.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Finding {
    pub fn wrong(code: Code, subject: impl Into<String>, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(Severity::Wrong, code, subject, message, Some(cure.into()))
    }

    pub fn advice(code: Code, subject: impl Into<String>, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(Severity::Advice, code, subject, message, Some(cure.into()))
    }

    pub fn fine(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Fine, Code::Fine, subject, message, None)
    }

    /// Something could not be looked at.
    pub fn unlooked(subject: impl Into<String>, why: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(Severity::Unknown, Code::Unlooked, subject, why, Some(cure.into()))
    }

    /// A call that did not say what was asked. `action` is AWS's name of it, with its service: `ecs:DescribeServices`.
    pub fn of_call(subject: impl Into<String>, action: &str, error: &CallError) -> Self {
        match error {
            CallError::Refused { code, .. } if is_denied(code) => Self::unlooked(
                subject,
                format!("may not look: {action} is denied to you"),
                format!("let whoever runs this call {action}, or run it as someone who may"),
            ),
            CallError::Refused { code, message } => Self::unlooked(
                subject,
                format!("cannot be looked at: {action} is refused with {code}: {message}"),
                "see docs/doctor.md",
            ),
            CallError::Unanswered(why) => Self::unlooked(
                subject,
                format!("cannot be looked at: {action}: {why}"),
                "look again in a moment; --region says where it is",
            ),
        }
    }

    #[cfg(test)]
    pub fn is_fine(&self) -> bool {
        self.severity == Severity::Fine
    }

    fn new(
        severity: Severity,
        code: Code,
        subject: impl Into<String>,
        message: impl Into<String>,
        cure: Option<String>,
    ) -> Self {
        Self { severity, code, subject: subject.into(), message: message.into(), cure }
    }
}

/// Whether a call was refused for want of a permission.
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html>, and the same of the others.
fn is_denied(code: &str) -> bool {
    ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized"]
        .contains(&code)
}
