//! The ticks: rules with a rate, which `EventBridge` fires by itself.

use std::{sync::Arc, time::Duration};

use local_protocol::{ACCOUNT, REGION};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    runtime::{Host, InvokeError},
    template::Schedule,
};

/// Running schedules; they stop when this is dropped.
#[derive(Debug)]
pub struct Schedules {
    known: Vec<Schedule>,
    host: Arc<Host>,
    tasks: JoinSet<()>,
}

/// Starts the schedules, at their own intervals or at `interval`. Each fires for the first time when one interval has passed.
pub fn schedule(schedules: Vec<Schedule>, host: Arc<Host>, interval: Option<Duration>) -> Schedules {
    let mut tasks = JoinSet::new();
    for schedule in schedules.iter().cloned() {
        let host = host.clone();
        let period = interval.unwrap_or(schedule.interval).max(Duration::from_millis(1));
        tasks.spawn(async move {
            let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                if host.invoke_event(&schedule.function, event(&schedule)).await.is_err() {
                    return;
                }
            }
        });
    }
    Schedules { known: schedules, host, tasks }
}

impl Schedules {
    /// Fires the schedules of a function once, now; they run asynchronously, [`Host::idle`] waits for them.
    pub async fn tick_once(&self, function: &str) -> Result<(), InvokeError> {
        let own = self.known.iter().filter(|schedule| schedule.function == function);
        let mut found = false;
        for schedule in own {
            found = true;
            self.host.invoke_event(function, event(schedule)).await?;
        }
        if found { Ok(()) } else { Err(InvokeError::Unknown(function.to_owned())) }
    }

    /// Stops firing.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html>.
fn event(schedule: &Schedule) -> Value {
    schedule.input.clone().unwrap_or_else(|| {
        json!({
            "version": "0",
            "id": crate::uuid(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": REGION,
            "resources": [local_protocol::arn("events", &format!("rule/{}", schedule.name))],
            "detail": {},
        })
    })
}
