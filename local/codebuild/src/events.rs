//! The events that `CodeBuild` puts on `EventBridge`.
//!
//! Source: <https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications-ref.html>.

use jiff::Timestamp;
use local_protocol::Event;
use serde_json::{Map, Value, json};

use crate::{
    build::{Order, Progress},
    phase::{Context, Record, Status},
};

/// `CodeBuild Build State Change`.
pub(crate) fn state_change(order: &Order, progress: &Progress) -> Event {
    event(
        "CodeBuild Build State Change",
        order,
        json!({
            "build-status": progress.status.name(),
            "project-name": order.project,
            "build-id": order.arn(),
            "additional-information": additional_information(order, progress),
            "current-phase": progress.phase().name(),
            "current-phase-context": "[]",
            "version": "1",
        }),
    )
}

/// `CodeBuild Build Phase Change`, for a phase that ended.
pub(crate) fn phase_change(order: &Order, progress: &Progress, phase: &Record) -> Event {
    let (end, status) = phase.ended.unwrap_or((phase.started, Status::InProgress));
    let contexts: Vec<_> = phase.contexts.iter().map(sentence).collect();
    event(
        "CodeBuild Build Phase Change",
        order,
        json!({
            "completed-phase": phase.phase.name(),
            "completed-phase-status": status.name(),
            "completed-phase-context": format!("[{}]", contexts.join(", ")),
            "completed-phase-duration-seconds": phase.seconds().unwrap_or_default(),
            "completed-phase-start": date(phase.started),
            "completed-phase-end": date(end),
            "project-name": order.project,
            "build-id": order.arn(),
            "additional-information": additional_information(order, progress),
            "version": "1",
        }),
    )
}

fn event(detail_type: &str, order: &Order, detail: Value) -> Event {
    Event { source: "aws.codebuild".into(), detail_type: detail_type.into(), resources: vec![order.arn()], detail }
}

fn additional_information(order: &Order, progress: &Progress) -> Value {
    let mut information = json!({
        "environment": environment(order),
        "timeout-in-minutes": order.timeout_minutes,
        "queued-timeout-in-minutes": order.queued_timeout_minutes,
        "build-complete": progress.ended.is_some(),
        "build-number": order.number,
        "build-start-time": date(order.started),
        "initiator": order.initiator,
        "source": dashed(order.members.get("source")),
        "logs": {
            "group-name": order.log_group(),
            "stream-name": order.uuid,
            "deep-link": order.deep_link,
        },
        "phases": progress.phases.iter().map(phase).collect::<Value>(),
    });
    if let Some(version) = &order.source_version {
        information["source-version"] = version.clone().into();
    }
    let exported = progress.exported.iter().map(|(name, value)| json!({ "name": name, "value": value }));
    if !progress.exported.is_empty() {
        information["exported-environment-variables"] = exported.collect();
    }
    information
}

fn environment(order: &Order) -> Value {
    let mut environment = dashed(order.members.get("environment"));
    if environment.get("environment-variables").is_none() {
        environment["environment-variables"] = json!([]);
    }
    environment
}

fn phase(record: &Record) -> Value {
    let mut phase = json!({ "phase-type": record.phase.name(), "start-time": date(record.started) });
    if let (Some((end, status)), Some(length)) = (record.ended, record.seconds()) {
        phase["phase-context"] = record.contexts.iter().map(sentence).collect();
        phase["phase-status"] = status.name().into();
        phase["end-time"] = date(end).into();
        phase["duration-in-seconds"] = length.into();
    }
    phase
}

fn sentence(context: &Context) -> String {
    format!("{}: {}", context.code, context.message)
}

/// The events name the API's members with dashes: `computeType` is `compute-type`.
fn dashed(value: Option<&Value>) -> Value {
    match value {
        Some(Value::Object(members)) => {
            let members = members.iter().map(|(name, value)| (dash(name), dashed(Some(value))));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Some(Value::Array(items)) => items.iter().map(|item| dashed(Some(item))).collect(),
        Some(other) => other.clone(),
        None => json!({}),
    }
}

fn dash(name: &str) -> String {
    let mut dashed = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            dashed.push('-');
        }
        dashed.push(c.to_ascii_lowercase());
    }
    dashed
}

/// As the events write a date: `Sep 1, 2017 4:12:29 PM`, in UTC.
fn date(time: Timestamp) -> String {
    time.strftime("%b %-d, %Y %-I:%M:%S %p").to_string()
}
