//! Deliveries, and the lines of the branches that they moved.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Put, TransactWriteItem},
};
use jiff::{SignedDuration, Timestamp};
use longshore_core::{
    config,
    line::Line,
    push::Reference,
    release::{Release, ReleaseId},
};

use crate::metrics;

use super::{
    Item, Store, StoreError, failed, json, message::unposted, needed_json, number, read_number, read_text,
    record::record, text,
};

/// For how long a delivery is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);
/// For how long a line is kept after its last push.
const LINE_KEPT: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How many items a transaction has at most.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const ITEMS: usize = 100;

/// What is to be recorded of a delivery, all or nothing.
#[derive(Debug)]
pub struct Acceptance<'a> {
    /// Its id.
    pub delivery: &'a str,
    /// What it was understood to be and what each pipeline made of it, as JSON.
    pub explanation: &'a str,
    /// The releases that answer it: new ones, and those that another delivery of the same push started.
    pub answer: Vec<ReleaseId>,
    /// The new releases.
    pub releases: Vec<Release>,
    /// The lines that it moved.
    pub lines: Vec<KeptLine>,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is recorded now.
    New,
    /// It was recorded before.
    Before(Remembered),
    /// A line was moved by another delivery meanwhile: decide again.
    Moved,
    /// Nothing is recorded: its new releases, and the lines that these are on, are more than one transaction takes.
    TooMany {
        /// The new releases.
        releases: usize,
        /// The lines with any of them.
        lines: usize,
    },
}

impl Accepted {
    /// The most releases that one delivery can start, on one branch or tag.
    pub const MOST: usize = (ITEMS - 2) / 2;
    /// The most that it can start where each is on a branch or tag of its own.
    pub const MOST_APART: usize = (ITEMS - 1) / 3;
}

/// A delivery that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The releases that answered it; none: it started nothing.
    pub releases: Vec<ReleaseId>,
    /// What it was understood to be, as JSON.
    pub explanation: Option<String>,
}

/// A line as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLine {
    /// The line.
    pub line: Line,
    key: String,
    version: u64,
}

impl Acceptance<'_> {
    /// The lines that one transaction takes with the delivery and the releases: those with a new release, and of the others as many as
    /// there is room for. For one that is left out it is as if its push had not been told: the next push of that branch or tag
    /// has its place by its time alone. The error is [`Accepted::TooMany`].
    fn lines_that_fit(&self) -> Result<Vec<&KeptLine>, Accepted> {
        let is_of = |kept: &KeptLine, release: &Release| {
            kept.key == line_key(&release.repository, &release.reference) || kept.line.commit(&release.id).is_some()
        };
        let starts = |kept: &&KeptLine| self.releases.iter().any(|release| is_of(kept, release));
        let (mut lines, idle): (Vec<_>, Vec<_>) = self.lines.iter().partition(starts);
        let needed = 1 + lines.len() + 2 * self.releases.len();
        let Some(room) = ITEMS.checked_sub(needed) else {
            return Err(Accepted::TooMany { releases: self.releases.len(), lines: lines.len() });
        };
        lines.extend(idle.into_iter().take(room));
        Ok(lines)
    }
}

fn line_key(repository: &str, reference: &Reference) -> String {
    format!("line#{}#{reference}", config::fold(repository))
}

impl Store {
    /// A delivery that was recorded.
    pub async fn delivery(&self, delivery: &str) -> Result<Option<Remembered>, StoreError> {
        let Some(item) = self.get(&format!("delivery#{delivery}"), "delivery").await? else { return Ok(None) };
        let releases = item.get("releases").and_then(|releases| releases.as_l().ok()).into_iter().flatten();
        let releases = releases.filter_map(|id| ReleaseId::parse(id.as_s().ok()?)).collect();
        Ok(Some(Remembered { releases, explanation: read_text(&item, "explanation") }))
    }

    /// The line of a branch or tag; empty when nothing is known of it.
    pub async fn line(&self, repository: &str, reference: &Reference) -> Result<KeptLine, StoreError> {
        let key = line_key(repository, reference);
        let Some(item) = self.get(&key, "line").await? else {
            return Ok(KeptLine { line: Line::default(), key, version: 0 });
        };
        let line = needed_json(&key, &item, "line")?;
        Ok(KeptLine { line, key, version: read_number(&item, "version").unwrap_or_default() })
    }

    /// Records a delivery with its releases and the lines that it moved, all or nothing. A delivery that is there already keeps its
    /// releases; one that started nothing may be recorded again, since nothing was done for it. Of the lines on which nothing starts,
    /// those that no longer fit in the transaction are left out.
    ///
    /// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>.
    pub async fn accept(&self, acceptance: &Acceptance<'_>, now: Timestamp) -> Result<Accepted, StoreError> {
        let lines = match acceptance.lines_that_fit() {
            Ok(lines) => lines,
            Err(too_many) => return Ok(too_many),
        };
        let mut items = vec![self.put_delivery(acceptance, now)?];
        for kept in lines {
            items.push(self.put_line(kept, now)?);
        }
        for release in &acceptance.releases {
            items.push(self.put_new(record(release)?)?);
            items.push(self.put_new(unposted(release))?);
        }
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        let Err(error) = request.send().await else {
            // One that waits for what cannot come, or whose place is taken, has ended when it is recorded.
            acceptance.releases.iter().filter(|release| release.state.is_end()).for_each(metrics::ended);
            return Ok(Accepted::New);
        };
        let cancelled = error.as_service_error().and_then(|error| match error {
            TransactWriteItemsError::TransactionCanceledException(cancelled) => Some(cancelled),
            _ => None,
        });
        // There is a reason for each item, and `None` for those that are none: then the delivery is not there.
        let first = cancelled.and_then(|cancelled| cancelled.cancellation_reasons().first()?.code());
        if first == Some("None") {
            return Ok(Accepted::Moved);
        }
        // Refused because it is there, or because another invocation writes the same items in this moment, which may yet fail; or
        // written, and the answer was lost.
        if let Some(before) = self.delivery(acceptance.delivery).await?
            && !before.releases.is_empty()
        {
            return Ok(Accepted::Before(before));
        }
        if cancelled.is_some() { Ok(Accepted::Moved) } else { Err(failed(error)) }
    }

    fn put_delivery(&self, acceptance: &Acceptance<'_>, now: Timestamp) -> Result<TransactWriteItem, StoreError> {
        let releases: Vec<_> = acceptance.answer.iter().map(|id| text(id.as_str())).collect();
        let mut item = Item::from([
            ("pk".to_owned(), text(format!("delivery#{}", acceptance.delivery))),
            ("sk".to_owned(), text("delivery")),
            ("explanation".to_owned(), text(acceptance.explanation)),
            ("expires".to_owned(), number((now + REMEMBERED).as_second())),
        ]);
        if !releases.is_empty() {
            item.insert("releases".to_owned(), AttributeValue::L(releases));
        }
        self.put(item, |put| put.condition_expression("attribute_not_exists(releases)"))
    }

    fn put_line(&self, kept: &KeptLine, now: Timestamp) -> Result<TransactWriteItem, StoreError> {
        let item = Item::from([
            ("pk".to_owned(), text(&kept.key)),
            ("sk".to_owned(), text("line")),
            ("line".to_owned(), text(json(&kept.key, &kept.line)?)),
            ("version".to_owned(), number(kept.version + 1)),
            ("expires".to_owned(), number((now + LINE_KEPT).as_second())),
        ]);
        self.put(item, |put| match kept.version {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            read => put
                .condition_expression("#version = :read")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":read", number(read)),
        })
    }

    fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        self.put(item, |put| put.condition_expression("attribute_not_exists(pk)"))
    }

    fn put(
        &self,
        item: Item,
        conditioned: impl FnOnce(
            aws_sdk_dynamodb::types::builders::PutBuilder,
        ) -> aws_sdk_dynamodb::types::builders::PutBuilder,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = conditioned(Put::builder().table_name(&self.table).set_item(Some(item)));
        let put = put.build().map_err(|error| StoreError::Table(error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

#[cfg(test)]
mod tests;
