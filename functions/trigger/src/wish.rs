//! Releases that people ask for by branch or commit.

use longshore_aws::deeds::Undone;
use longshore_core::release::{Person, Release, ReleaseId};

use crate::Trigger;

/// A release that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The id of the release that is made. The same wish sent again has the same id, and makes no second one.
    pub id: ReleaseId,
    /// The pipeline's name.
    pub pipeline: String,
    /// What is built.
    pub what: What,
    /// The one environment that it goes to; all of the pipeline's where none is named.
    pub environment: Option<String>,
    /// Who asked, and why.
    pub person: Person,
}

/// What a wish is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The head of the pipeline's own branch.
    Default,
    /// A branch, a tag or a commit, as it was written.
    Named(String),
}

impl Trigger {
    /// Records the release that somebody asks for, and starts its build. The sentence of a refusal is for whoever asked. Called again with the
    /// same id, it answers with the release that was made.
    pub async fn build_by_name(&self, wish: Wish) -> Result<Release, Undone> {
        Err(Undone::Refused(format!("{} cannot be built by name yet", wish.pipeline)))
    }
}
