//! Where a release's Slack message is, which version of the record it shows, and who is drawing it.

use jiff::{SignedDuration, Timestamp};
use longshore_core::release::{Release, ReleaseId};

use super::{
    Item, Store, StoreError, failed, number, read_number, read_text,
    record::{is_condition, release_ids},
    text,
};

/// The value of the sparse index for messages that are not yet final.
const OPEN_FOR: &str = "message";

/// A message that was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The channel's id, as Slack answered it.
    pub channel: String,
    /// The message's timestamp: its id within the channel.
    pub ts: String,
}

/// The right to draw a release's message: one invocation has it at a time, for at most [`Lease::LIFE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The release.
    pub id: ReleaseId,
    /// The message, once it was posted.
    pub posted: Option<Posted>,
    /// The version of the record that it shows; 0 for none.
    pub drawn: u64,
    /// How many replies its thread has.
    pub replies: usize,
    /// Whether an earlier holder may have posted the message and died before it wrote that down.
    pub maybe_posted: bool,
    until: i64,
}

impl Lease {
    /// For how long a lease lasts when its holder dies: longer than a function may run.
    pub const LIFE: SignedDuration = SignedDuration::from_secs(40);
}

pub(super) fn unposted(release: &Release) -> Item {
    Item::from([
        ("pk".to_owned(), text(format!("release#{}", release.id))),
        ("sk".to_owned(), text("message")),
        ("open_for".to_owned(), text(OPEN_FOR)),
        ("drawn".to_owned(), number(0)),
    ])
}

impl Store {
    /// The releases whose message is not final, oldest first.
    pub async fn open_messages(&self) -> Result<Vec<ReleaseId>, StoreError> {
        Ok(release_ids(&self.open(OPEN_FOR).await?))
    }

    /// Which version of the record a release's message shows; `None` when it is final.
    pub async fn message_version(&self, id: &ReleaseId) -> Result<Option<u64>, StoreError> {
        let item = self.get(&format!("release#{id}"), "message").await?.unwrap_or_default();
        Ok(item.contains_key("open_for").then(|| read_number(&item, "drawn").unwrap_or(0)))
    }

    /// Takes the right to draw a release's message; `None` while someone else has it, or when the message is final.
    pub async fn lease_message(&self, id: &ReleaseId, now: Timestamp) -> Result<Option<Lease>, StoreError> {
        let until = (now + Lease::LIFE).as_millisecond();
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(format!("release#{id}")))
            .key("sk", text("message"))
            .update_expression("SET lease = :until ADD attempts :one")
            .condition_expression("attribute_exists(open_for) AND (attribute_not_exists(lease) OR lease < :now)")
            .expression_attribute_values(":until", number(until))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":one", number(1))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
        let item = match request.send().await {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(error) if is_condition(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let posted = read_text(&item, "channel").zip(read_text(&item, "ts"));
        Ok(Some(Lease {
            id: id.clone(),
            posted: posted.map(|(channel, ts)| Posted { channel, ts }),
            drawn: read_number(&item, "drawn").unwrap_or(0),
            replies: read_number(&item, "replies").unwrap_or(0),
            maybe_posted: read_number(&item, "attempts").unwrap_or(1) > 1_u64,
            until,
        }))
    }

    /// Writes down what a lease's holder did, and keeps the lease. `false` when the lease was lost.
    pub async fn keep_message(&self, lease: &Lease) -> Result<bool, StoreError> {
        self.write_message(lease, "SET drawn = :drawn, replies = :replies", "").await
    }

    /// Gives the lease back; with `is_final`, the message is never drawn again.
    pub async fn release_message(&self, lease: &Lease, is_final: bool) -> Result<bool, StoreError> {
        let remove = if is_final { " REMOVE lease, open_for" } else { " REMOVE lease" };
        self.write_message(lease, "SET drawn = :drawn, replies = :replies", remove).await
    }

    async fn write_message(&self, lease: &Lease, set: &str, remove: &str) -> Result<bool, StoreError> {
        let place = if lease.posted.is_some() { ", channel = :channel, ts = :ts" } else { "" };
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(format!("release#{}", lease.id)))
            .key("sk", text("message"))
            .update_expression(format!("{set}{place}{remove}"))
            .condition_expression("lease = :until")
            .expression_attribute_values(":until", number(lease.until))
            .expression_attribute_values(":drawn", number(lease.drawn))
            .expression_attribute_values(":replies", number(lease.replies));
        if let Some(posted) = &lease.posted {
            request = request
                .expression_attribute_values(":channel", text(&posted.channel))
                .expression_attribute_values(":ts", text(&posted.ts));
        }
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }
}
