//! What a message may say: the arguments that `chat.postMessage`, `chat.postEphemeral` and `chat.update` share.
//! Source: <https://docs.slack.dev/reference/methods/chat.postMessage>.

use serde_json::{Value, json};

use crate::{
    answer::Failure,
    blocks::{Surface, check},
    message::Message,
    request::Args,
    state::State,
};

/// Slack truncates a longer text or, of late, refuses it.
const TEXT: usize = 40_000;
const ATTACHMENTS: usize = 100;
/// Slack documents no limit for all blocks together. Users measured 13,297 characters of text in one block, and about 125 less
/// for each block more: <https://github.com/slackapi/bolt-js/issues/2509>.
const ALL_BLOCKS: usize = 13_297 + PER_BLOCK;
const PER_BLOCK: usize = 125;
/// <https://docs.slack.dev/messaging/message-metadata>: 16 kilobytes.
const METADATA: usize = 16 * 1024;

/// The content that a call gives; `None` is an argument that was not given.
#[derive(Debug)]
pub struct Content {
    pub text: Option<String>,
    pub blocks: Option<Vec<Value>>,
    pub attachments: Option<Vec<Value>>,
    pub metadata: Option<Value>,
}

impl Content {
    /// Reads and checks the arguments.
    pub fn read(args: &Args) -> Result<Self, Failure> {
        let content = Self {
            text: args.text("text"),
            blocks: args.array("blocks", "invalid_blocks_format")?,
            attachments: args.array("attachments", "invalid_attachments")?,
            metadata: args.json("metadata", "invalid_metadata_format")?,
        };
        if content.text.as_deref().is_some_and(|text| text.chars().count() > TEXT) {
            return Err(Failure::new("msg_too_long"));
        }
        let blocks = content.blocks.as_deref().unwrap_or_default();
        let attachments = content.attachments.as_deref().unwrap_or_default();
        if attachments.len() > ATTACHMENTS {
            return Err(Failure::new("too_many_attachments"));
        }
        let errors = check(blocks, "/blocks", Surface::Message);
        if !errors.is_empty() {
            return Err(Failure::with("invalid_blocks", errors));
        }
        let errors = attachments.iter().enumerate().flat_map(|(i, attachment)| check_attachment(i, attachment));
        let errors: Vec<_> = errors.collect();
        if !errors.is_empty() {
            return Err(Failure::with("invalid_attachments", errors));
        }
        let nested = attachments.iter().filter_map(|a| a["blocks"].as_array()).flatten();
        if blocks.iter().chain(nested).map(|block| PER_BLOCK + characters(block)).sum::<usize>() > ALL_BLOCKS {
            return Err(Failure::new("msg_blocks_too_long"));
        }
        check_metadata(content.metadata.as_ref())?;
        Ok(content)
    }

    /// Whether there is anything to see.
    pub fn is_empty(&self) -> bool {
        let none = |items: &Option<Vec<Value>>| items.as_ref().is_none_or(Vec::is_empty);
        self.text.as_deref().unwrap_or_default().trim().is_empty() && none(&self.blocks) && none(&self.attachments)
    }

    /// Puts the content into a message, in place of what it had.
    pub fn fill(self, state: &mut State, message: &mut Message) {
        message.text = self.text.unwrap_or_default();
        message.blocks = identified(state, self.blocks.unwrap_or_default());
        message.attachments = numbered(state, self.attachments.unwrap_or_default());
        message.metadata = self.metadata;
    }
}

/// An empty message of the app.
pub fn blank(channel: &str, ts: &str) -> Message {
    Message {
        channel: channel.into(),
        ts: ts.into(),
        thread_ts: None,
        broadcast: false,
        user: crate::BOT_USER.into(),
        by_app: true,
        text: String::new(),
        blocks: Vec::new(),
        attachments: Vec::new(),
        metadata: None,
        edited: None,
        history: Vec::new(),
        reactions: Vec::new(),
        only_for: None,
        deleted: false,
    }
}

/// Slack names blocks and interactive elements that have no name.
pub fn identified(state: &mut State, mut blocks: Vec<Value>) -> Vec<Value> {
    for block in &mut blocks {
        if block["block_id"].is_null() {
            block["block_id"] = state.id("b").into();
        }
        let Some(members) = block.as_object_mut() else { continue };
        for (name, member) in members {
            match (name.as_str(), member) {
                ("elements", Value::Array(elements)) => elements.iter_mut().for_each(|element| named(state, element)),
                ("element" | "accessory", element) => named(state, element),
                _ => {}
            }
        }
    }
    blocks
}

fn named(state: &mut State, element: &mut Value) {
    let interactive = !matches!(element["type"].as_str(), Some("mrkdwn" | "plain_text" | "image"));
    if interactive && element["action_id"].is_null() {
        element["action_id"] = state.id("a").into();
    }
}

/// Slack numbers attachments from 1.
pub fn numbered(state: &mut State, attachments: Vec<Value>) -> Vec<Value> {
    let number = |(i, mut attachment): (usize, Value)| {
        attachment["id"] = json!(i + 1);
        if let Some(blocks) = attachment["blocks"].as_array() {
            attachment["blocks"] = identified(state, blocks.clone()).into();
        }
        attachment
    };
    attachments.into_iter().enumerate().map(number).collect()
}

fn check_attachment(i: usize, attachment: &Value) -> Vec<String> {
    let pointer = format!("/attachments/{i}");
    match (attachment.is_object(), &attachment["blocks"]) {
        (false, _) => vec![format!("must provide an object [json-pointer:{pointer}]")],
        (true, Value::Null) => Vec::new(),
        (true, Value::Array(blocks)) => check(blocks, &format!("{pointer}/blocks"), Surface::Message),
        (true, _) => vec![format!("must provide an array [json-pointer:{pointer}/blocks]")],
    }
}

fn check_metadata(metadata: Option<&Value>) -> Result<(), Failure> {
    let Some(metadata) = metadata else { return Ok(()) };
    if !(metadata["event_type"].is_string() && metadata["event_payload"].is_object()) {
        return Err(Failure::new("invalid_metadata_schema"));
    }
    if metadata.to_string().len() > METADATA {
        return Err(Failure::new("metadata_too_large"));
    }
    Ok(())
}

/// The characters of every `text` in a block.
fn characters(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(characters).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) if name == "text" => text.chars().count(),
                Value::String(_) => 0,
                other => characters(other),
            })
            .sum(),
        _ => 0,
    }
}
