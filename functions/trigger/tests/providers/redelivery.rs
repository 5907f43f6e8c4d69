//! Deliveries that failed, listed and asked for again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use longshore_trigger::{
    provider::ProviderError,
    redelivery::{HOOKS_KEPT, LOOK_EVERY, LOOKED_AFTER, Looked, Memory, SOON},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::mock::{Mock, Reply, token};

const SHOP: &str = "github.com/acme/shop";
const ENDPOINT: &str = "https://longshore.acme.example/webhooks/github";
const HOOKS: &str = "GET /repos/acme/shop/hooks?per_page=100&page=1";
const DELIVERIES: &str = "GET /repos/acme/shop/hooks/7/deliveries?per_page=100";

fn now() -> Timestamp {
    "2026-03-04T12:00:00Z".parse().expect("a time")
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn item(id: i64, guid: &str, minutes_ago: i64, status: u16) -> Value {
    let at = now() - minutes(minutes_ago);
    json!({ "id": id, "guid": guid, "delivered_at": at, "redelivery": false, "status_code": status, "event": "push" })
}

/// A mock with one webhook of ours.
async fn github() -> Mock {
    let mock = Mock::start().await;
    mock.on(HOOKS, Reply::json(&json!([{ "id": 7, "active": true, "config": { "url": ENDPOINT } }])));
    mock
}

fn again(id: i64) -> String {
    format!("POST /repos/acme/shop/hooks/7/deliveries/{id}/attempts")
}

/// A first look.
async fn look(mock: &Mock) -> Result<Looked, ProviderError> {
    look_on(mock, &mut Memory::default(), now()).await
}

/// A look that goes on where the one before ended, with time enough.
async fn look_on(mock: &Mock, memory: &mut Memory, now: Timestamp) -> Result<Looked, ProviderError> {
    let until = Instant::now() + Duration::from_mins(10);
    mock.providers().redeliver(SHOP, ENDPOINT, memory, now, until, &token()).await
}

fn page(cursor: &str) -> String {
    format!("{DELIVERIES}&cursor={cursor}")
}

/// The link's host does not matter: the cursor alone is taken from it.
fn link(cursor: &str) -> String {
    format!("<https://other.example/x?cursor={cursor}&per_page=100>; rel=\"next\", <y>; rel=\"prev\"")
}

/// The same for all looks: a memory as it is stored between them.
fn stored(memory: &Memory) -> Memory {
    serde_json::from_str(&serde_json::to_string(memory).expect("JSON")).expect("a memory")
}

#[tokio::test]
async fn what_failed_is_asked_for_again_and_what_arrived_is_not() {
    let mock = github().await;
    let listing = json!([item(4, "d", 3, 500), item(3, "c", 5, 202), item(2, "b", 30, 400), item(1, "a", 40, 0)]);
    mock.on(DELIVERIES, Reply::json(&listing));
    mock.on(&again(4), Reply::status(202)).on(&again(1), Reply::status(202));
    let looked = look(&mock).await;
    assert_eq!(looked, Ok(Looked { hooks: 1, asked: 2, next: now() + minutes(2) }));
    assert_eq!(mock.seen(), [HOOKS.to_owned(), DELIVERIES.to_owned(), again(1), again(4)], "the oldest first");
    assert_eq!(mock.headers("authorization"), ["Bearer t0ken"; 4]);
}

#[tokio::test]
async fn the_list_is_read_until_the_last_look() {
    let before = github().await;
    before.on(DELIVERIES, Reply::json(&json!([])));
    let mut memory = Memory::default();
    look_on(&before, &mut memory, now() - minutes(45)).await.expect("a look");
    let mock = Mock::start().await;
    mock.on(DELIVERIES, Reply::json(&json!([item(3, "c", 5, 200)])).header("link", link("v1_a%2Bb")));
    mock.on(&page("v1_a%2Bb"), Reply::json(&json!([item(2, "b", 20, 502)])).header("link", link("two")));
    mock.on(&page("two"), Reply::json(&json!([item(1, "a", 90, 502)])).header("link", link("three")));
    mock.on(&again(2), Reply::status(202));
    let looked = look_on(&mock, &mut stored(&memory), now()).await;
    assert_eq!(looked, Ok(Looked { hooks: 1, asked: 1, next: now() + minutes(2) }));
    assert_eq!(mock.seen().len(), 4, "three pages, back to 15 minutes before the last look: {:?}", mock.seen());
}

#[tokio::test]
async fn nothing_is_listed_from_more_than_three_days_back() {
    let mock = github().await;
    let link = "<https://x.example/?cursor=more>; rel=\"next\"";
    mock.on(DELIVERIES, Reply::json(&json!([item(1, "a", LOOKED_AFTER.as_mins() + 1, 500)])).header("link", link));
    assert_eq!(look(&mock).await, Ok(Looked { hooks: 1, asked: 0, next: now() + LOOK_EVERY }));
    assert_eq!(mock.seen().len(), 2);
}

#[tokio::test]
async fn only_active_webhooks_of_ours_are_looked_at() {
    let mock = Mock::start().await;
    let hooks = json!([
        { "id": 1, "config": { "url": "https://ci.acme.example/webhooks/github" } },
        { "id": 2, "active": false, "config": { "url": ENDPOINT } },
        { "id": 3, "config": { "content_type": "json" } },
        { "id": "four" },
        null,
        { "id": 5, "config": { "url": format!("{ENDPOINT}2") } },
        { "id": 7, "active": true, "config": { "url": "https://LONGSHORE.acme.example:443/webhooks/github/" } },
    ]);
    mock.on(HOOKS, Reply::json(&hooks)).on(DELIVERIES, Reply::json(&json!([])));
    assert_eq!(look(&mock).await, Ok(Looked { hooks: 1, asked: 0, next: now() + LOOK_EVERY }));
    assert_eq!(mock.seen(), [HOOKS, DELIVERIES]);
}

#[tokio::test]
async fn webhooks_are_read_page_by_page() {
    let mock = Mock::start().await;
    let other = json!({ "id": 1, "config": { "url": "https://ci.acme.example" } });
    mock.on(HOOKS, Reply::json(&json!(vec![other; 100])));
    mock.on("GET /repos/acme/shop/hooks?per_page=100&page=2", Reply::json(&json!([])));
    assert_eq!(look(&mock).await.map(|looked| looked.hooks), Ok(0));
    assert_eq!(mock.seen().len(), 2);
}

#[tokio::test]
async fn one_that_github_does_not_make_again_keeps_no_other_waiting() {
    let mock = github().await;
    mock.on(DELIVERIES, Reply::json(&json!([item(3, "c", 5, 500), item(2, "b", 6, 500), item(1, "a", 7, 500)])));
    mock.on(&again(1), Reply::status(422)).on(&again(2), Reply::status(404)).on(&again(3), Reply::status(202));
    assert_eq!(look(&mock).await.map(|looked| looked.asked), Ok(1));
}

#[tokio::test]
async fn a_look_asks_for_twenty_and_keeps_the_others_in_sight() {
    let mock = github().await;
    let items: Vec<Value> = (0..50).map(|number| item(number, &format!("g{number}"), 10 + number, 500)).collect();
    mock.on(DELIVERIES, Reply::json(&json!(items))).on("POST *", Reply::status(202));
    let looked = look(&mock).await;
    assert_eq!(looked, Ok(Looked { hooks: 1, asked: 20, next: now() + SOON }));
    assert_eq!(mock.seen()[2], again(49), "the oldest first");
}

#[tokio::test]
async fn a_limit_ends_the_look_and_says_until_when() {
    let limited = || Reply::status(403).header("retry-after", "1800");
    for place in [HOOKS, DELIVERIES, "POST *"] {
        let mock = Mock::start().await;
        mock.on(place, limited());
        mock.on(HOOKS, Reply::json(&json!([{ "id": 7, "config": { "url": ENDPOINT } }])));
        mock.on(DELIVERIES, Reply::json(&json!([item(2, "b", 6, 500), item(1, "a", 7, 500)])));
        let asked = Timestamp::now();
        let Err(ProviderError::Limited { until }) = look(&mock).await else { panic!("{place}") };
        assert!(until >= asked + minutes(30) && until <= Timestamp::now() + minutes(30), "{until}");
        assert!(mock.seen().len() <= 3, "nothing more is asked");
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_an_error_and_an_item_is_left_out() {
    for body in ["", "{}", "<html>", "\"x\""] {
        let mock = github().await;
        mock.on(DELIVERIES, Reply::bytes(body));
        assert_eq!(look(&mock).await, Err(ProviderError::Unreadable), "{body}");
    }
    let mock = github().await;
    let odd = json!([
        null,
        [],
        { "id": 1 },
        { "id": -1, "guid": "x", "delivered_at": "yesterday", "status_code": 500 },
        { "id": 1, "guid": "y", "delivered_at": now(), "status_code": 70_000 },
        { "id": 2, "guid": "no answer yet", "delivered_at": now() - minutes(2), "status_code": null, "new": 1 },
    ]);
    mock.on(DELIVERIES, Reply::json(&odd)).on(&again(2), Reply::status(202));
    assert_eq!(look(&mock).await.map(|looked| looked.asked), Ok(1));
}

#[tokio::test]
async fn a_list_that_is_too_long_for_one_look_is_gone_on_with_at_the_next() {
    let first = github().await;
    first.on(DELIVERIES, Reply::json(&json!([item(100, "z", 5, 200)])).header("link", link("1")));
    for number in 1..10 {
        let listed = json!([item(100 - number, "z", 5, 200)]);
        first.on(&page(&number.to_string()), Reply::json(&listed).header("link", link(&(number + 1).to_string())));
    }
    let mut memory = Memory::default();
    let looked = look_on(&first, &mut memory, now()).await;
    assert_eq!(looked, Ok(Looked { hooks: 1, asked: 0, next: now() + SOON }), "there is more");
    assert_eq!(first.seen().len(), 11, "ten pages");

    let second = Mock::start().await;
    second.on(DELIVERIES, Reply::json(&json!([])));
    second.on(&page("10"), Reply::json(&json!([item(2, "b", 600, 200)])).header("link", link("11")));
    second.on(&page("11"), Reply::json(&json!([item(1, "a", 700, 500)]))).on(&again(1), Reply::status(202));
    let looked = look_on(&second, &mut stored(&memory), now() + SOON).await;
    assert_eq!(looked, Ok(Looked { hooks: 1, asked: 1, next: now() + SOON + minutes(2) }));
    assert_eq!(second.seen(), [DELIVERIES.to_owned(), page("10"), page("11"), again(1)]);

    let third = Mock::start().await;
    third.on(DELIVERIES, Reply::json(&json!([]))).on(&page("10"), Reply::status(422));
    look_on(&third, &mut memory, now() + SOON).await.expect("a look");
    let fourth = Mock::start().await;
    fourth.on(DELIVERIES, Reply::json(&json!([item(1, "a", 700, 500)]))).on(&again(1), Reply::status(202));
    let looked = look_on(&fourth, &mut memory, now() + minutes(2)).await;
    assert_eq!(
        looked.map(|looked| looked.asked),
        Ok(1),
        "where it is no longer known how to go on, all is listed anew"
    );
}

#[tokio::test]
async fn a_page_that_does_not_come_keeps_those_before_it() {
    let first = github().await;
    first.on(DELIVERIES, Reply::json(&json!([item(2, "b", 5, 500)])).header("link", link("more")));
    first.on(&page("more"), Reply::never()).on(&again(2), Reply::status(202));
    let mut memory = Memory::default();
    let looked = look_on(&first, &mut memory, now()).await;
    assert_eq!(looked, Ok(Looked { hooks: 1, asked: 1, next: now() + SOON }));

    let second = Mock::start().await;
    let mut arrived = item(3, "b", 0, 202);
    arrived["redelivery"] = json!(true);
    second.on(DELIVERIES, Reply::json(&json!([arrived]))).on(&page("more"), Reply::json(&json!([])));
    look_on(&second, &mut memory, now() + SOON).await.expect("a look");
    assert_eq!(second.seen(), [DELIVERIES.to_owned(), page("more")]);
}

#[tokio::test]
async fn a_delivery_that_stays_broken_costs_no_long_list() {
    let first = github().await;
    first.on(DELIVERIES, Reply::json(&json!([item(1, "a", 2 * 24 * 60, 500)]))).on(&again(1), Reply::status(202));
    let mut memory = Memory::default();
    look_on(&first, &mut memory, now()).await.expect("a look");

    let second = Mock::start().await;
    let mut attempt = item(9, "a", 0, 502);
    attempt["redelivery"] = json!(true);
    let listed = json!([attempt, item(8, "z", 20, 200)]);
    second.on(DELIVERIES, Reply::json(&listed).header("link", link("older"))).on(&again(9), Reply::status(202));
    let looked = look_on(&second, &mut stored(&memory), now() + minutes(2)).await;
    assert_eq!(looked, Ok(Looked { hooks: 1, asked: 1, next: now() + minutes(6) }));
    assert_eq!(second.seen(), [DELIVERIES.to_owned(), again(9)], "neither the webhooks nor older pages");
}

#[tokio::test]
async fn the_webhooks_are_listed_once_an_hour_and_when_one_is_gone() {
    let mock = github().await;
    mock.on(DELIVERIES, Reply::json(&json!([])));
    let mut memory = Memory::default();
    for after in [minutes(0), minutes(59), HOOKS_KEPT, HOOKS_KEPT + minutes(5)] {
        look_on(&mock, &mut memory, now() + after).await.expect("a look");
    }
    assert_eq!(mock.seen(), [HOOKS, DELIVERIES, DELIVERIES, HOOKS, DELIVERIES, DELIVERIES]);
    let gone = Mock::start().await;
    gone.on(DELIVERIES, Reply::status(404)).on(HOOKS, Reply::json(&json!([])));
    let later = now() + HOOKS_KEPT + minutes(10);
    assert_eq!(look_on(&gone, &mut memory, later).await, Err(ProviderError::Refused(404)));
    assert_eq!(look_on(&gone, &mut memory, later).await.map(|looked| looked.hooks), Ok(0));
    assert_eq!(gone.seen(), [DELIVERIES, HOOKS]);
}

#[tokio::test]
async fn a_look_without_time_asks_nothing_and_loses_nothing() {
    let first = github().await;
    first.on(DELIVERIES, Reply::json(&json!([])));
    let mut memory = Memory::default();
    look_on(&first, &mut memory, now()).await.expect("a look");
    let before = memory.clone();
    let none = Mock::start().await;
    let looked =
        none.providers().redeliver(SHOP, ENDPOINT, &mut memory, now() + minutes(5), Instant::now(), &token()).await;
    assert_eq!(looked, Ok(Looked { hooks: 1, asked: 0, next: now() + minutes(5) + SOON }));
    assert_eq!((memory, none.seen().len()), (before, 0));
}

#[tokio::test]
async fn a_next_link_without_a_cursor_is_unreadable() {
    for link in ["rel=\"next\"", "<nowhere>; rel=\"next\"", "<https://x.example/?page=2>; rel=\"next\""] {
        let mock = github().await;
        mock.on(DELIVERIES, Reply::json(&json!([])).header("link", link));
        assert_eq!(look(&mock).await, Err(ProviderError::Unreadable), "{link}");
    }
}

#[tokio::test]
async fn a_token_without_the_permission_is_a_refusal() {
    let mock = Mock::start().await;
    mock.on(HOOKS, Reply::status(404));
    assert_eq!(look(&mock).await, Err(ProviderError::Refused(404)));
}
