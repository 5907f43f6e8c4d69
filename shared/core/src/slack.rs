//! What Slack tells when somebody presses a button of ours.
//!
//! Slack posts a form whose field `payload` is JSON, of many types; ours are `block_actions` and `view_submission`. It is read leniently: what we do not need may
//! be anything. A type, or a button, that is none of ours is understood, and nothing is done.
//!
//! Sources: <https://docs.slack.dev/interactivity/handling-user-interaction>,
//! <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>,
//! <https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload>.

pub mod answer;
pub mod command;
pub mod confirm;
mod modal;
mod standing;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    modal::{REASON, rejection},
    standing::stale,
};
use crate::{
    message::deployment::action,
    release::ReleaseId,
    signature::Verified,
    text::{first_line, shorten},
    webhook::Member,
};

/// The header with the signature.
pub const SIGNATURE: &str = "x-slack-signature";
/// The header with the time that is signed.
pub const TIMESTAMP: &str = "x-slack-request-timestamp";

/// The longest name of an environment or a service that is read, in bytes.
const NAME: usize = 255;

/// What somebody did in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interaction {
    /// A button of ours was pressed.
    Pressed(Pressed),
    /// A modal of ours was submitted.
    Submitted(Submitted),
}

/// A modal of ours was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Who.
    pub by: User,
    /// The press that it was opened by.
    pub press: Press,
    /// What they wrote, at most 500 characters; nothing where they left it empty.
    pub reason: Option<String>,
}

/// Somebody pressed a button of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// Who.
    pub by: User,
    /// Which button, and for what.
    pub press: Press,
    /// Where they can be told something privately, five times within 30 minutes; it is as good as a token. An HTTP address of at most 500
    /// bytes, whose host has to be checked.
    pub response_url: Option<String>,
    /// By which a modal can be opened, once, within three seconds: at most 200 bytes.
    pub trigger: Option<String>,
    /// When, by Slack's clock.
    pub at: Option<Timestamp>,
}

/// Somebody in Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// `U…` or `W…`: letters and digits.
    pub id: String,
    /// The user name, which is not what others see; their id where it is not told. One line, at most 80 characters.
    pub name: String,
}

/// A button of a release's message, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// Which.
    pub action: Action,
    /// The release.
    pub release: ReleaseId,
    /// The environment that it goes into; none for what is done to the release as a whole.
    pub environment: Option<String>,
    /// The service that waits, with the answers to a pause.
    pub service: Option<String>,
    /// Since when it waits, in milliseconds: which of its pauses the button was drawn for.
    pub since: Option<i64>,
}

/// What a button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The release may go in.
    Approve,
    /// It may not.
    Reject,
    /// A paused deployment goes on.
    Continue,
    /// It goes back.
    RollBack,
    /// The release ends.
    Cancel,
    /// It is tried once more.
    Retry,
    /// The environment goes back from it.
    Revert,
}

/// Why a request is no interaction. The sentence is for the sender; it never holds text of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnInteraction {
    /// A form without the field `payload`.
    #[error("the form has no field payload")]
    Form,
    /// The payload is not JSON.
    #[error("the payload is not JSON")]
    Json,
    /// A member that is needed is absent or cannot be.
    #[error("the payload has no usable {0}")]
    Member(&'static str),
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Approve, Self::Reject, Self::Continue, Self::RollBack, Self::Cancel, Self::Retry, Self::Revert];

    /// The button's `action_id`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Approve => action::APPROVE,
            Self::Reject => action::REJECT,
            Self::Continue => action::CONTINUE,
            Self::RollBack => action::ROLL_BACK,
            Self::Cancel => action::CANCEL,
            Self::Retry => action::RETRY,
            Self::Revert => action::REVERT,
        }
    }

    /// Whether it is done to a release as a whole.
    fn is_of_release(self) -> bool {
        match self {
            Self::Cancel | Self::Retry => true,
            Self::Approve | Self::Reject | Self::Continue | Self::RollBack | Self::Revert => false,
        }
    }

    /// The action of this `action_id`.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.id() == id)
    }
}

impl Press {
    /// Reads a button's value: `<release>/<environment>`, and for a pause also `/<service>`, and `/<milliseconds>` after it; the release alone
    /// for what is done to it as a whole. `None` when it is none of ours.
    pub fn parse(action: Action, value: &str) -> Option<Self> {
        let is_name =
            |name: &str| (1..=NAME).contains(&name.len()) && !name.contains(|c: char| c == '/' || c.is_control());
        let mut parts = value.splitn(4, '/');
        let release = ReleaseId::parse(parts.next()?)?;
        let environment = match parts.next() {
            Some(name) if is_name(name) && !action.is_of_release() => Some(name.to_owned()),
            None if action.is_of_release() => None,
            Some(_) | None => return None,
        };
        let service = match parts.next() {
            Some(name) if is_name(name) => Some(name.to_owned()),
            Some(_) => return None,
            None => None,
        };
        let since = match parts.next() {
            Some(since) => Some(since.parse().ok()?),
            None => None,
        };
        Some(Self { action, release, environment, service, since })
    }
}

impl Press {
    /// The button's value.
    pub fn value(&self) -> String {
        let places = [self.environment.clone(), self.service.clone(), self.since.map(|since| since.to_string())];
        places.into_iter().flatten().fold(self.release.to_string(), |value, place| format!("{value}/{place}"))
    }
}

/// Reads an interaction; `None`: understood, and nothing to us.
pub fn read(body: Verified<'_>) -> Result<Option<Interaction>, NotAnInteraction> {
    let field = form_urlencoded::parse(body.bytes()).find(|(name, _)| name == "payload");
    let (_, payload) = field.ok_or(NotAnInteraction::Form)?;
    let payload: Value = serde_json::from_str(&payload).map_err(|_| NotAnInteraction::Json)?;
    let payload = Member::of(&payload);
    match payload.at("type").text() {
        Some("block_actions") => Ok(pressed(payload)?.map(Interaction::Pressed)),
        Some("view_submission") => Ok(modal::submitted(payload)?.map(Interaction::Submitted)),
        Some(_) | None => Ok(None),
    }
}

fn pressed(payload: Member<'_>) -> Result<Option<Pressed>, NotAnInteraction> {
    let mut actions = payload.at("actions").items();
    let ours = actions.find_map(|pressed| Some((Action::parse(pressed.at("action_id").text()?)?, pressed)));
    let Some((action, pressed)) = ours else { return Ok(None) };
    let press = pressed.at("value").text().and_then(|value| Press::parse(action, value));
    Ok(Some(Pressed {
        by: user(payload.at("user")).ok_or(NotAnInteraction::Member("user.id"))?,
        press: press.ok_or(NotAnInteraction::Member("actions.value"))?,
        response_url: payload.at("response_url").page(),
        trigger: payload.at("trigger_id").text().filter(|id| (1..=200).contains(&id.len())).map(str::to_owned),
        at: pressed.at("action_ts").text().and_then(time),
    }))
}

fn user(user: Member<'_>) -> Option<User> {
    let id = user.at("id").text().filter(|id| is_user(id))?;
    let told = ["name", "username"].into_iter().filter_map(|name| user.at(name).text()).find_map(called);
    Some(User { id: id.to_owned(), name: told.unwrap_or_else(|| id.to_owned()) })
}

/// Whether this may be a user's id: `U` or `W`, and letters and digits, at most 40 bytes.
pub fn is_user(id: &str) -> bool {
    id.starts_with(['U', 'W']) && id.len() <= 40 && id.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A person's name in one line, at most 80 characters; `None` where nothing can be seen of it.
pub fn called(name: &str) -> Option<String> {
    let seen: String = first_line(name).chars().filter(|c| !c.is_control()).collect();
    let seen = seen.trim();
    (!seen.is_empty()).then(|| shorten(seen, 80))
}

/// `1795248000.123456`, seconds since 1970: the whole ones.
fn time(ts: &str) -> Option<Timestamp> {
    Timestamp::from_second(ts.split('.').next()?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests;
