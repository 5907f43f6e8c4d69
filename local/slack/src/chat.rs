//! `chat.*` and `reactions.*`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    Slack,
    answer::{Answer, Failure},
    emoji::emoji,
    message::Reaction,
    post::{Content, blank, identified, numbered},
    request::Args,
    settings::Channel,
    state::State,
};

impl Slack {
    /// <https://docs.slack.dev/reference/methods/chat.postMessage>.
    pub(crate) fn post_message(&self, args: &Args) -> Answer {
        let given = args.required("channel")?;
        let content = Content::read(args)?;
        let mut state = self.state();
        let channel = self.destination(&mut state, &given)?;
        if content.is_empty() {
            return Err(Failure::new("no_text"));
        }
        let thread = args.text("thread_ts").filter(|ts| !ts.is_empty());
        check_thread(&mut state, &channel, thread.as_deref())?;
        let ts = state.ts();
        let mut message = blank(&channel, &ts);
        content.fill(&mut state, &mut message);
        message.broadcast = thread.is_some() && args.flag("reply_broadcast");
        message.thread_ts = thread;
        let shown = message.shown(true);
        state.messages.push(message);
        drop(state);
        self.touch();
        Ok(json!({ "channel": channel, "ts": ts, "message": shown }))
    }

    /// <https://docs.slack.dev/reference/methods/chat.postEphemeral>.
    pub(crate) fn post_ephemeral(&self, args: &Args) -> Answer {
        let (given, user) = (args.required("channel")?, args.required("user")?);
        let content = Content::read(args)?;
        let mut state = self.state();
        let channel = state.channel_or_name(&given).and_then(writable)?.id.clone();
        if !self.settings.users.iter().any(|known| known.id == user) {
            return Err(Failure::new("user_not_in_channel"));
        }
        if content.is_empty() {
            return Err(Failure::new("no_text"));
        }
        let ts = state.ts();
        let mut message = blank(&channel, &ts);
        content.fill(&mut state, &mut message);
        message.thread_ts = args.text("thread_ts").filter(|ts| !ts.is_empty());
        message.only_for = Some(user);
        state.messages.push(message);
        drop(state);
        self.touch();
        Ok(json!({ "message_ts": ts }))
    }

    /// <https://docs.slack.dev/reference/methods/chat.update>. A text without blocks removes the blocks; blocks without a text
    /// leave the text. Attachments that are not given stay.
    pub(crate) fn update(&self, args: &Args) -> Answer {
        let (channel, ts) = (args.required("channel")?, args.required("ts")?);
        let content = Content::read(args)?;
        let mut state = self.state();
        state.channel(&channel)?;
        let now = state.ts();
        let message = state.message(&channel, &ts).ok_or_else(|| Failure::new("message_not_found"))?;
        if !message.by_app {
            return Err(Failure::new("cant_update_message"));
        }
        if self.settings.edit_window.is_some_and(|window| age(&ts) > window.as_secs_f64()) {
            return Err(Failure::new("edit_window_closed"));
        }
        if content.is_empty() {
            return Err(Failure::new("no_text"));
        }
        let blocks = content.blocks.map(|blocks| identified(&mut state, blocks));
        let attachments = content.attachments.map(|attachments| numbered(&mut state, attachments));
        let message = state.message(&channel, &ts).ok_or_else(|| Failure::new("message_not_found"))?;
        message.keep(&now);
        match (content.text, blocks) {
            (text, Some(blocks)) => {
                message.text = text.unwrap_or_else(|| std::mem::take(&mut message.text));
                message.blocks = blocks;
            }
            (Some(text), None) => {
                message.text = text;
                message.blocks.clear();
                message.edited = Some(now);
            }
            (None, None) => {}
        }
        message.attachments = attachments.unwrap_or_else(|| std::mem::take(&mut message.attachments));
        message.metadata = content.metadata.or(message.metadata.take());
        let answer = json!({ "channel": channel, "ts": ts, "text": message.text, "message": message.shown(true) });
        drop(state);
        self.touch();
        Ok(answer)
    }

    /// <https://docs.slack.dev/reference/methods/chat.delete>.
    pub(crate) fn delete(&self, args: &Args) -> Answer {
        let (channel, ts) = (args.required("channel")?, args.required("ts")?);
        let mut state = self.state();
        state.channel(&channel)?;
        let message = state.message(&channel, &ts).ok_or_else(|| Failure::new("message_not_found"))?;
        if !message.by_app {
            return Err(Failure::new("cant_delete_message"));
        }
        message.deleted = true;
        drop(state);
        self.touch();
        Ok(json!({ "channel": channel, "ts": ts }))
    }

    /// <https://docs.slack.dev/reference/methods/reactions.add> and `reactions.remove`. Only the emoji that this crate draws.
    pub(crate) fn react(&self, args: &Args, add: bool) -> Answer {
        let (channel, ts, name) = (args.required("channel")?, args.required("timestamp")?, args.required("name")?);
        if emoji(&name).is_none() {
            return Err(Failure::new("invalid_name"));
        }
        let mut state = self.state();
        state.channel(&channel)?;
        let message = state.message(&channel, &ts).ok_or_else(|| Failure::new("message_not_found"))?;
        let mine =
            message.reactions.iter().position(|r| r.name == name && r.users.iter().any(|u| u == crate::BOT_USER));
        match (add, mine) {
            (true, Some(_)) => return Err(Failure::new("already_reacted")),
            (false, None) => return Err(Failure::new("no_reaction")),
            (true, None) => message.reactions.push(Reaction { name, users: vec![crate::BOT_USER.into()] }),
            (false, Some(i)) => drop(message.reactions.remove(i)),
        }
        drop(state);
        self.touch();
        Ok(json!({}))
    }

    /// The id of the channel to post to. A user's id opens the direct messages with them.
    fn destination(&self, state: &mut State, given: &str) -> Result<String, Failure> {
        if let Some(user) = self.settings.users.iter().find(|user| user.id == given) {
            let id = format!("D{}", &user.id[1..]);
            if state.channel(&id).is_err() {
                let channel = Channel { private: true, ..Channel::new(&id, &format!("@{}", user.name)) };
                state.channels.push(channel);
            }
            return Ok(id);
        }
        let channel = state.channel_or_name(given)?;
        Ok(writable(channel)?.id.clone())
    }
}

fn writable(channel: &Channel) -> Result<&Channel, Failure> {
    match channel {
        Channel { archived: true, .. } => Err(Failure::new("is_archived")),
        Channel { member: false, .. } => Err(Failure::new("not_in_channel")),
        channel => Ok(channel),
    }
}

/// A reply needs a message that is no reply itself. Slack documents neither error for a bad `thread_ts` clearly.
fn check_thread(state: &mut State, channel: &str, thread: Option<&str>) -> Result<(), Failure> {
    let Some(thread) = thread else { return Ok(()) };
    match state.message(channel, thread) {
        None => Err(Failure::new("thread_not_found")),
        Some(root) if root.thread_ts.is_some() => Err(Failure::new("cannot_reply_to_message")),
        Some(_) => Ok(()),
    }
}

/// Seconds since a `ts`.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double exactly")]
fn age(ts: &str) -> f64 {
    let now = Timestamp::now().as_millisecond() as f64 / 1000.0;
    now - ts.parse::<f64>().unwrap_or(now)
}

/// The members of a message that has replies.
pub(crate) fn with_replies(state: &State, shown: &mut Value, channel: &str, ts: &str) {
    let reply = |m: &&crate::Message| {
        m.channel == channel && m.thread_ts.as_deref() == Some(ts) && !m.deleted && m.only_for.is_none()
    };
    let replies: Vec<_> = state.messages.iter().filter(reply).collect();
    if let Some(last) = replies.last() {
        let mut users: Vec<&str> = replies.iter().map(|m| m.user.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        shown["thread_ts"] = ts.into();
        shown["reply_count"] = replies.len().into();
        shown["reply_users_count"] = users.len().into();
        shown["reply_users"] = json!(users);
        shown["latest_reply"] = last.ts.as_str().into();
    }
}
