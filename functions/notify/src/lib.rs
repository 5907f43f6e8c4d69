//! `notify` owns what people see: it takes the progress that builds report, and keeps one Slack message per release.

mod draw;
mod progress;
mod settings;
pub mod slack;

use std::sync::Arc;

use aws_config::SdkConfig;
use longshore_aws::{
    events::Publisher,
    http::{Request, Response},
    secrets::SecretStore,
    serve::Function,
    store::Store,
};
use longshore_core::event::Event;

pub use settings::Settings;

/// The function, with what it needs.
pub struct Notify {
    store: Store,
    secrets: Arc<SecretStore>,
    events: Publisher,
    slack: slack::Slack,
}

impl Notify {
    /// Builds the clients; no call is made.
    pub fn new(settings: Settings, sdk: &SdkConfig) -> Self {
        Self {
            store: Store::new(sdk, settings.common.table),
            secrets: Arc::new(SecretStore::new(sdk, settings.common.secret)),
            events: Publisher::new(sdk),
            slack: slack::Slack::new(&settings.slack_api),
        }
    }

    /// Draws again every message that is older than its record.
    async fn tick(&self) -> anyhow::Result<()> {
        for id in self.store.open_messages().await? {
            let drawn = match self.is_stale(&id).await {
                Ok(true) => self.draw(&id).await,
                Ok(false) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = drawn {
                tracing::error!(release = %id, "{error:#}");
            }
        }
        Ok(())
    }
}

impl Function for Notify {
    async fn http(&self, request: Request) -> Response {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/builds/events") => self.progress(&request).await,
            ("GET", "/health") => Response::health(),
            _ => Response::not_found(),
        }
    }

    async fn event(&self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Tick => self.tick().await,
            Event::Release(id) => self.draw(&id).await,
            Event::Build { .. }
            | Event::Service(_)
            | Event::CodeDeploy(_)
            | Event::Task(_)
            | Event::Asked(_)
            | Event::Command(_)
            | Event::Delivery(_)
            | Event::Other(_) => {
                tracing::warn!(?event, "an event that notify has no rule for");
                Ok(())
            }
        }
    }
}
