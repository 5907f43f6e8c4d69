//! Alarms and the dashboard look at metrics that there are: ours at those that the functions write, by the same names and dimensions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    repository::{code, literals, table, text},
    template::{FUNCTIONS, Start, Template, texts},
};

/// Names of dimensions, and the values of those that have few.
type Dimensions = BTreeMap<String, Value>;

/// The metrics that the functions write, and the names of their dimensions: `Metric { name: "…", unit: "…", dimensions: … }`.
fn written() -> BTreeMap<String, BTreeSet<String>> {
    let source = text("shared/aws/src/metrics.rs");
    let lines = source.lines().filter(|line| line.trim_start().starts_with("Metric { name: "));
    let metrics = lines.map(|line| {
        let (name, rest) = line.split_once("dimensions: ").expect("dimensions");
        let dimensions = if rest.starts_with("STACK") { vec!["Stack"] } else { literals(rest).collect() };
        (literals(name).next().expect("a name").to_owned(), dimensions.into_iter().map(str::to_owned).collect())
    });
    let metrics: BTreeMap<_, _> = metrics.collect();
    assert!(metrics.len() > 5, "the metrics of shared/aws/src/metrics.rs: {metrics:?}");
    metrics
}

/// Our metrics that the template's alarms look at.
fn alarmed(template: &Template) -> Vec<(String, Dimensions)> {
    let mut found = Vec::new();
    for (_, alarm) in template.resources("AWS::CloudWatch::Alarm") {
        let parts = alarm["Metrics"].as_array().into_iter().flatten().map(|part| &part["MetricStat"]["Metric"]);
        for metric in parts.chain([alarm]).filter(|metric| metric["Namespace"] == "Longshore") {
            let dimensions = metric["Dimensions"].as_array().expect("dimensions").iter();
            let dimensions = dimensions.map(|one| (texts(&one["Name"]).concat(), one["Value"].clone()));
            found.push((texts(&metric["MetricName"]).concat(), dimensions.collect()));
        }
    }
    found
}

/// Our metrics that the dashboard shows.
fn shown(template: &Template) -> Vec<(String, Dimensions)> {
    let (_, board) = template.resources("AWS::CloudWatch::Dashboard").next().expect("a dashboard");
    let body: Value = serde_json::from_str(board["DashboardBody"]["Fn::Sub"].as_str().expect("a body")).expect("JSON");
    let widgets = body["widgets"].as_array().expect("widgets").iter();
    let metrics = widgets.flat_map(|widget| widget["properties"]["metrics"].as_array().into_iter().flatten());
    let metrics = metrics.filter_map(Value::as_array).filter(|metric| metric[0] == "Longshore");
    let read = |metric: &Vec<Value>| {
        let pairs = metric[2..].iter().filter(|part| part.is_string()).collect::<Vec<_>>();
        let dimensions = pairs.chunks(2).map(|pair| (texts(pair[0]).concat(), pair[1].clone()));
        (texts(&metric[1]).concat(), dimensions.collect())
    };
    metrics.map(read).collect()
}

/// The words by which a release can end, of the rule that waits for the end of releases.
fn ends(template: &Template) -> BTreeSet<String> {
    let patterns = template.starts().into_iter().filter_map(|(_, start)| match start {
        Start::Pattern(pattern) => Some(texts(&pattern["detail"]["state"])),
        Start::Schedule(_) => None,
    });
    patterns.flatten().collect()
}

fn disagreements(
    looked: &[(String, Dimensions)],
    written: &BTreeMap<String, BTreeSet<String>>,
    ends: &BTreeSet<String>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, dimensions) in looked {
        let names: BTreeSet<_> = dimensions.keys().cloned().collect();
        match written.get(name) {
            None => wrong.push(format!("nothing writes {name}")),
            Some(known) if *known != names => wrong.push(format!("{name} is written with {known:?}, not {names:?}")),
            Some(_) => {}
        }
        if let Some(verdict) = dimensions.get("Verdict").filter(|verdict| !ends.contains(&texts(verdict).concat())) {
            wrong.push(format!("no release ends as {verdict}"));
        }
    }
    wrong
}

#[test]
fn alarms_and_dashboard_look_at_metrics_that_are_written() {
    let template = Template::own();
    let (alarmed, shown, written, ends) = (alarmed(template), shown(template), written(), ends(template));
    assert_eq!(alarmed.len(), 3, "{alarmed:?}");
    assert_eq!(disagreements(&alarmed, &written, &ends), Vec::<String>::new());
    assert_eq!(disagreements(&shown, &written, &ends), Vec::<String>::new());
    let shown: BTreeSet<_> = shown.into_iter().map(|(name, _)| name).collect();
    assert_eq!(shown, written.into_keys().collect(), "the dashboard shows them all");
}

#[test]
fn the_page_of_alarms_has_them_all_and_no_other() {
    let page = text("docs/alarms.md");
    let told: BTreeSet<_> = table(&page, "| alarm |").into_iter().flat_map(code).collect();
    let there: BTreeSet<_> = Template::own().resources("AWS::CloudWatch::Alarm").map(|(id, _)| id).collect();
    assert_eq!(told, there);
}

#[test]
fn a_new_version_is_taken_back_when_its_function_fails_and_when_the_api_does() {
    let groups: BTreeMap<_, _> = Template::own().resources("AWS::CodeDeploy::DeploymentGroup").collect();
    for function in FUNCTIONS {
        let configuration = &groups[&*format!("{function}DeploymentGroup")]["AlarmConfiguration"];
        let alarms = configuration["Alarms"].as_array().expect("alarms").iter();
        let alarms: Vec<_> = alarms.flat_map(|alarm| texts(&alarm["Name"]["Ref"])).collect();
        assert_eq!(alarms, [format!("{function}Errors"), "ApiFailures".to_owned()]);
        assert_eq!(configuration["Enabled"], true);
    }
}

#[test]
fn another_name_dimension_or_verdict_is_found() {
    let written = BTreeMap::from([("Releases".to_owned(), BTreeSet::from(["Stack".to_owned(), "Verdict".to_owned()]))]);
    let ends = BTreeSet::from(["failed".to_owned()]);
    let of = |name: &str, dimensions: &[(&str, &str)]| {
        let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        disagreements(&[(name.to_owned(), dimensions)], &written, &ends)
    };
    assert!(of("Releases", &[("Stack", "s"), ("Verdict", "failed")]).is_empty());
    assert_eq!(of("Release", &[("Stack", "s")]), ["nothing writes Release"]);
    assert_eq!(of("Releases", &[("Stack", "s")]).len(), 1);
    assert_eq!(of("Releases", &[("Stack", "s"), ("Verdict", "fine")]), ["no release ends as \"fine\""]);
}
