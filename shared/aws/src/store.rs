//! The release records in DynamoDB: one table, conditional writes, one version number per record.
//!
//! | pk | sk | what |
//! | --- | --- | --- |
//! | `release#<id>` | `release` | the record, as JSON, with its version |
//! | `release#<id>` | `message` | where it is told of and what is shown there |
//! | `delivery#<provider>/<id>` | `delivery` | which releases a delivery started, and why; expires after 30 days |
//! | `line#<repository>#<ref>` | `line` | the latest pushes of a branch or tag, in order; expires a year after the last |
//! | `pipeline#<name>` | `counter` | the number of its newest release |
//! | `command#<key>` | `command` | what somebody wants done by a command, and what became of it; expires after a day |
//! | `looked#<what>` | `looked` | until when a provider was asked for what it could not deliver |
//! | `environment#<pipeline>#<name>` | `environment` | the newest release admitted, who works on it, what was live, its lock |
//!
//! The index `open` (`open_for`, `pk`) is sparse: only what is still to be looked after is in it. The index `pipeline` (`pipeline`, `number`)
//! lists a pipeline's releases with their commits and digests.

mod asked;
mod command;
mod delivery;
mod environment;
mod item;
mod looked;
mod message;
mod record;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{Client, types::ReturnValue};
use jiff::Timestamp;

pub use asked::{Asking, Listed, LockedBy};
pub use command::TakenErrand;
pub use delivery::{Acceptance, Accepted, KeptLine, Remembered};
pub use environment::{Admission, Hold};
pub use looked::Look;
pub use message::{Lease, Looked, Place, Posted, Shown, Target};
pub use record::Changed;

use item::{Item, failed, held, json, needed_json, number, read_json, read_number, read_text, text};

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not, or refused.
    #[error("the table did not answer: {0}")]
    Table(String),
    /// An item is not what this version writes.
    #[error("the item {0} cannot be read: {1}")]
    Unreadable(String, String),
    /// The record was changed by others again and again.
    #[error("the record {0} changed too often to be saved")]
    Contended(String),
}

/// The table.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    /// The table of this name.
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self { client: Client::new(config), table }
    }

    /// Opens the connection to the table, by a read of an item that is never there. Without an answer within two seconds it is left at
    /// that.
    pub async fn ready(&self) {
        let answer = tokio::time::timeout(Duration::from_secs(2), self.get("ready", "ready")).await;
        tracing::debug!(answered = matches!(answer, Ok(Ok(_))), "the table was asked");
    }

    async fn get(&self, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
        let key = [("pk", text(pk)), ("sk", text(sk))].map(|(name, value)| (name.to_owned(), value));
        let request = self.client.get_item().table_name(&self.table).consistent_read(true).set_key(Some(key.into()));
        Ok(request.send().await.map_err(failed)?.item)
    }

    /// Takes the right to work on an open item until that time, in milliseconds, and counts it; the item as it is then. `None` while someone else
    /// has the right, when the item is no longer open, and where what `and` adds to the condition does not hold.
    async fn lease(
        &self,
        pk: &str,
        sk: &str,
        until: i64,
        now: Timestamp,
        and: &str,
    ) -> Result<Option<Item>, StoreError> {
        let free = "attribute_exists(open_for) AND (attribute_not_exists(lease) OR lease < :now)";
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(pk))
            .key("sk", text(sk))
            .update_expression("SET lease = :until ADD attempts :one")
            .condition_expression(format!("{free}{and}"))
            .expression_attribute_values(":until", number(until))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew);
        Ok(held(request.send().await)?.map(|answer| answer.attributes.unwrap_or_default()))
    }

    /// The `pk`s of what is open for a kind of work, oldest first.
    async fn open(&self, open_for: &str) -> Result<Vec<String>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("open")
            .key_condition_expression("open_for = :open_for")
            .expression_attribute_values(":open_for", text(open_for))
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(failed)?;
            keys.extend(item.get("pk").and_then(|pk| pk.as_s().ok()).cloned());
        }
        Ok(keys)
    }
}
