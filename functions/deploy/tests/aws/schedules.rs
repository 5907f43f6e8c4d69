//! Scheduled tasks: what moto does not do, pages, refusals and members of tomorrow.

use longshore_deploy::aws::schedules::{Place, Schedules};
use serde_json::{Value, json};

use crate::{
    done, refused,
    script::{Script, refuses, said, says},
};

const CLUSTER: &str = "arn:aws:ecs:eu-central-1:123456789012:cluster/main";
const NEW: &str = "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:9";
const OLD: &str = "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:8";

fn target(id: &str, task_definition: &str) -> Value {
    json!({
        "Id": id, "Arn": CLUSTER, "RoleArn": "arn:role", "Input": "{\"containerOverrides\":[]}",
        "EcsParameters": { "TaskDefinitionArn": task_definition, "TaskCount": 2, "OfTomorrow": { "deep": [1] } },
        "AlsoOfTomorrow": true,
    })
}

fn schedule(name: &str, task_definition: &str, expression: &str) -> Value {
    json!({
        "Arn": format!("arn:schedule/{name}"), "Name": name, "GroupName": "nightly", "State": "ENABLED",
        "CreationDate": 1.7e9, "LastModificationDate": 1.7e9, "StartDate": 1.75e9, "Description": null,
        "ScheduleExpression": expression, "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": { "Mode": "OFF" }, "OfTomorrow": 7,
        "Target": {
            "Arn": CLUSTER, "RoleArn": "arn:role", "RetryPolicy": { "MaximumRetryAttempts": 3 },
            "EcsParameters": { "TaskDefinitionArn": task_definition, "LaunchType": "FARGATE", "OfTomorrow": [] },
        },
    })
}

fn summary(name: &str, cluster: &str) -> Value {
    json!({ "Name": name, "GroupName": "nightly", "Target": { "Arn": cluster } })
}

fn none() -> crate::script::Said {
    says(&json!({ "RuleNames": [] }))
}

#[tokio::test]
async fn a_rules_target_is_changed_in_its_task_definition_alone() {
    let other_family = "arn:aws:ecs:eu-central-1:123456789012:task-definition/web-worker:8";
    let other_account = "arn:aws:ecs:eu-central-1:210987654321:task-definition/web:8";
    let family = NEW.trim_end_matches(":9");
    let script = Script::new([
        says(&json!({ "RuleNames": ["nightly"], "NextToken": "n" })),
        says(&json!({ "RuleNames": ["hourly"] })),
        says(&json!({ "Targets": [target("a", OLD), target("b", other_family)], "NextToken": "t" })),
        says(&json!({ "Targets": [target("c", family), target("d", NEW), target("e", other_account)] })),
        says(&json!({ "Targets": [{ "Id": "f", "Arn": "arn:aws:lambda:x" }] })),
        says(&json!({ "Schedules": [] })),
        says(&json!({ "FailedEntryCount": 0, "FailedEntries": [] })),
    ]);
    let moved = done(Schedules::new(&script.sdk()).run(CLUSTER, NEW).await);
    let names = |list: &[longshore_deploy::aws::schedules::Scheduled]| -> Vec<String> {
        list.iter().map(|one| one.place.to_string()).collect()
    };
    assert_eq!(names(&moved.changed), ["rule nightly, target a"]);
    assert_eq!(moved.changed[0].task_definition, OLD, "to go back to");
    assert_eq!(names(&moved.following), ["rule nightly, target c"], "it follows the family by itself");
    assert_eq!(names(&moved.same), ["rule nightly, target d"]);
    let asked = script.asked();
    let operations: Vec<_> = asked.iter().map(crate::script::Asked::operation).collect();
    let (rules, targets) = ("ListRuleNamesByTarget", "ListTargetsByRule");
    assert_eq!(operations, [rules, rules, targets, targets, targets, "", "PutTargets"]);
    assert_eq!(asked[1].json(), json!({ "TargetArn": CLUSTER, "NextToken": "n" }));
    assert_eq!(asked[6].json(), json!({ "Rule": "nightly", "Targets": [target("a", NEW)] }));
}

#[tokio::test]
async fn a_schedule_is_changed_in_its_task_definition_alone() {
    let script = Script::new([
        none(),
        says(&json!({ "Schedules": [summary("other", "arn:lambda"), summary("gone", CLUSTER)], "NextToken": "a/b" })),
        says(&json!({ "Schedules": [summary("report", CLUSTER)] })),
        refuses(404, "ResourceNotFoundException", "no schedule"),
        says(&schedule("report", OLD, "cron(0 3 * * ? *)")),
        says(&json!({ "ScheduleArn": "arn:schedule/report" })),
    ]);
    let moved = done(Schedules::new(&script.sdk()).run(CLUSTER, NEW).await);
    let place = Place::Schedule { group: "nightly".into(), name: "report".into() };
    assert_eq!((moved.changed.len(), &moved.changed[0].place), (1, &place));
    let asked = script.asked();
    let paths: Vec<_> = asked[1..].iter().map(|asked| asked.url.split_once(".com").expect("a path").1).collect();
    assert_eq!(
        paths,
        [
            "/schedules?MaxResults=100",
            "/schedules?MaxResults=100&NextToken=a%2Fb",
            "/schedules/gone?groupName=nightly",
            "/schedules/report?groupName=nightly",
            "/schedules/report",
        ]
    );
    let mut request = schedule("report", NEW, "cron(0 3 * * ? *)");
    for read_only in ["Arn", "Name", "CreationDate", "LastModificationDate", "Description"] {
        request.as_object_mut().expect("members").remove(read_only);
    }
    assert_eq!((asked[5].method.as_str(), asked[5].json()), ("PUT", request));
}

#[tokio::test]
async fn a_start_in_the_past_does_not_keep_a_schedule_from_its_revision_unless_a_rate_counts_from_it() {
    let past =
        || refuses(400, "ValidationException", "The StartDate you specify cannot be earlier than 5 minutes ago.");
    let script = |expression: &str| {
        let found = says(&schedule("report", OLD, expression));
        [none(), says(&json!({ "Schedules": [summary("report", CLUSTER)] })), found, past()]
    };
    let cron = Script::new(script("cron(0 3 * * ? *)").into_iter().chain([says(&json!({ "ScheduleArn": "arn" }))]));
    done(Schedules::new(&cron.sdk()).run(CLUSTER, NEW).await);
    let asked = cron.asked();
    let mut first = asked[3].json();
    assert!(first.as_object_mut().expect("members").remove("StartDate").is_some());
    assert_eq!(asked[4].json(), first, "the same without its start");
    let rate = Script::new(script("rate(6 hours)"));
    let why = refused(Schedules::new(&rate.sdk()).run(CLUSTER, NEW).await);
    assert!(why.starts_with("schedule nightly/report: ") && why.contains("5 minutes ago"), "{why}");
}

#[tokio::test]
async fn an_entry_that_failed_is_not_taken_for_done() {
    let rule = |entry: Value| {
        let targets = json!({ "Targets": [target("a", OLD)] });
        [says(&json!({ "RuleNames": ["nightly"] })), says(&targets), says(&json!({ "Schedules": [] })), says(&entry)]
    };
    let failed = |code: &str| {
        let entry = json!({ "TargetId": "a", "ErrorCode": code, "ErrorMessage": "so it is" });
        json!({ "FailedEntryCount": 1, "FailedEntries": [entry] })
    };
    let script = Script::new(rule(failed("ManagedRuleException")));
    let why = refused(Schedules::new(&script.sdk()).run(CLUSTER, NEW).await);
    assert_eq!(why, "rule nightly, target a: ManagedRuleException: so it is");
    let script = Script::new(rule(failed("ConcurrentModificationException")));
    assert!(Schedules::new(&script.sdk()).run(CLUSTER, NEW).await.is_err(), "another attempt may do it");
    let [rules, targets, schedules, _] = rule(json!({}));
    let script = Script::new([rules, targets, schedules, refuses(400, "ManagedRuleException", "no")]);
    let why = refused(Schedules::new(&script.sdk()).run(CLUSTER, NEW).await);
    assert_eq!(why, "rule nightly, target a: the rule's target could not be changed: ManagedRuleException: no");
    let script = Script::new([said(400, "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}")]);
    refused(Schedules::new(&script.sdk()).of_family(CLUSTER, NEW).await);
}
