//! A run: sends, lets the stack come to rest, looks at what is in the table.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use longshore_core::release::{Release, ReleaseId};
use longshore_local::{Options, Stack, hook};
use longshore_tests::{options as tests_options, scan, without_events};
use serde_json::Value;

use crate::{
    builds::Builds,
    check::{self, Outcome, Table},
    figures::{Figures, Measured},
    plan::Plan,
    send::send,
};

/// How many ticks of `trigger` may pass until nothing is left to do: on AWS, as many minutes.
const TICKS: usize = 5;

/// Where the table's items are written when something is wrong, beside the functions' logs.
const ITEMS: &str = "table.json";

/// How the stack is started.
pub fn options(directory: &Path, config: PathBuf, instances: usize, builds: &Builds) -> anyhow::Result<Options> {
    std::fs::create_dir_all(directory)?;
    Ok(Options {
        template: without_events(&["Release Changed"]),
        config,
        instances,
        codebuild: Some(builds.middleware()),
        ..tests_options(directory)
    })
}

/// Sends the plan's deliveries to the stack; what came of them.
pub async fn run(stack: &Stack, plan: Plan, concurrency: usize, builds: &Builds) -> anyhow::Result<Figures> {
    let plan = Arc::new(plan);
    let url = format!("{}/webhooks/github", stack.url);
    // The repository is each payload's own.
    let settings = hook::Settings { url, repository: String::new(), secret: stack.secret.clone() };
    let before = stack.dynamodb.calls();
    let (answers, took) = send(&plan, settings, concurrency).await;
    stack.host.idle().await;
    let calls = difference(&stack.dynamodb.calls(), &before);
    let processes = stack.host.processes("Trigger");
    let memory = processes.iter().filter_map(|process| peak(*process)).max();

    let mut ticks = 0;
    let mut table = read(stack).await?;
    while !table.is_at_rest() && ticks < TICKS {
        ticks += 1;
        stack.schedules.tick_once("Trigger").await?;
        stack.host.idle().await;
        table = read(stack).await?;
    }
    let dead_letters =
        stack.host.dead_letters().into_iter().map(|letter| format!("{}: {}", letter.function, letter.error));
    let outcome = Outcome {
        plan: &plan,
        answers: &answers,
        table: &table,
        builds: &builds.all(),
        dead_letters: dead_letters.collect(),
    };
    let wrong = check::wrong(&outcome);
    if !wrong.is_empty() {
        let items = Value::from(scan(stack).await?);
        std::fs::write(stack.logs().join(ITEMS), format!("{items:#}\n"))?;
    }
    let measured = Measured { took, concurrency, calls, instances: processes.len(), memory, ticks };
    Ok(Figures::new(&outcome, measured, wrong))
}

async fn read(stack: &Stack) -> anyhow::Result<Table> {
    let mut table = Table::default();
    for item in scan(stack).await? {
        match item["sk"]["S"].as_str() {
            Some("release") => {
                let record = item["record"]["S"].as_str().context("a release without a record")?;
                table.releases.push(serde_json::from_str::<Release>(record)?);
            }
            Some("delivery") => {
                let key = item["pk"]["S"].as_str().unwrap_or_default().trim_start_matches("delivery#").to_owned();
                let ids = item["releases"]["L"].as_array().into_iter().flatten();
                let ids = ids.filter_map(|id: &Value| ReleaseId::parse(id["S"].as_str()?));
                table.deliveries.insert(key, ids.collect());
            }
            _ => {}
        }
    }
    table.releases.sort_by(|a, b| (&a.pipeline, a.number).cmp(&(&b.pipeline, b.number)));
    Ok(table)
}

fn difference(after: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let since = |(action, count): (&String, &u64)| (action.clone(), count - before.get(action).unwrap_or(&0));
    after.iter().map(since).filter(|(_, count)| *count > 0).collect()
}

/// The largest resident memory that a process had until now, in KiB.
/// Source: <https://www.kernel.org/doc/html/latest/filesystems/proc.html>.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
