//! The incoming webhook: `POST /services/…`, which takes new messages and answers in plain text.
//!
//! Source: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>. It posts to the workspace's first channel. Faults are
//! met here as they are by the API's methods.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;

use crate::{
    Slack,
    fault::{Fault, dropped, rate_limited, server_error},
    post::{Content, blank},
    request::Args,
};

/// The path of the one webhook there is.
pub const INCOMING: &str = "/services/T0LOCAL001/B0INCOMING/local";

/// The route.
pub fn routes() -> Router<Arc<Slack>> {
    Router::new().route("/services/{*path}", post(handle))
}

async fn handle(
    State(slack): State<Arc<Slack>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = slack.state().next_fault();
    match fault {
        None => slack.incoming(&path, &headers, &body),
        Some(Fault::RateLimited(seconds)) => rate_limited(seconds),
        Some(Fault::ServerError) => server_error(),
        Some(Fault::Drop) => dropped(),
        Some(Fault::LoseAnswer) => {
            drop(slack.incoming(&path, &headers, &body));
            dropped()
        }
        Some(Fault::Error(code)) => (StatusCode::BAD_REQUEST, code).into_response(),
    }
}

impl Slack {
    fn incoming(&self, path: &str, headers: &HeaderMap, body: &[u8]) -> Response {
        if INCOMING.strip_prefix("/services/") != Some(path) {
            return (StatusCode::NOT_FOUND, "no_service").into_response();
        }
        let form = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let form = form.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let payload: Option<Value> = if form {
            let field = form_urlencoded::parse(body).find(|(name, _)| name == "payload");
            field.and_then(|(_, payload)| serde_json::from_str(&payload).ok())
        } else {
            serde_json::from_slice(body).ok()
        };
        let Some(content) = payload.and_then(Args::of).map(|args| Content::read(&args)) else {
            return (StatusCode::BAD_REQUEST, "invalid_payload").into_response();
        };
        let content = match content {
            Ok(content) if content.is_empty() => return (StatusCode::BAD_REQUEST, "no_text").into_response(),
            Ok(content) => content,
            Err(failure) => return (StatusCode::BAD_REQUEST, failure.error).into_response(),
        };
        let mut state = self.state();
        let Some(channel) = state.channels.first().cloned() else {
            return (StatusCode::NOT_FOUND, "channel_not_found").into_response();
        };
        if channel.archived {
            return (StatusCode::GONE, "channel_is_archived").into_response();
        }
        if let Some(limit) = self.settings.rate_limit
            && let Err(seconds) = state.take(&channel.id, limit)
        {
            return rate_limited(seconds);
        }
        let ts = state.ts();
        let mut message = blank(&channel.id, &ts);
        content.fill(&mut state, &mut message);
        message.metadata = None;
        state.messages.push(message);
        drop(state);
        self.touch();
        (StatusCode::OK, "ok").into_response()
    }
}
