//! `POST /slack/interactions`: somebody pressed a button of a message.
//!
//! Slack waits for three seconds, and shows a warning sign after that. So everything here is done against one deadline. What was done shows
//! in the message, which `notify` draws; what was not done is told to whoever pressed, and to nobody else.

use std::time::Duration;

use longshore_aws::{
    deeds::{Deeds, Undone},
    http::{Request, Response},
    ids,
    secrets::{Secrets, expose},
};
use longshore_core::{
    approval::{Identity, Who},
    config::{Approval, Approver},
    release::Release,
    signature::{self, Unproven, Verified},
    slack::{self, Action, Press, Pressed, User, stale},
};
use tokio::time::{Instant, timeout_at};

use crate::{
    Trigger,
    slack::{Profile, SlackError},
};

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
            Ok(Some(pressed)) => self.pressed(pressed, received).await,
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
        let Pressed { by, press, response_url, at } = pressed;
        let (release, action, environment) = (&press.release, press.action.id(), &press.environment);
        let done = timeout_at(received + DECIDED, Box::pin(self.act(&by, &press))).await.unwrap_or(Err(NotDone::Late));
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

    async fn act(&self, by: &User, press: &Press) -> Result<Release, NotDone> {
        let now = ids::now();
        let release = self.store.release(&press.release).await.map_err(Undone::from)?;
        let Some(release) = release else {
            return Err(NotDone::Refused(
                "Nothing was changed: Longshore does not know this release any more.".to_owned(),
            ));
        };
        if let Some(why) = stale(&release, press, now) {
            return Err(NotDone::Refused(why));
        }
        let deployment = release.deployment_to(&press.environment).ok();
        let who = self.who(by, deployment.and_then(|(_, deployment)| deployment.plan.approval.as_ref())).await?;
        let deeds = Deeds { store: &self.store, events: &self.events };
        let (id, environment, service) = (&press.release, &*press.environment, press.service.as_deref());
        let done = match press.action {
            Action::Approve => deeds.decide(id, environment, &who, true, None, now).await,
            Action::Reject => deeds.decide(id, environment, &who, false, None, now).await,
            Action::Continue => deeds.answer_as(id, environment, service, &who, true, now).await,
            Action::RollBack => deeds.answer_as(id, environment, service, &who, false, now).await,
        };
        Ok(done?)
    }

    /// Who pressed, as far as the approval wants to know it: Slack is asked for groups where these decide, and for the address where the
    /// commit's author may not approve.
    pub(crate) async fn who(&self, by: &User, approval: Option<&Approval>) -> Result<Who, SlackError> {
        let named = |approver: &Approver| matches!(approver, Approver::User(id) if *id == by.id);
        let group = |approver: &Approver| matches!(approver, Approver::Group(_) | Approver::GroupId(_));
        let approvers = approval.map(|approval| approval.by.as_slice()).unwrap_or_default();
        let by_group = !approvers.iter().any(named) && approvers.iter().any(group);
        let by_address = approval.is_some_and(|approval| approval.not_author);
        let (mut groups, mut profile) = (Vec::new(), Profile::default());
        if by_group || by_address {
            let secrets = self.secrets.current().await.map_err(|_| SlackError::NoToken)?;
            let token = secrets.slack_bot_token.as_ref().ok_or(SlackError::NoToken)?;
            let asked =
                async { if by_group { self.slack.groups_of(token, approvers, &by.id).await } else { Ok(Vec::new()) } };
            let shown =
                async { if by_address { self.slack.profile(token, &by.id).await } else { Ok(Profile::default()) } };
            (groups, profile) = tokio::try_join!(asked, shown)?;
        }
        let identity = Identity::Slack { id: by.id.clone(), groups, email: profile.email };
        Ok(Who { name: profile.name.unwrap_or_else(|| by.name.clone()), identity })
    }
}
