//! Real requests, over HTTP, to moto: parameters, roles, rules and schedules.

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime::client::identity::IdentityCache;
use local_lambda::moto::Moto;
use longshore_aws::{
    clients::https,
    signed::{Service, Signed},
};
use longshore_core::config::Account;
use longshore_deploy::aws::{Accounts, schedules::Schedules};
use serde_json::{Value, json};

use crate::done;

const CLUSTER: &str = "arn:aws:ecs:eu-central-1:123456789012:cluster/main";
const FAMILY: &str = "arn:aws:ecs:eu-central-1:123456789012:task-definition/web";

async fn moto() -> (Moto, SdkConfig) {
    let moto = Moto::start(None).await.expect("moto");
    let keys = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(moto.url())
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .identity_cache(IdentityCache::lazy().build())
        .http_client(https())
        .sleep_impl(TokioSleep::new())
        .time_source(aws_smithy_async::time::SystemTimeSource::new())
        .build();
    (moto, sdk)
}

#[tokio::test]
async fn parameters_are_written_twice_and_read_below_their_path() {
    let (moto, sdk) = moto().await;
    let own = Accounts::new(&sdk, "registry.example").of(&Account::default()).await;
    let mut values: BTreeMap<String, String> =
        (0..23).map(|n| (format!("/longshore/web/production/{n}"), format!("value {n}"))).collect();
    done(own.parameters.put(&values).await);
    values.insert("/longshore/web/production/0".into(), "another".into());
    done(own.parameters.put(&values).await);
    let elsewhere = BTreeMap::from([("/longshore/webshop/1".to_owned(), "x".to_owned())]);
    done(own.parameters.put(&elsewhere).await);
    assert_eq!(done(own.parameters.below("/longshore/web").await), values, "over pages of ten, without other paths");
    moto.stop().await;
}

#[tokio::test]
async fn a_role_leads_into_another_account() {
    let (moto, sdk) = moto().await;
    let accounts = Accounts::new(&sdk, "registry.example");
    let abroad = Account {
        region: Some("us-east-1".into()),
        role_arn: Some("arn:aws:iam::210987654321:role/longshore".into()),
        external_id: Some("x-1".into()),
    };
    let value = BTreeMap::from([("/longshore/a".to_owned(), "there".to_owned())]);
    done(accounts.of(&abroad).await.parameters.put(&value).await);
    assert_eq!(done(accounts.of(&abroad).await.parameters.below("/longshore").await), value);
    let own = accounts.of(&Account::default()).await;
    assert!(done(own.parameters.below("/longshore").await).is_empty(), "it is not in our own");
    moto.stop().await;
}

fn target(id: &str, task_definition: &str) -> Value {
    json!({
        "Id": id, "Arn": CLUSTER, "RoleArn": "arn:aws:iam::123456789012:role/events", "Input": "{\"a\":1}",
        "EcsParameters": { "TaskDefinitionArn": task_definition, "TaskCount": 2, "LaunchType": "FARGATE" },
    })
}

#[tokio::test]
async fn a_rules_target_and_a_schedule_run_the_new_revision_and_keep_everything_else() {
    let (moto, sdk) = moto().await;
    let events = Signed::new(&sdk, Service::EventBridge);
    let scheduler = Signed::new(&sdk, Service::Scheduler);
    let ask = async |operation: &str, request: Value| {
        events.json(&format!("AWSEvents.{operation}"), &request).await.expect("an answer")
    };
    let (old, new, other) = (format!("{FAMILY}:8"), format!("{FAMILY}:9"), format!("{FAMILY}-worker:1"));
    ask("PutRule", json!({ "Name": "nightly", "ScheduleExpression": "rate(1 day)" })).await;
    let targets = [target("a", &old), target("b", &other), target("c", FAMILY)];
    ask("PutTargets", json!({ "Rule": "nightly", "Targets": targets })).await;
    scheduler.rest("POST", "/schedule-groups/jobs", Some(&json!({}))).await.expect("a group");
    let schedule = json!({
        "GroupName": "jobs", "ScheduleExpression": "cron(0 3 * * ? *)", "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": { "Mode": "FLEXIBLE", "MaximumWindowInMinutes": 7 }, "State": "DISABLED", "Description": "report",
        "Target": {
            "Arn": CLUSTER, "RoleArn": "arn:aws:iam::123456789012:role/scheduler", "Input": "{}",
            "EcsParameters": { "TaskDefinitionArn": old, "LaunchType": "FARGATE", "Tags": [{ "k": "v" }] },
            "RetryPolicy": { "MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1 },
        },
    });
    scheduler.rest("POST", "/schedules/report", Some(&schedule)).await.expect("a schedule");

    let ours = Schedules::new(&sdk);
    assert_eq!(done(ours.of_family(CLUSTER, FAMILY).await).len(), 3);
    let moved = done(ours.run(CLUSTER, &new).await);
    let mut changed: Vec<_> = moved.changed.iter().map(|one| one.place.to_string()).collect();
    changed.sort();
    assert_eq!(changed, ["rule nightly, target a", "schedule jobs/report"]);
    assert_eq!(moved.following.len(), 1);
    assert_eq!(done(ours.run(CLUSTER, &new).await).same.len(), 2, "the second time there is nothing to do");

    let mut found = ask("ListTargetsByRule", json!({ "Rule": "nightly" })).await["Targets"].take();
    found.as_array_mut().expect("targets").sort_by_key(|target| target["Id"].to_string());
    assert_eq!(found, json!([target("a", &new), target("b", &other), target("c", FAMILY)]));
    let found = scheduler.rest("GET", "/schedules/report?groupName=jobs", None).await.expect("the schedule");
    for member in ["ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "State", "Description"] {
        assert_eq!(found[member], schedule[member], "{member}");
    }
    let mut target = schedule["Target"].clone();
    target["EcsParameters"]["TaskDefinitionArn"] = json!(new);
    for member in ["Arn", "RoleArn", "Input", "EcsParameters", "RetryPolicy"] {
        assert_eq!(found["Target"][member], target[member], "{member}");
    }
    moto.stop().await;
}
