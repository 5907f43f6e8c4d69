//! `longshore doctor` against an account in which things are wrong on purpose, and one in which they are not.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{
    account::{Account, REGION},
    longshore, said,
    stand_in::{Answer, StandIn},
};

const CONFIG: &str = r##"[slack]
channel = "#deploys"

[[pipeline]]
name = "web"
repository = "github.com/acme/web"
branches = ["main"]
project = "web-build"
image = "web"

[[pipeline.environment]]
name = "production"
cluster = "production"
services = ["web"]
approval = { by = ["@release-managers"] }
"##;
const LONG: &str = "0123456789abcdef0123456789abcdef";

/// What doctor found, and its exit status.
async fn doctor(directory: &Path, account: &str, environment: &[(&str, &str)]) -> (Option<i32>, Value) {
    fs::write(directory.join("longshore.toml"), CONFIG).expect("a file");
    let mut command = longshore(directory);
    command.args(["doctor", "--json"]).env("AWS_ENDPOINT_URL", account).env("AWS_REGION", REGION);
    command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b").envs(environment.iter().copied());
    let output = command.output().await.expect("longshore");
    let text = said(&output);
    for secret in [LONG, "xoxb-1", "token-1"] {
        assert!(!text.contains(secret), "{secret} is told: {text}");
    }
    let found = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
    (output.status.code(), found)
}

/// `severity code subject`, in order.
fn told(found: &Value) -> Vec<String> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = found["findings"].as_array().expect("findings").iter();
    findings.map(|one| format!("{} {} {}", text(one, "severity"), text(one, "code"), text(one, "subject"))).collect()
}

fn has(told: &[String], line: &str) {
    assert!(told.iter().any(|found| found == line), "{line} is missing among {told:#?}");
}

#[tokio::test]
async fn an_empty_account_has_no_stack_and_nothing_of_what_is_named() {
    let account = Account::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let (code, found) = doctor(directory.path(), account.url(), &[]).await;
    let told = told(&found);
    assert_eq!((code, &found["ok"]), (Some(1), &false.into()), "{told:#?}");
    for line in [
        "wrong stack-missing stack longshore",
        "wrong project-missing project web-build",
        "wrong repository-missing image repository web",
        "wrong cluster-missing cluster production",
    ] {
        has(&told, line);
    }
    account.stop().await;
}

/// A deployed stack whose parameters name `services`, a secret with `keys`, and the outside at the stand-in.
async fn deployed(account: &Account, web: &StandIn, services: &str, keys: &Value) {
    let input = json!({ "Name": "longshore", "SecretString": keys.to_string(), "ClientRequestToken": "0123456789abcdef0123456789abcdef" });
    let made = account.json("secretsmanager", "secretsmanager.CreateSecret", &input).await;
    let arn = made["ARN"].as_str().expect("an ARN");
    let (github, slack) = (format!("{}/github", web.url), format!("{}/slack", web.url));
    let parameters = [
        ("Projects", "web-build"),
        ("Images", "web"),
        ("Clusters", "production"),
        ("Services", services),
        ("TaskRoles", "ecsTask*"),
        ("TaskLogs", "/ecs/*"),
        ("GitHubApi", github.as_str()),
        ("SlackApi", slack.as_str()),
    ];
    account.stack(&parameters, &[("ApiUrl", &web.url), ("SecretArn", arn)]).await;
}

async fn service(account: &Account, role: &str, groups: &Value) {
    let call = async |action: &str, input: Value| {
        account.json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{action}"), &input).await
    };
    call("CreateCluster", json!({ "clusterName": "production" })).await;
    let container = json!({ "name": "web", "image": "web", "memory": 128, "stopTimeout": 2, "essential": true });
    let role = format!("arn:aws:iam::123456789012:role/{role}");
    call(
        "RegisterTaskDefinition",
        json!({ "family": "web", "taskRoleArn": role, "containerDefinitions": [container] }),
    )
    .await;
    let input = json!({
        "cluster": "production", "serviceName": "web", "taskDefinition": "web:1", "desiredCount": 1, "loadBalancers": groups,
    });
    call("CreateService", input).await;
}

async fn project(account: &Account, location: &str) {
    let input = json!({
        "name": "web-build", "serviceRole": "arn:aws:iam::123456789012:role/service-role/build",
        "source": { "type": "GITHUB", "location": location }, "artifacts": { "type": "NO_ARTIFACTS" },
        "environment": { "type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL", "privilegedMode": true },
    });
    account.json("codebuild", "CodeBuild_20161006.CreateProject", &input).await;
}

fn granted(scopes: &str) -> Answer {
    Answer { status: 200, headers: vec![("x-oauth-scopes", scopes.to_owned())], body: json!({ "ok": true }) }
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let account = Account::start().await;
    let web = StandIn::start().await;
    let keys = json!({ "callback_key": LONG, "slack_bot_token": "xoxb-1", "github_token": "token-1" });
    deployed(&account, &web, "api", &keys).await;
    let group = account.target_group("web").await;
    service(&account, "webTask", &json!([{ "targetGroupArn": group, "containerName": "web", "containerPort": 80 }]))
        .await;
    project(&account, "https://github.com/acme/other.git").await;
    let input = json!({ "repositoryName": "web" });
    account.json("ecr", "AmazonEC2ContainerRegistry_V20150921.CreateRepository", &input).await;
    web.answers("GET /health", json!({ "version": "0.0.1" }));
    let hook = json!({ "id": 7, "active": true, "events": ["push"], "config": { "url": format!("{}/webhooks/github", web.url) } });
    web.answers("GET /github/repos/acme/web/hooks", json!([hook]));
    web.answers(
        "GET /github/repos/acme/web/hooks/7/deliveries",
        json!([{ "status_code": 401 }, { "status_code": 202 }]),
    );
    web.answers_with("POST /slack/auth.test", granted("chat:write,channels:read,usergroups:read"));
    web.answers(
        "POST /slack/conversations.list",
        json!({ "ok": true, "channels": [{ "id": "C1", "name": "deploys", "is_member": false }] }),
    );
    web.answers("POST /slack/usergroups.list", json!({ "ok": true, "usergroups": [] }));
    let directory = tempfile::tempdir().expect("a directory");
    let (code, found) = doctor(directory.path(), account.url(), &[]).await;
    let told = told(&found);
    assert_eq!(code, Some(1), "{told:#?}");
    for line in [
        "fine fine stack longshore",
        "wrong not-allowed parameter Services",
        "wrong secret-key secret",
        "wrong project-source project web-build",
        "advice repository-mutable image repository web",
        "wrong role-not-passed service production/web",
        "advice health-check service production/web",
        "advice deregistration service production/web",
        "wrong webhook-failing webhook of github.com/acme/web",
        "wrong slack-channel channel #deploys",
        "wrong slack-group group @release-managers",
        "advice slack-scope slack",
    ] {
        has(&told, line);
    }
    has(&told, &format!("advice other-version endpoint {}", web.url));
    // Nothing is told of the secret but the names of its keys, and everything has a cure.
    for finding in found["findings"].as_array().expect("findings") {
        assert!(finding["severity"] == "fine" || finding["cure"].is_string(), "{finding}");
    }
    account.stop().await;
}

#[tokio::test]
async fn an_account_in_order_is_right_and_what_is_denied_is_a_finding() {
    let account = Account::start().await;
    let web = StandIn::start().await;
    let keys = json!({ "callback_key": LONG, "github": LONG, "slack_bot_token": "xoxb-1", "slack_signing_secret": LONG, "github_token": "token-1" });
    deployed(&account, &web, "web", &keys).await;
    service(&account, "ecsTaskRole", &json!([])).await;
    project(&account, "https://github.com/acme/web.git").await;
    let input = json!({ "repositoryName": "web", "imageTagMutability": "IMMUTABLE" });
    account.json("ecr", "AmazonEC2ContainerRegistry_V20150921.CreateRepository", &input).await;
    web.answers("GET /health", json!({ "version": env!("CARGO_PKG_VERSION") }));
    let hook = json!({ "id": 7, "active": true, "events": ["push"], "config": { "url": format!("{}/webhooks/github", web.url) } });
    web.answers("GET /github/repos/acme/web/hooks", json!([hook]));
    web.answers("GET /github/repos/acme/web/hooks/7/deliveries", json!([{ "status_code": 202 }]));
    let scopes = "chat:write,channels:read,channels:history,groups:read,groups:history,users:read,users:read.email,usergroups:read,commands";
    web.answers_with("POST /slack/auth.test", granted(scopes));
    web.answers(
        "POST /slack/conversations.list",
        json!({ "ok": true, "channels": [{ "id": "C1", "name": "deploys", "is_member": true }] }),
    );
    web.answers(
        "POST /slack/usergroups.list",
        json!({ "ok": true, "usergroups": [{ "id": "S1", "handle": "release-managers" }] }),
    );
    let directory = tempfile::tempdir().expect("a directory");
    let (code, found) = doctor(directory.path(), account.url(), &[]).await;
    let all = told(&found);
    assert_eq!((code, &found["ok"]), (Some(0), &true.into()), "{found:#}");
    for line in [
        "fine fine secret",
        "fine fine slack",
        "fine fine webhook of github.com/acme/web",
        "fine fine project web-build",
    ] {
        has(&all, line);
    }

    // Where nothing was delivered, nothing is said to arrive.
    let of_webhook = |found: &Value| {
        let findings = found["findings"].as_array().expect("findings");
        let webhook = findings.iter().find(|one| one["subject"] == "webhook of github.com/acme/web");
        webhook.expect("a finding")["message"].clone()
    };
    assert_eq!(of_webhook(&found), "is there, and its deliveries arrive");
    web.answers("GET /github/repos/acme/web/hooks/7/deliveries", json!([]));
    let (_, found) = doctor(directory.path(), account.url(), &[]).await;
    assert_eq!(of_webhook(&found), "is there; no delivery in the last days");

    // ECS or the secret is denied to whoever looks: the rest is looked at all the same.
    let denying = StandIn::start().await;
    denying.answers_with(
        "POST /",
        Answer {
            status: 400,
            headers: Vec::new(),
            body: json!({ "__type": "AccessDeniedException", "message": "no" }),
        },
    );
    let (code, found) = doctor(directory.path(), account.url(), &[("AWS_ENDPOINT_URL_ECS", &denying.url)]).await;
    let all = told(&found);
    assert_eq!(code, Some(2), "{all:#?}");
    has(&all, "unknown unlooked services of web in production");
    has(&all, "fine fine slack");
    let environment = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", denying.url.as_str())];
    let (code, found) = doctor(directory.path(), account.url(), &environment).await;
    let all = told(&found);
    assert_eq!(code, Some(2), "{all:#?}");
    let unlooked: Vec<&str> = all.iter().filter_map(|line| line.strip_prefix("unknown unlooked ")).collect();
    assert_eq!(unlooked, ["secret", "slack", "webhooks"]);
    assert!(!all.iter().any(|line| line.contains("webhook-unseen")), "{all:#?}");
    account.stop().await;
}

#[test]
fn a_local_stack_is_right() {
    longshore_tests::with_stack(
        |_| {},
        async |local| {
            let mut command = longshore(&local.directory);
            let config = longshore_tests::workspace().join("examples/longshore.toml");
            command
                .args(["doctor", "--json", "--local"])
                .arg(local.directory.join("stack"))
                .arg("--config")
                .arg(config);
            let output = command.output().await.expect("longshore");
            let text = said(&output);
            assert_eq!(output.status.code(), Some(0), "{text}");
            let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
            has(&told(&found), "fine fine secret");
            assert!(told(&found).iter().any(|line| line.starts_with("fine fine service ")), "{text}");
        },
    );
}
