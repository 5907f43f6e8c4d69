//! Confirm and Cancel, under a question that a command led to.

use std::time::Duration;

use jiff::SignedDuration;
use longshore_aws::{deeds::Undone, ids};
use longshore_core::slack::{
    User,
    answer::{self, Answer, Seen},
    command::{Errand, Key},
    confirm::{Answered, Proposal},
};
use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};

use crate::Trigger;

/// For how long a question stands.
const ASKED: SignedDuration = SignedDuration::from_mins(15);
/// By when it is decided, from the receipt of the press.
const DECIDED: Duration = Duration::from_millis(1600);
/// By when whoever pressed sees it.
const TOLD: Duration = Duration::from_millis(2600);

impl Trigger {
    /// Somebody answered a question. The question is replaced by what came of it.
    pub(crate) async fn confirmation(&self, answered: Answered, received: Instant) {
        let Answered { by, confirmed, response_url } = answered;
        let address = response_url.clone().map(SecretString::from);
        let answer = match confirmed {
            None => {
                tracing::info!(user = by.id, "a command was left");
                answer::dismissed()
            }
            Some(proposal) => {
                let confirmed = Box::pin(self.confirm(by, proposal, address));
                timeout_at(received + DECIDED, confirmed).await.unwrap_or_else(|_| {
                    Answer::sentence("Longshore did not come to an end in time. What is confirmed is done once: if nothing is told in a minute, give the command again.")
                })
            }
        };
        let Some(response_url) = response_url else { return };
        match timeout_at(received + TOLD, self.slack.respond(&response_url, &answer.body(Seen::Instead))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a question could not be replaced"),
            Err(_) => tracing::warn!("a question could not be replaced in time"),
        }
    }

    async fn confirm(&self, by: User, proposal: Proposal, response_url: Option<SecretString>) -> Answer {
        let key = Key::of_confirmation(&proposal.id);
        let taken = async {
            // Pressed again: what it changed since is its own work.
            if self.store.knows_errand(&key).await? {
                return Ok(());
            }
            let age = proposal.id.at().map(|at| ids::now().duration_since(at));
            if age.is_none_or(|age| age > ASKED) {
                return Err(Undone::Refused(
                    "the question is older than 15 minutes; give the command again".to_owned(),
                ));
            }
            if let Some(why) = self.changed_since(&proposal.pipeline, &proposal.shown).await? {
                return Err(Undone::Refused(why));
            }
            let Proposal { id, name, wanted, shown, .. } = proposal.clone();
            let errand = Errand::given(id, by, name, wanted, shown, ids::now());
            self.take_on(&key, &errand, response_url).await
        };
        match taken.await {
            Ok(()) => answer::confirmed(&proposal.wanted, &proposal.name),
            Err(Undone::Refused(why)) => answer::undone(&why),
            Err(Undone::Store(error)) => {
                tracing::error!(command = %key, %error, "a confirmation could not be written down");
                Answer::sentence(
                    "Longshore could not look that up or write it down: nothing was done. Give the command again.",
                )
            }
        }
    }
}
