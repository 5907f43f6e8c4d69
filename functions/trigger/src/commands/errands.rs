//! What people want done, done: once, however often it is come to, and told to whoever wants it.
//!
//! An event brings an errand here as soon as it is written down, and the tick whatever is left: one whose invocation died, or one that could not be
//! told. It is done under a lease; what became of it is written down before it is told; it is told five times at most, which is as often as Slack takes
//! an answer, and not once those 30 minutes are over.

use jiff::{SignedDuration, Timestamp};
use longshore_aws::{
    deeds::Undone,
    ids,
    store::TakenErrand,
    together::{each, from_anywhere},
};
use longshore_core::slack::{
    answer::{self, Answer, Seen},
    command::{Key, Outcome},
};
use secrecy::ExposeSecret;

use crate::Trigger;

/// For how long whoever gave a command can be answered.
/// Source: <https://docs.slack.dev/interactivity/handling-user-interaction#message_responses>.
const ANSWERABLE: SignedDuration = SignedDuration::from_mins(30);
/// After this, nothing is done any more that was not: they have helped themselves, and can still be told.
const WANTED: SignedDuration = SignedDuration::from_mins(25);
/// How long to wait before it is told again, after each time that it could not be. As many as Slack takes answers.
const AGAIN: [SignedDuration; 5] = [
    SignedDuration::ZERO,
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
    ANSWERABLE,
];

impl Trigger {
    /// Sees to an errand, unless somebody else does or it is over. An error is for the tick.
    pub(crate) async fn errand(&self, key: &Key) -> anyhow::Result<()> {
        let now = ids::now();
        let Some(taken) = self.store.take_errand(key, now).await? else { return Ok(()) };
        let age = now.duration_since(taken.errand.received);
        if let Some(outcome) = &taken.outcome {
            return self.tell(&taken, outcome, age, now).await;
        }
        let Some(outcome) = self.come_to(&taken, age).await else {
            self.store.leave_errand(&taken).await?;
            return Ok(());
        };
        match self.store.errand_came_to(&taken, &outcome).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(command = %key, "another invocation has the command: it tells what became of it");
                return Ok(());
            }
            // It is done again, and changes nothing more.
            Err(error) => {
                self.store.leave_errand(&taken).await?;
                return Err(error.into());
            }
        }
        self.tell(&taken, &outcome, age, now).await
    }

    /// Does it; `None`: the table did not answer, and it is tried again.
    async fn come_to(&self, taken: &TakenErrand, age: SignedDuration) -> Option<Outcome> {
        let errand = &taken.errand;
        let (user, word) = (&errand.by.id, errand.wanted.word().word());
        let refused = |answer: Answer, why: String| Some(Outcome { seen: Seen::Privately, answer, refused: Some(why) });
        if age > WANTED {
            tracing::error!(command = %taken.key, user, word, "a command could not be done in time");
            let command = format!("{} status", errand.name);
            let told = Answer::sentence(&format!(
                "Longshore could not come to that for half an hour, and leaves it now. {command} tells how it stands."
            ));
            return refused(told, "it could not be done in time, and is left".to_owned());
        }
        match Box::pin(self.do_it(errand, taken.maybe_done)).await {
            Ok(done) => {
                tracing::info!(command = %taken.key, user, word, "a command was done");
                let answer = answer::done(&done, &errand.by, &errand.name);
                Some(Outcome { seen: Seen::Publicly, answer, refused: None })
            }
            Err(Undone::Refused(why)) => {
                tracing::warn!(command = %taken.key, user, word, why, "a command was not done");
                refused(answer::undone(&why), why)
            }
            Err(Undone::Store(error)) => {
                tracing::error!(command = %taken.key, user, word, %error, "a command could not be seen to: the next tick tries again");
                None
            }
        }
    }

    async fn tell(
        &self,
        taken: &TakenErrand,
        outcome: &Outcome,
        age: SignedDuration,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        if taken.errand.called {
            // Whoever called looks for it in the table.
            self.store.close_errand(taken).await?;
            return Ok(());
        }
        let again = usize::try_from(taken.tellings).ok().and_then(|told| AGAIN.get(told));
        let (Some(again), Some(url), true) = (again, &taken.response_url, age < ANSWERABLE) else {
            tracing::warn!(command = %taken.key, user = taken.errand.by.id, "whoever gave a command could not be told what became of it");
            self.store.close_errand(taken).await?;
            return Ok(());
        };
        // It counts before it is tried: Slack may take an answer whose receipt is not heard of.
        if !self.store.errand_is_told(taken, now + *again).await? {
            return Ok(());
        }
        match self.slack.respond(url.expose_secret(), &outcome.answer.body(outcome.seen)).await {
            Ok(()) => self.store.close_errand(taken).await?,
            Err(error) => {
                tracing::warn!(command = %taken.key, %error, tellings = taken.tellings + 1, "whoever gave a command could not be told");
                self.store.leave_errand(taken).await?
            }
        };
        Ok(())
    }

    /// Sees to all that is left. One that fails does not keep the others waiting.
    pub(crate) async fn see_to_errands(&self) -> anyhow::Result<()> {
        let open = from_anywhere(self.store.open_errands().await?);
        each(open, |key| async move {
            if let Err(error) = Box::pin(self.errand(&key)).await {
                tracing::error!(command = %key, "{error:#}");
            }
        })
        .await;
        Ok(())
    }
}
