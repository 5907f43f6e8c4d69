//! Making a new revision of an ECS task definition that differs from its base in images alone.
//!
//! Task definitions are handled as the JSON that ECS returned, never as typed structures: a member that we have never heard of
//! survives.

use serde_json::{Map, Value};

use crate::image;

/// The members that DescribeTaskDefinition returns and RegisterTaskDefinition does not take.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>.
pub const READ_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

/// Why no revision can be made from a base.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRevision {
    /// The answer of DescribeTaskDefinition has no task definition, or one without containers.
    #[error("ECS described no task definition with containers")]
    NotATaskDefinition,
    /// The configuration names a container that the base lacks.
    #[error("the task definition has no container {name}: it has {present}")]
    NoSuchContainer {
        /// The name in the configuration.
        name: String,
        /// The containers that there are.
        present: String,
    },
    /// Nothing tells which of several containers runs the image.
    #[error(
        "none of the containers {present} runs an image of {repository}: name the one to deploy to with `containers`"
    )]
    NoContainer {
        /// The containers that there are.
        present: String,
        /// The pipeline's repository, with its registry.
        repository: String,
    },
}

/// The request of RegisterTaskDefinition for a new revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// The whole request.
    pub request: Value,
    /// The containers whose image was replaced.
    pub containers: Vec<String>,
}

/// Makes a new revision from the answer of DescribeTaskDefinition (with `include: ["TAGS"]`).
///
/// `image` replaces the image of `containers`; where none is named, of every container that runs an image of the same repository
/// now, or of the only container. The tags of the base are kept, those of `tags` are added or replace their namesakes; AWS's own
/// (`aws:…`), which cannot be given, are left out.
pub fn revise(
    described: &Value,
    image: &str,
    containers: &[String],
    tags: &[(&str, &str)],
) -> Result<Revision, NoRevision> {
    let mut request = described["taskDefinition"].as_object().cloned().ok_or(NoRevision::NotATaskDefinition)?;
    request.retain(|member, _| !READ_ONLY.contains(&member.as_str()));
    let definitions = request.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    let definitions = definitions.filter(|list| !list.is_empty()).ok_or(NoRevision::NotATaskDefinition)?;
    let chosen = choose(definitions, image, containers)?;
    for &position in &chosen {
        definitions[position]["image"] = image.into();
    }
    let containers = chosen.iter().map(|&position| name(&definitions[position]).to_owned()).collect();
    let tags = merged_tags(&described["tags"], tags);
    if !tags.is_empty() {
        request.insert("tags".to_owned(), tags.into());
    }
    Ok(Revision { request: Value::Object(request), containers })
}

/// Whether a described task definition is what a register request asked for: every member but the read-only ones, and the tags.
pub fn is_revision(described: &Value, request: &Value) -> bool {
    let Some(mut present) = described["taskDefinition"].as_object().cloned() else { return false };
    present.retain(|member, _| !READ_ONLY.contains(&member.as_str()));
    let mut wanted = request.as_object().cloned().unwrap_or_default();
    wanted.remove("tags");
    // Members that ECS fills in when they are absent are no difference; what was asked for must be there.
    covers(&Value::Object(present), &Value::Object(wanted)) && tags_of(&described["tags"]) == tags_of(&request["tags"])
}

fn covers(present: &Value, wanted: &Value) -> bool {
    match (present, wanted) {
        (Value::Object(present), Value::Object(wanted)) => {
            wanted.iter().all(|(member, value)| present.get(member).is_some_and(|found| covers(found, value)))
        }
        (Value::Array(present), Value::Array(wanted)) => {
            present.len() == wanted.len() && present.iter().zip(wanted).all(|(found, value)| covers(found, value))
        }
        _ => present == wanted,
    }
}

fn name(container: &Value) -> &str {
    container["name"].as_str().unwrap_or_default()
}

/// The positions of the containers that get the image.
fn choose(definitions: &[Value], image: &str, containers: &[String]) -> Result<Vec<usize>, NoRevision> {
    let present = || definitions.iter().map(name).collect::<Vec<_>>().join(", ");
    if !containers.is_empty() {
        let position = |wanted: &String| {
            let found = definitions.iter().position(|container| name(container) == wanted);
            found.ok_or_else(|| NoRevision::NoSuchContainer { name: wanted.clone(), present: present() })
        };
        return containers.iter().map(position).collect();
    }
    let repository = image::without_name(image);
    let same = |container: &Value| container["image"].as_str().map(image::without_name) == Some(repository);
    let running: Vec<usize> = (0..definitions.len()).filter(|&position| same(&definitions[position])).collect();
    match (running.is_empty(), definitions.len()) {
        (false, _) => Ok(running),
        (true, 1) => Ok(vec![0]),
        (true, _) => Err(NoRevision::NoContainer { present: present(), repository: repository.to_owned() }),
    }
}

fn merged_tags(described: &Value, added: &[(&str, &str)]) -> Vec<Value> {
    let own = |tag: &&Value| tag["key"].as_str().is_some_and(|key| !key.starts_with("aws:"));
    let replaced = |tag: &&Value| added.iter().any(|(key, _)| tag["key"] == *key);
    let kept = described.as_array().into_iter().flatten().filter(own).filter(|tag| !replaced(tag));
    let tag = |(key, value): &(&str, &str)| {
        Value::Object(Map::from_iter([("key".to_owned(), (*key).into()), ("value".to_owned(), (*value).into())]))
    };
    kept.cloned().chain(added.iter().map(tag)).collect()
}

fn tags_of(tags: &Value) -> Vec<(&str, &str)> {
    let tags = tags.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut pairs: Vec<_> =
        tags.iter().filter_map(|tag| Some((tag["key"].as_str()?, tag["value"].as_str()?))).collect();
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests;
