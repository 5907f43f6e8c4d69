//! Keeping a release's Slack message as new as its record.
//!
//! One invocation draws at a time: it takes a lease, draws the whole message from the record, writes down which version that was,
//! gives the lease back, and looks whether the record changed meanwhile. Who finds the lease taken goes away: the holder looks once
//! more after it gave the lease back. So no version is drawn over by an older one; what a holder that failed or died leaves undrawn,
//! the tick draws.

use longshore_aws::{
    ids,
    secrets::Secrets,
    store::{Lease, Posted},
};
use longshore_core::{
    message::{self, Known, View},
    release::{Release, ReleaseId},
};

use secrecy::SecretString;

use crate::{Notify, slack::SlackError};

/// A message that Slack will not take is tried for this long after its release ended.
const GIVE_UP: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl Notify {
    /// Whether a message has to be drawn, or to be found final.
    pub(crate) async fn is_stale(&self, id: &ReleaseId) -> anyhow::Result<bool> {
        let Some(shown) = self.store.message_version(id).await? else { return Ok(false) };
        let release = self.store.release(id).await?;
        Ok(release.is_some_and(|release| shown < release.version || release.is_closed()))
    }

    /// Draws a release's message until it shows the record's newest version.
    pub(crate) async fn draw(&self, id: &ReleaseId) -> anyhow::Result<()> {
        loop {
            let Some(mut lease) = self.store.lease_message(id, ids::now()).await? else { return Ok(()) };
            let Some(release) = self.store.release(id).await? else { return Ok(()) };
            let drawn = self.draw_leased(&mut lease, &release).await;
            let up_to_date = drawn.is_ok() && lease.drawn >= release.version;
            let given_up = release.ended.is_some_and(|ended| ids::now().duration_since(ended) > GIVE_UP);
            let is_final = release.is_closed() && (up_to_date || given_up);
            if !self.store.release_message(&lease, is_final).await? {
                tracing::warn!(release = %id, "the lease was lost");
            }
            match drawn {
                Ok(()) => tracing::debug!(release = %id, version = lease.drawn, "drawn"),
                Err(error) => {
                    tracing::warn!(release = %id, %error, "Slack did not take the message: the tick will try again");
                    return Ok(());
                }
            }
            let newest = self.store.release(id).await?;
            if is_final || newest.is_none_or(|newest| newest.version <= lease.drawn) {
                return Ok(());
            }
        }
    }

    /// Posts or edits the message, then adds to its thread what is missing there. What was done is in the lease, also on an error.
    async fn draw_leased(&self, lease: &mut Lease, release: &Release) -> Result<(), SlackError> {
        let secrets = self.secrets.current().await.map_err(|error| SlackError::Secret(format!("{error:#}")))?;
        let Secrets { slack_bot_token: Some(token), .. } = &*secrets else {
            tracing::debug!(release = %release.id, "no slack_bot_token: nothing is posted");
            lease.drawn = release.version;
            return Ok(());
        };
        let Some(channel) = &release.channel else {
            lease.drawn = release.version;
            return Ok(());
        };
        let view = message::view(release, &Known::default());
        let posted = if let Some(posted) = lease.posted.clone() {
            if lease.drawn < release.version {
                self.slack.update(token, &posted, &view).await?;
            }
            posted
        } else {
            let posted = self.post_once(lease, token, channel, release, &view).await?;
            lease.posted = Some(posted.clone());
            self.keep(lease).await?;
            posted
        };
        for reply in message::thread(release, &Known::default()).into_iter().skip(lease.replies) {
            self.slack.reply(token, &posted, &reply).await?;
            lease.replies += 1;
            self.keep(lease).await?;
        }
        lease.drawn = release.version;
        Ok(())
    }

    /// Posts the message; where an earlier holder may have done so and died, looks for that message first.
    async fn post_once(
        &self,
        lease: &Lease,
        token: &SecretString,
        channel: &str,
        release: &Release,
        view: &View,
    ) -> Result<Posted, SlackError> {
        if lease.maybe_posted {
            match self.slack.find(token, channel, release.id.as_str(), release.accepted).await {
                Ok(Some(posted)) => return Ok(posted),
                Ok(None) => {}
                // Without the scopes to look, a second message is possible; none at all would be worse.
                Err(SlackError::Refused(why)) => tracing::warn!(why, "whether the message was posted cannot be seen"),
                Err(error) => return Err(error),
            }
        }
        self.slack.post(token, channel, release.id.as_str(), view).await
    }

    /// Writes down at once what was done, so that it is not done again.
    async fn keep(&self, lease: &Lease) -> Result<(), SlackError> {
        match self.store.keep_message(lease).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(SlackError::Store("the lease was lost".to_owned())),
            Err(error) => Err(SlackError::Store(error.to_string())),
        }
    }
}
