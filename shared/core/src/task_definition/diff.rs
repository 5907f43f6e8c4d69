//! What is different between two task definitions, field by field.

use std::{
    collections::{BTreeSet, HashSet},
    fmt::Write,
};

use serde::Serialize;
use serde_json::Value;

use super::{READ_ONLY, lossless};

/// A field that is different.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Where it is: `containerDefinitions[web].environment[PORT].value`. An element is named by what tells it from the others (see
    /// [`diff`]), or by its position, from 0. A name with other characters than usual is in quotation marks.
    pub path: String,
    /// What it was; absent where it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is; absent where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What is different between two task definitions, which are register requests or what ECS describes; its read-only members do not count.
/// Members come in the order of their names, elements as they are in `before`, and then those that are new.
///
/// Containers, environment variables and secrets are the same where their `name` is, tags where their `key` is, ports where container
/// port (or range of ports) and protocol are: their order is no difference. Everything else in an array is compared by its position.
/// What is whole on one side and absent on the other is one change.
pub fn diff(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(before, after, &mut Vec::new(), &mut |path, before, after| {
        let read_only = matches!(path, [Segment::Member(member)] if READ_ONLY.contains(member));
        if !read_only {
            changes.push(Change { path: written(path), before: before.cloned(), after: after.cloned() });
        }
    });
    changes
}

/// A step of the way to a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Segment<'v> {
    /// A member of an object.
    Member(&'v str),
    /// An element of an array: its position, or what it is told by.
    Element(String),
}

/// Where a field is, as it was and as it is.
type Found<'f, 'v> = &'f mut dyn FnMut(&[Segment<'v>], Option<&'v Value>, Option<&'v Value>);

/// Finds every field that is different. At least one side of each is there.
pub(super) fn compare<'v>(before: &'v Value, after: &'v Value, path: &mut Vec<Segment<'v>>, found: Found<'_, 'v>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
                path.push(Segment::Member(name));
                sides(old.get(name), new.get(name), path, found);
                path.pop();
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            let told_by = path.iter().rev().find_map(|segment| match segment {
                Segment::Member(name) => Some(*name),
                Segment::Element(_) => None,
            });
            for (name, old, new) in pairs(told_by.unwrap_or_default(), old, new) {
                path.push(Segment::Element(name));
                sides(old, new, path, found);
                path.pop();
            }
        }
        (Value::Number(old), Value::Number(new)) if lossless::same(old, new) => {}
        _ if before == after => {}
        _ => found(path, Some(before), Some(after)),
    }
}

fn sides<'v>(old: Option<&'v Value>, new: Option<&'v Value>, path: &mut Vec<Segment<'v>>, found: Found<'_, 'v>) {
    match (old, new) {
        (Some(old), Some(new)) => compare(old, new, path, found),
        (old, new) => found(path, old, new),
    }
}

/// The elements of two arrays that belong together.
fn pairs<'v>(array: &str, old: &'v [Value], new: &'v [Value]) -> Vec<(String, Option<&'v Value>, Option<&'v Value>)> {
    let (Some(old_names), Some(new_names)) = (names(array, old), names(array, new)) else {
        let positions = 0..old.len().max(new.len());
        return positions.map(|at| (at.to_string(), old.get(at), new.get(at))).collect();
    };
    let in_new = |name: &String| new_names.iter().position(|other| other == name).map(|at| &new[at]);
    let kept = old_names.iter().zip(old).map(|(name, value)| (name.clone(), Some(value), in_new(name)));
    let added = new_names.iter().zip(new).filter(|(name, _)| !old_names.contains(name));
    kept.chain(added.map(|(name, value)| (name.clone(), None, Some(value)))).collect()
}

/// What each element of an array is told by; none where it is told by its position, or where two could not be told apart.
fn names(array: &str, elements: &[Value]) -> Option<Vec<String>> {
    let text = |member: &'static str| move |element: &Value| element[member].as_str().map(str::to_owned);
    let names: Option<Vec<String>> = match array {
        "containerDefinitions" | "environment" | "secrets" => elements.iter().map(text("name")).collect(),
        "tags" => elements.iter().map(text("key")).collect(),
        "portMappings" => elements.iter().map(port).collect(),
        _ => None,
    };
    names.filter(|names| names.iter().collect::<HashSet<_>>().len() == names.len())
}

/// `8080/tcp`, `8000-8010/udp`.
fn port(mapping: &Value) -> Option<String> {
    let ports = match &mapping["containerPort"] {
        Value::Null => mapping["containerPortRange"].as_str()?.to_owned(),
        port => port.as_u64()?.to_string(),
    };
    match &mapping["protocol"] {
        Value::Null => Some(format!("{ports}/tcp")),
        protocol => Some(format!("{ports}/{}", protocol.as_str()?)),
    }
}

/// A path as text.
pub(super) fn written(path: &[Segment<'_>]) -> String {
    let mut text = String::new();
    for (position, segment) in path.iter().enumerate() {
        // Writing to a String does not fail.
        let _ = match segment {
            Segment::Member(name) => {
                let dot = if position > 0 { "." } else { "" };
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                if !name.is_empty() && name.chars().all(plain) {
                    write!(text, "{dot}{name}")
                } else {
                    write!(text, "{dot}{}", Value::from(*name))
                }
            }
            Segment::Element(name) => {
                let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '[' | ']' | '"');
                if !name.is_empty() && name.chars().all(plain) {
                    write!(text, "[{name}]")
                } else {
                    write!(text, "[{}]", Value::from(name.as_str()))
                }
            }
        };
    }
    text
}

#[cfg(test)]
mod tests;
