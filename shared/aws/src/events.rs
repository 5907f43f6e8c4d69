//! Publishing a release's change on the account's default event bus.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use longshore_core::{
    event::{COMMAND_ASKED, DEPLOYMENT_ASKED, RELEASE_CHANGED, ReleaseChanged, SOURCE},
    release::Release,
    slack::command::Key,
};

use crate::clients::told;

/// Publishes events.
#[derive(Debug, Clone)]
pub struct Publisher(Client);

impl Publisher {
    /// A publisher on the default bus.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// Publishes `Longshore / Release Changed`. A failure is logged and no more: the record is what counts, and whoever shows it
    /// looks again on its tick.
    pub async fn changed(&self, release: &Release) {
        match serde_json::to_string(&ReleaseChanged::from(release)) {
            Ok(detail) => self.publish(release, RELEASE_CHANGED, detail).await,
            Err(error) => tracing::error!(%error, "the event could not be written"),
        }
    }

    /// Publishes `Longshore / Deployment Asked`: a person asked for something that `deploy` is to do at once, and not on its tick.
    pub async fn asked(&self, release: &Release) {
        self.publish(release, DEPLOYMENT_ASKED, serde_json::json!({ "release": release.id }).to_string()).await;
    }

    /// Publishes `Longshore / Command Asked`: somebody gave a command that `trigger` is to see to at once, and not on its tick.
    pub async fn command(&self, key: &Key) {
        self.put(COMMAND_ASKED, serde_json::json!({ "command": key.as_str() }).to_string()).await;
    }

    async fn publish(&self, release: &Release, detail_type: &str, detail: String) {
        if self.put(detail_type, detail).await {
            tracing::debug!(release = %release.id, version = release.version, "published");
        } else {
            tracing::warn!(release = %release.id, "the change was not published");
        }
    }

    /// Whether the bus took it; what it said otherwise is logged.
    async fn put(&self, detail_type: &str, detail: String) -> bool {
        let entry = PutEventsRequestEntry::builder().source(SOURCE).detail_type(detail_type).detail(detail);
        let answer = self.0.put_events().entries(entry.build()).send().await;
        match answer {
            Ok(answer) if answer.failed_entry_count() == 0 => return true,
            Ok(answer) => {
                let code = answer.entries().first().and_then(|entry| entry.error_code()).unwrap_or("unknown");
                tracing::warn!(detail_type, code, "the event bus refused an event");
            }
            Err(error) => tracing::warn!(detail_type, error = told(&error), "an event could not be published"),
        }
        false
    }
}
