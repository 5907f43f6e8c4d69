//! What the app says at a `response_url`: five times within half an hour.
//!
//! Source: <https://docs.slack.dev/interactivity/handling-user-interaction>. The documentation does not say what a `response_url` answers
//! once it is used up or too old; here that is 404. Nor does it say what replacing does where no message was pressed, as after a slash
//! command: here that is 400.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Slack,
    command::is_for_all,
    post::{Content, blank},
    request::Args,
    settings::Interactions,
    state::State as Changing,
};

/// For how long an address to answer at is good, and how often.
const LIFE: Duration = Duration::from_mins(30);
const USES: u32 = 5;

/// Where the app may answer.
#[derive(Debug)]
pub struct Answerable {
    channel: String,
    thread: Option<String>,
    user: String,
    /// The message that was pressed.
    original: Option<String>,
    issued: Instant,
    used: u32,
}

impl Answerable {
    pub fn new(channel: &str, thread: Option<String>, user: &str, original: Option<String>) -> Self {
        let (channel, user) = (channel.to_owned(), user.to_owned());
        Self { channel, thread, user, original, issued: Instant::now(), used: 0 }
    }
}

impl Changing {
    /// An address where the app may answer.
    pub fn answerable(&mut self, to: &Interactions, answerable: Answerable) -> String {
        let id = self.id("response-");
        let url = format!("{}/responses/{id}", to.own);
        self.answerable.insert(id, answerable);
        url
    }
}

/// The route of the app's answers.
pub fn routes() -> Router<Arc<Slack>> {
    Router::new().route("/responses/{id}", post(answered))
}

async fn answered(State(slack): State<Arc<Slack>>, Path(id): Path<String>, body: Bytes) -> Response {
    match slack.respond(&id, &body) {
        Ok(()) => "ok".into_response(),
        Err((status, error)) => (status, Json(json!({ "ok": false, "error": error }))).into_response(),
    }
}

impl Slack {
    /// A message of the app's own, for the one who pressed or for all; or the pressed message, replaced or deleted.
    fn respond(&self, id: &str, body: &[u8]) -> Result<(), (StatusCode, &'static str)> {
        let refused = |error| (StatusCode::BAD_REQUEST, error);
        let gone = |error| (StatusCode::NOT_FOUND, error);
        let said: Value = serde_json::from_slice(body).map_err(|_| refused("invalid_payload"))?;
        let everybody = is_for_all(&said).map_err(refused)?;
        let (replace, delete) = (said["replace_original"] == true, said["delete_original"] == true);
        let content = Args::of(said).ok_or(refused("invalid_payload"))?;
        let content = Content::read(&content).map_err(|_| refused("invalid_blocks"))?;
        if content.is_empty() && !delete {
            return Err(refused("no_text"));
        }
        let mut state = self.state();
        let to = state.answerable.get_mut(id).ok_or(gone("expired_url"))?;
        if to.issued.elapsed() > LIFE {
            return Err(gone("expired_url"));
        }
        if to.used == USES {
            return Err(gone("used_url"));
        }
        to.used += 1;
        let (channel, thread, user, original) =
            (to.channel.clone(), to.thread.clone(), to.user.clone(), to.original.clone());
        if replace || delete {
            let original = original.ok_or(refused("no_original"))?;
            let there = |message: &crate::Message| message.channel == channel && message.ts == original;
            let at = state.messages.iter().position(|message| there(message) && !message.deleted);
            let at = at.ok_or(gone("message_not_found"))?;
            if delete {
                state.messages[at].deleted = true;
            } else {
                let now = state.ts();
                let mut message = state.messages[at].clone();
                message.keep(&now);
                content.fill(&mut state, &mut message);
                state.messages[at] = message;
            }
        } else {
            let ts = state.ts();
            let mut message = blank(&channel, &ts);
            content.fill(&mut state, &mut message);
            (message.thread_ts, message.only_for) = (thread, (!everybody).then_some(user));
            state.messages.push(message);
        }
        drop(state);
        self.touch();
        Ok(())
    }
}
