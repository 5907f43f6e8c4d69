//! Where a release is told of, and how it is told there: a message that is edited in place, with a thread; or a new one for each moment.

use longshore_aws::{
    secrets::Secrets,
    signed::CallError,
    store::{Lease, Looked, Place, Posted, Target},
};
use longshore_core::{
    message::{
        self,
        moment::{self, is_shown},
        plain::plain,
    },
    release::Release,
};
use secrecy::SecretString;

use crate::{Notify, draw::Round, slack::SlackError, webhook};

/// What is told.
pub(crate) struct Telling<'a> {
    pub(crate) release: &'a Release,
    pub(crate) secrets: &'a Secrets,
    pub(crate) looked: Looked,
}

/// Where a release is told of by now: the pipeline's channel, those of the environments that it came to, or instead of both the incoming
/// webhook; and the topic. A message that is there is kept up to date, whatever else is.
pub(crate) fn targets(release: &Release, secrets: &Secrets, has_topic: bool, places: &[Place]) -> Vec<Target> {
    let mut targets = Vec::new();
    if secrets.slack_bot_token.is_some() {
        let own = release.channel.as_ref().filter(|_| is_shown(release, None));
        let reached = release.deployments.iter().filter(|deployment| is_shown(release, Some(deployment)));
        let channels = own.into_iter().chain(reached.filter_map(|deployment| deployment.plan.channel.as_ref()));
        targets.extend(channels.map(|channel| Target::Channel(channel.clone())));
        targets.extend(places.iter().filter(|place| place.posted.is_some()).map(|place| place.target.clone()));
    } else if secrets.slack_webhook_url.is_some() {
        targets.push(Target::Webhook);
    }
    if has_topic {
        targets.push(Target::Topic);
    }
    let mut unique: Vec<Target> = Vec::new();
    for target in targets {
        if !unique.contains(&target) {
            unique.push(target);
        }
    }
    unique
}

impl Notify {
    /// Brings one place up to the record.
    pub(crate) async fn tell(
        &self,
        lease: &mut Lease,
        at: usize,
        telling: &Telling<'_>,
        round: &Round,
    ) -> Result<(), SlackError> {
        match (&lease.places[at].target, &telling.secrets.slack_bot_token, &telling.secrets.slack_webhook_url) {
            (Target::Channel(channel), Some(token), _) => {
                let channel = channel.clone();
                self.channel(lease, at, (token, &channel), telling, round).await
            }
            (Target::Webhook, _, Some(url)) => self.webhook(lease, at, url, telling, round).await,
            (Target::Topic, ..) => self.topic(lease, at, telling).await,
            (Target::Channel(_), None, _) | (Target::Webhook, _, None) => Ok(()),
        }
    }

    /// Posts or edits the message, then adds to its thread what is missing there.
    async fn channel(
        &self,
        lease: &mut Lease,
        at: usize,
        (token, channel): (&SecretString, &str),
        telling: &Telling<'_>,
        round: &Round,
    ) -> Result<(), SlackError> {
        let (release, known) = (telling.release, &telling.looked.known);
        let view = message::view(release, known);
        let posted = self.posted(&lease.places[at], token, channel, release, round).await?;
        let posted = if let Some(posted) = posted {
            round.patiently(|| self.slack.update(token, &posted, &view)).await?;
            posted
        } else {
            round.patiently(|| self.slack.post(token, channel, release.id.as_str(), &view)).await?
        };
        if lease.places[at].posted.as_ref() != Some(&posted) {
            lease.places[at].posted = Some(posted.clone());
            self.keep(lease).await?;
        }
        let replies = message::thread(release, known);
        if lease.places[at].replies < replies.len() && !telling.looked.settled {
            return Err(SlackError::PutOff("people are looked up first"));
        }
        if lease.places[at].unsure && lease.places[at].replies < replies.len() {
            self.count_replies(&mut lease.places[at], token, &posted, round).await?;
        }
        for (position, reply) in replies.iter().enumerate().skip(lease.places[at].replies) {
            let is_told = release.telling.thread || mentions(&reply.0);
            if is_told {
                let number = position + 1;
                round.patiently(|| self.slack.reply(token, &posted, number, reply)).await?;
            }
            // Written down with the lease: who finds that it was not given back counts what is there.
            lease.places[at].replies = position + 1;
        }
        Ok(())
    }

    /// The message, where it is known or can be found: it may have been posted by somebody who could not write that down.
    async fn posted(
        &self,
        place: &Place,
        token: &SecretString,
        channel: &str,
        release: &Release,
        round: &Round,
    ) -> Result<Option<Posted>, SlackError> {
        if place.posted.is_some() || !place.unsure {
            return Ok(place.posted.clone());
        }
        let find = || self.slack.find(token, channel, release.id.as_str(), release.accepted);
        match round.patiently(find).await {
            // Without the scopes to look, a second message is possible; none at all would be worse.
            Err(SlackError::Refused(why)) => {
                tracing::warn!(why, "whether the message was posted cannot be seen");
                Ok(None)
            }
            found => found,
        }
    }

    /// Counts the replies that are there.
    async fn count_replies(
        &self,
        place: &mut Place,
        token: &SecretString,
        posted: &Posted,
        round: &Round,
    ) -> Result<(), SlackError> {
        match round.patiently(|| self.slack.replies(token, posted)).await {
            Ok(last) => place.replies = place.replies.max(last),
            // Without the scopes to look, a reply may come twice.
            Err(SlackError::Refused(why)) if why != "thread_not_found" => {
                tracing::warn!(why, "which replies were posted cannot be seen");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// A new message for the moment that is due. Where an answer is lost, it may come twice: a webhook cannot be asked.
    async fn webhook(
        &self,
        lease: &mut Lease,
        at: usize,
        url: &SecretString,
        telling: &Telling<'_>,
        round: &Round,
    ) -> Result<(), SlackError> {
        let (release, known) = (telling.release, &telling.looked.known);
        let Some(moment) = moment::due(release, &lease.places[at].told) else { return Ok(()) };
        let pressable = !telling.secrets.slack_signing_secret.is_empty();
        let message = webhook::message(&message::view(release, known), &moment, known, pressable);
        round.patiently(|| self.webhook.post(url, &message)).await?;
        self.past(lease, at, release).await
    }

    /// A text for the moment that is due.
    async fn topic(&self, lease: &mut Lease, at: usize, telling: &Telling<'_>) -> Result<(), SlackError> {
        let release = telling.release;
        let (Some(moment), Some(topic)) = (moment::due(release, &lease.places[at].told), &self.topic) else {
            return Ok(());
        };
        let published = topic.publish(&plain(release, &moment), release.id.as_str(), &moment.key).await;
        published.map_err(|error| match error {
            CallError::Refused { code, .. } => SlackError::Refused(code),
            CallError::Unanswered(why) => SlackError::Unreached(why),
        })?;
        self.past(lease, at, release).await
    }

    /// Writes down that everything until now is past.
    async fn past(&self, lease: &mut Lease, at: usize, release: &Release) -> Result<(), SlackError> {
        let place = &mut lease.places[at];
        for moment in moment::moments(release) {
            if !place.told.contains(&moment.key) {
                place.told.push(moment.key);
            }
        }
        self.keep(lease).await
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

/// Whether a text mentions somebody. What comes from outside is escaped, so that a `<` is ours.
fn mentions(text: &str) -> bool {
    ["<@", "<!subteam^"].iter().any(|mention| text.contains(mention))
}
