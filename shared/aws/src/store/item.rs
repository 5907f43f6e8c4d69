//! The items of the table: their members as they are written and read, and the answers to what is written under a condition.

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeValue,
};
use serde::{Serialize, de::DeserializeOwned};

use super::StoreError;

pub(super) type Item = std::collections::HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(format!("{value}"))
}

/// What is written as JSON; `key` is that of the item, for the error.
pub(super) fn json<T: Serialize>(key: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| unreadable(key, &error))
}

pub(super) fn read_text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

pub(super) fn read_number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// What was written as JSON; `None` where the item has no such member.
pub(super) fn read_json<T: DeserializeOwned>(key: &str, item: &Item, name: &str) -> Result<Option<T>, StoreError> {
    let Some(json) = read_text(item, name) else { return Ok(None) };
    serde_json::from_str(&json).map(Some).map_err(|error| unreadable(key, &error))
}

/// The same of a member that every such item has.
pub(super) fn needed_json<T: DeserializeOwned>(key: &str, item: &Item, name: &str) -> Result<T, StoreError> {
    read_json(key, item, name)?.ok_or_else(|| StoreError::Unreadable(key.to_owned(), format!("it has no {name}")))
}

/// The answer to what is done under a condition; `None`: it did not hold, and nothing was done.
pub(super) fn held<T, E: ProvideErrorMetadata, R>(answer: Result<T, SdkError<E, R>>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_condition(&error) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the last that is done with an error, and so it reads as map_err(failed)"
)]
pub(super) fn failed<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> StoreError {
    StoreError::Table(crate::clients::told(&error))
}

fn is_condition<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}

fn unreadable(key: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Unreadable(key.to_owned(), error.to_string())
}
