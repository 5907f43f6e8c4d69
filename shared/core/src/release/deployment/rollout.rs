//! From what ECS says about a deployment of a service to its verdict.

use super::Verdict;

/// How far a deployment of a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollout {
    /// Under way, or not seen yet.
    Under,
    /// It brought its revision.
    Successful,
    /// It went back to the revision before.
    RolledBack(Option<String>),
    /// It failed: what ECS says.
    Failed(Option<String>),
    /// It was stopped, by a person or because another took over.
    Stopped(Option<String>),
}

impl Rollout {
    /// The verdict, with ECS's reason; `None` while there is none. `ours` is the revision that the deployment brings, `serving` the one
    /// that the service is to run by now.
    ///
    /// A deployment that completed and whose revision the service runs no more was superseded: "live" is what serves.
    pub fn verdict(self, ours: &str, serving: &str) -> Option<(Verdict, Option<String>)> {
        let taken_over = || Some("another deployment took over".to_owned());
        match self {
            Self::Under => None,
            Self::Successful if ours == serving => Some((Verdict::Live, None)),
            Self::Successful => Some((Verdict::Superseded, taken_over())),
            Self::RolledBack(reason) => Some((Verdict::RolledBack, reason)),
            Self::Failed(reason) => Some((Verdict::Failed, reason)),
            // Another deployment took over, or someone stopped this one and nothing came in its place.
            Self::Stopped(reason) if ours != serving => Some((Verdict::Superseded, reason.or_else(taken_over))),
            Self::Stopped(reason) => {
                Some((Verdict::Failed, reason.or_else(|| Some("the deployment was stopped".to_owned()))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_is_only_what_completed_and_serves() {
        let verdict = |rollout: Rollout, serving| rollout.verdict("web:8", serving).map(|(verdict, _)| verdict);
        for (rollout, serving, expected) in [
            (Rollout::Under, "web:8", None),
            (Rollout::Successful, "web:8", Some(Verdict::Live)),
            (Rollout::Successful, "web:9", Some(Verdict::Superseded)),
            (Rollout::RolledBack(None), "web:7", Some(Verdict::RolledBack)),
            (Rollout::Failed(None), "web:8", Some(Verdict::Failed)),
            (Rollout::Stopped(None), "web:9", Some(Verdict::Superseded)),
            (Rollout::Stopped(None), "web:8", Some(Verdict::Failed)),
        ] {
            assert_eq!(verdict(rollout.clone(), serving), expected, "{rollout:?} {serving}");
        }
    }
}
