//! `template.yaml` as CloudFormation gets it: what SAM's transform makes of it, by `scripts/transform.py`.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::LazyLock,
};

use longshore_tests::workspace;
use serde_json::Value;

/// The functions, by their names in the template.
pub(crate) const FUNCTIONS: [&str; 3] = ["Trigger", "Notify", "Deploy"];

/// The template, transformed once for all tests of a process.
static TRANSFORMED: LazyLock<Template> = LazyLock::new(|| transformed("template.yaml"));

/// A template of this repository, transformed.
pub(crate) fn transformed(path: &str) -> Template {
    let python = workspace().join(".local/lint/bin/python");
    assert!(python.is_file(), "{} is missing: run scripts/setup test", python.display());
    let arguments = ["scripts/transform.py", path];
    let output = Command::new(python).args(arguments).current_dir(workspace()).output().expect("python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Template(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// A template without SAM's resources.
#[derive(Debug, Clone)]
pub(crate) struct Template(pub(crate) Value);

/// What starts a function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Start {
    /// An event pattern.
    Pattern(Value),
    /// A rate: `rate(1 minute)`.
    Schedule(String),
}

impl Template {
    /// This repository's.
    pub(crate) fn own() -> &'static Self {
        &TRANSFORMED
    }

    /// The resources of a type.
    pub(crate) fn resources<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let resources = self.0["Resources"].as_object().expect("resources");
        let chosen = resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
        chosen.map(|(id, resource)| (id.as_str(), &resource["Properties"]))
    }

    fn properties(&self, id: &str) -> &Value {
        &self.0["Resources"][id]["Properties"]
    }

    /// The names of a function's variables.
    pub(crate) fn variables(&self, function: &str) -> BTreeSet<String> {
        let variables = self.properties(function)["Environment"]["Variables"].as_object().expect("variables");
        variables.keys().cloned().collect()
    }

    /// The actions that a function's role allows, those of conditional statements too.
    pub(crate) fn actions(&self, function: &str) -> BTreeSet<String> {
        let role = self.properties(function)["Role"]["Fn::GetAtt"][0].as_str().expect("a role");
        let role = self.properties(role);
        let own = role["Policies"].as_array().into_iter().flatten();
        let shared = role["ManagedPolicyArns"].as_array().expect("the shared policy").iter();
        let shared = shared.map(|policy| self.properties(policy["Ref"].as_str().expect("a policy of the template")));
        own.chain(shared).flat_map(allowed).collect()
    }

    /// Each route's function, by the route's key.
    pub(crate) fn routes(&self) -> BTreeMap<String, String> {
        let routes = self.resources("AWS::ApiGatewayV2::Route");
        let routes = routes.map(|(id, route)| {
            let target = route["Target"]["Fn::Sub"].as_str().unwrap_or_else(|| panic!("{id} has no target"));
            let integration = target.trim_start_matches("integrations/${").trim_end_matches('}');
            let uri = &self.properties(integration)["IntegrationUri"];
            (route["RouteKey"].as_str().expect("a key").to_owned(), self.function(uri))
        });
        routes.collect()
    }

    /// What starts each function, in no order.
    pub(crate) fn starts(&self) -> Vec<(String, Start)> {
        let mut starts = Vec::new();
        for (id, rule) in self.resources("AWS::Events::Rule") {
            let function = self.function(&rule["Targets"][0]["Arn"]);
            match (&rule["EventPattern"], rule["ScheduleExpression"].as_str()) {
                (Value::Null, Some(rate)) => starts.push((function, Start::Schedule(rate.to_owned()))),
                (pattern, None) => starts.push((function, Start::Pattern(pattern.clone()))),
                (_, Some(_)) => panic!("{id} has both a pattern and a schedule"),
            }
        }
        starts
    }

    /// The function of an alias, which is what everything calls.
    fn function(&self, alias: &Value) -> String {
        let alias = alias["Ref"].as_str().unwrap_or_else(|| panic!("not an alias: {alias}"));
        let of = &self.properties(alias)["FunctionName"];
        of["Ref"].as_str().unwrap_or_else(|| panic!("{alias} is no alias of a function")).to_owned()
    }
}

/// The actions that a policy allows, those of conditional statements too.
pub(crate) fn allowed(policy: &Value) -> BTreeSet<String> {
    let statements = policy["PolicyDocument"]["Statement"].as_array().expect("statements").iter();
    let statements = statements.flat_map(branches).filter(|statement| statement["Effect"] == "Allow");
    statements.flat_map(|statement| texts(&statement["Action"])).collect()
}

/// A statement, or both of a conditional one.
fn branches(statement: &Value) -> Vec<&Value> {
    match statement["Fn::If"].as_array() {
        Some(branches) => branches.iter().skip(1).flat_map(branches_of).collect(),
        None => vec![statement],
    }
}

fn branches_of(branch: &Value) -> Vec<&Value> {
    if branch["Ref"] == "AWS::NoValue" { Vec::new() } else { branches(branch) }
}

/// One text or several.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(only) => vec![only.clone()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}
