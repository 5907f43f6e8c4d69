//! What has become of a release since its buttons were drawn.

use jiff::Timestamp;

use super::{Action, Press};
use crate::release::{Deployment, Obstacle, Pause, Release, ServiceDeployment, State, Verdict};

/// Why there is nothing to press for any more, with how it stands now, in a sentence for whoever pressed; `None`: it is waited for. What is
/// not known of the release (an environment, a service) is left to whoever does the deed.
pub fn stale(release: &Release, press: &Press, now: Timestamp) -> Option<String> {
    let (_, deployment) = release.deployment_to(&press.environment).ok()?;
    let over = release.state != State::Deploying || deployment.verdict.is_some();
    let standing = match press.action {
        Action::Approve | Action::Reject => {
            let waits = !over && deployment.decision.is_none();
            match &deployment.held {
                Some(Obstacle::Approval { expires }) if waits && now < *expires => return None,
                Some(Obstacle::Approval { .. }) if waits => "was not approved in time".to_owned(),
                held => decided(release, deployment, held.as_ref()),
            }
        }
        Action::Continue | Action::RollBack => {
            let service = service(deployment, press.service.as_deref());
            let pause = service.and_then(|service| service.pause.as_ref());
            match (service, pause.map(|pause| &pause.answer)) {
                (None, _) => return None,
                (Some(_), Some(None)) if !over && is_of(press, pause) => return None,
                (Some(_), Some(None)) if !over => "is paused at another stage by now".to_owned(),
                (Some(_), Some(Some(answer))) if !over => answered(answer.approved, &answer.by.name),
                (Some(service), _) => match service.answers.last() {
                    Some(last) if !over => answered(last.decision.approved, &last.decision.by.name),
                    Some(_) | None => decided(release, deployment, None),
                },
            }
        }
    };
    let (pipeline, number, environment) = (&release.pipeline, release.number, &press.environment);
    Some(format!("Too late, nothing was changed: {pipeline} #{number} {standing} ({environment})."))
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
        return format!("is {} now", release.state.word().replace('_', " "));
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
