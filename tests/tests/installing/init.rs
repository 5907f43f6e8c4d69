//! `longshore init`, with options, in directories of its own.

use std::{fs, path::Path, process::Command};

use longshore_tests::workspace;
use serde_json::{Value, json};

use super::{
    account::{Account, REGION},
    longshore, run, said,
    stand_in::StandIn,
};

const WEB: [&str; 4] = ["init", "--yes", "--repository", "github.com/acme/web"];
const SECRET: &str = "0123456789abcdef0123456789abcdef";

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
    assert_eq!(output.status.code(), Some(1));
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

/// Runs init for a webhook at a stand-in, with a token and a secret.
async fn hook(path: &Path, provider: &StandIn, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = longshore(path);
    command.args([
        "init",
        "--yes",
        "--url",
        "https://x.example",
        "--token-from-env",
        "TOKEN",
        "--secret-from-env",
        "SECRET",
    ]);
    command.args(["--provider-api", &provider.url]).args(arguments).env("TOKEN", "token-1").env("SECRET", SECRET);
    let output = command.output().await.expect("longshore");
    let said = said(&output);
    assert!(!said.contains("token-1") && !said.contains(SECRET), "{said}");
    (output.status.code(), said)
}

async fn installed(repository: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let output = run(directory.path(), &["init", "--yes", "--repository", repository]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    directory
}

#[tokio::test]
async fn a_webhook_on_github_is_made_once() {
    let directory = installed("github.com/acme/web").await;
    let provider = StandIn::start().await;
    provider.answers("GET /repos/acme/web/hooks", json!([{ "id": 1, "config": { "url": "https://other.example" } }]));
    provider.answers("POST /repos/acme/web/hooks", json!({ "id": 2 }));
    let (code, said) = hook(directory.path(), &provider, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    let asked = provider.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| asked.token == "token-1"));
    let wanted = json!({
        "name": "web", "active": true, "events": ["push"],
        "config": { "url": "https://x.example/webhooks/github", "content_type": "json", "insecure_ssl": "0", "secret": SECRET },
    });
    assert_eq!(asked[1].body, wanted);

    // It is there now: nothing is made, unless it is asked for.
    let there = json!([{ "id": 2, "active": true, "events": ["push"], "config": { "url": "https://x.example/webhooks/github" } }]);
    provider.answers("GET /repos/acme/web/hooks", there.clone());
    let (code, said) = hook(directory.path(), &provider, &[]).await;
    assert!(code == Some(0) && said.contains("left as it is"), "{said}");
    assert_eq!(provider.asked().len(), 1);
    provider.answers("PATCH /repos/acme/web/hooks/2", json!({}));
    let (code, said) = hook(directory.path(), &provider, &["--force"]).await;
    assert!(code == Some(0) && said.contains("set anew"), "{said}");
    assert_eq!(provider.asked()[1].body["config"]["secret"], SECRET);

    // One that was turned off, and lacks the event, is mended, and keeps its secret and its other events.
    let mut off = there;
    off[0]["active"] = false.into();
    off[0]["events"] = json!(["issues"]);
    provider.answers("GET /repos/acme/web/hooks", off);
    let (code, said) = hook(directory.path(), &provider, &[]).await;
    assert!(code == Some(0) && said.contains("turned on again, and now delivers push, too"), "{said}");
    assert_eq!(provider.asked()[1].body, json!({ "active": true, "events": ["issues", "push"] }));
}

#[tokio::test]
async fn a_webhook_on_gitlab_is_made() {
    let directory = installed("gitlab.com/acme/team/web").await;
    let provider = StandIn::start().await;
    provider.answers("GET /projects/acme%2Fteam%2Fweb/hooks", json!([]));
    provider.answers("POST /projects/acme%2Fteam%2Fweb/hooks", json!({ "id": 2 }));
    let (code, said) = hook(directory.path(), &provider, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    let wanted = json!({
        "url": "https://x.example/webhooks/gitlab", "token": SECRET, "push_events": true, "enable_ssl_verification": true,
    });
    assert_eq!(provider.asked()[1].body, wanted);
}

#[tokio::test]
async fn a_webhook_on_bitbucket_is_made() {
    let directory = installed("bitbucket.org/acme/web").await;
    let provider = StandIn::start().await;
    provider.answers("GET /repositories/acme/web/hooks", json!({ "values": [] }));
    provider.answers("POST /repositories/acme/web/hooks", json!({ "uuid": "{1}" }));
    let (code, said) = hook(directory.path(), &provider, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    let wanted = json!({
        "description": "Longshore", "url": "https://x.example/webhooks/bitbucket", "active": true,
        "events": ["repo:push"], "secret": SECRET,
    });
    assert_eq!(provider.asked()[1].body, wanted);
}

#[tokio::test]
async fn a_token_that_may_not_is_told_without_it() {
    let directory = installed("github.com/acme/web").await;
    let provider = StandIn::start().await;
    let (code, said) = hook(directory.path(), &provider, &[]).await;
    assert!(code == Some(1) && said.contains("GitHub refuses with status 404"), "{said}");
}

#[tokio::test]
async fn the_stack_tells_the_url_and_the_webhooks_secret() {
    let directory = installed("github.com/acme/web").await;
    let account = Account::start().await;
    let provider = StandIn::start().await;
    provider.answers("GET /repos/acme/web/hooks", json!([]));
    provider.answers("POST /repos/acme/web/hooks", json!({ "id": 2 }));
    let init = async || {
        let mut command = longshore(directory.path());
        command.args(["init", "--yes", "--stack", "longshore", "--token-from-env", "--provider-api", &provider.url]);
        command.env("GITHUB_TOKEN", "token-1").env("AWS_ENDPOINT_URL", account.url()).env("AWS_REGION", REGION);
        command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
        let output = command.output().await.expect("longshore");
        (output.status.code(), said(&output))
    };
    let (code, text) = init().await;
    assert!(code == Some(1) && text.contains("the stack longshore cannot be read: deploy it first"), "{text}");
    assert!(provider.asked().is_empty());

    let keys = json!({ "callback_key": SECRET, "github": [SECRET, "an-older-secret-of-the-webhook"] });
    let input = json!({ "Name": "longshore", "SecretString": keys.to_string(), "ClientRequestToken": SECRET });
    let made = account.json("secretsmanager", "secretsmanager.CreateSecret", &input).await;
    let arn = made["ARN"].as_str().expect("an ARN");
    account.stack(&[("Projects", "web-build")], &[("ApiUrl", "https://x.example"), ("SecretArn", arn)]).await;
    let (code, text) = init().await;
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains(SECRET), "{text}");
    let asked = provider.asked();
    let config = &asked[1].body["config"];
    assert_eq!((&config["url"], &config["secret"]), (&"https://x.example/webhooks/github".into(), &SECRET.into()));
    assert!(read(directory.path(), "slack-app.json").contains("https://x.example/slack/commands"));
    account.stop().await;
}
