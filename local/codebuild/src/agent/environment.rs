//! The environment of a build's commands: clean, but for what stands here.
//!
//! Source: <https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html>.

use std::{collections::BTreeMap, path::Path};

use local_protocol::REGION;

use super::Site;
use crate::{build::Order, buildspec::Buildspec};

/// What an image would bring, the settings included. The build's id is here already, so that git has it too.
pub(super) fn base(site: &Site, order: &Order) -> BTreeMap<String, String> {
    let own = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let mut environment = BTreeMap::from([
        ("PATH".into(), own("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")),
        ("HOME".into(), own("HOME", "/root")),
        ("LANG".into(), "C.UTF-8".into()),
        ("AWS_REGION".into(), REGION.into()),
        ("AWS_DEFAULT_REGION".into(), REGION.into()),
    ]);
    environment.extend(site.settings.environment.clone());
    environment.insert("CODEBUILD_BUILD_ID".into(), order.id());
    environment
}

/// Adds the buildspec's variables, then the project's and the request's, then `CodeBuild`'s own, each over the ones
/// before.
pub(super) fn complete(
    environment: &mut BTreeMap<String, String>,
    order: &Order,
    spec: &Buildspec,
    commit: Option<&str>,
    directory: &Path,
) {
    environment.extend(spec.variables.iter().cloned());
    environment.extend(order.variables().map(|(name, value, _)| (name.to_owned(), value.to_owned())));
    let mut set = |name: &str, value: String| environment.insert(format!("CODEBUILD_{name}"), value);
    set("CI", "true".into());
    set("BUILD_ID", order.id());
    set("BUILD_ARN", order.arn());
    set("BUILD_NUMBER", order.number.to_string());
    set("BUILD_SUCCEEDING", "1".into());
    set("INITIATOR", order.initiator.clone());
    set("LOG_PATH", order.uuid.clone());
    set("SRC_DIR", directory.to_string_lossy().into_owned());
    set("START_TIME", order.started.as_millisecond().to_string());
    set("SOURCE_REPO_URL", order.source("location").unwrap_or_default().to_owned());
    set("SOURCE_VERSION", order.source_version.as_deref().or(commit).unwrap_or_default().to_owned());
    set("RESOLVED_SOURCE_VERSION", commit.unwrap_or_default().to_owned());
    let member = |name: &str| order.members.get(name);
    if let Some(image) = member("environment").and_then(|e| e.get("image")?.as_str()) {
        set("BUILD_IMAGE", image.to_owned());
    }
    if let Some(key) = member("encryptionKey").and_then(|key| key.as_str()) {
        set("KMS_KEY_ID", key.to_owned());
    }
}
