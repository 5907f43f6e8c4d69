//! The secret: which keys it has, and since when.

use aws_config::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use longshore_aws::signed::{CallError, Service, Signed};
use longshore_core::{
    config::{Approver, Config},
    push::Source,
    text::list,
};
use serde_json::{Value, json};

use super::finding::{Code, Finding};

const SUBJECT: &str = "secret";
const PAGE: &str = "docs/sources.md#the-secret";
/// After how long a secret is called old.
const OLD: SignedDuration = SignedDuration::from_hours(365 * 24);
/// After how long a replacement is called unfinished.
const ROTATING: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The shortest secret that nobody guesses, in bytes.
const SHORTEST: usize = 16;

/// A version of the secret.
#[derive(Clone)]
pub struct Version {
    /// The object.
    pub keys: Value,
    /// When it was put.
    pub at: Timestamp,
}

/// What was read of the secret.
#[derive(Clone)]
pub struct Read {
    pub current: Version,
    /// The one before, where there is one that may be read: it tells which keys are older than the current version.
    pub previous: Option<Version>,
}

/// The secret's object as it is now. No error quotes it.
pub async fn current(sdk: &SdkConfig, arn: &str) -> Result<Value, CallError> {
    version(&Signed::new(sdk, Service::SecretsManager), arn, "AWSCURRENT").await.map(|version| version.keys)
}

/// The secret as it is, and as it was before.
pub async fn read(client: &Signed, arn: &str) -> Result<Read, CallError> {
    let current = version(client, arn, "AWSCURRENT").await?;
    Ok(Read { current, previous: version(client, arn, "AWSPREVIOUS").await.ok() })
}

/// Source: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>.
async fn version(client: &Signed, arn: &str, stage: &str) -> Result<Version, CallError> {
    let input = json!({ "SecretId": arn, "VersionStage": stage });
    let answer = client.json("secretsmanager.GetSecretValue", &input).await?;
    let unreadable = || CallError::Unanswered("the secret is no JSON object of texts and lists of texts".to_owned());
    let keys: Value =
        answer["SecretString"].as_str().and_then(|text| serde_json::from_str(text).ok()).ok_or_else(unreadable)?;
    #[expect(clippy::cast_possible_truncation, reason = "seconds of our time")]
    let at =
        Timestamp::from_second(answer["CreatedDate"].as_f64().unwrap_or_default() as i64).map_err(|_| unreadable())?;
    if keys.is_object() { Ok(Version { keys, at }) } else { Err(unreadable()) }
}

/// The texts of a key: one, or those of a list.
pub fn texts<'v>(keys: &'v Value, key: &str) -> Vec<&'v str> {
    let value = &keys[key];
    let many = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    value.as_str().into_iter().chain(many).filter(|text| !text.is_empty()).collect()
}

/// What is missing, weak, old or half replaced.
pub fn findings(config: &Config, read: &Read, now: Timestamp) -> Vec<Finding> {
    let keys = &read.current.keys;
    let has = |key: &str| !texts(keys, key).is_empty();
    let mut findings = Vec::new();
    let mut missing = |key: &str, wrong: bool, why: &str, cure: String| {
        let message = format!("has no `{key}`: {why}");
        findings.push(if wrong {
            Finding::wrong(Code::SecretKey, SUBJECT, message, cure)
        } else {
            Finding::advice(Code::SecretKey, SUBJECT, message, cure)
        });
    };
    if !has("callback_key") {
        let cure = format!("put one there, {PAGE}: `openssl rand -hex 32`");
        missing("callback_key", true, "no build can be started, which reports with a token that it signs", cure);
    }
    for source in sources(config) {
        let of_repositories = keys["repositories"].as_object().is_some_and(|repositories| !repositories.is_empty());
        if source != Source::CodeCommit && !has(source.word()) && !of_repositories {
            let cure = format!("put the webhook's secret there, {PAGE}");
            missing(source.word(), true, &format!("every delivery of {source} is refused"), cure);
        }
    }
    let posts = has("slack_bot_token") || has("slack_webhook_url");
    if !posts && config.slack.is_some() {
        missing("slack_bot_token", false, "nothing is posted in Slack", format!("put the bot token there, {PAGE}"));
    }
    if has("slack_bot_token") && !has("slack_signing_secret") {
        let by_people = asks_people(config);
        let why =
            if by_people { "approvals cannot be given in Slack" } else { "buttons and slash commands are refused" };
        let cure = format!("put the app's signing secret there (Basic Information), {PAGE}");
        missing("slack_signing_secret", by_people, why, cure);
    }
    for key in ["github", "bitbucket", "gitlab", "callback_key"] {
        if texts(keys, key).iter().any(|text| text.len() < SHORTEST) {
            let message = format!("has a `{key}` of less than {SHORTEST} characters, which can be guessed");
            findings.push(Finding::wrong(
                Code::SecretShort,
                SUBJECT,
                message,
                format!("`longshore secrets rotate {key}` replaces it without a gap"),
            ));
        }
    }
    let mut told = Vec::new();
    for key in keys.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).filter(|key| has(key)) {
        let (since, at_least) = since(read, key);
        let age = now.duration_since(since);
        let bound = if at_least { "at least " } else { "" };
        let days = age.as_hours() / 24;
        told.push(format!("{key} {bound}{days} d"));
        if age > OLD {
            let message = format!("has a `{key}` that is {bound}{days} days old");
            findings.push(Finding::advice(
                Code::SecretOld,
                SUBJECT,
                message,
                format!("`longshore secrets rotate {key}` replaces it without a gap"),
            ));
        } else if texts(keys, key).len() > 1 && age > ROTATING {
            let message = format!("has {} values of `{key}`, for {bound}{days} days", texts(keys, key).len());
            let cure = format!("`longshore secrets rotate {key} --finish` takes the old one out, once nothing uses it");
            findings.push(Finding::advice(Code::SecretRotating, SUBJECT, message, cure));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::fine(SUBJECT, format!("has the keys that are needed; age: {}", list(told, "and"))));
    }
    findings
}

/// Since when a key has its value; whether it may be older.
fn since(read: &Read, key: &str) -> (Timestamp, bool) {
    match &read.previous {
        Some(previous) if previous.keys[key] == read.current.keys[key] => (previous.at, true),
        Some(_) | None => (read.current.at, read.previous.is_none()),
    }
}

/// The sources of all pipelines.
pub fn sources(config: &Config) -> Vec<Source> {
    let used = |source: &Source| {
        config.pipelines().iter().any(|pipeline| config.source_of(&pipeline.repository) == Some(*source))
    };
    Source::ALL.into_iter().filter(used).collect()
}

/// Whether an environment waits for people in Slack.
fn asks_people(config: &Config) -> bool {
    let approvers = config.pipelines().iter().flat_map(|pipeline| &pipeline.environments);
    let approvers =
        approvers.filter_map(|environment| environment.plan.approval.as_ref()).flat_map(|approval| &approval.by);
    approvers.into_iter().any(|approver| match approver {
        Approver::User(_) | Approver::Group(_) | Approver::GroupId(_) => true,
        Approver::Caller(_) => false,
    })
}

/// The handles and ids of all user groups that longshore.toml names.
pub fn groups(config: &Config) -> Vec<&Approver> {
    let mut named = Vec::new();
    for pipeline in config.pipelines() {
        let environments = pipeline.environments.iter().flat_map(|environment| {
            environment.allow.iter().chain(environment.plan.approval.iter().flat_map(|approval| &approval.by))
        });
        for approver in pipeline.allow.iter().chain(environments) {
            match approver {
                Approver::Group(_) | Approver::GroupId(_) if !named.contains(&approver) => named.push(approver),
                Approver::Group(_) | Approver::GroupId(_) | Approver::User(_) | Approver::Caller(_) => {}
            }
        }
    }
    named
}
