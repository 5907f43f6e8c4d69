//! The ends of logs.

use longshore_deploy::aws::logs::{Logs, Place};
use serde_json::{Value, json};

use crate::{
    done, refused,
    script::{Script, refuses, says},
};

fn described() -> Value {
    let options =
        json!({ "awslogs-group": "/ecs/web", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "web" });
    json!({ "taskDefinition": { "containerDefinitions": [
        { "name": "app", "logConfiguration": { "logDriver": "awslogs", "options": options } },
        { "name": "router", "logConfiguration": { "logDriver": "awsfirelens", "options": options } },
        { "name": "nameless", "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "/ecs/web" } } },
        { "name": "silent" },
    ] } })
}

fn place() -> Place {
    Place::of(&described(), "app").expect("a place")
}

#[test]
fn only_a_stream_that_can_be_named_is_a_place() {
    assert_eq!((place().group.as_str(), place().stream("t1").as_str()), ("/ecs/web", "web/app/t1"));
    for container in ["router", "nameless", "silent", "another"] {
        assert_eq!(Place::of(&described(), container), None, "{container}");
    }
}

fn page(messages: &[&str], earlier: &str) -> Value {
    let events: Vec<_> = messages.iter().map(|message| json!({ "message": message, "timestamp": 1 })).collect();
    json!({ "events": events, "nextBackwardToken": earlier, "nextForwardToken": "f/1" })
}

#[tokio::test]
async fn the_end_of_a_log_is_read_over_pages() {
    let script =
        Script::new([says(&page(&[], "b/1")), says(&page(&["two\n", "three"], "b/2")), says(&page(&["one"], "b/3"))]);
    let lines = done(Logs::new(&script.sdk()).last(&place(), "t1", 50).await);
    assert_eq!(lines, ["one", "two", "three"]);
    let request = json!({
        "logGroupName": "/ecs/web", "logStreamName": "web/app/t1", "limit": 50, "startFromHead": false,
    });
    let mut second = request.clone();
    second["nextToken"] = json!("b/1");
    let calls = script.calls();
    assert_eq!(calls[..2], [("GetLogEvents".to_owned(), request), ("GetLogEvents".to_owned(), second)]);
}

#[tokio::test]
async fn a_token_that_repeats_itself_is_the_beginning_and_lines_are_bounded() {
    let script = Script::new([says(&page(&["one"], "b/1")), says(&page(&[], "b/1"))]);
    assert_eq!(done(Logs::new(&script.sdk()).last(&place(), "t1", 50).await), ["one"]);
    script.asked();
    let script = Script::new([says(&page(&["one", "two", "three"], "b/1"))]);
    assert_eq!(done(Logs::new(&script.sdk()).last(&place(), "t1", 2).await), ["two", "three"]);
    script.asked();
}

#[tokio::test]
async fn a_log_that_is_not_there_yet_is_empty_and_one_elsewhere_is_asked_for_there() {
    let script = Script::new([refuses(400, "ResourceNotFoundException", "The specified log stream does not exist.")]);
    let place = Place { region: Some("us-east-1".into()), ..place() };
    assert!(done(Logs::new(&script.sdk()).last(&place, "t1", 50).await).is_empty());
    assert_eq!(script.asked()[0].url, "https://logs.us-east-1.amazonaws.com/");
    let script = Script::new([refuses(400, "AccessDeniedException", "no")]);
    let why = refused(Logs::new(&script.sdk()).last(&place, "t1", 50).await);
    assert_eq!(why, "the log could not be read: AccessDeniedException: no");
}
