//! Nothing secret gets out: secrets that are known by their looks are sent along every path of the three functions, and looked for in every line that
//! they log at their most talkative, every answer, every event, and every record that they ever wrote.
//!
//! Two are where they are by design: the release token in StartBuild's variables, which CodeBuild alone gets; and where somebody who gave a command is
//! answered, in the item `command#…` until they were.

use std::collections::BTreeMap;

use axum::{
    Router,
    http::{HeaderMap, StatusCode, Uri},
};
use jiff::Timestamp;
use local_protocol::http;
use local_slack::Fault as SlackFault;
use longshore_core::{
    push::Source,
    release::{ReleaseId, State},
    signature,
    webhook::{self, Headers},
};
use longshore_local::{Options, hook::uuid};
use longshore_tests::{
    Between, Call, Fault, Local, Push, Recording, Works, config, payload, release_of, variable, with_config,
};
use serde_json::{Value, json};

const ONE: &str = "U0DEVELOPER";
const CHANNEL: &str = "C0DEPLOYS1";

/// What must not get out, by what it is.
#[derive(Default)]
struct Canaries(BTreeMap<String, String>);

impl Canaries {
    fn add(&mut self, what: &str, canary: impl Into<String>) -> String {
        let canary = canary.into();
        assert!(canary.len() >= 8, "{what}: {canary:?} may be found anywhere");
        self.0.insert(what.to_owned(), canary.clone());
        canary
    }

    /// One of this name, that nothing else looks like.
    fn make(&mut self, what: &str) -> String {
        let canary = format!("canary-{}-{}", what.replace(' ', "-"), &uuid()[..8]);
        self.add(what, canary)
    }

    /// Every text of a secret's value.
    fn add_all(&mut self, what: &str, value: &Value) {
        match value {
            Value::String(text) if !text.is_empty() => drop(self.add(what, text)),
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    self.add_all(&format!("{what}[{at}]"), value);
                }
            }
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| self.add_all(&format!("{what}.{name}"), value));
            }
            _ => {}
        }
    }

    /// What of them is in a text, which may have it escaped.
    fn in_text(&self, text: &str) -> Vec<&str> {
        let escaped = |canary: &str| canary.replace('/', "%2F").replace(':', "%3A");
        let is_in = |canary: &String| text.contains(canary.as_str()) || text.contains(&escaped(canary));
        self.0.iter().filter(|(_, canary)| is_in(canary)).map(|(what, _)| what.as_str()).collect()
    }

    fn assert_none(&self, place: &str, text: &str) {
        let found = self.in_text(text);
        assert!(found.is_empty(), "{place} has {found:?}: {text}");
    }
}

/// The answers of the functions, and where each came from.
#[derive(Default)]
struct Answers(Vec<(String, String)>);

impl Answers {
    fn take(&mut self, what: impl Into<String>, (status, body): (u16, String)) -> u16 {
        self.0.push((what.into(), body));
        status
    }
}

#[test]
fn no_secret_is_in_a_log_an_answer_an_event_or_a_record() {
    let (recording, between) = (Recording::new(), Between::default());
    let production = "image = \"web\"\n[[pipeline.environment]]\nname = \"production\"\ncluster = \"production\"\nservices = [\"web\"]";
    let pipelines = config(&[
        ("web", "github.com/acme/web", production),
        ("own", "github.com/acme/own", ""),
        ("quoted", "github.com/acme/quoted", ""),
        ("paths", "github.com/acme/paths", "paths = [\"src/**\"]"),
        ("cloud", "bitbucket.org/acme/web", ""),
        ("lab", "gitlab.com/acme/shop/web", ""),
    ]);
    let provider = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    provider.set_nonblocking(true).expect("a listener");
    let api = format!("http://{}", provider.local_addr().expect("an address"));
    let install = |options: &mut Options| {
        recording.install(options);
        options.codebuild = Some(between.middleware());
        let (table, github) = ("        LONGSHORE_TABLE: !Ref Table\n", "LONGSHORE_GITHUB_API: !Ref GitHubApi");
        for place in [table, github] {
            assert_eq!(options.template.matches(place).count(), 1, "template.yaml has no {place}");
        }
        let talkative = format!("{table}        AWS_LAMBDA_LOG_LEVEL: TRACE\n");
        options.template =
            options.template.replace(table, &talkative).replace(github, &format!("LONGSHORE_GITHUB_API: {api}"));
    };
    with_config(&pipelines, install, async |local| {
        let listener = tokio::net::TcpListener::from_std(provider).expect("a listener");
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(quoting)).await });
        let (mut canaries, mut answers) = (Canaries::default(), Answers::default());
        let secret = plant(local, &mut canaries).await;
        canaries.add("where Slack is answered", format!("{}/responses/", local.stack.inbox));

        let release = deliveries(local, &mut canaries, &mut answers, &secret).await;
        reports(local, &mut canaries, &mut answers, &release).await;
        people(local, &mut canaries, &mut answers, &secret).await;
        failures(local, &between, &mut canaries, &mut answers, &secret).await;
        nonsense(local, &mut canaries).await;
        for function in ["Trigger", "Deploy", "Notify"] {
            local.tick(function).await;
        }
        nothing_got_out(local, &canaries, &answers, &recording).await;
    });
}

/// A provider that refuses everything, and quotes what it was shown.
async fn quoting(uri: Uri, headers: HeaderMap) -> (StatusCode, String) {
    (StatusCode::FORBIDDEN, json!({ "message": format!("{uri} {headers:?}") }).to_string())
}

/// Canaries for all that the secret can hold; its value.
async fn plant(local: &Local, canaries: &mut Canaries) -> Value {
    let mut planted = Value::Null;
    let changed = |secret: &mut Value| {
        for (name, what) in [
            ("bitbucket", "bitbucket"),
            ("gitlab", "gitlab"),
            ("github_token", "github token"),
            ("bitbucket_token", "bitbucket token"),
            ("gitlab_token", "gitlab token"),
        ] {
            secret[name] = json!(canaries.make(what));
        }
        secret["github"] = json!([secret["github"], canaries.make("old github")]);
        secret["callback_key"] = json!([canaries.make("callback key"), secret["callback_key"]]);
        secret["slack_signing_secret"] = json!([secret["slack_signing_secret"], canaries.make("signing secret")]);
        secret["slack_webhook_url"] = json!(format!("{}/services/{}", local.stack.inbox, canaries.make("webhook url")));
        secret["repositories"] = json!({ "github.com/acme/own": [canaries.make("own repository")] });
        planted = secret.clone();
    };
    local.change_secret(changed).await;
    canaries.add_all("secret", &planted);
    planted
}

/// Good ones, and such as are refused, of every source; a release that is live.
async fn deliveries(local: &Local, canaries: &mut Canaries, answers: &mut Answers, secret: &Value) -> ReleaseId {
    local.script(&[Local::REPORT_BRANCH]).await;
    local.version("web", "main", Works::Well).await;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let (github, own) = (text(&secret["github"][0]), text(&secret["repositories"]["github.com/acme/own"][0]));
    let payloads = [
        (Source::GitHub, "push", pushed(canaries, "acme/web"), github.clone()),
        (Source::GitHub, "push", pushed(canaries, "acme/own"), own),
        (
            Source::GitHub,
            "ping",
            json!({ "hook": { "config": { "secret": canaries.make("hook secret") } } }),
            github.clone(),
        ),
        (Source::Bitbucket, "repo:push", padded(canaries, payload("bitbucket.repo+push")), text(&secret["bitbucket"])),
        (Source::GitLab, "Push Hook", padded(canaries, payload("gitlab.Push_Hook")), text(&secret["gitlab"])),
    ];
    let mut live = None;
    for (source, event, payload, secret) in payloads {
        let body = payload.to_string();
        for wrong in [canaries.make("wrong secret"), String::new()] {
            let headers = signed(canaries, source, event, &body, &wrong);
            let headers = with_more(canaries, &headers);
            assert_eq!(answers.take("a wrong secret", local.request(source, &headers, &body).await), 401);
        }
        let headers = signed(canaries, source, event, &body, &secret);
        let headers = with_more(canaries, &headers);
        let answer = local.request(source, &headers, &body).await;
        assert!([200, 202].contains(&answer.0), "{event}: {answer:?}");
        if payload["repository"]["full_name"] == "acme/web" && source == Source::GitHub {
            live = Some(release_of(&answer));
        }
        answers.take("a delivery", answer);
        // Signed, and nothing that can be read: the canary is where something else should be.
        let canary = canaries.make("body");
        for body in [
            format!("{{\"ref\": \"{canary}"),
            json!({ "ref": { canary.as_str(): 1 }, "commits": canary, "repository": canary, "push": canary })
                .to_string(),
            json!([canary]).to_string(),
            canary.clone(),
        ] {
            let headers = signed(canaries, source, event, &body, &secret);
            answers.take("nonsense that is signed", local.request(source, &headers, &body).await);
        }
    }
    let id = live.expect("a release");
    assert_eq!(local.closed(&id).await.state, State::Live);
    id
}

/// What builds report, with the token in all the wrong places.
async fn reports(local: &Local, canaries: &mut Canaries, answers: &mut Answers, live: &ReleaseId) {
    // One whose build has to wait takes reports.
    local.script(&["until [ -e /nowhere ]; do sleep 0.2; done"]).await;
    let id = release_of(&local.send(&Push { after: 2, before: 1, ..push("acme/web") }.delivery()).await);
    for build in local.all_builds().await {
        if let Some(token) = variable(&build, "LONGSHORE_TOKEN") {
            canaries.add(&format!("token {}", build["id"]), token);
        }
    }
    let builds = local.all_builds().await;
    let of = |id: &ReleaseId| builds.iter().find(|build| variable(build, "LONGSHORE_RELEASE") == Some(id.as_str()));
    let token = |id: &ReleaseId| variable(of(id).expect("a build"), "LONGSHORE_TOKEN").expect("a token").to_owned();
    let (token, over) = (token(&id), token(live));
    let bodies = [
        json!({ "phase": "build", "status": "started", "message": format!("curl -H 'Bearer {token}'") }),
        json!({ "phase": token, "status": "succeeded" }),
        json!({ "phase": "build", "status": token }),
        json!({ "phase": { token.as_str(): 1 }, "status": "started" }),
        json!({ "image": token }),
        json!({ "image": { token.as_str(): 1 } }),
        json!({ "image": format!("user:{token}@{}/web:main", local.stack.registry) }),
        json!({ "image": format!("{}/{token}:main", local.stack.registry) }),
        json!({ "image": format!("{}/web:{token}", local.stack.registry) }),
        json!(token),
    ];
    let forged = format!("{}0", canaries.add("forged token", format!("{}{}", &token[..token.len() - 8], "0badf00d")));
    let proofs = [
        format!("Bearer {token}"),
        format!("Bearer {over}"),
        format!("Bearer {forged}"),
        format!("Basic {}", canaries.make("basic")),
        format!("Bearer {}", canaries.make("bearer")),
        canaries.make("bare"),
    ];
    for path in ["/builds/events", "/builds/image"] {
        for proof in &proofs {
            let form = format!("phase={token}&status={token}&message=LONGSHORE_TOKEN={token}");
            for body in bodies.iter().map(Value::to_string).chain([form, format!("{{\"phase\": \"{token}")]) {
                let request =
                    http().post(format!("{}{path}?token={token}", local.stack.url)).header("authorization", proof);
                let answer = request.body(body).send().await.expect("an answer");
                let status = answer.status().as_u16();
                answers.take(path, (status, answer.text().await.expect("a body")));
            }
        }
    }
}

/// Commands and presses, also such as are refused.
async fn people(local: &Local, canaries: &mut Canaries, answers: &mut Answers, secret: &Value) {
    let slack = &local.stack.slack;
    for text in [
        "status",
        "status web",
        "lock web production the tide",
        "unlock web production",
        "build web main",
        "logs web",
        "nothing of the kind",
    ] {
        let reply = slack.command(ONE, CHANNEL, "/deploy", text).await.expect("an answer");
        assert_eq!(answers.take(text, (reply.status, reply.body)), 200, "{text}");
    }
    for message in local.messages() {
        for action in ["revert", "retry", "cancel"] {
            // Not every message has every button.
            let _ = slack.press(ONE, &message.ts, action).await;
        }
    }
    let signing = secret["slack_signing_secret"][1].as_str().expect("a secret").to_owned();
    for (path, wrong) in [
        ("commands", &signing),
        ("interactions", &signing),
        ("commands", &canaries.make("other signing")),
        ("interactions", &canaries.make("another signing")),
    ] {
        let (body, trigger) = (canaries.make("slack body"), canaries.make("trigger"));
        let url = format!("http://127.0.0.1:9/{}", canaries.make("response url"));
        for body in [
            format!("token={body}&trigger_id={trigger}&response_url={url}&command={body}"),
            format!("payload={{\"token\": \"{body}\", \"type\": \"{body}\", \"response_url\": \"{url}\"}}"),
            format!(
                "payload={{\"token\": \"{body}\", \"type\": \"block_actions\", \"trigger_id\": \"{trigger}\", \"actions\": \"{body}\", \"response_url\": \"{url}\"}}"
            ),
            format!("payload={{\"{body}"),
        ] {
            let time = Timestamp::now().as_second().to_string();
            let proof = signature::sign_slack(wrong, &time, body.as_bytes());
            canaries.add("slack signature", proof.trim_start_matches("v0="));
            let request =
                http().post(format!("{}/slack/{path}", local.stack.url)).header("x-slack-request-timestamp", time);
            let request =
                request.header("x-slack-signature", proof).header("content-type", "application/x-www-form-urlencoded");
            let answer = request.body(body).send().await.expect("an answer");
            answers.take(path, (answer.status().as_u16(), answer.text().await.expect("a body")));
        }
    }
    longshore_tests::within("the functions are idle", local.stack.host.idle()).await;
}

/// AWS, Slack and the provider refuse, and quote what they were told.
async fn failures(local: &Local, between: &Between, canaries: &mut Canaries, answers: &mut Answers, secret: &Value) {
    between.break_project("quoted", Fault::Quoted("InvalidInputException"));
    between.break_project("paths", Fault::Quoted("ThrottlingException"));
    let github = secret["github"][0].as_str().expect("a secret");
    for (repository, state) in [("acme/quoted", State::Failed), ("acme/paths", State::Requested)] {
        let mut body = push(repository).payload();
        // More commits than GitHub lists: the files are asked for, with the token.
        let commit = body["commits"][0].clone();
        body["commits"] = Value::Array(vec![commit; 2048]);
        let body = body.to_string();
        let headers = signed(canaries, Source::GitHub, "push", &body, github);
        let answer = local.request(Source::GitHub, &headers, &body).await;
        let release = local.stack.release(&release_of(&answer)).await.expect("a record");
        answers.take(repository, answer);
        assert_eq!(release.state, state, "{:?}", release.reason);
        let token = longshore_core::token::mint(
            secret["callback_key"][0].as_str().expect("a key"),
            &release.pipeline,
            &release.id,
            longshore_core::token::Purpose::Build,
            release.build.due.expect("a time") + jiff::SignedDuration::from_hours(48),
        );
        canaries.add(&format!("token of {repository}"), token);
    }
    for fault in [SlackFault::ServerError, SlackFault::Drop, SlackFault::Error("invalid_auth".to_owned())] {
        local.stack.slack.fail_with(Some(fault));
        for function in ["Notify", "Trigger"] {
            local.tick(function).await;
        }
        let _ = local.stack.slack.command(ONE, CHANNEL, "/deploy", "build web main").await;
    }
    local.stack.slack.fail_with(None);
}

/// Invocations that are neither requests nor events.
async fn nonsense(local: &Local, canaries: &mut Canaries) {
    for function in ["Trigger", "Notify", "Deploy"] {
        let canary = canaries.make("invocation");
        for payload in [
            json!(canary),
            json!({ "source": { canary.as_str(): canary }, "detail-type": canary }),
            json!({ "source": "aws.codebuild", "detail-type": "CodeBuild Build State Change", "detail": canary }),
            json!({ "source": "longshore", "detail-type": "Release Changed", "detail": { "release": canary } }),
            json!({ "source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": { "startedBy": canary, "overrides": canary } }),
            json!({ "rawPath": "/webhooks/github", "requestContext": { "http": { "method": "POST" } }, "isBase64Encoded": true, "body": canary }),
        ] {
            let _ = local.stack.host.invoke(function, payload).await;
        }
    }
}

async fn nothing_got_out(local: &Local, canaries: &Canaries, answers: &Answers, recording: &Recording) {
    // It would be found.
    let one = canaries.0.values().next().expect("a canary");
    assert_eq!(canaries.in_text(&format!("\"{one}\"")).len(), 1);
    assert!(canaries.0.len() > 40, "{:?}", canaries.0.keys());

    for (function, log) in local.logs() {
        assert!(
            log.contains("\"level\":\"DEBUG\"") || log.contains("\"level\":\"TRACE\""),
            "{function} is not talkative"
        );
        log.lines().for_each(|line| canaries.assert_none(&format!("the log of {function}"), line));
    }
    assert!(answers.0.len() > 100, "{} answers", answers.0.len());
    for (what, body) in &answers.0 {
        canaries.assert_none(&format!("the answer to {what}"), body);
    }
    for message in local.stack.slack.messages() {
        canaries.assert_none("a message", &format!("{message:?}"));
    }
    let (mut events, mut writes) = (0, 0);
    for Call { target, mut input } in recording.calls() {
        match target.split_once('.').map_or("", |(_, action)| action) {
            "PutEvents" => {
                // Those that the stand-ins publish as CodeBuild and ECS do: they tell of a build's variables, as AWS's own.
                let entries = input["Entries"].as_array_mut().expect("events");
                entries.retain(|entry| entry["Source"] == "longshore");
                events += entries.len();
            }
            "PutItem" | "UpdateItem" | "TransactWriteItems" => writes += 1,
            _ => continue,
        }
        if input["Item"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("command#")) {
            // As good as a token, and where it is by design.
            input["Item"].as_object_mut().expect("an item").remove("response_url");
        }
        canaries.assert_none(&target, &input.to_string());
    }
    assert!(events > 10 && writes > 20, "{events} events, {writes} writes");
    for mut item in local.items().await {
        if item["sk"]["S"] == "command" {
            item.as_object_mut().expect("an item").remove("response_url");
        }
        canaries.assert_none("an item", &item.to_string());
    }
}

fn push(repository: &str) -> Push<'_> {
    Push { repository, branch: "main", before: 0, after: 1, files: &["README.md"] }
}

fn pushed(canaries: &mut Canaries, repository: &str) -> Value {
    padded(canaries, push(repository).payload())
}

/// With secrets in members that are none of ours, around those that are.
fn padded(canaries: &mut Canaries, mut payload: Value) -> Value {
    payload["base_ref"] = json!(canaries.make("base ref"));
    payload["token"] = json!(canaries.make("body token"));
    payload["repository"]["clone_url"] = json!(format!("https://x:{}@git.example/web.git", canaries.make("clone url")));
    payload["repository"]["secret"] = json!(canaries.make("repository member"));
    payload
}

/// With a proof that is a canary, too: no signature is logged, whether it is right or wrong.
fn signed(canaries: &mut Canaries, source: Source, event: &str, body: &str, secret: &str) -> Headers {
    let headers = webhook::sign(source, event, &uuid(), "application/json", body.as_bytes(), secret, Timestamp::now());
    for name in ["x-hub-signature-256", "x-hub-signature", "webhook-signature"] {
        if let Some(proof) = headers.get(name) {
            let digits = proof.rsplit(['=', ',']).find(|part| part.len() >= 16).unwrap_or(proof);
            canaries.add(&format!("signature {digits}"), digits);
        }
    }
    headers
}

/// With secrets in headers that are none of ours.
fn with_more(canaries: &mut Canaries, headers: &Headers) -> Headers {
    let (bearer, cookie, other) = (canaries.make("authorization"), canaries.make("cookie"), canaries.make("header"));
    let more = [("authorization", format!("Bearer {bearer}")), ("cookie", cookie), ("x-api-key", other)];
    let known = headers.iter().map(|(name, value)| (name, value.to_owned()));
    known.chain(more).collect()
}
