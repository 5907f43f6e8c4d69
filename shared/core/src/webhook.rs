//! Deliveries of webhooks: [`verify`] proves who sent one, [`parse`] reads it into our own vocabulary, [`sign`] makes one.
//!
//! Each provider has a file behind this one. All of them read leniently: unknown members, missing optional ones, new events and new
//! values never break them. A member that is needed and is not usable is an error that names it.

mod brought;
mod member;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) use self::{
    brought::brought,
    member::{Member, address, host, is_page},
};
pub use crate::address::Hosts;
use crate::{
    bitbucket, bitbucket_data_center, github, gitlab,
    push::{Content, Delivery, Push, Reference, Source},
    signature::{self, GitLab, Unproven, Verified},
    text::shorten,
};

/// The headers of a request, by their lower-case names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(BTreeMap<String, String>);

impl Headers {
    /// A header by its lower-case name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.into())).collect())
    }
}

/// Why a request is no delivery. The sentence is for the sender; it never holds text of the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADelivery {
    /// A header is missing or is not what the provider sends.
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    /// Neither of GitHub's content types.
    #[error("the content type must be application/json or application/x-www-form-urlencoded")]
    ContentType,
    /// A form without the field `payload`.
    #[error("the form has no field payload")]
    Form,
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    Json(String),
    /// A member that is needed is absent or cannot be.
    #[error("the body has no usable {0}")]
    Member(&'static str),
    /// The source sends nothing by HTTP.
    #[error("{0} sends nothing by HTTP: its events come through EventBridge")]
    NotByHttp(Source),
}

/// Proves that `source` sent this body, with one of the secrets that are live.
///
/// `body` is as it was sent, before any decoding of forms. `now` is compared with the time in GitLab's signatures alone. For
/// CodeCommit always an error: nothing that came by HTTP proves it.
pub fn verify<'a>(
    source: Source,
    headers: &Headers,
    body: &'a [u8],
    secrets: &[&str],
    now: Timestamp,
) -> Result<Verified<'a>, Unproven> {
    match source {
        Source::GitHub => signature::hub(headers.get(github::SIGNATURE), body, secrets),
        Source::Bitbucket => signature::hub(headers.get(bitbucket::SIGNATURE), body, secrets),
        Source::GitLab => {
            let proof = GitLab {
                token: headers.get(gitlab::TOKEN),
                signature: headers.get(gitlab::SIGNATURE),
                id: headers.get(gitlab::ID),
                timestamp: headers.get(gitlab::TIMESTAMP),
            };
            signature::gitlab(proof, body, secrets, now)
        }
        Source::CodeCommit => Err(Unproven::NotByHttp),
    }
}

/// Reads a delivery. One of a repository that is not on a host of `source` starts nothing: its proof is no other source's.
pub fn parse(
    source: Source,
    headers: &Headers,
    body: Verified<'_>,
    hosts: &Hosts<'_>,
) -> Result<Delivery, NotADelivery> {
    let delivery = match source {
        Source::GitHub => github::parse(headers, body.bytes()),
        Source::Bitbucket => bitbucket::parse(headers, body.bytes(), hosts),
        Source::GitLab => gitlab::parse(headers, body.bytes()),
        Source::CodeCommit => Err(NotADelivery::NotByHttp(source)),
    }?;
    match delivery.repository.as_deref().and_then(|repository| hosts.refusal(source, repository)) {
        Some(refusal) => Ok(Delivery { content: Content::Other(refusal), ..delivery }),
        None => Ok(delivery),
    }
}

/// All headers that matter of those that `source` would send with this body, its proof among them: for the local stack, for
/// `longshore replay` and for tests.
///
/// `event` and `id` are the provider's words for event and delivery (`push`, `72d3162e-…`; without `github/`). A secret for GitLab that
/// begins with `whsec_` signs, any other is sent as the secret token. For CodeCommit none.
pub fn sign(
    source: Source,
    event: &str,
    id: &str,
    content_type: &str,
    body: &[u8],
    secret: &str,
    now: Timestamp,
) -> Headers {
    let mut headers = vec![("content-type", content_type.to_owned())];
    match source {
        Source::GitHub => headers.extend([
            (github::EVENT, event.to_owned()),
            (github::DELIVERY, id.to_owned()),
            (github::SIGNATURE, signature::sign_hub(secret, body)),
        ]),
        Source::Bitbucket => {
            headers.extend([
                (bitbucket::EVENT, event.to_owned()),
                (bitbucket::SIGNATURE, signature::sign_hub(secret, body)),
            ]);
            if bitbucket_data_center::is_event(event) {
                headers.push((bitbucket_data_center::DELIVERY, id.to_owned()));
            } else {
                headers.extend([(bitbucket::DELIVERY, id.to_owned()), ("x-attempt-number", "1".to_owned())]);
            }
        }
        Source::GitLab => {
            let timestamp = now.as_second().to_string();
            if let Some(signature) = signature::sign_gitlab(secret, id, &timestamp, body) {
                headers.push((gitlab::SIGNATURE, signature));
            } else if !signature::is_signing_token(secret) {
                headers.push((gitlab::TOKEN, secret.to_owned()));
            }
            headers.extend([
                (gitlab::EVENT, event.to_owned()),
                (gitlab::ID, id.to_owned()),
                (gitlab::TIMESTAMP, timestamp),
                (gitlab::IDEMPOTENCY_KEY, id.to_owned()),
            ]);
        }
        Source::CodeCommit => return Headers::default(),
    }
    headers.into_iter().collect()
}

/// The body as JSON.
pub(crate) fn json(body: &[u8]) -> Result<Value, NotADelivery> {
    serde_json::from_slice(body).map_err(|error| {
        let kind = format!("{:?}", error.classify()).to_lowercase();
        NotADelivery::Json(format!("{kind} error at line {}, column {}", error.line(), error.column()))
    })
}

/// The event's name from its header: at most 100 letters, digits and the signs that providers use.
pub(crate) fn event(headers: &Headers, name: &str, shown: &'static str) -> Result<String, NotADelivery> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_:. ".contains(&b);
    let event = headers.get(name).filter(|event| (1..=100).contains(&event.len()) && event.bytes().all(plain));
    event.map(str::to_owned).ok_or(NotADelivery::Header(shown))
}

/// The headers in which a source tells a delivery's id, by their lower-case names, the one that counts first. None for CodeCommit, whose events
/// have it in themselves.
pub fn id_headers(source: Source) -> &'static [&'static str] {
    match source {
        Source::GitHub => &[github::DELIVERY],
        Source::Bitbucket => &[bitbucket::DELIVERY, bitbucket_data_center::DELIVERY],
        Source::GitLab => &[gitlab::ID, gitlab::IDEMPOTENCY_KEY],
        Source::CodeCommit => &[],
    }
}

/// A delivery's id as its headers tell it, with the provider; `None` where none does. `shown` is what an error calls them.
pub(crate) fn id_told(source: Source, headers: &Headers, shown: &'static str) -> Result<Option<String>, NotADelivery> {
    let told = id_headers(source).iter().find_map(|name| headers.get(name));
    told.map(|told| id(source, told).ok_or(NotADelivery::Header(shown))).transpose()
}

/// The provider's id of a delivery, with the provider: from its header, at most 100 letters, digits, `-` and `_`, without the braces
/// that Atlassian puts around such ids in places.
pub(crate) fn id(source: Source, id: &str) -> Option<String> {
    let id = id.strip_prefix('{').and_then(|id| id.strip_suffix('}')).unwrap_or(id);
    let plain = (1..=100).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    plain.then(|| format!("{}/{id}", source.word()))
}

/// The id of a delivery that comes without one.
pub(crate) fn id_of_body(source: Source, body: &[u8]) -> String {
    format!("{}/sha256-{}", source.word(), hex::encode(Sha256::digest(body)))
}

/// Why a reference is none of ours, where it is not.
pub(crate) fn reference(written: &str) -> Result<Reference, String> {
    Reference::parse(written).ok_or_else(|| match written.strip_prefix("refs/") {
        Some(rest) if rest.starts_with("heads/") || rest.starts_with("tags/") => {
            format!("{} is a name that git does not take, or a very long one", shorten(written, 100))
        }
        Some(_) | None => format!("{} is neither a branch nor a tag", shorten(written, 100)),
    })
}

/// A branch or tag that moved, as GitHub and GitLab tell it.
pub(crate) struct Moved {
    pub(crate) reference: Reference,
    /// The commit before; `None` where there was none.
    pub(crate) before: Option<String>,
    /// What it names now, an annotated tag being an object of its own; `None` where it is gone.
    pub(crate) after: Option<String>,
}

/// Reads `ref`, `before` and `after` of a push. The inner error is the reason why it is none of ours.
pub(crate) fn moved(payload: Member<'_>) -> Result<Result<Moved, String>, NotADelivery> {
    let written = payload.at("ref").text().ok_or(NotADelivery::Member("ref"))?;
    let before = payload.at("before").commit_or_zeros("before")?;
    let after = payload.at("after").commit_or_zeros("after")?;
    if before.is_none() && after.is_none() {
        return Err(NotADelivery::Member("after"));
    }
    Ok(reference(written).map(|reference| Moved { reference, before, after }))
}

/// The pushes of a delivery. Where all of what moved is none of ours, the reason.
pub(crate) fn pushes(moved: Vec<Result<Vec<Push>, String>>) -> Content {
    let mut pushes = Vec::new();
    let mut reason = None;
    for moved in moved {
        match moved {
            Ok(moved) => pushes.extend(moved),
            Err(why) => reason = Some(why),
        }
    }
    match reason {
        Some(reason) if pushes.is_empty() => Content::Other(reason),
        Some(_) | None => Content::Pushes(pushes),
    }
}

/// The files of some commits: sorted, each once; `None` where one of the commits does not list all of its own (`most` is the number
/// at which the provider cuts). GitHub says that the lists of a large commit may be empty, so a commit without files may have some.
pub(crate) fn files<'a>(commits: impl Iterator<Item = Member<'a>>, most: usize) -> Option<Vec<String>> {
    let mut files = Vec::new();
    for commit in commits {
        let before = files.len();
        for list in ["added", "removed", "modified"] {
            let list = commit.at(list);
            if !list.is_list() {
                return None;
            }
            for file in list.items() {
                files.push(file.text()?.to_owned());
            }
        }
        if !(1..most).contains(&(files.len() - before)) {
            return None;
        }
    }
    files.sort_unstable();
    files.dedup();
    Some(files)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod tests;
