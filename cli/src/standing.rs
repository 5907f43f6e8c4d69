//! Where a release stands in an environment, in a word for lists and programs, and in a sentence for people.

use jiff::Timestamp;
use longshore_core::release::{Deployment, Obstacle, Release, ServiceDeployment, State, Verdict};

use crate::{
    table::Colour,
    terminal::plain,
    time::{date, span},
};

/// Where a release stands in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Other things come first: its build, or the environment before.
    Waiting,
    /// It ended before it came there.
    NeverCame,
    /// Someone has to approve it.
    Approval,
    /// longshore.toml says that nothing goes in now.
    Frozen,
    /// Someone locked the environment.
    Locked,
    /// It is going in.
    Deploying,
    /// It is half in, and waits for a person's answer.
    Paused,
    /// Its services go back to what they ran before.
    GoingBack,
    /// It ended.
    Ended(Verdict),
}

impl Standing {
    /// Reads it off a release's record.
    pub fn of(release: &Release, deployment: &Deployment) -> Self {
        if let Some(verdict) = deployment.verdict {
            return Self::Ended(verdict);
        }
        if release.state.is_end() {
            return Self::NeverCame;
        }
        match (&deployment.held, &deployment.reverting, paused(deployment)) {
            (Some(Obstacle::Approval { .. }), ..) => Self::Approval,
            (Some(Obstacle::Freeze { .. }), ..) => Self::Frozen,
            (Some(Obstacle::Lock(_)), ..) => Self::Locked,
            (None, Some(_), _) => Self::GoingBack,
            (None, None, Some(_)) => Self::Paused,
            (None, None, None) if deployment.admitted.is_some() => Self::Deploying,
            (None, None, None) => Self::Waiting,
        }
    }

    /// The word in lists and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::NeverCame => "never_came",
            Self::Approval => "approval",
            Self::Frozen => "frozen",
            Self::Locked => "locked",
            Self::Deploying => "deploying",
            Self::Paused => "paused",
            Self::GoingBack => "going_back",
            Self::Ended(verdict) => verdict.word(),
        }
    }

    /// Whether the release is between its admission and its end there, or is held before it: the environment waits for something.
    pub fn is_open(self) -> bool {
        match self {
            Self::Approval | Self::Frozen | Self::Locked | Self::Deploying | Self::Paused | Self::GoingBack => true,
            Self::Waiting | Self::NeverCame | Self::Ended(_) => false,
        }
    }

    /// Its colour.
    pub fn colour(self) -> Colour {
        match self {
            Self::Ended(Verdict::Live) => Colour::Good,
            Self::Ended(Verdict::RolledBack | Verdict::Failed) | Self::GoingBack => Colour::Bad,
            Self::Approval | Self::Frozen | Self::Locked | Self::Deploying | Self::Paused => Colour::Open,
            Self::Waiting | Self::NeverCame | Self::Ended(Verdict::Superseded) => Colour::Dim,
        }
    }
}

/// The service that waits for a person's answer.
pub fn paused(deployment: &Deployment) -> Option<&ServiceDeployment> {
    let waits = |service: &&ServiceDeployment| {
        service.verdict.is_none() && service.pause.as_ref().is_some_and(|pause| pause.answer.is_none())
    };
    deployment.services.iter().find(waits)
}

/// The colour of a release's state.
pub fn colour(state: State) -> Colour {
    match state {
        State::Live | State::Built => Colour::Good,
        State::Failed | State::RolledBack => Colour::Bad,
        State::Requested | State::Building | State::Deploying => Colour::Open,
        State::Waiting | State::Superseded | State::Cancelled => Colour::Dim,
    }
}

/// Where a release stands in an environment, and what helps, in a line of harmless text.
pub fn sentence(release: &Release, deployment: &Deployment, now: Timestamp) -> String {
    let (number, name) = (format!("{}#{}", plain(&release.pipeline), release.number), plain(&deployment.environment));
    let why = deployment.reason.as_deref().map(|why| format!(": {}", plain(why))).unwrap_or_default();
    let held = match &deployment.held {
        Some(Obstacle::Approval { expires }) => {
            format!("waits for an approval until {} (longshore approve {number} {name})", date(*expires))
        }
        Some(Obstacle::Freeze { until }) => format!("waits: frozen until {}", date(*until)),
        Some(Obstacle::Lock(lock)) => {
            let until = lock.until.map(|until| format!(" until {}", date(until))).unwrap_or_default();
            let why = lock.reason.as_deref().map(|why| format!(": {}", plain(why))).unwrap_or_default();
            format!("waits: locked by {}{until}{why}", plain(&lock.by))
        }
        None => String::new(),
    };
    let since = deployment.admitted.map(|admitted| format!(" for {}", span(admitted, now))).unwrap_or_default();
    match Standing::of(release, deployment) {
        Standing::Waiting => "waits its turn".to_owned(),
        Standing::NeverCame => "never came there".to_owned(),
        Standing::Approval | Standing::Frozen | Standing::Locked => held,
        Standing::Deploying => format!("deploying{since}{}", stage(deployment)),
        Standing::Paused => {
            let service = paused(deployment).map(|service| plain(&service.service)).unwrap_or_default();
            let at = paused(deployment).and_then(|service| service.pause.as_ref());
            let at = at.map(|pause| plain(&pause.stage)).unwrap_or_default();
            format!(
                "{service} is paused at {at} (longshore continue {number} {name}, or longshore back {number} {name})"
            )
        }
        Standing::GoingBack => {
            let why = deployment.reverting.as_ref().map(|back| plain(&back.reason)).unwrap_or_default();
            format!("going back: {why}")
        }
        Standing::Ended(Verdict::Live) if deployment.is_unchanged() => "live, and nothing had to be changed".to_owned(),
        Standing::Ended(Verdict::Live) => "live".to_owned(),
        Standing::Ended(Verdict::Superseded) => format!("superseded{why}"),
        Standing::Ended(Verdict::RolledBack) => format!("rolled back{why}"),
        Standing::Ended(Verdict::Failed) => format!("failed{why}"),
    }
}

/// What is under way right now, where that is known: a task that runs first, or a stage of the traffic's shift.
fn stage(deployment: &Deployment) -> String {
    if let Some(position) = deployment.runs.iter().position(|run| run.ended.is_none()) {
        let command = deployment.plan.before.get(position).map(|before| before.command.join(" "));
        return format!(", runs {}", plain(&command.unwrap_or_default()));
    }
    let mut stages = deployment.services.iter().filter(|service| service.verdict.is_none());
    let stage = stages.find_map(|service| Some((service, service.stages.last()?)));
    stage
        .map(|(service, stage)| format!(", {} is at {}", plain(&service.service), plain(&stage.stage)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use longshore_core::release::{Lock, Pause, Reverting};

    use super::*;
    use crate::sample::{at, end, release};

    #[test]
    fn each_standing_has_its_sentence_with_what_helps() {
        let mut release = release(14);
        let seen = |release: &Release| {
            let production = &release.deployments[1];
            format!("{}: {}", Standing::of(release, production).word(), sentence(release, production, at(600)))
        };
        let mut told = vec![seen(&release)];
        let lock = Lock {
            by: "Ada".into(),
            reason: Some("tide".into()),
            since: at(0),
            until: Some(at(7200)),
            rollback: false,
        };
        for held in [
            Obstacle::Approval { expires: at(86_400) },
            Obstacle::Freeze { until: at(7200) },
            Obstacle::Lock(lock.clone()),
            Obstacle::Lock(Lock { until: None, reason: None, ..lock }),
        ] {
            release.deployments[1].held = Some(held);
            told.push(seen(&release));
        }
        let production = &mut release.deployments[1];
        production.held = None;
        production.admitted = Some(at(300));
        told.push(seen(&release));
        let stage = "POST_TEST_TRAFFIC_SHIFT".to_owned();
        let pause = Pause { hook: "h".into(), stage, since: at(310), answer: None };
        release.deployments[1].services[0].pause = Some(pause);
        told.push(seen(&release));
        release.deployments[1].reverting = Some(Reverting { reason: "the check failed".into(), since: at(320) });
        told.push(seen(&release));
        for (verdict, reason) in [
            (Verdict::Live, None),
            (Verdict::Superseded, Some("#15 was admitted before it")),
            (Verdict::RolledBack, Some("the circuit breaker went back")),
            (Verdict::Failed, Some("no image")),
        ] {
            end(&mut release, 1, verdict, reason);
            told.push(seen(&release));
        }
        release.deployments[1].verdict = None;
        release.state = State::Failed;
        told.push(seen(&release));
        insta::assert_snapshot!(told.join("\n"), @r"
        waiting: waits its turn
        approval: waits for an approval until 2026-11-22 19:54 UTC (longshore approve web#14 production)
        frozen: waits: frozen until 2026-11-21 21:54 UTC
        locked: waits: locked by Ada until 2026-11-21 21:54 UTC: tide
        locked: waits: locked by Ada
        deploying: deploying for 5 min
        paused: web is paused at POST_TEST_TRAFFIC_SHIFT (longshore continue web#14 production, or longshore back web#14 production)
        going_back: going back: the check failed
        live: live
        superseded: superseded: #15 was admitted before it
        rolled_back: rolled back: the circuit breaker went back
        failed: failed: no image
        never_came: never came there
        ");
    }
}
