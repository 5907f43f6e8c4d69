//! What `StartBuild` changes for one build.
//!
//! Source: <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html>.

use local_protocol::Refusal;
use serde_json::{Value, json};

use crate::{
    input::{Members, structure, variables},
    project::{self, Project},
};

/// Overrides of members of the source: the request's name, the source's name.
const SOURCE: [(&str, &str); 9] = [
    ("sourceTypeOverride", "type"),
    ("sourceLocationOverride", "location"),
    ("sourceAuthOverride", "auth"),
    ("gitCloneDepthOverride", "gitCloneDepth"),
    ("gitSubmodulesConfigOverride", "gitSubmodulesConfig"),
    ("buildspecOverride", "buildspec"),
    ("insecureSslOverride", "insecureSsl"),
    ("reportBuildStatusOverride", "reportBuildStatus"),
    ("buildStatusConfigOverride", "buildStatusConfig"),
];

/// Overrides of members of the environment.
const ENVIRONMENT: [(&str, &str); 8] = [
    ("environmentTypeOverride", "type"),
    ("imageOverride", "image"),
    ("computeTypeOverride", "computeType"),
    ("certificateOverride", "certificate"),
    ("privilegedModeOverride", "privilegedMode"),
    ("registryCredentialOverride", "registryCredential"),
    ("imagePullCredentialsTypeOverride", "imagePullCredentialsType"),
    ("fleetOverride", "fleet"),
];

/// Overrides of the build's own members.
const BUILD: [(&str, &str); 10] = [
    ("secondarySourcesOverride", "secondarySources"),
    ("secondarySourcesVersionOverride", "secondarySourceVersions"),
    ("artifactsOverride", "artifacts"),
    ("secondaryArtifactsOverride", "secondaryArtifacts"),
    ("cacheOverride", "cache"),
    ("serviceRoleOverride", "serviceRole"),
    ("timeoutInMinutesOverride", "timeoutInMinutes"),
    ("queuedTimeoutInMinutesOverride", "queuedTimeoutInMinutes"),
    ("encryptionKeyOverride", "encryptionKey"),
    ("sourceVersion", "sourceVersion"),
];

/// The project's members that a build shows too.
const SHARED: [&str; 13] = [
    "source",
    "secondarySources",
    "secondarySourceVersions",
    "artifacts",
    "secondaryArtifacts",
    "cache",
    "environment",
    "serviceRole",
    "encryptionKey",
    "vpcConfig",
    "timeoutInMinutes",
    "queuedTimeoutInMinutes",
    "sourceVersion",
];

/// The members of a build: the project's, changed by the request, and checked again.
pub(crate) fn apply(project: &Project, request: &Members) -> Result<Members, Refusal> {
    let mut members: Members =
        SHARED.iter().filter_map(|name| Some(((*name).to_owned(), project.members.get(*name)?.clone()))).collect();
    replace(&mut members, request, &BUILD);
    for (name, table) in [("source", &SOURCE[..]), ("environment", &ENVIRONMENT[..])] {
        let mut inner = structure(&members, name)?.cloned().unwrap_or_default();
        replace(&mut inner, request, table);
        members.insert(name.to_owned(), Value::Object(inner));
    }
    variables(request, "environmentVariablesOverride")?;
    if let Some(Value::Array(overrides)) = request.get("environmentVariablesOverride") {
        merge_variables(&mut members["environment"], overrides);
    }
    if let Some(limit) = request.get("autoRetryLimitOverride") {
        members.insert("autoRetryConfig".to_owned(), json!({ "autoRetryLimit": limit, "autoRetryNumber": 0 }));
    }
    project::check(&members)?;
    show_artifacts(&mut members);
    Ok(members)
}

/// A build's artifacts have other members than a project's.
/// Source: <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BuildArtifacts.html>.
fn show_artifacts(members: &mut Members) {
    let keep = ["overrideArtifactName", "encryptionDisabled", "artifactIdentifier", "bucketOwnerAccess"];
    let show = |artifacts: &mut Members| {
        artifacts.retain(|name, _| keep.contains(&name.as_str()));
        artifacts.insert("location".to_owned(), "".into());
    };
    members.get_mut("artifacts").and_then(Value::as_object_mut).into_iter().for_each(show);
    let secondary = members.get_mut("secondaryArtifacts").and_then(Value::as_array_mut);
    secondary.into_iter().flatten().filter_map(Value::as_object_mut).for_each(show);
}

fn replace(members: &mut Members, request: &Members, table: &[(&str, &str)]) {
    for (from, to) in table {
        if let Some(value) = request.get(*from).filter(|value| !value.is_null()) {
            members.insert((*to).to_owned(), value.clone());
        }
    }
}

/// A variable of the request replaces the project's of the same name.
fn merge_variables(environment: &mut Value, overrides: &[Value]) {
    let mut merged = environment["environmentVariables"].as_array().cloned().unwrap_or_default();
    for variable in overrides {
        let mut variable = variable.clone();
        if variable["type"].is_null() {
            variable["type"] = "PLAINTEXT".into();
        }
        match merged.iter_mut().find(|other| other["name"] == variable["name"]) {
            Some(other) => *other = variable,
            None => merged.push(variable),
        }
    }
    environment["environmentVariables"] = merged.into();
}
