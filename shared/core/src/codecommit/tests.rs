use serde_json::{Value, json};

use super::*;
use crate::webhook::tests::{hash, now, with, without};

fn event() -> Value {
    serde_json::from_str(include_str!("../webhook/payloads/codecommit.json")).expect("JSON")
}

fn read(event: &Value) -> Result<Delivery, NotADelivery> {
    parse(&serde_json::from_value(event.clone()).expect("an envelope"))
}

#[test]
fn an_update_says_what_moved_where_when_and_by_whom() {
    let delivery = read(&event()).expect("a delivery");
    assert_eq!(delivery.id, "codecommit/6d5f3a8e-0c7a-4f43-8b8e-5a2f1d9c0b77");
    assert_eq!((delivery.source, delivery.event.as_str()), (Source::CodeCommit, "referenceUpdated"));
    assert_eq!(delivery.repository.as_deref(), Some("git-codecommit.eu-central-1.amazonaws.com/v1/repos/web"));
    let actor = Actor { login: None, id: Some("arn:aws:sts::123456789012:assumed-role/developer/grace".into()) };
    let push = Push {
        reference: Reference::branch("main").expect("a branch"),
        cause: Cause::Push,
        before: Some(hash("a")),
        base: None,
        after: Some(hash("c")),
        created: false,
        forced: false,
        at: Some(now()),
        head: Head::default(),
        actor,
        files: None,
        brought: Vec::new(),
    };
    assert_eq!(delivery.content, Content::Pushes(vec![push]));
}

#[test]
fn a_reference_is_made_and_deleted() {
    let made = with(without(event(), "/detail/oldCommitId"), "/detail/event", "referenceCreated".into());
    let made = read(&made).expect("a delivery");
    assert!(matches!(made.pushes(), [push] if push.created && push.before.is_none() && push.after == Some(hash("c"))));
    let gone = with(without(event(), "/detail/commitId"), "/detail/event", "referenceDeleted".into());
    let gone = read(&gone).expect("a delivery");
    assert!(matches!(gone.pushes(), [push] if push.deleted() && push.before == Some(hash("a"))));
}

#[test]
fn a_merge_is_told_as_a_push_and_as_a_merge() {
    let merge = read(&with(event(), "/detail/mergeOption", "SQUASH_MERGE".into())).expect("a delivery");
    let told: Vec<_> = merge.pushes().iter().map(|push| (push.cause, push.before.clone(), push.compared())).collect();
    let (a, c) = (hash("a"), hash("c"));
    let compared = Some((a.as_str(), c.as_str()));
    assert_eq!(told, [(Cause::Push, Some(a.clone()), compared), (Cause::Merge, None, compared)]);
}

#[test]
fn a_reference_is_named_in_full_or_by_type_and_name() {
    let short = without(event(), "/detail/referenceFullName");
    assert_eq!(read(&short).expect("a delivery").pushes()[0].reference.to_string(), "refs/heads/main");
    let tag = with(short.clone(), "/detail/referenceType", "tag".into());
    assert_eq!(read(&tag).expect("a delivery").pushes()[0].reference.to_string(), "refs/tags/main");
    let other = with(short, "/detail/referenceType", "note".into());
    assert_eq!(read(&other), Err(NotADelivery::Member("detail.referenceFullName")));
}

#[test]
fn chinas_regions_have_their_own_domain() {
    let delivery = read(&with(event(), "/region", "cn-north-1".into())).expect("a delivery");
    assert_eq!(delivery.repository.as_deref(), Some("git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/web"));
}

#[test]
fn any_other_event_is_understood_as_such() {
    for (path, value, why) in [
        (
            "/detail/event",
            json!("unreferencedMergeCommitCreated"),
            "the event unreferencedMergeCommitCreated starts nothing",
        ),
        ("/detail/event", json!("<b>"), "the event unknown starts nothing"),
        ("/detail-type", json!("CodeCommit Pull Request State Change"), "the event referenceUpdated starts nothing"),
        ("/detail/referenceFullName", json!("refs/notes/x"), "refs/notes/x is neither a branch nor a tag"),
    ] {
        assert_eq!(read(&with(event(), path, value)).expect("a delivery").content, Content::Other(why.to_owned()));
    }
}

#[test]
fn a_member_that_is_needed_is_named() {
    for (path, value, named) in [
        ("/source", json!("aws.ecs"), "source"),
        ("/id", Value::Null, "id"),
        ("/id", json!("a b"), "id"),
        ("/region", json!("eu/central"), "region and detail.repositoryName"),
        ("/detail/repositoryName", json!("../web"), "region and detail.repositoryName"),
        ("/detail/commitId", json!("main"), "detail.commitId"),
        ("/detail/oldCommitId", Value::Null, "detail.oldCommitId"),
    ] {
        assert_eq!(read(&with(event(), path, value)), Err(NotADelivery::Member(named)), "{path}");
    }
}

#[test]
fn an_envelope_is_read_without_what_is_not_needed() {
    let mut bare = event();
    for path in ["/time", "/account", "/version", "/resources"] {
        bare = without(bare, path);
    }
    assert_eq!(read(&bare).expect("a delivery").pushes()[0].at, None);
    assert_eq!(read(&with(event(), "/time", json!(7))).expect("a delivery").pushes()[0].at, None);
}
