//! Commands that do not say what is wanted: what is missing, and what may have been meant.

use super::{LONGEST_REASON, Word};
use crate::text::{list, nearest, quote};

/// Why a command is not understood. The sentence is for whoever gave it; what they wrote is in it, shortened, and is not escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// It is longer than [`super::LONGEST`].
    #[error("that is longer than any command")]
    TooLong,
    /// Its first word is neither a command nor a pipeline.
    #[error("there is no command and no pipeline {}{}", quote(.written, 60), meant(.nearest.as_deref()))]
    Unknown {
        /// The word.
        written: String,
        /// The command or the pipeline that may have been meant.
        nearest: Option<String>,
    },
    /// It names a pipeline that is not in the configuration.
    #[error("there is no pipeline {}{}: there is {present}", quote(.written, 60), meant(.nearest.as_deref()))]
    NoPipeline {
        /// What was written.
        written: String,
        /// The one that may have been meant.
        nearest: Option<String>,
        /// Those that there are.
        present: String,
    },
    /// It names an environment that the pipeline does not have.
    #[error("{pipeline} has no environment {}{}: it has {present}", quote(.written, 60), meant(.nearest.as_deref()))]
    NoEnvironment {
        /// The pipeline.
        pipeline: String,
        /// What was written.
        written: String,
        /// The one that may have been meant.
        nearest: Option<String>,
        /// Those that it has.
        present: String,
    },
    /// It names a repository that no pipeline is of.
    #[error("no pipeline is of the repository {}{}: there is {present}", quote(.written, 100), meant(.nearest.as_deref()))]
    NoRepository {
        /// What was written.
        written: String,
        /// The one that may have been meant.
        nearest: Option<String>,
        /// Those that there are.
        present: String,
    },
    /// Something has to follow.
    #[error("{what} is missing")]
    Missing {
        /// The command.
        word: Word,
        /// What: `ENV`, `RELEASE`.
        what: &'static str,
    },
    /// Something stands where a release has to.
    #[error("{} is no release: one is named by its pipeline and number (web#7), or by its id", quote(.written, 60))]
    NotARelease {
        /// The command.
        word: Word,
        /// What was written.
        written: String,
    },
    /// The release to go back to is one of another pipeline.
    #[error("{release} is no release of {pipeline}")]
    AnotherPipeline {
        /// The release, as it is named.
        release: String,
        /// The pipeline that the command is for.
        pipeline: String,
    },
    /// Something stands where a branch or a commit has to.
    #[error("{} is no name that git would take for a branch", quote(.written, 60))]
    NotABranch {
        /// The command.
        word: Word,
        /// What was written.
        written: String,
    },
    /// The reason is longer than a record keeps.
    #[error("the reason has {length} characters, and {LONGEST_REASON} are kept")]
    LongReason {
        /// How many it has.
        length: usize,
    },
    /// More follows than the command takes.
    #[error("{} is too much", quote(.written, 60))]
    TooMuch {
        /// The command.
        word: Word,
        /// The first word of it.
        written: String,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}

impl Unclear {
    /// The command that was begun, where one is known: its usage helps.
    pub fn word(&self) -> Option<Word> {
        match self {
            Self::TooLong
            | Self::NoPipeline { .. }
            | Self::NoEnvironment { .. }
            | Self::NoRepository { .. }
            | Self::AnotherPipeline { .. }
            | Self::LongReason { .. } => None,
            Self::Unknown { nearest, .. } => nearest.as_deref().and_then(Word::parse),
            Self::Missing { word, .. }
            | Self::NotARelease { word, .. }
            | Self::NotABranch { word, .. }
            | Self::TooMuch { word, .. } => Some(*word),
        }
    }

    pub(super) fn unknown(written: &str, pipelines: &[&str]) -> Self {
        let mut names: Vec<&str> = Word::ALL.into_iter().map(Word::word).collect();
        names.extend(pipelines);
        let nearest = nearest(written, names).map(str::to_owned);
        Self::Unknown { written: written.to_owned(), nearest }
    }

    pub(super) fn no_pipeline(written: &str, pipelines: &[&str]) -> Self {
        Self::NoPipeline { written: written.to_owned(), nearest: near(written, pipelines), present: all(pipelines) }
    }

    /// The pipeline has these environments, and not the one that was written.
    pub fn no_environment(pipeline: &str, written: &str, environments: &[&str]) -> Self {
        Self::NoEnvironment {
            pipeline: pipeline.to_owned(),
            written: written.to_owned(),
            nearest: near(written, environments),
            present: all(environments),
        }
    }

    pub(super) fn no_repository(written: &str, repositories: &[&str]) -> Self {
        Self::NoRepository {
            written: written.to_owned(),
            nearest: near(written, repositories),
            present: all(repositories),
        }
    }
}

fn near(written: &str, names: &[&str]) -> Option<String> {
    // The beginning of a name is as near as a slip: `prod`.
    let begun = names.iter().find(|name| !written.is_empty() && name.starts_with(written));
    nearest(written, names.iter().copied()).or(begun.copied()).map(str::to_owned)
}

fn all(names: &[&str]) -> String {
    list(names.iter().map(|&name| name.to_owned()), "and")
}
