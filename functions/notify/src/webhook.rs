//! Slack's incoming webhook: it takes new messages, and edits none.
//!
//! Source: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>. Whoever has the address may post: it is in no error
//! and in no log.

use longshore_aws::outbound::{Lazy, is_here};
use longshore_core::message::{
    Known, View,
    moment::{Kind, Moment},
};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::slack::{SlackError, client, exchange, no_client, refusal};

/// Where Slack's own webhooks are, GovSlack's among them.
const HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

/// A client of incoming webhooks.
#[derive(Debug, Clone)]
pub struct Webhook {
    api: Option<Url>,
    http: Lazy,
}

impl Webhook {
    /// `api`: where Slack's Web API is. A webhook of the same host is taken, too. No call is made.
    pub fn new(api: &str) -> Self {
        Self { api: Url::parse(api).ok(), http: client() }
    }

    /// Posts a message. Slack answers 200 and `ok`, or 4xx and a word: `invalid_payload`, `no_service`, `channel_not_found`.
    pub async fn post(&self, url: &SecretString, message: &Value) -> Result<(), SlackError> {
        let url = self.at_slack(url.expose_secret()).ok_or_else(|| refusal("slack_webhook_url is none of Slack's"))?;
        let request = self.http.get().map_err(no_client)?.post(url).header("content-type", "application/json");
        let (status, body) = exchange(request.body(message.to_string())).await?;
        match status {
            200 => Ok(()),
            400..=499 => Err(refusal(std::str::from_utf8(&body).unwrap_or_default().trim())),
            status => Err(SlackError::Status(status)),
        }
    }

    /// The address, if it is one of Slack's hosts or the API's: by https, and otherwise on this machine alone.
    fn at_slack(&self, url: &str) -> Option<Url> {
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?;
        let own = self.api.as_ref().is_some_and(|api| api.origin() == url.origin());
        let safe = url.scheme() == "https" || url.scheme() == "http" && is_here(&url);
        let plain = url.username().is_empty() && url.password().is_none();
        let known = own || HOSTS.contains(&host) && url.port().is_none();
        (safe && plain && known).then_some(url)
    }
}

/// The message of a moment: the whole view, with a mention of those who are asked. Buttons only where presses can be taken.
pub fn message(view: &View, moment: &Moment, known: &Known, pressable: bool) -> Value {
    let mut attachments = view.attachments.clone();
    if !pressable {
        for attachment in attachments.as_array_mut().into_iter().flatten() {
            if let Some(blocks) = attachment["blocks"].as_array_mut() {
                blocks.retain(|block| block["type"] != "actions");
            }
        }
    }
    let asked = moment.environment.as_ref().filter(|_| moment.kind == Kind::Approval);
    let asked = asked.and_then(|environment| known.approvers.get(environment)).map(|all| all.join(" "));
    let text = match asked.filter(|asked| !asked.is_empty()) {
        Some(asked) => format!("{} {asked}", view.text),
        None => view.text.clone(),
    };
    json!({ "text": text, "attachments": attachments })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_slacks_or_on_this_machine() {
        let real = Webhook::new("https://slack.com/api");
        for good in ["https://hooks.slack.com/services/T/B/x", "https://hooks.slack-gov.com/services/T/B/x"] {
            assert!(real.at_slack(good).is_some(), "{good}");
        }
        let local = Webhook::new("http://127.0.0.1:8081/api");
        assert!(local.at_slack("http://127.0.0.1:8081/services/T/B/x").is_some());
        let plain = Webhook::new("http://slack.example/api");
        for bad in [
            "http://hooks.slack.com/services/T/B/x",
            "https://hooks.slack.com.evil.example/services/T/B/x",
            "https://hooks.slack.com:8443/services/T/B/x",
            "https://evil.example/services/T/B/x",
            "https://someone@hooks.slack.com/services/T/B/x",
            "http://127.0.0.1:9999/services/T/B/x",
            "http://slack.example/services/T/B/x",
            "file:///etc/passwd",
            "",
        ] {
            assert!([&real, &local, &plain].iter().all(|webhook| webhook.at_slack(bad).is_none()), "{bad}");
        }
    }

    #[test]
    fn who_is_asked_is_mentioned_and_buttons_that_go_nowhere_are_left_out() {
        let blocks = json!([{ "type": "section" }, { "type": "actions" }]);
        let view = View { text: "web #7".into(), attachments: json!([{ "blocks": blocks }]) };
        let environment = Some("production".to_owned());
        let moment = Moment { key: "approval/production".into(), kind: Kind::Approval, environment };
        let mut known = Known::default();
        known.approvers.insert("production".into(), vec!["<@U1>".into(), "<!subteam^S1>".into()]);
        let sent = message(&view, &moment, &known, false);
        assert_eq!(sent["text"], "web #7 <@U1> <!subteam^S1>");
        assert_eq!(sent["attachments"][0]["blocks"], json!([{ "type": "section" }]));
        let sent = message(&view, &Moment { kind: Kind::Deploying, ..moment }, &known, true);
        assert_eq!(
            (&sent["text"], sent["attachments"][0]["blocks"].as_array().map(Vec::len)),
            (&json!("web #7"), Some(2))
        );
    }
}
