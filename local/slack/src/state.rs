//! What changes: messages, modals, faults, buckets, triggers.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    answer::Failure,
    fault::Fault,
    message::Message,
    respond::Answerable,
    send::Sent,
    settings::{Channel, RateLimit, Settings},
    views::{Modal, Trigger},
};

/// Everything that changes.
#[derive(Debug)]
pub struct State {
    pub channels: Vec<Channel>,
    /// In order of posting.
    pub messages: Vec<Message>,
    /// The next calls' fault and how many calls it still meets; `None` is without end.
    pub fault: Option<(Fault, Option<u32>)>,
    /// Issued trigger ids.
    pub triggers: HashMap<String, Trigger>,
    /// The modals opened, oldest first.
    pub views: Vec<Modal>,
    /// Where the app may answer, by the id in the `response_url`.
    pub answerable: HashMap<String, Answerable>,
    /// What was sent to the app, oldest first.
    pub sent: Vec<Sent>,
    buckets: HashMap<String, (f64, Instant)>,
    last_ts: i64,
    last_id: u64,
}

impl State {
    pub fn new(settings: &Settings) -> Self {
        Self {
            channels: settings.channels.clone(),
            messages: Vec::new(),
            fault: None,
            triggers: HashMap::new(),
            views: Vec::new(),
            answerable: HashMap::new(),
            sent: Vec::new(),
            buckets: HashMap::new(),
            last_ts: 0,
            last_id: 0,
        }
    }

    /// A `ts` later than every one before.
    pub fn ts(&mut self) -> String {
        self.last_ts = Timestamp::now().as_microsecond().max(self.last_ts + 1);
        format!("{}.{:06}", self.last_ts / 1_000_000, self.last_ts % 1_000_000)
    }

    /// A new id with this prefix.
    pub fn id(&mut self, prefix: &str) -> String {
        self.last_id += 1;
        format!("{prefix}{:06}", self.last_id)
    }

    /// The fault that this call meets.
    pub fn next_fault(&mut self) -> Option<Fault> {
        let (fault, times) = self.fault.as_mut()?;
        let fault = fault.clone();
        match times {
            None => {}
            Some(1) => self.fault = None,
            Some(times) => *times -= 1,
        }
        Some(fault)
    }

    /// Takes from the channel's bucket, or says in how many seconds there is something again.
    pub fn take(&mut self, channel: &str, limit: RateLimit) -> Result<(), u64> {
        let now = Instant::now();
        let burst = f64::from(limit.burst);
        let (left, at) = self.buckets.entry(channel.into()).or_insert((burst, now));
        let refill = (now - *at).as_secs_f64() / limit.interval.as_secs_f64();
        *left = (*left + refill).min(burst);
        *at = now;
        if *left >= 1.0 {
            *left -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - *left) * limit.interval.as_secs_f64());
        Err(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    /// A channel that the bot sees, by id.
    pub fn channel(&self, id: &str) -> Result<&Channel, Failure> {
        let visible = |channel: &&Channel| channel.id == id && (channel.member || !channel.private);
        self.channels.iter().find(visible).ok_or_else(|| Failure::new("channel_not_found"))
    }

    /// A channel by id or, as `chat.postMessage` allows, by name with or without `#`.
    pub fn channel_or_name(&self, given: &str) -> Result<&Channel, Failure> {
        let name = given.strip_prefix('#').unwrap_or(given);
        let named = self.channels.iter().find(|channel| channel.name == name && (channel.member || !channel.private));
        named.map_or_else(|| self.channel(given), Ok)
    }

    /// A message that is still there and that everybody sees.
    pub fn message(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        let there = |m: &&mut Message| m.channel == channel && m.ts == ts && !m.deleted && m.only_for.is_none();
        self.messages.iter_mut().find(there)
    }
}
