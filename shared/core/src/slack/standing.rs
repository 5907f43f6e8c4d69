//! What has become of a release since its buttons were drawn.

use jiff::Timestamp;

use super::{Action, Press};
use crate::release::{Deployment, Obstacle, Pause, Release, ServiceDeployment, State, Verdict};

/// Why there is nothing to press for any more, with how it stands now, in a sentence for whoever pressed; `None`: it is waited for. What is
/// not known of the release (an environment, a service) is left to whoever does the deed.
pub fn stale(release: &Release, press: &Press, now: Timestamp) -> Option<String> {
    let (place, standing) = match &press.environment {
        Some(environment) => {
            let (_, deployment) = release.deployment_to(environment).ok()?;
            (format!(" ({environment})"), standing(release, deployment, press, now)?)
        }
        None => (String::new(), whole(release, press.action)?),
    };
    let (pipeline, number) = (&release.pipeline, release.number);
    Some(format!("Too late, nothing was changed: {pipeline} #{number} {standing}{place}."))
}

/// For what is done to a release as a whole.
fn whole(release: &Release, action: Action) -> Option<String> {
    let cancels = action == Action::Cancel;
    if let Some(by) = release.called_off.as_ref().filter(|_| cancels && !release.state.is_end()) {
        return Some(format!("is being cancelled, says {}", by.name));
    }
    let waited_for = if cancels { !release.state.is_end() } else { release.may_be_tried_again() };
    (!waited_for).then(|| {
        let why = release.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        if release.state.is_end() {
            format!("{}{why}", release.state.ending())
        } else {
            format!("is {}", release.state.word())
        }
    })
}

fn standing(release: &Release, deployment: &Deployment, press: &Press, now: Timestamp) -> Option<String> {
    let over = release.state != State::Deploying || deployment.verdict.is_some();
    match press.action {
        Action::Approve | Action::Reject => {
            let waits = !over && deployment.decision.is_none();
            match &deployment.held {
                Some(Obstacle::Approval { expires }) if waits && now < *expires => None,
                Some(Obstacle::Approval { .. }) if waits => Some("was not approved in time".to_owned()),
                held => Some(decided(release, deployment, held.as_ref())),
            }
        }
        Action::Continue | Action::RollBack => {
            let service = service(deployment, press.service.as_deref());
            let pause = service.and_then(|service| service.pause.as_ref());
            match (service, pause.map(|pause| &pause.answer)) {
                (None, _) => None,
                (Some(_), Some(None)) if !over && is_of(press, pause) => None,
                (Some(_), Some(None)) if !over => Some("is paused at another stage by now".to_owned()),
                (Some(_), Some(Some(answer))) if !over => Some(answered(answer.approved, &answer.by.name)),
                (Some(service), _) => Some(match service.answers.last() {
                    Some(last) if !over => answered(last.decision.approved, &last.decision.by.name),
                    Some(_) | None => decided(release, deployment, None),
                }),
            }
        }
        // Whether it is still live there, its environment tells.
        Action::Revert if deployment.verdict == Some(Verdict::Live) => None,
        Action::Revert => Some(decided(release, deployment, deployment.held.as_ref())),
        Action::Cancel | Action::Retry => whole(release, press.action),
    }
}

/// Whether a button was drawn for this pause.
fn is_of(press: &Press, pause: Option<&Pause>) -> bool {
    press.since.is_none_or(|since| pause.is_some_and(|pause| pause.since.as_millisecond() == since))
}

/// The service that is named; else the one that waits.
fn service<'d>(deployment: &'d Deployment, name: Option<&str>) -> Option<&'d ServiceDeployment> {
    let mut services = deployment.services.iter();
    match name {
        Some(name) => services.find(|service| service.service == name),
        None => services.find(|service| service.pause.is_some()),
    }
}

fn answered(approved: bool, by: &str) -> String {
    let way = if approved { "goes on" } else { "goes back" };
    format!("{way}, says {by}")
}

fn decided(release: &Release, deployment: &Deployment, held: Option<&Obstacle>) -> String {
    if let Some(verdict) = deployment.verdict {
        let why = deployment.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let word = match verdict {
            Verdict::Live => "is live",
            Verdict::RolledBack => "was rolled back",
            Verdict::Failed => "failed",
            Verdict::Superseded => "was superseded",
        };
        return format!("{word}{why}");
    }
    if release.state != State::Deploying {
        return format!("is {} now", release.state.spoken());
    }
    let approved = deployment.decision.as_ref().filter(|decision| decision.approved);
    let approved = approved.map(|decision| format!("was approved by {}, and ", decision.by.name)).unwrap_or_default();
    let now = match held {
        Some(Obstacle::Approval { .. }) => "waits for an approval",
        Some(Obstacle::Freeze { .. }) => "waits for the end of a freeze",
        Some(Obstacle::Lock(_)) => "waits at a lock",
        None if deployment.admitted.is_some() => "is being deployed",
        None => "waits to go in",
    };
    format!("{approved}{now}")
}

#[cfg(test)]
mod tests;
