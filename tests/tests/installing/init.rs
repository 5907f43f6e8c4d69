//! `longshore init`, with options, in directories of its own.

mod webhooks;

use std::{fs, path::Path, process::Command};

use longshore_tests::workspace;
use serde_json::Value;

use super::{run, said};

const WEB: [&str; 4] = ["init", "--yes", "--repository", "github.com/acme/web"];
/// A longshore.toml that somebody wrote.
const OWN: &str = "\
[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web-build\"\nimage = \"web\"\n\
[[pipeline.environment]]\nname = \"production\"\ncluster = \"main\"\nservices = [\"web\"]\n";

fn read(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join(name)).expect(name)
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_files_are_written_and_pass_every_check() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let output = run(path, &[&WEB[..], &["--cluster", "main", "--services", "web,worker"]].concat()).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(files(path), ["longshore.toml", "samconfig.toml", "slack-app.json"]);
    let output = run(path, &["check", "--strict"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(read(path, "samconfig.toml").contains("'Clusters=\"main\"'"));
    assert!(read(path, "longshore.toml").contains("services = [\"web\", \"worker\"]"));
    // Once the URL is known, the app gets it; nothing else is touched.
    let before = read(path, "longshore.toml");
    let output = run(path, &["init", "--yes", "--url", "https://x.example"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(read(path, "longshore.toml"), before);
    let manifest: Value = serde_json::from_str(&read(path, "slack-app.json")).expect("JSON");
    assert_eq!(manifest["features"]["slash_commands"][0]["url"], "https://x.example/slack/commands");
    assert!(said(&output).contains("https://x.example/webhooks/github"), "{}", said(&output));
}

#[tokio::test]
async fn the_checkouts_examples_are_filled_in_and_nothing_else_is_overwritten() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    for name in ["longshore.toml", "samconfig.toml"] {
        fs::copy(workspace().join(name), path.join(name)).expect("a copy");
    }
    let output = run(path, &WEB).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("filled in"), "{}", said(&output));
    let before = read(path, "longshore.toml");
    let other = [&WEB[..], &["--cluster", "other"]].concat();
    let output = run(path, &other).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("longshore.toml, samconfig.toml would be overwritten; --force"),
        "{}",
        said(&output)
    );
    assert_eq!(read(path, "longshore.toml"), before);
    let output = run(path, &[&other[..], &["--force"]].concat()).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(read(path, "longshore.toml").contains("cluster = \"other\""));
}

#[tokio::test]
async fn defaults_come_from_the_checkout_and_what_is_missing_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let output = run(path, &["init", "--yes"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("add --repository"), "{}", said(&output));
    assert!(files(path).is_empty());
    for arguments in [
        &["init", "--quiet", "--initial-branch", "trunk"][..],
        &["remote", "add", "origin", "git@github.com:acme/shop.git"],
    ] {
        let git = Command::new("git").arg("-C").arg(path).args(arguments).output().expect("git");
        assert!(git.status.success(), "{git:?}");
    }
    let output = run(path, &["init", "--yes"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("the checkout has no Dockerfile"), "{}", said(&output));
    let written = read(path, "longshore.toml");
    for words in ["repository = \"github.com/acme/shop\"", "branches = [\"trunk\"]", "project = \"shop-build\""] {
        assert!(written.contains(words), "{words} is missing: {written}");
    }
}

#[tokio::test]
async fn a_configuration_that_is_kept_gets_its_parameters() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    fs::write(path.join("longshore.toml"), OWN).expect("a file");
    // Once where there is no samconfig.toml, once where there is the checkout's example.
    for outcome in ["written", "filled in"] {
        let output = run(path, &["init", "--yes"]).await;
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains(&format!("samconfig.toml  {outcome}")), "{}", said(&output));
        assert_eq!(read(path, "longshore.toml"), OWN);
        let sam = read(path, "samconfig.toml");
        for parameter in ["Clusters=\"main\"", "SourceUrl=\"https://github.com/acme/web.git\""] {
            assert!(sam.contains(parameter), "{sam}");
        }
        fs::copy(workspace().join("samconfig.toml"), path.join("samconfig.toml")).expect("a copy");
    }
    // One that somebody wrote is kept like it.
    fs::write(path.join("samconfig.toml"), "version = 0.1\n").expect("a file");
    let output = run(path, &["init", "--yes"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(read(path, "samconfig.toml"), "version = 0.1\n");
}

#[tokio::test]
async fn what_is_wrong_usage_ends_with_two_and_writes_nothing() {
    for (arguments, says) in [
        (&["--repository", "bogus"][..], "--repository: `repository` cannot be"),
        (
            &["--repository", "git.acme.example/a/b", "--source", "codecommit"],
            "git.acme.example is no host of CodeCommit",
        ),
        (
            &["--repository", "github.com/acme/web", "--token-from-env"],
            "the webhook has no address yet: add --stack or --url",
        ),
        (
            &["--repository", "github.com/acme/web", "--token-from-env", "--url", "https://x.example"],
            "the environment variable GITHUB_TOKEN has no token",
        ),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let output = run(directory.path(), &[&["init", "--yes"], arguments].concat()).await;
        assert!(said(&output).contains(says), "{}", said(&output));
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(files(directory.path()).is_empty(), "{arguments:?}");
    }
}
