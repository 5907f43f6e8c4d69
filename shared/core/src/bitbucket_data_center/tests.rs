use serde_json::{Value, json};

use super::*;
use crate::{
    push::{Delivery, Source},
    webhook::{
        Headers,
        tests::{brought, deliver, grace, hash, now, payload, reason, with, without},
    },
};

fn read(event: &str, payload: &Value) -> Result<Delivery, NotADelivery> {
    deliver(Source::Bitbucket, event, payload)
}

fn pushes(payload: &Value) -> Vec<Push> {
    webhook::tests::pushes(Source::Bitbucket, "repo:refs_changed", payload)
}

#[test]
fn a_push_says_what_moved_when_and_by_whom() {
    let delivery = read("repo:refs_changed", &payload("repo:refs_changed")).expect("a delivery");
    assert_eq!(delivery.repository.as_deref(), Some("git.example.com:7990/ACME/web"));
    let push = Push {
        reference: Reference::branch("main").expect("a branch"),
        cause: Cause::Push,
        before: Some(hash("a")),
        base: None,
        after: Some(hash("c")),
        created: false,
        forced: false,
        at: Some(now()),
        head: Head {
            message: "Open the door\n\nIt was shut.".into(),
            author: "Ada".into(),
            email: Some("ada@example.com".into()),
            url: None,
            committed: Some(now()),
        },
        actor: grace(),
        files: None,
        brought: vec![brought("c", "Open the door", "Ada")],
    };
    assert_eq!(delivery.content, Content::Pushes(vec![push]));
}

#[test]
fn several_references_may_move_at_once() {
    let zeros = "0".repeat(40);
    let change = |id: &str, from: &str, to: &str| json!({"ref": {"id": id}, "fromHash": from, "toHash": to});
    let changes = json!([
        change("refs/heads/main", &hash("a"), &hash("c")),
        change("refs/heads/new", &zeros, &hash("b")),
        change("refs/tags/v1", &hash("b"), &zeros),
        change("refs/notes/x", &hash("b"), &hash("c")),
    ]);
    let told: Vec<_> = pushes(&with(payload("repo:refs_changed"), "/changes", changes))
        .into_iter()
        .map(|push| (push.reference.to_string(), push.created, push.deleted(), push.head.message))
        .collect();
    // `toCommit` does not say of which.
    let told: Vec<_> =
        told.iter().map(|(name, made, gone, message)| (name.as_str(), *made, *gone, message.as_str())).collect();
    assert_eq!(
        told,
        [("refs/heads/main", false, false, ""), ("refs/heads/new", true, false, ""), ("refs/tags/v1", false, true, ""),]
    );
}

#[test]
fn older_versions_tell_no_commit_and_no_host() {
    let mut old = payload("repo:refs_changed");
    for path in ["/toCommit", "/commits", "/changes/0/ref", "/repository/links"] {
        old = without(old, path);
    }
    assert_eq!(pushes(&old)[0].head, Head::default());
    let delivery = read("repo:refs_changed", &old).expect("a delivery");
    assert_eq!(delivery.repository.as_deref(), Some("git.example.com:7990/ACME/web"), "the configured host");
    let body = Member::of(&old);
    let (repository, content) = super::read("repo:refs_changed", body, &Hosts::default()).expect("an event");
    let why = "the event names no host: set host under [bitbucket] in longshore.toml";
    assert_eq!((repository, content), (None, Content::Other(why.to_owned())));
}

#[test]
fn the_host_is_that_of_a_link_by_http() {
    let links = |links| read("repo:refs_changed", &with(payload("repo:refs_changed"), "/repository/links", links));
    let (ssh, http) = ("ssh://git@git.example.com:7999/acme/web.git", "http://git.example.com:8080/scm/acme/web.git");
    for (told, host) in [
        (json!({"clone": [{"href": ssh}, null, {"href": http}]}), "git.example.com:8080"),
        (json!({"clone": [{"href": ssh}]}), "git.example.com:7990"),
        (json!([]), "git.example.com:7990"),
    ] {
        let delivery = links(told).expect("a delivery");
        assert_eq!(delivery.repository, Some(format!("{host}/ACME/web")));
    }
}

#[test]
fn an_annotated_tag_names_its_commit() {
    let tag = with(payload("repo:refs_changed"), "/changes/0/ref/id", "refs/tags/v1".into());
    let tag = with(tag, "/changes/0/toHash", hash("d").into());
    assert_eq!(pushes(&tag)[0].after, Some(hash("c")));
    assert_eq!(pushes(&without(tag, "/toCommit"))[0].after, Some(hash("d")));
    let branch = with(payload("repo:refs_changed"), "/changes/0/toHash", hash("d").into());
    assert_eq!((&pushes(&branch)[0].after, pushes(&branch)[0].head.message.as_str()), (&Some(hash("d")), ""));
}

#[test]
fn a_merged_pull_request_moves_its_target() {
    let delivery = read("pr:merged", &payload("pr:merged")).expect("a delivery");
    assert_eq!(delivery.repository.as_deref(), Some("git.example.com:7990/ACME/web"));
    let merged = Push {
        reference: Reference::branch("main").expect("a branch"),
        cause: Cause::Merge,
        before: None,
        base: Some(hash("a")),
        after: Some(hash("d")),
        created: false,
        forced: false,
        at: Some(now()),
        head: Head { message: "Open the door".into(), author: "Ada".into(), ..Head::default() },
        actor: grace(),
        files: None,
        brought: Vec::new(),
    };
    let change = Change {
        action: "merged".into(),
        source: "door".into(),
        target: "main".into(),
        merged: Merged::As(Box::new(merged)),
    };
    assert_eq!(delivery.content, Content::Change(change));
    let without = without(payload("pr:merged"), "/pullRequest/properties");
    let why = "the pull request was merged, and the event does not say as which commit";
    assert_eq!(reason(Source::Bitbucket, "pr:merged", &without), why);
}

#[test]
fn other_events_of_a_pull_request_are_changes() {
    for (event, action) in [
        ("pr:opened", "opened"),
        ("pr:from_ref_updated", "from_ref_updated"),
        ("pr:reviewer:approved", "reviewer:approved"),
    ] {
        let delivery = read(event, &payload("pr:merged")).expect("a delivery");
        let (source, target) = ("door".to_owned(), "main".to_owned());
        assert_eq!(
            delivery.content,
            Content::Change(Change { action: action.to_owned(), source, target, merged: Merged::No })
        );
    }
}

#[test]
fn a_test_of_the_connection_is_a_ping() {
    let delivery = read("diagnostics:ping", &payload("diagnostics:ping")).expect("a delivery");
    assert_eq!((delivery.repository, delivery.content), (None, Content::Ping { events: Vec::new() }));
}

#[test]
fn any_other_event_is_understood_as_such() {
    for event in ["pr:comment:added", "mirror:repo_synchronized", "project:modified", "repo:forked"] {
        assert_eq!(reason(Source::Bitbucket, event, &json!({})), format!("the event {event} starts nothing"));
    }
}

#[test]
fn a_member_that_is_needed_is_named() {
    for (path, value, named) in [
        ("/changes", json!({}), "changes"),
        ("/changes/0/fromHash", json!("main"), "changes.fromHash"),
        ("/changes/0/toHash", Value::Null, "changes.toHash"),
        ("/repository/slug", json!("../web"), "repository.slug"),
        ("/repository/project", Value::Null, "repository.project.key and repository.slug"),
    ] {
        let changed = with(payload("repo:refs_changed"), path, value);
        assert_eq!(read("repo:refs_changed", &changed), Err(NotADelivery::Member(named)), "{path}");
    }
}

#[test]
fn a_personal_repository_has_its_owners_project() {
    let personal = with(payload("repo:refs_changed"), "/repository/project/key", "~ADA".into());
    let delivery = read("repo:refs_changed", &personal).expect("a delivery");
    assert_eq!(delivery.repository.as_deref(), Some("git.example.com:7990/~ADA/web"));
}

#[test]
fn the_id_is_data_centers_own() {
    let headers: Headers = [("X-Event-Key", "diagnostics:ping"), ("X-Request-Id", "0f1c-2")].into_iter().collect();
    let delivery = crate::bitbucket::parse(&headers, b"{}", &Hosts::default()).expect("a delivery");
    assert_eq!(delivery.id, "bitbucket/0f1c-2");
    let hostile: Headers = [("X-Event-Key", "diagnostics:ping"), ("X-Request-Id", "a b")].into_iter().collect();
    let error = crate::bitbucket::parse(&hostile, b"{}", &Hosts::default());
    assert_eq!(error, Err(NotADelivery::Header("X-Request-UUID or X-Request-Id")));
}
