//! Pressing a button: what Slack posts to the app then.
//!
//! Sources: <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>,
//! <https://docs.slack.dev/interactivity/handling-user-interaction>. Of a message that one user alone sees the payload has no `message`.

use serde_json::{Value, json};

use crate::{
    Message, Slack,
    respond::Answerable,
    settings::{Interactions, User},
};

/// Why nothing was pressed, or typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPressed {
    /// No app listens.
    #[error("this inbox has no interactions URL to send a click to")]
    Nowhere,
    /// No such user.
    #[error("there is no such user")]
    NoUser,
    /// No such message, or it has never had such a button.
    #[error("there is no such button")]
    NoButton,
    /// No such channel, or it is archived.
    #[error("there is no such channel")]
    NoChannel,
    /// What was typed is no command: `/` and a word.
    #[error("a command is a word that begins with /")]
    NoCommand,
    /// The app did not answer within three seconds: people see a warning sign.
    #[error("the app did not answer: {0}")]
    NoAnswer(&'static str),
}

impl Slack {
    /// A user presses a button of a message, by its `action_id`; gives the status of the app's answer. A button that the message shows no
    /// more can be pressed, too: by someone whose screen is behind.
    pub async fn press(&self, user: &str, ts: &str, action_id: &str) -> Result<u16, NotPressed> {
        let to = self.settings.interactions.as_ref().ok_or(NotPressed::Nowhere)?;
        let payload = self.payload(to, user, ts, action_id)?;
        Ok(self.interact(to, &payload).await?.status)
    }

    fn payload(&self, to: &Interactions, user: &str, ts: &str, action_id: &str) -> Result<Value, NotPressed> {
        let user = self.user(user)?;
        let trigger = self.trigger_of(&user.id);
        let mut state = self.state();
        let seen = |message: &Message| message.only_for.as_ref().is_none_or(|only| *only == user.id);
        let there = |message: &&Message| message.ts == ts && !message.deleted && seen(message);
        let message = state.messages.iter().find(there).cloned().ok_or(NotPressed::NoButton)?;
        let (attachment, mut pressed) = button(&message, action_id).ok_or(NotPressed::NoButton)?;
        let channel = state.channels.iter().find(|channel| channel.id == message.channel);
        let channel = json!({ "id": message.channel, "name": channel.map(|channel| channel.name.as_str()) });
        let original = Some(message.ts.clone());
        let answerable = Answerable::new(&message.channel, message.thread_ts.clone(), &user.id, original);
        let response_url = state.answerable(to, answerable);
        pressed["action_ts"] = state.ts().into();
        let mut container = json!({
            "type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": message.only_for.is_some(),
        });
        if let Some(attachment) = attachment {
            (container["type"], container["attachment_id"]) = ("message_attachment".into(), attachment);
            container["is_app_unfurl"] = false.into();
        }
        let mut payload = json!({
            "type": "block_actions", "api_app_id": crate::APP, "token": "not-used-any-more", "trigger_id": trigger,
            "user": person(user), "team": team(), "enterprise": null, "is_enterprise_install": false,
            "container": container, "channel": channel, "state": {"values": {}}, "response_url": response_url,
            "actions": [pressed],
        });
        if message.only_for.is_none() {
            payload["message"] = message.shown(false);
        }
        Ok(payload)
    }
}

/// Who did it, as a payload tells it.
pub fn person(user: &User) -> Value {
    json!({ "id": user.id, "username": user.name, "name": user.name, "team_id": crate::TEAM })
}

/// The workspace, as a payload tells it.
pub fn team() -> Value {
    json!({ "id": crate::TEAM, "domain": "local" })
}

/// A button of a message, as a press tells it, and the id of its attachment where it is in one; else of what the message said before, the
/// newest first.
fn button(message: &Message, action_id: &str) -> Option<(Option<Value>, Value)> {
    let before = message.history.iter().rev().map(|version| (&version.blocks, &version.attachments));
    std::iter::once((&message.blocks, &message.attachments)).chain(before).find_map(|(blocks, attachments)| {
        let within = |attachment: &Value| {
            let pressed = among(attachment["blocks"].as_array()?, action_id)?;
            Some((Some(attachment["id"].clone()), pressed))
        };
        among(blocks, action_id).map(|pressed| (None, pressed)).or_else(|| attachments.iter().find_map(within))
    })
}

fn among(blocks: &[Value], action_id: &str) -> Option<Value> {
    let pressable =
        |element: &&Value| element["type"] == "button" && element["url"].is_null() && element["action_id"] == action_id;
    blocks.iter().find_map(|block| {
        let elements = block["elements"].as_array().into_iter().flatten();
        let mut pressed = elements.chain([&block["accessory"]]).find(pressable)?.clone();
        pressed["block_id"] = block["block_id"].clone();
        Some(pressed)
    })
}
