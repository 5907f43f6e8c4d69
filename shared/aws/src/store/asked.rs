//! Releases that people ask for by name, and the list of a pipeline's releases that they choose from.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem, Update},
};
use longshore_core::{
    image::Digest,
    release::{Lock, Release, ReleaseId},
};

use super::{
    Store, StoreError, environment, failed, json,
    message::unposted,
    number, read_number, read_text,
    record::{record, release_ids},
    text,
};

/// A release in the list of its pipeline's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: ReleaseId,
    /// Its number within the pipeline.
    pub number: u64,
    /// Its commit.
    pub commit: String,
    /// The digest of its own image, once it has one.
    pub digest: Option<Digest>,
}

/// The lock that comes with a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockedBy<'l> {
    /// The environment.
    pub environment: &'l str,
    /// The lock.
    pub lock: &'l Lock,
    /// Only while no rollback of a release of this number was asked for.
    pub once_from: Option<u64>,
}

/// What became of a release that someone asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// It is recorded.
    New,
    /// It was recorded before.
    Known,
    /// Someone else asked to go back from the same release before: nothing is recorded.
    Twice,
}

impl Store {
    /// Records a release that someone asked for and, with a rollback, the lock of the environment: both or none.
    pub async fn ask(&self, release: &Release, locked: Option<LockedBy<'_>>) -> Result<Asking, StoreError> {
        let put = |item| {
            let put = Put::builder().table_name(&self.table).set_item(Some(item));
            let put = put.condition_expression("attribute_not_exists(pk)").build();
            put.map(|put| TransactWriteItem::builder().put(put).build())
        };
        let unwritable =
            |error: &dyn std::fmt::Display| StoreError::Table(format!("a request cannot be made: {error}"));
        let mut items = vec![
            put(record(release)?).map_err(|error| unwritable(&error))?,
            put(unposted(release)).map_err(|error| unwritable(&error))?,
        ];
        if let Some(LockedBy { environment: name, lock, once_from }) = locked {
            let key = environment::key(&release.pipeline, name);
            let mut update = Update::builder()
                .table_name(&self.table)
                .key("pk", text(&key))
                .key("sk", text("environment"))
                .update_expression("SET rollback_lock = :lock, rollback_of = :number")
                .expression_attribute_values(":lock", text(json(&key, lock)?))
                .expression_attribute_values(":number", number(release.number));
            if let Some(from) = once_from {
                update = update
                    .condition_expression("attribute_not_exists(rollback_of) OR rollback_of <= :from")
                    .expression_attribute_values(":from", number(from));
            }
            let update = update.build().map_err(|error| unwritable(&error))?;
            items.push(TransactWriteItem::builder().update(update).build());
        }
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        let Err(error) = request.send().await else { return Ok(Asking::New) };
        let refused = |at: usize| match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let reason = cancelled.cancellation_reasons().get(at).and_then(|reason| reason.code());
                reason == Some("ConditionalCheckFailed")
            }
            _ => false,
        };
        match (refused(0), refused(2)) {
            (true, _) => Ok(Asking::Known),
            (false, true) => Ok(Asking::Twice),
            (false, false) => Err(failed(error)),
        }
    }

    /// The newest releases of a pipeline, newest first, at most `most`; only those with a smaller number than `before`, where it is given.
    pub async fn newest_releases(
        &self,
        pipeline: &str,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("pipeline")
            .key_condition_expression("pipeline = :pipeline AND #number < :before")
            .expression_attribute_names("#number", "number")
            .expression_attribute_values(":pipeline", text(pipeline))
            .expression_attribute_values(":before", number(before.unwrap_or(u64::MAX >> 1)))
            .scan_index_forward(false)
            .limit(i32::try_from(most.clamp(1, 1000)).unwrap_or(1000))
            .into_paginator()
            .items()
            .send();
        let mut listed = Vec::new();
        while listed.len() < most
            && let Some(item) = pages.next().await
        {
            let item = item.map_err(failed)?;
            let id = release_ids(&read_text(&item, "pk").into_iter().collect::<Vec<_>>()).pop();
            let (Some(id), Some(number)) = (id, read_number(&item, "number")) else { continue };
            let digest = read_text(&item, "digest").and_then(|digest| Digest::parse(&digest));
            listed.push(Listed { id, number, commit: read_text(&item, "commit").unwrap_or_default(), digest });
        }
        Ok(listed)
    }
}
