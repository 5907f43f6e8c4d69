//! What whoever gives a command is answered: pure views, in Slack's blocks.
//!
//! Texts from outside are escaped and cut; an answer is within Slack's limits, whatever it is made of: 50 blocks, 3,000 characters in the text of a
//! section, and about 13,000 in all, which Slack does not document. Times are shown in each reader's own zone.
//!
//! Sources: <https://docs.slack.dev/reference/block-kit/blocks>,
//! <https://docs.slack.dev/interactivity/implementing-slash-commands#responding_to_commands>.

mod confirmation;
mod deed;
mod help;
mod logs;
mod releases;
mod status;
mod why;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::{
    confirmation::{Change, confirmation},
    deed::{Done, acknowledged, confirmed, dismissed, done, undone},
    help::{help, unclear},
    logs::logs,
    releases::releases,
    status::{Place, Standing, status},
    why::{Pushed, why},
};
use crate::message::markup::{escape, section};

/// What somebody is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What notifications show, and what is read aloud.
    pub text: String,
    /// The message.
    pub blocks: Vec<Value>,
}

/// Who sees an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Whoever gave the command.
    Privately,
    /// Everybody in the channel.
    Publicly,
    /// Whoever gave the command, in the place of what they were asked.
    Instead,
}

impl Answer {
    /// With the first line of a text for notifications; in the place of one that is long, the program's name.
    pub(crate) fn new(text: &str, blocks: Vec<Value>) -> Self {
        let line = text.lines().next().unwrap_or_default();
        let is_short = (1..=1000).contains(&line.chars().count());
        let text = if is_short { line } else { "Longshore" };
        let blocks = if blocks.is_empty() { vec![section(text)] } else { blocks };
        Self { text: text.to_owned(), blocks }
    }

    /// An answer of one text. It is taken as it is: what comes from outside is escaped before, and cut.
    pub(crate) fn of(text: &str) -> Self {
        let mut page = Page::default();
        page.line(text);
        Self::new(text, page.blocks())
    }

    /// What is answered when something went wrong, in a sentence: plain text, which is escaped here.
    pub fn sentence(text: &str) -> Self {
        Self::of(&escape(&crate::text::shorten(text, 2000)))
    }

    /// The body of the answer to a command, and of a request to its `response_url`.
    pub fn body(&self, seen: Seen) -> Value {
        let (response_type, replace) = match seen {
            Seen::Privately => ("ephemeral", false),
            Seen::Publicly => ("in_channel", false),
            Seen::Instead => ("ephemeral", true),
        };
        json!({
            "response_type": response_type, "replace_original": replace, "delete_original": false,
            "text": self.text, "blocks": self.blocks,
        })
    }
}

/// Collects lines into as many sections as they need, and stops where Slack would not take more.
#[derive(Debug, Default)]
struct Page {
    blocks: Vec<Value>,
    /// The text of the section that is being filled.
    open: String,
    /// How many characters the sections have that are full, and the open one.
    length: usize,
    /// How many lines there was no room for.
    left_out: usize,
}

impl Page {
    /// The most characters of a section.
    const SECTION: usize = 2800;
    /// The most characters of all.
    const ALL: usize = 11_000;
    /// The most blocks, with room for buttons and for the line that tells what was left out.
    const BLOCKS: usize = 46;

    /// Adds a line of at most [`Page::SECTION`] characters; one that is longer, or that there is no room for, is left out.
    fn line(&mut self, line: &str) {
        let characters = line.chars().count() + 1;
        let closes = !self.open.is_empty() && self.open.chars().count() + characters > Self::SECTION;
        let fits = characters <= Self::SECTION
            && self.length + characters <= Self::ALL
            && self.blocks.len() + usize::from(closes) < Self::BLOCKS;
        if self.left_out > 0 || !fits {
            self.left_out += 1;
            return;
        }
        if closes {
            self.close();
        }
        if !self.open.is_empty() {
            self.open.push('\n');
        }
        self.open += line;
        self.length += characters;
    }

    /// Begins a new section.
    fn close(&mut self) {
        let text = std::mem::take(&mut self.open);
        if !text.trim().is_empty() {
            self.blocks.push(section(&text));
        }
    }

    fn blocks(mut self) -> Vec<Value> {
        self.close();
        if self.left_out > 0 {
            let more = format!("… and {} more, for which there is no room", self.left_out);
            self.blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": more }] }));
        }
        self.blocks
    }
}

#[cfg(test)]
mod tests;
