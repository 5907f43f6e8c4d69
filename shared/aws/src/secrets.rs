//! The secret: one JSON object in Secrets Manager, kept for a few minutes, so that a rotation needs no restart.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use longshore_core::{config, push::Source};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use crate::clients::told;

/// For how long a reading is good.
const LIFE: Duration = Duration::from_mins(5);
/// For how long it is good enough when Secrets Manager does not answer.
const LIFE_IN_NEED: Duration = Duration::from_hours(1);
/// It is not read more often than this, whether that succeeds or not: neither a flood of bad signatures nor an outage of Secrets Manager
/// costs anything.
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
    /// `slack_webhook_url`: an incoming webhook, where there is no bot token. Who has it may post.
    pub slack_webhook_url: Option<SecretString>,
    /// `slack_signing_secret`: the signing secrets of the Slack app; without one, no button of a message does anything.
    pub slack_signing_secret: Vec<SecretString>,
}

/// The shortest secret that nobody guesses, in bytes.
pub const SHORTEST: usize = 16;

/// The label of the version that counts. Source: <https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html>.
pub const CURRENT: &str = "AWSCURRENT";

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
    slack_webhook_url: Option<String>,
    slack_signing_secret: Option<OneOrMany>,
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
            slack_webhook_url: one(wire.slack_webhook_url),
            slack_signing_secret: live(wire.slack_signing_secret),
        })
    }

    /// All webhook secrets that a delivery of this source may be signed with, whatever repository it is of. Those of repositories whose
    /// host is another source's are none of them.
    pub fn of_source(&self, source: Source) -> Vec<&str> {
        let may_be = |repository: &String| Source::of_address(repository).is_none_or(|of| of == source);
        let own = self.repositories.iter().filter(|(repository, _)| may_be(repository)).map(|(_, secrets)| secrets);
        self.webhooks.get(&source).into_iter().chain(own).flatten().map(ExposeSecret::expose_secret).collect()
    }

    /// Whether any repository has webhook secrets of its own. Where none has, those of a source are those of each of its repositories.
    pub fn are_of_repositories(&self) -> bool {
        !self.repositories.is_empty()
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

    /// The secret, from memory while that is good, and for an hour where it cannot be read again. The error comes at once when reading it
    /// failed a moment ago.
    pub async fn current(&self) -> anyhow::Result<Arc<Secrets>> {
        self.kept.lock().await.reading(LIFE, LIFE_IN_NEED, || self.read()).await
    }

    /// The secret after a mismatch: read again, unless it was read just now. An error when it cannot be read: whether the mismatch is one
    /// is not known then.
    pub async fn refreshed(&self) -> anyhow::Result<Arc<Secrets>> {
        self.kept.lock().await.reading(AT_MOST_EVERY, AT_MOST_EVERY, || self.read()).await
    }

    async fn read(&self) -> anyhow::Result<Arc<Secrets>> {
        let answer = self.client.get_secret_value().secret_id(&self.id).version_stage(CURRENT).send().await;
        let answer = answer.map_err(|error| anyhow!(told(&error))).context("the secret could not be read")?;
        Ok(Arc::new(Secrets::read(answer.secret_string().context("the secret has no text")?)?))
    }
}

impl Kept {
    /// The reading that is younger than `age`, or a new one; where there can be none, that at hand, if it is younger than `in_need`.
    async fn reading<F: Future<Output = anyhow::Result<Arc<Secrets>>>>(
        &mut self,
        age: Duration,
        in_need: Duration,
        read: impl FnOnce() -> F,
    ) -> anyhow::Result<Arc<Secrets>> {
        if let Some(secrets) = self.younger_than(age) {
            return Ok(secrets);
        }
        if self.tried.is_some_and(|tried| tried.elapsed() < AT_MOST_EVERY) {
            return self.younger_than(in_need).context("the secret could not be read a moment ago");
        }
        self.tried = Some(Instant::now());
        match read().await {
            Ok(secrets) => {
                self.reading = Some((Instant::now(), secrets.clone()));
                Ok(secrets)
            }
            Err(error) => {
                let secrets = self.younger_than(in_need).ok_or(error)?;
                tracing::warn!("the secret could not be read again: the reading at hand is used");
                Ok(secrets)
            }
        }
    }

    fn younger_than(&self, age: Duration) -> Option<Arc<Secrets>> {
        let (read, secrets) = self.reading.as_ref()?;
        (read.elapsed() < age).then(|| secrets.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Secrets Manager, and how often it was asked.
    #[derive(Default)]
    struct Manager(AtomicUsize);

    impl Manager {
        fn answer(&self, works: bool) -> std::future::Ready<anyhow::Result<Arc<Secrets>>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::future::ready(if works { Ok(Arc::default()) } else { Err(anyhow!("no answer in time")) })
        }

        fn asked(&self) -> usize {
            self.0.swap(0, Ordering::Relaxed)
        }
    }

    async fn current(kept: &mut Kept, manager: &Manager, works: bool) -> bool {
        kept.reading(LIFE, LIFE_IN_NEED, || manager.answer(works)).await.is_ok()
    }

    async fn refreshed(kept: &mut Kept, manager: &Manager, works: bool) -> bool {
        kept.reading(AT_MOST_EVERY, AT_MOST_EVERY, || manager.answer(works)).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_mismatch_has_it_read_again_at_most_every_ten_seconds() {
        let (mut kept, manager) = (Kept::default(), Manager::default());
        assert!(current(&mut kept, &manager, true).await);
        for _ in 0..100 {
            assert!(current(&mut kept, &manager, true).await && refreshed(&mut kept, &manager, true).await);
        }
        assert_eq!(manager.asked(), 1);
        tokio::time::advance(AT_MOST_EVERY).await;
        assert!(refreshed(&mut kept, &manager, true).await && refreshed(&mut kept, &manager, true).await);
        assert_eq!(manager.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_mismatch_is_not_certain_while_it_cannot_be_read_again() {
        let (mut kept, manager) = (Kept::default(), Manager::default());
        assert!(current(&mut kept, &manager, true).await);
        tokio::time::advance(AT_MOST_EVERY).await;
        assert!(!refreshed(&mut kept, &manager, false).await, "it may have been rotated");
        assert!(!refreshed(&mut kept, &manager, true).await, "that was tried just now");
        assert!(current(&mut kept, &manager, false).await, "what matches the reading at hand is right all the same");
        assert_eq!(manager.asked(), 2, "the first reading, and one attempt at another");
        tokio::time::advance(AT_MOST_EVERY).await;
        assert!(refreshed(&mut kept, &manager, true).await);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_reading_it_is_asked_for_once_in_ten_seconds() {
        let (mut kept, manager) = (Kept::default(), Manager::default());
        for _ in 0..100 {
            assert!(!current(&mut kept, &manager, false).await && !refreshed(&mut kept, &manager, false).await);
        }
        assert_eq!(manager.asked(), 1);
        tokio::time::advance(AT_MOST_EVERY).await;
        assert!(current(&mut kept, &manager, true).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reading_is_good_for_an_hour_when_there_is_no_other() {
        let (mut kept, manager) = (Kept::default(), Manager::default());
        assert!(current(&mut kept, &manager, true).await);
        tokio::time::advance(Duration::from_mins(59)).await;
        assert!(current(&mut kept, &manager, false).await);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(!current(&mut kept, &manager, false).await);
    }

    #[test]
    fn a_key_holds_one_secret_or_those_that_are_live() {
        let text = r#"{"github": ["new", "", "old"], "callback_key": "k", "slack_bot_token": "", "slack_signing_secret": ["s", ""]}"#;
        let secrets = Secrets::read(text).expect("secrets");
        assert_eq!(secrets.of_source(Source::GitHub), ["new", "old"]);
        assert!(secrets.of_source(Source::GitLab).is_empty());
        assert_eq!(expose(&secrets.callback_key), ["k"]);
        assert!(secrets.slack_bot_token.is_none());
        assert!(!secrets.are_of_repositories());
        assert_eq!(expose(&secrets.slack_signing_secret), ["s"]);
    }

    #[test]
    fn a_repository_with_secrets_of_its_own_takes_no_other() {
        let text =
            r#"{"github": "all", "repositories": {"github.com/Acme/Web": ["new", "old"], "github.com/acme/shut": ""}}"#;
        let secrets = Secrets::read(text).expect("secrets");
        assert_eq!(secrets.of_repository(Source::GitHub, "github.com/acme/web"), ["new", "old"]);
        assert_eq!(secrets.of_repository(Source::GitHub, "github.com/acme/other"), ["all"]);
        assert!(secrets.of_repository(Source::GitHub, "github.com/acme/shut").is_empty());
        assert!(secrets.are_of_repositories());
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
