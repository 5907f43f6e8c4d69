//! Finding again what was posted and whose answer was lost. Needs the scopes `channels:read` and `channels:history` (`groups:…` for private
//! channels).

use jiff::Timestamp;
use longshore_aws::store::Posted;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::{METADATA, REPLY, Slack, SlackError};

/// How many pages of a list are read at most.
const PAGES: usize = 20;

#[derive(Deserialize)]
struct Messages {
    messages: Vec<Message>,
    response_metadata: Option<Page>,
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
    /// The message of a release, if it was posted to this channel (a name with `#`, or an id) since then.
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
        let query = [("channel", channel.as_str()), ("oldest", &oldest)];
        let ours = |message: &Message| {
            let metadata = message.metadata.as_ref()?;
            let is_ours = metadata["event_type"] == METADATA && metadata["event_payload"]["release"] == release;
            is_ours.then(|| message.ts.clone())
        };
        let found = self.messages(token, "conversations.history", &query, |messages| messages.iter().find_map(ours));
        Ok(found.await?.map(|ts| Posted { channel, ts }))
    }

    /// The number of the last of our replies in a message's thread; 0 where there is none.
    pub async fn replies(&self, token: &SecretString, to: &Posted) -> Result<usize, SlackError> {
        let number = |message: &Message| {
            let metadata = message.metadata.as_ref().filter(|metadata| metadata["event_type"] == REPLY)?;
            usize::try_from(metadata["event_payload"]["reply"].as_u64()?).ok()
        };
        let mut last = 0;
        let query = [("channel", to.channel.as_str()), ("ts", to.ts.as_str())];
        let all = self.messages(token, "conversations.replies", &query, |messages| {
            last = messages.iter().filter_map(number).fold(last, usize::max);
            None::<()>
        });
        all.await?;
        Ok(last)
    }

    /// Reads a list of messages, page by page, until something is found.
    async fn messages<T>(
        &self,
        token: &SecretString,
        method: &str,
        query: &[(&str, &str)],
        mut find: impl FnMut(&[Message]) -> Option<T>,
    ) -> Result<Option<T>, SlackError> {
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let mut page = query.to_vec();
            page.extend([("limit", "200"), ("include_all_metadata", "true"), ("cursor", cursor.as_str())]);
            let answer: Messages = self.ask(token, method, &page).await?;
            if let Some(found) = find(&answer.messages) {
                return Ok(Some(found));
            }
            cursor = answer.response_metadata.map(|metadata| metadata.next_cursor).unwrap_or_default();
            if cursor.is_empty() {
                break;
            }
        }
        Ok(None)
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
        for _ in 0..PAGES {
            let query =
                [("types", types), ("exclude_archived", "true"), ("limit", "1000"), ("cursor", cursor.as_str())];
            let answer: Channels = self.ask(token, "conversations.list", &query).await?;
            if let Some(found) = answer.channels.into_iter().find(|channel| channel.name == name) {
                return Ok(Some(found.id));
            }
            cursor = answer.response_metadata.map(|metadata| metadata.next_cursor).unwrap_or_default();
            if cursor.is_empty() {
                break;
            }
        }
        Ok(None)
    }
}
