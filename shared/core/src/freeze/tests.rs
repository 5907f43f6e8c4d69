use proptest::{prop_assert_eq, sample::select};

use super::*;

fn freeze(cron: &str, minutes: i64, zone: &str) -> Freeze {
    Freeze { cron: cron.to_owned(), lasts: SignedDuration::from_mins(minutes), zone: zone.to_owned() }
}

fn at(moment: &str) -> Timestamp {
    moment.parse().expect("a moment")
}

/// When the freeze at a moment ends, as text; `-` where none holds.
fn ends(freezes: &[Freeze], moment: &str) -> String {
    until(freezes, at(moment)).map_or("-".to_owned(), |end| end.to_string())
}

#[test]
fn a_freeze_holds_from_its_start_until_its_end() {
    let weekend = [freeze("0 16 * * FRI", 64 * 60, "Europe/Berlin")];
    for (moment, end) in [
        ("2026-11-20T14:59:59Z", "-"),
        ("2026-11-20T15:00:00Z", "2026-11-23T07:00:00Z"),
        ("2026-11-22T00:00:30.5Z", "2026-11-23T07:00:00Z"),
        ("2026-11-23T06:59:59.999999999Z", "2026-11-23T07:00:00Z"),
        ("2026-11-23T07:00:00Z", "-"),
    ] {
        assert_eq!(ends(&weekend, moment), end, "{moment}");
    }
    assert_eq!(until(&[], at("2026-11-20T15:00:00Z")), None);
}

#[test]
fn freezes_that_overlap_or_touch_are_one() {
    let freezes = [
        freeze("0 8 * * *", 120, "UTC"),
        freeze("0 9 * * *", 120, "UTC"),
        freeze("0 11 * * *", 60, "UTC"),
        freeze("1 12 * * *", 60, "UTC"),
    ];
    assert_eq!(ends(&freezes, "2026-11-20T08:30:00Z"), "2026-11-20T12:00:00Z");
    assert_eq!(ends(&freezes, "2026-11-20T12:00:00Z"), "-");
    assert_eq!(ends(&freezes, "2026-11-20T12:01:00Z"), "2026-11-20T13:01:00Z");
}

#[test]
fn a_freeze_that_begins_anew_before_it_ends_goes_on() {
    let days = [freeze("0 0 20-31 DEC *", 24 * 60, "UTC"), freeze("0 0 1-6 JAN *", 24 * 60, "UTC")];
    assert_eq!(ends(&days, "2026-12-24T18:00:00Z"), "2027-01-07T00:00:00Z");
    let overlapping = [freeze("*/5 6-9 * * *", 20, "UTC")];
    assert_eq!(ends(&overlapping, "2026-12-24T06:00:00Z"), "2026-12-24T10:15:00Z");
}

#[test]
fn the_end_of_what_never_ends_is_somewhere_after_ninety_days() {
    let always = [freeze("* * * * *", 1, "Europe/Berlin")];
    let now = at("2026-11-20T08:30:20Z");
    assert_eq!(until(&always, now).map(|end| now.duration_until(end)), Some(LONGEST + SignedDuration::from_secs(40)));
}

#[test]
fn a_start_that_the_clock_jumps_over_is_at_the_jump() {
    // 29 March 2026: after 01:59 CET comes 03:00 CEST, at 01:00 UTC.
    let night = [freeze("30 2 * * *", 60, "Europe/Berlin")];
    assert_eq!(ends(&night, "2026-03-29T00:59:59Z"), "-");
    assert_eq!(ends(&night, "2026-03-29T01:00:00Z"), "2026-03-29T02:00:00Z");
    assert_eq!(ends(&night, "2026-03-28T01:30:00Z"), "2026-03-28T02:30:00Z", "the day before");
    assert_eq!(ends(&night, "2026-03-30T00:30:00Z"), "2026-03-30T01:30:00Z", "the day after");
    // One that is under way lasts as long as it says, whatever the clock shows.
    let evening = [freeze("0 22 * * SAT", 8 * 60, "Europe/Berlin")];
    assert_eq!(ends(&evening, "2026-03-29T00:00:00Z"), "2026-03-29T05:00:00Z");
}

#[test]
fn a_start_that_the_clock_shows_twice_counts_twice() {
    // 25 October 2026: after 02:59 CEST comes 02:00 CET, at 01:00 UTC.
    let night = [freeze("30 2 * * *", 60, "Europe/Berlin")];
    assert_eq!(ends(&night, "2026-10-25T00:30:00Z"), "2026-10-25T02:30:00Z", "the second begins as the first ends");
    assert_eq!(ends(&night, "2026-10-25T02:30:00Z"), "-");
    let short = [freeze("30 2 * * *", 10, "Europe/Berlin")];
    assert_eq!(ends(&short, "2026-10-25T00:35:00Z"), "2026-10-25T00:40:00Z");
    assert_eq!(ends(&short, "2026-10-25T01:00:00Z"), "-");
    assert_eq!(ends(&short, "2026-10-25T01:35:00Z"), "2026-10-25T01:40:00Z");
    let evening = [freeze("0 22 * * SAT", 8 * 60, "Europe/Berlin")];
    assert_eq!(ends(&evening, "2026-10-25T00:30:00Z"), "2026-10-25T04:00:00Z");
}

#[test]
fn a_freeze_that_cannot_be_read_holds() {
    for freeze in [freeze("0 0 * *", 60, "UTC"), freeze("0 0 * * *", 60, "Mars/Base"), freeze("0 0 * * *", 0, "UTC")] {
        assert_eq!(ends(&[freeze], "2026-10-25T12:00:00Z"), "2026-10-25T13:00:00Z");
    }
}

#[test]
fn a_cron_that_names_no_moments_is_refused_with_the_reason() {
    let refused = |cron: &str| schedule(cron).map(|_| ()).expect_err(cron).to_string();
    insta::assert_snapshot!(
        ["", "0 0 * * * UTC", "0 0 L * *", "0 0 15W * *", "0 0 * * 5#3", "@daily", "60 * * * *", "0 0 0 * *", "0 5-1 * * *", "*/0 * * * *",
         "1,,2 * * * *", "0 0 * FOO *", "0 0 * JANUARY *", "0 0 30 2 *", "MON 0 * * *", "- * * * *"]
            .map(|cron| format!("{cron}: {}", refused(cron)))
            .join("\n"),
        @r"
        : it needs five fields, and has 0
        0 0 * * * UTC: it needs five fields, and has 6
        0 0 L * *: it has 'L': a field is made of numbers, names of months and days, and * , - /
        0 0 15W * *: it has 'W': a field is made of numbers, names of months and days, and * , - /
        0 0 * * 5#3: it has '#': a field is made of numbers, names of months and days, and * , - /
        @daily: it needs five fields, and has 1
        60 * * * *: value must be in range 0..=59; found 60
        0 0 0 * *: value must be in range 1..=31; found 0
        0 5-1 * * *: range must be in ascending order; found 5-1
        */0 * * * *: step must be greater than 0
        1,,2 * * * *: malformed expression
        0 0 * FOO *: malformed expression
        0 0 * JANUARY *: it has 'J': a field is made of numbers, names of months and days, and * , - /
        0 0 30 2 *: no day is ever such a day
        MON 0 * * *: it has 'M': a field is made of numbers, names of months and days, and * , - /
        - * * * *: malformed expression
        "
    );
    for cron in ["0 0 29 2 *", " 0\t0 * * MON-FRI ", "*/15 8-17 1,15 jan,JUL 0,7", "5/20 * * * *"] {
        assert!(schedule(cron).is_ok(), "{cron}");
    }
}

#[test]
fn a_time_zone_is_one_of_ianas() {
    for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "Asia/Calcutta"] {
        assert!(zone(name).is_ok(), "{name}");
    }
    assert_eq!(zone("Europe/Berln").map(|_| ()), Err(Some("Europe/Berlin".to_owned())));
    assert_eq!(zone("/etc/localtime").map(|_| ()), Err(None));
    assert_eq!(zone("").map(|_| ()), Err(None));
}

/// A minute of a clock, field by field, as in cron.
fn named(fields: &[(Vec<i8>, bool); 5], local: jiff::civil::DateTime) -> bool {
    let in_field = |position: usize, value: i8| fields[position].0.contains(&value);
    let day = in_field(2, local.day());
    let weekday = in_field(4, local.weekday().to_sunday_zero_offset());
    let either = if fields[2].1 || fields[4].1 { day && weekday } else { day || weekday };
    in_field(0, local.minute()) && in_field(1, local.hour()) && in_field(3, local.month()) && either
}

/// Numbers and `*` with steps and ranges, without names: enough for the properties.
fn fields(cron: &str) -> [(Vec<i8>, bool); 5] {
    let limits = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
    let mut read = cron.split(' ').zip(limits).map(|(field, (low, high))| {
        let number = |text: &str| text.parse::<i8>().expect("a number");
        let item = |item: &str| {
            let (range, step) = item.split_once('/').map_or((item, 1), |(range, step)| (range, number(step)));
            let (first, last) = match range.split_once('-') {
                Some((first, last)) => (number(first), number(last)),
                None if range == "*" => (low, high),
                None => (number(range), number(range)),
            };
            (first..=last).step_by(usize::try_from(step).expect("a step")).collect::<Vec<_>>()
        };
        (field.split(',').flat_map(item).collect(), field.starts_with('*'))
    });
    std::array::from_fn(|_| read.next().expect("a field"))
}

/// Minute by minute: whether each minute from `first` on is frozen.
fn frozen(freezes: &[Freeze], first: Timestamp, minutes: usize) -> Vec<bool> {
    let mut frozen = vec![false; minutes];
    for freeze in freezes {
        let (fields, zone) = (fields(&freeze.cron), zone(&freeze.zone).expect("a zone"));
        let lasts = usize::try_from(freeze.lasts.as_mins()).expect("a length");
        let mut before = None;
        let mut left = 0;
        for (minute, frozen) in frozen.iter_mut().enumerate() {
            let moment = first + SignedDuration::from_mins(i64::try_from(minute).expect("a minute"));
            let local = zone.to_datetime(moment);
            // What the clock shows now, and what it jumped over to show it.
            let mut shown = before.filter(|before| *before < local).map_or(local, |before| before + MINUTE);
            let mut starts = false;
            while shown <= local {
                starts |= named(&fields, shown);
                shown += MINUTE;
            }
            left = if starts { lasts } else { left };
            *frozen |= left > 0;
            left = left.saturating_sub(1);
            before = Some(local);
        }
    }
    frozen
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 96, ..proptest::test_runner::Config::default() })]
    #[test]
    fn a_moment_is_frozen_exactly_if_reading_minute_by_minute_says_so(
        crons in proptest::collection::vec((
            select(vec!["0 2 * * *", "30 2 * * *", "*/20 1-3 * * *", "59 * * * *", "0 0 1 * 1", "15 4 */2 * 1-5", "0 12 * * 0", "45 23 28-31 3,10 *", "0 3 * * 6,0"]),
            select(vec![1_i64, 7, 59, 60, 61, 180, 1439, 1440, 3000]),
            select(vec!["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Chatham"]),
        ), 1..4),
        around in select(vec!["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z", "2026-11-01T05:00:00Z"]),
        offset in -2000_i64..2000,
        second in 0_i64..60,
    ) {
        const BEFORE: usize = 3000;
        const AFTER: usize = 14 * 1440;
        let freezes: Vec<Freeze> = crons.iter().map(|(cron, minutes, zone)| freeze(cron, *minutes, zone)).collect();
        let minute = at(around) + SignedDuration::from_mins(offset);
        let before = SignedDuration::from_mins(i64::try_from(BEFORE).expect("minutes"));
        // A day more, so that what is jumped over is seen.
        let frozen = frozen(&freezes, minute - before, BEFORE + AFTER);
        let found = until(&freezes, minute + SignedDuration::from_secs(second));
        let end = frozen[BEFORE..].iter().position(|frozen| !frozen);
        match (frozen[BEFORE], end) {
            (false, _) => prop_assert_eq!(found, None),
            (true, Some(end)) => {
                prop_assert_eq!(found, Some(minute + SignedDuration::from_mins(i64::try_from(end).expect("minutes"))));
            }
            (true, None) => prop_assert_eq!(found.map(|found| found > minute), Some(true)),
        }
    }
}
