use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::signature::{github as verify, sign_github};

const AFTER: &str = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";

fn payload() -> Value {
    json!({
        "ref": "refs/heads/main",
        "before": "0000000000000000000000000000000000000000",
        "after": AFTER,
        "created": true, "deleted": false, "forced": false,
        "repository": {"full_name": "acme/web", "html_url": "https://github.com/acme/web", "fork": false},
        "pusher": {"name": "ada", "email": "ada@example.com"},
        "head_commit": {
            "id": AFTER, "message": "Say hello\n\nAt length.", "timestamp": "2026-11-21T09:00:00+01:00",
            "url": format!("https://github.com/acme/web/commit/{AFTER}"),
            "author": {"name": "Ada", "email": "ada@example.com", "username": "ada"},
        },
        "what comes next year": {"is": "ignored"},
    })
}

fn read_as(event: &str, body: &[u8]) -> Result<Delivery, NotADelivery> {
    let signature = sign_github("secret", body);
    let verified = verify(Some(&signature), body, &["secret"]).expect("a signed body");
    let headers =
        Headers { event: Some(event), delivery: Some("d-1"), content_type: Some("application/json; charset=utf-8") };
    parse(headers, verified)
}

fn read(payload: &Value) -> Result<Delivery, NotADelivery> {
    read_as("push", payload.to_string().as_bytes())
}

fn pushed(payload: &Value) -> Push {
    match read(payload).expect("a delivery").content {
        Content::Push(push) => push,
        Content::Nothing(why) => panic!("ignored: {why}"),
    }
}

fn ignored(payload: &Value) -> String {
    match read(payload).expect("a delivery").content {
        Content::Nothing(why) => why,
        Content::Push(push) => panic!("{push:?}"),
    }
}

#[test]
fn a_push_says_what_was_pushed_where_and_by_whom() {
    let delivery = read(&payload()).expect("a delivery");
    assert_eq!(delivery.id, "github/d-1");
    let push = pushed(&payload());
    assert_eq!((push.repository.as_str(), push.branch.as_str()), ("github.com/acme/web", "main"));
    assert_eq!((push.before, push.after.as_str()), (None, AFTER));
    assert_eq!((push.author.as_str(), push.message.as_str()), ("ada", "Say hello\n\nAt length."));
    assert_eq!(push.committed, "2026-11-21T08:00:00Z".parse().ok());
}

#[test]
fn a_tag_a_deleted_branch_and_another_event_start_nothing() {
    let mut tag = payload();
    tag["ref"] = "refs/tags/v1".into();
    assert_eq!(ignored(&tag), "refs/tags/v1 is not a branch");
    let mut gone = payload();
    gone["deleted"] = true.into();
    gone["after"] = "0000000000000000000000000000000000000000".into();
    gone["head_commit"] = Value::Null;
    assert_eq!(ignored(&gone), "the branch main was deleted");
    let other = read_as("issues", b"{\"action\":\"opened\"}").expect("a delivery");
    assert_eq!(other.content, Content::Nothing("the event issues starts nothing: only a push does".into()));
}

#[test]
fn a_push_without_its_optional_members_is_still_a_push() {
    let bare = json!({
        "ref": "refs/heads/main", "before": AFTER, "after": AFTER,
        "repository": {"full_name": "acme/web", "html_url": "https://github.example.org/acme/web"},
    });
    let push = pushed(&bare);
    assert_eq!(push.repository, "github.example.org/acme/web");
    assert_eq!((push.author.as_str(), push.message.as_str(), push.url), ("", "", None));
}

#[test]
fn a_body_that_is_no_push_is_told_apart_by_where_it_fails() {
    for (body, error) in [
        (&b"no json"[..], "the body is not a push event: Syntax error at line 1, column 2"),
        (b"\xff\xfe", "the body is not a push event: Syntax error at line 1, column 1"),
        (b"{}", "the body is not a push event: Data error at line 1, column 2"),
        (b"[1]", "the body is not a push event: Data error at line 1, column 2"),
    ] {
        assert_eq!(read_as("push", body).map_err(|e| e.to_string()), Err(error.to_owned()));
    }
    let deep = "[".repeat(100_000);
    assert!(matches!(read_as("push", deep.as_bytes()), Err(NotADelivery::Body { .. })));
    assert!(matches!(read_as("issues", deep.as_bytes()), Err(NotADelivery::Body { .. })));
}

#[test]
fn hostile_members_are_refused() {
    for (member, value) in [
        ("ref", "refs/heads/-oops"),
        ("ref", "refs/heads/a b"),
        ("ref", "refs/heads/"),
        ("after", "main"),
        ("before", "--upload-pack=x"),
    ] {
        let mut hostile = payload();
        hostile[member] = value.into();
        assert!(matches!(read(&hostile), Err(NotADelivery::Member(_))), "{member} {value}");
    }
    let mut elsewhere = payload();
    elsewhere["repository"]["full_name"] = "acme/../etc/passwd".into();
    assert_eq!(read(&elsewhere), Err(NotADelivery::Member("repository")));
    let mut link = payload();
    link["head_commit"]["url"] = "https://x|<!channel>".into();
    assert_eq!(pushed(&link).url, None);
}

#[test]
fn headers_must_be_there_and_plain() {
    let signature = sign_github("secret", b"{}");
    let body = verify(Some(&signature), b"{}", &["secret"]).expect("a signed body");
    let json = Some("application/json");
    for (event, delivery, content_type, error) in [
        (None, Some("d"), json, NotADelivery::Header("X-GitHub-Event")),
        (Some("push"), None, json, NotADelivery::Header("X-GitHub-Delivery")),
        (Some("push"), Some("a#b"), json, NotADelivery::Header("X-GitHub-Delivery")),
        (Some("push"), Some("d"), Some("text/plain"), NotADelivery::ContentType),
        (Some("push"), Some("d"), None, NotADelivery::ContentType),
    ] {
        assert_eq!(parse(Headers { event, delivery, content_type }, body), Err(error));
    }
}

proptest! {
    #[test]
    fn no_body_makes_the_reader_panic(event in "push|ping|[a-z]{1,10}", body: Vec<u8>) {
        let _ = read_as(&event, &body);
    }

    #[test]
    fn no_member_makes_the_reader_panic(reference: String, after: String, name: String, page: String, message: String) {
        let mut hostile = payload();
        hostile["ref"] = format!("refs/heads/{reference}").into();
        hostile["after"] = after.into();
        hostile["repository"]["full_name"] = name.into();
        hostile["repository"]["html_url"] = page.into();
        hostile["head_commit"]["message"] = message.into();
        let _ = read(&hostile);
    }
}
