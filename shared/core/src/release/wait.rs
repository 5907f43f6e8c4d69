//! What a release waits for before it is built.

use serde::{Deserialize, Serialize};

use super::{Image, Release, ReleaseId};

/// Another release that has to end before this one's build is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Its id.
    pub release: ReleaseId,
    /// Its pipeline.
    pub pipeline: String,
    /// Its number.
    pub number: u64,
    /// What is waited for.
    pub until: Until,
    /// What came of it, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub met: Option<Met>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Its success: it is upstream (`after` in longshore.toml).
    Success,
    /// Its end, whatever that is: it is the one before of the same branch (`supersede = false`).
    End,
}

/// What a release came to that was waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// Its commit: 40 or 64 hexadecimal digits.
    pub commit: String,
    /// Its image, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
}

impl From<&Release> for Met {
    fn from(release: &Release) -> Self {
        Self { commit: release.commit.id.clone(), image: release.image.clone() }
    }
}
