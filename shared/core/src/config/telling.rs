//! `notify` and `thread`: how much of a release people are told.

use serde::{Deserialize, Serialize};

/// `notify` and `thread`, of `[slack]` or of a pipeline, whose own come before those of `[slack]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// `notify`: which releases are told of, and from when on.
    #[serde(default)]
    pub notify: Notify,
    /// `thread`: whether what happens goes into the message's thread (the default); otherwise only what mentions somebody does.
    pub thread: bool,
}

/// Which releases are told of, and from when on. What waits for a person's answer is told in any case: nobody could give it otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notify {
    /// `"all"`: each, from its beginning to its end.
    #[default]
    All,
    /// `"deploys"`: from the moment that it goes into an environment; and those that fail before.
    Deploys,
    /// `"failures"`: those that fail, or are rolled back.
    Failures,
}

impl Notify {
    /// All, in the order in which they are explained.
    pub const ALL: [Self; 3] = [Self::All, Self::Deploys, Self::Failures];

    /// longshore.toml's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Deploys => "deploys",
            Self::Failures => "failures",
        }
    }

    /// Reads longshore.toml's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notify| notify.word() == word)
    }
}

impl Telling {
    /// Whether it is as where both keys are absent.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Telling {
    fn default() -> Self {
        Self { notify: Notify::All, thread: true }
    }
}
