//! CloudWatch Logs' `GetLogEvents`, for the logs of the stand-in's own builds and for those of another [`LogSource`].
//!
//! A build's log is the stream `<uuid>` in the group `/aws/codebuild/<project>`, from the moment at which the build is
//! provisioned. An event is a line with its line break. Its timestamp is when its first byte was written, its ingestion
//! time when its last was. Every other group is the other source's, whose lines have no line breaks. A token is a place in
//! the log, which is no secret here. Left out: `unmask`, and every other action.
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
    log_source::{Found, LogSource, lines_of},
};

/// How many events an answer has at most.
const MOST_EVENTS: u32 = 10_000;
/// How many bytes of events an answer has at most.
const MOST_BYTES: usize = 1024 * 1024;
const NO_GROUP: &str = "The specified log group does not exist.";
const NO_STREAM: &str = "The specified log stream does not exist.";

/// The service: the builds' logs, and those of another source.
pub(crate) struct Logs<S>(pub(crate) Arc<CodeBuild>, pub(crate) S);

impl<S: LogSource> Service for Logs<S> {
    const TARGET: &'static str = "Logs_20140328";

    async fn call(&self, action: &str, input: Value) -> Answer {
        let Value::Object(input) = input else { return Err(invalid("the request must be a structure")) };
        match action {
            "GetLogEvents" => self.get_log_events(&input).await,
            other => Err(unknown(other)),
        }
    }
}

impl<S: LogSource> Logs<S> {
    async fn get_log_events(&self, input: &Members) -> Answer {
        let wanted = Wanted::read(input)?;
        let (group, stream) = (log_group(input)?, member(required(input, "logStreamName"))?);
        let page = if group.starts_with(LOG_GROUP) {
            let build = self.stream(&group, stream)?;
            let progress = build.log.progress();
            wanted.check(progress.written)?;
            let read = tokio::task::spawn_blocking(move || Page::of_build(&build.log, progress, &wanted)).await;
            read.map_err(io::Error::other).flatten()
        } else {
            let lines = match self.1.read(&group, stream).await {
                Found::NoGroup => return Err(not_found(NO_GROUP)),
                Found::NoStream => return Err(not_found(NO_STREAM)),
                Found::Lines(lines) => lines_of(lines),
            };
            let length = lines.last().map_or(0, |line| line.line.end);
            wanted.check(length)?;
            let (begin, stop, _) = wanted.range(length);
            let within = lines.into_iter().filter(|stamped| stamped.line.start >= begin && stamped.line.end <= stop);
            Page::read(within.map(Ok), &wanted, length)
        };
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
            return Err(not_found(NO_GROUP));
        }
        let build = project.and_then(|project| store.build(&format!("{project}:{stream}")));
        let build = build.filter(|build| build.log.progress().opened);
        build.ok_or_else(|| not_found(NO_STREAM))
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

    /// Refuses a token for a place that a log of this length does not have.
    fn check(&self, length: u64) -> Result<(), Refusal> {
        match self.from.place() {
            Some(place) if place > length => Err(invalid("The specified nextToken is invalid.")),
            Some(_) | None => Ok(()),
        }
    }

    /// Between which places the events are, and whether they are read forwards.
    fn range(&self, length: u64) -> (u64, u64, bool) {
        match self.from {
            From::Head => (0, length, true),
            From::Forward(place) => (place, length, true),
            From::Tail => (0, length, false),
            From::Backward(place) => (0, place, false),
        }
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
    fn of_build(log: &Log, progress: Progress, wanted: &Wanted) -> io::Result<Self> {
        let (begin, stop, _) = wanted.range(progress.written);
        let mut file = File::open(log.path())?;
        file.seek(SeekFrom::Start(begin))?;
        let lines = Lines::new(BufReader::new(file.take(stop - begin)), begin, progress.ended);
        let stamped = lines.map(|line| {
            let line = line?;
            let (at, ingested) = (log.written_at(line.start), log.written_at(line.end - 1));
            Ok(Stamped { line, at: at.as_millisecond(), ingested: ingested.as_millisecond() })
        });
        Self::read(stamped, wanted, progress.written)
    }

    /// `lines` are those between the places of [`Wanted::range`].
    fn read(lines: impl Iterator<Item = io::Result<Stamped>>, wanted: &Wanted, length: u64) -> io::Result<Self> {
        let (begin, _, forward) = wanted.range(length);
        let (mut kept, mut bytes, mut place) = (VecDeque::new(), 0, begin);
        // Lines are cut from the front: a page from the back keeps the last ones that it has room for.
        for stamped in lines {
            let stamped = stamped?;
            place = stamped.line.end;
            if stamped.at < wanted.since || stamped.at >= wanted.until {
                continue;
            }
            let event = Event::new(&stamped);
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

/// A line and when it was written, in milliseconds since 1970.
pub(crate) struct Stamped {
    pub(crate) line: Line,
    pub(crate) at: i64,
    pub(crate) ingested: i64,
}

/// An event, ready to be sent.
struct Event {
    start: u64,
    end: u64,
    length: usize,
    shape: Value,
}

impl Event {
    fn new(stamped: &Stamped) -> Self {
        let Stamped { line, at, ingested } = stamped;
        let message = String::from_utf8_lossy(&line.text);
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
