//! Where a release's messages are, which version of the record each shows, and who is writing them.
//!
//! A release may be told of in several places: its pipeline's channel, that of an environment, an incoming webhook, a topic. One item has
//! them all, and one lease is for all.

use jiff::{SignedDuration, Timestamp};
use longshore_core::{
    message::Known,
    release::{Release, ReleaseId},
};
use serde::{Deserialize, Serialize};

use super::{
    Item, Store, StoreError, held, json, number, read_json, read_number, read_text, record::release_ids, text,
};

/// The value of the sparse index for messages that are not yet final.
const OPEN_FOR: &str = "message";

/// A message that was posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// The channel's id, as Slack answered it.
    pub channel: String,
    /// The message's timestamp: its id within the channel.
    pub ts: String,
}

/// Where people are told of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A Slack channel, as it is configured: `#name` or an id. An item of an earlier version has an empty name for the pipeline's own.
    Channel(String),
    /// The incoming webhook.
    Webhook,
    /// The SNS topic.
    Topic,
}

/// A place in which a release is told of, and how far that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which.
    pub target: Target,
    /// The message, once it was posted to a channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted: Option<Posted>,
    /// The version of the record that it shows, or was told up to; 0 for none.
    pub drawn: u64,
    /// How many replies of the message's thread were posted, or left out on purpose.
    #[serde(default)]
    pub replies: usize,
    /// Whether something may have been posted that is not written down here: its answer was lost, or who posted it died.
    #[serde(default)]
    pub unsure: bool,
    /// The keys of the moments that are past, where nothing is edited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
    /// Not to be tried before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Whether it is over with it: somebody deleted the message.
    #[serde(default)]
    pub gone: bool,
}

impl Place {
    /// A place in which nothing was told yet.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            posted: None,
            drawn: 0,
            replies: 0,
            unsure: false,
            told: Vec::new(),
            not_before: None,
            gone: false,
        }
    }
}

/// What was looked up for a release's messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// What was found.
    pub known: Known,
    /// Whether there is nothing more to look up: not while Slack could not be asked.
    pub settled: bool,
}

/// The right to write a release's messages: one invocation has it at a time, for at most [`Lease::LIFE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The release.
    pub id: ReleaseId,
    /// Where it is told of.
    pub places: Vec<Place>,
    /// What was looked up; none before the first message is drawn.
    pub looked: Option<Looked>,
    /// The version of the record that the oldest of the places shows; 0 for none.
    pub drawn: u64,
    /// Where every place that is behind has to wait: until when.
    pub not_before: Option<Timestamp>,
    /// Whether the holder before did not give the lease back: then it may have posted what is not written down, anywhere.
    pub unsure: bool,
    /// Counts the leases of this item, from 1.
    attempt: u64,
    until: i64,
}

impl Lease {
    /// For how long a lease lasts when its holder dies: longer than a function may run.
    pub const LIFE: SignedDuration = SignedDuration::from_secs(40);
}

/// How far a release's messages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The version of the record that the oldest of them shows; 0 for none.
    pub version: u64,
    /// Not to be tried before.
    pub not_before: Option<Timestamp>,
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
    /// The releases whose messages are not final, oldest first.
    pub async fn open_messages(&self) -> Result<Vec<ReleaseId>, StoreError> {
        Ok(release_ids(&self.open(OPEN_FOR).await?))
    }

    /// How far a release's messages are; `None` when they are final.
    pub async fn message_shown(&self, id: &ReleaseId) -> Result<Option<Shown>, StoreError> {
        let item = self.get(&format!("release#{id}"), "message").await?.unwrap_or_default();
        let not_before = read_number(&item, "not_before").and_then(|at| Timestamp::from_millisecond(at).ok());
        let shown = Shown { version: read_number(&item, "drawn").unwrap_or(0), not_before };
        Ok(item.contains_key("open_for").then_some(shown))
    }

    /// Takes the right to write a release's messages; `None` while someone else has it, or when they are final.
    pub async fn lease_message(&self, id: &ReleaseId, now: Timestamp) -> Result<Option<Lease>, StoreError> {
        let key = format!("release#{id}");
        let until = (now + Lease::LIFE).as_millisecond();
        let Some(item) = self.lease(&key, "message", until, now, "").await? else { return Ok(None) };
        let attempt = read_number(&item, "attempts").unwrap_or(1);
        let given_back: u64 = read_number(&item, "given_back").unwrap_or(0);
        let unsure = given_back + 1 != attempt;
        let mut places = read_places(&key, &item)?;
        for place in &mut places {
            place.unsure |= unsure;
        }
        let drawn = read_number(&item, "drawn").unwrap_or(0);
        let looked = read_json(&key, &item, "looked")?;
        Ok(Some(Lease { id: id.clone(), places, looked, drawn, not_before: None, unsure, attempt, until }))
    }

    /// Writes down what a lease's holder did, and keeps the lease. `false` when the lease was lost.
    pub async fn keep_message(&self, lease: &Lease) -> Result<bool, StoreError> {
        self.write_message(lease, "", "").await
    }

    /// Gives the lease back; with `is_final`, the messages are never written again.
    pub async fn release_message(&self, lease: &Lease, is_final: bool) -> Result<bool, StoreError> {
        let remove = if is_final { " REMOVE lease, open_for" } else { " REMOVE lease" };
        self.write_message(lease, ", given_back = :attempt", remove).await
    }

    async fn write_message(&self, lease: &Lease, set: &str, remove: &str) -> Result<bool, StoreError> {
        let key = format!("release#{}", lease.id);
        // A number in any case: that of the beginning stands for none.
        let not_before = lease.not_before.map_or(0, Timestamp::as_millisecond);
        let looked = if lease.looked.is_some() { ", looked = :looked" } else { "" };
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key))
            .key("sk", text("message"))
            .update_expression(format!(
                "SET drawn = :drawn, not_before = :not_before, places = :places{looked}{set}{remove}"
            ))
            .condition_expression("lease = :until")
            .expression_attribute_values(":until", number(lease.until))
            .expression_attribute_values(":drawn", number(lease.drawn))
            .expression_attribute_values(":not_before", number(not_before))
            .expression_attribute_values(":places", text(json(&key, &lease.places)?));
        if !set.is_empty() {
            request = request.expression_attribute_values(":attempt", number(lease.attempt));
        }
        if let Some(looked) = &lease.looked {
            let looked = json(&key, looked)?;
            request = request.expression_attribute_values(":looked", text(looked));
        }
        Ok(held(request.send().await)?.is_some())
    }
}

/// The places of an item. One of the version that had a single message has that message's attributes instead.
fn read_places(key: &str, item: &Item) -> Result<Vec<Place>, StoreError> {
    if let Some(places) = read_json(key, item, "places")? {
        return Ok(places);
    }
    let posted = read_text(item, "channel").zip(read_text(item, "ts"));
    let place = posted.map(|(channel, ts)| Place {
        posted: Some(Posted { channel, ts }),
        drawn: read_number(item, "drawn").unwrap_or(0),
        replies: read_number(item, "replies").unwrap_or(0),
        ..Place::new(Target::Channel(String::new()))
    });
    Ok(place.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_of_the_version_before_has_one_place() {
        let item = Item::from([
            ("channel".to_owned(), text("C1")),
            ("ts".to_owned(), text("1.2")),
            ("drawn".to_owned(), number(7)),
            ("replies".to_owned(), number(3)),
        ]);
        let places = read_places("release#1", &item).expect("places");
        let [place] = places.as_slice() else { panic!("{places:?}") };
        assert_eq!((place.drawn, place.replies, &place.target), (7, 3, &Target::Channel(String::new())));
        assert_eq!(place.posted, Some(Posted { channel: "C1".into(), ts: "1.2".into() }));
        assert_eq!(read_places("release#1", &Item::new()).expect("places"), []);
    }

    #[test]
    fn places_are_read_as_they_were_written() {
        let mut webhook = Place::new(Target::Webhook);
        webhook.told = vec!["accepted".into()];
        webhook.not_before = Some(Timestamp::UNIX_EPOCH);
        let places = vec![Place::new(Target::Channel("#deploys".into())), webhook, Place::new(Target::Topic)];
        let item = Item::from([("places".to_owned(), text(serde_json::to_string(&places).expect("JSON")))]);
        assert_eq!(read_places("release#1", &item).expect("places"), places);
    }
}
