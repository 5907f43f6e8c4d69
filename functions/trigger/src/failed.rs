//! GitHub's deliveries that did not reach us: on each tick, where a token is configured.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use longshore_aws::{ids, store::Look};
use longshore_core::{config, push::Source};
use secrecy::SecretString;

use crate::{
    Trigger,
    provider::ProviderError,
    redelivery::{LOOKED_AFTER, Looked},
};

/// For how long a tick asks for one repository after the other; those that it does not come to are first on the next.
const ASKING: Duration = Duration::from_secs(8);
/// How long a repository is left alone after an answer that is no use: a token without the permission, a repository that is not there.
const PAUSE: SignedDuration = SignedDuration::from_mins(15);

impl Trigger {
    /// Has GitHub deliver again what failed since it was last asked, for every repository of its that the configuration names.
    pub(crate) async fn redeliver_failed(&self, _until: tokio::time::Instant) -> anyhow::Result<()> {
        let secrets = self.secrets.current().await?;
        let Some(token) = secrets.token(Source::GitHub) else { return Ok(()) };
        let pipelines = self.settings.config.pipelines().iter().map(|pipeline| pipeline.repository.as_str());
        let repositories: BTreeSet<String> =
            pipelines.filter(|repository| self.settings.is_github(repository)).map(config::fold).collect();
        let mut looks = Vec::new();
        for repository in repositories {
            let look = self.store.look(&kept_as(&repository)).await?;
            looks.push((look, repository));
        }
        // Those that were left longest come first.
        looks.sort_by_key(|(look, _)| look.map(|look| look.at));
        let begun = Instant::now();
        for (look, repository) in looks {
            let now = ids::now();
            if look.is_some_and(|look| look.next > now) {
                continue;
            }
            if begun.elapsed() > ASKING {
                tracing::info!("the rest of the repositories is asked for on the next tick");
                break;
            }
            let next = self.redeliver(&repository, look, now, token).await;
            self.store.keep_look(&kept_as(&repository), next).await?;
        }
        Ok(())
    }

    async fn redeliver(&self, repository: &str, look: Option<Look>, now: Timestamp, token: &SecretString) -> Look {
        let from = look.map_or(now - LOOKED_AFTER, |look| look.from);
        let endpoint = format!("{}/webhooks/github", self.settings.url);
        match self.providers.redeliver(repository, &endpoint, from, now, token).await {
            Ok(Looked { hooks: 0, .. }) => {
                tracing::warn!(repository, "no webhook of the repository delivers here: none can be asked for again");
                Look { at: now, from, next: now + PAUSE }
            }
            Ok(Looked { asked, look_from, .. }) => {
                if asked > 0 {
                    tracing::info!(repository, asked, "GitHub was asked to deliver again what failed");
                }
                Look { at: now, from: look_from, next: now }
            }
            Err(ProviderError::Limited { until }) => Look { at: now, from, next: until },
            Err(error) => {
                tracing::warn!(repository, %error, "GitHub could not be asked for what it failed to deliver");
                let refused = matches!(error, ProviderError::Refused(_) | ProviderError::Unaskable(_));
                Look { at: now, from, next: if refused { now + PAUSE } else { now } }
            }
        }
    }
}

fn kept_as(repository: &str) -> String {
    format!("{}/{repository}", Source::GitHub.word())
}
