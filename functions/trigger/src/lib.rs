//! `trigger` owns builds: it takes deliveries, starts the build of each release, and sees every build to its end. It also takes what people
//! press in Slack, and the commands that they give there.

mod builds;
mod commands;
mod deeds;
mod delivery;
mod failed;
mod interactions;
mod plan;
pub mod provider;
mod recorded;
pub mod redelivery;
mod settings;
pub mod slack;
mod tick;
mod webhook;
mod who;
pub mod wish;

use std::{sync::Arc, time::Duration};

use aws_config::SdkConfig;
use longshore_aws::{
    events::Publisher,
    http::{Request, Response},
    logs::Logs,
    metrics,
    secrets::SecretStore,
    serve::Function,
    store::Store,
    telemetry,
};
use longshore_core::{
    event::Event,
    push::{Delivery, Source},
    release::{Fact, Release, ReleaseId},
};

use delivery::Taken;
use plan::Lines;
use provider::Providers;
pub use settings::Settings;
use tokio::time::Instant;

/// For how long an event of CodeCommit waits for its builds to be started: nobody waits for the answer. Lambda ends an invocation after
/// 25 seconds.
const EVENT_TIME: Duration = Duration::from_secs(10);

/// The function, with what it needs.
pub struct Trigger {
    settings: Settings,
    store: Store,
    secrets: Arc<SecretStore>,
    events: Publisher,
    codebuild: aws_sdk_codebuild::Client,
    logs: Logs,
    providers: Providers,
    slack: slack::Slack,
}

impl Trigger {
    /// Builds the clients; no call is made.
    pub fn new(settings: Settings, sdk: &SdkConfig) -> Self {
        Self {
            store: Store::new(sdk, settings.common.table.clone()),
            secrets: Arc::new(SecretStore::new(sdk, settings.common.secret.clone())),
            events: Publisher::new(sdk),
            codebuild: aws_sdk_codebuild::Client::new(sdk),
            logs: Logs::new(sdk),
            providers: Providers::new(settings.github_api.clone()),
            slack: slack::Slack::new(&settings.slack_api),
            settings,
        }
    }

    /// Does what is next for a release's build.
    async fn look_after(&self, id: &ReleaseId) -> anyhow::Result<()> {
        match self.store.release(id).await? {
            Some(release) => Box::pin(self.bring_on(release)).await.map(drop),
            None => Ok(()),
        }
    }

    /// [`Trigger::look_after`] a release that was read; its record as it is then.
    async fn bring_on(&self, release: Release) -> anyhow::Result<Release> {
        let release = self.overtaken(release).await?;
        self.advance(release).await
    }

    /// Ends a release that a newer one took the place of, where whoever accepted that one did not come to it.
    async fn overtaken(&self, release: Release) -> anyhow::Result<Release> {
        if !release.may_be_superseded() {
            return Ok(release);
        }
        let line = self.store.line(&release.repository, &release.reference).await?.line;
        let Some(newer) = line.newer(&release.id, release.number, &release.pipeline) else { return Ok(release) };
        self.save(release, Fact::Superseded(plan::newer(&line, newer))).await
    }

    /// A release changed: looks after the releases that wait for it, once it ended; and after itself while CodeBuild has to tell its commit.
    async fn changed(&self, id: &ReleaseId) -> anyhow::Result<()> {
        let Some(mut release) = self.store.release(id).await? else { return Ok(()) };
        if release.commit.known().is_none() && release.build.outcome.is_none() {
            release = Box::pin(self.advance(release)).await?;
        }
        if release.state.is_end() { self.ended(release).await } else { Ok(()) }
    }

    /// Looks after the releases that wait for one that ended.
    async fn ended(&self, release: Release) -> anyhow::Result<()> {
        let id = &release.id;
        let (mut next, mut lines) = (Vec::new(), Lines::default());
        let mut downstream = self.settings.config.downstream_of(&release.pipeline).peekable();
        if downstream.peek().is_some() {
            let delivery = self.store.delivery(&release.delivery).await?;
            next.extend(delivery.map(|delivery| delivery.releases).unwrap_or_default());
        }
        // Newer ones wait in the place of those that the delivery started, and some are no answer to it.
        for pipeline in downstream {
            let own = pipeline.is_of(&release.repository);
            let reference = if own { Some(release.reference.clone()) } else { pipeline.own_branch() };
            let Some(reference) = reference else { continue };
            let line = lines.of(&self.store, &pipeline.repository, &reference).await?;
            next.extend(lines.get(line).newest(&pipeline.name).map(|placed| placed.release.clone()));
        }
        if !release.supersede {
            let line = lines.of(&self.store, &release.repository, &release.reference).await?;
            next.extend(lines.get(line).next(id, &release.pipeline).map(|placed| placed.release.clone()));
        }
        next.sort();
        next.dedup();
        for id in next.iter().filter(|next| *next != id) {
            Box::pin(self.look_after(id)).await?;
        }
        Ok(())
    }

    /// Takes an event of CodeCommit as a delivery. An error has it delivered again.
    async fn commits(&self, delivery: Delivery) -> anyhow::Result<()> {
        telemetry::delivered(&delivery);
        let (id, source) = (delivery.id.clone(), delivery.source.word());
        match self.take(delivery).await? {
            // It was logged, and would be refused again.
            Taken::TooMany(_) => metrics::refused(source),
            Taken::Recorded(recorded) => {
                metrics::delivery(source, recorded.ignored.is_some());
                if let Some(why) = &recorded.ignored {
                    tracing::info!(delivery = id, why, "ignored");
                }
                self.start(recorded, Instant::now() + EVENT_TIME).await;
            }
        }
        Ok(())
    }
}

impl Function for Trigger {
    async fn ready(&self) {
        self.store.ready().await;
    }

    async fn http(&self, request: Request) -> Response {
        let (caller, response) = match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/webhooks/github") => (Source::GitHub.word(), self.webhook(Source::GitHub, &request).await),
            ("POST", "/webhooks/bitbucket") => {
                (Source::Bitbucket.word(), self.webhook(Source::Bitbucket, &request).await)
            }
            ("POST", "/webhooks/gitlab") => (Source::GitLab.word(), self.webhook(Source::GitLab, &request).await),
            ("POST", "/slack/interactions") => ("slack", self.interaction(&request).await),
            ("POST", "/slack/commands") => ("slack", self.command(&request).await),
            ("GET", "/health") => return Response::health(),
            _ => return Response::not_found(),
        };
        if (400..500).contains(&response.status_code) {
            metrics::refused(caller);
        }
        response
    }

    async fn event(&self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Tick => {
                Box::pin(self.tick()).await;
                Ok(())
            }
            Event::Build { release: Some(release), .. } => Box::pin(self.look_after(&release)).await,
            Event::Build { id, release: None } => {
                tracing::debug!(build = id, "a build that no release started");
                Ok(())
            }
            Event::Delivery(delivery) => Box::pin(self.commits(*delivery)).await,
            Event::Release(release) => Box::pin(self.changed(&release)).await,
            Event::Command(key) => Box::pin(self.errand(&key)).await,
            Event::Service(_) | Event::CodeDeploy(_) | Event::Task(_) | Event::Asked(_) | Event::Other(_) => {
                tracing::warn!(kind = event.word(), "an event that trigger has no rule for");
                Ok(())
            }
        }
    }
}
