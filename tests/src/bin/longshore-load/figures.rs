//! What was measured, as a table and as JSON.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use longshore_core::release::State;
use longshore_tests::program;
use serde_json::{Value, json};

use crate::check::Outcome;

/// What was measured beside the answers.
#[derive(Debug)]
pub struct Measured {
    /// From the first delivery to the last answer.
    pub took: Duration,
    /// How many were under way at once.
    pub concurrency: usize,
    /// Calls of DynamoDB by action.
    pub calls: BTreeMap<String, u64>,
    /// How many instances of `trigger` there were; the first was there before the first delivery.
    pub instances: usize,
    /// The largest resident memory of one of them, in KiB, where the system tells it.
    pub memory: Option<u64>,
    /// How many ticks it took until nothing was left to do.
    pub ticks: usize,
}

/// The figures of a run, and what is wrong.
#[derive(Debug)]
pub struct Figures {
    measured: Measured,
    /// The profile that the programs were compiled with, by the name of their folder.
    profile: String,
    deliveries: usize,
    /// How many of them had been sent before.
    duplicates: usize,
    /// How long each delivery waited for its answer, shortest first.
    latencies: Vec<Duration>,
    /// How often each status was answered; 0: no answer came.
    answers: BTreeMap<u16, usize>,
    releases: usize,
    superseded: usize,
    /// How many are of a commit that was released before, because an older push came late.
    again: usize,
    builds: usize,
    stopped: usize,
    /// What is wrong, a sentence each.
    pub wrong: Vec<String>,
}

impl Figures {
    /// Counts.
    pub fn new(outcome: &Outcome<'_>, measured: Measured, wrong: Vec<String>) -> Self {
        let Outcome { plan, answers, table, builds, .. } = outcome;
        let mut latencies: Vec<_> = answers.iter().map(|answer| answer.took).collect();
        latencies.sort_unstable();
        let mut by_status = BTreeMap::new();
        for answer in *answers {
            let status = answer.said.as_ref().map_or(0, |(status, _)| *status);
            *by_status.entry(status).or_default() += 1;
        }
        let folder = program("longshore-trigger").parent().map(std::path::Path::to_owned).unwrap_or_default();
        Self {
            measured,
            profile: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            deliveries: answers.len(),
            duplicates: plan.queue.len() - plan.pushes.len(),
            latencies,
            answers: by_status,
            releases: table.releases.len(),
            superseded: table.releases.iter().filter(|release| release.state == State::Superseded).count(),
            again: table.releases.len().saturating_sub(plan.pushes.len()),
            builds: builds.len(),
            stopped: builds.iter().filter(|build| build.stopped).count(),
            wrong,
        }
    }

    /// The latency that so many of a hundred deliveries did not exceed (nearest rank), in milliseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1);
        self.latencies.get(rank - 1).map_or(0.0, |latency| milliseconds(*latency))
    }

    fn per_second(&self) -> f64 {
        number(self.deliveries as u64) / self.measured.took.as_secs_f64()
    }

    fn calls_per_delivery(&self) -> BTreeMap<&str, f64> {
        let deliveries = number(self.deliveries.max(1) as u64);
        let calls = self.measured.calls.iter();
        calls.map(|(action, calls)| (action.as_str(), rounded(number(*calls) / deliveries, 100.0))).collect()
    }

    /// For a person.
    pub fn table(&self) -> String {
        let Measured { took, concurrency, instances, memory, ticks, .. } = &self.measured;
        let percentiles = [50, 90, 99, 100].map(|percent| format!("{:.0}", self.percentile(percent))).join(" / ");
        let answers: Vec<_> = self.answers.iter().map(|(status, count)| format!("{count} × {status}")).collect();
        let calls = self.calls_per_delivery();
        let sum: f64 = calls.values().sum();
        let each: Vec<_> = calls.iter().map(|(action, calls)| format!("{action} {calls:.2}")).collect();
        let memory =
            memory.as_ref().map_or_else(|| "not known".to_owned(), |kib| format!("{:.1} MiB", number(*kib) / 1024.0));
        let again = match self.again {
            0 => String::new(),
            again => format!(", {again} of a commit that was released before"),
        };
        let lines = [
            ("deliveries", format!("{}, {} of them sent before", self.deliveries, self.duplicates)),
            ("at once", concurrency.to_string()),
            ("profile", self.profile.clone()),
            ("seconds", format!("{:.1}", took.as_secs_f64())),
            ("per second", format!("{:.1}", self.per_second())),
            ("latency, ms", format!("{percentiles} (p50 / p90 / p99 / max)")),
            ("answers", answers.join(", ")),
            ("cold starts", instances.to_string()),
            ("memory, at most", memory),
            ("DynamoDB calls", format!("{sum:.1} a delivery: {}", each.join(", "))),
            ("releases", format!("{}, {} superseded{again}", self.releases, self.superseded)),
            ("builds", format!("{} started, {} stopped", self.builds, self.stopped)),
            ("ticks needed", ticks.to_string()),
            ("wrong", if self.wrong.is_empty() { "nothing".to_owned() } else { self.wrong.len().to_string() }),
        ];
        let mut table = String::new();
        for (name, value) in lines {
            let _ = writeln!(table, "{name:<16} {value}");
        }
        table
    }

    /// For a program: `{"profile", "deliveries", "duplicates", "concurrency", "seconds", "per_second", "milliseconds": {"p50", "p90",
    /// "p99", "max"}, "answers": {status: count}, "cold_starts", "memory_kib", "dynamodb_calls_per_delivery": {action: count}, "releases",
    /// "superseded", "again", "builds", "stopped", "ticks", "wrong": [sentence]}`. The status 0 stands for no answer; `memory_kib` may be
    /// null.
    pub fn json(&self) -> Value {
        let answers: BTreeMap<_, _> = self.answers.iter().map(|(status, count)| (status.to_string(), count)).collect();
        let latency = |percent| rounded(self.percentile(percent), 10.0);
        json!({
            "profile": self.profile, "deliveries": self.deliveries, "duplicates": self.duplicates,
            "concurrency": self.measured.concurrency, "seconds": rounded(self.measured.took.as_secs_f64(), 100.0),
            "per_second": rounded(self.per_second(), 10.0),
            "milliseconds": {"p50": latency(50), "p90": latency(90), "p99": latency(99), "max": latency(100)},
            "answers": answers, "cold_starts": self.measured.instances, "memory_kib": self.measured.memory,
            "dynamodb_calls_per_delivery": self.calls_per_delivery(), "releases": self.releases,
            "superseded": self.superseded, "again": self.again, "builds": self.builds, "stopped": self.stopped,
            "ticks": self.measured.ticks, "wrong": self.wrong,
        })
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

#[expect(clippy::cast_precision_loss, reason = "what a run counts is far below 2^53")]
fn number(value: u64) -> f64 {
    value as f64
}
