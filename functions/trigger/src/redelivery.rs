//! GitHub's deliveries that failed, and when each is to be delivered again: GitHub does not do that by itself.
//!
//! The tick looks at a repository's webhook from [`Looked::look_from`] of the last look on, which the caller keeps; a first look is for
//! three days back. What is not known from GitHub's own list is not needed: two looks at the same time, or one that died
//! half-way, deliver something twice at worst, which starts nothing.
//!
//! Only a repository's own webhooks are looked at, not an organisation's. GitHub's guide to the same:
//! <https://docs.github.com/en/webhooks/using-webhooks/automatically-redelivering-failed-deliveries-for-a-repository-webhook>

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::provider::{ProviderError, Providers};

/// For how long after its first attempt a delivery is looked after. GitHub keeps deliveries for three days.
pub const LOOKED_AFTER: SignedDuration = SignedDuration::from_hours(3 * 24);
/// How far before now the next look begins: a delivery may take minutes until GitHub lists it.
pub const OVERLAP: SignedDuration = SignedDuration::from_mins(15);
/// How long a delivery waits for its second attempt, twice as long for each further one.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// How long it waits at most.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(6);
/// How many deliveries one look asks for. The others' turn is at the next one.
const AT_ONCE: usize = 20;
/// How long one look may take. A function has 25 seconds for the whole tick.
const LOOK_TIME: Duration = Duration::from_secs(12);

/// One attempt to deliver, as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The attempt's own id.
    pub id: i64,
    /// The delivery's id, the same for all its attempts: `X-GitHub-Delivery`.
    pub guid: String,
    /// When it was made.
    pub at: Timestamp,
    /// Whether it is not the delivery's first.
    pub redelivery: bool,
    /// The status that we answered; 0 when GitHub got no answer.
    pub status: u16,
}

/// What is to be done about a list of attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The newest attempt of each delivery that is to be made again now, the oldest delivery first.
    pub redeliver: Vec<i64>,
    /// From when on the next look has to list: the first attempt of the oldest delivery that is still looked after, else a little
    /// before now.
    pub look_from: Timestamp,
}

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// How many webhooks of the repository deliver to our endpoint. With none, there is nothing to look at, and someone should know.
    pub hooks: usize,
    /// How many deliveries GitHub was asked to make again, and took.
    pub asked: usize,
    /// The next look's `since`.
    pub look_from: Timestamp,
}

/// Decides which deliveries are to be made again.
///
/// - A delivery with an attempt that was answered 2xx has arrived. Nothing more is done about it.
/// - What was refused for what it is (400, 413 and all else that is not named here) would be refused again: its last answer holds.
/// - No answer, 5xx, 429, 408, and 401, 403, 404 (a secret under change, an API that was gone for a while) may be mended by another
///   attempt: one minute after the first attempt, then two minutes after the second, four after the third, up to six hours after
///   the newest.
/// - Three days after its first attempt a delivery is given up, and so is one whose first attempt is not in the list: it is older than
///   that, or was given up before. That makes 20 attempts at most (one more for each look that comes while an attempt that was asked
///   for is not listed yet).
pub fn plan(listing: &[Attempt], now: Timestamp) -> Plan {
    let mut deliveries: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
    for attempt in listing {
        deliveries.entry(&attempt.guid).or_default().push(attempt);
    }
    let mut look_from = before(now, OVERLAP);
    let mut due = Vec::new();
    for attempts in deliveries.values() {
        let first = attempts.iter().filter(|attempt| !attempt.redelivery).map(|attempt| attempt.at).min();
        let newest = attempts.iter().max_by_key(|attempt| (attempt.at, attempt.id));
        let (Some(first), Some(newest)) = (first, newest) else { continue };
        let arrived = attempts.iter().any(|attempt| (200..300).contains(&attempt.status));
        if arrived || !may_be_mended(newest.status) || first <= before(now, LOOKED_AFTER) {
            continue;
        }
        look_from = look_from.min(first);
        if newest.at <= before(now, wait(attempts.len())) {
            due.push((first, newest.id));
        }
    }
    due.sort_unstable();
    Plan { redeliver: due.into_iter().map(|(_, id)| id).collect(), look_from }
}

fn may_be_mended(status: u16) -> bool {
    matches!(status, 0 | 401 | 403 | 404 | 408 | 429 | 500..)
}

/// How long after its newest attempt a delivery waits that had so many.
fn wait(attempts: usize) -> SignedDuration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    (FIRST_WAIT * 2_i32.pow(doublings)).min(LONGEST_WAIT)
}

fn before(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_sub(by).unwrap_or(Timestamp::MIN)
}

impl Providers {
    /// Asks GitHub for the deliveries to an endpoint (`<LONGSHORE_URL>/webhooks/github`) since then, three days back at most, and has
    /// those made again that [`plan`] names. Takes twelve seconds at most.
    ///
    /// `repository` is `host/owner/name`, one that the configuration names: the token is sent to its host. The token needs the repository
    /// permission Webhooks, read and write.
    ///
    /// After an error the next look is to have the same `since`; after [`ProviderError::Limited`] it is to come no sooner than that says.
    /// A webhook that had more than 3,000 deliveries since then is looked at as far as that, and the log says so.
    pub async fn redeliver(
        &self,
        repository: &str,
        endpoint: &str,
        since: Timestamp,
        now: Timestamp,
        token: &SecretString,
    ) -> Result<Looked, ProviderError> {
        let look = self.look(repository, endpoint, since, now, token);
        let late = |_| Err(ProviderError::Unreached("no answer in time".to_owned()));
        tokio::time::timeout(LOOK_TIME, look).await.unwrap_or_else(late)
    }

    async fn look(
        &self,
        repository: &str,
        endpoint: &str,
        since: Timestamp,
        now: Timestamp,
        token: &SecretString,
    ) -> Result<Looked, ProviderError> {
        let since = since.max(before(now, LOOKED_AFTER));
        let hooks = self.hooks(repository, endpoint, token).await?;
        let mut looked = Looked { hooks: hooks.len(), asked: 0, look_from: before(now, OVERLAP) };
        let mut tried = 0;
        for hook in hooks {
            let (listing, whole) = self.deliveries(repository, hook, since, token).await?;
            if !whole {
                tracing::warn!(
                    repository,
                    hook,
                    "more deliveries than one look reads: the oldest are not looked after"
                );
            }
            let plan = plan(&listing, now);
            looked.look_from = looked.look_from.min(plan.look_from);
            for delivery in plan.redeliver {
                if tried == AT_ONCE {
                    break;
                }
                tried += 1;
                match self.deliver_again(repository, hook, delivery, token).await {
                    Ok(()) => {
                        tracing::info!(repository, hook, attempt = delivery, "a delivery that failed is made again");
                        looked.asked += 1;
                    }
                    // One that GitHub does not make again does not keep the others waiting.
                    Err(error @ (ProviderError::Refused(_) | ProviderError::Status(_))) => {
                        tracing::warn!(repository, hook, attempt = delivery, %error, "a delivery is not made again");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(looked)
    }
}
