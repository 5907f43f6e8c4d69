//! Publishing a release's change on the account's default event bus.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use longshore_core::{
    event::{RELEASE_CHANGED, ReleaseChanged, SOURCE},
    release::Release,
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
        let detail = match serde_json::to_string(&ReleaseChanged::from(release)) {
            Ok(detail) => detail,
            Err(error) => return tracing::error!(%error, "the event could not be written"),
        };
        let entry = PutEventsRequestEntry::builder().source(SOURCE).detail_type(RELEASE_CHANGED).detail(detail);
        let answer = self.0.put_events().entries(entry.build()).send().await;
        match answer {
            Ok(answer) if answer.failed_entry_count() == 0 => {
                tracing::debug!(release = %release.id, version = release.version, "published");
            }
            Ok(answer) => {
                let code = answer.entries().first().and_then(|entry| entry.error_code()).unwrap_or("unknown");
                tracing::warn!(release = %release.id, code, "the event bus refused the change");
            }
            Err(error) => {
                tracing::warn!(release = %release.id, error = told(&error), "the change could not be published");
            }
        }
    }
}
