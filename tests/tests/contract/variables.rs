//! The same variables in the template and in the functions, and in README what it has of parameters and of the build's variables.

use std::collections::BTreeSet;

use crate::{
    repository::{code, literals, only_arguments, sources, table, text},
    template::{FUNCTIONS, Template},
};

/// What a function may read that its template does not set.
const ELSEWHERE: [(&str, &str); 6] = [
    ("AWS_DEFAULT_REGION", "Lambda's own"),
    ("AWS_ENDPOINT_URL", "the local stack's; on AWS endpoints follow from the region"),
    ("AWS_LAMBDA_LOG_LEVEL", "Lambda's own, from the template's LoggingConfig"),
    ("AWS_REGION", "Lambda's own"),
    ("AWS_USE_DUALSTACK_ENDPOINT", "every SDK's, for who sets it"),
    ("AWS_USE_FIPS_ENDPOINT", "every SDK's, for who sets it"),
];

/// Build variables whose names hold the name of another pipeline.
const UPSTREAM: &str = "LONGSHORE_UPSTREAM_";

/// The variables that a function reads: those that a lookup is given, by it or by what all functions share.
fn read(function: &str) -> BTreeSet<String> {
    let own = sources(&format!("functions/{}/src", function.to_lowercase()));
    let all = own.into_iter().chain(sources("shared/aws/src"));
    let is_variable = |name: &&str| name.starts_with("LONGSHORE_") || name.starts_with("AWS_");
    all.flat_map(|source| only_arguments(&source.text).filter(is_variable).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn disagreements(set: &BTreeSet<String>, read: &BTreeSet<String>) -> Vec<String> {
    let known = |name: &str| ELSEWHERE.iter().any(|(elsewhere, _)| *elsewhere == name);
    let unread = set.difference(read).map(|name| format!("{name} is set, and nothing reads it"));
    let unset = read.difference(set).filter(|name| !known(name)).map(|name| format!("{name} is read, and not set"));
    unread.chain(unset).collect()
}

#[test]
fn each_function_reads_the_variables_that_the_template_sets() {
    for function in FUNCTIONS {
        let wrong = disagreements(&Template::own().variables(function), &read(function));
        assert!(wrong.is_empty(), "{function}: {}", wrong.join("; "));
    }
}

#[test]
fn a_variable_that_is_set_or_read_alone_is_found() {
    let (set, read) = (Template::own().variables("Deploy"), read("Deploy"));
    let mut more = set.clone();
    more.insert("LONGSHORE_NEW".to_owned());
    assert!(disagreements(&more, &read).contains(&"LONGSHORE_NEW is set, and nothing reads it".to_owned()));
    let mut less = set.clone();
    assert!(less.remove("LONGSHORE_TABLE"));
    assert!(disagreements(&less, &read).contains(&"LONGSHORE_TABLE is read, and not set".to_owned()));
}

#[test]
fn readme_has_every_parameter_and_no_other() {
    let page = text("README.md");
    let told: BTreeSet<_> = table(&page, "| parameter |").into_iter().flat_map(code).collect();
    let template = &Template::own().0;
    let there: BTreeSet<_> =
        template["Parameters"].as_object().expect("parameters").keys().map(String::as_str).collect();
    let wrong: Vec<_> = told.symmetric_difference(&there).collect();
    assert!(wrong.is_empty(), "in README or in the template alone: {wrong:?}");
    let groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"].as_array().expect("groups");
    let grouped = groups.iter().flat_map(|group| group["Parameters"].as_array().into_iter().flatten());
    let grouped: BTreeSet<_> = grouped.filter_map(serde_json::Value::as_str).collect();
    assert_eq!(grouped, there, "the form that asks for the parameters");
    for (name, parameter) in template["Parameters"].as_object().expect("parameters") {
        assert!(parameter["Description"].as_str().is_some_and(|text| text.len() > 10), "{name} has no description");
    }
}

#[test]
fn readme_and_buildspec_know_the_builds_variables() {
    let page = text("README.md");
    let told: BTreeSet<_> = table(&page, "| variable | what it is |").into_iter().flat_map(code).collect();
    let builds = sources("functions/trigger/src");
    let builds =
        builds.iter().filter(|source| source.path.starts_with("builds.rs") || source.path.starts_with("builds"));
    let own: BTreeSet<String> = FUNCTIONS.iter().flat_map(|function| read(function)).collect();
    let mut given = BTreeSet::from(["LONGSHORE_URL".to_owned()]);
    for source in builds {
        let is_given =
            |literal: &&str| *literal == "TRACEPARENT" || (literal.starts_with("LONGSHORE_") && !literal.contains('{'));
        let names = literals(&source.text).filter(is_given);
        given.extend(names.filter(|name| !own.contains(*name) && *name != UPSTREAM).map(str::to_owned));
    }
    let told: BTreeSet<String> =
        told.into_iter().filter(|name| !name.starts_with(UPSTREAM)).map(str::to_owned).collect();
    assert_eq!(told, given);
    let buildspec = text("buildspec.yml");
    let used = buildspec.split("$LONGSHORE_").chain(buildspec.split("${LONGSHORE_")).skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_')?;
        Some(format!("LONGSHORE_{}", &rest[..end]))
    });
    let own = |name: &String| buildspec.contains(&format!("export {name}="));
    for name in used.filter(|name| name != "LONGSHORE_" && !own(name)) {
        assert!(
            given.contains(&name) || name.starts_with(UPSTREAM),
            "buildspec.yml uses {name}, which no build is given"
        );
    }
}
