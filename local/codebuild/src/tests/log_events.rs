//! CloudWatch Logs' `GetLogEvents`: pages in both directions, times, and refusals.

use std::sync::Arc;

use local_protocol::{Client, Service as _};
use serde_json::{Value, json};

use super::{Stand, until};
use crate::{Found, LogSource, log_events::Logs};

/// Ten lines of the commands' own, among CodeBuild's.
const TEN: &str = "version: 0.2\nphases: { build: { commands: [ 'seq 10' ] } }";

impl Stand {
    async fn log_events(&self, input: Value) -> local_protocol::Answer {
        Logs(Arc::clone(&self.service), ()).call("GetLogEvents", input).await
    }

    /// An answer about this build's log, with these members besides.
    async fn page(&self, id: &str, mut input: Value) -> Value {
        let (project, uuid) = id.split_once(':').expect("an id");
        input["logGroupName"] = format!("/aws/codebuild/{project}").into();
        input["logStreamName"] = uuid.into();
        self.log_events(input).await.expect("events")
    }
}

fn messages(page: &Value) -> Vec<String> {
    let events = page["events"].as_array().expect("events").iter();
    events.map(|event| event["message"].as_str().expect("a message").to_owned()).collect()
}

#[tokio::test]
async fn a_log_is_read_from_its_head_in_pages_until_the_token_repeats() {
    let (stand, build) = Stand::build_of(TEN).await;
    let id = build["id"].as_str().expect("an id");
    let whole = stand.page(id, json!({ "startFromHead": true })).await;
    assert_eq!(messages(&whole).concat(), stand.log(&build));
    for event in whole["events"].as_array().expect("events") {
        let (at, ingested) = (event["timestamp"].as_i64(), event["ingestionTime"].as_i64());
        let (started, ended) = (build["startTime"].as_f64(), build["endTime"].as_f64());
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double exactly")]
        let seconds = at.map(|at| at as f64 / 1000.0);
        assert!(started <= seconds && seconds <= ended && at <= ingested, "{event}");
    }

    let (mut read, mut token) = (Vec::new(), Value::Null);
    loop {
        let page = stand.page(id, json!({ "startFromHead": true, "limit": 4, "nextToken": token })).await;
        assert!(messages(&page).len() <= 4);
        read.extend(messages(&page));
        if page["nextForwardToken"] == token {
            assert_eq!(messages(&page), [""; 0]);
            break;
        }
        token = page["nextForwardToken"].clone();
    }
    assert_eq!(read, messages(&whole));
}

#[tokio::test]
async fn a_log_is_read_from_its_end_back_to_its_head() {
    let (stand, build) = Stand::build_of(TEN).await;
    let id = build["id"].as_str().expect("an id");
    let whole = messages(&stand.page(id, json!({ "startFromHead": true })).await);
    let last = stand.page(id, json!({ "limit": 3 })).await;
    assert_eq!(messages(&last), whole[whole.len() - 3..]);
    assert_eq!(messages(&stand.page(id, json!({ "nextToken": last["nextForwardToken"] })).await), [""; 0]);

    let (mut read, mut token) = (messages(&last), last["nextBackwardToken"].clone());
    loop {
        let page = stand.page(id, json!({ "limit": 3, "nextToken": token })).await;
        read.splice(0..0, messages(&page));
        if page["nextBackwardToken"] == token {
            break;
        }
        token = page["nextBackwardToken"].clone();
    }
    assert_eq!(read, whole);
}

#[tokio::test]
async fn a_growing_log_is_followed_by_its_token_and_a_line_comes_when_it_is_whole() {
    let stand = Stand::new();
    let command = "printf begun; while test ! -e go; do sleep 0.01; done; echo ' and done'; printf unfinished";
    stand.inline(&format!("version: 0.2\nphases: {{ build: {{ commands: [ \"{command}\" ] }} }}")).await;
    let id = stand.start(json!({})).await;
    let build = stand.service.store().build(&id).expect("the build");
    until("the command has begun", || {
        let log = std::fs::read_to_string(build.log.path()).unwrap_or_default();
        log.ends_with("\nbegun").then_some(())
    })
    .await;
    let first = stand.page(&id, json!({ "startFromHead": true })).await;
    assert!(messages(&first).last().is_some_and(|line| line.contains("Running command")), "{first}");
    let next = json!({ "startFromHead": true, "nextToken": first["nextForwardToken"] });
    let same = stand.page(&id, next.clone()).await;
    assert_eq!((messages(&same), &same["nextForwardToken"]), (vec![], &first["nextForwardToken"]));
    // From the end, too, the token goes on before the line that is not whole.
    assert_eq!(stand.page(&id, json!({})).await["nextForwardToken"], first["nextForwardToken"]);

    std::fs::write(stand.directory.path().join("builds").join(id.replace(':', "/")).join("src/go"), "")
        .expect("a file");
    stand.complete(&id).await;
    let rest = messages(&stand.page(&id, next).await);
    assert_eq!(rest.first().map(String::as_str), Some("begun and done\n"));
    assert!(rest.iter().any(|line| line == "unfinished\n"), "{rest:?}");
}

#[tokio::test]
async fn events_are_chosen_by_their_time_the_start_included_and_the_end_not() {
    let (stand, build) = Stand::build_of(TEN).await;
    let id = build["id"].as_str().expect("an id");
    let whole = stand.page(id, json!({ "startFromHead": true })).await;
    let times: Vec<i64> =
        whole["events"].as_array().expect("events").iter().filter_map(|event| event["timestamp"].as_i64()).collect();
    let middle = times[times.len() / 2];
    for (from_head, range) in [(true, json!({ "startTime": middle })), (false, json!({ "endTime": middle }))] {
        let mut input = range.clone();
        input["startFromHead"] = from_head.into();
        let within = |time: &&i64| if range["startTime"].is_null() { **time < middle } else { **time >= middle };
        let found = messages(&stand.page(id, input).await).len();
        assert_eq!(found, times.iter().filter(within).count(), "{range}");
    }
}

#[tokio::test]
async fn an_answer_has_ten_thousand_events_and_a_megabyte_at_most() {
    let lines = "version: 0.2\nphases: { build: { commands: [ 'seq 10001' ] } }";
    let (stand, build) = Stand::build_of(lines).await;
    let page = stand.page(build["id"].as_str().expect("an id"), json!({ "startFromHead": true })).await;
    assert_eq!(messages(&page).len(), 10_000);

    let bytes = "version: 0.2\nphases: { build: { commands: [ 'head -c 1500000 /dev/zero | tr \"\\0\" x' ] } }";
    let (stand, build) = Stand::build_of(&bytes.replace("\\0", "\\\\0")).await;
    for from_head in [true, false] {
        let page = stand.page(build["id"].as_str().expect("an id"), json!({ "startFromHead": from_head })).await;
        let sizes: Vec<usize> = messages(&page).iter().map(String::len).collect();
        let size: usize = sizes.iter().map(|size| size + 26).sum();
        assert!(size <= 1024 * 1024 && sizes.contains(&(256 * 1024 - 26)), "{size}: {sizes:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_cannot_be_read_is_refused() {
    let (stand, build) = Stand::build_of(TEN).await;
    let (group, stream) = (build["logs"]["groupName"].clone(), build["logs"]["streamName"].clone());
    let arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/codebuild/app";
    assert_eq!(build["logs"]["cloudWatchLogsArn"], format!("{arn}:log-stream:{}", stream.as_str().expect("a stream")));
    for identifier in [json!(arn), group.clone()] {
        let found = stand.log_events(json!({ "logGroupIdentifier": identifier, "logStreamName": stream })).await;
        assert!(found.is_ok(), "{found:?}");
    }
    let mut cases = vec![
        (json!({ "logGroupName": group, "logStreamName": "nope" }), "ResourceNotFoundException"),
        (json!({ "logGroupName": "/aws/codebuild/nope", "logStreamName": stream }), "ResourceNotFoundException"),
        (json!({ "logGroupName": "/aws/lambda/app", "logStreamName": stream }), "ResourceNotFoundException"),
        (json!({ "logGroupName": group }), "InvalidParameterException"),
        (json!({ "logStreamName": stream }), "InvalidParameterException"),
        (
            json!({ "logGroupName": group, "logGroupIdentifier": arn, "logStreamName": stream }),
            "InvalidParameterException",
        ),
    ];
    for (member, value) in [
        ("limit", json!(0)),
        ("limit", json!(10_001)),
        ("startTime", json!(-1)),
        ("endTime", json!("now")),
        ("startFromHead", json!("yes")),
        ("nextToken", json!("f")),
        ("nextToken", json!("f/")),
        ("nextToken", json!("f/+1")),
        ("nextToken", json!("x/1")),
        ("nextToken", json!("f/99999999")),
        ("nextToken", json!("b/99999999999999999999999")),
    ] {
        let mut input = json!({ "logGroupName": group, "logStreamName": stream });
        input[member] = value;
        cases.push((input, "InvalidParameterException"));
    }
    for (input, code) in cases {
        let refusal = stand.log_events(input.clone()).await.expect_err("a refusal");
        assert_eq!(refusal.code, code, "{input}: {}", refusal.message);
    }
}

#[tokio::test]
async fn a_build_that_waits_for_its_turn_has_no_stream_yet() {
    let stand = Stand::with(1, std::time::Duration::from_mins(1));
    stand.inline("version: 0.2\nphases: { build: { commands: [ 'sleep 100000' ] } }").await;
    let running = stand.start(json!({})).await;
    let log = stand.service.store().build(&running).expect("the build");
    until("the first build runs", || log.log.progress().opened.then_some(())).await;
    let waiting = stand.describe(&stand.start(json!({})).await).await;
    let input = json!({ "logGroupName": waiting["logs"]["groupName"], "logStreamName": waiting["logs"]["streamName"] });
    let refusal = stand.log_events(input).await.expect_err("a refusal");
    assert_eq!(refusal.message, "The specified log stream does not exist.");
    stand.service.shutdown().await;
}

#[tokio::test]
async fn it_is_a_service_of_its_own() {
    let (stand, build) = Stand::build_of(TEN).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let client = Client::new(format!("http://{}", listener.local_addr().expect("an address")));
    let router = stand.service.logs_router(());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let input =
        json!({ "logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"], "limit": 1 });
    let answer = client.call("logs", "Logs_20140328.GetLogEvents", &input).await.expect("events");
    assert_eq!(messages(&answer).len(), 1);
    for target in ["Logs_20140328.PutLogEvents", "CodeBuild_20161006.ListBuilds"] {
        assert_eq!(client.call("logs", target, &input).await.expect_err("a refusal").code, "UnknownOperationException");
    }
}

/// One stream `web` in the group `/ecs/web`.
struct Elsewhere;

impl LogSource for Elsewhere {
    async fn read(&self, group: &str, stream: &str) -> Found {
        match (group, stream) {
            ("/ecs/web", "web") => {
                let line = |at: i64| (at, format!("line {at}"));
                let lines = (1..=5).map(line).chain([(6, String::new()), (7, "x".repeat(300_000))]);
                Found::Lines(lines.collect())
            }
            ("/ecs/web", _) => Found::NoStream,
            _ => Found::NoGroup,
        }
    }
}

#[tokio::test]
async fn another_groups_log_is_read_in_pages_in_both_directions_and_has_no_empty_events() {
    let stand = Stand::new();
    let logs = Logs(Arc::clone(&stand.service), Elsewhere);
    let page = async |mut input: Value| {
        input["logGroupName"] = "/ecs/web".into();
        input["logStreamName"] = "web".into();
        logs.call("GetLogEvents", input).await.expect("events")
    };
    let first = page(json!({ "startFromHead": true, "limit": 3 })).await;
    assert_eq!(messages(&first), ["line 1", "line 2", "line 3"]);
    assert_eq!(first["events"][2]["timestamp"], 3);
    let rest = page(json!({ "nextToken": first["nextForwardToken"] })).await;
    assert_eq!(messages(&rest)[..2], ["line 4", "line 5"]);
    assert_eq!(
        messages(&rest)[2..].iter().map(String::len).collect::<Vec<_>>(),
        [256 * 1024 - 26, 300_000 - 256 * 1024 + 26]
    );
    let end = page(json!({ "nextToken": rest["nextForwardToken"] })).await;
    assert_eq!((messages(&end), &end["nextForwardToken"]), (vec![], &rest["nextForwardToken"]));
    let last = page(json!({ "limit": 2, "endTime": 6 })).await;
    assert_eq!(messages(&last), ["line 4", "line 5"]);
    let before = page(json!({ "nextToken": last["nextBackwardToken"], "limit": 2 })).await;
    assert_eq!(messages(&before), ["line 2", "line 3"]);
    for (group, stream, message) in [
        ("/ecs/web", "api", "The specified log stream does not exist."),
        ("/ecs/api", "web", "The specified log group does not exist."),
        ("/aws/codebuild/web", "web", "The specified log group does not exist."),
    ] {
        let input = json!({ "logGroupName": group, "logStreamName": stream });
        assert_eq!(logs.call("GetLogEvents", input).await.expect_err("a refusal").message, message);
    }
    let input = json!({ "logGroupName": "/ecs/web", "logStreamName": "web", "nextToken": "f/9999999" });
    assert_eq!(logs.call("GetLogEvents", input).await.expect_err("a refusal").code, "InvalidParameterException");
}
