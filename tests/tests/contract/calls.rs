//! Which operations of AWS a function program can call.
//!
//! - **With an SDK**: each operation of an SDK is a type whose `RuntimePlugin` goes through a table of methods, so that it has a symbol
//!   of its own in the program, and the linker leaves out those that nothing calls. The test reads the symbols of the programs that
//!   were built; they are there as long as the profile does not strip them.
//! - **Without**: signed requests of ours (`longshore_aws::signed`) name their operations in the source. Such a source counts for
//!   a program that has a symbol of its module.

use std::{collections::BTreeSet, fs};

use longshore_tests::program;

use crate::repository::{Source, literals, sources};

const PLUGIN: &str = "$u20$as$u20$aws_smithy_runtime_api..client..runtime_plugin..RuntimePlugin$GT$6config";

/// SDKs and what IAM calls their services.
const SDKS: [(&str, &str); 7] = [
    ("codebuild", "codebuild"),
    ("dynamodb", "dynamodb"),
    ("ecr", "ecr"),
    ("ecs", "ecs"),
    ("eventbridge", "events"),
    ("secretsmanager", "secretsmanager"),
    ("sts", "sts"),
];

/// The targets of signed JSON calls, and what IAM calls their services.
const TARGETS: [(&str, &str); 7] = [
    ("AmazonEC2ContainerRegistry_V20150921", "ecr"),
    ("CodeBuild_20161006", "codebuild"),
    ("AmazonSSM", "ssm"),
    ("AmazonEC2ContainerServiceV20141113", "ecs"),
    ("AWSEvents", "events"),
    ("CodeDeploy_20141006", "codedeploy"),
    ("Logs_20140328", "logs"),
];

/// The signed services without such targets, and what IAM calls them.
const OTHERS: [(&str, &str); 5] = [
    ("Service::CloudFormation", "cloudformation"),
    ("Service::ElasticLoadBalancing", "elasticloadbalancing"),
    ("Service::Scheduler", "scheduler"),
    ("Service::Sns", "sns"),
    ("Service::Sts", "sts"),
];

/// The operations that a function can call, as IAM writes actions: `ecs:RunTask`.
pub(crate) fn of_function(function: &str) -> BTreeSet<String> {
    let name = function.to_lowercase();
    let path = program(&format!("longshore-{name}"));
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let symbols = symbols(&bytes);
    let mut calls = operations(&symbols);
    assert!(calls.contains("dynamodb:GetItem"), "{} has no symbols of its SDKs: {calls:?}", path.display());
    // aws-config knows web identities and profiles with roles, of which a function has none. Who assumes a role on purpose does so
    // with its AssumeRoleProvider.
    calls.remove("sts:AssumeRoleWithWebIdentity");
    if !holds(&symbols, &["aws_config", "sts", "assume_role"]) {
        calls.remove("sts:AssumeRole");
    }
    for source in sources(&format!("functions/{name}/src")) {
        calls.extend(signed(&source));
    }
    for source in sources("shared/aws/src") {
        let found = signed(&source);
        let module = source.path.with_extension("");
        let module = module.iter().map(|part| part.to_str().expect("text"));
        let path: Vec<_> = std::iter::once("longshore_aws").chain(module).collect();
        if !found.is_empty() && holds(&symbols, &path) {
            calls.extend(found);
        }
    }
    calls
}

/// The mangled names in a program's table of symbols.
fn symbols(program: &[u8]) -> Vec<&str> {
    let names = program.split(|byte| *byte == 0).filter(|name| name.starts_with(b"_ZN") || name.starts_with(b"_R"));
    names.filter_map(|name| std::str::from_utf8(name).ok()).collect()
}

/// The operations of SDKs among them.
fn operations(symbols: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in symbols.iter().filter_map(|symbol| symbol.split_once("$LT$aws_sdk_")?.1.split_once(PLUGIN)) {
        if let [sdk, "operation", _, operation] = path.0.split("..").collect::<Vec<_>>().as_slice() {
            let service = SDKS.iter().find(|(name, _)| name == sdk);
            let (_, service) = service.unwrap_or_else(|| panic!("what does IAM call the service of aws-sdk-{sdk}?"));
            found.insert(format!("{service}:{operation}"));
        }
    }
    found
}

/// Whether anything of a module is there: a symbol writes a path as `13longshore_aws4logs`, or within others as `longshore_aws..logs..`.
fn holds(symbols: &[&str], path: &[&str]) -> bool {
    let counted: Vec<_> = path.iter().map(|part| format!("{}{part}", part.len())).collect();
    let counted = counted.concat();
    let dotted = path.join("..") + "..";
    symbols.iter().any(|symbol| symbol.contains(&counted) || symbol.contains(&dotted))
}

/// The operations that a source file calls with requests of ours.
fn signed(source: &Source) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let text = &source.text;
    // The module that does it names no operation.
    if source.path.starts_with("signed") || source.path.ends_with("signed.rs") {
        return found;
    }
    for literal in literals(text) {
        let Some((prefix, operation)) = literal.split_once('.') else { continue };
        let Some((_, service)) = TARGETS.iter().find(|(target, _)| *target == prefix) else { continue };
        if operation.starts_with('{') {
            // The operation is a parameter: what the file's own calls hand over.
            let names = text.split("(\"").skip(1).filter_map(|rest| rest.split_once("\", ").map(|(name, _)| name));
            found.extend(names.filter(|name| is_operation(name)).map(|name| format!("{service}:{name}")));
        } else {
            assert!(is_operation(operation), "{literal:?} names no operation");
            found.insert(format!("{service}:{operation}"));
        }
    }
    for operation in text.split("\"Action\"").skip(1).filter_map(|rest| rest.split('"').nth(1)) {
        let service = OTHERS.iter().find(|(service, _)| text.contains(service));
        let (_, service) = service.unwrap_or_else(|| panic!("{}: of which service?", source.path.display()));
        found.insert(format!("{service}:{operation}"));
    }
    found.extend(schedules(text));
    let asks = [".json(\"", ".json(&format!", ".query(&", ".rest("].iter().any(|call| text.contains(call));
    assert!(!asks || !found.is_empty() || !text.contains("signed"), "{}: which calls?", source.path.display());
    found
}

/// EventBridge Scheduler's, whose operations are methods of two paths.
/// Source: <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Operations.html>.
fn schedules(text: &str) -> BTreeSet<String> {
    let paths: Vec<_> = literals(text).filter(|literal| literal.starts_with("/schedules")).collect();
    let lists = paths.iter().any(|path| !path.starts_with("/schedules/"));
    let single = paths.iter().any(|path| path.starts_with("/schedules/"));
    let mut found = BTreeSet::new();
    for method in text.split(".rest(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let operations: &[&str] = match method {
            "GET" if lists && single => &["ListSchedules", "GetSchedule"],
            "GET" if lists => &["ListSchedules"],
            "GET" if single => &["GetSchedule"],
            "PUT" if single => &["UpdateSchedule"],
            "POST" if single => &["CreateSchedule"],
            "DELETE" if single => &["DeleteSchedule"],
            other => panic!("{other} of which path?"),
        };
        found.extend(operations.iter().map(|operation| format!("scheduler:{operation}")));
    }
    found
}

fn is_operation(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[test]
fn an_operation_is_found_by_its_symbol_alone() {
    let plugin = |path: &str| format!("\0_ZN99_$LT${path}{PLUGIN}17h0123456789abcdefE\0");
    let mut bytes = plugin("aws_sdk_ecs..operation..run_task..RunTask").into_bytes();
    bytes.extend(
        b"\xff\xfe\0_ZN9_$LT$aws_sdk_ecs..operation..stop_task..StopTaskError$u20$as$u20$core..fmt..Debug$GT$3fmtE\0",
    );
    bytes.extend(plugin("aws_sdk_ecs..config..ServiceRuntimePlugin").into_bytes());
    bytes.extend(b"_ZN13longshore_aws4logs4Logs3newE\0");
    let symbols = symbols(&bytes);
    assert_eq!(operations(&symbols), BTreeSet::from(["ecs:RunTask".to_owned()]));
    assert!(holds(&symbols, &["longshore_aws", "logs"]));
    assert!(!holds(&symbols, &["longshore_aws", "log"]));
}

#[test]
fn signed_calls_are_found_in_their_source() {
    let of =
        |text: &str| signed(&Source { path: "a.rs".into(), text: text.to_owned() }).into_iter().collect::<Vec<_>>();
    assert_eq!(of("x.json(\"Logs_20140328.GetLogEvents\", &r)"), ["logs:GetLogEvents"]);
    let pages = "pages(\"ListA\", r, \"As\"); pages(\"ListB\", r, \"Bs\"); is(\"Error\"); json(&format!(\"AWSEvents.{operation}\"))";
    assert_eq!(of(pages), ["events:ListA", "events:ListB"]);
    assert_eq!(of("Service::Sns; [(\"Action\".to_owned(), \"Publish\".to_owned())]"), ["sns:Publish"]);
    let schedules = "let p = \"/schedules?MaxResults=1\"; s.rest(\"GET\", &p, None)";
    assert_eq!(of(schedules), ["scheduler:ListSchedules"]);
    let one = "let p = format!(\"/schedules/{}\", n); s.rest(\"GET\", &p, None); s.rest(\"PUT\", &p, None)";
    assert_eq!(of(one), ["scheduler:GetSchedule", "scheduler:UpdateSchedule"]);
    assert!(of("answer.json()").is_empty());
}
