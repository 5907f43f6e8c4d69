//! The events that ECS documents, from source `aws.ecs`.
//! Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html>.

use local_protocol::{Event, arn};
use serde_json::{Value, json};

use crate::{
    model::{Key, Service, State, Task},
    shapes::uuid,
};

/// A timestamp as events write it.
pub(crate) fn iso(seconds: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit")]
    let milliseconds = (seconds * 1000.0).round() as i64;
    let time = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    json!(format!("{time:.3}"))
}

impl State {
    pub fn emit(&self, detail_type: &str, resource: &str, detail: Value) {
        let event = Event {
            source: "aws.ecs".into(),
            detail_type: detail_type.into(),
            resources: vec![resource.into()],
            detail,
        };
        // Nobody listens when the stack is going down.
        let _ = self.events.send(event);
    }

    /// `ECS Deployment State Change`.
    pub fn deployment_event(&self, key: &Key, name: &str, deployment: &str, reason: &str, now: f64) {
        let Some(service) = self.services.get(key) else { return };
        let kind = if name == "SERVICE_DEPLOYMENT_FAILED" { "ERROR" } else { "INFO" };
        let detail = json!({
            "eventType": kind, "eventName": name, "deploymentId": deployment, "updatedAt": iso(now), "reason": reason,
        });
        self.emit("ECS Deployment State Change", &service.arn, detail);
    }

    /// `ECS Service Action`.
    pub fn service_event(&self, key: &Key, kind: &str, name: &str, now: f64) {
        let Some(service) = self.services.get(key) else { return };
        let cluster = arn("ecs", &format!("cluster/{}", key.0));
        let detail = json!({ "eventType": kind, "eventName": name, "clusterArn": cluster, "createdAt": iso(now) });
        self.emit("ECS Service Action", &service.arn, detail);
    }

    /// `ECS Task State Change`.
    pub fn task_event(&self, task: &Task, now: f64) {
        let mut detail = task.json(&iso);
        detail["updatedAt"] = iso(now);
        self.emit("ECS Task State Change", &task.arn, detail);
    }
}

impl Service {
    /// What `DescribeServices` shows under `events`: at most 100, the newest first.
    pub fn note(&mut self, text: &str, now: f64) {
        let message = format!("(service {}) {text}", self.key.1);
        tracing::debug!(service = %self.key.1, "{message}");
        self.events.insert(0, json!({ "id": uuid(), "createdAt": now, "message": message }));
        self.events.truncate(100);
    }
}
