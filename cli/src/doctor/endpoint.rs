//! Whether Longshore answers, and whether the providers' deliveries reach it.

use longshore_core::{config::Config, push::Source};
use reqwest::Url;
use serde_json::Value;

use super::{
    World,
    deliveries::failing,
    finding::{Code, Finding},
    secret::unread,
};
use crate::init::hooks::{Hook, Hooks, NoAnswer, Wanted, client, json_of, unreached};

/// `GET /health`.
pub async fn health(world: &World) -> Vec<Finding> {
    let Some(url) = &world.url else { return Vec::new() };
    let subject = format!("endpoint {url}");
    let asked = async {
        let client = client().map_err(|_| "cannot be asked")?;
        let answer = client.get(format!("{url}/health")).send().await.map_err(|error| unreached(&error))?;
        let status = answer.status();
        if !status.is_success() {
            return Ok((status.as_u16(), Value::Null));
        }
        Ok::<_, &'static str>((status.as_u16(), json_of(answer).await.unwrap_or_default()))
    };
    vec![match asked.await {
        Err(why) => Finding::wrong(
            Code::Unreachable,
            subject,
            format!("{why}: no delivery, no button and no report of a build arrives"),
            "see that the stack is deployed, and that nothing stands between here and its API",
        ),
        Ok((status, answer)) => version(subject, status, &answer),
    }]
}

fn version(subject: String, status: u16, answer: &Value) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    match (status, answer["version"].as_str()) {
        (200, Some(version)) if version == own => Finding::fine(subject, format!("answers, version {version}")),
        (200, Some(version)) => Finding::advice(
            Code::OtherVersion,
            subject,
            format!("runs version {version}, and this program is {own}"),
            "`sam build && sam deploy` from the checkout that this program is of, or build the program of that version",
        ),
        (status, _) => Finding::wrong(
            Code::Unreachable,
            subject,
            format!("answers GET /health with status {status}, and not as Longshore does"),
            "the log of the function trigger says why: a function does not start with a longshore.toml that is wrong",
        ),
    }
}

/// The webhooks of all repositories.
pub async fn webhooks(world: &World) -> Vec<Finding> {
    let Some(base) = world.url.clone().filter(|_| world.local.is_none()) else { return Vec::new() };
    let Some(secrets) = &world.secret else { return vec![unread("webhooks")] };
    let mut findings = Vec::new();
    for (source, repository) in crate::init::repositories(&world.config) {
        if source == Source::CodeCommit {
            continue;
        }
        let subject = format!("webhook of {repository}");
        let is_for = world.config.hosts().is_for_token(source, &repository);
        let Some(token) = secrets.token(source).filter(|_| is_for).cloned() else {
            findings.push(Finding::advice(
                Code::WebhookUnseen,
                subject,
                format!("was not looked at: the secret has no `{}_token` for its host", source.word()),
                "put a token there (docs/sources.md#the-secret), or look at the webhook's page",
            ));
            continue;
        };
        let wanted = Wanted::of(source, &world.config, &repository, &base);
        let api =
            world.stack.as_ref().and_then(|stack| stack.parameter("GitHubApi")).filter(|_| source == Source::GitHub);
        let api = api.and_then(|api| Url::parse(api).ok());
        match Hooks::new(source, &repository, token, api.as_ref()) {
            Ok(hooks) => findings.extend(webhook(&subject, &hooks, &wanted).await),
            Err(error) => {
                findings.push(Finding::advice(Code::WebhookUnseen, subject, "was not looked at", error.to_string()));
            }
        }
    }
    findings
}

async fn webhook(subject: &str, hooks: &Hooks, wanted: &Wanted) -> Vec<Finding> {
    let list = match hooks.list().await {
        Ok(list) => list,
        Err(error) => return vec![not_listed(subject, &error)],
    };
    let Some(hook) = list.iter().find(|hook| wanted.is(hook)) else {
        return vec![Finding::wrong(
            Code::WebhookMissing,
            subject,
            format!("is not there: no push is told to {}", wanted.url),
            "`longshore init --stack … --token-from-env` makes it; one of a whole organisation or group is not seen here",
        )];
    };
    let mut findings = settings(subject, wanted, hook);
    let mut fine = "is there";
    match hooks.deliveries(hook).await {
        Ok(None) => {}
        Ok(Some(statuses)) if statuses.is_empty() => fine = "is there; no delivery in the last days",
        Ok(Some(statuses)) => {
            fine = "is there, and its deliveries arrive";
            findings.extend(failing(subject, &statuses));
        }
        Err(error) => findings.push(not_listed(subject, &error)),
    }
    if findings.is_empty() {
        findings.push(Finding::fine(subject, fine));
    }
    findings
}

fn not_listed(subject: &str, error: &NoAnswer) -> Finding {
    Finding::unlooked(
        subject,
        format!("cannot be looked at: {error}"),
        "give the token what docs/sources.md#the-secret says, Webhooks: read among it",
    )
}

fn settings(subject: &str, wanted: &Wanted, hook: &Hook) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !hook.active {
        findings.push(Finding::wrong(
            Code::WebhookOff,
            subject,
            "is turned off",
            "turn it on, on its page; `longshore init --stack … --token-from-env` does where the provider lets it",
        ));
    }
    let lacks = wanted.lacks(hook);
    if !lacks.is_empty() {
        findings.push(Finding::wrong(
            Code::WebhookEvents,
            subject,
            format!("does not deliver {}", lacks.join(", ")),
            "add them on its page, or by `longshore init --stack … --token-from-env`",
        ));
    }
    findings
}

/// Whether a configuration has a source that tells by webhook.
pub fn has_webhooks(config: &Config) -> bool {
    super::secret::sources(config).iter().any(|source| *source != Source::CodeCommit)
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, routing::get};
    use secrecy::SecretString;
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn the_endpoint_has_to_answer_as_longshore_does() {
        let finding = |status, answer: Value| version("endpoint".to_owned(), status, &answer).severity;
        assert_eq!(finding(200, json!({ "version": env!("CARGO_PKG_VERSION") })), Severity::Fine);
        assert_eq!(finding(200, json!({ "version": "9.9.9" })), Severity::Advice);
        assert_eq!(finding(200, Value::Null), Severity::Wrong);
        assert_eq!(finding(500, Value::Null), Severity::Wrong);
    }

    /// What is told of the webhook of `host/acme/web`, with this many answers of the provider's API.
    async fn told(source: Source, host: &str, answers: &[(&str, Value)]) -> Vec<(Severity, String)> {
        let mut router = Router::new();
        for (path, answer) in answers {
            let answer = Json(answer.clone());
            router = router.route(path, get(move || async { answer }));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let api = Url::parse(&format!("http://{}", listener.local_addr().expect("an address"))).ok();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let repository = format!("{host}/acme/web");
        let hooks = Hooks::new(source, &repository, SecretString::from("token"), api.as_ref()).expect("a client");
        let events = vec![if source == Source::Bitbucket { "repo:push" } else { "push_events" }];
        let wanted = Wanted { url: "https://x.example/webhooks".to_owned(), events };
        let findings = webhook("webhook", &hooks, &wanted).await;
        findings.into_iter().map(|finding| (finding.severity, finding.message)).collect()
    }

    #[tokio::test]
    async fn gitlabs_deliveries_are_read_where_it_tells_them() {
        let there = json!([{ "id": 7, "url": "https://x.example/webhooks", "push_events": true }]);
        let told = async |events: Option<Value>| {
            let mut answers = vec![("/projects/acme%2Fweb/hooks", there.clone())];
            answers.extend(events.map(|events| ("/projects/acme%2Fweb/hooks/7/events", events)));
            told(Source::GitLab, "gitlab.com", &answers).await
        };
        let refused = json!([{ "response_status": "401" }, { "response_status": "200" }]);
        let message = "1 of the last 2 deliveries failed, the newest of them with status 401";
        assert_eq!(told(Some(refused)).await, [(Severity::Wrong, message.to_owned())]);
        let arrived = json!([{ "response_status": "200" }]);
        assert_eq!(told(Some(arrived)).await, [(Severity::Fine, "is there, and its deliveries arrive".to_owned())]);
        let none = "is there; no delivery in the last days".to_owned();
        assert_eq!(told(Some(json!([]))).await, [(Severity::Fine, none)]);
        assert_eq!(told(None).await, [(Severity::Fine, "is there".to_owned())], "before 17.3");
    }

    #[tokio::test]
    async fn nothing_is_said_of_deliveries_that_bitbucket_does_not_tell() {
        let hook =
            json!({ "uuid": "{7}", "url": "https://x.example/webhooks", "active": true, "events": ["repo:push"] });
        let answers = [("/repositories/acme/web/hooks", json!({ "values": [hook] }))];
        let told = told(Source::Bitbucket, "bitbucket.org", &answers).await;
        assert_eq!(told, [(Severity::Fine, "is there".to_owned())]);
    }
}
