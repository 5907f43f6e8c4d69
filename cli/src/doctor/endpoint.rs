//! Whether Longshore answers, and whether the providers' deliveries reach it.

use longshore_core::{config::Config, push::Source};
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use super::{
    World,
    finding::{Code, Finding},
    secret::texts,
};
use crate::init::hooks::{Hook, Hooks, NoAnswer, Wanted, client, json_of, unreached};

/// How many of the newest deliveries are looked at.
const NEWEST: usize = 30;

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
    let mut findings = Vec::new();
    for (source, repository) in crate::init::repositories(&world.config) {
        let key = match source {
            Source::GitHub => "github_token",
            Source::Bitbucket => "bitbucket_token",
            Source::GitLab => "gitlab_token",
            Source::CodeCommit => continue,
        };
        let subject = format!("webhook of {repository}");
        let token = world.secret.as_ref().and_then(|secret| texts(&secret.current.keys, key).first().copied());
        let hosts = world.config.hosts();
        let is_for = hosts
            .of_token(source)
            .is_some_and(|host| repository.split('/').next().is_some_and(|of| of.eq_ignore_ascii_case(host)));
        let Some(token) = token.filter(|_| is_for) else {
            findings.push(Finding::advice(
                Code::WebhookUnseen,
                subject,
                format!("was not looked at: the secret has no `{key}` for its host"),
                "put a token there (docs/sources.md#the-secret), or look at the webhook's page",
            ));
            continue;
        };
        let wanted = Wanted::of(source, &world.config, &repository, &base);
        let api =
            world.stack.as_ref().and_then(|stack| stack.parameter("GitHubApi")).filter(|_| source == Source::GitHub);
        let api = api.and_then(|api| Url::parse(api).ok());
        let hooks = match Hooks::new(source, &repository, SecretString::from(token.to_owned()), api.as_ref()) {
            Ok(hooks) => hooks,
            Err(error) => {
                findings.push(Finding::advice(Code::WebhookUnseen, subject, "was not looked at", error.to_string()));
                continue;
            }
        };
        findings.extend(webhook(&subject, source, &hooks, &wanted).await);
    }
    findings
}

async fn webhook(subject: &str, source: Source, hooks: &Hooks, wanted: &Wanted) -> Vec<Finding> {
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
    if source == Source::GitHub {
        match hooks.deliveries(hook).await {
            Ok(list) => findings.extend(deliveries(subject, &list)),
            Err(error) => findings.push(not_listed(subject, &error)),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::fine(subject, "is there, and its deliveries arrive"));
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

/// The newest deliveries, as GitHub lists them.
fn deliveries(subject: &str, list: &Value) -> Option<Finding> {
    let status = |item: &Value| item["status_code"].as_u64().unwrap_or_default();
    let statuses: Vec<u64> = list.as_array()?.iter().take(NEWEST).map(status).collect();
    let failed: Vec<u64> = statuses.iter().copied().filter(|status| !(200..300).contains(status)).collect();
    let newest_failed = failed.first()?;
    let cure = match newest_failed {
        401 => {
            "the webhook's secret is not the one in the stack's secret: set it anew, `longshore init --stack … --token-from-env --force`"
        }
        0 | 500.. => "the log of the function trigger says why; GitHub's are sent again by the tick",
        _ => "the delivery's answer, on the webhook's page under Recent Deliveries, says why",
    };
    let told = if *newest_failed == 0 { "no answer".to_owned() } else { format!("status {newest_failed}") };
    let message =
        format!("{} of the last {} deliveries failed, the newest of them with {told}", failed.len(), statuses.len());
    // One that failed long ago, with all since then well, is no matter any more.
    let now = statuses.first().is_some_and(|status| !(200..300).contains(status));
    Some(if now {
        Finding::wrong(Code::WebhookFailing, subject, message, cure)
    } else {
        Finding::advice(Code::WebhookFailing, subject, message, cure)
    })
}

/// Whether a configuration has a source that tells by webhook.
pub fn has_webhooks(config: &Config) -> bool {
    super::secret::sources(config).iter().any(|source| *source != Source::CodeCommit)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    #[test]
    fn deliveries_that_fail_now_are_wrong_and_those_that_failed_before_are_not() {
        let told = |statuses: &[u64]| {
            let list: Vec<Value> = statuses.iter().map(|status| json!({ "status_code": status })).collect();
            deliveries("webhook", &Value::from(list)).map(|finding| (finding.severity, finding.message))
        };
        assert_eq!(told(&[202, 200]), None);
        assert_eq!(told(&[]), None);
        let (severity, message) = told(&[401, 202]).expect("a finding");
        assert_eq!(
            (severity, message.as_str()),
            (Severity::Wrong, "1 of the last 2 deliveries failed, the newest of them with status 401")
        );
        assert_eq!(told(&[200, 0, 503]).map(|(severity, _)| severity), Some(Severity::Advice));
    }
}
