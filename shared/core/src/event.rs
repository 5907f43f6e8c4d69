//! Events: the ones that we publish, and the ones of AWS that we read.
//!
//! AWS's are read leniently: members come and go between the documented samples, and only a few matter here.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{
    codecommit,
    push::Delivery,
    release::{Outcome, Release, ReleaseId},
    slack::command::Key,
};

/// The source of our events.
pub const SOURCE: &str = "longshore";
/// The detail type of a change of a release.
pub const RELEASE_CHANGED: &str = "Release Changed";
/// The detail type of a person's wish that `deploy` is to see to.
pub const DEPLOYMENT_ASKED: &str = "Deployment Asked";
/// The detail type of a command that `trigger` is to see to: its detail is the key alone.
pub const COMMAND_ASKED: &str = "Command Asked";

/// What the `startedBy` of a release's tasks begins with; its id follows. ECS takes 36 characters at least.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>.
pub const STARTED_BY: &str = "longshore/";

/// An event as EventBridge hands it to a function.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Envelope {
    /// For example `aws.codebuild`.
    pub source: String,
    /// For example `CodeBuild Build State Change`.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// Its own id; the same when EventBridge delivers it again.
    #[serde(default, deserialize_with = "text")]
    pub id: String,
    /// When it happened.
    #[serde(default, deserialize_with = "time")]
    pub time: Option<Timestamp>,
    /// Where it happened: `eu-central-1`.
    #[serde(default, deserialize_with = "text")]
    pub region: String,
    /// The account of what it is about.
    #[serde(default, deserialize_with = "text")]
    pub account: String,
    /// The ARNs that it is about.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Its own members.
    #[serde(default)]
    pub detail: Value,
}

/// Any text; empty for anything else.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_str().unwrap_or_default().to_owned())
}

/// A time in ISO 8601; `None` for anything else.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(text(deserializer)?.parse().ok())
}

/// What a function makes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The schedule: look after the open releases.
    Tick,
    /// A build changed: its id, `project:uuid`, and its release where the build's variables name one.
    Build {
        /// `project:uuid`.
        id: String,
        /// From the variable `LONGSHORE_RELEASE`.
        release: Option<ReleaseId>,
    },
    /// A deployment of an ECS service changed: the service's ARN.
    Service(String),
    /// A deployment of CodeDeploy changed: its id.
    CodeDeploy(String),
    /// A task that a release started ended.
    Task(ReleaseId),
    /// A release changed.
    Release(ReleaseId),
    /// A person asked for something of a release's deployment.
    Asked(ReleaseId),
    /// Somebody gave a command that is to be done.
    Command(Key),
    /// A branch or tag of a CodeCommit repository changed.
    Delivery(Box<Delivery>),
    /// Nothing that concerns us, or that cannot be read: what it was.
    Other(String),
}

impl Event {
    /// Reads an event.
    pub fn read(envelope: &Envelope) -> Self {
        let other = || Self::Other(format!("{} / {}", envelope.source, envelope.detail_type));
        let event = match (envelope.source.as_str(), envelope.detail_type.as_str()) {
            ("aws.events", "Scheduled Event") => Some(Self::Tick),
            ("aws.codebuild", "CodeBuild Build State Change") => build(&envelope.detail),
            ("aws.ecs", "ECS Deployment State Change") => envelope.resources.first().cloned().map(Self::Service),
            (codecommit::SOURCE, codecommit::STATE_CHANGE) => match codecommit::parse(envelope) {
                Ok(delivery) => Some(Self::Delivery(Box::new(delivery))),
                Err(error) => Some(Self::Other(format!("{}: {error}", envelope.detail_type))),
            },
            (SOURCE, RELEASE_CHANGED) => {
                envelope.detail["release"].as_str().and_then(ReleaseId::parse).map(Self::Release)
            }
            (SOURCE, DEPLOYMENT_ASKED) => {
                envelope.detail["release"].as_str().and_then(ReleaseId::parse).map(Self::Asked)
            }
            (SOURCE, COMMAND_ASKED) => envelope.detail["command"].as_str().and_then(Key::parse).map(Self::Command),
            // Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html>.
            ("aws.ecs", "ECS Hook State Change") => {
                envelope.detail["serviceArn"].as_str().map(|arn| Self::Service(arn.to_owned()))
            }
            ("aws.codedeploy", "CodeDeploy Deployment State-change Notification") => {
                envelope.detail["deploymentId"].as_str().map(|id| Self::CodeDeploy(id.to_owned()))
            }
            ("aws.ecs", "ECS Task State Change") => {
                let started_by = envelope.detail["startedBy"].as_str();
                started_by.and_then(|by| ReleaseId::parse(by.strip_prefix(STARTED_BY)?)).map(Self::Task)
            }
            _ => None,
        };
        event.unwrap_or_else(other)
    }

    /// What it is, in a word or two, for the log: nothing of what it carries, but for the source and type of one that is none of ours.
    pub fn word(&self) -> &str {
        match self {
            Self::Tick => "tick",
            Self::Build { .. } => "build",
            Self::Service(_) => "service",
            Self::CodeDeploy(_) => "codedeploy",
            Self::Task(_) => "task",
            Self::Release(_) => "release",
            Self::Asked(_) => "asked",
            Self::Command(_) => "command",
            Self::Delivery(_) => "delivery",
            Self::Other(what) => what,
        }
    }

    /// The release that it is about, where it names one.
    pub fn release(&self) -> Option<&ReleaseId> {
        match self {
            Self::Build { release, .. } => release.as_ref(),
            Self::Task(release) | Self::Release(release) | Self::Asked(release) => Some(release),
            Self::Tick
            | Self::Service(_)
            | Self::CodeDeploy(_)
            | Self::Command(_)
            | Self::Delivery(_)
            | Self::Other(_) => None,
        }
    }
}

fn build(detail: &Value) -> Option<Event> {
    // The event carries the ARN: arn:aws:codebuild:<region>:<account>:build/<project>:<uuid>.
    let arn = detail["build-id"].as_str()?;
    let id = arn.split_once(":build/").map_or(arn, |(_, id)| id).to_owned();
    let variables = detail["additional-information"]["environment"]["environment-variables"].as_array();
    let release = variables.into_iter().flatten().find(|variable| variable["name"] == "LONGSHORE_RELEASE");
    let release = release.and_then(|variable| variable["value"].as_str()).and_then(ReleaseId::parse);
    Some(Event::Build { id, release })
}

/// Reads CodeBuild's `buildStatus`; `None` while the build runs.
/// Source: <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html>.
pub fn outcome(status: &str) -> Option<Outcome> {
    match status {
        "SUCCEEDED" => Some(Outcome::Succeeded),
        "FAILED" => Some(Outcome::Failed),
        "STOPPED" => Some(Outcome::Stopped),
        "TIMED_OUT" => Some(Outcome::TimedOut),
        "FAULT" => Some(Outcome::Fault),
        _ => None,
    }
}

/// The detail of `Release Changed`. Small on purpose: who wants more reads the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseChanged<'a> {
    release: &'a str,
    /// [`ReleaseId::trace`].
    trace: String,
    version: u64,
    pipeline: &'a str,
    number: u64,
    state: &'static str,
    repository: &'a str,
    #[serde(rename = "ref")]
    reference: String,
    /// Empty while only CodeBuild knows it.
    commit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    environments: Vec<EnvironmentState<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct EnvironmentState<'a> {
    environment: &'a str,
    verdict: Option<&'static str>,
}

impl<'a> From<&'a Release> for ReleaseChanged<'a> {
    fn from(release: &'a Release) -> Self {
        let environment = |deployment: &'a crate::release::Deployment| EnvironmentState {
            environment: &deployment.environment,
            verdict: deployment.verdict.map(crate::release::Verdict::word),
        };
        Self {
            release: release.id.as_str(),
            trace: release.id.trace(),
            version: release.version,
            pipeline: &release.pipeline,
            number: release.number,
            state: release.state.word(),
            repository: &release.repository,
            reference: release.reference.to_string(),
            commit: &release.commit.id,
            image: release.image.as_ref().map(crate::release::Image::reference),
            environments: release.deployments.iter().map(environment).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(event: Value) -> Event {
        Event::read(&serde_json::from_value(event).expect("an envelope"))
    }

    #[test]
    fn a_build_event_names_its_build_and_release() {
        let id = "01JD0000000000000000000000";
        let event = json!({
            "source": "aws.codebuild", "detail-type": "CodeBuild Build State Change",
            "detail": {
                "build-id": "arn:aws:codebuild:eu-central-1:123456789012:build/web-build:8745a7a9",
                "additional-information": {"environment": {"environment-variables": [
                    {"name": "OTHER", "value": "x"}, {"name": "LONGSHORE_RELEASE", "value": id, "type": "PLAINTEXT"},
                ]}},
            },
        });
        assert_eq!(read(event), Event::Build { id: "web-build:8745a7a9".into(), release: ReleaseId::parse(id) });
    }

    #[test]
    fn the_events_that_wake_a_deployment_name_it() {
        let id = "01JD0000000000000000000000";
        let event = |source: &str, detail_type: &str, detail: Value| {
            read(json!({"source": source, "detail-type": detail_type, "detail": detail}))
        };
        let task = |by: &str| event("aws.ecs", "ECS Task State Change", json!({"startedBy": by}));
        assert_eq!(ReleaseId::parse(id).map(Event::Task), Some(task(&format!("longshore/{id}"))));
        assert!(matches!(task("ecs-svc/1"), Event::Other(_)), "a service's own task");
        let asked = event(SOURCE, DEPLOYMENT_ASKED, json!({"release": id}));
        assert_eq!(ReleaseId::parse(id).map(Event::Asked), Some(asked));
        let key = Key::of_request("v0=ab");
        let command = event(SOURCE, COMMAND_ASKED, json!({"command": key.as_str()}));
        assert_eq!(command, Event::Command(key));
        let arn = "arn:aws:ecs:eu-central-1:123456789012:service/production/web";
        let hook = event("aws.ecs", "ECS Hook State Change", json!({"serviceArn": arn}));
        assert_eq!(hook, Event::Service(arn.into()));
        let codedeploy = "CodeDeploy Deployment State-change Notification";
        let changed = event("aws.codedeploy", codedeploy, json!({"deploymentId": "d-1"}));
        assert_eq!(changed, Event::CodeDeploy("d-1".into()));
    }

    #[test]
    fn an_event_without_what_we_need_is_another_event() {
        for (source, detail_type) in
            [("aws.codebuild", "CodeBuild Build State Change"), ("longshore", "Release Changed")]
        {
            let event = read(json!({"source": source, "detail-type": detail_type, "detail": {}}));
            assert_eq!(event, Event::Other(format!("{source} / {detail_type}")));
        }
        assert_eq!(read(json!({"source": "aws.events", "detail-type": "Scheduled Event"})), Event::Tick);
    }
}
