//! The secret: which keys it has, and since when.

use aws_config::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use longshore_aws::{
    secrets::{CURRENT, SHORTEST, Secrets},
    signed::{CallError, Service, Signed},
};
use longshore_core::{
    address::Address,
    config::{Approver, Config},
    push::Source,
    text::list,
};
use serde_json::{Value, json};

use super::finding::{Code, Finding};
use crate::{init::repositories, secrets::Key};

const SUBJECT: &str = "secret";
const PAGE: &str = "docs/sources.md#the-secret";
/// What the names of the repositories' own keys begin with.
const OWN: &str = "repositories.";
/// The keys that prove who delivers, or who reports a build: they must not be guessed. A repository's own are others of them.
const PROOFS: [&str; 4] = ["github", "bitbucket", "gitlab", "callback_key"];
/// After how long a secret is called old.
const OLD: SignedDuration = SignedDuration::from_hours(365 * 24);
/// After how long a replacement is called unfinished.
const ROTATING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A version of the secret.
#[derive(Clone)]
pub struct Version {
    /// The object; null where it is no JSON.
    pub keys: Value,
    /// When it was put.
    pub at: Timestamp,
}

/// What was read of the secret.
#[derive(Clone)]
pub struct Read {
    /// What the functions read there.
    pub secrets: Secrets,
    current: Version,
    /// The one before, where there is one that may be read: it tells which keys are older than the current version.
    previous: Option<Version>,
}

impl Read {
    /// `None` where the functions cannot read it.
    pub fn of(current: Version, previous: Option<Version>) -> Option<Self> {
        let secrets = Secrets::read(&current.keys.to_string()).ok()?;
        Some(Self { secrets, current, previous })
    }
}

/// The secret's object as it is now. No error quotes it.
pub async fn current(sdk: &SdkConfig, arn: &str) -> Result<Value, CallError> {
    let keys = version(&Signed::new(sdk, Service::SecretsManager), arn, CURRENT).await?.keys;
    let unreadable = || CallError::Unanswered("the secret is no JSON object of texts and lists of texts".to_owned());
    if keys.is_object() { Ok(keys) } else { Err(unreadable()) }
}

/// The secret as it is, and as it was before; `None` where the functions cannot read it.
pub async fn read(client: &Signed, arn: &str) -> Result<Option<Read>, CallError> {
    let current = version(client, arn, CURRENT).await?;
    Ok(Read::of(current, version(client, arn, "AWSPREVIOUS").await.ok()))
}

/// Source: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>.
async fn version(client: &Signed, arn: &str, stage: &str) -> Result<Version, CallError> {
    let input = json!({ "SecretId": arn, "VersionStage": stage });
    let answer = client.json("secretsmanager.GetSecretValue", &input).await?;
    let keys = answer["SecretString"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "seconds of our time")]
    let at = Timestamp::from_second(answer["CreatedDate"].as_f64().unwrap_or_default() as i64);
    Ok(Version { keys, at: at.map_err(|_| CallError::Unanswered("an answer without its time".to_owned()))? })
}

/// The keys with the values that they have, those of repositories each by itself. Without a value a key is not there.
fn flat(keys: &Value) -> Vec<(String, Vec<&str>)> {
    let all = keys.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), texts(value)));
    let own = keys["repositories"].as_object().into_iter().flatten();
    let own = own.map(|(name, value)| (format!("{OWN}{name}"), texts(value)));
    all.chain(own).filter(|(_, texts)| !texts.is_empty()).collect()
}

/// One text, or those of a list.
fn texts(value: &Value) -> Vec<&str> {
    let many = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    value.as_str().into_iter().chain(many).filter(|text| !text.is_empty()).collect()
}

/// What else needs the secret could not be looked at. Why is told of the secret itself, or of the stack.
pub fn unread(subject: &str) -> Finding {
    let cure = "mend what is told of the stack and the secret, and look again";
    Finding::unlooked(subject, "was not looked at: the secret could not be read", cure)
}

/// The functions cannot read the secret.
pub fn unreadable() -> Finding {
    let message = "is no JSON object of texts and lists of texts: the functions cannot read it, and refuse everything";
    Finding::wrong(Code::SecretKey, SUBJECT, message, format!("write it as {PAGE} has it"))
}

/// What is missing, weak, old or half replaced; and the age of every key.
pub fn findings(config: &Config, read: &Read, now: Timestamp) -> Vec<Finding> {
    let keys = flat(&read.current.keys);
    let mut findings = missing(config, &read.secrets);
    for (key, texts) in &keys {
        let is_proof = PROOFS.contains(&key.as_str()) || key.starts_with(OWN);
        if is_proof && texts.iter().any(|text| text.len() < SHORTEST) {
            let message = format!("has a `{key}` of less than {SHORTEST} characters, which can be guessed");
            findings.push(Finding::wrong(Code::SecretShort, SUBJECT, message, replacement(config, key)));
        }
    }
    let before = read.previous.as_ref().map(|previous| (previous.at, flat(&previous.keys)));
    let mut ages = Vec::new();
    for key in &keys {
        // What did not change since the version before is at least as old as that one.
        let (since, at_least) = match &before {
            Some((at, before)) if before.contains(key) => (*at, true),
            Some(_) | None => (read.current.at, before.is_none()),
        };
        let (key, values) = (&key.0, key.1.len());
        let age = now.duration_since(since);
        let bound = if at_least { "at least " } else { "" };
        let days = age.as_hours() / 24;
        ages.push(format!("{key} {bound}{days} d"));
        if age > OLD {
            let message = format!("has a `{key}` that is {bound}{days} days old");
            findings.push(Finding::advice(Code::SecretOld, SUBJECT, message, replacement(config, key)));
        } else if let Some(rotation) = rotation(config, key).filter(|_| values > 1 && age > ROTATING) {
            let message = format!("has {values} values of `{key}`, for {bound}{days} days");
            let cure = format!("`{rotation} --finish` takes the old one out, once nothing uses it");
            findings.push(Finding::advice(Code::SecretRotating, SUBJECT, message, cure));
        }
    }
    if !ages.is_empty() {
        let has = if findings.is_empty() { "the keys that are needed, of these ages" } else { "keys of these ages" };
        findings.push(Finding::fine(SUBJECT, format!("has {has}: {}", ages.join(", "))));
    }
    findings
}

/// The keys that are not there, and needed.
fn missing(config: &Config, secrets: &Secrets) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut missing = |what: &str, wrong: bool, why: &str, cure: String| {
        let message = format!("has no {what}: {why}");
        findings.push(if wrong {
            Finding::wrong(Code::SecretKey, SUBJECT, message, cure)
        } else {
            Finding::advice(Code::SecretKey, SUBJECT, message, cure)
        });
    };
    if secrets.callback_key.is_empty() {
        let cure = format!("put one there, {PAGE}: `openssl rand -hex 32`");
        missing("`callback_key`", true, "no build can be started, which reports with a token that it signs", cure);
    }
    for source in sources(config).into_iter().filter(|source| *source != Source::CodeCommit) {
        let mut refused = repositories(config);
        refused.retain(|(of, repository)| *of == source && secrets.of_repository(source, repository).is_empty());
        if !refused.is_empty() {
            let refused = list(refused.into_iter().map(|(_, repository)| repository), "and");
            let cure = format!(
                "put the webhook's secret there as `{}`, or under `repositories`, where an empty list refuses everything, {PAGE}",
                source.word()
            );
            missing(&format!("webhook secret for {refused}"), true, "every delivery from there is refused", cure);
        }
    }
    let posts = secrets.slack_bot_token.is_some() || secrets.slack_webhook_url.is_some();
    if !posts && config.slack.is_some() {
        missing("`slack_bot_token`", false, "nothing is posted in Slack", format!("put the bot token there, {PAGE}"));
    }
    if secrets.slack_bot_token.is_some() && secrets.slack_signing_secret.is_empty() {
        let by_people = asks_people(config);
        let why =
            if by_people { "approvals cannot be given in Slack" } else { "buttons and slash commands are refused" };
        let cure = format!("put the app's signing secret there (Basic Information), {PAGE}");
        missing("`slack_signing_secret`", by_people, why, cure);
    }
    findings
}

/// How a key is replaced.
fn replacement(config: &Config, key: &str) -> String {
    rotation(config, key).map_or_else(
        || format!("`longshore secrets rotate` does not have it: put another there, or take it out, {PAGE}"),
        |rotation| format!("`{rotation}` replaces it without a gap"),
    )
}

/// The command that changes a key; `None` for a key that it does not have.
fn rotation(config: &Config, key: &str) -> Option<String> {
    let of = match key.strip_prefix(OWN) {
        None => Key::named(key)?.name().to_owned(),
        Some(repository) => {
            Address::parse(repository)?;
            let source = config.source_of(repository).filter(|source| *source != Source::CodeCommit)?;
            format!("{} --repository {repository}", source.word())
        }
    };
    Some(format!("longshore secrets rotate {of}"))
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
