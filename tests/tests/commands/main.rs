//! What the programs say when something is wrong before anything runs: a sentence with the cure.

mod deeds;
mod task_definition;

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use longshore_tests::{longshore, program, workspace};
use serde_json::Value;
use tempfile::TempDir;

/// A misspelt key at line 8, column 1.
const BAD: &str = r##"[slack]
channel = "#deploys"

[[pipeline]]
name = "web"
repository = "github.com/acme/web"
branches = ["main"]
projekt = "web-build"
"##;

#[test]
fn check_names_the_file_the_place_and_the_cure() {
    let directory = directory_with(BAD);
    let output = longshore().args(["check", "longshore.toml"]).current_dir(&directory).output().expect("longshore");
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    for words in ["longshore.toml:8:1", "projekt", "`project`"] {
        assert!(said.contains(words), "{words} is missing: {said}");
    }
}

#[test]
fn check_says_the_same_to_a_program() {
    let directory = directory_with(BAD);
    let output = longshore().args(["check", "--json", "longshore.toml"]).current_dir(&directory).output();
    let output = output.expect("longshore");
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!((report["ok"].clone(), report["file"].clone()), (false.into(), "longshore.toml".into()));
    let problems = report["problems"].as_array().expect("problems");
    let problem = problems.iter().find(|problem| problem["line"] == 8).expect("a problem in line 8");
    assert_eq!(problem["column"], 1);
    assert!(problem["message"].as_str().is_some_and(|text| text.contains("projekt")), "{problem}");
    assert!(problem["help"].as_str().is_some_and(|text| text.contains("project")), "{problem}");
}

#[test]
fn check_is_content_with_the_repositorys_own_configurations() {
    for file in ["longshore.toml", "examples/longshore.toml", "examples/environments.toml"] {
        let output = longshore().args(["check", file]).current_dir(workspace()).output().expect("longshore");
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
}

#[test]
fn every_function_refuses_to_start_with_what_check_refuses() {
    let directory = directory_with(BAD);
    let config = directory.path().join("longshore.toml");
    for function in ["longshore-trigger", "longshore-notify", "longshore-deploy"] {
        let output = Command::new(program(function)).env_clear().env("LONGSHORE_CONFIG", &config).output();
        let output = output.expect("the function");
        assert!(!output.status.success(), "{function} started");
        let said = said(&output);
        let place = format!("{}:8:1", config.display());
        for words in [&place, "projekt", "`project`", "LONGSHORE_TABLE is missing"] {
            assert!(said.contains(words), "{function}: {words} is missing: {said}");
        }
        assert!(!said.contains("panicked"), "{function}: {said}");
    }
}

#[test]
fn local_refuses_a_bad_configuration_with_its_place() {
    let directory = directory_with(BAD);
    let said = local_refuses(&program("longshore"), &directory, &[], None);
    assert!(said.contains("longshore.toml:8:1") && said.contains("`project`"), "{said}");
}

#[test]
fn local_says_which_port_is_taken() {
    let directory = directory_with_good();
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    for (option, what) in [("--port", "the HTTP front"), ("--inbox-port", "the inbox")] {
        let said = local_refuses(&program("longshore"), &directory, &[option, &port], None);
        is_one_sentence(&said);
        assert!(said.contains(&format!("{what} cannot listen on port {port}")), "{said}");
        assert!(said.contains("choose another port"), "the cure: {said}");
    }
}

#[test]
fn local_says_what_is_missing_and_how_to_get_it() {
    let directory = directory_with_good();
    let path = TempDir::new().expect("a directory");
    // Away from the checkout, in whose own environment it would find moto.
    let program = directory.path().join("longshore");
    fs::copy(longshore_tests::program("longshore"), &program).expect("a copy");
    let refuses = || {
        let said = local_refuses(&program, &directory, &[], Some(path.path()));
        is_one_sentence(&said);
        said
    };
    let said = refuses();
    assert!(said.contains("moto_server is not on the PATH: install it with `pip install"), "{said}");

    // A script names its interpreter by its whole path, and so runs from a PATH with nothing else.
    symlink(find("moto_server"), path.path().join("moto_server")).expect("a link");
    let said = refuses();
    assert!(said.contains("no container registry is installed: run `apt-get install docker-registry`"), "{said}");

    for name in ["docker-registry", "sh"] {
        symlink(find(name), path.path().join(name)).expect("a link");
    }
    let said = refuses();
    assert!(said.contains("no container engine: install podman and buildah (apt-get install"), "{said}");
}

#[test]
fn explain_prints_one_object_for_a_program_and_needs_no_account() {
    let directory = directory_with_good();
    let payload = workspace().join("shared/core/src/webhook/payloads/github.push.json");
    let explain = ["explain", "--json", "--source", "github", "--event", "push", "--delivery", "d1"];
    let output = longshore().args(explain).arg(&payload).current_dir(&directory).output().expect("longshore");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let members = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<BTreeSet<_>>();
    let named = |names: &str| names.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(members(&told), named("source event delivery repository pushes pipelines ignored"));
    let push = "ref kind name before after created deleted forced author message files";
    assert_eq!(members(&told["pushes"][0]), named(push));
    assert_eq!(members(&told["pipelines"][0]), named("name starts reason"));
    assert_eq!((&told["delivery"], &told["pushes"][0]["kind"]), (&"github/d1".into(), &"branch".into()));
    assert_eq!((&told["pipelines"][0]["starts"], &told["ignored"]), (&true.into(), &Value::Null));
}

#[test]
fn explain_shows_what_moved_where_a_data_center_does_not_tell_its_host() {
    let directory = directory_with_good();
    let text =
        fs::read_to_string(workspace().join("shared/core/src/webhook/payloads/bitbucket.repo+refs_changed.json"));
    let mut payload: Value = serde_json::from_str(&text.expect("a payload")).expect("JSON");
    payload["repository"]["links"].take();
    let file = directory.path().join("payload.json");
    fs::write(&file, payload.to_string()).expect("a file");
    let explain = ["explain", "--json", "--source", "bitbucket", "--event", "repo:refs_changed", "payload.json"];
    let output = longshore().args(explain).current_dir(&directory).output().expect("longshore");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!((&told["repository"], &told["pushes"][0]["ref"]), (&Value::Null, &"refs/heads/main".into()));
    assert!(told["ignored"].as_str().is_some_and(|why| why.contains("set host under [bitbucket]")), "{told}");
    assert_eq!(told["pipelines"][0]["starts"], false);
}

#[test]
fn explain_and_replay_say_in_a_sentence_what_they_cannot_do() {
    let directory = directory_with_good();
    let payload = directory.path().join("payload.json");
    fs::write(&payload, "{").expect("a file");
    let payload = payload.to_str().expect("UTF-8");
    let of_github = ["--source", "github", "--event", "push"];
    // Nobody listens on this port.
    let endpoint = "http://127.0.0.1:1";
    let stored = ["explain", "--release", "01M7ZDRW64QTQGKVSWHBY544H9", "--local"];
    for (arguments, status, words) in [
        ([&["explain"], &of_github[..], &[payload]].concat(), 2, "is no delivery"),
        (stored.to_vec(), 2, "no local stack runs in .local/stack"),
        ([&["replay", "--url", endpoint], &of_github[..], &[payload]].concat(), 1, "was not reached"),
    ] {
        let mut command = longshore();
        command.args(arguments).current_dir(&directory).env("LONGSHORE_WEBHOOK_SECRET", "secret");
        let output = command.output().expect("longshore");
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
        let error = String::from_utf8_lossy(&output.stderr);
        let error = error.lines().find(|line| line.starts_with("error: ")).expect("an error");
        assert!(error.contains(words), "{error}");
    }
}

/// `longshore local` in a directory, with other arguments and another PATH; it must fail, and what it says is given back.
fn local_refuses(program: &Path, directory: &TempDir, arguments: &[&str], path: Option<&Path>) -> String {
    let mut command = Command::new(find("timeout"));
    command.args(["--kill-after=5", "60"]).arg(program).arg("local").current_dir(directory);
    // The last one counts: the system chooses what the test does not.
    for option in ["--port", "--inbox-port"] {
        if !arguments.contains(&option) {
            command.args([option, "0"]);
        }
    }
    command.args(arguments).env_remove("LONGSHORE_SLACK_TOKEN");
    let own = std::env::var_os("PATH").unwrap_or_default();
    command.env("PATH", path.map_or(own, |path| path.as_os_str().to_owned()));
    let output = command.output().expect("timeout");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: "), "{said}");
    said
}

fn is_one_sentence(said: &str) {
    assert_eq!(said.trim().lines().count(), 1, "{said}");
}

fn directory_with(config: &str) -> TempDir {
    let directory = TempDir::new().expect("a directory");
    fs::write(directory.path().join("longshore.toml"), config).expect("a file");
    directory
}

fn directory_with_good() -> TempDir {
    directory_with(&fs::read_to_string(workspace().join("examples/longshore.toml")).expect("longshore.toml"))
}

/// A program of this machine; `moto_server` may be in the checkout's own environment.
fn find(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = workspace().join(".local/venv/bin");
    let mut folders = std::iter::once(own).chain(std::env::split_paths(&path));
    folders.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file())).expect("the program is installed")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
