//! A look at the webhooks of a repository, and what is kept of it for the next.

use std::{mem::take, time::Duration};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use super::{Attempt, LOOKED_AFTER, before, plan};
use crate::provider::{ProviderError, Providers, late};

/// How long after a look the next one comes, where nothing is due before.
pub const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// How soon it comes at the earliest: when something is left to be done.
pub const SOON: SignedDuration = SignedDuration::from_mins(1);
/// For how long it is known which webhooks a repository has.
pub const HOOKS_KEPT: SignedDuration = SignedDuration::from_hours(1);
/// How many deliveries one look asks for. The others' turn is at the next one.
const AT_ONCE: usize = 20;
/// How long one look may take before its last request.
const LOOK_TIME: Duration = Duration::from_secs(6);
/// How many attempts a memory has room for. Each takes some 130 bytes.
const ROOM: usize = 2_000;

/// What a look has to know of the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// When the webhooks were listed.
    listed: Option<Timestamp>,
    /// Those that deliver to our endpoint.
    hooks: Vec<Hook>,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Hook {
    id: u64,
    /// From when on its deliveries have to be listed.
    from: Timestamp,
    /// What was left of the last list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rest: Option<Rest>,
    /// The attempts of the deliveries that are still looked after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kept: Vec<Attempt>,
}

/// The older part of a list, which was not read yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rest {
    /// Where it begins.
    cursor: String,
    /// How far back it goes.
    from: Timestamp,
}

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// How many webhooks of the repository deliver to our endpoint. With none, there is nothing to look at, and someone should know.
    pub hooks: usize,
    /// How many deliveries GitHub was asked to make again, and took.
    pub asked: usize,
    /// When the next look is to come.
    pub next: Timestamp,
}

/// One look, while it lasts.
struct Look<'l> {
    providers: &'l Providers,
    repository: &'l str,
    now: Timestamp,
    until: Instant,
    token: &'l SecretString,
    /// How many deliveries were asked for, with or without success.
    tried: usize,
    looked: Looked,
}

impl Memory {
    /// Has the webhooks listed at the next look: one of them is gone, or there is none.
    fn forget_hooks(&mut self) {
        self.listed = None;
    }

    /// Takes what is known of these webhooks along. A new one is looked at from three days back.
    fn know(&mut self, ids: Vec<u64>, now: Timestamp) {
        let mut known = take(&mut self.hooks);
        let hook = |id| match known.iter().position(|hook| hook.id == id) {
            Some(place) => known.swap_remove(place),
            None => Hook { id, from: before(now, LOOKED_AFTER), rest: None, kept: Vec::new() },
        };
        self.hooks = ids.into_iter().map(hook).collect();
        self.listed = Some(now);
    }
}

impl Providers {
    /// Asks GitHub for the deliveries to an endpoint (`<LONGSHORE_URL>/webhooks/github`) since the last look, and has those made again
    /// that [`plan`] names. No request is begun after `until`, nor later than six seconds from now; one takes three seconds at most.
    ///
    /// `repository` is `host/owner/name`, one that the configuration names: the token is sent to its host. The token needs the repository
    /// permission Webhooks, read and write.
    ///
    /// The memory is to be kept after an error too, for what was done before it. After [`ProviderError::Limited`] the next look is to come
    /// no sooner than that says. A list that is too long for one look is gone on with at the next.
    pub async fn redeliver(
        &self,
        repository: &str,
        endpoint: &str,
        memory: &mut Memory,
        now: Timestamp,
        until: Instant,
        token: &SecretString,
    ) -> Result<Looked, ProviderError> {
        let until = until.min(Instant::now() + LOOK_TIME);
        if memory.listed.is_none_or(|listed| now.duration_since(listed) >= HOOKS_KEPT) {
            let hooks = timeout_at(until, self.hooks(repository, endpoint, token)).await;
            let hooks = hooks.unwrap_or_else(|_| Err(late()))?;
            memory.know(hooks, now);
        }
        let looked = Looked { hooks: memory.hooks.len(), asked: 0, next: now + LOOK_EVERY };
        let mut look = Look { providers: self, repository, now, until, token, tried: 0, looked };
        let room = ROOM / looked.hooks.max(1);
        for hook in &mut memory.hooks {
            if Instant::now() >= until {
                look.next(now + SOON);
            } else if let Err(error) = look.at(hook, room).await {
                if matches!(error, ProviderError::Refused(_)) {
                    memory.forget_hooks();
                }
                return Err(error);
            }
        }
        if memory.hooks.is_empty() {
            memory.forget_hooks();
        }
        Ok(look.looked)
    }
}

impl Look<'_> {
    /// Looks at one webhook.
    async fn at(&mut self, hook: &mut Hook, room: usize) -> Result<(), ProviderError> {
        let (listing, missed) = self.list(hook).await?;
        let plan = plan(&listing, self.now, room);
        (hook.kept, hook.from) = (plan.keep, missed.map_or(plan.look_from, |missed| missed.min(plan.look_from)));
        if hook.rest.is_some() {
            self.next(self.now + SOON);
        }
        if let Some(due) = plan.due {
            self.next(due);
        }
        for attempt in plan.redeliver {
            if self.tried == AT_ONCE || Instant::now() >= self.until {
                self.next(self.now + SOON);
                break;
            }
            self.tried += 1;
            let repository = self.repository;
            match self.providers.deliver_again(repository, hook.id, attempt, self.token).await {
                Ok(()) => {
                    tracing::info!(repository, hook = hook.id, attempt, "a delivery that failed is made again");
                    self.looked.asked += 1;
                }
                // One that GitHub does not make again does not keep the others waiting.
                Err(error @ (ProviderError::Refused(_) | ProviderError::Status(_))) => {
                    tracing::warn!(repository, hook = hook.id, attempt, %error, "a delivery is not made again");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The attempts that are kept, those since the last look, and a part of what was left of the last list; and from when on has to be
    /// listed once more, where that can no longer be read.
    async fn list(&self, hook: &mut Hook) -> Result<(Vec<Attempt>, Option<Timestamp>), ProviderError> {
        let oldest = before(self.now, LOOKED_AFTER);
        let part = async |from: Timestamp, cursor: Option<String>| {
            let from = from.max(oldest);
            self.providers.deliveries(self.repository, hook.id, from, cursor, self.until, self.token).await
        };
        let (mut listing, left) = part(hook.from, None).await?;
        listing.extend(hook.kept.iter().cloned());
        let mut missed = None;
        let rest = match (left, &hook.rest) {
            (None, None) => None,
            (Some(cursor), rest) => {
                let from = rest.as_ref().map_or(hook.from, |rest| rest.from.min(hook.from));
                Some(Rest { cursor, from })
            }
            (None, Some(rest)) if Instant::now() >= self.until => Some(rest.clone()),
            (None, Some(rest)) => match part(rest.from, Some(rest.cursor.clone())).await {
                Ok((more, left)) => {
                    listing.extend(more);
                    left.map(|cursor| Rest { cursor, from: rest.from })
                }
                // The cursor is no longer good: the next look reads the list anew.
                Err(ProviderError::Status(_)) => {
                    missed = Some(rest.from);
                    None
                }
                Err(error) => return Err(error),
            },
        };
        hook.rest = rest;
        Ok((listing, missed))
    }

    /// The next look comes then, if not before.
    fn next(&mut self, at: Timestamp) {
        self.looked.next = self.looked.next.min(at.max(self.now + SOON));
    }
}
