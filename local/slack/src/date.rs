//! `<!date^seconds^format^link|fallback>`, in UTC.
//! Source: <https://docs.slack.dev/messaging/formatting-message-text#date-formatting>.

use jiff::{Timestamp, tz::TimeZone};

/// The formatted date, or nothing when `seconds` is no time or `format` has a token that Slack lacks.
pub fn format(seconds: &str, format: &str) -> Option<String> {
    let time = Timestamp::from_second(seconds.parse().ok()?).ok()?.to_zoned(TimeZone::UTC);
    let mut formatted = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        let (token, after) = after.split_once('}')?;
        formatted.push_str(before);
        let pattern = match token {
            "date_num" => "%Y-%m-%d",
            "date_slash" => "%m/%d/%Y",
            "date" | "date_pretty" => "%B %-d, %Y",
            "date_short" | "date_short_pretty" => "%b %-d, %Y",
            "date_long" | "date_long_pretty" | "day_divider_pretty" => "%A, %B %-d, %Y",
            "time" => "%H:%M",
            "time_secs" => "%H:%M:%S",
            // Slack counts from the reader's clock ("3 minutes ago"), which a drawing lacks.
            "ago" => "%b %-d, %Y at %H:%M",
            _ => return None,
        };
        formatted.push_str(&time.strftime(pattern).to_string());
        rest = after;
    }
    formatted.push_str(rest);
    Some(formatted)
}

/// The time of day of a message's `ts`, with the whole date: `14:05` and `2026-01-31 14:05:09 UTC`.
pub fn of_ts(ts: &str) -> Option<(String, String)> {
    let seconds = ts.split('.').next()?;
    Some((format(seconds, "{time}")?, format(seconds, "{date_num} {time_secs} UTC")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_formatted_by_slacks_tokens() {
        let at = |text| format("1392734382", text);
        assert_eq!(at("Posted {date_num} {time_secs}").as_deref(), Some("Posted 2014-02-18 14:39:42"));
        assert_eq!(at("{date} at {time}").as_deref(), Some("February 18, 2014 at 14:39"));
        assert_eq!(at("{date_long}").as_deref(), Some("Tuesday, February 18, 2014"));
        assert_eq!(at("{date_short}").as_deref(), Some("Feb 18, 2014"));
        assert_eq!((at("{nothing}"), at("{date"), format("soon", "{date}")), (None, None, None));
    }
}
