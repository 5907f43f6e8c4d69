//! Reading payloads leniently: a member that is absent, null or of another type than documented is simply not there.
//!
//! No wire types with fixed members: what we do not read may be anything, and what we read is checked where it is used.

use jiff::Timestamp;
use serde_json::Value;

use super::NotADelivery;
use crate::{
    address::{Address, is_host},
    push::{Actor, is_commit, is_mail, is_null},
};

/// A place in a payload, where there may be something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a>(Option<&'a Value>);

impl<'a> Member<'a> {
    /// The whole payload.
    pub(crate) fn of(payload: &'a Value) -> Self {
        Self(Some(payload))
    }

    /// The member at a path of names: `repository.links.html`.
    pub(crate) fn at(self, path: &str) -> Self {
        Self(self.0.and_then(|value| path.split('.').try_fold(value, |value, name| value.get(name))))
    }

    /// Whether something is there, and not null.
    pub(crate) fn is_there(self) -> bool {
        self.0.is_some_and(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub(crate) fn text(self) -> Option<&'a str> {
        self.0.and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A text as our own; empty where there is none.
    pub(crate) fn words(self) -> String {
        self.text().unwrap_or_default().to_owned()
    }

    /// Whether `true` is there.
    pub(crate) fn is_true(self) -> bool {
        self.0.and_then(Value::as_bool).unwrap_or_default()
    }

    /// A whole number.
    pub(crate) fn number(self) -> Option<i64> {
        self.0.and_then(Value::as_i64)
    }

    /// The items of a list; none where there is no list.
    pub(crate) fn items(self) -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        self.0.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter().map(Self::of)
    }

    /// Whether a list is there, maybe an empty one.
    pub(crate) fn is_list(self) -> bool {
        self.0.is_some_and(Value::is_array)
    }

    /// An address that may be shown ([`is_page`]).
    pub(crate) fn page(self) -> Option<String> {
        self.text().filter(|url| is_page(url)).map(str::to_owned)
    }

    /// A mail address, where one may be there ([`is_mail`]).
    pub(crate) fn mail(self) -> Option<String> {
        self.text().filter(|address| is_mail(address)).map(str::to_owned)
    }

    /// A time in ISO 8601, or as GitLab writes it: `2026-11-21 09:00:00 UTC`.
    pub(crate) fn time(self) -> Option<Timestamp> {
        let text = self.text()?;
        match text.strip_suffix(" UTC") {
            Some(text) => format!("{text}Z").parse().ok(),
            None => text.parse().ok(),
        }
    }

    /// A time in seconds since 1970.
    pub(crate) fn seconds(self) -> Option<Timestamp> {
        Timestamp::from_second(self.number()?).ok()
    }

    /// A time in milliseconds since 1970.
    pub(crate) fn milliseconds(self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.number()?).ok()
    }

    /// The id of a commit, where one is there; `None` also for the id of no commit.
    pub(crate) fn commit(self) -> Option<String> {
        self.text().filter(|id| is_commit(id) && !is_null(id)).map(str::to_owned)
    }

    /// The id of a commit, or none where the provider says so with zeros. Anything else is an error that names the member.
    pub(crate) fn commit_or_zeros(self, name: &'static str) -> Result<Option<String>, NotADelivery> {
        let id = self.text().filter(|id| is_commit(id)).ok_or(NotADelivery::Member(name))?;
        Ok((!is_null(id)).then(|| id.to_owned()))
    }

    /// Who: by the names of the members for the unique name and for the id, which may be a number.
    pub(crate) fn actor(self, login: &str, id: &str) -> Actor {
        Actor { login: self.at(login).identity(), id: self.at(id).identity() }
    }

    /// What identifies somebody: a number, or a text in one line of at most 300 bytes.
    pub(crate) fn identity(self) -> Option<String> {
        let short = |text: &&str| text.len() <= 300 && !text.contains(char::is_control);
        self.number().map(|id| id.to_string()).or_else(|| self.text().filter(short).map(str::to_owned))
    }
}

/// Whether a link from a payload may be shown: an HTTP address without anything that markup could trip over, of at most 500 bytes.
pub(crate) fn is_page(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= 500
        && url.bytes().all(|b| b.is_ascii_graphic() && !b"<>|\"'`\\".contains(&b))
}

/// The host of an HTTP address, with its port.
pub(crate) fn host(page: &str) -> Option<&str> {
    let rest = page.strip_prefix("https://").or_else(|| page.strip_prefix("http://"))?;
    rest.split(['/', '?', '#']).next().filter(|host| is_host(host))
}

/// `host/owner/name`, where it is an [`Address`].
pub(crate) fn address(host: &str, path: &str) -> Option<String> {
    let address = format!("{host}/{path}");
    Address::parse(&address).is_some().then_some(address)
}
