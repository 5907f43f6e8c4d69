//! `conversations.*`.

use serde_json::{Value, json};

use crate::{
    Slack,
    answer::{Answer, Failure},
    chat::with_replies,
    message::Message,
    request::Args,
    settings::Channel,
    state::State,
};

impl Slack {
    /// <https://docs.slack.dev/reference/methods/conversations.history>: the channel's messages, newest first.
    pub(crate) fn history(&self, args: &Args) -> Answer {
        let channel = args.required("channel")?;
        let window = Window::read(args)?;
        let state = self.state();
        readable(state.channel(&channel)?)?;
        let there = |m: &&Message| {
            m.channel == channel && !m.deleted && m.only_for.is_none() && m.is_top_level() && window.holds(&m.ts)
        };
        let messages: Vec<_> = state.messages.iter().rev().filter(there).collect();
        Ok(window.page(&state, &messages))
    }

    /// <https://docs.slack.dev/reference/methods/conversations.replies>: the thread, oldest first, its first message included.
    pub(crate) fn replies(&self, args: &Args) -> Answer {
        let (channel, ts) = (args.required("channel")?, args.required("ts")?);
        let window = Window::read(args)?;
        let mut state = self.state();
        readable(state.channel(&channel)?)?;
        let asked = state.message(&channel, &ts).ok_or_else(|| Failure::new("thread_not_found"))?;
        let root = asked.thread_ts.clone().unwrap_or(ts);
        let there = |m: &&Message| {
            let in_thread = m.ts == root || (m.thread_ts.as_deref() == Some(&root) && window.holds(&m.ts));
            m.channel == channel && !m.deleted && m.only_for.is_none() && in_thread
        };
        let messages: Vec<_> = state.messages.iter().filter(there).collect();
        Ok(window.page(&state, &messages))
    }

    /// <https://docs.slack.dev/reference/methods/conversations.info>.
    pub(crate) fn info(&self, args: &Args) -> Answer {
        let channel = args.required("channel")?;
        Ok(json!({ "channel": shown(self.state().channel(&channel)?) }))
    }

    /// <https://docs.slack.dev/reference/methods/conversations.list>. Everything on one page.
    pub(crate) fn list(&self, args: &Args) -> Value {
        let without_archived = args.flag("exclude_archived");
        let types = args.text("types").unwrap_or_else(|| "public_channel".into());
        let kind = |channel: &&Channel| {
            let direct = channel.id.starts_with('D');
            let name = if direct {
                "im"
            } else if channel.private {
                "private_channel"
            } else {
                "public_channel"
            };
            types.split(',').any(|asked| asked.trim() == name)
        };
        let state = self.state();
        let visible = |channel: &&Channel| channel.member || !channel.private;
        let channels = state.channels.iter().filter(visible).filter(kind);
        let channels: Vec<_> = channels.filter(|c| !(c.archived && without_archived)).map(shown).collect();
        json!({ "channels": channels, "response_metadata": { "next_cursor": "" } })
    }
}

/// The messages that a call asks for.
struct Window {
    oldest: Option<f64>,
    latest: Option<f64>,
    inclusive: bool,
    limit: usize,
    start: usize,
    metadata: bool,
}

impl Window {
    fn read(args: &Args) -> Result<Self, Failure> {
        let time = |name: &str, error: &str| match args.text(name).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => text.parse::<f64>().map(Some).map_err(|_| Failure::new(error)),
        };
        let limit = match args.text("limit") {
            None => 100,
            Some(text) => {
                text.parse().ok().filter(|n| (1..=999).contains(n)).ok_or_else(|| Failure::new("invalid_limit"))?
            }
        };
        let start = match args.text("cursor").filter(|cursor| !cursor.is_empty()) {
            None => 0,
            Some(cursor) => {
                let offset = cursor.strip_prefix("offset:").and_then(|offset| offset.parse().ok());
                offset.ok_or_else(|| Failure::new("invalid_cursor"))?
            }
        };
        Ok(Self {
            oldest: time("oldest", "invalid_ts_oldest")?,
            latest: time("latest", "invalid_ts_latest")?,
            inclusive: args.flag("inclusive"),
            limit,
            start,
            metadata: args.flag("include_all_metadata"),
        })
    }

    fn holds(&self, ts: &str) -> bool {
        let Ok(ts) = ts.parse::<f64>() else { return false };
        let equal = |bound: f64| self.inclusive && (ts - bound).abs() < 5e-7;
        self.oldest.is_none_or(|oldest| ts > oldest + 5e-7 || equal(oldest))
            && self.latest.is_none_or(|latest| ts < latest - 5e-7 || equal(latest))
    }

    fn page(&self, state: &State, messages: &[&Message]) -> Value {
        let end = self.start.saturating_add(self.limit);
        let more = messages.len() > end;
        let shown = messages.iter().skip(self.start).take(self.limit).map(|message| {
            let mut shown = message.shown(self.metadata);
            with_replies(state, &mut shown, &message.channel, &message.ts);
            shown
        });
        let mut page = json!({ "messages": shown.collect::<Vec<_>>(), "has_more": more });
        if more {
            page["response_metadata"] = json!({ "next_cursor": format!("offset:{end}") });
        }
        page
    }
}

fn readable(channel: &Channel) -> Result<(), Failure> {
    if channel.member { Ok(()) } else { Err(Failure::new("not_in_channel")) }
}

fn shown(channel: &Channel) -> Value {
    let direct = channel.id.starts_with('D');
    json!({
        "id": channel.id, "name": channel.name, "is_channel": !direct, "is_im": direct, "is_private": channel.private,
        "is_member": channel.member, "is_archived": channel.archived,
    })
}
