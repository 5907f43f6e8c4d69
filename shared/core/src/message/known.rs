//! What a message shows besides the record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::release::Brought;

/// What was looked up for a release's message, once, when it was first drawn: its record does not hold it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The commit's author, where their address is that of a member of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Member>,
    /// What was live before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// Who is asked to approve, by environment, as mentions: `<@U…>`, `<!subteam^S…>`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub approvers: BTreeMap<String, Vec<String>>,
}

/// A member of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `U…` or `W…`.
    pub id: String,
    /// The name that others see: one line, at most 80 characters.
    pub name: String,
}

/// The release of the same pipeline that was live last, and what came after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// Its number.
    pub number: u64,
    /// Its commit: 40 or 64 hexadecimal digits.
    pub commit: String,
    /// The commits since, oldest first, as far as deliveries told them; at most [`Since::COMMITS`], the newest.
    pub commits: Vec<Brought>,
    /// Whether there may be more than these.
    #[serde(default)]
    pub more: bool,
}

impl Since {
    /// How many commits are kept.
    pub const COMMITS: usize = 30;
}
