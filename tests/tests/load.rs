//! The load run of `make load`, with few deliveries: that it runs, finds nothing wrong, and ends all that it started.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use longshore_tests::eventually;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

fn load(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longshore-load"));
    command.args(arguments);
    command
}

#[test]
fn sixty_deliveries_at_twenty_at_once_lose_nothing_and_double_nothing() {
    let output = load(&["--deliveries", "60", "--concurrency", "20", "--json"]).output().expect("the load run");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let figures: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let expected = json!({ "deliveries": 60, "duplicates": 6, "concurrency": 20, "answers": {"202": 60}, "wrong": [] });
    for (name, value) in expected.as_object().expect("members") {
        assert_eq!(figures[name], *value, "{name}: {figures:#}");
    }
    let count = |name: &str| figures[name].as_u64().unwrap_or_else(|| panic!("{name} is missing: {figures:#}"));
    assert_eq!(count("releases"), 54 + count("again"), "one for each push: {figures:#}");
    assert_eq!(count("releases") - count("superseded"), 20, "one of each branch is at work: {figures:#}");
    assert_eq!(count("builds") - count("stopped"), 20, "and so is its build: {figures:#}");
    assert!(figures["dynamodb_calls_per_delivery"]["TransactWriteItems"].is_number(), "{figures:#}");
}

#[tokio::test]
async fn an_interrupted_load_run_ends_all_that_it_started() {
    let mut child = load(&["--deliveries", "5000"]).stderr(Stdio::piped()).spawn().expect("the load run");
    let errors = child.stderr.take().expect("its standard error");
    let mut lines = BufReader::new(errors).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("the stack runs")), "it starts");
    let started = children(&child);
    assert!(started.len() >= 5, "moto, the registry and three functions at least: {started:?}");
    kill(pid(&child), Signal::SIGINT).expect("it runs");
    let rest: Vec<_> = lines.collect();
    let status = child.wait().expect("its end");
    assert_eq!(status.code(), Some(130), "{rest:?}");
    let gone = async || started.iter().all(|process| !Path::new("/proc").join(process).exists()).then_some(());
    eventually("what it started is gone", gone).await;
}

/// The processes that a process started.
fn children(of: &Child) -> Vec<String> {
    let parent = format!("PPid:\t{}", of.id());
    let processes = fs::read_dir("/proc").expect("the processes").flatten();
    let processes = processes.map(|process| process.file_name().to_string_lossy().into_owned());
    let is_child = |process: &String| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        process.bytes().all(|byte| byte.is_ascii_digit()) && status.lines().any(|line| line == parent)
    };
    processes.filter(is_child).collect()
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process id"))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
