//! What a release costs in table writes, events and invocations of ours, at AWS's list prices.

use std::collections::BTreeMap;

use longshore_core::release::State;
use longshore_local::{Writes, units};
use longshore_tests::{Local, Push, Works, config, release_of, with_config, workspace};
use serde_json::Value;

/// List prices of us-east-1 in USD, without any free tier, as of 2026-11.
/// Source: <https://aws.amazon.com/dynamodb/pricing/on-demand/>, <https://aws.amazon.com/eventbridge/pricing/>,
/// <https://aws.amazon.com/lambda/pricing/>.
const WRITE_UNIT: f64 = 0.625e-6;
const EVENT: f64 = 1.0e-6;
const INVOCATION: f64 = 0.2e-6;

/// A release may cost so much: what `docs/performance.md` says. How often its message is drawn depends on how events fall together.
const MOST: f64 = 0.00009;

/// A release's entries in the indexes `open` (its record, moved once, and its message) and `pipeline` (made, and told its digest), a unit each;
/// the first ones twice, in the transaction.
const INDEXES: u64 = 2 * 3 + 2 + 1 + 1 + 1;

#[test]
fn a_release_costs_no_more_than_is_documented() {
    let keys = "image = \"web\"\n[[pipeline.environment]]\nname = \"production\"\ncluster = \"production\"\nservices = [\"web\"]";
    with_config(
        &config(&[("web", "github.com/acme/web", keys)]),
        |options| {
            // An event that is published is logged at this level alone.
            let table = "        LONGSHORE_TABLE: !Ref Table\n";
            assert_eq!(options.template.matches(table).count(), 1, "template.yaml has no place for a variable");
            let level = format!("{table}        AWS_LAMBDA_LOG_LEVEL: debug\n");
            options.template = options.template.replace(table, &level);
        },
        async |local| {
            let stages = ["install", "build", "test", "push"].map(|phase| {
                format!(
                    "curl --silent --show-error --fail-with-body --header \"Authorization: Bearer $LONGSHORE_TOKEN\" \
                     --header 'Content-Type: application/json' \
                     --data '{{\"phase\": \"{phase}\", \"status\": \"started\"}}' \"$LONGSHORE_URL/builds/events\""
                )
            });
            let commands: Vec<&str> = stages.iter().map(String::as_str).chain([Local::REPORT_BRANCH]).collect();
            local.script(&commands).await;
            local.version("web", "main", Works::Well).await;
            local.stack.host.idle().await;
            let (writes, events, invocations) = counts(local);
            assert_eq!((writes.len(), events), (0, 0), "nothing was written before");

            let push = Push { repository: "acme/web", branch: "main", before: 0, after: 1, files: &["README.md"] };
            let id = release_of(&local.send(&push.delivery()).await);
            let release = local.closed(&id).await;
            assert_eq!(release.state, State::Live, "{:?}", release.reason);
            local.message(&id, ": live in ", 1).await;
            local.stack.host.idle().await;

            let (written, published, begun) = counts(local);
            let sizes = sizes(&local.items().await);
            let units: u64 = written
                .iter()
                .map(|(kind, writes)| writes.units + writes.updates * sizes.get(kind).copied().unwrap_or(1))
                .sum::<u64>()
                + INDEXES;
            let (events, invocations) = (published - events, begun - invocations);
            let cost = price(units, WRITE_UNIT) + price(events, EVENT) + price(invocations, INVOCATION);
            let said =
                format!("{units} write units, {events} events, {invocations} invocations: {cost:.6} USD; {written:?}");
            assert!(units > 10 && events > 4 && invocations > 6, "something was not counted: {said}");
            assert!(cost <= MOST, "more than is documented: {said}");
            eprintln!("{said}");
        },
    );
    let page = std::fs::read_to_string(workspace().join("docs/performance.md")).expect("a page");
    assert!(page.contains(&format!("at most {MOST:.5} USD")), "docs/performance.md says another price");
}

fn price(count: u64, each: f64) -> f64 {
    f64::from(u32::try_from(count).expect("a small number")) * each
}

/// What was written, how many events were published, and how many invocations there were.
fn counts(local: &Local) -> (BTreeMap<String, Writes>, u64, u64) {
    let published = |log: &String| log.lines().filter(|line| line.contains("\"message\":\"published\"")).count();
    let events: usize = local.logs().values().map(published).sum();
    let number = |count: usize| u64::try_from(count).expect("a number");
    (local.stack.dynamodb.writes(), number(events), number(local.stack.host.invocations()))
}

/// The units of the largest item of each kind, as it is in the end: what an update of one cost at most.
fn sizes(items: &[Value]) -> BTreeMap<String, u64> {
    let mut sizes = BTreeMap::new();
    for item in items {
        let kind = sizes.entry(item["sk"]["S"].as_str().expect("a key").to_owned()).or_insert(0);
        *kind = units(item).max(*kind);
    }
    sizes
}
