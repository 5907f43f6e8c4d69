//! `trigger` owns builds: it takes deliveries, starts the build of each release, and sees every build to its end.

mod builds;
pub mod provider;
pub mod redelivery;
mod settings;
mod webhook;

use std::sync::Arc;

use aws_config::SdkConfig;
use longshore_aws::{
    events::Publisher,
    http::{Request, Response},
    secrets::SecretStore,
    serve::Function,
    store::Store,
};
use longshore_core::{
    event::Event,
    release::{OpenFor, ReleaseId},
};

pub use settings::Settings;

/// The function, with what it needs.
pub struct Trigger {
    settings: Settings,
    store: Store,
    secrets: Arc<SecretStore>,
    events: Publisher,
    codebuild: aws_sdk_codebuild::Client,
}

impl Trigger {
    /// Builds the clients; no call is made.
    pub fn new(settings: Settings, sdk: &SdkConfig) -> Self {
        Self {
            store: Store::new(sdk, settings.common.table.clone()),
            secrets: Arc::new(SecretStore::new(sdk, settings.common.secret.clone())),
            events: Publisher::new(sdk),
            codebuild: aws_sdk_codebuild::Client::new(sdk),
            settings,
        }
    }

    /// Does what is next for a release's build.
    async fn look_after(&self, id: &ReleaseId) -> anyhow::Result<()> {
        match self.store.release(id).await? {
            Some(release) => self.advance(release).await.map(drop),
            None => Ok(()),
        }
    }

    /// Looks after every release whose build has not ended; one that fails does not keep the others waiting.
    async fn tick(&self) -> anyhow::Result<()> {
        let mut open = self.store.open_releases(OpenFor::Build).await?;
        open.extend(self.store.open_releases(OpenFor::Deployment).await?);
        for id in open {
            if let Err(error) = self.look_after(&id).await {
                tracing::error!(release = %id, "{error:#}");
            }
        }
        Ok(())
    }
}

impl Function for Trigger {
    async fn http(&self, request: Request) -> Response {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/webhooks/github") => self.github(&request).await,
            ("GET", "/health") => Response::health(),
            _ => Response::not_found(),
        }
    }

    async fn event(&self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Tick => self.tick().await,
            Event::Build { release: Some(release), .. } => self.look_after(&release).await,
            Event::Build { id, release: None } => {
                tracing::debug!(build = id, "a build that no release started");
                Ok(())
            }
            Event::Service(_) | Event::Release(_) | Event::Other(_) => {
                tracing::warn!(?event, "an event that trigger has no rule for");
                Ok(())
            }
        }
    }
}
