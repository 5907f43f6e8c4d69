//! `notify` owns what people see: it takes the progress that builds report, and keeps people told of each release, in Slack and elsewhere.

mod draw;
mod known;
mod places;
mod progress;
mod settings;
pub mod slack;
pub mod topic;
pub mod webhook;

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

use draw::Round;
pub use settings::Settings;

/// The function, with what it needs.
pub struct Notify {
    store: Store,
    secrets: Arc<SecretStore>,
    events: Publisher,
    slack: slack::Slack,
    webhook: webhook::Webhook,
    topic: Option<topic::Topic>,
}

impl Notify {
    /// Builds the clients; no call is made.
    pub fn new(settings: Settings, sdk: &SdkConfig) -> Self {
        Self {
            store: Store::new(sdk, settings.common.table),
            secrets: Arc::new(SecretStore::new(sdk, settings.common.secret)),
            events: Publisher::new(sdk),
            slack: slack::Slack::new(&settings.slack_api),
            webhook: webhook::Webhook::new(&settings.slack_api),
            topic: settings.topic.as_deref().map(|arn| topic::Topic::new(sdk, arn)),
        }
    }

    /// Tells again of every release whose messages are older than its record, until the time is up: the next tick goes on.
    async fn tick(&self) -> anyhow::Result<()> {
        let mut round = Round::new();
        for id in self.store.open_messages().await? {
            if round.is_over() {
                tracing::warn!("the time is up: the next tick goes on");
                break;
            }
            let drawn = match self.is_stale(&id).await {
                Ok(true) => self.draw(&id, &mut round).await,
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
    async fn ready(&self) {
        self.store.ready().await;
    }

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
            Event::Release(id) => self.draw(&id, &mut Round::new()).await,
            Event::Build { .. }
            | Event::Service(_)
            | Event::CodeDeploy(_)
            | Event::Task(_)
            | Event::Asked(_)
            | Event::Command(_)
            | Event::Delivery(_)
            | Event::Other(_) => {
                tracing::warn!(kind = event.word(), "an event that notify has no rule for");
                Ok(())
            }
        }
    }
}
