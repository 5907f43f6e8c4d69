//! GitHub's deliveries that did not reach us: on each tick, where a token is configured.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use longshore_aws::{ids, store::Look};
use longshore_core::{config, push::Source};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::{
    Trigger,
    provider::ProviderError,
    redelivery::{Looked, Memory},
};

/// A look may come so much sooner than it is due: ticks do not come to the second.
const EARLY: SignedDuration = SignedDuration::from_secs(10);
/// How long a repository is left alone after an answer that is no use: a token without the permission, a repository that is not there.
const PAUSE: SignedDuration = SignedDuration::from_mins(15);

impl Trigger {
    /// Has GitHub deliver again what failed since it was last asked, for every repository of its that the configuration names. No request is
    /// begun after `until`; the repositories that are not come to by then are first on the next tick.
    pub(crate) async fn redeliver_failed(&self, until: Instant) -> anyhow::Result<()> {
        let secrets = self.secrets.current().await?;
        let Some(token) = secrets.token(Source::GitHub) else { return Ok(()) };
        let pipelines = self.settings.config.pipelines().iter().map(|pipeline| pipeline.repository.as_str());
        let repositories: BTreeSet<String> = pipelines
            .filter(|repository| self.settings.is_for_token(Source::GitHub, repository))
            .map(config::fold)
            .collect();
        let mut looks = Vec::new();
        for repository in repositories {
            let look = self.store.look(&kept_as(&repository)).await?;
            looks.push((look, repository));
        }
        // Those that were left longest come first.
        looks.sort_by_key(|(look, _)| look.as_ref().map(|look| look.at));
        for (look, repository) in looks {
            let now = ids::now();
            if look.as_ref().is_some_and(|look| look.next > now + EARLY) {
                continue;
            }
            if Instant::now() >= until {
                tracing::info!("the rest of the repositories is asked for on the next tick");
                break;
            }
            let memory = look.and_then(|look| look.memory).unwrap_or_default();
            // What cannot be read was kept by another version: the look begins anew.
            let mut memory = serde_json::from_str(&memory).unwrap_or_default();
            let next = self.redeliver(&repository, &mut memory, now, until, token).await;
            let look = Look { at: now, next, memory: Some(serde_json::to_string(&memory)?) };
            self.store.keep_look(&kept_as(&repository), &look).await?;
        }
        Ok(())
    }

    /// Looks at a repository; when the next look is to come.
    async fn redeliver(
        &self,
        repository: &str,
        memory: &mut Memory,
        now: Timestamp,
        until: Instant,
        token: &SecretString,
    ) -> Timestamp {
        let endpoint = format!("{}/webhooks/github", self.settings.url);
        match self.providers.redeliver(repository, &endpoint, memory, now, until, token).await {
            Ok(Looked { hooks: 0, .. }) => {
                tracing::warn!(repository, "no webhook of the repository delivers here: none can be asked for again");
                now + PAUSE
            }
            Ok(Looked { asked, next, .. }) => {
                if asked > 0 {
                    tracing::info!(repository, asked, "GitHub was asked to deliver again what failed");
                }
                next
            }
            Err(ProviderError::Limited { until }) => until,
            Err(error) => {
                tracing::warn!(repository, %error, "GitHub could not be asked for what it failed to deliver");
                let refused = matches!(error, ProviderError::Refused(_) | ProviderError::Unaskable(_));
                if refused { now + PAUSE } else { now }
            }
        }
    }
}

fn kept_as(repository: &str) -> String {
    format!("{}/{repository}", Source::GitHub.word())
}
