//! Whether ECS has what it was sent.

use std::fmt;

use serde_json::{Map, Value};

use super::{
    READ_ONLY,
    diff::{Segment, compare, written},
    tags,
};

/// A field of a request that ECS has otherwise. Its text names the field and no value: that may be a secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where it is, as in [`Change`](super::Change).
    pub path: String,
    /// What was sent; absent where an array has an element that was not.
    pub sent: Option<Value>,
    /// What ECS has; absent where it dropped the field.
    pub answered: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (&self.sent, &self.answered) {
            (_, None) => "was dropped",
            (None, Some(_)) => "was added",
            (Some(_), Some(_)) => "was changed",
        };
        write!(f, "{} {what}", self.path)
    }
}

/// Whether the answer of RegisterTaskDefinition holds everything that was sent: what ECS drops or changes without a word is found and
/// named. What it fills in, where a member was absent, is no difference; nor is a `null` or an empty array that it leaves out, nor the
/// order of what has names (see [`diff`](super::diff())), nor a tag more.
pub fn is_faithful(request: &Value, answered: &Value) -> Result<(), Vec<Difference>> {
    let mut differences = Vec::new();
    compare(request, &as_request(answered), &mut Vec::new(), &mut |path, sent, answered| {
        let nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let fine = match (sent, answered) {
            (None, _) => match path.last() {
                Some(Segment::Element(_)) => path.first() == Some(&Segment::Member("tags")),
                Some(Segment::Member(_)) | None => true,
            },
            (Some(sent), None) => nothing(sent),
            (Some(sent), Some(answered)) => nothing(sent) && nothing(answered),
        };
        if !fine {
            differences.push(Difference { path: written(path), sent: sent.cloned(), answered: answered.cloned() });
        }
    });
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}

/// Whether a described revision is what a register request asked for: everything that was sent, as [`is_faithful`] has it, and no other
/// tags but AWS's own.
pub fn is_revision(described: &Value, request: &Value) -> bool {
    described["taskDefinition"].is_object()
        && tags::own(&described["tags"]).count() == tags::own(&request["tags"]).count()
        && is_faithful(request, described).is_ok()
}

/// An answer of ECS in the form of a request.
fn as_request(answered: &Value) -> Value {
    let mut members = answered["taskDefinition"].as_object().cloned().unwrap_or_else(Map::new);
    members.retain(|member, _| !READ_ONLY.contains(&member.as_str()));
    let tags: Vec<Value> = tags::own(&answered["tags"]).cloned().collect();
    if !tags.is_empty() {
        members.insert("tags".to_owned(), tags.into());
    }
    Value::Object(members)
}
