//! Sends the deliveries, and measures.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use longshore_local::hook::{self, Settings};
use tokio::task::JoinSet;

use crate::plan::Plan;

/// For how long an answer is waited for: longer than API Gateway does.
const PATIENCE: Duration = Duration::from_secs(35);

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The push whose delivery it was.
    pub push: usize,
    /// Status and body, or why there are none.
    pub said: Result<(u16, String), String>,
    /// From the first byte sent to the last byte of the answer.
    pub took: Duration,
}

/// Sends all of a plan's deliveries, `concurrency` at once: who has an answer sends the next. The answers, in the queue's order, and how
/// long it took.
pub async fn send(plan: &Arc<Plan>, settings: Settings, concurrency: usize) -> (Vec<Answer>, Duration) {
    let (http, next, settings) = (local_protocol::http(), Arc::new(AtomicUsize::new(0)), Arc::new(settings));
    let begun = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        let (plan, http, next, settings) = (plan.clone(), http.clone(), next.clone(), settings.clone());
        workers.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed);
                let Some(&push) = plan.queue.get(position) else { return answers };
                answers.push((position, one(&http, &settings, push, &plan.pushes[push].delivery).await));
            }
        });
    }
    let mut answers: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    let took = begun.elapsed();
    answers.sort_by_key(|(position, _)| *position);
    (answers.into_iter().map(|(_, answer)| answer).collect(), took)
}

async fn one(http: &reqwest::Client, settings: &Settings, push: usize, delivery: &hook::Delivery) -> Answer {
    let request = http.post(&settings.url).timeout(PATIENCE).body(delivery.body.clone());
    let headers = hook::headers(settings, delivery);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let begun = Instant::now();
    let said = async {
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    };
    let said = said.await.map_err(|error: reqwest::Error| format!("{error:?}"));
    Answer { push, said, took: begun.elapsed() }
}
