//! The webhooks that `longshore init` makes, at a stand-in for their providers.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    account::{Account, REGION},
    longshore, run, said,
    stand_in::StandIn,
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The secret of one repository alone, or of another source.
const OF_API: &str = "fedcba9876543210fedcba9876543210";
const CODECOMMIT: &str = "git-codecommit.eu-central-1.amazonaws.com/v1/repos/web";

/// init for a webhook at a stand-in, with a secret; the arguments say which token.
fn init(path: &Path, provider: &StandIn, arguments: &[&str]) -> Command {
    let mut command = longshore(path);
    command.args(["init", "--yes", "--url", "https://x.example", "--provider-api", &provider.url]);
    command.args(["--secret-from-env", "SECRET"]).args(arguments).env("SECRET", SECRET);
    command
}

/// Runs init for a webhook at a stand-in, with a token and a secret.
async fn hook(path: &Path, provider: &StandIn, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = init(path, provider, &[&["--token-from-env", "TOKEN"], arguments].concat());
    let output = command.env("TOKEN", "token-1").output().await.expect("longshore");
    let said = said(&output);
    assert!(!said.contains("token-1") && !said.contains(SECRET), "{said}");
    (output.status.code(), said)
}

/// A directory with a longshore.toml for these repositories, below these tables.
fn configured(head: &str, repositories: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let pipeline = |(at, repository): (usize, &&str)| {
        format!(
            "[[pipeline]]\nname = \"p{at}\"\nrepository = \"{repository}\"\nbranches = [\"main\"]\nproject = \"build\"\n"
        )
    };
    let text: String = repositories.iter().enumerate().map(pipeline).collect();
    fs::write(directory.path().join("longshore.toml"), format!("{head}{text}")).expect("a file");
    directory
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

/// A stack with these keys in its secret.
async fn deployed(account: &Account, keys: &Value) {
    let input = json!({ "Name": "longshore", "SecretString": keys.to_string(), "ClientRequestToken": SECRET });
    let made = account.json("secretsmanager", "secretsmanager.CreateSecret", &input).await;
    let arn = made["ARN"].as_str().expect("an ARN");
    account.stack(&[("Projects", "web-build")], &[("ApiUrl", "https://x.example"), ("SecretArn", arn)]).await;
}

/// Runs init for a webhook at a stand-in, with the secret of an account's stack.
async fn hook_of_stack(path: &Path, provider: &StandIn, account: &Account) -> (Option<i32>, String) {
    let mut command = longshore(path);
    command.args(["init", "--yes", "--stack", "longshore", "--token-from-env", "--provider-api", &provider.url]);
    command.env("GITHUB_TOKEN", "token-1").env("AWS_ENDPOINT_URL", account.url()).env("AWS_REGION", REGION);
    command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    let output = command.output().await.expect("longshore");
    let said = said(&output);
    assert!(!said.contains("token-1") && !said.contains(SECRET) && !said.contains(OF_API), "{said}");
    (output.status.code(), said)
}

#[tokio::test]
async fn the_stack_tells_the_url_and_each_webhooks_secret() {
    let directory = configured("", &[CODECOMMIT, "github.com/acme/web", "github.com/acme/api"]);
    let account = Account::start().await;
    let provider = StandIn::start().await;
    for repository in ["web", "api"] {
        provider.answers(&format!("GET /repos/acme/{repository}/hooks"), json!([]));
        provider.answers(&format!("POST /repos/acme/{repository}/hooks"), json!({ "id": 2 }));
    }
    let (code, text) = hook_of_stack(directory.path(), &provider, &account).await;
    assert!(code == Some(1) && text.contains("the stack longshore cannot be read: deploy it first"), "{text}");
    assert!(provider.asked().is_empty());

    let keys = json!({
        "callback_key": SECRET, "github": [SECRET, "an-older-secret-of-the-webhook"],
        "repositories": { "github.com/Acme/API": [OF_API] },
    });
    deployed(&account, &keys).await;
    let (code, text) = hook_of_stack(directory.path(), &provider, &account).await;
    assert_eq!(code, Some(0), "{text}");
    let asked = provider.asked();
    let config = |at: usize| &asked[at].body["config"];
    assert_eq!(
        (&config(1)["url"], &config(1)["secret"]),
        (&"https://x.example/webhooks/github".into(), &SECRET.into())
    );
    assert_eq!((asked[3].path.as_str(), &config(3)["secret"]), ("/repos/acme/api/hooks", &OF_API.into()));
    let app = fs::read_to_string(directory.path().join("slack-app.json")).expect("the app");
    assert!(app.contains("https://x.example/slack/commands"));
    account.stop().await;
}

#[tokio::test]
async fn a_variable_that_is_named_is_for_one_host() {
    let provider = StandIn::start().await;
    let own = "[github]\nhost = \"git.acme.example\"\n";
    for (head, repositories) in [
        ("", ["github.com/acme/web", "gitlab.com/acme/api"]),
        (own, ["github.com/acme/web", "git.acme.example/acme/api"]),
    ] {
        let directory = configured(head, &repositories);
        let (code, said) = hook(directory.path(), &provider, &[]).await;
        assert!(
            said.contains("--token-from-env TOKEN: what it holds is for one host, and there are webhooks on git"),
            "{said}"
        );
        assert_eq!(code, Some(2), "{said}");
        assert!(!directory.path().join("slack-app.json").exists(), "it is said before anything is written");
        // No more is one secret for two providers, each of which could sign for the other.
        let mut command = init(directory.path(), &provider, &["--token-from-env"]);
        let output = command.env("GITHUB_TOKEN", "token-1").env("GITLAB_TOKEN", "token-2").output().await;
        let output = output.expect("longshore");
        assert!(
            output.status.code() == Some(2) && super::said(&output).contains("--secret-from-env SECRET"),
            "{output:?}"
        );
    }
    assert!(provider.asked().is_empty(), "no token went anywhere");
}

#[tokio::test]
async fn each_token_goes_to_its_own_host_and_the_rest_is_by_hand() {
    let account = Account::start().await;
    deployed(&account, &json!({ "callback_key": SECRET, "github": SECRET, "gitlab": OF_API })).await;
    let provider = StandIn::start().await;
    provider.answers("GET /repos/acme/web/hooks", json!([]));
    provider.answers("POST /repos/acme/web/hooks", json!({ "id": 2 }));
    let servers = "[github]\nhost = \"git.acme.example\"\n[bitbucket]\nhost = \"bb.acme.example\"\n";
    let others = [CODECOMMIT, "bb.acme.example/acme/web", "github.com/acme/web", "gitlab.com/acme/api"];
    let directory = configured(servers, &[&others[..], &["git.acme.example/acme/web"]].concat());
    let (code, said) = hook_of_stack(directory.path(), &provider, &account).await;
    assert_eq!(code, Some(0), "{said}");
    for why in [
        "CodeCommit needs none",
        "on a Bitbucket Data Center it is made by hand",
        "GitHub's token is shown to git.acme.example alone",
        "the environment variable GITLAB_TOKEN has no token",
    ] {
        assert!(said.contains(&format!("not made: {why}")), "{said}");
    }
    assert!(said.contains("webhook of git.acme.example/acme/web: made, for push"), "{said}");
    let asked: Vec<_> = provider.asked().into_iter().map(|asked| (asked.method.to_string(), asked.token)).collect();
    assert_eq!(asked, [("GET".to_owned(), "token-1".to_owned()), ("POST".to_owned(), "token-1".to_owned())]);
    account.stop().await;
}
