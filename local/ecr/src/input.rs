//! Reads a request's members, and refuses what AWS's model of the API refuses.

use local_protocol::Refusal;
use serde_json::Value;

/// `InvalidParameterException`.
pub fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::client("InvalidParameterException", message)
}

/// A string member; missing or null is `None`.
pub fn text<'a>(input: &'a Value, member: &str) -> Result<Option<&'a str>, Refusal> {
    match &input[member] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(Refusal::client("SerializationException", format!("{member} is not a string"))),
    }
}

/// The required member `repositoryName`, checked against the model's pattern.
pub fn repository_name(input: &Value) -> Result<&str, Refusal> {
    let name = text(input, "repositoryName")?.ok_or_else(|| {
        invalid("Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must not be null'")
    })?;
    if is_repository_name(name) {
        return Ok(name);
    }
    Err(invalid(format!(
        "Invalid parameter at 'repositoryName' failed to satisfy constraint: '{name}' is not 2 to 256 of a-z and 0-9 with \
         single separators . _ __ - /"
    )))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`, 2 to 256 characters.
fn is_repository_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separator = |s: &str| matches!(s, "." | "_" | "__") || s.chars().all(|c| c == '-');
    (2..=256).contains(&name.len())
        && name.split('/').all(|part| {
            part.starts_with(plain)
                && part.ends_with(plain)
                && part.split(plain).filter(|between| !between.is_empty()).all(separator)
        })
}

/// The window `maxResults` and `nextToken` ask for, and the token of the next one. Tokens are offsets.
pub fn page<T>(items: Vec<T>, input: &Value, default: usize) -> Result<(Vec<T>, Option<String>), Refusal> {
    let start = match text(input, "nextToken")? {
        None => 0,
        Some(token) => {
            token.parse().map_err(|_| invalid("Invalid parameter at 'nextToken' failed to satisfy constraint"))?
        }
    };
    let size = match &input["maxResults"] {
        Value::Null => default,
        value => value
            .as_u64()
            .filter(|n| (1..=1000).contains(n))
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(|| invalid("Invalid parameter at 'maxResults' failed to satisfy constraint: 1 to 1000"))?,
    };
    let end = start + size;
    let next = (items.len() > end).then(|| end.to_string());
    Ok((items.into_iter().skip(start).take(size).collect(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_the_models_pattern() {
        for name in ["web", "a1", "team/web", "a.b_c__d--e/f-g"] {
            assert!(is_repository_name(name), "{name}");
        }
        for name in ["a", "", "Web", "web/", "/web", "-web", "web-", "a..b", "a___b", "a._b", "web:v1", "wéb"] {
            assert!(!is_repository_name(name), "{name}");
        }
    }
}
