//! Events through a real moto, and ticks.

mod support;

use std::{fs, path::Path, sync::Arc, time::Duration};

use local_lambda::{
    moto::Moto,
    pump::{Pump, forward},
    runtime::Host,
    schedule::schedule,
    template::{Rule, Schedule},
};
use local_protocol::{Client, Event};
use serde_json::{Value, json};
use support::{function, start_with, until};
use tokio::sync::mpsc;

type Outcome = anyhow::Result<()>;

fn rule(name: &str, function: &str, pattern: Value) -> Rule {
    Rule { name: name.to_owned(), function: function.to_owned(), pattern }
}

fn build(status: &str, number: u32) -> Event {
    Event {
        source: "aws.codebuild".to_owned(),
        detail_type: "CodeBuild Build State Change".to_owned(),
        resources: vec!["arn:aws:codebuild:eu-central-1:123456789012:build/web:1".to_owned()],
        detail: json!({ "build-status": status, "number": number, "text": "<source> \"quoted\" ü <time>" }),
    }
}

fn kept(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// A host whose one instance keeps what it gets, in the order in which it gets it.
async fn keeper(id: &str, directory: &Path) -> anyhow::Result<(Arc<Host>, tempfile::TempDir, std::path::PathBuf)> {
    let file = directory.join(id);
    let (host, logs) = start_with(vec![function(id, &[("KEEP", &file.to_string_lossy())])], 1).await?;
    Ok((host, logs, file))
}

#[tokio::test]
async fn an_event_of_a_stand_in_reaches_the_function_whose_rule_matches() -> Outcome {
    let directory = tempfile::tempdir()?;
    let (host, _logs, file) = keeper("Trigger", directory.path()).await?;
    let moto = Moto::start(None).await?;
    let pattern = json!({ "source": ["aws.codebuild"], "detail": { "build-status": ["SUCCEEDED", "FAILED"] } });
    let pump = Pump::start(&[rule("builds", "Trigger", pattern)], host.clone(), moto.url()).await?;
    let (events, queue) = mpsc::unbounded_channel();
    let forwarding = tokio::spawn(forward(queue, moto.url().to_owned()));

    events.send(build("IN_PROGRESS", 1))?;
    let sent = tokio::time::Instant::now();
    events.send(build("SUCCEEDED", 2))?;
    until("the event arrives", || kept(&file).len() == 1).await;
    println!("from the stand-in to the function: {:?}", sent.elapsed());

    let event = &kept(&file)[0];
    assert_eq!(event["detail"], build("SUCCEEDED", 2).detail);
    assert_eq!(event["source"], "aws.codebuild");
    assert_eq!(event["detail-type"], "CodeBuild Build State Change");
    assert_eq!(event["resources"], json!(build("", 0).resources));
    assert_eq!((&event["account"], &event["region"]), (&json!("123456789012"), &json!("eu-central-1")));
    let mut members: Vec<_> = event.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    members.sort_unstable();
    assert_eq!(members, ["account", "detail", "detail-type", "id", "region", "resources", "source", "time", "version"]);

    // Handed over means deleted.
    let client = Client::new(moto.url());
    let queue = client.call("sqs", "AmazonSQS.GetQueueUrl", &json!({ "QueueName": "pump-builds" })).await?;
    let attributes = json!({ "QueueUrl": queue["QueueUrl"], "AttributeNames": ["All"] });
    let mut left = Value::Null;
    for _ in 0..200 {
        let answer = client.call("sqs", "AmazonSQS.GetQueueAttributes", &attributes).await?;
        left = json!([
            answer["Attributes"]["ApproximateNumberOfMessages"],
            answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"]
        ]);
        if left == json!(["0", "0"]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(left, json!(["0", "0"]));

    drop(events);
    forwarding.await?;
    pump.stop().await;
    let pid = moto.pid();
    moto.stop().await;
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    host.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn events_keep_their_order_on_the_bus_and_reach_every_rule() -> Outcome {
    let directory = tempfile::tempdir()?;
    let (host, _logs, file) = keeper("Notify", directory.path()).await?;
    let moto = Moto::start(None).await?;
    let rules = [
        rule("all", "Notify", json!({ "source": [{ "prefix": "aws." }] })),
        rule("longshore", "Notify", json!({ "source": ["longshore"], "detail-type": ["Release Changed"] })),
    ];
    let pump = Pump::start(&rules, host.clone(), moto.url()).await?;
    let (events, queue) = mpsc::unbounded_channel();
    for number in 0..25 {
        events.send(build("SUCCEEDED", number))?;
    }
    drop(events);
    forward(queue, moto.url().to_owned()).await;
    // What a function itself publishes.
    let entry = json!({ "Source": "longshore", "DetailType": "Release Changed", "Detail": "{\"number\": 99}" });
    Client::new(moto.url()).call("events", "AWSEvents.PutEvents", &json!({ "Entries": [entry] })).await?;
    until("all have arrived", || kept(&file).len() >= 26).await;
    host.idle().await;
    // Each rule has a queue of its own, and between queues there is no order.
    let numbers = kept(&file).into_iter().filter_map(|event| event["detail"]["number"].as_u64());
    let (published, forwarded): (Vec<_>, Vec<_>) = numbers.partition(|number| *number == 99);
    assert_eq!((published, forwarded), (vec![99], (0..25).collect()));
    pump.stop().await;
    moto.stop().await;
    host.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn forwarding_survives_a_moto_that_is_not_there_yet() -> Outcome {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (events, queue) = mpsc::unbounded_channel();
    events.send(build("SUCCEEDED", 1))?;
    drop(events);
    let forwarding = tokio::spawn(forward(queue, url));
    // The first caller is turned away, the second is answered.
    drop(listener.accept().await?);
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let state = seen.clone();
    let answer = move |body: String| async move {
        state.lock().expect("not poisoned").push(body);
        r#"{"Entries": [{"EventId": "1"}]}"#
    };
    tokio::spawn(axum::serve(listener, axum::Router::new().fallback(answer)).into_future());
    forwarding.await?;
    assert_eq!(seen.lock().expect("not poisoned").len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_tick_is_the_documented_scheduled_event() -> Outcome {
    let directory = tempfile::tempdir()?;
    let (host, _logs, file) = keeper("Deploy", directory.path()).await?;
    let minute = Schedule {
        name: "longshore-DeployTick".to_owned(),
        function: "Deploy".to_owned(),
        interval: Duration::from_mins(1),
        input: None,
    };
    let schedules = schedule(vec![minute.clone()], host.clone(), None);
    schedules.tick_once("Deploy").await?;
    host.idle().await;
    let event = &kept(&file)[0];
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("aws.events"), &json!("Scheduled Event")));
    assert_eq!(event["resources"], json!(["arn:aws:events:eu-central-1:123456789012:rule/longshore-DeployTick"]));
    assert_eq!(event["detail"], json!({}));
    assert_eq!(event["time"].as_str().map(str::len), Some("2026-01-01T00:00:00Z".len()));
    assert!(schedules.tick_once("Other").await.is_err());
    schedules.stop().await;

    let schedules = schedule(vec![minute], host.clone(), Some(Duration::from_millis(20)));
    until("it has ticked by itself", || kept(&file).len() >= 3).await;
    schedules.stop().await;
    host.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_missing_moto_is_explained() {
    // The PATH may well have one.
    let place = Path::new("/nonexistent").to_owned();
    if let Err(error) = Moto::start(Some(place)).await {
        assert_eq!(
            error.to_string(),
            "moto_server is neither in /nonexistent nor on the PATH: install it with `pip install 'moto[server]==5.2.1'`"
        );
    }
}
