//! Small things that several actions share: ids, required members, pages.

use local_protocol::{Answer, Refusal};
use serde_json::{Value, json};
use ulid::Ulid;

/// 32 hexadecimal digits, as a task's id.
pub(crate) fn id() -> String {
    format!("{:032x}", Ulid::generate().0)
}

/// The digits of a deployment's id.
pub(crate) fn digits() -> String {
    let random = u64::try_from(Ulid::generate().0 & u128::from(u64::MAX)).unwrap_or_default();
    format!("{:019}", random % 10_000_000_000_000_000_000)
}

/// The id of a service deployment.
pub(crate) fn token() -> String {
    Ulid::generate().to_string()
}

/// In the form of a UUID, as the ids of service events.
pub(crate) fn uuid() -> String {
    let id = id();
    format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..])
}

pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::client("InvalidParameterException", message)
}

pub(crate) fn client(message: impl Into<String>) -> Refusal {
    Refusal::client("ClientException", message)
}

/// A text that must be there.
pub(crate) fn required<'a>(input: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    match input[name].as_str() {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(invalid(format!("{name} can not be blank."))),
    }
}

/// The texts of a list; none when it is missing.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// One page of a list: `maxResults` from where `nextToken` points.
pub(crate) fn page(input: &Value, member: &str, items: &[Value], most: usize) -> Answer {
    let start = match input["nextToken"].as_str() {
        None | Some("") => 0,
        Some(token) => token.parse::<usize>().map_err(|_| invalid("Invalid token."))?,
    };
    let size = match input["maxResults"].as_u64() {
        None => most,
        Some(size) if (1..=100).contains(&size) => usize::try_from(size).unwrap_or(most),
        Some(_) => return Err(invalid("maxResults must be between 1 and 100.")),
    };
    let end = items.len().min(start.saturating_add(size));
    let mut answer = json!({ member: items.get(start..end).unwrap_or_default() });
    if end < items.len() {
        answer["nextToken"] = json!(end.to_string());
    }
    Ok(answer)
}
