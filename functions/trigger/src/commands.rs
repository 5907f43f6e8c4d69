//! `POST /slack/commands`: somebody gave a slash command.
//!
//! Slack waits for three seconds. A question is answered at once, in the answer to the request, and nobody else sees it. What somebody wants done is
//! written down, acknowledged, and done by an invocation of its own ([`errands`]); what changes production is asked about first ([`proposals`],
//! [`confirm`]).

mod confirm;
mod deeds;
mod errands;
mod proposals;
mod questions;

use std::time::Duration;

use jiff::Timestamp;
use longshore_aws::{
    deeds::Undone,
    http::{Request, Response},
    ids,
};
use longshore_core::{
    release::ReleaseId,
    slack::{
        SIGNATURE, TIMESTAMP,
        answer::{self, Answer, Seen},
        command::{self, Command, Errand, Given, Key, Wanted},
    },
};
use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};

use crate::Trigger;

/// The largest command, in bytes: Slack's own limit for what is typed is far below.
const LIMIT: usize = 64 * 1024;
/// By when it is answered. Slack waits for three seconds, and a cold start is among them.
const ANSWERED: Duration = Duration::from_millis(2300);

const LATE: &str =
    "Longshore did not come to an end in time. Try again: what was written down is done once, and told here.";

impl Trigger {
    /// `POST /slack/commands`. 401: every failure of proof; 400: not what Slack sends; 413: larger than 64 KiB; 503: the proof could not be
    /// checked; else 200 with what whoever gave the command is told, whatever became of it.
    pub(crate) async fn command(&self, request: &Request) -> Response {
        let received = Instant::now();
        if request.body.len() > LIMIT {
            return Response::too_large(LIMIT);
        }
        let body = match self.slack_body(request, received + ANSWERED).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let given = match command::read(body) {
            Ok(Some(given)) => given,
            Ok(None) => return Response::empty(),
            Err(error) => {
                tracing::warn!(%error, "a signed request that is no command");
                return Response::bad_request(&error.to_string());
            }
        };
        let header = |name| request.headers.get(name).unwrap_or_default();
        let (key, signed) = (Key::of_request(header(SIGNATURE)), header(TIMESTAMP));
        // It was proven, so that it is a time.
        let signed =
            signed.parse().ok().and_then(|second| Timestamp::from_second(second).ok()).unwrap_or_else(ids::now);
        let answered = timeout_at(received + ANSWERED, Box::pin(self.answered(given, &key, signed))).await;
        let answer = answered.unwrap_or_else(|_| {
            tracing::warn!(command = %key, "a command was not answered in time");
            Answer::sentence(LATE)
        });
        Response::new(200, &answer.body(Seen::Privately))
    }

    /// What whoever gave a command is told at once.
    async fn answered(&self, given: Given, key: &Key, signed: Timestamp) -> Answer {
        let config = &self.settings.config;
        match Command::parse(&given.text, config) {
            Err(unclear) => {
                tracing::info!(command = %key, user = given.by.id, "a command was not understood");
                answer::unclear(&unclear, &given.name, config)
            }
            Ok(Command::Question(question)) => match self.question(&question, &given.name).await {
                Ok(answer) => answer,
                Err(Undone::Refused(why)) => Answer::sentence(&sentence(&why)),
                Err(Undone::Store(error)) => {
                    tracing::error!(command = %key, %error, "a question could not be answered");
                    Answer::sentence("Longshore could not look that up. Try again.")
                }
            },
            // A request that is sent again has the same release.
            Ok(Command::Wanted(wanted)) => Box::pin(self.wanted(given, key, key.release(signed), wanted)).await,
        }
    }

    /// Asks whoever wants something that changes production; writes down what somebody else wants.
    async fn wanted(&self, given: Given, key: &Key, id: ReleaseId, wanted: Wanted) -> Answer {
        let received = ids::now();
        let taken = async {
            if let Some(asked) = Box::pin(self.proposed(&given, &id, &wanted)).await? {
                return Ok(asked);
            }
            let errand = Errand::given(id, given.by.clone(), given.name.clone(), wanted, Vec::new(), received);
            self.take_on(key, &errand, given.response_url.map(SecretString::from)).await?;
            Ok(answer::acknowledged(&errand.wanted, &errand.name))
        };
        match taken.await {
            Ok(answer) => answer,
            Err(Undone::Refused(why)) => answer::undone(&why),
            Err(Undone::Store(error)) => {
                tracing::error!(command = %key, %error, "a command could not be written down");
                Answer::sentence("Longshore could not look that up or write it down: nothing was done. Try again.")
            }
        }
    }

    /// Writes down what somebody wants, and wakes an invocation that does it. Known already: nothing more happens.
    async fn take_on(&self, key: &Key, errand: &Errand, response_url: Option<SecretString>) -> Result<(), Undone> {
        let new = self.store.keep_errand(key, errand, response_url.as_ref()).await?;
        let (user, word) = (&errand.by.id, errand.wanted.word().word());
        tracing::info!(command = %key, user, word, new, release = %errand.id, "a command was taken");
        if new {
            self.events.command(key).await;
        }
        Ok(())
    }
}

/// With a capital letter and a full stop.
fn sentence(why: &str) -> String {
    let mut letters = why.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
