//! GitHub's webhooks.
//!
//! Source: <https://docs.github.com/en/webhooks/webhook-events-and-payloads#push>.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    push::{Actor, Cause, Content, Delivery, Head, Push, Reference, Source, is_commit, is_null},
    signature::Verified,
    text::shorten,
};

/// The header with the signature.
pub const SIGNATURE: &str = "x-hub-signature-256";
/// The header with the event's name.
pub const EVENT: &str = "x-github-event";
/// The header with the delivery's id, the same when GitHub sends it again.
pub const DELIVERY: &str = "x-github-delivery";

/// Why a body is no delivery of GitHub's. The sentence is for the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADelivery {
    /// A header is missing or is not what GitHub sends.
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    /// GitHub's other content type, or none of its own.
    #[error("the content type must be application/json: choose it in the webhook's settings")]
    ContentType,
    /// The body is not JSON, or not a push of the documented form.
    #[error("the body is not a {event} event: {error}")]
    Body {
        /// The event that the header names.
        event: String,
        /// What the JSON reader says, without the body's text.
        error: String,
    },
    /// A member holds what cannot be.
    #[error("the push names no {0}")]
    Member(&'static str),
}

/// The headers that a delivery needs besides its signature.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    /// `X-GitHub-Event`.
    pub event: Option<&'a str>,
    /// `X-GitHub-Delivery`.
    pub delivery: Option<&'a str>,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
}

/// Reads a delivery.
pub fn parse(headers: Headers<'_>, body: Verified<'_>) -> Result<Delivery, NotADelivery> {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let header = |value: Option<&'_ str>, name| {
        let value = value.filter(|v| (1..=100).contains(&v.len()) && v.bytes().all(word));
        value.map(str::to_owned).ok_or(NotADelivery::Header(name))
    };
    let id = header(headers.delivery, "X-GitHub-Delivery")?;
    let event = header(headers.event, "X-GitHub-Event")?;
    let media_type = headers.content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(NotADelivery::ContentType);
    }
    let unreadable = |error: serde_json::Error| NotADelivery::Body {
        event: event.clone(),
        error: format!("{:?} error at line {}, column {}", error.classify(), error.line(), error.column()),
    };
    if event == "push" {
        let wire: WirePush = serde_json::from_slice(body.bytes()).map_err(unreadable)?;
        let repository = repository(&wire.repository);
        let content = push(wire)?;
        return Ok(Delivery { source: Source::GitHub, event, id: format!("github/{id}"), repository, content });
    }
    let content = {
        serde_json::from_slice::<serde::de::IgnoredAny>(body.bytes()).map_err(unreadable)?;
        Content::Other(match event.as_str() {
            "ping" => "a ping: the webhook is set up, and its signature is right".to_owned(),
            _ => format!("the event {event} starts nothing: only a push does"),
        })
    };
    Ok(Delivery { source: Source::GitHub, event, id: format!("github/{id}"), repository: None, content })
}

fn push(wire: WirePush) -> Result<Content, NotADelivery> {
    let Some(reference) = Reference::parse(&wire.reference) else {
        return Ok(Content::Other(format!("{} is not a branch", shorten(&wire.reference, 100))));
    };
    if !is_commit(&wire.before) || !is_commit(&wire.after) {
        return Err(NotADelivery::Member("commit before or after it"));
    }
    let head = wire.head_commit.unwrap_or_default();
    let author = head.author.unwrap_or_default();
    let created = is_null(&wire.before);
    Ok(Content::Pushes(vec![Push {
        reference,
        cause: Cause::Push,
        created,
        forced: false,
        before: (!created).then_some(wire.before),
        after: (!is_null(&wire.after)).then_some(wire.after),
        at: None,
        head: Head {
            message: head.message.unwrap_or_default(),
            author: author.username.or(author.name).or(wire.pusher.and_then(|pusher| pusher.name)).unwrap_or_default(),
            url: head.url.filter(|url| is_page(url)),
            committed: head.timestamp.and_then(|time| time.parse::<Timestamp>().ok()),
        },
        actor: Actor::default(),
        files: None,
    }]))
}

/// `host/owner/name`: the host is that of the repository's own page, which is how GitHub Enterprise tells itself.
fn repository(wire: &WireRepository) -> Option<String> {
    let page = wire.html_url.strip_prefix("https://").or(wire.html_url.strip_prefix("http://"))?;
    let host = page.split('/').next().filter(|host| !host.is_empty() && !host.contains(['@', ' ']))?;
    let (owner, name) = wire.full_name.split_once('/')?;
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    (plain(owner) && plain(name)).then(|| format!("{host}/{owner}/{name}"))
}

/// Whether a link from a payload may be shown: an HTTP address without anything that markup could trip over.
fn is_page(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= 500
        && url.bytes().all(|b| b.is_ascii_graphic() && !b"<>|\"'`".contains(&b))
}

#[derive(Deserialize)]
struct WirePush {
    #[serde(rename = "ref")]
    reference: String,
    before: String,
    after: String,
    repository: WireRepository,
    #[serde(default)]
    head_commit: Option<WireCommit>,
    #[serde(default)]
    pusher: Option<WireUser>,
}

#[derive(Deserialize)]
struct WireRepository {
    full_name: String,
    html_url: String,
}

#[derive(Deserialize, Default)]
struct WireCommit {
    message: Option<String>,
    timestamp: Option<String>,
    url: Option<String>,
    author: Option<WireUser>,
}

#[derive(Deserialize, Default)]
struct WireUser {
    name: Option<String>,
    username: Option<String>,
}

