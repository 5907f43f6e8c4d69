//! CodeBuild: builds that are started once per idempotency token, end in any order, and report their image with `curl`.

use jiff::{SignedDuration, Timestamp};
use longshore_core::release::{Outcome, ReleaseId};

/// For how long CodeBuild knows an idempotency token.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(5);

#[derive(Default)]
pub struct CodeBuild {
    pub builds: Vec<Build>,
}

pub struct Build {
    pub id: String,
    pub release: ReleaseId,
    started: Timestamp,
    pub outcome: Option<Outcome>,
    /// Whether its image was accepted.
    pub reported: bool,
    /// How often it tried to report it.
    pub attempts: u32,
    pub digest: char,
}

impl CodeBuild {
    /// How often `curl` tries.
    pub const ATTEMPTS: u32 = 5;

    /// StartBuild, with the release as idempotency token.
    pub fn start(&mut self, release: &ReleaseId, digest: char, knows_tokens: bool, now: Timestamp) -> String {
        let known = |build: &&Build| build.release == *release && now.duration_since(build.started) < TOKEN_LIFE;
        if let Some(known) = self.builds.iter().find(known).filter(|_| knows_tokens) {
            return known.id.clone();
        }
        let id = format!("web-build:{}", self.builds.len());
        let (release, started) = (release.clone(), now);
        self.builds.push(Build {
            id: id.clone(),
            release,
            started,
            outcome: None,
            reported: false,
            attempts: 0,
            digest,
        });
        id
    }

    /// A build of this release.
    pub fn find(&self, release: &ReleaseId) -> Option<String> {
        self.builds.iter().find(|build| build.release == *release).map(|build| build.id.clone())
    }

    pub fn outcome(&self, id: &str) -> Option<Outcome> {
        self.builds.iter().find(|build| build.id == id)?.outcome
    }

    pub fn stop(&mut self, id: &str) {
        if let Some(build) = self.builds.iter_mut().find(|build| build.id == id) {
            build.outcome.get_or_insert(Outcome::Stopped);
        }
    }
}
