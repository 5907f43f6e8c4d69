//! GitHub's deliveries that failed, and when each is to be delivered again: GitHub does not do that by itself.
//!
//! The tick looks at a repository's webhooks every few minutes, sooner when a delivery is due. Between two looks the caller keeps a
//! [`Memory`]: which webhooks there are, from when on each has to be listed, and the attempts of what is still looked after, so that a
//! delivery that stays broken for days costs no long list each time. A first look is for three days back. What is not known from
//! GitHub's own list is not needed: two looks at the same time, or one that died half-way, deliver something twice at worst, which
//! starts nothing.
//!
//! Only a repository's own webhooks are looked at, not an organisation's. GitHub's guide to the same:
//! <https://docs.github.com/en/webhooks/using-webhooks/automatically-redelivering-failed-deliveries-for-a-repository-webhook>

mod look;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use look::{HOOKS_KEPT, LOOK_EVERY, Looked, Memory, SOON};

/// For how long after its first attempt a delivery is looked after. GitHub keeps deliveries for three days.
pub const LOOKED_AFTER: SignedDuration = SignedDuration::from_hours(3 * 24);
/// How far before now the next look begins: a delivery may take minutes until GitHub lists it.
pub const OVERLAP: SignedDuration = SignedDuration::from_mins(15);
/// How long a delivery waits for its second attempt, twice as long for each further one.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// How long it waits at most.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(6);

/// One attempt to deliver, as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The attempts of the deliveries that are still looked after, the oldest delivery first: the next plan is made of them and of what
    /// was listed since.
    pub keep: Vec<Attempt>,
    /// From when on the next look has to list: a little before now, or the first attempt of the oldest delivery that there was no room to
    /// keep.
    pub look_from: Timestamp,
    /// When the next attempt is due; `None` when nothing is looked after.
    pub due: Option<Timestamp>,
}

/// Decides which deliveries are to be made again. An attempt may be in the list twice. At most `room` attempts are kept.
///
/// - A delivery with an attempt that was answered 2xx has arrived. Nothing more is done about it.
/// - What was refused for what it is (400, 413 and all else that is not named here) would be refused again: its last answer holds.
/// - No answer, 5xx, 429, 408, and 401, 403, 404 (a secret under change, an API that was gone for a while) may be mended by another
///   attempt: one minute after the first attempt, then two minutes after the second, four after the third, up to six hours after
///   the newest.
/// - Three days after its first attempt a delivery is given up, and so is one whose first attempt is not in the list: it is older than
///   that, or was given up before. That makes 20 attempts at most (one more for each look that comes while an attempt that was asked
///   for is not listed yet).
pub fn plan(listing: &[Attempt], now: Timestamp, room: usize) -> Plan {
    let mut deliveries: BTreeMap<&str, BTreeMap<i64, &Attempt>> = BTreeMap::new();
    for attempt in listing {
        deliveries.entry(&attempt.guid).or_default().insert(attempt.id, attempt);
    }
    let mut broken = Vec::new();
    for attempts in deliveries.into_values() {
        let first = attempts.values().filter(|attempt| !attempt.redelivery).map(|attempt| attempt.at).min();
        let newest = attempts.values().copied().max_by_key(|attempt| (attempt.at, attempt.id));
        let (Some(first), Some(newest)) = (first, newest) else { continue };
        let arrived = attempts.values().any(|attempt| (200..300).contains(&attempt.status));
        if !arrived && may_be_mended(newest.status) && first > before(now, LOOKED_AFTER) {
            broken.push((first, newest, attempts));
        }
    }
    broken.sort_unstable_by_key(|(first, newest, _)| (*first, newest.id));
    let mut plan = Plan { redeliver: Vec::new(), keep: Vec::new(), look_from: before(now, OVERLAP), due: None };
    let mut full = false;
    for (first, newest, attempts) in broken {
        let due = newest.at + wait(attempts.len());
        let next = if due <= now {
            plan.redeliver.push(newest.id);
            now + wait(attempts.len() + 1)
        } else {
            due
        };
        plan.due = Some(plan.due.map_or(next, |earliest| earliest.min(next)));
        full |= plan.keep.len() + attempts.len() > room;
        if full {
            plan.look_from = plan.look_from.min(first);
        } else {
            plan.keep.extend(attempts.into_values().cloned());
        }
    }
    plan
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
