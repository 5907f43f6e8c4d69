//! Whether a release should have moved on by now, and did not: what an operator is to be told of.

use jiff::{SignedDuration, Timestamp};

use super::{Deployment, Obstacle, Release, State, Verdict};

/// How long a build lasts at most: 8 hours in the queue and 36 at work.
/// Source: <https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html>.
const BUILD_LASTS: SignedDuration = SignedDuration::from_hours(44);
/// What is allowed on top of every limit: a few ticks, and what comes after the services.
const GRACE: SignedDuration = SignedDuration::from_mins(15);

impl Release {
    /// Whether it stands where it does for longer than anything that it waits for may take, with a quarter of an hour on top. Then no
    /// function comes to an end with it, whatever the reason: something has to be mended.
    ///
    /// A build has its pipeline's time to be started, and 44 hours to end; one that is not known to have been started when its release ended is
    /// looked for soon after. A deployment changes the record at least once in twice its `timeout` and the time of its check. Nobody is late who waits
    /// for people, or for other releases.
    pub fn is_stuck(&self, now: Timestamp) -> bool {
        self.moves_by().is_some_and(|limit| now > limit.saturating_add(GRACE).unwrap_or(limit))
    }

    /// By when something has to have changed; `None` while it may stay as it is.
    fn moves_by(&self) -> Option<Timestamp> {
        let limit = |since: Timestamp, lasts: SignedDuration| since.saturating_add(lasts).ok();
        match self.state {
            State::Waiting => None,
            State::Requested => limit(self.build.due?, self.start_within),
            State::Deploying => {
                let current = self.deployments.iter().find(|deployment| deployment.verdict != Some(Verdict::Live))?;
                current.moves_by(self.changed)
            }
            State::Building
            | State::Built
            | State::Live
            | State::RolledBack
            | State::Failed
            | State::Superseded
            | State::Cancelled => match (self.build.outcome, self.build.started) {
                (Some(_), _) => None,
                (None, Some(started)) => limit(started, BUILD_LASTS),
                (None, None) => limit(self.ended?, Self::START_LASTS),
            },
        }
    }
}

impl Deployment {
    fn moves_by(&self, changed: Timestamp) -> Option<Timestamp> {
        match (&self.admitted, &self.held) {
            (None, Some(Obstacle::Approval { expires })) if self.decision.is_none() => return Some(*expires),
            (None, Some(Obstacle::Freeze { until })) => return Some(*until),
            (None, Some(Obstacle::Lock(lock))) => return lock.until,
            _ if self.is_paused() => return None,
            _ => {}
        }
        let follows = self.plan.timeout.max(SignedDuration::from_mins(1));
        let checks = self.plan.check.as_ref().map_or(SignedDuration::ZERO, |check| check.lasts);
        // There, and back.
        changed.saturating_add(follows.saturating_mul(2).saturating_add(checks)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Lock, Outcome, Pause, ServiceDeployment, sample};

    /// The sample in a state, and whether it is stuck so many minutes after its beginning.
    fn stuck(change: impl FnOnce(&mut Release, Timestamp), minutes: i64) -> bool {
        let mut release = sample();
        let start = release.accepted;
        change(&mut release, start);
        release.is_stuck(start + SignedDuration::from_mins(minutes))
    }

    #[test]
    fn a_build_is_stuck_once_it_should_have_been_started_or_ended() {
        let within = sample().start_within.as_mins();
        let requested = |_: &mut Release, _| {};
        assert!(!stuck(requested, within + 15) && stuck(requested, within + 16));
        let waiting = |release: &mut Release, _| (release.state, release.build.due) = (State::Waiting, None);
        assert!(!stuck(waiting, 1_000_000), "others have to end first");
        let building = |release: &mut Release, start| {
            (release.state, release.build.started) = (State::Building, Some(start));
        };
        assert!(!stuck(building, 44 * 60 + 15) && stuck(building, 44 * 60 + 16));
        let superseded = |release: &mut Release, start: Timestamp| {
            (release.state, release.ended) = (State::Superseded, Some(start));
        };
        assert!(!stuck(superseded, 15) && stuck(superseded, 16), "a build that nobody found");
        let closed = |release: &mut Release, start: Timestamp| {
            superseded(release, start);
            release.build.outcome = Some(Outcome::NotStarted);
        };
        assert!(!stuck(closed, 1_000_000));
    }

    #[test]
    fn a_deployment_is_stuck_when_nothing_changes_for_longer_than_there_and_back() {
        let timeout = sample().deployments[0].plan.timeout.as_mins();
        let deploying = |release: &mut Release, start| {
            release.state = State::Deploying;
            release.deployments[0].admitted = Some(start);
        };
        assert!(!stuck(deploying, 2 * timeout + 15) && stuck(deploying, 2 * timeout + 16));
    }

    fn locked(until: Option<Timestamp>) -> Obstacle {
        Obstacle::Lock(Lock { by: "ada".into(), reason: None, since: Timestamp::UNIX_EPOCH, until, rollback: false })
    }

    #[test]
    fn who_waits_for_people_is_not_stuck() {
        let held = |obstacle: fn(Timestamp) -> Obstacle| {
            move |release: &mut Release, start| {
                release.state = State::Deploying;
                release.deployments[0].held = Some(obstacle(start));
            }
        };
        let minutes = SignedDuration::from_hours(24).as_mins();
        assert!(!stuck(held(|_| locked(None)), 1_000_000), "a lock without an end");
        let lock = held(|start| locked(Some(start + SignedDuration::from_hours(24))));
        assert!(!stuck(lock, minutes + 15) && stuck(lock, minutes + 16), "it has ended");
        let approval = held(|start| Obstacle::Approval { expires: start + SignedDuration::from_hours(24) });
        assert!(!stuck(approval, minutes + 15) && stuck(approval, minutes + 16), "it should have expired");
        let freeze = held(|start| Obstacle::Freeze { until: start + SignedDuration::from_hours(24) });
        assert!(!stuck(freeze, minutes + 15) && stuck(freeze, minutes + 16));
        let paused = |release: &mut Release, start| {
            release.state = State::Deploying;
            release.deployments[0].admitted = Some(start);
            let pause = Pause { stage: "POST_TEST_TRAFFIC_SHIFT".into(), hook: "h".into(), since: start, answer: None };
            release.deployments[0].services[0] =
                ServiceDeployment { pause: Some(pause), ..ServiceDeployment::default() };
        };
        assert!(!stuck(paused, 1_000_000));
    }
}
