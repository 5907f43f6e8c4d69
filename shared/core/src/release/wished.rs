//! Releases that people ask for by branch or commit, without a push.

use super::{Person, Release};
use crate::text::list;

/// A release goes into no environment of the name that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotThere {
    /// It has others.
    #[error("{pipeline} has no environment {environment}: it has {present}")]
    NoEnvironment {
        /// The pipeline.
        pipeline: String,
        /// The environment that was asked for.
        environment: String,
        /// Those that it has.
        present: String,
    },
    /// It has none at all.
    #[error("{0} is built and deployed nowhere: it has no environment")]
    Nowhere(String),
}

impl Release {
    /// A release that somebody asked for by branch or commit, made of one that has just been accepted. With an environment it goes there
    /// and nowhere else. With `once_more` every lock holds it; otherwise it passes that of a rollback.
    ///
    /// Where the commit is not known, CodeBuild is told the branch or tag. A push never takes the place of such a release before it is
    /// deploying, since somebody wants this one; in each environment its number decides, as for all.
    pub fn wished(mut self, person: Person, environment: Option<&str>, once_more: bool) -> Result<Self, NotThere> {
        if let Some(name) = environment {
            if self.deployments.is_empty() {
                return Err(NotThere::Nowhere(self.pipeline));
            }
            if self.deployment_to(name).is_err() {
                let names = self.deployments.iter().map(|deployment| deployment.environment.clone());
                let present = list(names, "and");
                return Err(NotThere::NoEnvironment { pipeline: self.pipeline, environment: name.to_owned(), present });
            }
            self.deployments.retain(|deployment| deployment.environment == name);
        }
        if self.commit.known().is_none() {
            self.build.source = Some(self.reference.name.clone());
        }
        self.supersede = false;
        self.wished = Some(person);
        self.once_more = once_more;
        Ok(self)
    }

    /// Whether the name of a branch or tag means that to CodeBuild and nothing else: `pr/7` is a pull request there, what has the form of
    /// a commit's id is a commit, and what begins as a whole reference is one.
    ///
    /// Source: <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html> (`sourceVersion`).
    pub fn is_plain_source(name: &str) -> bool {
        let hexadecimal = (4..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        !hexadecimal
            && name != "HEAD"
            && !["pr/", "refs/", "heads/", "tags/"].iter().any(|begin| name.starts_with(begin))
    }
}

/// What stands for a branch or tag in an image's tag, which begins with a letter, a digit or `_`, and goes on with those, `.` and `-`.
///
/// Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
pub(super) fn tag_of(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let name: String = name.trim_start_matches(['-', '.']).chars().take(40).collect();
    if name.is_empty() { "head".to_owned() } else { name }
}

#[cfg(test)]
mod tests;
