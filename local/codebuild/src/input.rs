//! Reading a request's members, with refusals worded as AWS words them.

use local_protocol::Refusal;
use serde_json::{Map, Value};

/// The members of a request, or of a structure in it.
pub(crate) type Members = Map<String, Value>;

/// The refusal for everything that is wrong with a request.
pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::client("InvalidInputException", message)
}

/// A string member, if it is there.
pub(crate) fn text<'a>(members: &'a Members, name: &str) -> Result<Option<&'a str>, Refusal> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(format!("{name} must be a string"))),
    }
}

/// A string member that must be there and not be empty.
pub(crate) fn required<'a>(members: &'a Members, name: &str) -> Result<&'a str, Refusal> {
    match text(members, name)? {
        None => Err(constraint("null", name, "Member must not be null")),
        Some("") => Err(constraint("''", name, "Member must have length greater than or equal to 1")),
        Some(text) => Ok(text),
    }
}

/// A structure, if it is there.
pub(crate) fn structure<'a>(members: &'a Members, name: &str) -> Result<Option<&'a Members>, Refusal> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(structure)) => Ok(Some(structure)),
        Some(_) => Err(invalid(format!("{name} must be a structure"))),
    }
}

/// A structure that must be there.
pub(crate) fn required_structure<'a>(members: &'a Members, name: &str) -> Result<&'a Members, Refusal> {
    structure(members, name)?.ok_or_else(|| constraint("null", name, "Member must not be null"))
}

/// A whole number between two bounds, if it is there.
pub(crate) fn number(members: &Members, name: &str, least: u32, most: u32) -> Result<Option<u32>, Refusal> {
    let Some(value) = members.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let number = value.as_i64().ok_or_else(|| invalid(format!("{name} must be a whole number")))?;
    match u32::try_from(number) {
        Ok(within) if (least..=most).contains(&within) => Ok(Some(within)),
        _ => Err(constraint(&format!("'{number}'"), name, &format!("Member must be between {least} and {most}"))),
    }
}

/// A list of 1 to 100 strings.
pub(crate) fn names<'a>(members: &'a Members, name: &str) -> Result<Vec<&'a str>, Refusal> {
    let items = members.get(name).and_then(Value::as_array);
    let items = items.ok_or_else(|| constraint("null", name, "Member must not be null"))?;
    if !(1..=100).contains(&items.len()) {
        return Err(constraint(&format!("'{} items'", items.len()), name, "Member must have length between 1 and 100"));
    }
    let strings = items.iter().map(|item| item.as_str().ok_or_else(|| invalid(format!("{name} must be strings"))));
    strings.collect()
}

/// A string member that must be one of an enumeration's values, if it is there.
pub(crate) fn one_of<'a>(members: &'a Members, name: &str, values: &[&str]) -> Result<Option<&'a str>, Refusal> {
    let value = text(members, name)?;
    match value {
        Some(value) if !values.contains(&value) => {
            let set = format!("Member must satisfy enum value set: [{}]", values.join(", "));
            Err(constraint(&format!("'{value}'"), name, &set))
        }
        _ => Ok(value),
    }
}

/// Whether a list is asked for from its end.
pub(crate) fn descending(members: &Members, default: bool) -> Result<bool, Refusal> {
    let order = one_of(members, "sortOrder", &["ASCENDING", "DESCENDING"])?;
    Ok(order.map_or(default, |order| order == "DESCENDING"))
}

/// Checks a list of `EnvironmentVariable`.
pub(crate) fn variables(members: &Members, name: &str) -> Result<(), Refusal> {
    let Some(list) = members.get(name).filter(|value| !value.is_null()) else { return Ok(()) };
    let list = list.as_array().ok_or_else(|| invalid(format!("{name} must be a list")))?;
    for variable in list {
        let variable = variable.as_object().ok_or_else(|| invalid(format!("{name} must be a list of structures")))?;
        let called = required(variable, "name")?;
        if called.contains(['=', '\0']) {
            return Err(invalid(format!("{called:?} cannot name an environment variable")));
        }
        match text(variable, "value")? {
            None => return Err(constraint("null", &format!("{name}.{called}.value"), "Member must not be null")),
            Some(value) if value.contains('\0') => {
                return Err(invalid(format!("the value of {called} has a NUL byte")));
            }
            Some(_) => {}
        }
        one_of(variable, "type", &["PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER"])?;
    }
    Ok(())
}

fn constraint(value: &str, name: &str, rule: &str) -> Refusal {
    invalid(format!("1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: {rule}"))
}
