//! Metrics, by CloudWatch's embedded metric format: a metric is a line of the log that says so, and CloudWatch takes it from there. No call is made,
//! and nothing is kept between invocations.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//!
//! Written here, although there is a maintained crate (`metrics_cloudwatch_embedded` 0.10): that one collects counters in a global registry and writes
//! them when it is flushed, with one set of properties for all. What ends several releases in one tick could not say which; its lines have no level,
//! request or trace; and it brings the crates `metrics` and `futures` along. Here a metric is an event of `tracing` with the target [`TARGET`] whose
//! members are its values, so that it has the ids of the spans that it happened in. Where nobody listens, as in the program `longshore`, it is
//! nothing.
//!
//! Each value of a dimension is a metric of its own to CloudWatch, and costs 0.30 USD a month: pipelines and releases are members of the line, for
//! queries, and no dimensions.

use jiff::{SignedDuration, Timestamp};
use longshore_core::release::{Release, State};
use serde_json::{Value, json};

use crate::telemetry;

/// The target of the events that are metrics.
pub(crate) const TARGET: &str = module_path!();
/// The namespace.
const NAMESPACE: &str = "Longshore";

/// A metric, as CloudWatch knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Metric {
    /// Its name, which is that of the line's member, too.
    name: &'static str,
    /// `Count`, `Seconds` or `Milliseconds`.
    unit: &'static str,
    /// The names of its dimensions: members of the line.
    dimensions: &'static [&'static str],
}

const STACK: &[&str] = &["Stack"];

/// All metrics.
const METRICS: [Metric; 8] = [
    Metric { name: "Deliveries", unit: "Count", dimensions: STACK },
    Metric { name: "Ignored", unit: "Count", dimensions: STACK },
    Metric { name: "Refused", unit: "Count", dimensions: STACK },
    Metric { name: "Releases", unit: "Count", dimensions: &["Stack", "Verdict"] },
    Metric { name: "LeadTime", unit: "Seconds", dimensions: STACK },
    Metric { name: "QueueAge", unit: "Seconds", dimensions: STACK },
    Metric { name: "SlackLag", unit: "Milliseconds", dimensions: STACK },
    Metric { name: "Stuck", unit: "Count", dimensions: STACK },
];

/// A delivery was taken: it was proven and read, and recorded now or before. `ignored`: it starts nothing.
pub fn delivery(source: &str, ignored: bool) {
    tracing::info!(Deliveries = 1, Ignored = u64::from(ignored), source, "metrics");
}

/// A request to take a delivery, a press or a command was refused: its proof is missing or wrong, it is nothing that can be read, or too large, or too much.
pub fn refused(source: &str) {
    tracing::info!(Refused = 1, source, "metrics");
}

/// A release ended, by a write of ours: once for each. With the time from its delivery to live, where a delivery brought it there; a person's
/// wish, a rollback for one, has no such time.
pub fn ended(release: &Release) {
    let brought = release.state == State::Live && release.asked.is_none() && !release.delivery.is_empty();
    let lead_time = release.ended.filter(|_| brought).map(|ended| seconds(ended.duration_since(release.accepted)));
    telemetry::release(release).in_scope(|| {
        tracing::info!(Releases = 1, Verdict = release.state.word(), LeadTime = lead_time, "metrics");
    });
}

/// The oldest release that waits for CodeBuild to take its build does so for this long.
pub fn queue_age(age: SignedDuration) {
    tracing::info!(QueueAge = seconds(age), "metrics");
}

/// A release's message shows its record as it is, so long after it was changed.
pub fn slack_lag(lag: SignedDuration) {
    tracing::info!(SlackLag = u64::try_from(lag.as_millis()).unwrap_or_default(), "metrics");
}

/// So many releases have not moved for longer than they may ([`Release::is_stuck`]). Of none nothing is told.
pub fn stuck(count: usize) {
    if count > 0 {
        tracing::info!(Stuck = count, "metrics");
    }
}

/// Not below 0, whatever the clocks say.
fn seconds(duration: SignedDuration) -> f64 {
    duration.as_secs_f64().max(0.0)
}

/// The member `_aws` of a line with these metrics: a directive for each set of dimensions.
pub(crate) fn directives(has: impl Fn(&str) -> bool, now: Timestamp) -> Value {
    let mut sets: Vec<(&[&str], Vec<Value>)> = Vec::new();
    for metric in METRICS.iter().filter(|metric| has(metric.name)) {
        let described = json!({ "Name": metric.name, "Unit": metric.unit });
        match sets.iter_mut().find(|(dimensions, _)| *dimensions == metric.dimensions) {
            Some((_, metrics)) => metrics.push(described),
            None => sets.push((metric.dimensions, vec![described])),
        }
    }
    let directive = |(dimensions, metrics): (&[&str], Vec<Value>)| json!({ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics });
    let directives: Vec<_> = sets.into_iter().map(directive).collect();
    json!({ "Timestamp": now.as_millisecond(), "CloudWatchMetrics": directives })
}

#[cfg(test)]
mod tests;
