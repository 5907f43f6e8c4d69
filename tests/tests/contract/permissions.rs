//! Each call that a function can make is in its role, and each action in its role is one that it makes, or one that AWS asks for with it.

use std::collections::BTreeSet;

use crate::{
    calls,
    template::{FUNCTIONS, Template},
};

/// An action that a role needs besides those of its own calls.
struct Besides {
    action: &'static str,
    /// The calls with which AWS asks for it; none: it is not a call of ours that needs it.
    with: &'static [&'static str],
    /// Whether every function needs it, or only those that make such a call.
    why: &'static str,
}

/// Not the functions' own calls: Lambda, KMS and what other services do in a role's name.
/// Sources: <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html>.
const BESIDES: [Besides; 17] = [
    Besides { action: "logs:CreateLogStream", with: &[], why: "Lambda writes the function's log by its role" },
    Besides { action: "logs:PutLogEvents", with: &[], why: "Lambda writes the function's log by its role" },
    Besides { action: "sqs:SendMessage", with: &[], why: "Lambda leaves failed events in the queue by its role" },
    Besides { action: "xray:PutTraceSegments", with: &[], why: "Lambda sends its own segments by the function's role" },
    Besides { action: "xray:PutTelemetryRecords", with: &[], why: "the same" },
    Besides {
        action: "kms:Decrypt",
        with: &[],
        why: "table, secret, queue and variables under a key of the customer's",
    },
    Besides { action: "kms:DescribeKey", with: &[], why: "DynamoDB asks for it with such a key" },
    Besides { action: "kms:Encrypt", with: &[], why: "the same" },
    Besides { action: "kms:GenerateDataKey", with: &[], why: "the same, and SQS for a message" },
    Besides { action: "kms:ReEncryptFrom", with: &[], why: "DynamoDB asks for it with such a key" },
    Besides { action: "kms:ReEncryptTo", with: &[], why: "the same" },
    Besides {
        action: "dynamodb:PutItem",
        with: &["dynamodb:TransactWriteItems"],
        why: "a transaction needs the permission of each of its parts, which are PutItem and UpdateItem",
    },
    Besides { action: "dynamodb:UpdateItem", with: &["dynamodb:TransactWriteItems"], why: "the same" },
    Besides {
        action: "iam:PassRole",
        with: &["ecs:RegisterTaskDefinition", "ecs:RunTask", "events:PutTargets", "scheduler:UpdateSchedule"],
        why: "roles are handed to tasks, rules and schedules",
    },
    Besides {
        action: "ecs:TagResource",
        with: &["ecs:RegisterTaskDefinition", "ecs:RunTask"],
        why: "tags given while something is made",
    },
    Besides {
        action: "codedeploy:GetDeploymentConfig",
        with: &["codedeploy:CreateDeployment"],
        why: "CreateDeployment reads how its group deploys",
    },
    Besides {
        action: "codedeploy:RegisterApplicationRevision",
        with: &["codedeploy:CreateDeployment"],
        why: "CreateDeployment registers the AppSpec that it is given",
    },
];

/// Actions that need `codedeploy:CreateDeployment` too; apart, since CodeDeploy's own examples have it with those above.
const REVISION: Besides = Besides {
    action: "codedeploy:GetApplicationRevision",
    with: &["codedeploy:CreateDeployment"],
    why: "CreateDeployment reads the revision that it registered",
};

/// Calls that need no permission of their own.
const FREE: [(&str, &str); 1] = [("dynamodb:TransactWriteItems", "each of its parts needs its own")];

/// What is wrong with a role, in sentences.
fn disagreements(calls: &BTreeSet<String>, granted: &BTreeSet<String>) -> Vec<String> {
    let besides = || BESIDES.iter().chain([&REVISION]);
    let mut needed: BTreeSet<&str> = calls.iter().map(String::as_str).collect();
    for (call, _) in FREE {
        needed.remove(call);
    }
    let asked = |entry: &&Besides| entry.with.is_empty() || entry.with.iter().any(|call| calls.contains(*call));
    let reasons: Vec<_> = besides().filter(asked).collect();
    needed.extend(reasons.iter().map(|entry| entry.action));
    let mut wrong = Vec::new();
    for action in granted {
        if action.contains('*') {
            wrong.push(format!("{action} says more than one action"));
        } else if !needed.contains(action.as_str()) {
            wrong.push(format!("{action} is allowed, and nothing calls it"));
        }
    }
    for action in needed.iter().filter(|action| !granted.contains(**action)) {
        let why = reasons.iter().find(|entry| entry.action == *action).map_or("it is called", |entry| entry.why);
        wrong.push(format!("{action} is not allowed: {why}"));
    }
    wrong
}

#[test]
fn each_role_allows_what_its_function_calls_and_nothing_else() {
    for function in FUNCTIONS {
        let wrong = disagreements(&calls::of_function(function), &Template::own().actions(function));
        assert!(wrong.is_empty(), "{function}'s role and calls disagree:\n  {}", wrong.join("\n  "));
    }
}

fn set(actions: &[&str]) -> BTreeSet<String> {
    actions.iter().map(|action| (*action).to_owned()).collect()
}

/// What every role has, and one that suits the calls.
fn suits(calls: &[&str]) -> (BTreeSet<String>, BTreeSet<String>) {
    let always = BESIDES.iter().filter(|entry| entry.with.is_empty()).map(|entry| entry.action.to_owned());
    (set(calls), always.chain(calls.iter().map(|call| (*call).to_owned())).collect())
}

#[test]
fn an_action_too_many_and_one_too_few_are_found() {
    let (calls, mut granted) = suits(&["ecs:ListTasks", "sns:Publish"]);
    assert_eq!(disagreements(&calls, &granted), Vec::<String>::new());
    granted.insert("ecs:DeleteService".into());
    assert_eq!(disagreements(&calls, &granted), ["ecs:DeleteService is allowed, and nothing calls it"]);
    granted.remove("ecs:DeleteService");
    granted.remove("sns:Publish");
    assert_eq!(disagreements(&calls, &granted), ["sns:Publish is not allowed: it is called"]);
    granted.insert("sns:*".into());
    assert_eq!(disagreements(&calls, &granted)[0], "sns:* says more than one action");
}

#[test]
fn what_aws_asks_for_besides_is_wanted_with_its_call_and_only_then() {
    let (calls, mut granted) = suits(&["ecs:RunTask"]);
    let missing = disagreements(&calls, &granted);
    assert_eq!(missing.len(), 2, "{missing:?}");
    granted.extend(set(&["iam:PassRole", "ecs:TagResource"]));
    assert!(disagreements(&calls, &granted).is_empty());
    let (without, _) = suits(&[]);
    assert_eq!(disagreements(&without, &granted).len(), 3, "PassRole, TagResource and RunTask itself");
    let (calls, granted) = suits(&["dynamodb:TransactWriteItems"]);
    let wrong = disagreements(&calls, &granted);
    assert!(wrong.iter().any(|line| line.starts_with("dynamodb:TransactWriteItems is allowed")), "{wrong:?}");
    assert!(wrong.iter().any(|line| line.starts_with("dynamodb:PutItem is not allowed")), "{wrong:?}");
}

#[test]
fn a_conditional_statement_counts() {
    let mut template = Template::own().clone();
    let statements =
        &mut template.0["Resources"]["NotifyRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    statements.as_array_mut().expect("statements").push(serde_json::json!({
        "Fn::If": ["IsTraced", {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}, {"Ref": "AWS::NoValue"}],
    }));
    let wrong = disagreements(&calls::of_function("Notify"), &template.actions("Notify"));
    assert_eq!(wrong, ["s3:GetObject is allowed, and nothing calls it"]);
}
