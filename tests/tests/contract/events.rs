//! Every event that the core reads has a rule, and goes to a function that does something with it.

use std::collections::BTreeSet;

use longshore_core::event::{Envelope, Event};
use serde_json::{Value, json};

use crate::{
    repository::text,
    template::{FUNCTIONS, Start, Template, texts},
};

/// Every kind of event, as the code writes it; `Other` is none.
const KINDS: [&str; 9] = ["Tick", "Build", "Service", "CodeDeploy", "Task", "Release", "Asked", "Command", "Delivery"];

/// The kind of an event. A new one is to be named above as well.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::Tick => "Tick",
        Event::Build { .. } => "Build",
        Event::Service(_) => "Service",
        Event::CodeDeploy(_) => "CodeDeploy",
        Event::Task(_) => "Task",
        Event::Release(_) => "Release",
        Event::Asked(_) => "Asked",
        Event::Command(_) => "Command",
        Event::Delivery(_) => "Delivery",
        Event::Other(_) => "Other",
    }
}

/// What the core makes of an event of this source and detail type that has every member which any of them has.
fn read(source: &str, detail_type: &str) -> &'static str {
    let release = "01JD0000000000000000000000";
    let envelope: Envelope = serde_json::from_value(json!({
        "source": source, "detail-type": detail_type, "id": "8e5622f9-d81c-4d81-612a-9319e7ee2506",
        "region": "eu-central-1", "account": "123456789012",
        "resources": ["arn:aws:ecs:eu-central-1:123456789012:service/production/web"],
        "detail": {
            "build-id": "arn:aws:codebuild:eu-central-1:123456789012:build/web-build:8745a7a9",
            "release": release, "startedBy": format!("longshore/{release}"), "deploymentId": "d-1",
            "command": longshore_core::slack::command::Key::of_request("v0=ab").as_str(),
            "serviceArn": "arn:aws:ecs:eu-central-1:123456789012:service/production/web",
            "event": "referenceCreated", "repositoryName": "web", "referenceType": "branch", "referenceName": "main",
            "referenceFullName": "refs/heads/main", "commitId": "3e2983bc1d5b8a3f4f7c2d1e0a9b8c7d6e5f4a3b",
        },
    }))
    .expect("an envelope");
    kind(&Event::read(&envelope))
}

/// The kinds that a function gets by its rules.
fn wired(starts: &[(String, Start)], function: &str) -> BTreeSet<&'static str> {
    let mut kinds = BTreeSet::new();
    for (_, start) in starts.iter().filter(|(of, _)| of == function) {
        match start {
            Start::Schedule(_) => {
                kinds.insert(read("aws.events", "Scheduled Event"));
            }
            Start::Pattern(pattern) => {
                for source in texts(&pattern["source"]) {
                    kinds.extend(texts(&pattern["detail-type"]).iter().map(|detail_type| read(&source, detail_type)));
                }
            }
        }
    }
    kinds
}

/// The kinds that a function says it has no rule for: those of the arm that says so.
fn refused(source: &str) -> BTreeSet<String> {
    let (before, _) = source.split_once("has no rule for").expect("an arm for what has no rule");
    let (before, _) = before.rsplit_once("=>").expect("an arm");
    let (_, arm) = before.rsplit_once("=>").expect("an arm before it");
    let names = arm.split("Event::").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next());
    names.flatten().filter(|name| *name != "Other").map(str::to_owned).collect()
}

fn disagreements(starts: &[(String, Start)], refused: impl Fn(&str) -> BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for function in FUNCTIONS {
        let (wired, refused) = (wired(starts, function), refused(function));
        for kind in KINDS {
            match (wired.contains(kind), refused.contains(kind)) {
                (true, true) => wrong.push(format!("{function} has a rule for {kind}, and does nothing with it")),
                (false, false) => wrong.push(format!("{function} does something with {kind}, and has no rule for it")),
                (true, false) | (false, true) => {}
            }
        }
        if wired.contains("Other") {
            wrong.push(format!("{function} has a rule for events that the core does not read"));
        }
    }
    let unwired = KINDS.iter().filter(|kind| FUNCTIONS.iter().all(|function| !wired(starts, function).contains(*kind)));
    wrong.extend(unwired.map(|kind| format!("no function gets {kind}")));
    wrong
}

fn in_code(function: &str) -> BTreeSet<String> {
    refused(&text(&format!("functions/{}/src/lib.rs", function.to_lowercase())))
}

#[test]
fn each_event_that_is_read_has_a_rule_and_a_function_that_takes_it() {
    let wrong = disagreements(&Template::own().starts(), in_code);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_rule_too_few_or_too_many_is_found() {
    let starts = Template::own().starts();
    let is_ours = |start: &Start, detail_type: &str| matches!(start, Start::Pattern(pattern) if texts(&pattern["detail-type"]) == [detail_type]);
    let mut less = starts.clone();
    less.retain(|(_, start)| !is_ours(start, "Deployment Asked"));
    let wrong = disagreements(&less, in_code);
    assert_eq!(wrong, ["Deploy does something with Asked, and has no rule for it", "no function gets Asked"]);
    let more = |pattern: Value| {
        let mut more = starts.clone();
        more.push(("Notify".to_owned(), Start::Pattern(pattern)));
        disagreements(&more, in_code)
    };
    let wrong = more(json!({"source": ["aws.codebuild"], "detail-type": ["CodeBuild Build State Change"]}));
    assert_eq!(wrong, ["Notify has a rule for Build, and does nothing with it"]);
    let wrong = more(json!({"source": ["aws.codebuild"], "detail-type": ["CodeBuild Build Phase Change"]}));
    assert_eq!(wrong, ["Notify has a rule for events that the core does not read"]);
}

#[test]
fn whatever_leaves_undelivered_events_may_send_to_the_dead_letters() {
    let template = Template::own();
    let leaves = |rule: &Value| !rule["Targets"][0]["DeadLetterConfig"].is_null();
    let rules: BTreeSet<_> =
        template.resources("AWS::Events::Rule").filter(|(_, rule)| leaves(rule)).map(|(id, _)| id.to_owned()).collect();
    let (_, policy) = template.resources("AWS::SQS::QueuePolicy").next().expect("a queue's policy");
    let statements = policy["PolicyDocument"]["Statement"].as_array().expect("statements");
    let allowed = statements.iter().find(|statement| statement["Effect"] == "Allow").expect("a statement");
    let sources = allowed["Condition"]["ArnEquals"]["aws:SourceArn"].as_array().expect("sources");
    let sources: BTreeSet<_> =
        sources.iter().filter_map(|arn| arn["Fn::GetAtt"][0].as_str()).map(str::to_owned).collect();
    assert_eq!(sources, rules);
}
