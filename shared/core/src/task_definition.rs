//! Making a new revision of an ECS task definition that differs from its base in images alone.
//!
//! Task definitions are handled as the JSON that ECS returned, never as typed structures: a member that we have never heard of
//! survives. [`read`] takes JSON that nothing is lost of, [`revise`] makes the request, [`is_faithful`] finds what ECS dropped of it,
//! and [`diff`] shows what is different.

mod diff;
mod faithful;
mod lossless;
mod platform;
mod tags;

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

pub use diff::{Change, diff};
pub use faithful::{Difference, is_faithful, is_revision};
pub use lossless::{Lossy, read};
pub use platform::Platform;

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
    /// The answer of DescribeTaskDefinition has no task definition with a family and containers.
    #[error("ECS described no task definition with a family and containers")]
    NotATaskDefinition,
    /// A container without a name of its own: which one gets an image could not be said.
    #[error("the task definition has a container without a name, or two of one name")]
    NamelessContainer,
    /// A member within the task definition that a request has for something else.
    #[error("the task definition has a member `tags` within it: a new revision would have it among its tags")]
    TagsWithin,
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
    /// With ours it would have more tags than a resource may have.
    #[error("a revision has at most {most} tags: the base has {base}, and {added} are added", most = tags::MOST)]
    TooManyTags {
        /// The tags of the base that stay.
        base: usize,
        /// Ours.
        added: usize,
    },
    /// A tag of ours that AWS does not take.
    #[error("the tag {key} cannot be given: {why}")]
    Tag {
        /// Its key.
        key: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The images of a new revision, each a full reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images<'a> {
    /// One image for all of these containers; where none is named, for every container that runs an image of the same repository now, or
    /// for the only container.
    One {
        /// The image.
        image: &'a str,
        /// The containers' names.
        containers: &'a [String],
    },
    /// Each of these containers has its own image.
    Each(&'a BTreeMap<String, String>),
}

/// The request of RegisterTaskDefinition for a new revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// The whole request.
    pub request: Value,
    /// The containers that get an image, as the base orders them.
    pub containers: Vec<String>,
    /// Whether the base runs another image in one of them; if not, nothing but tags would be different.
    pub changed: bool,
}

/// Makes a new revision from the answer of DescribeTaskDefinition (with `include: ["TAGS"]`): `taskDefinition`, and `tags` beside it.
///
/// The read-only members are left out and images replaced; everything else stays, known to us or not. The tags of the base are kept,
/// those of `tags` are added or replace their namesakes; AWS's own (`aws:…`), which cannot be given, are left out.
///
/// The status of the base does not matter: RegisterTaskDefinition refers to no other revision, so that one that is INACTIVE, or being
/// deleted and still described, can be made anew.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>.
pub fn revise(described: &Value, images: Images<'_>, tags: &[(&str, &str)]) -> Result<Revision, NoRevision> {
    let mut request = definition(described)?;
    let definitions = request.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    let definitions = definitions.filter(|list| !list.is_empty()).ok_or(NoRevision::NotATaskDefinition)?;
    let chosen = choose(definitions, images)?;
    let mut changed = false;
    let mut containers = Vec::new();
    for (container, image) in definitions.iter_mut().zip(chosen) {
        let (Some(image), Some(members)) = (image, container.as_object_mut()) else { continue };
        let before = members.insert("image".to_owned(), image.into());
        changed |= before.is_none_or(|before| before != image);
        containers.push(name(container).to_owned());
    }
    let tags = tags::merged(&described["tags"], tags)?;
    if !tags.is_empty() {
        request.insert("tags".to_owned(), tags.into());
    }
    Ok(Revision { request: Value::Object(request), containers, changed })
}

/// The register request that would make the described revision once more, with the tags that it has.
pub fn again(described: &Value) -> Result<Value, NoRevision> {
    Ok(revise(described, Images::Each(&BTreeMap::new()), &[])?.request)
}

/// A described task definition without its read-only members.
fn definition(described: &Value) -> Result<Map<String, Value>, NoRevision> {
    let mut members = described["taskDefinition"].as_object().cloned().ok_or(NoRevision::NotATaskDefinition)?;
    members.retain(|member, _| !READ_ONLY.contains(&member.as_str()));
    if members.get("family").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(NoRevision::NotATaskDefinition);
    }
    if members.contains_key("tags") {
        return Err(NoRevision::TagsWithin);
    }
    Ok(members)
}

fn name(container: &Value) -> &str {
    container["name"].as_str().unwrap_or_default()
}

/// The image that each container gets; none for those that keep theirs.
fn choose<'i>(definitions: &[Value], images: Images<'i>) -> Result<Vec<Option<&'i str>>, NoRevision> {
    let names: Vec<&str> = definitions.iter().map(name).collect();
    if names.contains(&"") || names.iter().collect::<HashSet<_>>().len() < names.len() {
        return Err(NoRevision::NamelessContainer);
    }
    let no_such =
        |wanted: &str| Err(NoRevision::NoSuchContainer { name: wanted.to_owned(), present: names.join(", ") });
    let (image, containers) = match images {
        Images::Each(each) => {
            return match each.keys().find(|wanted| !names.contains(&wanted.as_str())) {
                Some(missing) => no_such(missing),
                None => Ok(names.iter().map(|name| each.get(*name).map(String::as_str)).collect()),
            };
        }
        Images::One { image, containers } => (image, containers),
    };
    if let Some(missing) = containers.iter().find(|wanted| !names.contains(&wanted.as_str())) {
        return no_such(missing);
    }
    let repository = image::without_name(image);
    let chosen: Vec<bool> = if containers.is_empty() {
        let of = |container: &Value| container["image"].as_str().map(image::without_name) == Some(repository);
        definitions.iter().map(|container| definitions.len() == 1 || of(container)).collect()
    } else {
        names.iter().map(|name| containers.iter().any(|wanted| wanted == name)).collect()
    };
    if !chosen.contains(&true) {
        return Err(NoRevision::NoContainer { present: names.join(", "), repository: repository.to_owned() });
    }
    Ok(chosen.into_iter().map(|chosen| chosen.then_some(image)).collect())
}

#[cfg(test)]
mod tests;
