//! Slack's Web API: the calls that a message needs.
//!
//! Source: <https://docs.slack.dev/reference/methods/chat.postMessage>. An answer's status is 200 also when `ok` is false.

use std::time::Duration;

use jiff::Timestamp;
use longshore_aws::store::Posted;
use longshore_core::message::{Reply, View};
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
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

/// The type of our messages' metadata.
const METADATA: &str = "longshore_release";

#[derive(Deserialize)]
struct Answer {
    channel: Option<String>,
    ts: Option<String>,
}

#[derive(Deserialize)]
struct History {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    ts: String,
    metadata: Option<Value>,
}

#[derive(Deserialize)]
struct Channels {
    channels: Vec<Channel>,
    response_metadata: Option<Page>,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    next_cursor: String,
}

impl Slack {
    /// `api`: for example `https://slack.com/api`. No call is made.
    pub fn new(api: &str) -> Self {
        // The same TLS provider as the AWS clients use; installing it a second time, as tests do, is no error to us.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(8)).build().unwrap_or_default();
        Self { api: api.trim_end_matches('/').to_owned(), http }
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

    /// The message of a release, if it was posted to this channel (a name with `#`, or an id) since then. Needs the scopes
    /// `channels:read` and `channels:history` (`groups:…` for a private channel).
    pub async fn find(
        &self,
        token: &SecretString,
        channel: &str,
        release: &str,
        since: Timestamp,
    ) -> Result<Option<Posted>, SlackError> {
        let id = match channel.strip_prefix('#') {
            Some(name) => self.channel_id(token, name).await?,
            None => Some(channel.to_owned()),
        };
        let Some(channel) = id else { return Ok(None) };
        let oldest = (since.as_second() - 60).to_string();
        let query =
            [("channel", channel.as_str()), ("oldest", &oldest), ("limit", "200"), ("include_all_metadata", "true")];
        let answer: History = self.ask(token, "conversations.history", &query).await?;
        let ours = |message: &&Message| {
            let metadata = message.metadata.as_ref();
            metadata.is_some_and(|metadata| {
                metadata["event_type"] == METADATA && metadata["event_payload"]["release"] == release
            })
        };
        Ok(answer.messages.iter().find(ours).map(|message| Posted { channel, ts: message.ts.clone() }))
    }

    /// The id of a channel that the app may see. Private ones need a scope of their own, which an app for public channels lacks.
    async fn channel_id(&self, token: &SecretString, name: &str) -> Result<Option<String>, SlackError> {
        match self.channel_among(token, name, "public_channel").await? {
            Some(id) => Ok(Some(id)),
            None => match self.channel_among(token, name, "private_channel").await {
                Err(SlackError::Refused(why)) if why == "missing_scope" => Ok(None),
                found => found,
            },
        }
    }

    async fn channel_among(&self, token: &SecretString, name: &str, types: &str) -> Result<Option<String>, SlackError> {
        let mut cursor = String::new();
        loop {
            let query =
                [("types", types), ("exclude_archived", "true"), ("limit", "1000"), ("cursor", cursor.as_str())];
            let answer: Channels = self.ask(token, "conversations.list", &query).await?;
            if let Some(found) = answer.channels.into_iter().find(|channel| channel.name == name) {
                return Ok(Some(found.id));
            }
            cursor = answer.response_metadata.map(|metadata| metadata.next_cursor).unwrap_or_default();
            if cursor.is_empty() {
                return Ok(None);
            }
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
    pub async fn reply(&self, token: &SecretString, to: &Posted, reply: &Reply) -> Result<(), SlackError> {
        let body = json!({ "channel": to.channel, "thread_ts": to.ts, "text": reply.0, "unfurl_links": false });
        posted(self.call(token, "chat.postMessage", &body).await?).map(drop)
    }

    /// A method that changes something takes JSON.
    async fn call(&self, token: &SecretString, method: &str, body: &Value) -> Result<Answer, SlackError> {
        let request = self.request(token, method).header("content-type", "application/json; charset=utf-8");
        sent(request.body(body.to_string())).await
    }

    /// A method that reads takes a form alone.
    async fn ask<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        method: &str,
        query: &[(&str, &str)],
    ) -> Result<T, SlackError> {
        sent(self.request(token, method).form(query)).await
    }

    fn request(&self, token: &SecretString, method: &str) -> RequestBuilder {
        self.http.post(format!("{}/{method}", self.api)).bearer_auth(token.expose_secret())
    }
}

fn posted(answer: Answer) -> Result<Posted, SlackError> {
    match (answer.channel, answer.ts) {
        (Some(channel), Some(ts)) => Ok(Posted { channel, ts }),
        _ => Err(SlackError::Refused("an answer without channel and ts".to_owned())),
    }
}

async fn sent<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, SlackError> {
    let answer = request.send().await.map_err(|error| SlackError::Unreached(error.without_url().to_string()))?;
    let status = answer.status().as_u16();
    if status == 429 {
        let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        return Err(SlackError::Limited(after.unwrap_or(1)));
    }
    let body: Value = match answer.json().await {
        Ok(body) if status < 300 => body,
        _ => return Err(SlackError::Status(status)),
    };
    if body["ok"] == true {
        return T::deserialize(body).map_err(|_| SlackError::Status(status));
    }
    Err(SlackError::Refused(body["error"].as_str().unwrap_or("no reason").to_owned()))
}
