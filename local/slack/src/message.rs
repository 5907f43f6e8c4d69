//! A message and everything that became of it.

use serde::Serialize;
use serde_json::{Value, json};

/// A message. Texts are as they were sent: Slack's escaping (`&lt;`) and markup are in them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// The channel's id.
    pub channel: String,
    /// The message's identity within the channel, and its time: seconds and microseconds since 1970.
    pub ts: String,
    /// The `ts` of the message that this one replies to.
    pub thread_ts: Option<String>,
    /// Whether a reply is shown in the channel too (`reply_broadcast`).
    pub broadcast: bool,
    /// The user who wrote it; the bot's own user for the app.
    pub user: String,
    /// Whether the app wrote it.
    pub by_app: bool,
    /// The text, or the fallback of the blocks.
    pub text: String,
    /// The blocks, with the ids that Slack adds.
    pub blocks: Vec<Value>,
    /// The secondary attachments.
    pub attachments: Vec<Value>,
    /// `{event_type, event_payload}`.
    pub metadata: Option<Value>,
    /// When the text was edited last. As in Slack, an update that gives blocks does not set it.
    pub edited: Option<String>,
    /// What it said before each update, oldest first.
    pub history: Vec<Version>,
    /// Reactions, in the order of their first use.
    pub reactions: Vec<Reaction>,
    /// The one user who sees it (`chat.postEphemeral`).
    pub only_for: Option<String>,
    /// Whether `chat.delete` was called; Slack shows it no more.
    pub deleted: bool,
}

/// What a message said before an update.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Version {
    /// The text.
    pub text: String,
    /// The blocks.
    pub blocks: Vec<Value>,
    /// The attachments.
    pub attachments: Vec<Value>,
    /// When it was replaced.
    pub until: String,
}

/// An emoji put under a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reaction {
    /// Without colons.
    pub name: String,
    /// Who put it.
    pub users: Vec<String>,
}

impl Message {
    /// Whether it stands in the channel itself, not only in a thread.
    pub fn is_top_level(&self) -> bool {
        self.thread_ts.is_none() || self.broadcast
    }

    /// Keeps what it says for its history: it is about to say something else.
    pub(crate) fn keep(&mut self, until: &str) {
        let (text, blocks, attachments) = (self.text.clone(), self.blocks.clone(), self.attachments.clone());
        self.history.push(Version { text, blocks, attachments, until: until.to_owned() });
    }

    /// As the Web API shows it.
    pub(crate) fn shown(&self, metadata: bool) -> Value {
        let mut shown = json!({ "type": "message", "user": self.user, "ts": self.ts, "text": self.text });
        if self.by_app {
            shown["bot_id"] = crate::BOT.into();
            shown["app_id"] = crate::APP.into();
        }
        if self.broadcast {
            shown["subtype"] = "thread_broadcast".into();
        }
        if !self.blocks.is_empty() {
            shown["blocks"] = json!(self.blocks);
        }
        if !self.attachments.is_empty() {
            shown["attachments"] = json!(self.attachments);
        }
        if let Some(thread) = &self.thread_ts {
            shown["thread_ts"] = thread.as_str().into();
        }
        if let Some(edited) = &self.edited {
            shown["edited"] = json!({ "user": self.user, "ts": edited });
        }
        if !self.reactions.is_empty() {
            let reactions = self.reactions.iter();
            shown["reactions"] =
                reactions.map(|r| json!({ "name": r.name, "users": r.users, "count": r.users.len() })).collect();
        }
        if let Some(value) = self.metadata.as_ref().filter(|_| metadata) {
            shown["metadata"] = value.clone();
        }
        shown
    }
}
