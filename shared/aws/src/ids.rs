//! Ids and the clock, which the core takes as parameters.

use std::time::Duration;

use jiff::Timestamp;
use longshore_core::release::ReleaseId;

/// A new release id.
pub fn release_id() -> ReleaseId {
    let id = ulid::Ulid::generate().to_string();
    ReleaseId::parse(&id).unwrap_or_else(|| unreachable!("a ULID is a release id"))
}

/// Now, to the millisecond, which is all that records keep.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A random part of a pause, so that those who met once do not meet again.
pub fn jitter(pause: Duration) -> Duration {
    let share = u32::try_from(ulid::Ulid::generate().random() & 0xffff).unwrap_or(0);
    pause * share / 0xffff
}

/// A random number below this one; 0 where there is none.
pub(crate) fn below(end: usize) -> usize {
    let random = usize::try_from(ulid::Ulid::generate().random() & 0xffff_ffff).unwrap_or(0);
    random.checked_rem(end).unwrap_or(0)
}
