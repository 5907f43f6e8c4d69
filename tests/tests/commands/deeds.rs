//! The commands that show and do things: how they are called wrong, what is said then, and with which exit status.

use std::{fs, process::Stdio};

use longshore_tests::longshore;
use serde_json::Value;
use tempfile::TempDir;

use crate::said;

const TWO: &str = r#"
[[pipeline]]
name = "web"
repository = "github.com/acme/web"
branches = ["main"]
project = "web"

[[pipeline]]
name = "api"
repository = "github.com/acme/api"
branches = ["main"]
project = "api"
"#;

/// Every command, called right but for what is to be found wrong.
const COMMANDS: [&[&str]; 15] = [
    &["releases", "web"],
    &["release", "web#12"],
    &["environments", "web"],
    &["rollback", "web", "production", "--yes"],
    &["deploy", "web", "12", "production", "--reason", "tide"],
    &["cancel", "web#12"],
    &["retry", "web#12"],
    &["approve", "web#12", "production"],
    &["reject", "web#12", "production"],
    &["continue", "web#12", "production"],
    &["back", "web#12", "production"],
    &["lock", "web", "production", "--reason", "tide"],
    &["unlock", "web", "production"],
    &["diff", "web#12", "production"],
    &["trace", "1205f22", "--pipeline", "web"],
];

/// Runs `longshore` in a directory with this configuration, if any, and nobody to ask: exit status, and all that it says.
fn run(config: Option<&str>, arguments: &[&str]) -> (Option<i32>, String) {
    let directory = TempDir::new().expect("a directory");
    if let Some(config) = config {
        fs::write(directory.path().join("longshore.toml"), config).expect("a file");
    }
    let mut command = longshore();
    command.args(arguments).current_dir(&directory).stdin(Stdio::null());
    command.env_remove("LONGSHORE_TABLE").env_remove("AWS_PROFILE").env_remove("AWS_REGION");
    let output = command.output().expect("longshore");
    (output.status.code(), said(&output))
}

#[test]
fn every_command_teaches_by_an_example() {
    for arguments in COMMANDS {
        let (status, said) = run(None, &[arguments[0], "--help"]);
        assert_eq!(status, Some(0), "{said}");
        let example = said.contains(&format!("longshore {}", arguments[0])) && said.contains("Example");
        assert!(example, "{}: {said}", arguments[0]);
        assert!(said.contains("--local"), "{}: {said}", arguments[0]);
    }
}

#[test]
fn every_command_asks_for_a_table_or_a_local_stack_that_runs() {
    for arguments in COMMANDS {
        let (status, said) = run(None, arguments);
        assert_eq!(status, Some(1), "{said}");
        assert!(said.starts_with("error: no table is named: add --table"), "{arguments:?}: {said}");
        let (status, said) = run(None, &[arguments, &["--local"]].concat());
        assert_eq!(status, Some(1), "{said}");
        assert!(said.starts_with("error: no local stack runs in .local/stack"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_pipeline_that_is_not_named_has_to_be_the_only_one() {
    for arguments in [
        &["releases"][..],
        &["rollback", "production", "--yes"],
        &["lock", "production", "--reason", "tide"],
        &["unlock", "production"],
    ] {
        let (status, said) = run(Some(TWO), arguments);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("no PIPELINE is named, and longshore.toml has web and api"), "{arguments:?}: {said}");
        let (status, said) = run(None, arguments);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("there is no longshore.toml that tells one"), "{arguments:?}: {said}");
    }
    let one = TWO.split("\n\n[[pipeline]]").next().expect("the first pipeline");
    let (status, said) = run(Some(one), &["releases", "--local"]);
    assert_eq!(status, Some(1), "the only one is meant: {said}");
    assert!(said.contains("no local stack runs in"), "{said}");
}

#[test]
fn wrong_usage_has_an_exit_status_of_its_own_and_says_what_is_right() {
    let long = "x".repeat(501);
    for (arguments, words) in [
        (&["rollback", "web", "production"][..], "nobody can be asked here: --yes goes back without"),
        (&["rollback", "web", "production", "--json"], "--yes"),
        (&["rollback", "web", "production", "twelve", "--yes"], "twelve: a release is named by its number (12)"),
        (&["deploy", "web", "12", "production"], "--reason"),
        (&["deploy", "twelve", "production", "--reason", "tide"], "twelve: a release is named by"),
        (&["deploy", "12", "--reason", "tide"], "2 values required by"),
        (&["approve", "web", "production"], "a release is named by its number (12)"),
        (&["lock", "web", "production"], "--reason"),
        (&["lock", "web", "production", "--reason", " "], "it is empty: say why"),
        (&["lock", "web", "production", "--reason", &long], "it has 501 characters, and 500 are kept"),
        (&["lock", "web", "production", "--reason", "tide", "--until", "tomorrow"], "--until: it is a time such as"),
        (&["lock", "web", "production", "--reason", "tide", "--until", "2020-01-01T00:00:00Z"], "is over"),
        (&["releases", "web", "--limit", "0"], "1..=200"),
        (&["rollback", "web", "production", "--yes", "--timeout", "5m"], "--follow"),
        (&["trace", "web"], "it must be the ARN of a task or of a task definition"),
        (&["trace", "arn:aws:s3:::bucket"], "it must be the ARN of an ECS task or task definition"),
        (&["unlock", "web", "production", "now"], "unexpected value 'now'"),
    ] {
        let (status, said) = run(None, arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn what_is_named_on_the_command_line_cannot_steer_the_terminal() {
    let hostile = "\u{1b}[2J\u{1b}]0;title\u{7}";
    let (status, said) = run(None, &["rollback", "web", "production", hostile, "--yes"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(!said.contains(['\u{1b}', '\u{7}']), "{said:?}");
    let (status, said) = run(None, &["releases", hostile, "--local"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(!said.contains(['\u{1b}', '\u{7}']), "{said:?}");
}

#[test]
fn an_error_leaves_standard_output_to_programs() {
    let directory = TempDir::new().expect("a directory");
    let mut command = longshore();
    command.args(["releases", "web", "--json", "--local"]).current_dir(&directory);
    let output = command.output().expect("longshore");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(serde_json::from_slice::<Value>(&output.stderr).is_err(), "a sentence on standard error");
}
