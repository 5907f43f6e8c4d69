use serde_json::{Value, json};

use super::*;
use crate::{
    push::Reference,
    webhook::tests::{deliver, hash, now, payload, reason, with, without},
};

fn read(payload: &Value) -> Result<Delivery, NotADelivery> {
    deliver(Source::Bitbucket, "repo:push", payload)
}

fn pushes(payload: &Value) -> Vec<Push> {
    webhook::tests::pushes(Source::Bitbucket, "repo:push", payload)
}

/// The payload with the change at this position alone.
fn only(change: usize) -> Value {
    let all = payload("repo:push");
    with(all.clone(), "/push/changes", json!([all["push"]["changes"][change]]))
}

#[test]
fn one_push_may_move_several_references() {
    let delivery = read(&payload("repo:push")).expect("a delivery");
    assert_eq!(delivery.repository.as_deref(), Some("bitbucket.org/acme/web"));
    let told: Vec<_> = delivery
        .pushes()
        .iter()
        .map(|push| (push.reference.to_string(), push.cause, push.before.clone(), push.after.clone(), push.created))
        .collect();
    let (main, tag, door) = ("refs/heads/main", "refs/tags/v1.0.0", "refs/heads/door");
    assert_eq!(
        told,
        [
            (main.to_owned(), Cause::Push, Some(hash("a")), Some(hash("c")), false),
            (main.to_owned(), Cause::Merge, None, Some(hash("c")), false),
            (tag.to_owned(), Cause::Push, None, Some(hash("c")), true),
            (door.to_owned(), Cause::Push, Some(hash("b")), None, false),
        ]
    );
    assert_eq!(delivery.pushes()[1].base, Some(hash("a")), "what the merge's changes are compared with");
}

#[test]
fn a_push_says_what_is_known_of_its_head_and_who_pushed() {
    let push = pushes(&only(0)).remove(0);
    let head = Head {
        message: "Merged in door (pull request #12)\n\nOpen the door\n".into(),
        author: "Ada".into(),
        email: Some("ada@example.com".into()),
        url: Some(format!("https://bitbucket.org/acme/web/commits/{}", "c".repeat(40))),
        committed: Some(now()),
    };
    assert_eq!(push.head, head);
    let actor = Actor { login: None, id: Some("{5f1c1f0e-2b7a-4b0e-9d43-0d4b7c1a9e11}".into()) };
    assert_eq!((push.actor, push.at, push.files, push.forced), (actor, None, None, false));
    let forced = pushes(&with(only(0), "/push/changes/0/forced", true.into())).remove(0);
    assert!(forced.forced);
    // Without a user, the author's name is what git has of it, without the address.
    let tag = pushes(&only(1)).remove(0);
    assert_eq!(tag.head.author, "Ada");
}

#[test]
fn a_merge_is_known_by_bitbuckets_message_and_its_first_parent() {
    let is_merge = |payload: &Value| pushes(payload).iter().any(|push| push.cause == Cause::Merge);
    let target = |member: &str, value| with(only(0), &format!("/push/changes/0/new/target/{member}"), value);
    assert!(is_merge(&only(0)));
    assert!(is_merge(&target("message", "Merged in a/b-c (pull request #1)".into())));
    assert!(is_merge(&target("parents", json!([{"hash": "a".repeat(40)}]))), "squashed");
    for message in [
        "Open the door",
        "Merged in door",
        "Merged in door (pull request #)",
        "Merged in door (pull request #x)",
        "Merge branch 'door'\n\nMerged in door (pull request #12)",
        "",
    ] {
        assert!(!is_merge(&target("message", message.into())), "{message}");
    }
    // A branch that is moved to somebody else's merge is pushed, not merged.
    assert!(!is_merge(&target("parents", json!([{"hash": "b".repeat(40)}]))));
    assert!(!is_merge(&target("parents", json!([]))));
    assert!(!is_merge(&with(only(0), "/push/changes/0/old", Value::Null)));
}

#[test]
fn a_merge_abbreviates_its_commit_and_leaves_it_to_the_push() {
    let delivery = deliver(Source::Bitbucket, "pullrequest:fulfilled", &payload("pullrequest:fulfilled"));
    let (source, target) = ("door".to_owned(), "main".to_owned());
    let change = Change { action: "fulfilled".to_owned(), source, target, merged: Merged::Pushed };
    let delivery = delivery.expect("a delivery");
    assert!(delivery.pushes().is_empty());
    assert_eq!(delivery.content, Content::Change(change));
}

#[test]
fn other_events_of_a_pull_request_are_changes() {
    for action in ["created", "updated", "rejected", "approved", "next_year"] {
        let delivery = deliver(Source::Bitbucket, &format!("pullrequest:{action}"), &payload("pullrequest:fulfilled"));
        let (source, target) = ("door".to_owned(), "main".to_owned());
        let change = Change { action: action.to_owned(), source, target, merged: Merged::No };
        assert_eq!(delivery.expect("a delivery").content, Content::Change(change));
    }
    let gone = with(payload("pullrequest:fulfilled"), "/pullrequest/source/branch", Value::Null);
    let gone = deliver(Source::Bitbucket, "pullrequest:rejected", &gone).expect("a delivery");
    assert!(matches!(gone.content, Content::Change(Change { source, .. }) if source.is_empty()));
}

#[test]
fn any_other_event_is_understood_as_such() {
    for event in
        ["repo:fork", "repo:commit_status_updated", "issue:created", "pullrequest:comment_created", "next:year"]
    {
        let why = format!("the event {event} starts nothing");
        assert_eq!(reason(Source::Bitbucket, event, &payload("repo:push")), why);
        assert_eq!(reason(Source::Bitbucket, event, &json!({})), why);
    }
}

#[test]
fn what_is_neither_a_branch_nor_a_tag_starts_nothing() {
    let bookmark = with(only(0), "/push/changes/0/new/type", "bookmark".into());
    assert_eq!(reason(Source::Bitbucket, "repo:push", &bookmark), "what was pushed is neither a branch nor a tag");
    let beside = with(payload("repo:push"), "/push/changes/0/new/type", "bookmark".into());
    assert_eq!(pushes(&beside).len(), 2);
    let named = pushes(&with(only(0), "/push/changes/0/new/type", "named_branch".into()));
    assert_eq!(named[0].reference, Reference::branch("main").expect("a branch"));
    assert_eq!(
        read(&with(only(0), "/push/changes", json!([]))).expect("a delivery").content,
        Content::Pushes(Vec::new())
    );
}

#[test]
fn a_member_that_is_needed_is_named() {
    for (path, value, named) in [
        ("/push/changes", Value::Null, "push.changes"),
        ("/push/changes/0", Value::Null, "push.changes.new.name"),
        ("/push/changes/0/new/name", json!(7), "push.changes.new.name"),
        ("/push/changes/0/new/target/hash", json!("cccccccccccc"), "push.changes.new.target.hash"),
        ("/push/changes/0/old/target/hash", json!("0".repeat(40)), "push.changes.old.target.hash"),
        ("/repository/full_name", json!("web"), "repository.full_name"),
    ] {
        assert_eq!(read(&with(only(0), path, value)), Err(NotADelivery::Member(named)), "{path}");
    }
    let links = without(only(0), "/repository/links");
    assert_eq!(read(&links).expect("a delivery").repository.as_deref(), Some("bitbucket.org/acme/web"));
}

#[test]
fn an_address_is_what_stands_in_angle_brackets_at_the_end() {
    let mail = |raw: &str| super::mail(Member::of(&raw.into()));
    assert_eq!(mail("Ada Lovelace <ada@example.com>").as_deref(), Some("ada@example.com"));
    assert_eq!(mail("Ada <x@y> <ada@example.com> ").as_deref(), Some("ada@example.com"));
    for raw in
        ["Ada", "ada@example.com", "Ada <>", "Ada <ada>", "Ada <ada@>", "Ada <ada@example.com", "Ada <a b@c>", ""]
    {
        assert_eq!(mail(raw), None, "{raw}");
    }
}
