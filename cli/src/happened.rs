//! What happened to a release, each thing with its time: for whoever looks back, and for whoever watches.

use jiff::Timestamp;
use longshore_core::{
    message::{duration, revision},
    release::{Decision, Deed, Deployment, Person, Release, Run, ServiceDeployment, Stage, Verdict},
    report::Status,
};

use crate::terminal::plain;

/// Everything that happened, in order. Each is a line of harmless text; a later look has the same lines, and more.
pub fn happened(release: &Release) -> Vec<(Timestamp, String)> {
    let mut told = vec![(release.accepted, accepted(release))];
    if let (Some(started), Some(id)) = (release.build.started, &release.build.id) {
        told.push((started, format!("build {} started", plain(id))));
    }
    let stages = release.build.stages.iter();
    told.extend(stages.filter_map(|stage| stage.ended.map(|ended| (ended, stage_ended(stage, ended)))));
    if let (Some(ended), Some(outcome)) = (release.build.ended, release.build.outcome) {
        told.push((ended, format!("build {}", outcome.ending())));
    }
    for deployment in &release.deployments {
        told.extend(of_deployment(deployment));
    }
    if let Some(ended) = release.ended {
        let why = release.reason.as_deref().map(|why| format!(": {}", plain(why))).unwrap_or_default();
        told.push((ended, format!("release #{} {}{why}", release.number, release.state.ending())));
    }
    told.sort_by_key(|(at, _)| *at);
    told
}

fn accepted(release: &Release) -> String {
    let Some(asked) = &release.asked else {
        let by = if release.commit.author.is_empty() {
            String::new()
        } else {
            format!(" by {}", plain(&release.commit.author))
        };
        let what = format!("{} at {}{by}", plain(&release.reference.name), plain(release.commit.short()));
        return match &release.wished {
            Some(wished) => format!("{what} asked for by {}", person(wished)),
            None => format!("{what} accepted"),
        };
    };
    let what = match asked.deed {
        Deed::Rollback => "back to",
        Deed::Deploy => "by name:",
        Deed::Retry => "once more:",
    };
    format!("{what} #{}, asked for by {}", asked.number, person(&asked.person))
}

/// `Ada: the tide is high`: someone, and why.
pub fn person(person: &Person) -> String {
    let why = person.reason.as_deref().map(|why| format!(": {}", plain(why))).unwrap_or_default();
    format!("{}{why}", plain(&person.name))
}

fn stage_ended(stage: &Stage, ended: Timestamp) -> String {
    let word = match stage.status {
        Status::Started => "under way",
        Status::Succeeded => "ok",
        Status::Failed => "failed",
    };
    let message = stage.message.as_deref().map(|message| format!(": {}", plain(message))).unwrap_or_default();
    format!("  {} {word} in {}{message}", plain(&stage.name), duration(stage.started, ended))
}

fn of_deployment(deployment: &Deployment) -> Vec<(Timestamp, String)> {
    let name = plain(&deployment.environment);
    let mut told = Vec::new();
    for attempt in &deployment.attempts {
        let (who, why) = (plain(&attempt.name), plain(&attempt.why));
        told.push((attempt.at, format!("{name}: {who} may not decide: {why}")));
    }
    if let Some(Decision { approved, by }) = &deployment.decision {
        let word = if *approved { "approved" } else { "rejected" };
        told.push((by.at, format!("{name}: {word} by {}", person(by))));
    }
    if let Some(by) = &deployment.overridden {
        told.push((by.at, format!("{name}: locks and freezes overridden by {}", person(by))));
    }
    told.extend(deployment.admitted.map(|admitted| (admitted, format!("{name}: deployment begun"))));
    for (position, run) in deployment.runs.iter().enumerate() {
        let command = deployment.plan.before.get(position).map(|before| before.command.join(" "));
        let command = plain(&command.unwrap_or_default());
        told.push((run.started, format!("{name}: runs {command}")));
        told.extend(run.ended.map(|ended| (ended, format!("{name}: {command} {}", run_ended(run, ended)))));
    }
    for service in &deployment.services {
        told.extend(of_service(&name, service));
    }
    if let Some(reverting) = &deployment.reverting {
        told.push((reverting.since, format!("{name}: goes back: {}", plain(&reverting.reason))));
    }
    if let (Some(ended), Some(verdict)) = (deployment.ended, deployment.verdict) {
        told.push((ended, format!("{name}: {}", deployment_ended(deployment, verdict, ended))));
    }
    told
}

fn run_ended(run: &Run, ended: Timestamp) -> String {
    let took = duration(run.started, ended);
    match &run.failure {
        None => format!("ok in {took}"),
        Some(failure) => format!("failed after {took}: {}", plain(failure)),
    }
}

fn of_service(environment: &str, service: &ServiceDeployment) -> Vec<(Timestamp, String)> {
    let name = format!("{environment}: {}", plain(&service.service));
    let mut told = Vec::new();
    told.extend(service.updated.map(|updated| (updated, format!("{name} goes {}", way(service)))));
    let stages = service.stages.iter();
    told.extend(stages.map(|passed| (passed.at, format!("{name} is at {}", plain(&passed.stage)))));
    if let Some(pause) = &service.pause {
        told.push((pause.since, format!("{name} is paused at {}", plain(&pause.stage))));
    }
    for answered in &service.answers {
        let way = if answered.decision.approved { "goes on" } else { "goes back" };
        told.push((
            answered.at,
            format!("{name} {way} from {}, says {}", plain(&answered.stage), person(&answered.decision.by)),
        ));
    }
    if let Some((back, ended)) = service.back.as_ref().and_then(|back| Some((back, back.ended?))) {
        let base = plain(service.base.as_deref().map_or("nothing", revision));
        told.push((
            ended,
            match &back.failure {
                None => format!("{name} runs {base} again"),
                Some(failure) => format!("{name} does not run {base} again: {}", plain(failure)),
            },
        ));
    }
    told
}

/// `from web:7 to web:8`: what a service ran, and what it is to run.
pub fn way(service: &ServiceDeployment) -> String {
    let name = |arn: &Option<String>| plain(arn.as_deref().map_or("nothing", revision));
    format!("from {} to {}", name(&service.base), name(&service.task_definition))
}

fn deployment_ended(deployment: &Deployment, verdict: Verdict, ended: Timestamp) -> String {
    let why = deployment.reason.as_deref().map(|why| format!(": {}", plain(why))).unwrap_or_default();
    let took = deployment.admitted.map(|admitted| duration(admitted, ended));
    let (within, after) = took.map(|took| (format!(" in {took}"), format!(" after {took}"))).unwrap_or_default();
    match verdict {
        Verdict::Live if deployment.is_unchanged() => "live already, nothing had to be changed".to_owned(),
        Verdict::Live => format!("live{within}"),
        Verdict::Superseded => format!("superseded{why}"),
        Verdict::RolledBack => format!("rolled back{after}{why}"),
        Verdict::Failed => format!("failed{after}{why}"),
    }
}
