//! Freezes: the times in which nothing goes into an environment by itself.
//!
//! A freeze begins at each moment that its `cron` names on the clock of its time zone, and lasts for a fixed time from then. Where the
//! clock jumps ahead, over such a moment, it begins with the jump; where the clock goes back, and shows such a moment twice, it begins
//! twice. In doubt an environment is frozen rather than not.
//!
//! Time zones are those that are compiled into the program: the answer is the same on a laptop and in a Lambda function, which has
//! no zoneinfo.

use cronexpr::{Crontab, FallbackTimezoneOption, MakeTimestamp, ParseOptions};
use jiff::{
    SignedDuration, Timestamp,
    tz::{Offset, TimeZone, TimeZoneDatabase},
};

use crate::{config::Freeze, text};

/// The shortest `for`.
pub const SHORTEST: SignedDuration = SignedDuration::from_mins(1);

/// The longest `for`, and how far ahead the end of freezes that touch each other is looked for.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(90 * 24);

/// For how long a freeze holds that cannot be read: then it is asked about again.
const UNREADABLE: SignedDuration = SignedDuration::from_hours(1);

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Why a `cron` names no moments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSchedule {
    /// It is no five fields.
    #[error("it needs five fields, and has {0}")]
    Fields(usize),
    /// It has a character that we do not take.
    #[error("it has {0:?}: a field is made of numbers, names of months and days, and * , - /")]
    Character(char),
    /// A field cannot be read.
    #[error("{0}")]
    Field(String),
    /// No day is such a day.
    #[error("no day is ever such a day")]
    Never,
}

/// When the freeze that holds at `now` ends; `None` where none holds. Freezes that overlap, or of which one begins when another ends,
/// are one. The end is exact as far as 90 days ahead; what goes on for longer is told to end somewhere after that, and whoever asks then
/// is told the rest.
///
/// [`Config::read`](crate::config::Config::read) takes no freeze that cannot be read. One that was recorded, and cannot be read all the
/// same, holds: for an hour, each time that it is asked about.
pub fn until(freezes: &[Freeze], now: Timestamp) -> Option<Timestamp> {
    let windows: Vec<Option<Window>> = freezes.iter().map(Window::read).collect();
    let horizon = now.checked_add(LONGEST).unwrap_or(Timestamp::MAX);
    let mut end = windows.iter().any(Option::is_none).then(|| now.checked_add(UNREADABLE).unwrap_or(Timestamp::MAX));
    loop {
        let at = end.unwrap_or(now);
        let next = windows.iter().flatten().filter_map(|window| window.end(at)).max();
        match next.filter(|next| *next > at && at < horizon) {
            Some(next) => end = Some(next),
            None => return end,
        }
    }
}

/// Reads a `cron`: five fields as cron(5) has them, with lists, ranges, steps, and names of months and days. A day has to match both
/// its fields where one of them begins with `*`, and otherwise one of them, as in cron.
/// Source: <https://man7.org/linux/man-pages/man5/crontab.5.html>.
pub(crate) fn schedule(cron: &str) -> Result<Crontab, NoSchedule> {
    // What the crate takes beyond that, such as L, is left out: in December its L is not the last day (1.7.0).
    let fields: Vec<&str> = cron.split_ascii_whitespace().collect();
    if fields.len() != 5 {
        return Err(NoSchedule::Fields(fields.len()));
    }
    for (position, field) in fields.iter().enumerate() {
        for word in field.split([',', '-', '/', '*']) {
            let named = position > 2 && word.len() == 3 && word.bytes().all(|b| b.is_ascii_alphabetic());
            if let Some(other) = word.chars().find(|c| !named && !c.is_ascii_digit()) {
                return Err(NoSchedule::Character(other));
            }
        }
    }
    let mut options = ParseOptions::default();
    options.fallback_timezone_option = FallbackTimezoneOption::UTC;
    let schedule = cronexpr::parse_crontab_with(&fields.join(" "), options).map_err(|error| {
        // It shows the expression, and below it a mark with the reason.
        let said = error.to_string();
        NoSchedule::Field(said.lines().last().unwrap_or_default().trim_start_matches([' ', '^']).to_owned())
    })?;
    // Four years are looked at: from this day on, they have a leap day.
    schedule.find_next(MakeTimestamp(Timestamp::UNIX_EPOCH)).map_err(|_| NoSchedule::Never)?;
    Ok(schedule)
}

/// The time zone of a name in IANA's database; otherwise the name that is nearest.
pub(crate) fn zone(name: &str) -> Result<TimeZone, Option<String>> {
    let zones = TimeZoneDatabase::bundled();
    zones.get(name).map_err(|_| {
        let names: Vec<String> = zones.available().map(|name| name.to_string()).collect();
        text::nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
    })
}

/// A freeze that was read.
struct Window {
    /// On a clock of which nobody knows the zone: local time is handed to it as if it were UTC.
    schedule: Crontab,
    zone: TimeZone,
    lasts: SignedDuration,
}

impl Window {
    fn read(freeze: &Freeze) -> Option<Self> {
        let (schedule, zone) = (schedule(&freeze.cron).ok()?, zone(&freeze.zone).ok()?);
        (SHORTEST..=LONGEST).contains(&freeze.lasts).then_some(Self { schedule, zone, lasts: freeze.lasts })
    }

    /// When the last of those ends that began by `at` and have not ended.
    fn end(&self, at: Timestamp) -> Option<Timestamp> {
        let mut start = self.start(at.checked_sub(self.lasts).ok()?, at)?;
        // The latest start is between the one that is known and `latest`; starts are a minute apart.
        let mut latest = at;
        while start.duration_until(latest) >= MINUTE {
            let between = start.checked_add(start.duration_until(latest) / 2).ok()?;
            match self.start(between, at) {
                Some(later) => start = later,
                None => latest = between,
            }
        }
        start.checked_add(self.lasts).ok()
    }

    /// The first start after a moment, up to a last one.
    fn start(&self, after: Timestamp, last: Timestamp) -> Option<Timestamp> {
        let mut offset = self.zone.to_offset(after);
        let mut local = shown(after, offset)?;
        for change in self.zone.following(after) {
            let next = self.next(local)?;
            let start = meant(next, offset)?;
            if start < change.timestamp() || change.timestamp() > last {
                return (start <= last).then_some(start);
            }
            let jumped_to = shown(change.timestamp(), change.offset())?;
            if next <= jumped_to {
                return Some(change.timestamp());
            }
            // What the clock shows again, from its first moment on.
            local = jumped_to.checked_sub(SignedDuration::from_nanos(1)).ok()?;
            offset = change.offset();
        }
        meant(self.next(local)?, offset).filter(|start| *start <= last)
    }

    fn next(&self, local: Timestamp) -> Option<Timestamp> {
        self.schedule.find_next(MakeTimestamp(local)).ok().map(|next| next.timestamp())
    }
}

/// What a clock shows then, as if it were UTC.
fn shown(moment: Timestamp, offset: Offset) -> Option<Timestamp> {
    moment.checked_add(SignedDuration::from_secs(offset.seconds().into())).ok()
}

/// The moment at which a clock shows this.
fn meant(shown: Timestamp, offset: Offset) -> Option<Timestamp> {
    shown.checked_sub(SignedDuration::from_secs(offset.seconds().into())).ok()
}

#[cfg(test)]
mod tests;
