//! Keeping what people are told of a release as new as its record.
//!
//! One invocation writes at a time: it takes a lease, brings every place up to the record, writes down how far each is, gives the lease
//! back, and looks whether the record changed meanwhile. Who finds the lease taken goes away: the holder looks once more after it gave
//! the lease back. So no version is drawn over by an older one; what a holder that failed or died leaves undone, the tick does.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use longshore_aws::{
    ids, metrics,
    store::{Lease, Looked, Place, Target},
    telemetry,
};
use longshore_core::release::{Release, ReleaseId};
use secrecy::SecretString;
use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    Notify, known,
    places::{Telling, targets},
    slack::SlackError,
};

/// What a place does not take is tried for this long after its release ended.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(24);
/// For how long a place that refuses is left alone. Somebody has to do something first: invite the app to a channel, for example.
const REFUSED: SignedDuration = SignedDuration::from_mins(5);
/// The longest pause that Slack may ask for; a longer one is cut.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// For how long after its beginning a release's replies wait for people to be looked up.
const LOOK_UP: SignedDuration = SignedDuration::from_mins(5);

/// What one invocation has found out, and has left.
pub(crate) struct Round {
    began: Instant,
    /// What Slack failed at in a row.
    failures: u32,
}

impl Round {
    /// After this, nothing new is begun: a call may take 8 s, and a function runs for 25.
    const LASTS: Duration = Duration::from_secs(12);
    /// So many answers 5xx in a row are Slack's own trouble, and not that of one message; no answer at all is at once.
    const DOWN: u32 = 3;
    /// The longest pause between two attempts within an invocation, in seconds.
    const PAUSE: u64 = 3;

    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), failures: 0 }
    }

    /// Slack does not answer: it is not asked any more.
    fn slack_is_down(&self) -> bool {
        self.failures >= Self::DOWN
    }

    /// Whether its time is up.
    pub(crate) fn is_over(&self) -> bool {
        self.began.elapsed() > Self::LASTS
    }

    /// Makes a call, and again after the short pauses that Slack asks for.
    pub(crate) async fn patiently<T, F: Future<Output = Result<T, SlackError>>>(
        &self,
        call: impl Fn() -> F,
    ) -> Result<T, SlackError> {
        loop {
            if self.is_over() {
                return Err(SlackError::PutOff("the time of this invocation is up"));
            }
            match call().await {
                Err(SlackError::Limited(seconds)) if seconds <= Self::PAUSE => {
                    tokio::time::sleep(Duration::from_secs(seconds.max(1))).await;
                }
                answer => return answer,
            }
        }
    }
}

impl Notify {
    /// Whether there is something to tell, or to be found final, and it may be told now.
    pub(crate) async fn is_stale(&self, id: &ReleaseId) -> anyhow::Result<bool> {
        let Some(shown) = self.store.message_shown(id).await? else { return Ok(false) };
        if shown.not_before.is_some_and(|not_before| ids::now() < not_before) {
            return Ok(false);
        }
        let release = self.store.release(id).await?;
        Ok(release.is_some_and(|release| shown.version < release.version || release.is_closed()))
    }

    /// Tells of a release until every place that takes it shows the record's newest version.
    pub(crate) async fn draw(&self, id: &ReleaseId, round: &mut Round) -> anyhow::Result<()> {
        let span = telemetry::of(id);
        self.draw_on(id, round).instrument(span).await
    }

    async fn draw_on(&self, id: &ReleaseId, round: &mut Round) -> anyhow::Result<()> {
        while !round.is_over() {
            let Some(mut lease) = self.store.lease_message(id, ids::now()).await? else { return Ok(()) };
            let Some(mut release) = self.store.release(id).await? else { return Ok(()) };
            telemetry::know(&release);
            let up_to_date = loop {
                let before = lease.drawn;
                if let Err(error) = self.deliver(&mut lease, &release, round).await {
                    tracing::warn!(release = %id, %error, "what was told could not be written down: the tick will try again");
                    return Ok(());
                }
                let up_to_date = lease.drawn >= release.version;
                if up_to_date && before < release.version {
                    metrics::slack_lag(ids::now().duration_since(release.changed));
                }
                tracing::debug!(release = %id, version = lease.drawn, up_to_date, "told");
                // Changes come in bursts: what came meanwhile is told with the same lease.
                match self.newer(&release).await? {
                    Some(newer) if up_to_date && !round.is_over() => release = newer,
                    _ => break up_to_date,
                }
            };
            let given_up = release.ended.is_some_and(|ended| ids::now().duration_since(ended) > GIVE_UP);
            let is_final = release.is_closed() && (up_to_date || given_up);
            if !self.store.release_message(&lease, is_final).await? {
                tracing::warn!(release = %id, "the lease was lost");
            }
            if is_final || self.newer(&release).await?.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The record, where it is newer than this.
    async fn newer(&self, release: &Release) -> anyhow::Result<Option<Release>> {
        let newest = self.store.release(&release.id).await?;
        Ok(newest.filter(|newest| newest.version > release.version))
    }

    /// Brings every place up to the record, as far as that goes. What was done is in the lease. The error is the lease's: it was lost, or
    /// the table did not take what was done.
    async fn deliver(&self, lease: &mut Lease, release: &Release, round: &mut Round) -> Result<(), SlackError> {
        let secrets = match self.secrets.current().await {
            Ok(secrets) => secrets,
            Err(error) => {
                tracing::warn!(release = %release.id, "{error:#}");
                return Ok(());
            }
        };
        own_name(&mut lease.places, release);
        let targets = targets(release, &secrets, self.topic.is_some(), &lease.places);
        for target in &targets {
            if !lease.places.iter().any(|place| place.target == *target) {
                lease.places.push(Place { unsure: lease.unsure, ..Place::new(target.clone()) });
            }
        }
        let is_due = |place: &Place| targets.contains(&place.target) && !place.gone && place.drawn < release.version;
        if lease.places.iter().any(is_due) {
            self.look_up(lease, release, secrets.slack_bot_token.as_ref(), round).await;
        }
        let telling = Telling { release, secrets: &secrets, looked: lease.looked.clone().unwrap_or_default() };
        for at in 0..lease.places.len() {
            let now = ids::now();
            let place = &lease.places[at];
            let waits = place.not_before.is_some_and(|not_before| now < not_before);
            if !is_due(place) || waits || round.slack_is_down() && place.target != Target::Topic {
                continue;
            }
            let told = self.tell(lease, at, &telling, round).await;
            if let Err(error @ SlackError::Store(_)) = told {
                return Err(error);
            }
            settle(&mut lease.places[at], release, told, now, round);
        }
        let due: Vec<&Place> =
            lease.places.iter().filter(|place| targets.contains(&place.target) && !place.gone).collect();
        lease.drawn = due.iter().map(|place| place.drawn).min().unwrap_or(release.version);
        let behind = due.iter().filter(|place| place.drawn < release.version);
        // None where one of them may be tried at once.
        lease.not_before = behind.map(|place| place.not_before).min().flatten();
        Ok(())
    }

    /// Looks up what messages show besides the record, unless that was done. While Slack does not answer, that is left for later.
    async fn look_up(&self, lease: &mut Lease, release: &Release, token: Option<&SecretString>, round: &Round) {
        if lease.looked.as_ref().is_some_and(|looked| looked.settled) {
            return;
        }
        let asked = token.filter(|_| !round.slack_is_down());
        let before = lease.looked.take().map(|looked| looked.known);
        let (known, error) = known::look_up(&self.store, &self.slack, asked, release, before).await;
        let settled = match error {
            Some(error) => {
                tracing::warn!(release = %release.id, %error, "people could not be looked up");
                // Whatever keeps Slack from answering just this, the replies wait no longer for it.
                ids::now().duration_since(release.accepted) > LOOK_UP
            }
            None => asked.is_some() || token.is_none(),
        };
        lease.looked = Some(Looked { known, settled });
    }
}

/// A place of an item of the version before is the pipeline's channel.
fn own_name(places: &mut [Place], release: &Release) {
    for place in places {
        if let (Target::Channel(name), Some(own)) = (&mut place.target, &release.channel)
            && name.is_empty()
        {
            name.clone_from(own);
        }
    }
}

/// What came of an attempt at a place.
fn settle(place: &mut Place, release: &Release, told: Result<(), SlackError>, now: Timestamp, round: &mut Round) {
    let of_slack = place.target != Target::Topic;
    let Err(error) = told else {
        if of_slack {
            round.failures = 0;
        }
        place.drawn = release.version;
        (place.unsure, place.not_before) = (false, None);
        return;
    };
    if error.is_gone() && place.posted.is_some() {
        tracing::info!(release = %release.id, "the message was deleted: it is left at that");
        place.gone = true;
        return;
    }
    tracing::warn!(release = %release.id, %error, "it was not told: the tick will try again");
    match error {
        SlackError::Limited(seconds) => {
            let pause = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            place.not_before = Some(now + pause.min(LONGEST_PAUSE));
        }
        SlackError::Refused(_) => place.not_before = Some(now + REFUSED),
        SlackError::Unreached(_) | SlackError::Status(_) | SlackError::TooLarge => {
            place.unsure = true;
            if of_slack {
                round.failures += if matches!(error, SlackError::Unreached(_)) { Round::DOWN } else { 1 };
            }
        }
        SlackError::Store(_) | SlackError::PutOff(_) => {}
    }
}
