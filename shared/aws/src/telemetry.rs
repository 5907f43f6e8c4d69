//! Logs: a JSON object a line, with the time in RFC 3339, which Lambda's own level filter needs.
//!
//! Bodies, headers, tokens and secrets are never logged.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// Sets logging up, once, at the level of `AWS_LAMBDA_LOG_LEVEL` (`info` without it).
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>.
pub fn init(level: Option<&str>) {
    let level = level.and_then(|level| level.to_lowercase().parse().ok()).unwrap_or(LevelFilter::INFO);
    let ours = ["longshore_core", "longshore_aws", "longshore_trigger", "longshore_notify", "longshore_deploy"];
    let targets = Targets::new().with_default(LevelFilter::WARN).with_targets(ours.map(|target| (target, level)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_writer(std::io::stdout);
    // A second call, as tests make it, changes nothing.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}
