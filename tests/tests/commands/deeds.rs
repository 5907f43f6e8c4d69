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
const COMMANDS: [&[&str]; 17] = [
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
    &["build", "web", "main"],
    &["logs", "web"],
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
        (&["rollback", "web", "production", "twelve", "--yes"], "\"twelve\" is no release: one is named by"),
        (&["deploy", "web", "12", "production"], "--reason"),
        (&["deploy", "twelve", "production", "--reason", "tide"], "\"twelve\" is no release: one is named by"),
        (&["deploy", "12", "--reason", "tide"], "2 values required by"),
        (&["approve", "web", "production"], "\"web\" is no release: one is named by"),
        (&["approve", "12", "production"], "no PIPELINE is named, and there is no longshore.toml that tells one"),
        (&["build", "web", "ma^in"], "\"ma^in\" is no name that git would take for a branch"),
        (&["logs", "web", "--follow", "--json"], "--follow"),
        (&["logs", "web", "--task", "--functions"], "--functions"),
        (&["man", "no-such-command"], "there is no command no-such-command"),
        (&["secrets", "rotate", "callback"], "callback_key"),
        (&["secrets", "rotate", "slack_bot_token", "--finish"], "slack_bot_token has one value"),
        (
            &["secrets", "rotate", "slack_signing_secret", "--generate"],
            "--generate would make one that they do not know",
        ),
        (&["secrets", "rotate", "github"], "standard input is empty"),
        (
            &["secrets", "rotate", "callback_key", "--repository", "github.com/acme/web"],
            "a repository has no callback_key",
        ),
        (
            &["secrets", "rotate", "github", "--repository", "https://github.com/acme/web"],
            "https://github.com/acme/web is no repository: host/owner/name",
        ),
        (
            &["secrets", "rotate", "github", "--repository", "gitlab.com/acme/web"],
            "gitlab.com/acme/web has no secret of github",
        ),
        (&["lock", "web", "production"], "--reason"),
        (&["lock", "web", "production", "--reason", " "], "it is empty: say why"),
        (&["lock", "web", "production", "--reason", &long], "the reason has 501 characters, and 500 are kept"),
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
fn an_error_leaves_standard_output_to_answers_and_is_an_object_where_a_program_asks() {
    let directory = TempDir::new().expect("a directory");
    let run = |arguments: &[&str]| {
        let mut command = longshore();
        command.args(arguments).current_dir(&directory).stdin(Stdio::null()).env_remove("LONGSHORE_SECRET");
        command.output().expect("longshore")
    };
    for (arguments, status) in [
        (&["releases", "web", "--json", "--local"][..], 1),
        (&["secrets", "list", "--json"], 1),
        (&["cancel", "web", "--json"], 2),
        (&["releases", "web", "--json", "--limit", "0"], 2),
        (&["rebuild", "--json"], 2),
        (&["explain", "--release", "01M7ZDRW64QTQGKVSWHBY544H9", "--json", "--local"], 2),
    ] {
        let output = run(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(status), 0), "{arguments:?}: {}", said(&output));
        let told: Value = serde_json::from_slice(&output.stderr).expect("one JSON object");
        assert!(told["error"].as_str().is_some_and(|why| !why.is_empty()), "{told}");
    }
    let output = run(&["releases", "web", "--local"]);
    assert!(said(&output).starts_with("error: "), "a sentence for a person: {}", said(&output));
}

#[test]
fn a_table_and_an_error_have_no_colours_but_on_a_terminal() {
    let directory = TempDir::new().expect("a directory");
    for colours in [None, Some(("NO_COLOR", "1"))] {
        let mut command = longshore();
        command.args(["messages", "live"]).current_dir(&directory).envs(colours);
        assert!(!said(&command.output().expect("longshore")).contains('\u{1b}'));
    }
}

#[test]
fn a_shell_is_offered_commands_and_the_pipelines_of_the_configuration_here() {
    let directory = TempDir::new().expect("a directory");
    fs::write(directory.path().join("longshore.toml"), TWO).expect("a file");
    let offered = |words: &[&str]| {
        let mut command = longshore();
        let last = (words.len() - 1).to_string();
        command
            .env("LONGSHORE_COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", last)
            .env("_CLAP_COMPLETE_COMP_TYPE", "9");
        command.env("_CLAP_COMPLETE_SPACE", "true").env("_CLAP_IFS", "\n").current_dir(&directory);
        said(&command.arg("--").args(words).output().expect("longshore"))
    };
    let commands = offered(&["longshore", "ro"]);
    assert_eq!(commands.trim(), "rollback");
    let pipelines = offered(&["longshore", "rollback", ""]);
    assert!(pipelines.lines().any(|line| line == "web") && pipelines.lines().any(|line| line == "api"), "{pipelines}");
    let script = said(&longshore().args(["completions", "bash"]).output().expect("longshore"));
    assert!(script.contains("LONGSHORE_COMPLETE=\"bash\""), "{script}");
    let checked = std::process::Command::new("bash").args(["-n", "-c", &script]).output().expect("bash");
    assert!(checked.status.success(), "{}", said(&checked));
}
