//! What `trigger` asks Slack about whoever pressed a button, and what it tells them privately. Messages are `notify`'s alone.
//!
//! Needs the scopes `usergroups:read`, where an approval names a group, and `users:read` and `users:read.email`, where `not_author` is set.
//! Answers are hostile text as any other: of a bounded size, and no redirect is followed. Sources:
//! <https://docs.slack.dev/reference/methods/usergroups.list>, <https://docs.slack.dev/reference/methods/usergroups.users.list>,
//! <https://docs.slack.dev/reference/methods/users.info>. An answer's status is 200 also when `ok` is false.

mod groups;

use std::time::Duration;

use longshore_aws::outbound::{self, Lazy, Unread};
use longshore_core::{message::escape, push::is_mail, slack::called};
use reqwest::{Client, RequestBuilder, Url, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use self::groups::Groups;

/// For how long one request may take. Slack waits for three seconds for the answer to a press.
const EACH: Duration = Duration::from_millis(1500);
/// Where Slack's own `response_url`s are.
const HOOKS: &str = "https://hooks.slack.com";
/// The longest text that somebody is told, in characters; Slack takes more.
const LONGEST: usize = 2000;

/// Why Slack gave no answer. No token, no address and no text of the answer but Slack's word for the error is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackError {
    /// Not reached, or no answer in time.
    #[error("Slack was not reached: {0}")]
    Unreached(&'static str),
    /// 429: asked too often.
    #[error("Slack takes no more requests for a while")]
    Limited,
    /// Another status than 200, or an answer that is not Slack's.
    #[error("Slack answered status {0}")]
    Status(u16),
    /// `ok: false`, with Slack's word for why: `missing_scope`, `invalid_auth`.
    #[error("Slack refused: {0}")]
    Refused(String),
    /// The answer is larger than 8 MiB.
    #[error("Slack's answer is too large")]
    TooLarge,
    /// There is nothing to ask with.
    #[error("the secret has no slack_bot_token")]
    NoToken,
    /// The address is not one of Slack's.
    #[error("the address to answer at is not Slack's")]
    Elsewhere,
}

/// A person, as Slack knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name that others see, in one line of at most 80 characters.
    pub name: Option<String>,
    /// Their address, where the app may see it.
    pub email: Option<String>,
}

/// A client of Slack's Web API. It is made at its first use.
#[derive(Debug)]
pub struct Slack {
    api: String,
    http: Lazy,
    groups: Groups,
}

impl Slack {
    /// `api`: for example `https://slack.com/api`. No call is made.
    pub fn new(api: &str) -> Self {
        Self {
            api: api.trim_end_matches('/').to_owned(),
            http: Lazy::new(|| outbound::client(EACH, Policy::none())),
            groups: Groups::default(),
        }
    }

    /// `users.info`.
    pub async fn profile(&self, token: &SecretString, user: &str) -> Result<Profile, SlackError> {
        let answer = self.ask(token, "users.info", &[("user", user)]).await?;
        let profile = &answer["user"]["profile"];
        let names = [&profile["display_name"], &profile["real_name"]];
        Ok(Profile {
            name: names.into_iter().filter_map(Value::as_str).find_map(called),
            email: profile["email"].as_str().filter(|email| is_mail(email)).map(str::to_owned),
        })
    }

    /// `views.open`: shows a modal to whoever did something within the last three seconds.
    ///
    /// Source: <https://docs.slack.dev/reference/methods/views.open>.
    pub async fn open(&self, token: &SecretString, trigger: &str, view: &Value) -> Result<(), SlackError> {
        self.ask(token, "views.open", &[("trigger_id", trigger), ("view", &view.to_string())]).await.map(drop)
    }

    /// Tells whoever pressed a button something that they alone see. `text` is plain: it is escaped and cut here.
    ///
    /// Source: <https://docs.slack.dev/interactivity/handling-user-interaction#message_responses>.
    pub async fn tell(&self, response_url: &str, text: &str) -> Result<(), SlackError> {
        let text = escape(&longshore_core::text::shorten(text, LONGEST));
        let body = json!({ "response_type": "ephemeral", "replace_original": false, "text": text });
        self.respond(response_url, &body).await
    }

    /// Answers at a `response_url`.
    pub async fn respond(&self, response_url: &str, body: &Value) -> Result<(), SlackError> {
        let url = self.at_slack(response_url).ok_or(SlackError::Elsewhere)?;
        let request = self.client()?.post(url).header("content-type", "application/json; charset=utf-8");
        let answer = request.body(body.to_string()).send().await.map_err(|error| unreached(&error))?;
        match answer.status().as_u16() {
            200 => Ok(()),
            429 => Err(SlackError::Limited),
            status => Err(SlackError::Status(status)),
        }
    }

    /// A `response_url` that is Slack's: of `hooks.slack.com`, of the same place at the API's own host (GovSlack's), or of the API's origin,
    /// which is the local stack's.
    fn at_slack(&self, response_url: &str) -> Option<Url> {
        let (url, api) = (Url::parse(response_url).ok()?, Url::parse(&self.api).ok()?);
        let own = api.host_str().and_then(|host| Url::parse(&format!("https://hooks.{host}")).ok());
        let hooks = Url::parse(HOOKS).ok();
        let known = [Some(api), own, hooks].into_iter().flatten().any(|known| known.origin() == url.origin());
        (known && url.origin().is_tuple() && url.username().is_empty() && url.password().is_none()).then_some(url)
    }

    /// A method that reads takes a form. The answer is an object whose `ok` is true.
    async fn ask(&self, token: &SecretString, method: &str, form: &[(&str, &str)]) -> Result<Value, SlackError> {
        let request = self.client()?.post(format!("{}/{method}", self.api)).bearer_auth(token.expose_secret());
        let (status, body) = sent(request.form(form)).await?;
        if status == 429 {
            return Err(SlackError::Limited);
        }
        let body: Value = serde_json::from_slice(&body).map_err(|_| SlackError::Status(status))?;
        match body["ok"].as_bool() {
            Some(true) if status == 200 => Ok(body),
            Some(false) => Err(SlackError::Refused(word(&body["error"]))),
            Some(true) | None => Err(SlackError::Status(status)),
        }
    }

    fn client(&self) -> Result<&Client, SlackError> {
        self.http.get().map_err(SlackError::Unreached)
    }
}

async fn sent(request: RequestBuilder) -> Result<(u16, Vec<u8>), SlackError> {
    let mut answer = request.send().await.map_err(|error| unreached(&error))?;
    let body = outbound::body(&mut answer, outbound::LIMIT).await.map_err(|unread| match unread {
        Unread::TooLarge => SlackError::TooLarge,
        Unread::Broken(error) => unreached(&error),
    })?;
    Ok((answer.status().as_u16(), body))
}

/// Slack's word for an error, which is letters and underscores; of anything else, none of it.
fn word(error: &Value) -> String {
    let is_word = |error: &&str| error.len() <= 60 && error.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    error.as_str().filter(is_word).unwrap_or("no reason").to_owned()
}

fn unreached(error: &reqwest::Error) -> SlackError {
    SlackError::Unreached(outbound::unreached(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_slack_is_answered() {
        let of = |api: &str, url: &str| Slack::new(api).at_slack(url).is_some();
        let slack = "https://slack.com/api";
        for url in ["https://hooks.slack.com/actions/T0/1/a", "https://HOOKS.slack.com:443/actions"] {
            assert!(of(slack, url), "{url}");
        }
        assert!(of("http://127.0.0.1:8081/api", "http://127.0.0.1:8081/responses/1"));
        assert!(of("https://slack-gov.com/api", "https://hooks.slack-gov.com/actions/T0/1/a"));
        for url in [
            "http://hooks.slack.com/actions",
            "https://hooks.slack.com:8443/actions",
            "https://hooks.slack.com.evil.example/actions",
            "https://hooks.slack.com@evil.example/actions",
            "https://user:pass@hooks.slack.com/actions",
            "https://evil.example/?https://hooks.slack.com",
            "https://evil.example\\@hooks.slack.com/",
            "http://169.254.169.254/latest/meta-data",
            "http://127.0.0.1:8081/responses/1",
            "file:///etc/passwd",
            "data:text/plain,a",
            "",
        ] {
            assert!(!of(slack, url), "{url}");
        }
        assert!(!of("http://127.0.0.1:8081/api", "http://127.0.0.1:8082/responses/1"));
        assert!(!of("no address", "https://evil.example/") && !of("data:a", "data:a"));
    }

    #[test]
    fn an_error_of_slack_is_a_word() {
        assert_eq!(word(&json!("missing_scope")), "missing_scope");
        for error in [json!("<https://evil.example>"), json!("a".repeat(61)), json!(7), Value::Null] {
            assert_eq!(word(&error), "no reason");
        }
    }
}
