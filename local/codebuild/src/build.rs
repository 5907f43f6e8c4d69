//! One build: what it was asked to do, how far it is, and how both look in the API.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use local_protocol::{Events, arn};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    events, lock,
    log::Log,
    phase::{Context, Phase, Record, Status},
};

/// What stands before a project's name in the name of its log group.
pub(crate) const LOG_GROUP: &str = "/aws/codebuild/";

/// What a build was asked to do; it never changes.
#[derive(Debug)]
pub(crate) struct Order {
    /// The project's name.
    pub(crate) project: String,
    pub(crate) uuid: String,
    /// Counts the project's builds from 1.
    pub(crate) number: u64,
    pub(crate) started: Timestamp,
    pub(crate) initiator: String,
    /// The request, for `RetryBuild`.
    pub(crate) request: Map<String, Value>,
    pub(crate) source_version: Option<String>,
    pub(crate) timeout_minutes: u32,
    pub(crate) queued_timeout_minutes: u32,
    /// Members of the build that come from the project and the request: `source`, `environment`, `artifacts` and so on.
    pub(crate) members: Map<String, Value>,
    /// Where the log can be read.
    pub(crate) deep_link: String,
}

impl Order {
    /// `project:uuid`.
    pub(crate) fn id(&self) -> String {
        format!("{}:{}", self.project, self.uuid)
    }

    pub(crate) fn arn(&self) -> String {
        arn("codebuild", &format!("build/{}", self.id()))
    }

    /// The log's group in CloudWatch Logs, as `CodeBuild` names it unless the project says otherwise.
    pub(crate) fn log_group(&self) -> String {
        format!("{LOG_GROUP}{}", self.project)
    }

    /// A member of the source, such as `location`, unless it is empty.
    pub(crate) fn source(&self, member: &str) -> Option<&str> {
        self.members.get("source")?.get(member)?.as_str().filter(|value| !value.is_empty())
    }

    /// The variables of the project and the request: name, value, type.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let variables = self.members.get("environment").and_then(|e| e.get("environmentVariables"));
        variables.and_then(Value::as_array).into_iter().flatten().filter_map(|variable| {
            let kind = variable["type"].as_str().unwrap_or("PLAINTEXT");
            Some((variable["name"].as_str()?, variable["value"].as_str()?, kind))
        })
    }
}

/// How far a build is.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) phases: Vec<Record>,
    pub(crate) status: Status,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) resolved: Option<String>,
    pub(crate) exported: Vec<(String, String)>,
}

impl Progress {
    /// The phase that began last.
    pub(crate) fn phase(&self) -> Phase {
        self.phases.last().map_or(Phase::Submitted, |record| record.phase)
    }
}

/// A build, from its request to its end.
#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) order: Order,
    pub(crate) log: Log,
    /// Cancelled when somebody stops the build.
    pub(crate) stop: CancellationToken,
    /// Cancelled when the build is complete.
    pub(crate) complete: CancellationToken,
    progress: Mutex<Progress>,
    events: Events,
}

impl Build {
    /// A build that is submitted, and queued; says so on the bus.
    pub(crate) fn submit(order: Order, log: Log, events: Events) -> Arc<Self> {
        let submitted = Record { phase: Phase::Submitted, started: order.started, ended: None, contexts: Vec::new() };
        let progress = Progress {
            phases: vec![submitted],
            status: Status::InProgress,
            ended: None,
            resolved: None,
            exported: Vec::new(),
        };
        let (stop, complete) = (CancellationToken::new(), CancellationToken::new());
        let build = Arc::new(Self { order, log, stop, complete, progress: Mutex::new(progress), events });
        build.emit(events::state_change(&build.order, &lock(&build.progress)));
        build.end(Status::Succeeded, Vec::new());
        build.begin(Phase::Queued);
        build
    }

    /// A phase begins.
    pub(crate) fn begin(&self, phase: Phase) {
        let record = Record { phase, started: Timestamp::now(), ended: None, contexts: Vec::new() };
        lock(&self.progress).phases.push(record);
    }

    /// The current phase ends.
    pub(crate) fn end(&self, status: Status, contexts: Vec<Context>) {
        let mut progress = lock(&self.progress);
        let Some(record) = progress.phases.last_mut().filter(|record| record.ended.is_none()) else { return };
        self.log.say(format!("Phase complete: {} State: {}", record.phase.name(), status.name()));
        let (code, message) = contexts.first().map_or(("", ""), |context| (context.code, &context.message));
        self.log.say(format!("Phase context status code: {code} Message: {message}"));
        record.ended = Some((Timestamp::now(), status));
        record.contexts = contexts;
        let record = record.clone();
        self.emit(events::phase_change(&self.order, &progress, &record));
    }

    /// The build ends.
    pub(crate) fn finish(&self, status: Status) {
        let mut progress = lock(&self.progress);
        let now = Timestamp::now();
        progress.phases.push(Record { phase: Phase::Completed, started: now, ended: None, contexts: Vec::new() });
        progress.status = status;
        progress.ended = Some(now);
        self.log.close();
        self.emit(events::state_change(&self.order, &progress));
        self.complete.cancel();
    }

    /// The source turned out to be this commit.
    pub(crate) fn resolved(&self, commit: &str) {
        lock(&self.progress).resolved = Some(commit.to_owned());
    }

    /// The values of the exported variables.
    pub(crate) fn export(&self, variables: Vec<(String, String)>) {
        lock(&self.progress).exported = variables;
    }

    pub(crate) fn is_complete(&self) -> bool {
        lock(&self.progress).ended.is_some()
    }

    /// The `Build` shape. Source: <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html>.
    pub(crate) fn describe(&self) -> Value {
        let (order, progress) = (&self.order, lock(&self.progress));
        let mut build = order.members.clone();
        let mut put = |name: &str, value: Value| build.insert(name.to_owned(), value);
        put("id", order.id().into());
        put("arn", order.arn().into());
        put("buildNumber", order.number.into());
        put("startTime", seconds(order.started));
        put("currentPhase", progress.phase().name().into());
        put("buildStatus", progress.status.name().into());
        put("projectName", order.project.clone().into());
        put("phases", progress.phases.iter().map(describe_phase).collect());
        put("logs", self.logs());
        put("timeoutInMinutes", order.timeout_minutes.into());
        put("queuedTimeoutInMinutes", order.queued_timeout_minutes.into());
        put("buildComplete", progress.ended.is_some().into());
        put("initiator", order.initiator.clone().into());
        put("exportedEnvironmentVariables", exported(&progress.exported));
        if let Some(version) = &order.source_version {
            put("sourceVersion", version.clone().into());
        }
        if let Some(commit) = &progress.resolved {
            put("resolvedSourceVersion", commit.clone().into());
        }
        if let Some(ended) = progress.ended {
            put("endTime", seconds(ended));
        }
        Value::Object(build)
    }

    fn logs(&self) -> Value {
        let (group, stream) = (self.order.log_group(), &self.order.uuid);
        json!({
            "groupName": group,
            "streamName": stream,
            "deepLink": self.order.deep_link,
            "cloudWatchLogs": { "status": "ENABLED" },
            "cloudWatchLogsArn": arn("logs", &format!("log-group:{group}:log-stream:{stream}")),
            "s3Logs": { "status": "DISABLED", "encryptionDisabled": false },
        })
    }

    fn emit(&self, event: local_protocol::Event) {
        // Nobody listens any more: the stack is going down.
        let _ = self.events.send(event);
    }
}

fn describe_phase(record: &Record) -> Value {
    let mut phase = json!({ "phaseType": record.phase.name(), "startTime": seconds(record.started) });
    if let (Some((end, status)), Some(length)) = (record.ended, record.seconds()) {
        phase["phaseStatus"] = status.name().into();
        phase["endTime"] = seconds(end);
        phase["durationInSeconds"] = length.into();
        let context = |c: &Context| json!({ "statusCode": c.code, "message": c.message });
        phase["contexts"] = record.contexts.iter().map(context).collect();
    }
    phase
}

fn exported(variables: &[(String, String)]) -> Value {
    variables.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// A time as AWS JSON has it.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double exactly")]
pub(crate) fn seconds(time: Timestamp) -> Value {
    (time.as_millisecond() as f64 / 1000.0).into()
}
