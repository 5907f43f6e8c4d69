//! The local stack runs from the same template: what its reader finds is what SAM's transform makes of it. And what keeps the table.

use std::collections::{BTreeMap, BTreeSet};

use local_lambda::template::{Inputs, Stack};
use longshore_tests::workspace;
use serde_json::{Value, json};

use crate::{
    repository::text,
    template::{FUNCTIONS, Start, Template, texts},
};

fn local() -> Stack {
    let inputs = Inputs {
        stack: "longshore".to_owned(),
        attributes: [("Api.ApiEndpoint".to_owned(), "http://127.0.0.1:9".to_owned())].into(),
        ..Inputs::default()
    };
    Stack::read(&workspace().join("template.yaml"), &inputs).expect("the template")
}

#[test]
fn the_local_stack_has_the_functions_routes_rules_and_ticks_of_the_transformed_template() {
    let (local, template) = (local(), Template::own());
    let found: BTreeMap<_, BTreeSet<_>> = local
        .functions
        .iter()
        .map(|function| (function.logical_id.as_str(), function.environment.keys().cloned().collect()))
        .collect();
    let there: BTreeMap<_, _> = FUNCTIONS.iter().map(|function| (*function, template.variables(function))).collect();
    assert_eq!(found, there, "functions and their variables");
    assert_eq!(template.resources("AWS::Lambda::Function").count(), FUNCTIONS.len());

    let found: BTreeMap<_, _> = local.routes.iter().map(|route| (route.key.clone(), route.function.clone())).collect();
    assert_eq!(found, template.routes(), "routes");

    let patterns = |start: &(String, Start)| match start {
        (function, Start::Pattern(pattern)) => Some(format!("{function} {pattern}")),
        (_, Start::Schedule(_)) => None,
    };
    let mut there: Vec<_> = template.starts().iter().filter_map(patterns).collect();
    let mut found: Vec<_> = local.rules.iter().map(|rule| format!("{} {}", rule.function, rule.pattern)).collect();
    there.sort();
    found.sort();
    assert_eq!(found, there, "rules");

    let ticks = |start: (String, Start)| match start {
        (function, Start::Schedule(rate)) => Some((function, rate)),
        (_, Start::Pattern(_)) => None,
    };
    let there: BTreeSet<_> = template.starts().into_iter().filter_map(ticks).collect();
    let minutes = |schedule: &local_lambda::template::Schedule| match schedule.interval.as_secs() {
        60 => "rate(1 minute)".to_owned(),
        seconds => format!("rate({} minutes)", seconds / 60),
    };
    let found: BTreeSet<_> =
        local.schedules.iter().map(|schedule| (schedule.function.clone(), minutes(schedule))).collect();
    assert_eq!(found, there, "ticks");
}

#[test]
fn the_local_stack_makes_the_table_of_the_transformed_template() {
    let local = local();
    let (_, table) = Template::own().resources("AWS::DynamoDB::Table").next().expect("a table");
    assert_eq!(local.tables.len(), 1);
    for member in ["KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode"] {
        assert_eq!(local.tables[0][member], table[member], "{member}");
    }
    assert_eq!(local.time_to_live[0]["TimeToLiveSpecification"], table["TimeToLiveSpecification"]);
}

/// Whether a stack policy lets an update do this to a resource: something allows it, and nothing denies it.
fn lets(policy: &Value, action: &str, resource: &str) -> bool {
    let matches = |patterns: &Value, name: &str| {
        texts(patterns).iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => pattern == name,
        })
    };
    let statements = policy["Statement"].as_array().expect("statements").iter();
    let that_match = statements.filter(|statement| {
        matches(&statement["Action"], action)
            && matches(&statement["Resource"], &format!("LogicalResourceId/{resource}"))
    });
    let effects: Vec<_> = that_match.filter_map(|statement| statement["Effect"].as_str()).collect();
    effects.contains(&"Allow") && !effects.contains(&"Deny")
}

#[test]
fn neither_an_update_nor_the_stacks_end_loses_table_or_secret() {
    let template = &Template::own().0["Resources"];
    let policy: Value = serde_json::from_str(&text("stack-policy.json")).expect("JSON");
    for (resource, modified) in [("Table", true), ("Secret", false), ("Trigger", true)] {
        assert_eq!(lets(&policy, "Update:Modify", resource), modified, "{resource}");
        for action in ["Update:Replace", "Update:Delete"] {
            assert_eq!(lets(&policy, action, resource), resource == "Trigger", "{action} {resource}");
        }
    }
    for resource in ["Table", "Secret"] {
        assert_eq!(template[resource]["DeletionPolicy"], "Retain", "{resource}");
        assert_eq!(template[resource]["UpdateReplacePolicy"], "Retain", "{resource}");
    }
    assert_eq!(template["Table"]["Properties"]["DeletionProtectionEnabled"], true);
}

#[test]
fn the_lines_that_write_the_secret_anew_are_what_they_always_were() {
    // Another text here, and `sam deploy` overwrites what has been filled in: webhook secrets, tokens, the key of the builds' tokens.
    let generated = json!({
        "SecretStringTemplate": r#"{"github": "", "slack_bot_token": ""}"#,
        "GenerateStringKey": "callback_key",
        "PasswordLength": 64,
        "ExcludePunctuation": true,
    });
    let (_, secret) = Template::own().resources("AWS::SecretsManager::Secret").next().expect("a secret");
    assert_eq!(secret["GenerateSecretString"], generated);
    assert!(secret["SecretString"].is_null() && secret["Name"].is_null(), "either makes it another secret");
}

/// The parameters that a piece of the template refers to.
fn parameters(node: &Value, template: &Template, found: &mut BTreeSet<String>) {
    let is_parameter = |name: &str| !template.0["Parameters"][name].is_null();
    match node {
        Value::Object(members) => {
            found.extend(
                members.get("Ref").and_then(Value::as_str).filter(|name| is_parameter(name)).map(str::to_owned),
            );
            members.values().for_each(|member| parameters(member, template, found));
        }
        Value::Array(items) => items.iter().for_each(|item| parameters(item, template, found)),
        Value::String(text) => {
            let names = text.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
            found.extend(names.filter(|name| is_parameter(name)).map(str::to_owned));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_changed_parameter_publishes_a_version() {
    let template = Template::own();
    let mut seen = 0;
    for (id, version) in template.resources("AWS::Lambda::Version") {
        let function = version["FunctionName"]["Ref"].as_str().expect("a function");
        let (_, properties) =
            template.resources("AWS::Lambda::Function").find(|(id, _)| *id == function).expect("the function");
        let (mut has, mut described) = (BTreeSet::new(), BTreeSet::new());
        parameters(properties, template, &mut has);
        // It is the function's, and no version's.
        assert!(has.remove("ReservedConcurrency"));
        parameters(&version["Description"], template, &mut described);
        assert_eq!(described, has, "{id}: what is not described changes nothing that is called");
        assert!(has.contains("Architecture"), "{has:?}");
        seen += 1;
    }
    assert_eq!(seen, FUNCTIONS.len());
}
