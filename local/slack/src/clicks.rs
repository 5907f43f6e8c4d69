//! What people do in the inbox page: its clicks, commands and modals. JSON alone is taken, which no other page can have a browser send here.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::json;

use crate::{Slack, modal::NotSubmitted, press::NotPressed};

/// The routes.
pub fn routes() -> Router<Arc<Slack>> {
    Router::new()
        .route("/press", post(pressed))
        .route("/command", post(typed))
        .route("/submit", post(submitted))
        .route("/close", post(closed))
}

#[derive(Debug, Deserialize)]
struct Press {
    user: String,
    ts: String,
    action: String,
}

#[derive(Debug, Deserialize)]
struct Command {
    user: String,
    channel: String,
    /// The whole line: the command and its text.
    line: String,
}

#[derive(Debug, Deserialize)]
struct Submission {
    user: String,
    view: String,
    #[serde(default)]
    values: Vec<(String, String, String)>,
}

async fn pressed(State(slack): State<Arc<Slack>>, Json(asked): Json<Press>) -> Response {
    match slack.press(&asked.user, &asked.ts, &asked.action).await {
        Ok(status) => Json(json!({ "status": status })).into_response(),
        Err(error) => not_pressed(&error),
    }
}

async fn typed(State(slack): State<Arc<Slack>>, Json(asked): Json<Command>) -> Response {
    let line = asked.line.trim();
    let (command, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match slack.command(&asked.user, &asked.channel, command, text.trim_start()).await {
        Ok(reply) => Json(json!({ "status": reply.status, "trouble": reply.trouble })).into_response(),
        Err(error) => not_pressed(&error),
    }
}

async fn submitted(State(slack): State<Arc<Slack>>, Json(asked): Json<Submission>) -> Response {
    let values = asked.values.iter().map(|(block, action, value)| (&**block, &**action, &**value));
    match slack.submit(&asked.user, &asked.view, &values.collect::<Vec<_>>()).await {
        Ok(answer) => Json(json!({ "answer": answer })).into_response(),
        Err(error) => not_submitted(&error),
    }
}

async fn closed(State(slack): State<Arc<Slack>>, Json(asked): Json<Submission>) -> Response {
    match slack.close(&asked.user, &asked.view).await {
        Ok(()) => Json(json!({})).into_response(),
        Err(error) => not_submitted(&error),
    }
}

fn not_pressed(error: &NotPressed) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": error.to_string() }))).into_response()
}

/// With the block that it is about, if it is about one.
fn not_submitted(error: &NotSubmitted) -> Response {
    let (block, error) = match error {
        NotSubmitted::Missing(block) => (Some(block), "Please fill this in".to_owned()),
        NotSubmitted::Impossible(block) => {
            (Some(block), "This is too short, too long, or none of the options".to_owned())
        }
        NotSubmitted::NoInput(_)
        | NotSubmitted::Not(_)
        | NotSubmitted::NoView
        | NotSubmitted::Refused(_)
        | NotSubmitted::Useless(_) => (None, error.to_string()),
    };
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": error, "block": block }))).into_response()
}
