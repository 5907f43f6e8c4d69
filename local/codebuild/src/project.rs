//! Projects: what `CreateProject` and `UpdateProject` accept, and what `BatchGetProjects` shows.
//!
//! Source: <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html>.

use jiff::Timestamp;
use local_protocol::{Refusal, arn};
use serde_json::{Value, json};

use crate::{
    build::seconds,
    input::{Members, invalid, number, one_of, required, required_structure, structure, text, variables},
};

const SOURCE_TYPES: [&str; 9] = [
    "CODECOMMIT",
    "CODEPIPELINE",
    "GITHUB",
    "GITLAB",
    "GITLAB_SELF_MANAGED",
    "S3",
    "BITBUCKET",
    "GITHUB_ENTERPRISE",
    "NO_SOURCE",
];
const ENVIRONMENT_TYPES: [&str; 12] = [
    "WINDOWS_CONTAINER",
    "LINUX_CONTAINER",
    "LINUX_GPU_CONTAINER",
    "ARM_CONTAINER",
    "WINDOWS_SERVER_2019_CONTAINER",
    "WINDOWS_SERVER_2022_CONTAINER",
    "LINUX_LAMBDA_CONTAINER",
    "ARM_LAMBDA_CONTAINER",
    "LINUX_EC2",
    "ARM_EC2",
    "WINDOWS_EC2",
    "MAC_ARM",
];
const COMPUTE_TYPES: [&str; 12] = [
    "BUILD_GENERAL1_SMALL",
    "BUILD_GENERAL1_MEDIUM",
    "BUILD_GENERAL1_LARGE",
    "BUILD_GENERAL1_XLARGE",
    "BUILD_GENERAL1_2XLARGE",
    "BUILD_LAMBDA_1GB",
    "BUILD_LAMBDA_2GB",
    "BUILD_LAMBDA_4GB",
    "BUILD_LAMBDA_8GB",
    "BUILD_LAMBDA_10GB",
    "ATTRIBUTE_BASED_COMPUTE",
    "CUSTOM_INSTANCE_TYPE",
];

/// A project: the members that its creator gave, those that the stand-in has no use for included.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) members: Members,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

impl Project {
    /// A project of `CreateProject`'s input.
    pub(crate) fn create(input: &Members) -> Result<Self, Refusal> {
        let name = required(input, "name")?;
        if !is_name(name) {
            return Err(invalid(format!(
                "Invalid project name: {name}. It must match [A-Za-z0-9][A-Za-z0-9\\-_]{{1,149}}"
            )));
        }
        for member in ["source", "artifacts", "environment"] {
            required_structure(input, member)?;
        }
        required(input, "serviceRole")?;
        let now = Timestamp::now();
        let mut members = Members::new();
        members.insert("timeoutInMinutes".into(), 60.into());
        members.insert("queuedTimeoutInMinutes".into(), 480.into());
        members.insert("encryptionKey".into(), arn("kms", "alias/aws/s3").into());
        members.insert("cache".into(), json!({ "type": "NO_CACHE" }));
        members.insert("tags".into(), json!([]));
        members.insert("badge".into(), json!({ "badgeEnabled": false }));
        let mut project = Self { members, created: now, modified: now };
        project.change(input)?;
        Ok(project)
    }

    /// `UpdateProject`: members that are there replace the old ones.
    pub(crate) fn update(&mut self, input: &Members) -> Result<(), Refusal> {
        let mut changed = self.clone();
        changed.change(input)?;
        changed.modified = Timestamp::now();
        *self = changed;
        Ok(())
    }

    /// How many builds may be under way; `None` means any number.
    pub(crate) fn concurrent_builds(&self) -> Option<u64> {
        self.members.get("concurrentBuildLimit").and_then(Value::as_u64)
    }

    /// The `Project` shape.
    pub(crate) fn describe(&self) -> Value {
        let mut project = self.members.clone();
        let name = project.get("name").and_then(Value::as_str).unwrap_or_default();
        let arn = project_arn(name);
        project.insert("arn".into(), arn.into());
        project.insert("created".into(), seconds(self.created));
        project.insert("lastModified".into(), seconds(self.modified));
        Value::Object(project)
    }

    fn change(&mut self, input: &Members) -> Result<(), Refusal> {
        for (name, value) in input.iter().filter(|(_, value)| !value.is_null()) {
            if name == "badgeEnabled" {
                self.members.insert("badge".into(), json!({ "badgeEnabled": value }));
            } else {
                self.members.insert(name.clone(), value.clone());
            }
        }
        if let Some(Value::Object(environment)) = self.members.get_mut("environment") {
            complete_environment(environment);
        }
        // UpdateProject takes -1 for "no limit".
        if self.members.get("concurrentBuildLimit").and_then(Value::as_i64) == Some(-1) {
            self.members.remove("concurrentBuildLimit");
        }
        check(&self.members)
    }
}

/// Adds what an environment has even if its creator does not say so.
fn complete_environment(environment: &mut Members) {
    environment.entry("privilegedMode").or_insert(false.into());
    let variables = environment.entry("environmentVariables").or_insert_with(|| json!([]));
    for variable in variables.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        variable.entry("type").or_insert("PLAINTEXT".into());
    }
}

/// The project's ARN.
pub(crate) fn project_arn(name: &str) -> String {
    arn("codebuild", &format!("project/{name}"))
}

/// The refusal of a project that does not exist.
pub(crate) fn not_found(name: &str) -> Refusal {
    let arn = project_arn(name);
    Refusal::client("ResourceNotFoundException", format!("Project cannot be found: {arn}"))
}

/// Checks what a build relies on: of a project, or of a project with a build's overrides.
pub(crate) fn check(members: &Members) -> Result<(), Refusal> {
    number(members, "timeoutInMinutes", 5, 2160)?;
    number(members, "queuedTimeoutInMinutes", 5, 480)?;
    number(members, "concurrentBuildLimit", 1, u32::MAX)?;
    text(members, "sourceVersion")?;
    text(members, "serviceRole")?;
    if let Some(source) = structure(members, "source")? {
        check_source(source)?;
    }
    if let Some(environment) = structure(members, "environment")? {
        for (member, values) in [("type", &ENVIRONMENT_TYPES), ("computeType", &COMPUTE_TYPES)] {
            required(environment, member)?;
            one_of(environment, member, values)?;
        }
        required(environment, "image")?;
        variables(environment, "environmentVariables")?;
    }
    if let Some(artifacts) = structure(members, "artifacts")? {
        required(artifacts, "type")?;
        one_of(artifacts, "type", &["CODEPIPELINE", "S3", "NO_ARTIFACTS"])?;
    }
    Ok(())
}

fn check_source(source: &Members) -> Result<(), Refusal> {
    let kind = required(source, "type")?;
    one_of(source, "type", &SOURCE_TYPES)?;
    let buildspec = text(source, "buildspec")?.unwrap_or_default();
    let location = text(source, "location")?.unwrap_or_default();
    match kind {
        "CODEPIPELINE" | "S3" => {
            Err(invalid(format!("the local stand-in gets sources with git: it has no source of type {kind}")))
        }
        "NO_SOURCE" if buildspec.is_empty() => {
            Err(invalid("Buildspec must be specified as inline text when the source type is NO_SOURCE"))
        }
        "NO_SOURCE" => Ok(()),
        _ if location.is_empty() => Err(invalid(format!("Project source location is required for type {kind}"))),
        _ => Ok(()),
    }
}

/// `[A-Za-z0-9][A-Za-z0-9\-_]{1,149}`; so a name is safe as the name of a directory.
fn is_name(name: &str) -> bool {
    (2..=150).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
