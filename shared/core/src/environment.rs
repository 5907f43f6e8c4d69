//! An environment: what it runs, what it ran before, and whether it is locked. The table has a record of each.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    image::Digest,
    release::{Lock, Release, ReleaseId},
};

/// The record of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The number of the newest release that was admitted.
    pub newest: Option<u64>,
    /// That release.
    pub release: Option<ReleaseId>,
    /// What was live there, the latest first; at most [`Environment::KEPT`].
    pub live: Vec<Live>,
    /// Its lock; it may have run out.
    pub lock: Option<Lock>,
}

/// A release that was live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// Its id.
    pub release: ReleaseId,
    /// Its number.
    pub number: u64,
    /// The number of the release whose images it took there again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// Its commit.
    pub commit: String,
    /// The digest of the pipeline's own image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// When it went live.
    pub at: Timestamp,
}

impl Live {
    /// A release that is live now.
    pub fn of(release: &Release, now: Timestamp) -> Self {
        Self {
            release: release.id.clone(),
            number: release.number,
            of: release.asked.as_ref().map(|asked| asked.number),
            commit: release.commit.id.clone(),
            digest: release.image.as_ref().map(|image| image.digest.clone()),
            at: now,
        }
    }

    /// The number of the release whose images these are.
    pub fn origin(&self) -> u64 {
        self.of.unwrap_or(self.number)
    }
}

/// Why there is nothing to go back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no earlier live release to go back to")]
pub struct NoEarlier;

impl Environment {
    /// How many live releases are kept.
    pub const KEPT: usize = 50;

    /// Writes down what is live; `false` when that is known.
    pub fn went_live(&mut self, live: Live) -> bool {
        if self.live.iter().any(|known| known.release == live.release) {
            return false;
        }
        let newer = self.live.iter().take_while(|known| known.number > live.number).count();
        self.live.insert(newer, live);
        self.live.truncate(Self::KEPT);
        true
    }

    /// What a rollback goes to when nobody names a release: what is live while another release is on its way in; else what was live
    /// before, and is not of the same release.
    pub fn earlier(&self, is_on_its_way: bool) -> Result<&Live, NoEarlier> {
        let current = self.live.first().ok_or(NoEarlier)?;
        if is_on_its_way && self.newest.is_some_and(|newest| newest > current.number) {
            return Ok(current);
        }
        self.live.iter().find(|live| live.origin() < current.origin()).ok_or(NoEarlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(number: u64, of: Option<u64>) -> Live {
        let release = ReleaseId::parse(&format!("01JD00000000000000000000{number:02}")).expect("an id");
        let at = Timestamp::from_second(1_800_000_000).expect("a time");
        Live { release, number, of, commit: String::new(), digest: None, at }
    }

    fn environment(newest: u64, numbers: &[(u64, Option<u64>)]) -> Environment {
        let mut environment = Environment { newest: Some(newest), ..Environment::default() };
        for &(number, of) in numbers {
            assert!(environment.went_live(live(number, of)));
        }
        environment
    }

    #[test]
    fn what_went_live_is_known_once_and_the_newest_is_first() {
        let mut known = environment(3, &[(1, None), (3, None), (2, None)]);
        assert_eq!(known.live.iter().map(|live| live.number).collect::<Vec<_>>(), [3, 2, 1]);
        assert!(!known.went_live(live(3, None)));
    }

    #[test]
    fn a_rollback_goes_to_what_was_live_before() {
        assert_eq!(environment(2, &[(1, None), (2, None)]).earlier(false).map(|live| live.number), Ok(1));
        assert_eq!(environment(1, &[(1, None)]).earlier(false), Err(NoEarlier));
        assert_eq!(environment(0, &[]).earlier(true), Err(NoEarlier));
    }

    #[test]
    fn while_a_release_is_on_its_way_a_rollback_goes_to_what_is_live() {
        assert_eq!(environment(3, &[(1, None), (2, None)]).earlier(true).map(|live| live.number), Ok(2));
        assert_eq!(environment(3, &[(1, None), (2, None)]).earlier(false).map(|live| live.number), Ok(1));
    }

    #[test]
    fn two_rollbacks_go_back_twice() {
        let once = environment(4, &[(1, None), (2, None), (3, None), (4, Some(2))]);
        assert_eq!(once.earlier(false).map(|live| live.number), Ok(1));
    }
}
