//! CloudWatch Logs' `GetLogEvents`, for the logs of the stand-in's own builds.
//!
//! A build's log is the stream `<uuid>` in the group `/aws/codebuild/<project>`, from the moment at which the build is
//! provisioned. An event is a line with its line break. Its timestamp is when its first byte was written, its ingestion
//! time when its last was. A token is a place in the log, which is no secret here. Left out: `unmask`, and every other
//! action.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufReader, Read as _, Seek as _, SeekFrom},
    sync::Arc,
};

use local_protocol::{Answer, Refusal, Service, arn, unknown};
use serde_json::{Value, json};

use crate::{
    CodeBuild,
    build::{Build, LOG_GROUP},
    input::{Members, number, required, text},
    log::{Log, Progress},
    log_lines::{Line, Lines, OVERHEAD},
};

/// How many events an answer has at most.
const MOST_EVENTS: u32 = 10_000;
/// How many bytes of events an answer has at most.
const MOST_BYTES: usize = 1024 * 1024;

/// The service, as far as builds have logs.
pub(crate) struct Logs(pub(crate) Arc<CodeBuild>);

impl Service for Logs {
    const TARGET: &'static str = "Logs_20140328";

    async fn call(&self, action: &str, input: Value) -> Answer {
        let Value::Object(input) = input else { return Err(invalid("the request must be a structure")) };
        match action {
            "GetLogEvents" => self.get_log_events(&input).await,
            other => Err(unknown(other)),
        }
    }
}

impl Logs {
    async fn get_log_events(&self, input: &Members) -> Answer {
        let wanted = Wanted::read(input)?;
        let build = self.stream(&log_group(input)?, member(required(input, "logStreamName"))?)?;
        let progress = build.log.progress();
        if wanted.from.place().is_some_and(|place| place > progress.written) {
            return Err(invalid("The specified nextToken is invalid."));
        }
        let read = tokio::task::spawn_blocking(move || Page::read(&build.log, progress, &wanted)).await;
        let page = read.map_err(io::Error::other).flatten();
        let page = page.map_err(|error| Refusal::server("ServiceUnavailableException", error.to_string()))?;
        Ok(json!({
            "events": page.events,
            "nextForwardToken": format!("f/{:020}", page.end),
            "nextBackwardToken": format!("b/{:020}", page.start),
        }))
    }

    /// The build whose log this is.
    fn stream(&self, group: &str, stream: &str) -> Result<Arc<Build>, Refusal> {
        let store = self.0.store();
        let project = group.strip_prefix(LOG_GROUP);
        let mut builds = project.into_iter().flat_map(|project| store.builds(Some(project)));
        if !builds.any(|build| build.log.progress().opened) {
            return Err(not_found("The specified log group does not exist."));
        }
        let build = project.and_then(|project| store.build(&format!("{project}:{stream}")));
        let build = build.filter(|build| build.log.progress().opened);
        build.ok_or_else(|| not_found("The specified log stream does not exist."))
    }
}

/// The name of the group that the request names, by name or by ARN.
fn log_group(input: &Members) -> Result<String, Refusal> {
    let (name, identifier) = (member(text(input, "logGroupName"))?, member(text(input, "logGroupIdentifier"))?);
    match (name, identifier) {
        (Some(name), None) => Ok(name.to_owned()),
        (None, Some(identifier)) => {
            let name = identifier.strip_prefix(&arn("logs", "log-group:"));
            Ok(name.unwrap_or(identifier).to_owned())
        }
        (None, None) | (Some(_), Some(_)) => {
            Err(invalid("Exactly one of logGroupName and logGroupIdentifier must be given."))
        }
    }
}

/// Where a page begins or ends.
#[derive(Debug, Clone, Copy)]
enum From {
    /// At the first event, forwards.
    Head,
    /// At the last event, backwards.
    Tail,
    /// At this place, forwards.
    Forward(u64),
    /// At this place, backwards.
    Backward(u64),
}

impl From {
    fn place(self) -> Option<u64> {
        match self {
            Self::Head | Self::Tail => None,
            Self::Forward(place) | Self::Backward(place) => Some(place),
        }
    }
}

/// Which events are asked for.
#[derive(Debug)]
struct Wanted {
    from: From,
    limit: usize,
    /// The first millisecond since 1970 whose events are wanted.
    since: i64,
    /// The first one whose events are not.
    until: i64,
}

impl Wanted {
    fn read(input: &Members) -> Result<Self, Refusal> {
        let from_head = match input.get("startFromHead") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(from_head)) => *from_head,
            Some(_) => return Err(invalid("startFromHead must be a boolean")),
        };
        // A token knows its direction.
        let from = match member(text(input, "nextToken"))? {
            None if from_head => From::Head,
            None => From::Tail,
            Some(token) => place_of(token).ok_or_else(|| invalid("The specified nextToken is invalid."))?,
        };
        Ok(Self {
            from,
            limit: member(number(input, "limit", 1, MOST_EVENTS))?.unwrap_or(MOST_EVENTS) as usize,
            since: time(input, "startTime")?.unwrap_or(i64::MIN),
            until: time(input, "endTime")?.unwrap_or(i64::MAX),
        })
    }
}

fn place_of(token: &str) -> Option<From> {
    let (direction, digits) = token.split_once('/')?;
    let place = digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())??;
    match direction {
        "f" => Some(From::Forward(place)),
        "b" => Some(From::Backward(place)),
        _ => None,
    }
}

/// Milliseconds since 1970.
fn time(input: &Members, name: &str) -> Result<Option<i64>, Refusal> {
    match input.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(time) if time >= 0 => Ok(Some(time)),
            _ => Err(invalid(format!("{name} must be a number of milliseconds since 1970"))),
        },
    }
}

/// An answer's events, oldest first, and the places before and after them.
#[derive(Debug)]
struct Page {
    events: VecDeque<Value>,
    start: u64,
    end: u64,
}

impl Page {
    fn read(log: &Log, progress: Progress, wanted: &Wanted) -> io::Result<Self> {
        let (begin, stop, forward) = match wanted.from {
            From::Head => (0, progress.written, true),
            From::Forward(place) => (place, progress.written, true),
            From::Tail => (0, progress.written, false),
            From::Backward(place) => (0, place, false),
        };
        let mut file = File::open(log.path())?;
        file.seek(SeekFrom::Start(begin))?;
        let reader = BufReader::new(file.take(stop - begin));
        let (mut kept, mut bytes, mut place) = (VecDeque::new(), 0, begin);
        // Lines are cut from the front: a page from the back keeps the last ones that it has room for.
        for line in Lines::new(reader, begin, progress.ended) {
            let line = line?;
            place = line.end;
            let at = log.written_at(line.start).as_millisecond();
            if at < wanted.since || at >= wanted.until {
                continue;
            }
            let event = Event::new(log, &line, at);
            if forward && !kept.is_empty() && (kept.len() == wanted.limit || bytes + event.size() > MOST_BYTES) {
                break;
            }
            bytes += event.size();
            kept.push_back(event);
            while kept.len() > wanted.limit || (bytes > MOST_BYTES && kept.len() > 1) {
                bytes -= kept.pop_front().map_or(0, |event| event.size());
            }
        }
        // Without events, the place stays where it was.
        let nowhere = if forward { begin } else { place };
        let (first, last) = (kept.front(), kept.back());
        let (start, end) = (first.map_or(nowhere, |event| event.start), last.map_or(nowhere, |event| event.end));
        Ok(Self { events: kept.into_iter().map(|event| event.shape).collect(), start, end })
    }
}

/// An event, ready to be sent.
struct Event {
    start: u64,
    end: u64,
    length: usize,
    shape: Value,
}

impl Event {
    fn new(log: &Log, line: &Line, at: i64) -> Self {
        let message = String::from_utf8_lossy(&line.text);
        let ingested = log.written_at(line.end - 1).as_millisecond();
        Self {
            start: line.start,
            end: line.end,
            length: message.len(),
            shape: json!({ "timestamp": at, "message": message, "ingestionTime": ingested }),
        }
    }

    fn size(&self) -> usize {
        self.length + OVERHEAD
    }
}

/// A member as `input` reads it; this service refuses under another name.
fn member<T>(read: Result<T, Refusal>) -> Result<T, Refusal> {
    read.map_err(|refusal| invalid(refusal.message))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::client("InvalidParameterException", message)
}

fn not_found(message: &str) -> Refusal {
    Refusal::client("ResourceNotFoundException", message)
}
