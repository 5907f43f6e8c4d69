//! `POST /slack/interactions`: somebody pressed a button of a message, or submitted a modal.
//!
//! Slack waits for three seconds, and shows a warning sign after that. So everything here is done against one deadline. What was done shows
//! in the message, which `notify` draws; what was not done is told to whoever pressed, and to nobody else.

use std::time::Duration;

use longshore_aws::{
    deeds::Undone,
    http::{Request, Response},
    ids,
    secrets::{Secrets, expose},
};
use longshore_core::{
    approval::Who,
    release::{Person, Release, Verdict},
    signature::{self, Unproven, Verified},
    slack::{self, Action, Interaction, Press, Pressed, Submitted, User, command::Key, rejection, stale},
    text::shorten,
};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use crate::{Trigger, deeds::current, slack::SlackError, who::Place};

/// The largest interaction, in bytes: it carries the whole message.
const LIMIT: usize = 1024 * 1024;
/// By when it is decided. What is not done by then is told as not known: pressing again has no second effect.
const DECIDED: Duration = Duration::from_millis(2200);
/// By when whoever pressed was told.
const TOLD: Duration = Duration::from_millis(2700);

/// Why a press did nothing. The sentence is for whoever pressed.
#[derive(Debug, thiserror::Error)]
enum NotDone {
    /// It cannot be done, or not by them, or not any more.
    #[error("{0}")]
    Refused(String),
    /// Slack did not say who they are.
    #[error("Nothing was changed: whether you may do that is not known ({0}). Try again.")]
    Unknown(#[from] SlackError),
    /// The table did not answer.
    #[error("Longshore could not look that up or write it down. Try again.")]
    Store,
    /// It took too long.
    #[error("Longshore did not come to an end in time. If the message shows nothing of it in a minute, try again.")]
    Late,
}

impl From<Undone> for NotDone {
    fn from(undone: Undone) -> Self {
        match undone {
            Undone::Refused(why) => Self::Refused(format!("Nothing was changed: {why}.")),
            Undone::Store(error) => {
                tracing::error!(%error, "a press could not be seen to");
                Self::Store
            }
        }
    }
}

impl Trigger {
    /// `POST /slack/interactions`. 401: every failure of proof; 400: not what Slack sends; 200 with no body: understood, whatever became of it.
    pub(crate) async fn interaction(&self, request: &Request) -> Response {
        let received = Instant::now();
        if request.body.len() > LIMIT {
            return Response::too_large(LIMIT);
        }
        let body = match self.slack_body(request, received + DECIDED).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        if let Some(answered) = slack::confirm::read(body) {
            self.confirmation(answered, received).await;
            return Response::empty();
        }
        match slack::read(body) {
            Ok(Some(Interaction::Pressed(pressed))) => self.pressed(pressed, received).await,
            Ok(Some(Interaction::Submitted(submitted))) => return self.submitted(submitted, received).await,
            Ok(None) => tracing::debug!("an interaction that is nothing to us"),
            Err(error) => {
                tracing::warn!(%error, "a signed request that is no interaction");
                return Response::bad_request(&error.to_string());
            }
        }
        Response::empty()
    }

    /// The body, where Slack signed it; else what the sender is answered. `until`: by when that has to be known.
    pub(crate) async fn slack_body<'r>(&self, request: &'r Request, until: Instant) -> Result<Verified<'r>, Response> {
        match timeout_at(until, self.slack_proven(request)).await {
            Ok(Ok(Ok(body))) => Ok(body),
            Ok(Ok(Err(why))) => {
                tracing::warn!(%why, "a request in Slack's name was refused");
                Err(Response::unproven())
            }
            Ok(Err(error)) => {
                tracing::error!("{error:#}");
                Err(Response::try_again())
            }
            Err(_) => Err(Response::try_again()),
        }
    }

    /// The body, where Slack signed it. A mismatch is checked once more against a fresh reading of the secret, which may have been rotated.
    async fn slack_proven<'r>(&self, request: &'r Request) -> anyhow::Result<Result<Verified<'r>, Unproven>> {
        let verify = |secrets: &Secrets| {
            let header = |name| request.headers.get(name);
            let secrets = expose(&secrets.slack_signing_secret);
            signature::slack(header(slack::TIMESTAMP), header(slack::SIGNATURE), &request.body, &secrets, ids::now())
        };
        let proven = verify(&*self.secrets.current().await?);
        if matches!(proven, Err(Unproven::Mismatch | Unproven::NoSecret)) {
            return Ok(verify(&*self.secrets.refreshed().await?));
        }
        Ok(proven)
    }

    /// Does what was asked for, or tells why not.
    async fn pressed(&self, pressed: Pressed, received: Instant) {
        let Pressed { by, press, response_url, trigger, at } = pressed;
        let (release, action, environment) = (&press.release, press.action.id(), &press.environment);
        let work = async {
            match trigger {
                Some(trigger) if press.action == Action::Reject => Box::pin(self.ask_why(&by, &press, &trigger)).await,
                Some(_) | None => Box::pin(self.act(&by, &press, None)).await.map(drop),
            }
        };
        let done = timeout_at(received + DECIDED, Box::pin(work)).await.unwrap_or(Err(NotDone::Late));
        let Err(why) = done else {
            tracing::info!(%release, user = by.id, action, environment, ?at, "a press was done");
            return;
        };
        tracing::warn!(%release, user = by.id, action, environment, %why, "a press was not done");
        let Some(response_url) = response_url else { return };
        match timeout_at(received + TOLD, self.slack.tell(&response_url, &why.to_string())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%release, %error, "whoever pressed could not be told"),
            Err(_) => tracing::warn!(%release, "whoever pressed could not be told in time"),
        }
    }

    /// Opens the modal that asks for a reason. Who may not reject does not come to it; without a token there is no modal, and no reason.
    async fn ask_why(&self, by: &User, press: &Press, trigger: &str) -> Result<(), NotDone> {
        let secrets = self.secrets.current().await.map_err(|_| NotDone::Store)?;
        let Some(token) = secrets.slack_bot_token.as_ref() else {
            return Box::pin(self.act(by, press, None)).await.map(drop);
        };
        let release = self.waiting(press).await?;
        let at = release.deployment_to(place(press)).ok();
        if let Some((at, deployment)) = at
            && let Some(approval) = &deployment.plan.approval
        {
            let who = self.who(by, Some(approval)).await?;
            self.deeds().may_decide(&release, at, &who, ids::now()).await?;
        }
        Ok(self.slack.open(token, trigger, &rejection(&release, press)).await?)
    }

    /// Does what a modal was opened for. What was not done is told in it.
    async fn submitted(&self, submitted: Submitted, received: Instant) -> Response {
        let Submitted { by, press, reason } = submitted;
        let release = &press.release;
        let done = timeout_at(received + DECIDED, Box::pin(self.act(&by, &press, reason))).await;
        let Err(why) = done.unwrap_or(Err(NotDone::Late)) else {
            tracing::info!(%release, user = by.id, "a modal was seen to");
            return Response::empty();
        };
        tracing::warn!(%release, user = by.id, %why, "a modal was not seen to");
        let errors = json!({ slack::REASON: shorten(&why.to_string(), 500) });
        Response::new(200, &json!({ "response_action": "errors", "errors": errors }))
    }

    /// The release of a press, where it still waits for that.
    async fn waiting(&self, press: &Press) -> Result<Release, NotDone> {
        let release = self.store.release(&press.release).await.map_err(Undone::from)?;
        let Some(release) = release else {
            return Err(NotDone::Refused(
                "Nothing was changed: Longshore does not know this release any more.".to_owned(),
            ));
        };
        match stale(&release, press, ids::now()) {
            Some(why) => Err(NotDone::Refused(why)),
            None => Ok(release),
        }
    }

    async fn act(&self, by: &User, press: &Press, reason: Option<String>) -> Result<Release, NotDone> {
        let now = ids::now();
        let release = self.waiting(press).await?;
        let (id, environment, service) = (&press.release, place(press), press.service.as_deref());
        let deployment = release.deployment_to(environment).ok();
        let approval = deployment.and_then(|(_, deployment)| deployment.plan.approval.as_ref());
        let deeds = self.deeds();
        let person = |who: Who| Person { name: who.name, reason: reason.clone(), at: now };
        let done = match press.action {
            Action::Approve | Action::Reject => {
                let who = self.who(by, approval).await?;
                let yes = press.action == Action::Approve;
                deeds.decide(id, environment, &who, yes, reason, now).await
            }
            Action::Continue => {
                let who = match approval {
                    Some(_) => self.who(by, approval).await?,
                    None => self.allowed(by, &release, Some(environment), "continue").await?,
                };
                deeds.answer_as(id, environment, service, &who, true, now).await
            }
            // Back to what ran is safe, and everybody's.
            Action::RollBack => {
                let who = self.who(by, None).await?;
                deeds.answer_as(id, environment, service, &who, false, now).await
            }
            Action::Cancel => {
                let who = self.allowed(by, &release, current(&release), "cancel").await?;
                let cancelled = deeds.cancel(id, person(who)).await?;
                return Ok(self.stopped(cancelled).await);
            }
            Action::Retry => {
                let mut who = self.allowed(by, &release, None, "retry").await?;
                let ahead = release.deployments.iter().filter(|deployment| deployment.verdict != Some(Verdict::Live));
                for deployment in ahead {
                    who = self.allowed(by, &release, Some(&deployment.environment), "retry").await?;
                    self.still_asks(&release, &deployment.environment)?;
                }
                // Two who press at once have one effect.
                let new = Key::of_retry(id).release(release.ended.unwrap_or(release.accepted));
                return Ok(self.try_again(&release, new, person(who)).await?);
            }
            Action::Revert => {
                let who = self.allowed(by, &release, Some(environment), "roll back").await?;
                deeds.revert(ids::release_id(), id, environment, person(who)).await
            }
        };
        Ok(done?)
    }

    /// Who they are, where they may.
    async fn allowed(
        &self,
        by: &User,
        release: &Release,
        environment: Option<&str>,
        deed: &str,
    ) -> Result<Who, NotDone> {
        let place = Place { pipeline: &release.pipeline, environment, release: Some(release) };
        Ok(self.permitted(by, &place, deed, ids::now()).await??)
    }
}

fn place(press: &Press) -> &str {
    press.environment.as_deref().unwrap_or_default()
}
