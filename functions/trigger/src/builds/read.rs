//! What CodeBuild's answers say.

use anyhow::Context;
use aws_sdk_codebuild::{
    error::{ProvideErrorMetadata, SdkError},
    types::{Build, StatusType},
};
use longshore_core::{push::is_commit, release::Fact, token::masked};

pub(super) fn started(build: &Build) -> anyhow::Result<Fact> {
    let id = build.id().context("the build has no id")?.to_owned();
    Ok(Fact::BuildStarted { page: log(build).or_else(|| page(build.arn()?)), id })
}

/// The page of the build's log. There is a link before there is a log stream, which leads nowhere.
pub(super) fn log(build: &Build) -> Option<String> {
    let logs = build.logs().filter(|logs| logs.stream_name().is_some())?;
    logs.deep_link().map(str::to_owned)
}

/// The commit that the build is of, once CodeBuild has looked which one that is; none where its source has no commits.
pub(super) fn resolved(build: &Build) -> Option<&str> {
    build.resolved_source_version().filter(|version| is_commit(version))
}

/// The build's page in the console, from its ARN: `arn:<partition>:codebuild:<region>:<account>:build/<project>:<uuid>`.
fn page(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(6, ':').skip(3);
    let (region, account, build) = (parts.next()?, parts.next()?, parts.next()?.strip_prefix("build/")?);
    let (project, uuid) = build.split_once(':')?;
    let console = format!("https://{region}.console.aws.amazon.com/codesuite/codebuild");
    Some(format!("{console}/{account}/projects/{project}/build/{project}%3A{uuid}/?region={region}"))
}

/// The first phase that did not succeed, with CodeBuild's own words.
pub(super) fn failing_phase(build: &Build) -> Option<String> {
    let failed = |status: Option<&StatusType>| !matches!(status, None | Some(StatusType::Succeeded));
    let phase = build.phases().iter().find(|phase| failed(phase.phase_status()))?;
    let name = phase.phase_type().map_or("a phase", |phase| phase.as_str());
    let said = phase.contexts().iter().filter_map(|context| context.message());
    let said = said.filter(|message| !message.is_empty()).collect::<Vec<_>>().join("; ");
    let status =
        phase.phase_status().map(|status| status.as_str().to_lowercase().replace('_', " ")).unwrap_or_default();
    // A phase that failed quotes its command, into which a buildspec may have put the token.
    Some(if said.is_empty() { format!("{name} {status}") } else { format!("{name} {status}: {}", masked(&said)) })
}

/// Whether CodeBuild will never take this call: the project is not there, or a parameter is wrong.
/// An account's limit is no such thing: it passes.
pub(super) fn is_final<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    matches!(code, Some("ResourceNotFoundException" | "InvalidInputException"))
}

/// Whether IAM does not allow the call: the role of `trigger` names the projects that it may start. A project that is not there is
/// denied in this way too, unless its name fits the role's pattern.
/// Source: <https://docs.aws.amazon.com/codebuild/latest/APIReference/CommonErrors.html>
pub(super) fn is_denied<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    matches!(code, Some("AccessDeniedException" | "AccessDenied"))
}

/// Why a build can never be started, for people.
pub(super) fn refusal<E: ProvideErrorMetadata, R>(project: &str, error: &SdkError<E, R>) -> String {
    if is_denied(error) {
        return format!(
            "Longshore may not start the project {project}: either `project` in longshore.toml is misspelt, or the stack's parameter \
             Projects does not name it"
        );
    }
    let why = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default();
    format!("CodeBuild refused to build {project}: {}", masked(why))
}

#[cfg(test)]
mod tests {
    use aws_sdk_codebuild::{
        error::{ErrorMetadata, SdkError},
        operation::start_build::StartBuildError,
    };

    use super::{is_denied, is_final, refusal};

    fn failed(code: &str, message: &str) -> SdkError<StartBuildError, ()> {
        let error = ErrorMetadata::builder().code(code).message(message).build();
        SdkError::service_error(StartBuildError::generic(error), ())
    }

    #[test]
    fn a_project_that_may_not_be_started_is_told_with_the_cure() {
        let denied = failed("AccessDeniedException", "User: arn:aws:sts::… is not authorized");
        assert!(is_denied(&denied) && !is_final(&denied));
        let told = refusal("web-biuld", &denied);
        for words in ["project web-biuld", "longshore.toml", "parameter Projects"] {
            assert!(told.contains(words), "{told}");
        }
        let gone = failed("ResourceNotFoundException", "Project cannot be found");
        assert!(is_final(&gone) && !is_denied(&gone));
        assert_eq!(refusal("web-build", &gone), "CodeBuild refused to build web-build: Project cannot be found");
    }

    #[test]
    fn what_passes_is_no_refusal() {
        for code in ["ThrottlingException", "AccountLimitExceededException", "InternalFailure"] {
            let error = failed(code, "later");
            assert!(!is_final(&error) && !is_denied(&error), "{code}");
        }
    }

    #[test]
    fn a_builds_page_is_found_from_its_arn() {
        let arn = "arn:aws:codebuild:eu-central-1:123456789012:build/web-build:0f1e";
        let page = "https://eu-central-1.console.aws.amazon.com/codesuite/codebuild/123456789012/projects/web-build/build/web-build%3A0f1e/?region=eu-central-1";
        assert_eq!(super::page(arn).as_deref(), Some(page));
        assert_eq!(super::page("arn:aws:codebuild"), None);
    }
}
