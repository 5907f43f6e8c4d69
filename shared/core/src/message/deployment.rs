//! What a message shows of a release's deployments.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    AMBER, BLUE, duration, escape,
    markup::{clip, code, date, log_block, quote},
    revision,
};
use crate::{
    release::{Decision, Deployment, Obstacle, Release, Run, ServiceDeployment, State, Verdict, Why},
    text::shorten,
};

/// How many characters a reply has at most, with room for what is added last.
const REPLY: usize = 3000;

/// A button's `action_id`, which says what pressing it does. Its value names where: `<release>/<environment>`, or
/// `<release>/<environment>/<service>/<milliseconds>` for the answers to the pause since that time.
pub mod action {
    /// The release may go in.
    pub const APPROVE: &str = "approve";
    /// It may not.
    pub const REJECT: &str = "reject";
    /// A paused deployment goes on.
    pub const CONTINUE: &str = "continue";
    /// It goes back.
    pub const ROLL_BACK: &str = "roll_back";
    /// A release that is not over ends. Its value is the release alone.
    pub const CANCEL: &str = "cancel";
    /// A release that did not go well is tried once more. Its value is the release alone.
    pub const RETRY: &str = "retry";
    /// The environment goes back from a release that is live there to what was live before.
    pub const REVERT: &str = "revert";
}

/// Icon, colour and words for a release that is being deployed; `None` when nothing of it is under way.
pub(super) fn headline(release: &Release) -> Option<(&'static str, &'static str, String)> {
    let current = release.deployments.iter().find(|deployment| deployment.verdict.is_none())?;
    let name = escape(&current.environment);
    Some(match (&current.held, &current.reverting, paused(current)) {
        (Some(Obstacle::Approval { .. }), ..) => (":raised_hand:", AMBER, format!("waits for approval to {name}")),
        (Some(Obstacle::Freeze { .. }), ..) => (":snowflake:", AMBER, format!("waits: {name} is frozen")),
        (Some(Obstacle::Lock(_)), ..) => (":lock:", AMBER, format!("waits: {name} is locked")),
        (None, Some(_), _) => (":rewind:", AMBER, format!("going back in {name}")),
        (None, None, Some(_)) => (":double_vertical_bar:", AMBER, format!("paused in {name}")),
        (None, None, None) => (":rocket:", BLUE, format!("deploying to {name}")),
    })
}

/// The services that wait for a person's answer.
pub(crate) fn paused(deployment: &Deployment) -> Option<&ServiceDeployment> {
    let waits = |service: &&ServiceDeployment| {
        service.verdict.is_none() && service.pause.as_ref().is_some_and(|pause| pause.answer.is_none())
    };
    deployment.services.iter().find(waits)
}

/// A line for the environment, and one for each thing about it that people want to know now.
pub(super) fn lines(deployment: &Deployment) -> Vec<String> {
    let mut lines = vec![line(deployment)];
    if let Some(Decision { approved: true, by }) = &deployment.decision {
        lines.push(format!("   :ok_hand: approved by {}", clip(&by.name, 100)));
    }
    if let Some(by) = &deployment.overridden {
        let why = by.reason.as_ref().map(|why| format!(": {}", clip(why, 200))).unwrap_or_default();
        lines.push(format!("   :warning: overridden by {}{why}", clip(&by.name, 100)));
    }
    if deployment.verdict.is_none() {
        lines.extend(deployment.held.as_ref().map(|held| format!("   {}", obstacle(held))));
        lines.extend(running(deployment).map(|(command, _)| format!("   :gear: runs {command}")));
        for service in &deployment.services {
            lines.extend(stage(service).map(|stage| format!("   {stage}")));
        }
        if let Some(reverting) = &deployment.reverting {
            lines.push(format!("   :rewind: going back: {}", clip(&reverting.reason, 300)));
        }
    }
    lines.extend(deployment.notes.iter().map(|note| format!("   :warning: {}", clip(note, 300))));
    lines
}

fn line(deployment: &Deployment) -> String {
    let name = escape(&deployment.environment);
    let took = match (deployment.admitted, deployment.ended) {
        (Some(admitted), Some(ended)) => format!(" · {}", duration(admitted, ended)),
        _ => String::new(),
    };
    match (deployment.verdict, deployment.admitted) {
        (None, None) => format!(":white_circle: {name} waits"),
        (None, Some(_)) => format!(":rocket: {name}: {}", services(deployment)),
        (Some(Verdict::Live), _) if deployment.is_unchanged() => {
            format!(":white_check_mark: {name} live already: {}", services(deployment))
        }
        (Some(Verdict::Live), _) => format!(":white_check_mark: {name} live: {}{took}", services(deployment)),
        (Some(Verdict::RolledBack), _) => format!(":rewind: {name} rolled back{took}"),
        (Some(Verdict::Failed), _) => format!(":x: {name} failed{took}"),
        (Some(Verdict::Superseded), _) => format!(":fast_forward: {name} superseded"),
    }
}

/// `web → web:8, worker → worker:3 (scaled to zero)`: the services with their revisions.
fn services(deployment: &Deployment) -> String {
    /// How many are named.
    const MOST: usize = 8;
    let service = |service: &ServiceDeployment| {
        let idle = if service.idle { " (scaled to zero: no task runs it)" } else { "" };
        match &service.task_definition {
            Some(arn) => format!("{} → {}{idle}", clip(&service.service, 100), code(revision(arn))),
            None => clip(&service.service, 100),
        }
    };
    let families = deployment
        .families
        .iter()
        .filter_map(|family| Some(format!("schedules → {}", code(revision(family.task_definition.as_deref()?)))));
    let mut all: Vec<_> = deployment.services.iter().map(service).chain(families).collect();
    if all.len() > MOST {
        let more = all.split_off(MOST - 1).len();
        all.push(format!("{more} more"));
    }
    all.join(", ")
}

/// What keeps a release from going in. Times are shown in each reader's own zone.
pub(crate) fn obstacle(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Approval { expires } => format!(":raised_hand: has to be approved, until {}", date(*expires)),
        Obstacle::Freeze { until } => format!(":snowflake: frozen until {}", date(*until)),
        Obstacle::Lock(lock) => {
            let until = lock.until.map(|until| format!(" until {}", date(until))).unwrap_or_default();
            let why = lock.reason.as_ref().map(|why| format!(": {}", clip(why, 300))).unwrap_or_default();
            format!(":lock: locked by {}{until}{why}", clip(&lock.by, 100))
        }
    }
}

/// The task that runs first and has not ended: its command.
fn running(deployment: &Deployment) -> Option<(String, &Run)> {
    let position = deployment.runs.iter().position(|run| run.ended.is_none())?;
    Some((command(deployment, position), &deployment.runs[position]))
}

fn command(deployment: &Deployment, position: usize) -> String {
    let words = deployment.plan.before.get(position).map(|before| before.command.join(" "));
    code(&words.unwrap_or_default())
}

/// The stage of a service's deployment that shifts traffic.
fn stage(service: &ServiceDeployment) -> Option<String> {
    if service.verdict.is_some() {
        return None;
    }
    let name = escape(&service.service);
    if let Some(pause) = &service.pause {
        let place = code(&pause.stage);
        return Some(match &pause.answer {
            None => format!(":double_vertical_bar: {name} is paused at {place}: continue, or roll back?"),
            Some(Decision { approved: true, by }) => {
                format!(":arrow_forward: {name} goes on from {place}, says {}", clip(&by.name, 100))
            }
            Some(Decision { approved: false, by }) => {
                format!(":rewind: {name} goes back from {place}, says {}", clip(&by.name, 100))
            }
        });
    }
    let last = service.stages.last()?;
    Some(format!(":twisted_rightwards_arrows: {name}: {}", code(&last.stage)))
}

/// The buttons that the release's state asks for. What they do is decided when they are pressed, by the state at that time.
pub(super) fn buttons(release: &Release) -> Option<Value> {
    use action::{APPROVE, CANCEL, CONTINUE, REJECT, RETRY, REVERT, ROLL_BACK};
    let id = release.id.as_str();
    let current = release.deployments.iter().find(|deployment| deployment.verdict.is_none());
    let current = current.filter(|_| release.state == State::Deploying);
    let mut elements = Vec::new();
    if let Some(current) = current {
        let place = format!("{id}/{}", current.environment);
        if matches!(current.held, Some(Obstacle::Approval { .. })) {
            elements.push(button("Approve", APPROVE, Some("primary"), &place));
            elements.push(button("Reject", REJECT, Some("danger"), &place));
        } else if let Some(service) = paused(current) {
            let since = service.pause.as_ref().map_or(0, |pause| pause.since.as_millisecond());
            let place = format!("{place}/{}/{since}", service.service);
            elements.push(button("Continue", CONTINUE, Some("primary"), &place));
            elements.push(button("Roll back", ROLL_BACK, Some("danger"), &place));
        }
    }
    let goes_back = current.is_some_and(|current| current.reverting.is_some());
    if !release.state.is_end() && release.called_off.is_none() && !goes_back {
        let begun = current.is_some_and(Deployment::is_begun);
        let what = if begun { "What was begun goes back to what ran before." } else { "Nothing more is done for it." };
        let title = format!("Cancel {} #{}?", release.pipeline, release.number);
        elements.push(confirmed(button("Cancel", CANCEL, None, id), [&title, what, "Cancel it", "Keep it"]));
    }
    if release.may_be_tried_again() {
        let text =
            if release.is_imaged() { "Its image is deployed once more." } else { "Its commit is built once more." };
        let title = format!("Try {} #{} once more?", release.pipeline, release.number);
        elements.push(confirmed(button("Retry", RETRY, None, id), [&title, text, "Retry", "No"]));
    }
    if release.state == State::Live
        && let Some(last) = release.deployments.last()
        && !last.services.is_empty()
    {
        let environment = &last.environment;
        let title = format!("Roll back {environment}?");
        let text = format!(
            "{environment} goes from {} #{} back to what was live before it, and is locked until someone unlocks it.",
            release.pipeline, release.number
        );
        let value = format!("{id}/{environment}");
        let revert = button("Roll back", REVERT, Some("danger"), &value);
        elements.push(confirmed(revert, [&title, &text, "Roll back", "Keep it"]));
    }
    (!elements.is_empty()).then(|| json!({"type": "actions", "elements": elements}))
}

fn button(text: &str, id: &str, style: Option<&str>, value: &str) -> Value {
    let text = json!({"type": "plain_text", "text": text, "emoji": false});
    let mut button = json!({"type": "button", "action_id": id, "value": value, "text": text});
    if let Some(style) = style {
        button["style"] = style.into();
    }
    button
}

/// Slack asks whoever presses it first: title, question, yes and no.
/// Source: <https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object>.
fn confirmed(mut button: Value, [title, text, confirm, deny]: [&str; 4]) -> Value {
    let plain = |text: &str, most: usize| json!({"type": "plain_text", "text": shorten(text, most), "emoji": false});
    button["confirm"] = json!({
        "title": plain(title, 100), "text": plain(text, 300), "confirm": plain(confirm, 30), "deny": plain(deny, 30),
    });
    button
}

/// A reply for each thing that happened, with its time.
pub(super) fn replies(deployment: &Deployment) -> Vec<(Timestamp, String)> {
    let name = escape(&deployment.environment);
    let mut told = Vec::new();
    for attempt in &deployment.attempts {
        let (who, deed, why) = (clip(&attempt.name, 100), clip(&attempt.deed, 40), clip(&attempt.why, 300));
        told.push((attempt.at, format!(":no_entry_sign: {name}: {who} may not {deed}: {why}")));
    }
    if let Some(Decision { approved, by }) = &deployment.decision {
        let word = if *approved { ":ok_hand: approved" } else { ":no_entry_sign: rejected" };
        let why = by.reason.as_ref().map(|why| format!("\n{}", quote(why, 1000))).unwrap_or_default();
        told.push((by.at, format!("{word} for {name} by {}{why}", clip(&by.name, 100))));
    }
    if let Some(by) = &deployment.overridden {
        let why = by.reason.as_ref().map(|why| format!("\n{}", quote(why, 1000))).unwrap_or_default();
        told.push((by.at, format!(":warning: {name}: locks and freezes overridden by {}{why}", clip(&by.name, 100))));
    }
    for (position, run) in deployment.runs.iter().enumerate() {
        told.extend(run.ended.map(|ended| (ended, run_end(&command(deployment, position), run, ended))));
    }
    for service in &deployment.services {
        told.extend(service.updated.map(|updated| (updated, service_started(deployment, service))));
        for answered in &service.answers {
            let word = if answered.decision.approved { ":arrow_forward: goes on" } else { ":rewind: goes back" };
            let (stage, who) = (code(&answered.stage), clip(&answered.decision.by.name, 100));
            told.push((answered.at, format!("{word} from {stage}: {}, says {who}", escape(&service.service))));
        }
        if let Some(ended) = service.back.as_ref().and_then(|back| back.ended) {
            told.push((ended, service_back(service)));
        }
    }
    // What ECS takes back by itself is said with the end.
    let sent_back = deployment.services.iter().filter_map(|service| service.back.as_ref()?.told).min();
    if let Some((reverting, told_at)) = deployment.reverting.as_ref().zip(sent_back) {
        // A service may have been on its way back before the deployment was.
        told.push((
            told_at.max(reverting.since),
            format!(":rewind: {name} goes back\n{}", quote(&reverting.reason, 1500)),
        ));
    }
    told.extend(deployment.ended.map(|ended| (ended, end(deployment))));
    told
}

fn run_end(command: &str, run: &Run, ended: Timestamp) -> String {
    let took = duration(run.started, ended);
    let head = match &run.failure {
        None => format!(":white_check_mark: {command} · {took}"),
        Some(failure) => format!(":x: {command}: {} · {took}", clip(failure, 300)),
    };
    let log = log_block(&run.log, 2000);
    format!("{head}{log}")
}

/// What said something before it failed, and its last lines: what ran before the services, or a container of a service.
pub(super) fn last_words(deployment: &Deployment) -> Option<(String, &[String])> {
    let mut runs = deployment.runs.iter().enumerate();
    if let Some((position, run)) = runs.find(|(_, run)| run.failure.is_some() && !run.log.is_empty()) {
        return Some((command(deployment, position), &run.log));
    }
    deployment.services.iter().find_map(|service| {
        let why = service.why.as_ref().filter(|why| !why.log.is_empty())?;
        Some((format!("A container of {}", escape(&service.service)), &why.log[..]))
    })
}

fn service_started(deployment: &Deployment, service: &ServiceDeployment) -> String {
    let from = service.base.as_deref().map_or("nothing", revision);
    let to = service.task_definition.as_deref().map_or("nothing", revision);
    let (name, environment) = (escape(&service.service), escape(&deployment.environment));
    format!(":rocket: {environment}: service {name} goes from {} to {}", code(from), code(to))
}

fn service_back(service: &ServiceDeployment) -> String {
    let name = escape(&service.service);
    let base = code(service.base.as_deref().map_or("nothing", revision));
    match service.back.as_ref().and_then(|back| back.failure.as_ref()) {
        None => format!(":rewind: service {name} runs {base} again"),
        Some(failure) => format!(":x: service {name} does not run {base} again: {}", clip(failure, 300)),
    }
}

fn end(deployment: &Deployment) -> String {
    let reason = deployment.reason.as_ref().map(|reason| format!("\n{}", quote(reason, 1000))).unwrap_or_default();
    let mut text = format!("{}{reason}", line(deployment));
    for service in &deployment.services {
        let found = service.why.as_ref().map(|why| evidence(&service.service, why)).unwrap_or_default();
        if text.chars().count() + found.chars().count() <= REPLY {
            text += &found;
        }
    }
    text
}

/// What was found about a service that did not come up; the most telling first, all of it below Slack's limit for a text.
fn evidence(service: &str, why: &Why) -> String {
    let mut lines = Vec::new();
    for task in why.tasks.iter().take(3) {
        let containers = task.containers.iter().map(|(name, exit, reason)| {
            let exit = exit.map(|code| format!(" exit code {code}")).unwrap_or_default();
            let reason = reason.as_ref().map(|reason| format!(" {reason}")).unwrap_or_default();
            format!("{name}:{exit}{reason}")
        });
        let containers = containers.collect::<Vec<_>>().join("; ");
        lines.push(format!("task {}: {} ({})", clip(&task.id, 40), clip(&task.reason, 150), clip(&containers, 150)));
    }
    lines.extend(why.targets.iter().take(3).map(|target| format!("target {}", clip(target, 200))));
    lines.extend(why.events.iter().take(3).map(|event| format!("event {}", clip(event, 200))));
    let told = lines.iter().fold(String::new(), |told, line| told + "\n• " + line);
    let log = log_block(&why.log, 1000);
    if told.is_empty() && log.is_empty() { told } else { format!("\n*{}*{told}{log}", clip(service, 100)) }
}
