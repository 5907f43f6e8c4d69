//! The secret: one JSON object in Secrets Manager, kept for a few minutes, so that a rotation needs no restart.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
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
    /// `github`: the webhook secrets.
    pub github: Vec<SecretString>,
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
    callback_key: Option<OneOrMany>,
    slack_bot_token: Option<String>,
}

impl Secrets {
    /// Reads the secret's text. The error never quotes it.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let wire: Wire = serde_json::from_str(text)
            .map_err(|error| anyhow!("{:?} error at column {}", error.classify(), error.column()))
            .context("the secret is not a JSON object of strings and lists of strings")?;
        Ok(Self {
            github: live(wire.github),
            callback_key: live(wire.callback_key),
            slack_bot_token: wire.slack_bot_token.filter(|token| !token.is_empty()).map(SecretString::from),
        })
    }
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
        assert_eq!(expose(&secrets.github), ["new", "old"]);
        assert_eq!(expose(&secrets.callback_key), ["k"]);
        assert!(secrets.slack_bot_token.is_none());
    }

    #[test]
    fn an_error_never_quotes_the_secret() {
        let error = Secrets::read(r#"{"github": "hush", "callback_key": 7}"#).expect_err("an error");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        let error = Secrets::read("hush").expect_err("an error");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
}
