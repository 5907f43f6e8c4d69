//! `/api/{method}`: proof, faults, and which module answers.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use crate::{
    Slack,
    answer::{Answer, Failure},
    fault::{Fault, dropped, rate_limited, server_error},
    request::{Args, Request},
};

/// The content type of every answer.
pub const JSON: &str = "application/json; charset=utf-8";

/// The API's routes.
pub fn routes() -> Router<Arc<Slack>> {
    Router::new().route("/api/{method}", post(handle).get(handle))
}

async fn handle(
    State(slack): State<Arc<Slack>>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = slack.state().next_fault();
    match fault {
        None => slack.answer(&method, query.as_deref(), &headers, &body),
        Some(Fault::RateLimited(seconds)) => rate_limited(seconds),
        Some(Fault::ServerError) => server_error(),
        Some(Fault::Drop) => dropped(),
        Some(Fault::LoseAnswer) => {
            drop(slack.answer(&method, query.as_deref(), &headers, &body));
            dropped()
        }
        Some(Fault::Error(code)) => response(&Failure::new(&code).body()),
    }
}

impl Slack {
    fn answer(&self, method: &str, query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Response {
        let request = match Request::read(method, query, headers, body) {
            Ok(request) => request,
            Err(failure) => return response(&failure.body()),
        };
        if method != "api.test" && !KNOWN.contains(&method) {
            let mut body = Failure::new("unknown_method").body();
            body["req_method"] = method.into();
            return response(&body);
        }
        match request.token.as_deref() {
            _ if method == "api.test" => {}
            None | Some("") => return response(&Failure::new("not_authed").body()),
            Some(token) if token != self.settings.bot_token => return response(&Failure::new("invalid_auth").body()),
            Some(_) => {}
        }
        if let Some(limit) = self.settings.rate_limit
            && method == "chat.postMessage"
            && let Some(channel) = request.args.text("channel")
        {
            let mut state = self.state();
            let channel = state.channel_or_name(&channel).map_or(channel.clone(), |found| found.id.clone());
            if let Err(seconds) = state.take(&channel, limit) {
                return rate_limited(seconds);
            }
        }
        let mut body = match self.perform(method, &request.args) {
            Ok(mut body) => {
                body["ok"] = true.into();
                body
            }
            Err(failure) => failure.body(),
        };
        if request.missing_charset {
            body["warning"] = "missing_charset".into();
            body["response_metadata"]["warnings"] = json!(["missing_charset"]);
        }
        response(&body)
    }

    fn perform(&self, method: &str, args: &Args) -> Answer {
        match method {
            "api.test" => Ok(json!({})),
            "auth.test" => Ok(self.auth_test()),
            "chat.postMessage" => self.post_message(args),
            "chat.postEphemeral" => self.post_ephemeral(args),
            "chat.update" => self.update(args),
            "chat.delete" => self.delete(args),
            "reactions.add" => self.react(args, true),
            "reactions.remove" => self.react(args, false),
            "conversations.history" => self.history(args),
            "conversations.replies" => self.replies(args),
            "conversations.info" => self.info(args),
            "conversations.list" => Ok(self.list(args)),
            "users.info" => self.user_info(args),
            "users.lookupByEmail" => self.lookup_by_email(args),
            "usergroups.list" => Ok(self.groups(args)),
            "usergroups.users.list" => self.group_users(args),
            "views.open" => self.open_view(args),
            "views.push" => self.push_view(args),
            "views.update" => self.update_view(args),
            _ => Err(Failure::new("unknown_method")),
        }
    }

    fn auth_test(&self) -> Value {
        json!({
            "url": "https://local.slack.com/", "team": self.settings.team, "team_id": crate::TEAM,
            "user": self.settings.app_name.to_lowercase(), "user_id": crate::BOT_USER, "bot_id": crate::BOT,
            "is_enterprise_install": false,
        })
    }
}

/// The methods that need a token.
const KNOWN: [&str; 18] = [
    "auth.test",
    "chat.delete",
    "chat.postEphemeral",
    "chat.postMessage",
    "chat.update",
    "conversations.history",
    "conversations.info",
    "conversations.list",
    "conversations.replies",
    "reactions.add",
    "reactions.remove",
    "usergroups.list",
    "usergroups.users.list",
    "users.info",
    "users.lookupByEmail",
    "views.open",
    "views.push",
    "views.update",
];

fn response(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, JSON)], body.to_string()).into_response()
}
