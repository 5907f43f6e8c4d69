//! The plan, and a simulated GitHub that it is carried out on.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use longshore_trigger::redelivery::{self, Attempt, LOOK_EVERY, LOOKED_AFTER, OVERLAP, Plan, SOON};
use proptest::prelude::*;

const HOUR: i64 = 60 * 60;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn attempt(id: i64, guid: &str, second: i64, status: u16) -> Attempt {
    Attempt { id, guid: guid.to_owned(), at: at(second), redelivery: false, status }
}

fn again(id: i64, guid: &str, second: i64, status: u16) -> Attempt {
    Attempt { redelivery: true, ..attempt(id, guid, second, status) }
}

fn quiet(now: i64) -> Plan {
    Plan { redeliver: Vec::new(), keep: Vec::new(), look_from: at(now) - OVERLAP, due: None }
}

/// A plan with room enough.
fn plan(listing: &[Attempt], now: Timestamp) -> Plan {
    redelivery::plan(listing, now, 1_000)
}

/// When the next look comes after a plan, as the tick has it.
fn next_look(plan: &Plan, now: Timestamp) -> Timestamp {
    plan.due.map_or(now + LOOK_EVERY, |due| due.min(now + LOOK_EVERY)).max(now + SOON)
}

#[test]
fn nothing_that_failed_is_nothing_to_do() {
    assert_eq!(plan(&[], at(0)), quiet(0));
    assert_eq!(plan(&[attempt(1, "a", 0, 202)], at(HOUR)), quiet(HOUR));
}

#[test]
fn a_delivery_that_arrived_once_has_arrived() {
    let listing = [again(3, "a", 20, 500), again(2, "a", 10, 200), attempt(1, "a", 0, 500)];
    assert_eq!(plan(&listing, at(HOUR)), quiet(HOUR));
}

#[test]
fn what_was_understood_and_refused_stays_refused() {
    for status in [301, 400, 405, 410, 413, 415, 422] {
        assert_eq!(plan(&[attempt(1, "a", 0, status)], at(HOUR)), quiet(HOUR), "{status}");
    }
    for status in [0, 401, 403, 404, 408, 429, 500, 502, 503, 504, 599] {
        let listing = [attempt(1, "a", 0, status)];
        let due = Plan { redeliver: vec![1], keep: listing.to_vec(), due: Some(at(HOUR + 120)), ..quiet(HOUR) };
        assert_eq!(plan(&listing, at(HOUR)), due, "{status}");
    }
}

#[test]
fn each_attempt_waits_twice_as_long_up_to_six_hours() {
    let waits = [60, 120, 240, 480, 960, 1_920, 3_840, 7_680, 15_360, 6 * HOUR, 6 * HOUR];
    let mut listing = vec![attempt(0, "a", 0, 500)];
    let mut second = 0;
    for wait in waits {
        let newest = listing.last().map(|attempt| attempt.id).into_iter().collect::<Vec<_>>();
        let early = plan(&listing, at(second + wait - 1));
        assert_eq!((early.redeliver, early.due), (vec![], Some(at(second + wait))), "{wait}");
        let due = plan(&listing, at(second + wait));
        assert_eq!((due.redeliver, due.look_from), (newest, at(second + wait) - OVERLAP), "{wait}");
        assert_eq!(due.keep.len(), listing.len(), "{wait}");
        second += wait;
        listing.push(again(second, "a", second, 500));
    }
}

#[test]
fn after_three_days_a_delivery_is_given_up() {
    let end = LOOKED_AFTER.as_secs();
    let listing = [again(2, "a", 60, 500), attempt(1, "a", 0, 500)];
    assert_eq!(plan(&listing, at(end - 1)).redeliver, [2]);
    assert_eq!(plan(&listing, at(end)), quiet(end));
    assert_eq!(plan(&listing[..1], at(2 * HOUR)), quiet(2 * HOUR), "its first attempt is out of sight");
}

#[test]
fn an_attempt_that_is_listed_twice_counts_once() {
    let listing = [attempt(1, "a", 0, 500), again(2, "a", 60, 500), attempt(1, "a", 0, 500)];
    let once = plan(&listing[..2], at(100));
    assert_eq!((once.keep.len(), once.due), (2, Some(at(180))));
    assert_eq!(plan(&listing, at(100)), once);
}

#[test]
fn what_there_is_no_room_to_keep_is_listed_again() {
    let listing: Vec<_> = (0..10).map(|id| attempt(id, &id.to_string(), id * 60, 500)).collect();
    let plan = redelivery::plan(&listing, at(HOUR), 4);
    assert_eq!(plan.redeliver.len(), 10, "all are made again");
    assert_eq!(plan.keep, listing[..4], "the oldest are kept");
    assert_eq!(plan.look_from, at(4 * 60));
}

/// A delivery of the simulation.
#[derive(Debug, Clone)]
struct Sent {
    /// When, in seconds.
    at: i64,
    /// Until when every attempt fails.
    until: i64,
    /// What the attempts are answered until then, in turn.
    answers: Vec<u16>,
    /// After how many seconds GitHub lists the first attempt, and after how many each further one was made and is listed.
    first_listed: i64,
    listed: i64,
}

fn sent() -> impl Strategy<Value = Sent> {
    let answers =
        prop::collection::vec(prop::sample::select(vec![0, 401, 403, 404, 408, 429, 500, 502, 503, 504]), 1..4);
    // The last attempt is made within six hours and a tick after failures stop, and within three days.
    let until = prop_oneof![Just(0), 1..2 * HOUR, 1..65 * HOUR];
    (0..24 * HOUR, until, answers, 0..600_i64, 0..50_i64).prop_map(|(at, until, answers, first_listed, listed)| Sent {
        at,
        until: at + until,
        answers,
        first_listed,
        listed,
    })
}

/// GitHub's side: the attempts, each with when it is listed.
struct GitHub<'a> {
    sent: &'a [Sent],
    attempts: Vec<(i64, Attempt)>,
}

impl GitHub<'_> {
    fn attempt(&mut self, which: usize, second: i64, redelivery: bool) {
        let sent = &self.sent[which];
        let guid = which.to_string();
        let before = self.attempts.iter().filter(|(_, attempt)| attempt.guid == guid).count();
        let status = if second < sent.until { sent.answers[before % sent.answers.len()] } else { 202 };
        let listed = second + if redelivery { 0 } else { sent.first_listed };
        let id = i64::try_from(self.attempts.len()).expect("few");
        self.attempts.push((listed, Attempt { id, guid, at: at(second), redelivery, status }));
    }

    fn listing(&self, since: Timestamp, second: i64) -> Vec<Attempt> {
        let seen = self.attempts.iter().filter(|(listed, attempt)| *listed <= second && attempt.at >= since);
        let mut listing: Vec<Attempt> = seen.map(|(_, attempt)| attempt.clone()).collect();
        listing.sort_by_key(|attempt| std::cmp::Reverse((attempt.at, attempt.id)));
        listing
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Ticks come every minute, some of them not at all; a look comes when the last one said, and lists only from where that said.
    #[test]
    fn every_delivery_arrives_once_its_failures_stop(
        sent in prop::collection::vec(sent(), 1..8),
        missed in prop::collection::vec(prop::bool::weighted(0.2), 1..40),
    ) {
        // One look in forty at least.
        let missed = [missed, vec![false]].concat();
        let mut github = GitHub { sent: &sent, attempts: Vec::new() };
        let mut look_from = at(0) - LOOKED_AFTER;
        let (mut kept, mut next) = (Vec::new(), at(0));
        let mut due: BTreeMap<i64, Vec<(usize, bool)>> = BTreeMap::new();
        for (which, sent) in sent.iter().enumerate() {
            due.entry(sent.at).or_default().push((which, false));
        }
        for tick in 0..(4 * 24 * 60_i64 + 60) {
            let second = tick * 60;
            while let Some(entry) = due.first_entry().filter(|entry| *entry.key() <= second) {
                let (when, made) = entry.remove_entry();
                for (which, redelivery) in made {
                    github.attempt(which, when, redelivery);
                }
            }
            let now = at(second);
            if missed[usize::try_from(tick).expect("positive") % missed.len()] || now < next {
                continue;
            }
            let listing = [github.listing(look_from.max(now - LOOKED_AFTER), second), kept].concat();
            let plan = plan(&listing, now);
            next = next_look(&plan, now);
            for id in plan.redeliver {
                let failed = &github.attempts[usize::try_from(id).expect("positive")].1;
                let which: usize = failed.guid.parse().expect("a number");
                let arrived = github.attempts.iter().any(|(_, other)| other.guid == failed.guid && other.status == 202);
                prop_assert!(!arrived, "{which} had arrived");
                prop_assert!(now.duration_since(at(sent[which].at)) < LOOKED_AFTER);
                due.entry(second + sent[which].listed).or_default().push((which, true));
            }
            (look_from, kept) = (plan.look_from, plan.keep);
        }
        for which in 0..sent.len() {
            let attempts = github.attempts.iter().filter(|(_, attempt)| attempt.guid == which.to_string());
            let statuses: Vec<u16> = attempts.map(|(_, attempt)| attempt.status).collect();
            prop_assert!(statuses.last() == Some(&202), "{which}: {statuses:?}");
            prop_assert!(statuses.len() <= 21, "{which}: {} attempts", statuses.len());
        }
    }

    #[test]
    fn a_delivery_that_never_arrives_has_a_bounded_number_of_attempts(listed in 0..50_i64) {
        let sent = [Sent { at: 0, until: i64::MAX, answers: vec![503], first_listed: 0, listed }];
        let mut github = GitHub { sent: &sent, attempts: Vec::new() };
        github.attempt(0, 0, false);
        let (mut look_from, mut kept, mut looks, mut next) = (at(0), Vec::new(), 0, at(0));
        for tick in 1..(5 * 24 * 60_i64) {
            let now = at(tick * 60);
            if now < next {
                continue;
            }
            looks += 1;
            let plan = plan(&[github.listing(look_from, tick * 60), kept].concat(), now);
            next = next_look(&plan, now);
            for _ in &plan.redeliver {
                github.attempt(0, tick * 60 + listed, true);
            }
            prop_assert_eq!(plan.look_from, now - OVERLAP, "no long list for its sake");
            (look_from, kept) = (plan.look_from, plan.keep);
        }
        prop_assert!(looks <= 5 * 24 * 12 + 25, "{} looks in five days", looks);
        prop_assert!((19..=21).contains(&github.attempts.len()), "{} attempts", github.attempts.len());
        prop_assert_eq!(kept, vec![], "it is given up");
    }

    #[test]
    fn a_plan_names_what_is_in_the_list_and_looks_no_later(
        listing in prop::collection::vec(
            (0..5_i64, 0..80 * HOUR, any::<bool>(), prop::sample::select(vec![0_u16, 200, 202, 400, 404, 500])),
            0..20,
        ),
    ) {
        let now = at(80 * HOUR);
        let item = |(id, (guid, second, redelivery, status)): (usize, (i64, i64, bool, u16))| Attempt {
            id: i64::try_from(id).expect("small"), guid: guid.to_string(), at: at(second), redelivery, status,
        };
        let listing: Vec<Attempt> = listing.into_iter().enumerate().map(item).collect();
        let plan = plan(&listing, now);
        prop_assert_eq!(plan.look_from, now - OVERLAP);
        prop_assert!(plan.keep.iter().all(|kept| listing.contains(kept)));
        prop_assert!(plan.due.is_none_or(|due| due > now) && plan.due.is_some() != plan.keep.is_empty());
        for id in plan.redeliver {
            let named = listing.iter().find(|attempt| attempt.id == id).expect("in the list");
            let same = listing.iter().filter(|attempt| attempt.guid == named.guid);
            prop_assert!(same.clone().all(|attempt| attempt.at <= named.at && attempt.status / 100 != 2));
            prop_assert!(now.duration_since(named.at) >= SignedDuration::from_mins(1));
        }
    }
}
