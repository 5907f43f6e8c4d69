//! Slash commands: what Slack posts to the app when somebody types one, and what becomes of the answer.
//!
//! Source: <https://docs.slack.dev/interactivity/implementing-slash-commands>. The text goes out as it was typed: the setting "Escape
//! channels, users, and links" is off. Which commands the app has is not played: every word that begins with `/` goes to it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    Slack,
    post::{Content, blank},
    press::NotPressed,
    request::Args,
    respond::Answerable,
    send::Reply,
    settings::{Channel, Interactions},
};

impl Slack {
    /// A user types a slash command in a channel, by its id: `("U…", "C…", "/deploy", "web main")`. The app's answer is shown as Slack
    /// does: JSON with `response_type`, a plain text for the one who typed it alone, nothing for an empty one. What Slack refuses of it
    /// is [`Reply::trouble`]. A command whose answer is for all is itself shown in the channel, before it.
    pub async fn command(&self, user: &str, channel: &str, command: &str, text: &str) -> Result<Reply, NotPressed> {
        let to = self.settings.interactions.as_ref().ok_or(NotPressed::Nowhere)?;
        let form = self.typed(to, user, channel, command, text)?;
        let mut reply = self.send(&to.commands, form, to).await?;
        reply.trouble = self.show_answer(user, channel, &format!("{command} {text}"), &reply).err();
        Ok(reply)
    }

    fn typed(
        &self,
        to: &Interactions,
        user: &str,
        channel: &str,
        command: &str,
        text: &str,
    ) -> Result<String, NotPressed> {
        let user = self.user(user)?;
        if !command.strip_prefix('/').is_some_and(|name| !name.is_empty() && !name.contains(char::is_whitespace)) {
            return Err(NotPressed::NoCommand);
        }
        let trigger = self.trigger_of(&user.id);
        let mut state = self.state();
        let found = state.channels.iter().find(|known| known.id == channel && !known.archived);
        let channel = found.cloned().ok_or(NotPressed::NoChannel)?;
        let response_url = state.answerable(to, Answerable::new(&channel.id, None, &user.id, None));
        let fields = [
            ("token", "not-used-any-more"),
            ("team_id", crate::TEAM),
            ("team_domain", "local"),
            ("channel_id", &channel.id),
            ("channel_name", shown_name(&channel)),
            ("user_id", &user.id),
            ("user_name", &user.name),
            ("command", command),
            ("text", text),
            ("api_app_id", crate::APP),
            ("is_enterprise_install", "false"),
            ("response_url", &response_url),
            ("trigger_id", &trigger),
        ];
        Ok(form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
    }

    /// Shows what the app answered; the error is what Slack would say in its place.
    fn show_answer(&self, user: &str, channel: &str, typed: &str, reply: &Reply) -> Result<(), String> {
        if reply.status != StatusCode::OK.as_u16() {
            return Err(format!("the app answered {}", reply.status));
        }
        let kind = reply.content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let said = match kind.as_str() {
            _ if reply.body.trim().is_empty() => return Ok(()),
            "application/json" => serde_json::from_str(&reply.body).map_err(|_| "the answer is not JSON")?,
            _ => json!({ "text": reply.body }),
        };
        let everybody = is_for_all(&said).map_err(str::to_owned)?;
        let args = Args::of(said).ok_or("the answer is no object")?;
        let content =
            Content::read(&args).map_err(|failure| format!("{}: {}", failure.error, failure.messages.join(", ")))?;
        let mut state = self.state();
        if everybody {
            let ts = state.ts();
            let (user, text) = (user.to_owned(), typed.trim_end().to_owned());
            state.messages.push(crate::Message { user, by_app: false, text, ..blank(channel, &ts) });
        }
        if !content.is_empty() {
            let ts = state.ts();
            let mut message = blank(channel, &ts);
            content.fill(&mut state, &mut message);
            message.only_for = (!everybody).then(|| user.to_owned());
            state.messages.push(message);
        }
        drop(state);
        self.touch();
        Ok(())
    }
}

/// Whether an answer is for all, by its `response_type`; the error is Slack's code.
pub fn is_for_all(said: &Value) -> Result<bool, &'static str> {
    match &said["response_type"] {
        Value::Null => Ok(false),
        kind if kind == "ephemeral" => Ok(false),
        kind if kind == "in_channel" => Ok(true),
        _ => Err("invalid_response_type"),
    }
}

/// A private channel's name is not told.
fn shown_name(channel: &Channel) -> &str {
    match channel {
        Channel { id, .. } if id.starts_with('D') => "directmessage",
        Channel { private: true, .. } => "privategroup",
        Channel { name, .. } => name,
    }
}
