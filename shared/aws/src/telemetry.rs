//! Logs: a JSON object a line, with the same members in every function.
//!
//! | member | what |
//! | --- | --- |
//! | `timestamp`, `level`, `message` | as everywhere; the time in RFC 3339, without which Lambda takes every line for one of level INFO |
//! | `request` | Lambda's id of the invocation |
//! | `release`, `pipeline`, `delivery`, `repository`, `commit`, `build` | what the line is about, as far as it is known by then |
//! | `trace` | wherever there is a `release`: its trace ([`ReleaseId::trace`]) |
//!
//! and whatever else the line says, all on one level, so that one query finds everything about a release in all functions. Bodies, headers,
//! tokens and secrets are never logged. Metrics are lines, too ([`crate::metrics`]).
//!
//! An own layer, since that of `tracing-subscriber` prints the innermost span alone, below a member of its own, and what a query would have to
//! look for stood now here, now there.

use std::io::Write as _;

use jiff::Timestamp;
use longshore_core::{
    push::Delivery,
    release::{Release, ReleaseId},
    text::shorten,
};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use tracing::{
    Event, Span, Subscriber,
    field::{Empty, Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt},
    registry::{LookupSpan, Scope},
    util::SubscriberInitExt,
};

use crate::metrics;

/// The longest text of a member, in characters: Lambda cuts lines that are very long, and what is cut is no JSON any more.
const LONGEST: usize = 4000;
/// What belongs to a release. A line about another one than its span's has none of them but its own.
const OF_A_RELEASE: [&str; 6] = ["release", "pipeline", "delivery", "repository", "commit", "build"];

/// Sets logging up, once, at the level of `AWS_LAMBDA_LOG_LEVEL` (`info` without it), with the metrics of the stack `LONGSHORE_STACK`
/// (`longshore` without it). `lookup` reads the environment.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>.
pub fn init(lookup: &dyn Fn(&str) -> Option<String>) {
    // What cannot be written cannot be told of either.
    let write = |line: &[u8]| drop(std::io::stdout().write_all(line));
    // A second call, as tests make it, changes nothing.
    let _ = subscriber(lookup, write).try_init();
}

/// What [`init`] sets up, with every line handed to `write`, whole and with its newline.
pub fn subscriber(
    lookup: &dyn Fn(&str) -> Option<String>,
    write: impl Fn(&[u8]) + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync + for<'span> LookupSpan<'span> {
    let level = match lookup("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default().to_lowercase().as_str() {
        // An empty text would be read as ERROR.
        "" => LevelFilter::INFO,
        // Lambda has a level above all of ours.
        "fatal" => LevelFilter::ERROR,
        level => level.parse().unwrap_or(LevelFilter::INFO),
    };
    let stack = lookup("LONGSHORE_STACK").filter(|stack| !stack.is_empty());
    let stack = stack.unwrap_or_else(|| "longshore".to_owned());
    let ours = ["longshore_core", "longshore_aws", "longshore_trigger", "longshore_notify", "longshore_deploy"];
    let others = level.min(LevelFilter::WARN);
    let targets = Targets::new().with_default(others).with_targets(ours.map(|target| (target, level)));
    tracing_subscriber::registry().with(targets).with(Lines { write, stack })
}

/// The span of an invocation. Its members become known later: [`know`], [`delivered`].
pub fn request(id: &str) -> Span {
    span(id, "")
}

/// The span of what is done for one release, among others of the same invocation.
pub fn of(id: &ReleaseId) -> Span {
    span("", id.as_str())
}

/// [`of`] a release whose record is known.
pub fn release(release: &Release) -> Span {
    let span = of(&release.id);
    fill(&span, release);
    span
}

/// Has the lines of the current span say what is known of the release that they are about.
pub fn know(release: &Release) {
    fill(&Span::current(), release);
}

/// Has the lines of the current span say which delivery they are about.
pub fn delivered(delivery: &Delivery) {
    let span = Span::current();
    span.record("delivery", delivery.id.as_str());
    span.record("repository", delivery.repository.as_deref());
}

/// Of the level of errors: the lines of every level have its members.
fn span(request: &str, release: &str) -> Span {
    let (request, release) = (some(request), some(release));
    tracing::error_span!(
        "work",
        request,
        release,
        pipeline = Empty,
        delivery = Empty,
        repository = Empty,
        commit = Empty,
        build = Empty
    )
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn fill(span: &Span, release: &Release) {
    span.record("release", release.id.as_str());
    span.record("pipeline", release.pipeline.as_str());
    span.record("delivery", some(&release.delivery));
    span.record("repository", release.repository.as_str());
    span.record("commit", release.commit.known());
    span.record("build", release.build.id.as_deref());
}

/// Writes the lines.
struct Lines<W> {
    write: W,
    stack: String,
}

/// The members of a span or a line, in the order in which they came; few, so that they are looked through.
#[derive(Default)]
struct Members(Vec<(&'static str, Value)>);

impl Members {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find_map(|(known, value)| (*known == name).then_some(value))
    }

    fn put(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    /// Takes those of an inner span, or of the line itself.
    fn take(&mut self, inner: &Members) {
        if let (Some(outer), Some(inner)) = (self.get("release"), inner.get("release"))
            && outer != inner
        {
            self.0.retain(|(name, _)| !OF_A_RELEASE.contains(name));
        }
        for (name, value) in &inner.0 {
            self.put(name, value.clone());
        }
    }
}

impl Visit for Members {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), shorten(value, LONGEST).into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>, W: Fn(&[u8]) + 'static> Layer<S> for Lines<W> {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut members = Members::default();
        attributes.record(&mut members);
        span.extensions_mut().insert(members);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(members) = span.extensions_mut().get_mut::<Members>() {
            values.record(members);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut members = Members::default();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(known) = span.extensions().get::<Members>() {
                members.take(known);
            }
        }
        let mut own = Members::default();
        event.record(&mut own);
        members.take(&own);
        let release = members.get("release").and_then(Value::as_str).and_then(ReleaseId::parse);
        if let Some(release) = release {
            members.put("trace", release.trace().into());
        }
        let (level, now) = (event.metadata().level().as_str(), Timestamp::now());
        if event.metadata().target() == metrics::TARGET {
            let directives = metrics::directives(|name| members.get(name).is_some(), now);
            members.put("Stack", self.stack.as_str().into());
            members.put("_aws", directives);
        }
        if let Ok(mut line) = serde_json::to_vec(&Line { level, now, members: &members }) {
            line.push(b'\n');
            (self.write)(&line);
        }
    }
}

/// A line, with what people look for first in front.
struct Line<'l> {
    level: &'static str,
    now: Timestamp,
    members: &'l Members,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("timestamp", &format_args!("{:.6}", self.now))?;
        line.serialize_entry("level", self.level)?;
        if let Some(message) = self.members.get("message") {
            line.serialize_entry("message", message)?;
        }
        for (name, value) in self.members.0.iter().filter(|(name, _)| !IN_FRONT.contains(name)) {
            line.serialize_entry(name, value)?;
        }
        line.end()
    }
}

/// What stands there already: a member of that name would be there twice.
const IN_FRONT: [&str; 3] = ["timestamp", "level", "message"];

#[cfg(test)]
mod tests;
