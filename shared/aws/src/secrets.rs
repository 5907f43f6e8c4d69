//! The secret: one JSON object in Secrets Manager, kept for a few minutes, so that a rotation needs no restart.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use longshore_core::{config, push::Source};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::clients::told;

/// For how long a reading is good.
const LIFE: Duration = Duration::from_mins(5);
/// For how long it is good enough when Secrets Manager does not answer.
const LIFE_IN_NEED: Duration = Duration::from_hours(1);
/// A mismatch has the secret read again, but not more often than this: a flood of bad signatures costs nothing.
const AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// The secret's values. A key holds one secret, or a list of those that are live while one is replaced by another.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// `github`, `bitbucket`, `gitlab`: the webhook secrets of each source, for repositories without secrets of their own.
    webhooks: HashMap<Source, Vec<SecretString>>,
    /// `repositories`: webhook secrets of single repositories, by `host/owner/name`.
    repositories: HashMap<String, Vec<SecretString>>,
    /// `github_token`, `bitbucket_token`, `gitlab_token`: for a provider's own API; without one it is not asked.
    tokens: HashMap<Source, SecretString>,
    /// `callback_key`: the keys of release tokens; the first one signs.
    pub callback_key: Vec<SecretString>,
    /// `slack_bot_token`: the bot token; without one nothing is posted.
    pub slack_bot_token: Option<SecretString>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Wire {
    github: Option<OneOrMany>,
    bitbucket: Option<OneOrMany>,
    gitlab: Option<OneOrMany>,
    #[serde(default)]
    repositories: HashMap<String, OneOrMany>,
    github_token: Option<String>,
    bitbucket_token: Option<String>,
    gitlab_token: Option<String>,
    callback_key: Option<OneOrMany>,
    slack_bot_token: Option<String>,
}

impl Secrets {
    /// Reads the secret's text. The error never quotes it.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let wire: Wire = serde_json::from_str(text)
            .map_err(|error| anyhow!("{:?} error at column {}", error.classify(), error.column()))
            .context("the secret is not a JSON object of strings and lists of strings")?;
        let webhooks =
            [(Source::GitHub, wire.github), (Source::Bitbucket, wire.bitbucket), (Source::GitLab, wire.gitlab)];
        let tokens = [
            (Source::GitHub, wire.github_token),
            (Source::Bitbucket, wire.bitbucket_token),
            (Source::GitLab, wire.gitlab_token),
        ];
        let repositories = wire.repositories.into_iter();
        Ok(Self {
            webhooks: webhooks.into_iter().map(|(source, secrets)| (source, live(secrets))).collect(),
            repositories: repositories.map(|(name, secrets)| (config::fold(&name), live(Some(secrets)))).collect(),
            tokens: tokens.into_iter().filter_map(|(source, token)| Some((source, one(token)?))).collect(),
            callback_key: live(wire.callback_key),
            slack_bot_token: one(wire.slack_bot_token),
        })
    }

    /// All webhook secrets that a delivery of this source may be signed with, whatever repository it is of. Those of repositories whose
    /// host is another source's are none of them.
    pub fn of_source(&self, source: Source) -> Vec<&str> {
        let may_be = |repository: &String| Source::of_address(repository).is_none_or(|of| of == source);
        let own = self.repositories.iter().filter(|(repository, _)| may_be(repository)).map(|(_, secrets)| secrets);
        self.webhooks.get(&source).into_iter().chain(own).flatten().map(ExposeSecret::expose_secret).collect()
    }

    /// The webhook secrets of one repository: its own where it has any (an empty list refuses everything), else its source's.
    pub fn of_repository(&self, source: Source, repository: &str) -> Vec<&str> {
        let own = self.repositories.get(&config::fold(repository)).or_else(|| self.webhooks.get(&source));
        own.into_iter().flatten().map(ExposeSecret::expose_secret).collect()
    }

    /// The token for a provider's own API.
    pub fn token(&self, source: Source) -> Option<&SecretString> {
        self.tokens.get(&source)
    }
}

fn one(text: Option<String>) -> Option<SecretString> {
    text.filter(|text| !text.is_empty()).map(SecretString::from)
}

fn live(value: Option<OneOrMany>) -> Vec<SecretString> {
    let texts = match value {
        None => Vec::new(),
        Some(OneOrMany::One(text)) => vec![text],
        Some(OneOrMany::Many(texts)) => texts,
    };
    texts.into_iter().filter(|text| !text.is_empty()).map(SecretString::from).collect()
}

/// The texts of some secrets, for the moment of their use.
pub fn expose(secrets: &[SecretString]) -> Vec<&str> {
    secrets.iter().map(ExposeSecret::expose_secret).collect()
}

/// Reads the secret and keeps it.
#[derive(Debug)]
pub struct SecretStore {
    client: Client,
    id: String,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    reading: Option<(Instant, Arc<Secrets>)>,
    /// When it was last tried to read it, with or without success.
    tried: Option<Instant>,
}

impl SecretStore {
    /// `id`: the secret's ARN or name. Nothing is read yet.
    pub fn new(config: &SdkConfig, id: String) -> Self {
        Self { client: Client::new(config), id, kept: Mutex::default() }
    }

    /// The secret, from memory while that is good.
    pub async fn current(&self) -> anyhow::Result<Arc<Secrets>> {
        self.younger_than(LIFE).await
    }

    /// The secret after a mismatch: read again, unless it was read just now.
    pub async fn refreshed(&self) -> anyhow::Result<Arc<Secrets>> {
        self.younger_than(AT_MOST_EVERY).await
    }

    async fn younger_than(&self, age: Duration) -> anyhow::Result<Arc<Secrets>> {
        let mut kept = self.kept.lock().await;
        let at_hand =
            |age| kept.reading.as_ref().filter(|(read, _)| read.elapsed() < age).map(|(_, secrets)| secrets.clone());
        let tried = kept.tried.is_some_and(|tried| tried.elapsed() < AT_MOST_EVERY);
        if let Some(secrets) = at_hand(if tried { LIFE_IN_NEED } else { age }) {
            return Ok(secrets);
        }
        kept.tried = Some(Instant::now());
        match self.read().await {
            Ok(secrets) => {
                kept.reading = Some((Instant::now(), secrets.clone()));
                Ok(secrets)
            }
            Err(error) => {
                let reading = kept.reading.as_ref().filter(|(read, _)| read.elapsed() < LIFE_IN_NEED);
                let secrets = reading.map(|(_, secrets)| secrets.clone()).ok_or(error)?;
                tracing::warn!("the secret could not be read again: the reading at hand is used");
                Ok(secrets)
            }
        }
    }

    async fn read(&self) -> anyhow::Result<Arc<Secrets>> {
        let answer = self.client.get_secret_value().secret_id(&self.id).send().await;
        let answer = answer.map_err(|error| anyhow!(told(&error))).context("the secret could not be read")?;
        Ok(Arc::new(Secrets::read(answer.secret_string().context("the secret has no text")?)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_one_secret_or_those_that_are_live() {
        let secrets = Secrets::read(r#"{"github": ["new", "", "old"], "callback_key": "k", "slack_bot_token": ""}"#);
        let secrets = secrets.expect("secrets");
        assert_eq!(secrets.of_source(Source::GitHub), ["new", "old"]);
        assert!(secrets.of_source(Source::GitLab).is_empty());
        assert_eq!(expose(&secrets.callback_key), ["k"]);
        assert!(secrets.slack_bot_token.is_none());
    }

    #[test]
    fn a_repository_with_secrets_of_its_own_takes_no_other() {
        let text =
            r#"{"github": "all", "repositories": {"github.com/Acme/Web": ["new", "old"], "github.com/acme/shut": ""}}"#;
        let secrets = Secrets::read(text).expect("secrets");
        assert_eq!(secrets.of_repository(Source::GitHub, "github.com/acme/web"), ["new", "old"]);
        assert_eq!(secrets.of_repository(Source::GitHub, "github.com/acme/other"), ["all"]);
        assert!(secrets.of_repository(Source::GitHub, "github.com/acme/shut").is_empty());
        let mut all = secrets.of_source(Source::GitHub);
        all.sort_unstable();
        assert_eq!(all, ["all", "new", "old"]);
        assert!(secrets.of_source(Source::Bitbucket).is_empty(), "they prove nothing of another source");
    }

    #[test]
    fn an_error_never_quotes_the_secret() {
        let error = Secrets::read(r#"{"github": "hush", "callback_key": 7}"#).expect_err("an error");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        let error = Secrets::read("hush").expect_err("an error");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
}
