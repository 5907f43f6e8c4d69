//! Slack's Web API: the calls that a message needs.
//!
//! Source: <https://docs.slack.dev/reference/methods/chat.postMessage>. An answer's status is 200 also when `ok` is false.

mod find;
mod people;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use longshore_aws::{
    outbound::{self, Lazy, Unread},
    store::Posted,
};
use longshore_core::message::{Reply, View};
use reqwest::{RequestBuilder, Response, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Why Slack, or another place, did not take a message. No text of the message, and no token.
#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    /// Not reached, or no answer in time.
    #[error("Slack was not reached: {0}")]
    Unreached(String),
    /// 429: too many messages; to be sent again after so many seconds.
    #[error("Slack takes no more messages for {0} s")]
    Limited(u64),
    /// 5xx, or an answer that is not Slack's.
    #[error("Slack answered status {0}")]
    Status(u16),
    /// More than an answer of Slack's has.
    #[error("Slack's answer is larger than {} MiB", outbound::LIMIT / 1024 / 1024)]
    TooLarge,
    /// `ok: false`, with Slack's word for why.
    #[error("Slack refused the message: {0}")]
    Refused(String),
    /// The table did not take where the message is.
    #[error("{0}")]
    Store(String),
    /// Nothing more is begun in this invocation, or by it: why.
    #[error("put off: {0}")]
    PutOff(&'static str),
}

impl SlackError {
    /// Whether Slack says that there is no such message any more: somebody deleted it.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Refused(why) if why == "message_not_found" || why == "thread_not_found")
    }
}

/// A client of Slack's Web API.
#[derive(Debug, Clone)]
pub struct Slack {
    api: String,
    http: Lazy,
    groups: Arc<Mutex<people::Groups>>,
}

/// The type of our messages' metadata.
const METADATA: &str = "longshore_release";
/// The type of our replies' metadata.
const REPLY: &str = "longshore_reply";
/// For how long one request may take.
const EACH: Duration = Duration::from_secs(8);

#[derive(Deserialize)]
struct Answer {
    channel: Option<String>,
    ts: Option<String>,
}

impl Slack {
    /// `api`: for example `https://slack.com/api`. No call is made.
    pub fn new(api: &str) -> Self {
        Self { api: api.trim_end_matches('/').to_owned(), http: client(), groups: Arc::default() }
    }

    /// `chat.postMessage`, with the release as metadata, by which [`Slack::find`] knows it again.
    pub async fn post(
        &self,
        token: &SecretString,
        channel: &str,
        release: &str,
        view: &View,
    ) -> Result<Posted, SlackError> {
        let body = json!({
            "channel": channel, "text": view.text, "attachments": view.attachments,
            "metadata": {"event_type": METADATA, "event_payload": {"release": release}},
            "unfurl_links": false, "unfurl_media": false,
        });
        posted(self.call(token, "chat.postMessage", &body).await?)
    }

    /// `chat.update`
    pub async fn update(&self, token: &SecretString, posted: &Posted, view: &View) -> Result<(), SlackError> {
        let body = json!({
            "channel": posted.channel, "ts": posted.ts, "text": view.text, "attachments": view.attachments,
        });
        self.call(token, "chat.update", &body).await.map(drop)
    }

    /// A reply in a message's thread: a text, whose mentions notify. `number` counts the thread's replies from 1: [`Slack::replies`] knows
    /// them again by it.
    pub async fn reply(
        &self,
        token: &SecretString,
        to: &Posted,
        number: usize,
        reply: &Reply,
    ) -> Result<(), SlackError> {
        let body = json!({
            "channel": to.channel, "thread_ts": to.ts, "text": reply.0,
            "metadata": {"event_type": REPLY, "event_payload": {"reply": number}},
            "unfurl_links": false, "unfurl_media": false,
        });
        posted(self.call(token, "chat.postMessage", &body).await?).map(drop)
    }

    /// A method that changes something takes JSON.
    async fn call(&self, token: &SecretString, method: &str, body: &Value) -> Result<Answer, SlackError> {
        let request = self.request(token, method)?.header("content-type", "application/json; charset=utf-8");
        sent(request.body(body.to_string())).await
    }

    /// A method that reads takes a form alone.
    async fn ask<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        method: &str,
        query: &[(&str, &str)],
    ) -> Result<T, SlackError> {
        sent(self.request(token, method)?.form(query)).await
    }

    fn request(&self, token: &SecretString, method: &str) -> Result<RequestBuilder, SlackError> {
        let client = self.http.get().map_err(no_client)?;
        Ok(client.post(format!("{}/{method}", self.api)).bearer_auth(token.expose_secret()))
    }
}

fn posted(answer: Answer) -> Result<Posted, SlackError> {
    match (answer.channel, answer.ts) {
        (Some(channel), Some(ts)) => Ok(Posted { channel, ts }),
        _ => Err(SlackError::Refused("an answer without channel and ts".to_owned())),
    }
}

/// A client that follows no redirection: whom it is sent to is told a secret.
pub(crate) const fn client() -> Lazy {
    Lazy::new(|| outbound::client(EACH, Policy::none()))
}

pub(crate) fn no_client(why: &str) -> SlackError {
    SlackError::Unreached(why.to_owned())
}

fn unreached(error: &reqwest::Error) -> SlackError {
    SlackError::Unreached(outbound::unreached(error).to_owned())
}

/// Sends a request; status and body of what Slack answers. 429 is an error of its own.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<(u16, Vec<u8>), SlackError> {
    let mut answer = request.send().await.map_err(|error| unreached(&error))?;
    let status = answer.status().as_u16();
    if status == 429 {
        return Err(SlackError::Limited(retry_after(&answer)));
    }
    let body = outbound::body(&mut answer, outbound::LIMIT).await.map_err(|unread| match unread {
        Unread::TooLarge => SlackError::TooLarge,
        Unread::Broken(error) => unreached(&error),
    })?;
    Ok((status, body))
}

/// Seconds, 1 where Slack does not say. Source: <https://docs.slack.dev/apis/web-api/rate-limits>.
fn retry_after(answer: &Response) -> u64 {
    let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    after.unwrap_or(1)
}

async fn sent<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, SlackError> {
    let (status, body) = exchange(request).await?;
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) if status < 300 => body,
        _ => return Err(SlackError::Status(status)),
    };
    if body["ok"] == true {
        return T::deserialize(body).map_err(|_| SlackError::Status(status));
    }
    Err(refusal(body["error"].as_str().unwrap_or("no reason")))
}

/// What a word of Slack's is to us. Source: <https://docs.slack.dev/reference/methods/chat.postMessage#errors>.
pub(crate) fn refusal(why: &str) -> SlackError {
    match why {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => SlackError::Limited(30),
        "fatal_error" | "internal_error" | "service_unavailable" | "request_timeout" => {
            SlackError::Unreached(why.to_owned())
        }
        _ => SlackError::Refused(word(why)),
    }
}

/// Slack's word for why, as it may stand in a log.
fn word(why: &str) -> String {
    why.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ')).take(60).collect()
}
