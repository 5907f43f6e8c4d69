//! What `trigger` does each minute, whatever events came.

use std::time::Duration;

use longshore_aws::ids;
use longshore_core::release::OpenFor;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{Trigger, together::each};

/// How long a tick takes at most. Lambda ends an invocation after 25 seconds.
const TIME: Duration = Duration::from_secs(20);
/// How much of it is for the releases, and for what people want done; the rest is for what GitHub failed to deliver.
const FOR_RELEASES: Duration = Duration::from_secs(12);
/// How much is left for the last request to GitHub, once no further one is begun.
const LAST_REQUEST: Duration = Duration::from_secs(4);

impl Trigger {
    /// Looks after every release whose build has not ended, and what people want done, then asks for deliveries that failed. What fails here is logged and no
    /// error: the next tick is the better retry.
    pub(crate) async fn tick(&self) {
        let end = Instant::now() + TIME;
        let both = async { tokio::join!(self.look_after_open(), self.see_to_errands()) };
        match timeout(FOR_RELEASES, Box::pin(both)).await {
            Ok((releases, errands)) => {
                if let Err(error) = releases {
                    tracing::error!("{error:#}: the open releases are not known");
                }
                if let Err(error) = errands {
                    tracing::error!("{error:#}: the commands that are left are not known");
                }
            }
            Err(_) => {
                tracing::warn!("the releases and commands were not all looked after in time: the next tick goes on");
            }
        }
        match timeout_at(end, Box::pin(self.redeliver_failed(end - LAST_REQUEST))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("{error:#}: GitHub was not asked for what it failed to deliver"),
            Err(_) => tracing::warn!("GitHub was not asked for everything in time: the next tick goes on"),
        }
    }

    /// Begins anywhere among them, so that those that are not come to in time are come to on another tick. One that fails does not keep
    /// the others waiting.
    async fn look_after_open(&self) -> anyhow::Result<()> {
        let mut open = self.store.open_releases(OpenFor::Build).await?;
        open.extend(self.store.open_releases(OpenFor::Deployment).await?);
        let first = ids::below(open.len());
        open.rotate_left(first);
        each(open, |id| async move {
            if let Err(error) = Box::pin(self.look_after(&id)).await {
                tracing::error!(release = %id, "{error:#}");
            }
        })
        .await;
        Ok(())
    }
}
