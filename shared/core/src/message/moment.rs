//! The moments of a release that people are told of where nothing can be edited: an incoming webhook, an SNS topic.
//!
//! One message for each moment, never one for each stage of a build. Which moments a record has come to is read off the record alone, in
//! their order; who tells them keeps the keys of those that are past.

use crate::{
    config::Notify,
    release::{Deployment, Obstacle, Release, State},
};

/// Something about a release that is worth a message of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Names it within its release, for good: at most 400 ASCII characters without white space.
    pub key: String,
    /// What it is.
    pub kind: Kind,
    /// The environment that it is about, where it is about one.
    pub environment: Option<String>,
}

/// What a moment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The release was accepted.
    Accepted,
    /// Someone has to approve it before it goes into an environment.
    Approval,
    /// It goes into an environment.
    Deploying,
    /// A service's deployment is paused: someone has to say whether it goes on.
    Pause {
        /// The service.
        service: String,
        /// The lifecycle stage.
        stage: String,
    },
    /// It ended.
    End(State),
}

impl Kind {
    /// The word for it: `accepted`, `approval`, `deploying`, `pause`, `end`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Approval => "approval",
            Self::Deploying => "deploying",
            Self::Pause { .. } => "pause",
            Self::End(_) => "end",
        }
    }
}

/// The moments that a release has come to, in order. A pause is among them for as long as it lasts; an approval, from when it was asked for.
pub fn moments(release: &Release) -> Vec<Moment> {
    let mut moments = vec![Moment { key: "accepted".to_owned(), kind: Kind::Accepted, environment: None }];
    for deployment in &release.deployments {
        let name = &deployment.environment;
        let of = |word: &str, kind| Moment { key: format!("{word}/{name}"), kind, environment: Some(name.clone()) };
        if deployment.asks_for_approval() || deployment.decision.is_some() {
            moments.push(of("approval", Kind::Approval));
        }
        if deployment.admitted.is_some() {
            moments.push(of("deploying", Kind::Deploying));
        }
        for service in deployment.services.iter().filter(|service| service.verdict.is_none()) {
            let Some(pause) = service.pause.as_ref().filter(|pause| pause.answer.is_none()) else { continue };
            let kind = Kind::Pause { service: service.service.clone(), stage: pause.stage.clone() };
            let since = pause.since.as_millisecond();
            moments.push(Moment {
                key: format!("pause/{name}/{}/{since}", service.service),
                kind,
                environment: Some(name.clone()),
            });
        }
    }
    if release.state.is_end() {
        let environment = release.deployments.iter().rev().find(|it| it.is_reached()).map(|it| it.environment.clone());
        moments.push(Moment { key: "end".to_owned(), kind: Kind::End(release.state), environment });
    }
    moments
}

/// Those of its moments that are told at all, by what its pipeline says of that.
pub fn wanted(release: &Release) -> Vec<Moment> {
    let is_reached = release.deployments.iter().any(Deployment::is_reached);
    let badly = |state| matches!(state, State::Failed | State::RolledBack);
    let is_wanted = |moment: &Moment| match (release.telling.notify, &moment.kind) {
        (Notify::All, _) | (_, Kind::Approval | Kind::Pause { .. }) | (Notify::Deploys, Kind::Deploying) => true,
        (Notify::Deploys, Kind::End(state)) => is_reached || badly(*state),
        (Notify::Failures, Kind::End(state)) => badly(*state),
        (Notify::Deploys | Notify::Failures, Kind::Accepted) | (Notify::Failures, Kind::Deploying) => false,
    };
    let mut moments = moments(release);
    moments.retain(is_wanted);
    moments
}

/// The one that is to be told now, where `told` are the keys of those that are past: the newest. What passed before it could be told is
/// skipped; the end is always the newest.
pub fn due(release: &Release, told: &[String]) -> Option<Moment> {
    wanted(release).pop().filter(|newest| !told.contains(&newest.key))
}

/// Whether a message that is edited in place is to be there by now: in the pipeline's channel, or in that of an environment.
pub fn is_shown(release: &Release, environment: Option<&Deployment>) -> bool {
    !wanted(release).is_empty() && environment.is_none_or(Deployment::is_reached)
}

impl Deployment {
    /// Whether the release came to this environment: it waits before it, or was let in, or its end there is known.
    pub fn is_reached(&self) -> bool {
        self.held.is_some() || self.decision.is_some() || self.admitted.is_some() || self.verdict.is_some()
    }

    /// Whether it waits for somebody's approval.
    fn asks_for_approval(&self) -> bool {
        matches!(self.held, Some(Obstacle::Approval { .. }))
    }
}

#[cfg(test)]
mod tests;
