//! Slack's Web API: the three calls that a message needs.
//!
//! Source: <https://docs.slack.dev/reference/methods/chat.postMessage>. An answer's status is 200 also when `ok` is false.

use std::time::Duration;

use longshore_aws::store::Posted;
use longshore_core::message::{Reply, View};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

/// Why Slack did not take a message. No text of the message, and no token.
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
    /// `ok: false`, with Slack's word for why.
    #[error("Slack refused the message: {0}")]
    Refused(String),
    /// The secret could not be read.
    #[error("{0}")]
    Secret(String),
    /// The table did not take where the message is.
    #[error("{0}")]
    Store(String),
}

/// A client of Slack's Web API.
#[derive(Debug, Clone)]
pub struct Slack {
    api: String,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    error: Option<String>,
    channel: Option<String>,
    ts: Option<String>,
}

impl Slack {
    /// `api`: for example `https://slack.com/api`. No call is made.
    pub fn new(api: &str) -> Self {
        // The same TLS provider as the AWS clients use; installing it a second time, as tests do, is no error to us.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(8)).build().unwrap_or_default();
        Self { api: api.trim_end_matches('/').to_owned(), http }
    }

    /// `chat.postMessage`
    pub async fn post(
        &self,
        token: &SecretString,
        channel: &str,
        thread: Option<&str>,
        view: &View,
    ) -> Result<Posted, SlackError> {
        let mut body = json!({
            "channel": channel, "text": view.text, "attachments": view.attachments,
            "unfurl_links": false, "unfurl_media": false,
        });
        if let Some(thread) = thread {
            body["thread_ts"] = thread.into();
        }
        let answer = self.call(token, "chat.postMessage", &body).await?;
        match (answer.channel, answer.ts) {
            (Some(channel), Some(ts)) => Ok(Posted { channel, ts }),
            _ => Err(SlackError::Refused("an answer without channel and ts".to_owned())),
        }
    }

    /// `chat.update`
    pub async fn update(&self, token: &SecretString, posted: &Posted, view: &View) -> Result<(), SlackError> {
        let body = json!({
            "channel": posted.channel, "ts": posted.ts, "text": view.text, "attachments": view.attachments,
        });
        self.call(token, "chat.update", &body).await.map(drop)
    }

    /// A reply in a message's thread.
    pub async fn reply(&self, token: &SecretString, posted: &Posted, reply: &Reply) -> Result<(), SlackError> {
        let view = View { text: reply.0.clone(), attachments: json!([]) };
        self.post(token, &posted.channel, Some(&posted.ts), &view).await.map(drop)
    }

    async fn call(&self, token: &SecretString, method: &str, body: &Value) -> Result<Answer, SlackError> {
        let sent = self
            .http
            .post(format!("{}/{method}", self.api))
            .bearer_auth(token.expose_secret())
            .header("content-type", "application/json; charset=utf-8")
            .body(body.to_string())
            .send()
            .await
            .map_err(|error| SlackError::Unreached(error.without_url().to_string()))?;
        let status = sent.status().as_u16();
        if status == 429 {
            let after = sent.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            return Err(SlackError::Limited(after.unwrap_or(1)));
        }
        let answer: Answer = match sent.json().await {
            Ok(answer) if status < 300 => answer,
            _ => return Err(SlackError::Status(status)),
        };
        if answer.ok { Ok(answer) } else { Err(SlackError::Refused(answer.error.unwrap_or_default())) }
    }
}
