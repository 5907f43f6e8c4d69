//! `EventBridge`, through moto: the template's rules are rules on moto's default bus, each with a queue as its target; what
//! arrives in a queue is handed to the function as an asynchronous invocation.
//!
//! moto matches the patterns and the functions' own `PutEvents` reach it directly. A queue is read by a long poll, which moto
//! answers as soon as a message arrives.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use local_protocol::{ACCOUNT, Client, Event, Refusal};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet, time::sleep};

use crate::{
    runtime::{Host, InvokeError},
    template::Rule,
};

/// How long one poll waits, in seconds.
const WAIT: u32 = 10;
/// After a call that failed.
const BACK_OFF: Duration = Duration::from_millis(100);
/// How often an event is offered to moto before it is given up.
const ATTEMPTS: u32 = 100;

/// Moves events from the bus to the functions; it stops when this is dropped.
#[derive(Debug)]
pub struct Pump {
    tasks: JoinSet<()>,
}

impl Pump {
    /// Creates the rules and their queues in moto, and starts to read the queues.
    pub async fn start(rules: &[Rule], host: Arc<Host>, moto_url: &str) -> anyhow::Result<Self> {
        let client = Client::new(moto_url);
        let mut tasks = JoinSet::new();
        for rule in rules {
            let queue = create(&client, rule).await.with_context(|| format!("the rule {} in moto", rule.name))?;
            tasks.spawn(poll(client.clone(), queue, rule.function.clone(), host.clone()));
        }
        Ok(Self { tasks })
    }

    /// Stops reading.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Gives back the queue's address.
async fn create(client: &Client, rule: &Rule) -> Result<String, Refusal> {
    let name = format!("pump-{}", rule.name);
    let queue = client.call("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": name })).await?;
    let put = json!({ "Name": rule.name, "EventPattern": rule.pattern.to_string() });
    client.call("events", "AWSEvents.PutRule", &put).await?;
    // moto's default transformation builds eight JSONPath parsers for each event (90 ms), leaves `account` out, and replaces
    // what looks like a placeholder in the event's own texts. Asking for the whole event costs one parser and changes nothing.
    let whole = json!({ "InputPathsMap": { "id": "$.id" }, "InputTemplate": "<aws.events.event.json>" });
    let target = json!({ "Id": "pump", "Arn": local_protocol::arn("sqs", &name), "InputTransformer": whole });
    let answer =
        client.call("events", "AWSEvents.PutTargets", &json!({ "Rule": rule.name, "Targets": [target] })).await?;
    if answer["FailedEntryCount"].as_u64().unwrap_or_default() > 0 {
        return Err(Refusal::client("PutTargets", answer["FailedEntries"].to_string()));
    }
    Ok(queue["QueueUrl"].as_str().unwrap_or_default().to_owned())
}

async fn poll(client: Client, queue: String, function: String, host: Arc<Host>) {
    let request = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": WAIT });
    loop {
        let received = match client.call("sqs", "AmazonSQS.ReceiveMessage", &request).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(function, %error, "the queue cannot be read");
                sleep(BACK_OFF).await;
                continue;
            }
        };
        for message in received["Messages"].as_array().into_iter().flatten() {
            let body = message["Body"].as_str().unwrap_or_default();
            match serde_json::from_str(body) {
                Ok(event) => match host.invoke_event(&function, tidy(event)).await {
                    Ok(()) => {}
                    // The message stays, and comes again.
                    Err(InvokeError::Stopped) => return,
                    Err(error) => {
                        tracing::error!(function, %error, "an event could not be handed over");
                    }
                },
                Err(error) => tracing::error!(function, %error, "an event is no JSON"),
            }
            let delete = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
            if let Err(error) = client.call("sqs", "AmazonSQS.DeleteMessage", &delete).await {
                tracing::warn!(function, %error, "an event was handed over, and may come again");
            }
        }
    }
}

/// Takes out what only moto adds.
fn tidy(mut event: Value) -> Value {
    if let Value::Object(members) = &mut event {
        members.remove("ingestion-time");
        members.entry("account").or_insert_with(|| ACCOUNT.into());
    }
    event
}

/// Puts what the stand-ins emit on moto's default bus, in order, until the last sender is gone.
pub async fn forward(mut events: mpsc::UnboundedReceiver<Event>, moto_url: String) {
    let client = Client::new(moto_url);
    let mut batch = Vec::new();
    // Ten entries are what `PutEvents` takes at once.
    while events.recv_many(&mut batch, 10).await > 0 {
        let entries: Vec<_> = batch.drain(..).map(|event| entry(&event)).collect();
        let request = json!({ "Entries": entries });
        for attempt in 1..=ATTEMPTS {
            match client.call("events", "AWSEvents.PutEvents", &request).await {
                Ok(answer) => {
                    // What moto refuses entry by entry, it refuses for good.
                    let entries = answer["Entries"].as_array().into_iter().flatten();
                    for refused in entries.filter(|entry| entry["ErrorCode"].is_string()) {
                        tracing::error!(%refused, "moto refused an event");
                    }
                    break;
                }
                Err(error) if attempt == ATTEMPTS => {
                    tracing::error!(%error, "events are lost: moto does not answer");
                }
                Err(error) => {
                    tracing::debug!(attempt, %error, "moto did not take events");
                    sleep(BACK_OFF).await;
                }
            }
        }
    }
}

fn entry(event: &Event) -> Value {
    json!({
        "Source": event.source,
        "DetailType": event.detail_type,
        "Resources": event.resources,
        "Detail": event.detail.to_string(),
    })
}
