//! Pressing a button: what Slack posts to the app then, and what the app may answer at the `response_url`.
//!
//! Sources: <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>,
//! <https://docs.slack.dev/interactivity/handling-user-interaction>,
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack>. The documentation does not say what a `response_url` answers once it
//! is used up or too old; here that is 404.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::time::Instant;

use crate::{
    Message, Slack,
    post::{Content, blank},
    request::Args,
    settings::Interactions,
};

/// For how long Slack waits for the app's answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// For how long an address to answer at is good, and how often.
const LIFE: Duration = Duration::from_mins(30);
const USES: u32 = 5;

/// Why nothing was pressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPressed {
    /// No app listens.
    #[error("this inbox has no interactions URL to send a click to")]
    Nowhere,
    /// No such user.
    #[error("there is no such user")]
    NoUser,
    /// No such message, or it has never had such a button.
    #[error("there is no such button")]
    NoButton,
    /// The app did not answer within three seconds: people see a warning sign.
    #[error("the app did not answer: {0}")]
    NoAnswer(&'static str),
}

/// Where the app may answer a press.
#[derive(Debug)]
pub struct Answerable {
    channel: String,
    thread: Option<String>,
    user: String,
    issued: Instant,
    used: u32,
}

#[derive(Debug, Deserialize)]
struct Asked {
    user: String,
    ts: String,
    action: String,
}

/// The routes of the page's clicks and of the app's answers.
pub fn routes() -> Router<Arc<Slack>> {
    Router::new().route("/press", post(pressed)).route("/responses/{id}", post(answered))
}

/// A click in the page. JSON alone is taken, which no other page can have a browser send here.
async fn pressed(State(slack): State<Arc<Slack>>, Json(asked): Json<Asked>) -> Response {
    match slack.press(&asked.user, &asked.ts, &asked.action).await {
        Ok(status) => Json(json!({ "status": status })).into_response(),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": error.to_string() }))).into_response(),
    }
}

async fn answered(State(slack): State<Arc<Slack>>, Path(id): Path<String>, body: Bytes) -> Response {
    match slack.respond(&id, &body) {
        Ok(()) => "ok".into_response(),
        Err((status, error)) => (status, Json(json!({ "ok": false, "error": error }))).into_response(),
    }
}

impl Slack {
    /// A user presses a button of a message, by its `action_id`; gives the status of the app's answer. A button that the message shows no
    /// more can be pressed, too: by someone whose screen is behind.
    pub async fn press(&self, user: &str, ts: &str, action_id: &str) -> Result<u16, NotPressed> {
        let to = self.settings.interactions.as_ref().ok_or(NotPressed::Nowhere)?;
        let payload = self.payload(to, user, ts, action_id)?.to_string();
        let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload).finish();
        let timestamp = jiff::Timestamp::now().as_second().to_string();
        let request = local_protocol::http().post(&to.url).timeout(PATIENCE);
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", &timestamp)
            .header("x-slack-signature", signature(&to.signing_secret, &timestamp, &body));
        match request.body(body).send().await {
            Ok(answer) => Ok(answer.status().as_u16()),
            Err(error) if error.is_timeout() => Err(NotPressed::NoAnswer("not within three seconds")),
            Err(_) => Err(NotPressed::NoAnswer("no connection")),
        }
    }

    fn payload(&self, to: &Interactions, user: &str, ts: &str, action_id: &str) -> Result<Value, NotPressed> {
        let user = self.settings.users.iter().find(|known| known.id == user).ok_or(NotPressed::NoUser)?;
        let trigger = self.trigger();
        let mut state = self.state();
        let there = |message: &&Message| message.ts == ts && !message.deleted;
        let message = state.messages.iter().find(there).cloned().ok_or(NotPressed::NoButton)?;
        let (attachment, mut pressed) = button(&message, action_id).ok_or(NotPressed::NoButton)?;
        let channel = state.channels.iter().find(|channel| channel.id == message.channel);
        let channel = json!({ "id": message.channel, "name": channel.map(|channel| channel.name.as_str()) });
        let id = state.id("response-");
        let thread = message.thread_ts.clone();
        let issued = Answerable {
            channel: message.channel.clone(),
            thread,
            user: user.id.clone(),
            issued: Instant::now(),
            used: 0,
        };
        state.answerable.insert(id.clone(), issued);
        pressed["action_ts"] = state.ts().into();
        let mut container = json!({
            "type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": message.only_for.is_some(),
        });
        if let Some(attachment) = attachment {
            (container["type"], container["attachment_id"]) = ("message_attachment".into(), attachment);
            container["is_app_unfurl"] = false.into();
        }
        Ok(json!({
            "type": "block_actions", "api_app_id": crate::APP, "token": "not-used-any-more", "trigger_id": trigger,
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": "T0LOCAL001"},
            "team": {"id": "T0LOCAL001", "domain": "local"}, "enterprise": null, "is_enterprise_install": false,
            "container": container, "channel": channel, "message": message.shown(false), "state": {"values": {}},
            "response_url": format!("{}/responses/{id}", to.own), "actions": [pressed],
        }))
    }

    /// What the app says at a `response_url`: a message of its own, for the one who pressed or for all. Replacing and deleting the message
    /// that was pressed are not played.
    fn respond(&self, id: &str, body: &[u8]) -> Result<(), (StatusCode, &'static str)> {
        let refused = |error| (StatusCode::BAD_REQUEST, error);
        let said: Value = serde_json::from_slice(body).map_err(|_| refused("invalid_payload"))?;
        if said["replace_original"] == true || said["delete_original"] == true {
            return Err(refused("not_played"));
        }
        let everybody = match said["response_type"].as_str() {
            None | Some("ephemeral") => false,
            Some("in_channel") => true,
            Some(_) => return Err(refused("invalid_response_type")),
        };
        let content = Args::of(said).ok_or(refused("invalid_payload"))?;
        let content = Content::read(&content).map_err(|_| refused("invalid_blocks"))?;
        if content.is_empty() {
            return Err(refused("no_text"));
        }
        let mut state = self.state();
        let to = state.answerable.get_mut(id).ok_or((StatusCode::NOT_FOUND, "expired_url"))?;
        if to.issued.elapsed() > LIFE {
            return Err((StatusCode::NOT_FOUND, "expired_url"));
        }
        to.used += 1;
        if to.used > USES {
            return Err((StatusCode::NOT_FOUND, "used_url"));
        }
        let (channel, thread, user) = (to.channel.clone(), to.thread.clone(), to.user.clone());
        let ts = state.ts();
        let mut message = blank(&channel, &ts);
        content.fill(&mut state, &mut message);
        (message.thread_ts, message.only_for) = (thread, (!everybody).then_some(user));
        state.messages.push(message);
        drop(state);
        self.touch();
        Ok(())
    }
}

/// A button of a message, as a press tells it, and the id of its attachment where it is in one; else of what the message said before, the
/// newest first.
fn button(message: &Message, action_id: &str) -> Option<(Option<Value>, Value)> {
    let before = message.history.iter().rev().map(|version| (&version.blocks, &version.attachments));
    std::iter::once((&message.blocks, &message.attachments)).chain(before).find_map(|(blocks, attachments)| {
        let within = |attachment: &Value| {
            let pressed = among(attachment["blocks"].as_array()?, action_id)?;
            Some((Some(attachment["id"].clone()), pressed))
        };
        among(blocks, action_id).map(|pressed| (None, pressed)).or_else(|| attachments.iter().find_map(within))
    })
}

fn among(blocks: &[Value], action_id: &str) -> Option<Value> {
    let pressable =
        |element: &&Value| element["type"] == "button" && element["url"].is_null() && element["action_id"] == action_id;
    blocks.iter().find_map(|block| {
        let elements = block["elements"].as_array().into_iter().flatten();
        let mut pressed = elements.chain([&block["accessory"]]).find(pressable)?.clone();
        pressed["block_id"] = block["block_id"].clone();
        Some(pressed)
    })
}

/// `v0=` and the hexadecimal HMAC-SHA256 of version, time and body.
fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    // HMAC takes keys of any length (RFC 2104, section 2), so this cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap_or_else(|_| unreachable!());
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}
