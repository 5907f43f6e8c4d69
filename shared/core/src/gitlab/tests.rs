use serde_json::{Value, json};

use super::*;
use crate::webhook::tests::{brought, deliver, grace, hash, now, payload, reason, with, without};

fn read(event: &str, payload: &Value) -> Result<Delivery, NotADelivery> {
    deliver(Source::GitLab, event, payload)
}

fn pushed(payload: &Value) -> Push {
    webhook::tests::pushed(Source::GitLab, "Push Hook", payload)
}

fn merged(payload: &Value) -> Option<Push> {
    match read("Merge Request Hook", payload).expect("a delivery").content {
        Content::Change(Change { merged: Merged::As(push), .. }) => Some(*push),
        Content::Change(_) => None,
        content => panic!("no change: {content:?}"),
    }
}

#[test]
fn a_push_says_what_was_pushed_where_and_by_whom() {
    let delivery = read("Push Hook", &payload("Push Hook")).expect("a delivery");
    assert_eq!(delivery.repository.as_deref(), Some("gitlab.com/acme/shop/web"));
    let push = Push {
        reference: Reference::branch("main").expect("a branch"),
        cause: Cause::Push,
        before: Some(hash("a")),
        base: None,
        after: Some(hash("c")),
        created: false,
        forced: false,
        at: None,
        head: Head {
            message: "Open the door\n\nIt was shut.".into(),
            author: "Ada".into(),
            email: Some("ada@example.com".into()),
            url: Some(format!("https://gitlab.com/acme/shop/web/-/commit/{}", hash("c"))),
            committed: Some(now()),
        },
        actor: grace(),
        files: Some(["doors/red.svg", "doors/shut.svg", "src/house.rs"].map(str::to_owned).to_vec()),
        brought: vec![brought("b", "Paint the door", ""), brought("c", "Open the door", "Ada")],
    };
    assert_eq!(delivery.content, Content::Pushes(vec![push]));
}

#[test]
fn the_files_are_told_only_where_all_of_them_are() {
    let original = payload("Push Hook");
    let zeros = Value::from("0".repeat(40));
    for (why, changed) in [
        ("cut", with(original.clone(), "/total_commits_count", 3.into())),
        ("no count", without(original.clone(), "/total_commits_count")),
        ("created", with(original.clone(), "/before", zeros.clone())),
        ("deleted", with(original.clone(), "/after", zeros)),
        ("a tag", with(original.clone(), "/ref", "refs/tags/v1".into())),
        ("a commit without a list", without(original.clone(), "/commits/1/added")),
        ("set back", with(with(original.clone(), "/commits", json!([])), "/total_commits_count", 0.into())),
    ] {
        assert_eq!(pushed(&changed).files, None, "{why}");
    }
}

#[test]
fn a_branch_is_deleted() {
    let zeros = Value::from("0".repeat(40));
    let gone = with(with(payload("Push Hook"), "/after", zeros), "/checkout_sha", Value::Null);
    let gone = pushed(&with(gone, "/commits", json!([])));
    assert!(gone.deleted() && !gone.created);
    assert_eq!((gone.before, gone.head), (Some(hash("a")), Head::default()));
}

#[test]
fn an_annotated_tag_names_its_commit() {
    let delivery = read("Tag Push Hook", &payload("Tag Push Hook")).expect("a delivery");
    let [push] = delivery.pushes() else { panic!("a push") };
    assert_eq!((push.reference.to_string().as_str(), push.created), ("refs/tags/v1.0.0", true));
    assert_eq!((push.after.clone(), push.head.message.as_str()), (Some(hash("c")), "Open the door"));
}

#[test]
fn the_payloads_own_word_for_the_event_comes_first() {
    let tag = read("Push Hook", &payload("Tag Push Hook")).expect("a delivery");
    assert_eq!(tag.pushes().len(), 1);
    let silent = read("Push Hook", &without(payload("Push Hook"), "/object_kind")).expect("a delivery");
    assert_eq!(silent.pushes().len(), 1);
}

#[test]
fn a_merged_merge_request_moves_its_target() {
    let delivery = read("Merge Request Hook", &payload("Merge Request Hook")).expect("a delivery");
    assert_eq!(delivery.repository.as_deref(), Some("gitlab.com/acme/shop/web"));
    let push = Push {
        reference: Reference::branch("main").expect("a branch"),
        cause: Cause::Merge,
        before: None,
        base: None,
        after: Some(hash("d")),
        created: false,
        forced: false,
        at: Some(now()),
        head: Head {
            message: "Open the door".into(),
            author: String::new(),
            email: None,
            url: Some(format!("https://gitlab.com/acme/shop/web/-/commit/{}", hash("d"))),
            committed: None,
        },
        actor: grace(),
        files: None,
        brought: Vec::new(),
    };
    let change = Change {
        action: "merge".into(),
        source: "door".into(),
        target: "main".into(),
        merged: Merged::As(Box::new(push)),
    };
    assert_eq!(delivery.content, Content::Change(change));
    let own = with(payload("Merge Request Hook"), "/object_attributes/author_id", 42.into());
    assert_eq!(merged(&own).expect("a merge").head.author, "Grace");
}

#[test]
fn a_merge_without_a_merge_commit_names_the_squashed_or_the_last_commit() {
    let request = |member: &str, value: Value| {
        with(payload("Merge Request Hook"), &format!("/object_attributes/{member}"), value)
    };
    let forward = request("merge_commit_sha", Value::Null);
    assert_eq!(merged(&forward).expect("a merge").after, Some(hash("c")));
    let squashed = with(forward.clone(), "/object_attributes/squash_commit_sha", hash("e").into());
    assert_eq!(merged(&squashed).expect("a merge").after, Some(hash("e")));
    let why = "the merge request was merged, and the event does not say as which commit";
    for (path, value) in [
        ("/object_attributes/squash", json!(true)),
        ("/object_attributes/merge_params", json!({"squash": "1"})),
        ("/object_attributes/last_commit", Value::Null),
    ] {
        assert_eq!(reason(Source::GitLab, "Merge Request Hook", &with(forward.clone(), path, value)), why, "{path}");
    }
}

#[test]
fn other_events_of_a_merge_request_are_changes() {
    for action in ["open", "update", "close", "approved", "next_year"] {
        let changed = with(payload("Merge Request Hook"), "/object_attributes/action", action.into());
        assert_eq!(merged(&changed), None, "{action}");
    }
    let elsewhere =
        with(payload("Merge Request Hook"), "/object_attributes/target/path_with_namespace", "ada/web".into());
    let why = "the merge request goes to another project than the event's";
    assert_eq!(reason(Source::GitLab, "Merge Request Hook", &elsewhere), why);
}

#[test]
fn any_other_event_is_understood_as_such() {
    for (event, payload) in [
        ("Note Hook", json!({"object_kind": "note"})),
        ("Pipeline Hook", json!({"object_kind": "pipeline"})),
        ("Next Year Hook", json!({})),
    ] {
        assert_eq!(reason(Source::GitLab, event, &payload), format!("the event {event} starts nothing"));
    }
    let why = "the event System Hook starts nothing: a webhook of the project or its group does";
    assert_eq!(reason(Source::GitLab, "System Hook", &payload("Push Hook")), why);
}

#[test]
fn a_member_that_is_needed_is_named() {
    for (path, value, named) in [
        ("/ref", Value::Null, "ref"),
        ("/before", json!("x"), "before"),
        ("/after", json!(7), "after"),
        ("/project/path_with_namespace", json!("acme"), "project.web_url and project.path_with_namespace"),
        ("/project/web_url", json!("file:///etc"), "project.web_url and project.path_with_namespace"),
    ] {
        let changed = with(payload("Push Hook"), path, value);
        assert_eq!(read("Push Hook", &changed), Err(NotADelivery::Member(named)), "{path}");
    }
}

#[test]
fn the_id_is_the_one_that_stays_the_same_when_it_is_sent_again() {
    let id = |named: &[(&str, &str)]| {
        let headers: Headers = [("X-Gitlab-Event", "Note Hook")].iter().chain(named).copied().collect();
        super::parse(&headers, b"{}").map(|delivery| delivery.id)
    };
    let (webhook, key, shared) = (("webhook-id", "w-1"), ("Idempotency-Key", "k-1"), ("X-Gitlab-Event-UUID", "u-1"));
    assert_eq!(id(&[webhook, key, shared]).as_deref(), Ok("gitlab/w-1"));
    assert_eq!(id(&[key, shared]).as_deref(), Ok("gitlab/k-1"));
    assert!(id(&[shared]).expect("a delivery").starts_with("gitlab/sha256-"));
    assert_eq!(id(&[("webhook-id", "a b")]), Err(NotADelivery::Header("webhook-id or Idempotency-Key")));
}
