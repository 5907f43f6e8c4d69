//! The secret in Secrets Manager: read whole, changed as a whole, and only where nobody else changed it in between.
//!
//! A new version is put beside the one that counts, under the label `AWSPENDING`; then the label `AWSCURRENT` is moved to it *from the version that
//! was read*. Secrets Manager refuses that where the label is elsewhere by now: of two that change the secret at once, one is told to try again.
//!
//! Sources: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html>,
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>.

use std::{fmt, io::Read as _};

use anyhow::{Context, anyhow, bail};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{Client, operation::get_secret_value::GetSecretValueError};
use jiff::Timestamp;
use longshore_aws::{clients::told, secrets::CURRENT};
use serde_json::{Map, Value};

/// The version before the one that counts.
const PREVIOUS: &str = "AWSPREVIOUS";
const PENDING: &str = "AWSPENDING";
/// The longest secret that Secrets Manager takes, in bytes.
const LONGEST: usize = 65_536;

/// The secret.
pub struct Vault {
    client: Client,
    id: String,
}

/// What was read. Its values are never shown: it cannot be printed.
pub struct Version {
    /// The version's id.
    id: String,
    /// Since when it counts, or did.
    pub at: Option<Timestamp>,
    /// The keys and their values.
    pub keys: Map<String, Value>,
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Vault {
    /// `id`: the secret's ARN or name. No call is made.
    pub fn new(sdk: &SdkConfig, id: String) -> Self {
        Self { client: Client::new(sdk), id }
    }

    /// The version that counts.
    pub async fn current(&self) -> anyhow::Result<Version> {
        self.version(CURRENT).await?.with_context(|| format!("there is no secret {}", self.id))
    }

    /// The version before it, where there is one.
    pub async fn previous(&self) -> anyhow::Result<Option<Version>> {
        self.version(PREVIOUS).await
    }

    async fn version(&self, label: &str) -> anyhow::Result<Option<Version>> {
        let answer = match self.client.get_secret_value().secret_id(&self.id).version_stage(label).send().await {
            Ok(answer) => answer,
            Err(error)
                if error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(anyhow!(told(&error)).context(format!("the secret {} cannot be read", self.id))),
        };
        let text = answer.secret_string().context("the secret has no text")?;
        // The error would quote what is there.
        let keys = serde_json::from_str(text).ok().context("the secret is not a JSON object")?;
        let at = answer.created_date().and_then(|at| Timestamp::from_second(at.secs()).ok());
        let id = answer.version_id().context("Secrets Manager does not say which version that is")?.to_owned();
        Ok(Some(Version { id, at, keys }))
    }

    /// Puts other keys in the place of a version that was read. An error where another version counts by now: then nothing is changed.
    pub async fn replace(&self, version: &Version, keys: &Map<String, Value>) -> anyhow::Result<()> {
        let text = Value::Object(keys.clone()).to_string();
        if text.len() > LONGEST {
            bail!("the secret would have {} bytes, and Secrets Manager takes {LONGEST}", text.len());
        }
        let new = random()?;
        let put = self.client.put_secret_value().secret_id(&self.id).client_request_token(&new);
        let put = put.secret_string(text).version_stages(PENDING).send().await;
        put.map_err(|error| anyhow!(told(&error)).context(format!("the secret {} cannot be written", self.id)))?;
        let moved = self.client.update_secret_version_stage().secret_id(&self.id).version_stage(CURRENT);
        let moved = moved.move_to_version_id(&new).remove_from_version_id(&version.id).send().await;
        let moved = match moved {
            Ok(_) => Ok(()),
            // The answer to an attempt that succeeded may have been lost.
            Err(_) if self.current().await.is_ok_and(|current| current.id == new) => Ok(()),
            Err(error) => Err(anyhow!(told(&error))),
        };
        // Without the label, Secrets Manager forgets a version that does not count. Whether it goes or not, what counts is decided.
        let pending = self.client.update_secret_version_stage().secret_id(&self.id).version_stage(PENDING);
        let _ = pending.remove_from_version_id(&new).send().await;
        moved.context("the secret was not changed: if somebody else changed it just now, try again")
    }
}

/// 64 hexadecimal digits of the system's randomness.
pub fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.context("the system gives no random numbers")?;
    Ok(bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

#[cfg(test)]
impl Version {
    /// A version of this time with these keys.
    pub fn sample(at: Timestamp, keys: Value) -> Self {
        let Value::Object(keys) = keys else { panic!("not an object") };
        Self { id: "1".to_owned(), at: Some(at), keys }
    }
}
