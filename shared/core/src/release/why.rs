//! Why a deployment failed: what ECS, its tasks, the load balancer and the containers themselves said.

use serde::{Deserialize, Serialize};

use crate::text::shorten;

/// The evidence of a failed service deployment. What makes it bounds it, so that the record that holds several stays far below
/// DynamoDB's 400 KB: about 20 KB each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The service's events during the deployment, newest first: at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Tasks of the revision that stopped, newest first: at most 5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<StoppedTask>,
    /// The targets of the target groups that are not healthy: `10.0.0.1:8080 unhealthy: …`, at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The last lines of a stopped container's log, oldest first: at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// A task that stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedTask {
    /// The last part of its ARN.
    pub id: String,
    /// ECS's stop code and reason.
    pub reason: String,
    /// Its containers: name, exit code where it ran, and ECS's reason where it gave one. At most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<(String, Option<i32>, Option<String>)>,
}

impl Why {
    /// Lines of the log that are kept.
    pub const LOG_LINES: usize = 50;

    /// The evidence, cut to its bounds. Of the log the end counts, of everything else the beginning.
    pub fn new(events: Vec<String>, tasks: Vec<StoppedTask>, targets: Vec<String>, log: Vec<String>) -> Self {
        Self { tasks: tasks.into_iter().take(5).collect(), events: first(events), ..Self::default() }
            .with_targets(targets)
            .with_log(log)
    }

    /// The same with these targets.
    #[must_use]
    pub fn with_targets(self, targets: Vec<String>) -> Self {
        Self { targets: first(targets), ..self }
    }

    /// The same with these lines of a log, oldest first.
    #[must_use]
    pub fn with_log(self, log: Vec<String>) -> Self {
        let skipped = log.len().saturating_sub(Self::LOG_LINES);
        Self { log: log.into_iter().skip(skipped).map(|line| shorten(&line, 200)).collect(), ..self }
    }

    /// Whether nobody said anything.
    pub fn is_empty(&self) -> bool {
        let Self { events, tasks, targets, log } = self;
        events.is_empty() && tasks.is_empty() && targets.is_empty() && log.is_empty()
    }
}

impl StoppedTask {
    /// A task, cut to its bounds.
    pub fn new(id: &str, reason: &str, containers: Vec<(String, Option<i32>, Option<String>)>) -> Self {
        let container = |(name, code, reason): (String, Option<i32>, Option<String>)| {
            (shorten(&name, 80), code, reason.map(|reason| shorten(&reason, 200)))
        };
        Self {
            id: shorten(id, 80),
            reason: shorten(reason, 300),
            containers: containers.into_iter().take(10).map(container).collect(),
        }
    }
}

fn first(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().take(10).map(|line| shorten(&line, 300)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_evidence_stays_small_whatever_was_said() {
        let long = || vec!["\u{1f525}".repeat(5000); 500];
        let containers = vec![("c".repeat(300), Some(137), Some("\u{1f525}".repeat(5000))); 50];
        let task = StoppedTask::new(&"t".repeat(300), &"r".repeat(5000), containers);
        let why = Why::new(long(), vec![task; 50], long(), long());
        assert_eq!((why.events.len(), why.tasks.len(), why.targets.len(), why.log.len()), (10, 5, 10, 50));
        let bytes = serde_json::to_string(&why).expect("JSON").len();
        assert!(bytes < 120_000, "{bytes}");
    }

    #[test]
    fn the_end_of_a_log_is_kept() {
        let why = Why::default().with_log((0..60).map(|n| format!("line {n}")).collect());
        assert_eq!((why.log.len(), why.log[0].as_str(), why.log[49].as_str()), (50, "line 10", "line 59"));
        assert!(!why.is_empty() && Why::default().is_empty());
    }

    #[test]
    fn it_is_read_back_as_it_was_written() {
        let task = StoppedTask::new("t1", "EssentialContainerExited", vec![("web".into(), Some(1), None)]);
        let why = Why::new(vec!["failed".into()], vec![task], Vec::new(), Vec::new());
        let text = serde_json::to_string(&why).expect("JSON");
        assert_eq!(serde_json::from_str::<Why>(&text).expect("evidence"), why);
        assert_eq!(serde_json::from_str::<Why>("{}").expect("evidence"), Why::default());
    }
}
