//! What Slack posts to the app: a signed form, and three seconds for the answer.
//!
//! Source: <https://docs.slack.dev/authentication/verifying-requests-from-slack>.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::{
    Slack,
    press::NotPressed,
    settings::{Interactions, User},
    state::State,
};

/// For how long Slack waits for the app's answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 1024 * 1024;
/// How many requests are kept to be sent again.
const KEPT: usize = 200;

/// A request as it was sent to the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The app's URL.
    pub url: String,
    /// The form.
    pub body: String,
    /// `X-Slack-Request-Timestamp`: seconds since 1970.
    pub timestamp: i64,
    /// `X-Slack-Signature`.
    pub signature: String,
}

impl Sent {
    pub(crate) fn new(url: &str, body: String, secret: &str) -> Self {
        let (url, timestamp) = (url.to_owned(), jiff::Timestamp::now().as_second());
        Self { signature: signature(secret, timestamp, &body), url, body, timestamp }
    }

    /// The same form, signed with this secret at this time, in seconds since 1970: what somebody sends who is not Slack, or who sends
    /// much later what they overheard.
    #[must_use]
    pub fn signed(&self, secret: &str, timestamp: i64) -> Self {
        Self { signature: signature(secret, timestamp, &self.body), timestamp, ..self.clone() }
    }

    /// A field of the form.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut fields = form_urlencoded::parse(self.body.as_bytes());
        fields.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The field `payload` of an interaction; null where there is none.
    pub fn payload(&self) -> Value {
        self.field("payload").and_then(|payload| serde_json::from_str(&payload).ok()).unwrap_or_default()
    }
}

/// What the app answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The content type, as it was sent; empty without one.
    pub content: String,
    /// The body.
    pub body: String,
    /// What it answers.
    pub sent: Sent,
    /// Why Slack shows nothing of it but an error. `None` where it was shown, or there was nothing to show.
    pub trouble: Option<String>,
}

impl Slack {
    /// The requests sent to the app, oldest first: the last 200 of them.
    pub fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    /// Sends the very same request again, as one does who overheard it. Nothing of the answer is shown to anybody.
    pub async fn replay(&self, sent: &Sent) -> Result<Reply, NotPressed> {
        let request = local_protocol::http().post(&sent.url).timeout(PATIENCE);
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", sent.timestamp)
            .header("x-slack-signature", &sent.signature);
        let read = async {
            let mut answer = request.body(sent.body.clone()).send().await?;
            let (status, mut body) = (answer.status().as_u16(), Vec::new());
            let content = answer.headers().get("content-type").and_then(|content| content.to_str().ok());
            let content = content.unwrap_or_default().to_owned();
            while body.len() <= LONGEST
                && let Some(chunk) = answer.chunk().await?
            {
                body.extend_from_slice(&chunk);
            }
            let body = String::from_utf8_lossy(&body).into_owned();
            Ok(Reply { status, content, body, sent: sent.clone(), trouble: None })
        };
        read.await.map_err(|error: reqwest::Error| {
            NotPressed::NoAnswer(if error.is_timeout() { "not within three seconds" } else { "no connection" })
        })
    }

    /// Signs a form, keeps it, and posts it.
    pub(crate) async fn send(&self, url: &str, form: String, to: &Interactions) -> Result<Reply, NotPressed> {
        let sent = Sent::new(url, form, &to.signing_secret);
        self.state().keep(&sent);
        self.replay(&sent).await
    }

    /// Posts an interaction: JSON in the form's one field.
    pub(crate) async fn interact(&self, to: &Interactions, payload: &Value) -> Result<Reply, NotPressed> {
        let form =
            form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
        self.send(&to.url, form, to).await
    }

    pub(crate) fn user(&self, id: &str) -> Result<&User, NotPressed> {
        self.settings.users.iter().find(|known| known.id == id).ok_or(NotPressed::NoUser)
    }
}

impl State {
    fn keep(&mut self, sent: &Sent) {
        if self.sent.len() == KEPT {
            self.sent.remove(0);
        }
        self.sent.push(sent.clone());
    }
}

/// `v0=` and the hexadecimal HMAC-SHA256 of version, time and body.
fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    // HMAC takes keys of any length (RFC 2104, section 2), so this cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap_or_else(|_| unreachable!());
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}
