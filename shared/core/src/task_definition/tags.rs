//! The tags of a revision.

use serde_json::{Map, Value};

use super::NoRevision;

/// The most tags of a resource; AWS's own do not count.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html>.
pub(super) const MOST: usize = 50;

/// The tags of a described revision with ours among them: those that it has in their order, then ours. AWS's own are left out.
pub(super) fn merged(described: &Value, added: &[(&str, &str)]) -> Result<Vec<Value>, NoRevision> {
    for (position, (key, value)) in added.iter().enumerate() {
        let twice = added[..position].iter().any(|(earlier, _)| earlier == key);
        if let Some(why) = if twice { Some("it is given twice") } else { wrong(key, value) } {
            return Err(NoRevision::Tag { key: (*key).to_owned(), why });
        }
    }
    let replaced = |tag: &&Value| added.iter().any(|(key, _)| tag["key"] == *key);
    let mut tags: Vec<Value> = own(described).filter(|tag| !replaced(tag)).cloned().collect();
    if tags.len() + added.len() > MOST {
        return Err(NoRevision::TooManyTags { base: tags.len(), added: added.len() });
    }
    let tag = |(key, value): &(&str, &str)| {
        Value::Object(Map::from_iter([("key".to_owned(), (*key).into()), ("value".to_owned(), (*value).into())]))
    };
    tags.extend(added.iter().map(tag));
    Ok(tags)
}

/// The tags that are not AWS's own.
pub(super) fn own(tags: &Value) -> impl Iterator<Item = &Value> {
    tags.as_array().into_iter().flatten().filter(|tag| !tag["key"].as_str().is_some_and(is_reserved))
}

fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
}

fn wrong(key: &str, value: &str) -> Option<&'static str> {
    let character = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    if key.is_empty() || key.chars().count() > 128 {
        Some("a key has 1 to 128 characters")
    } else if value.chars().count() > 256 {
        Some("a value has at most 256 characters")
    } else if is_reserved(key) {
        Some("aws: is for AWS's own")
    } else if !key.chars().chain(value.chars()).all(character) {
        Some("it may have letters, digits, spaces and _ . : / = + - @")
    } else {
        None
    }
}
