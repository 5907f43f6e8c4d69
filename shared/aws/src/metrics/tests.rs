use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use longshore_core::{
    config::Config,
    push::Reference,
    release::{Commit, Origin, Person, ReleaseId},
};

use super::*;

/// The metrics that come of something, as CloudWatch would read them: name, unit, value, and the dimensions' values.
fn told(act: impl FnOnce()) -> Vec<(String, String, f64, Vec<String>)> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let write = {
        let lines = lines.clone();
        move |line: &[u8]| lines.lock().expect("the lines").push(serde_json::from_slice::<Value>(line).expect("JSON"))
    };
    let lookup = |name: &str| (name == "LONGSHORE_STACK").then(|| "harbour".to_owned());
    tracing::subscriber::with_default(telemetry::subscriber(&lookup, write), act);
    let lines = lines.lock().expect("the lines").clone();
    lines.iter().flat_map(read).collect()
}

fn read(line: &Value) -> Vec<(String, String, f64, Vec<String>)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    assert!(line["_aws"]["Timestamp"].as_i64().is_some_and(|time| time > 1_700_000_000_000), "milliseconds: {line}");
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
    assert!(!directives.is_empty(), "a line without a metric: {line}");
    let mut metrics = Vec::new();
    for directive in directives {
        assert_eq!(directive["Namespace"], NAMESPACE);
        let [dimensions] = &directive["Dimensions"].as_array().expect("sets")[..] else { panic!("one set: {line}") };
        let dimensions = dimensions.as_array().expect("a set").iter();
        let dimensions: Vec<_> = dimensions.map(|name| text(&line[name.as_str().expect("a name")])).collect();
        for metric in directive["Metrics"].as_array().expect("metrics") {
            let (name, unit) = (text(&metric["Name"]), text(&metric["Unit"]));
            let value = line[&name].as_f64().expect("a number");
            metrics.push((name, unit, value, dimensions.clone()));
        }
    }
    metrics
}

fn told_as(name: &str, unit: &str, value: f64, dimensions: &[&str]) -> (String, String, f64, Vec<String>) {
    (name.to_owned(), unit.to_owned(), value, dimensions.iter().map(|value| (*value).to_owned()).collect())
}

/// A release of a push that ended so, 90 s after it was accepted.
fn release(state: State) -> Release {
    let text = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web-build\"\n";
    let config = Config::read(text).expect("a configuration");
    let origin = Origin {
        delivery: "github/d-1".into(),
        repository: "github.com/acme/web".into(),
        reference: Reference::branch("main").expect("a branch"),
        commit: Commit::unknown(),
        brought: Vec::new(),
    };
    let id = ReleaseId::parse("01JD0000000000000000000000").expect("an id");
    let start = Timestamp::UNIX_EPOCH;
    let release = Release::new(id, 7, &config.pipelines()[0], origin, Vec::new(), None, start);
    Release { state, ended: Some(start + SignedDuration::from_millis(90_500)), ..release }
}

#[test]
fn every_metric_is_one_of_the_table() {
    let all = told(|| {
        delivery("github", false);
        delivery("gitlab", true);
        refused("slack");
        ended(&release(State::Live));
        queue_age(SignedDuration::from_millis(1500));
        slack_lag(SignedDuration::from_millis(12));
        stuck(3);
    });
    let here = ["harbour"];
    let expected = [
        told_as("Deliveries", "Count", 1.0, &here),
        told_as("Ignored", "Count", 0.0, &here),
        told_as("Deliveries", "Count", 1.0, &here),
        told_as("Ignored", "Count", 1.0, &here),
        told_as("Refused", "Count", 1.0, &here),
        told_as("Releases", "Count", 1.0, &["harbour", "live"]),
        told_as("LeadTime", "Seconds", 90.5, &here),
        told_as("QueueAge", "Seconds", 1.5, &here),
        told_as("SlackLag", "Milliseconds", 12.0, &here),
        told_as("Stuck", "Count", 3.0, &here),
    ];
    assert_eq!(all, expected);
    let names: BTreeSet<_> = all.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, METRICS.iter().map(|metric| metric.name).collect());
}

#[test]
fn only_a_push_that_went_live_has_a_lead_time() {
    let names = |release: &Release| told(|| ended(release)).into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
    for state in [State::Built, State::RolledBack, State::Failed, State::Superseded, State::Cancelled] {
        assert_eq!(names(&release(state)), ["Releases"], "{state:?}");
    }
    let person = Person { name: "ada".into(), reason: None, at: Timestamp::UNIX_EPOCH };
    let wished = release(State::Live).wished(person, None, false).expect("a wish");
    assert_eq!(names(&Release { delivery: String::new(), ..wished }), ["Releases"], "no delivery");
    assert_eq!(names(&release(State::Live)), ["Releases", "LeadTime"]);
}

#[test]
fn times_before_their_beginning_are_none() {
    let all = told(|| {
        queue_age(SignedDuration::from_secs(-1));
        slack_lag(SignedDuration::from_secs(-1));
    });
    assert_eq!(all.iter().map(|(_, _, value, _)| *value).collect::<Vec<_>>(), [0.0, 0.0]);
}
