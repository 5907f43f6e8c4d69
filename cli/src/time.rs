//! Times, as people write and read them.

use jiff::{SignedDuration, Timestamp};
use longshore_core::config::duration;

/// The longest time that may be given: what is meant to last longer has no end.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// `2026-11-21 19:54 UTC`.
pub fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How long something lasts, or how long ago it was, in one unit: `42 s`, `3 min`, `5 h`, `12 d`.
pub fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", (seconds + 30) / 60),
        5400..172_800 => format!("{} h", (seconds + 1800) / 3600),
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

/// Reads `--until`: `90s`, `30m`, `2h`, `7d` from now, or a moment with its zone as RFC 3339 writes it, `2026-12-24T18:00:00+01:00`.
pub fn until(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let moment = match duration(text) {
        Some(lasts) => now.checked_add(lasts).ok(),
        None => text.parse().ok(),
    };
    let moment = moment.ok_or("it is a time such as 30m, 2h or 7d, or a moment such as 2026-12-24T18:00:00+01:00")?;
    if moment <= now {
        return Err(format!("{} is over", date(moment)));
    }
    if moment.duration_since(now) > LONGEST {
        return Err("it is more than a year away: leave it out for a lock without an end".to_owned());
    }
    Ok(moment)
}

/// Reads how long something may take: `30s` to `7d`.
pub fn limit(text: &str) -> Result<SignedDuration, &'static str> {
    let limits = SignedDuration::from_secs(1)..=SignedDuration::from_hours(7 * 24);
    duration(text).filter(|limit| limits.contains(limit)).ok_or("it is a time from 1s to 7d, such as 30m or 2h")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T19:54:00Z".parse().expect("a time")
    }

    #[test]
    fn a_span_has_one_unit() {
        let span = |seconds| span(now(), now() + SignedDuration::from_secs(seconds));
        assert_eq!(span(0), "0 s");
        assert_eq!(span(-5), "0 s", "clocks differ");
        assert_eq!(span(89), "89 s");
        assert_eq!(span(90), "2 min");
        assert_eq!(span(5399), "90 min");
        assert_eq!(span(5400), "2 h");
        assert_eq!(span(172_799), "48 h");
        assert_eq!(span(12 * 86_400), "12 d");
    }

    #[test]
    fn an_end_is_a_time_from_now_or_a_moment_with_its_zone() {
        let read = |text| until(text, now()).map(date);
        assert_eq!(read("2h").as_deref(), Ok("2026-11-21 21:54 UTC"));
        assert_eq!(read("2026-12-24T18:00:00+01:00").as_deref(), Ok("2026-12-24 17:00 UTC"));
        for (wrong, why) in [
            ("tomorrow", "it is a time such as"),
            ("2026-12-24", "it is a time such as"),
            ("2026-12-24T18:00:00", "it is a time such as"),
            ("0s", "is over"),
            ("2026-01-01T00:00:00Z", "2026-01-01 00:00 UTC is over"),
            ("999999999d", "it is "),
            ("9999d", "more than a year"),
        ] {
            let error = read(wrong).expect_err(wrong);
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_limit_is_a_second_to_a_week() {
        assert_eq!(limit("90s"), Ok(SignedDuration::from_secs(90)));
        for wrong in ["0s", "8d", "1", "h", ""] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
    }
}
