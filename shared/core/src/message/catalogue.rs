//! Every message in every state, made of releases that never were: what `longshore messages` shows, what the snapshots hold, and what
//! `make test` has validated against Slack's published block structure.
//!
//! All of them come about as real ones do, by facts that a release takes one after another.

mod builds;
mod deployments;
mod made;
mod unusual;

use serde_json::Value;

use super::{Known, Reply, View, thread, view};
use crate::release::Release;

/// A message in one state.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Names it, for files and options: lower-case words with `-` between them.
    pub name: &'static str,
    /// What it shows, in a sentence.
    pub title: &'static str,
    /// The release that it is of.
    pub release: Release,
    /// What was looked up for it.
    pub known: Known,
}

impl Sample {
    /// The message.
    pub fn view(&self) -> View {
        view(&self.release, &self.known)
    }

    /// Its thread.
    pub fn thread(&self) -> Vec<Reply> {
        thread(&self.release, &self.known)
    }

    /// Both as text: the colour and what a notification shows, a line for each block, and the replies after `--`. Markup stays as it is sent.
    pub fn text(&self) -> String {
        let View { text, attachments } = self.view();
        let mut shown = String::new();
        for attachment in attachments.as_array().into_iter().flatten() {
            shown += &[attachment["color"].as_str().unwrap_or_default(), " ", &text, "\n"].concat();
            for block in attachment["blocks"].as_array().into_iter().flatten() {
                shown += &(texts(block).join("  ") + "\n");
            }
        }
        let replies = self.thread().into_iter().map(|Reply(text)| format!("--\n{text}\n"));
        shown + &replies.collect::<String>()
    }
}

/// The texts of a block: its own, or those of its elements.
fn texts(block: &Value) -> Vec<&str> {
    let elements = block["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
    let elements = elements.iter().map(|element| &element["text"]);
    let own = std::iter::once(&block["text"]).chain(elements);
    own.filter_map(|text| text.as_str().or_else(|| text["text"].as_str())).collect()
}

/// All of them: builds, deployments, ends, and what is out of the ordinary.
pub fn all() -> Vec<Sample> {
    [builds::all(), deployments::all(), unusual::all()].concat()
}

#[cfg(test)]
mod tests;
