use serde_json::{Value, json};

use super::*;
use crate::{
    push::Actor,
    webhook::{
        self,
        tests::{brought, HOSTS, ID, deliver, hash, now, payload, reason, with, without},
    },
};

fn read(event: &str, payload: &Value) -> Result<Delivery, NotADelivery> {
    deliver(Source::GitHub, event, payload)
}

fn pushed(payload: &Value) -> Push {
    webhook::tests::pushed(Source::GitHub, "push", payload)
}

fn zeros() -> Value {
    "0".repeat(40).into()
}

#[test]
fn a_push_says_what_was_pushed_where_and_by_whom() {
    let delivery = read("push", &payload("push")).expect("a delivery");
    assert_eq!(delivery.repository.as_deref(), Some("github.com/acme/web"));
    let expected = Push {
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
            author: "ada".into(),
            email: Some("ada@example.com".into()),
            url: Some(format!("https://github.com/acme/web/commit/{}", hash("c"))),
            committed: Some(now()),
        },
        actor: Actor { login: Some("grace".into()), id: Some("42".into()) },
        files: Some(["doors/red.svg", "doors/shut.svg", "src/house.rs"].map(str::to_owned).to_vec()),
        brought: vec![brought("b", "Paint the door", ""), brought("c", "Open the door", "ada")],
    };
    assert_eq!(delivery.content, Content::Pushes(vec![expected]));
}

#[test]
fn a_push_without_its_optional_members_is_still_a_push() {
    let bare = json!({
        "ref": "refs/heads/main", "before": hash("a"), "after": hash("b"),
        "repository": {"full_name": "acme/web", "html_url": "https://github.example.com/acme/web"},
    });
    assert_eq!(
        read("push", &bare).expect("a delivery").repository.as_deref(),
        Some("github.example.com/acme/web")
    );
    let push = pushed(&bare);
    assert_eq!((push.head, push.actor, push.files, push.at), (Head::default(), Actor::default(), None, None));
}

#[test]
fn the_files_are_told_only_where_all_of_them_are() {
    let original = payload("push");
    let many = |count: usize| vec![original["commits"][0].clone(); count];
    let names = |count: usize| (0..count).map(|name| name.to_string()).collect::<Vec<_>>();
    for (why, changed, told) in [
        ("forced", with(original.clone(), "/forced", true.into()), false),
        ("created", with(original.clone(), "/before", zeros()), false),
        ("deleted", with(original.clone(), "/after", zeros()), false),
        ("a tag", with(original.clone(), "/ref", "refs/tags/v1".into()), false),
        ("cut", with(original.clone(), "/commits", many(2048).into()), false),
        ("not cut", with(original.clone(), "/commits", many(2047).into()), true),
        ("no commits", with(original.clone(), "/commits", json!([])), false),
        ("a commit without a list", without(original.clone(), "/commits/0/removed"), false),
        ("a commit with a list of something else", with(original.clone(), "/commits/0/removed", json!([7])), false),
        (
            "a commit without files",
            with(original.clone(), "/commits/0", json!({"added": [], "removed": [], "modified": []})),
            false,
        ),
        ("a large commit", with(original.clone(), "/commits/0/added", names(2999).into()), false),
        ("a commit that is nearly too large", with(original.clone(), "/commits/0/added", names(2998).into()), true),
    ] {
        assert_eq!(pushed(&changed).files.is_some(), told, "{why}");
    }
    let same = with(with(original, "/commits", json!([])), "/before", hash("c").into());
    assert_eq!(pushed(&same).files, Some(Vec::new()));
}

#[test]
fn a_branch_is_made_and_deleted() {
    let made = pushed(&with(payload("push"), "/before", zeros()));
    assert!(made.created && made.before.is_none() && !made.deleted());
    let gone = with(with(payload("push"), "/after", zeros()), "/head_commit", Value::Null);
    let gone = pushed(&gone);
    assert!(gone.deleted() && !gone.created);
    assert_eq!((gone.before, gone.head.message.as_str(), gone.head.author.as_str()), (Some(hash("a")), "", "grace"));
}

#[test]
fn an_annotated_tag_names_its_commit() {
    let tag = with(with(payload("push"), "/ref", "refs/tags/v1".into()), "/after", hash("d").into());
    let push = pushed(&tag);
    assert_eq!((push.reference.to_string().as_str(), push.after), ("refs/tags/v1", Some(hash("c"))));
    assert_eq!(pushed(&without(tag, "/head_commit")).after, Some(hash("d")));
}

#[test]
fn what_is_neither_a_branch_nor_a_tag_starts_nothing() {
    for (reference, why) in [
        ("refs/notes/commits", "refs/notes/commits is neither a branch nor a tag"),
        ("main", "main is neither a branch nor a tag"),
        ("refs/heads/-oops", "refs/heads/-oops is a name that git does not take, or a very long one"),
        ("refs/heads/a b", "refs/heads/a b is a name that git does not take, or a very long one"),
    ] {
        assert_eq!(reason(Source::GitHub, "push", &with(payload("push"), "/ref", reference.into())), why);
    }
}

#[test]
fn hostile_members_are_refused_by_name() {
    for (path, value, named) in [
        ("/after", "main", "after"),
        ("/before", "--upload-pack=x", "before"),
        ("/repository/full_name", "acme/../etc/passwd", "repository.full_name and repository.html_url"),
        ("/repository/html_url", "https://x y/acme/web", "repository.full_name and repository.html_url"),
    ] {
        assert_eq!(
            read("push", &with(payload("push"), path, value.into())),
            Err(NotADelivery::Member(named)),
            "{path}"
        );
    }
    let nothing = with(with(payload("push"), "/before", zeros()), "/after", zeros());
    assert_eq!(read("push", &nothing), Err(NotADelivery::Member("after")));
    let link = with(payload("push"), "/head_commit/url", "https://x|<!channel>".into());
    assert_eq!(pushed(&link).head.url, None);
    let actor = with(payload("push"), "/sender", json!({"login": "a\nb", "id": "x".repeat(301)}));
    assert_eq!(pushed(&actor).actor, Actor::default());
}

#[test]
fn a_merged_pull_request_moves_its_target() {
    let delivery = read("pull_request", &payload("pull_request")).expect("a delivery");
    assert_eq!(delivery.repository.as_deref(), Some("github.com/acme/web"));
    let merged = Push {
        reference: Reference::branch("main").expect("a branch"),
        cause: Cause::Merge,
        before: None,
        base: Some(hash("a")),
        after: Some(hash("d")),
        created: false,
        forced: false,
        at: Some(now()),
        head: Head {
            message: "Open the door".into(),
            author: "ada".into(),
            email: None,
            url: Some(format!("https://github.com/acme/web/commit/{}", hash("d"))),
            committed: None,
        },
        actor: Actor { login: Some("grace".into()), id: Some("42".into()) },
        files: None,
        brought: Vec::new(),
    };
    let change = Change { action: "closed".into(), source: "door".into(), target: "main".into(), merged: Merged::As(merged) };
    assert_eq!(delivery.content, Content::Change(change));
}

#[test]
fn a_pull_request_that_is_not_merged_moves_nothing() {
    let original = payload("pull_request");
    for (event, changed) in [
        ("pull_request", with(original.clone(), "/pull_request/merged", false.into())),
        ("pull_request", with(original.clone(), "/action", "edited".into())),
        ("pull_request", with(original.clone(), "/action", "next year's".into())),
        ("pull_request", without(original.clone(), "/pull_request/merged")),
        ("pull_request_review", original.clone()),
    ] {
        let Content::Change(change) = read(event, &changed).expect("a delivery").content else { panic!("a change") };
        assert_eq!((change.source.as_str(), change.target.as_str(), change.merged), ("door", "main", Merged::No));
    }
    for (changed, why) in [
        (
            with(original.clone(), "/pull_request/merge_commit_sha", Value::Null),
            "the pull request was merged, and the event does not say as which commit",
        ),
        (
            with(original.clone(), "/pull_request/base/repo/full_name", "ada/web".into()),
            "the pull request goes to another repository than the event's",
        ),
    ] {
        assert_eq!(reason(Source::GitHub, "pull_request", &changed), why);
    }
    let hostile = with(original, "/pull_request/base/ref", "a..b".into());
    assert_eq!(read("pull_request", &hostile), Err(NotADelivery::Member("pull_request.base.ref")));
}

#[test]
fn a_reference_that_is_made_or_deleted_is_told_by_its_push() {
    for (event, deleted) in [("create", false), ("delete", true)] {
        let content = read(event, &payload("create")).expect("a delivery").content;
        assert_eq!(content, Content::Reference { reference: Reference::tag("v1.0.0").expect("a tag"), deleted });
        let branch = with(with(payload("create"), "/ref_type", "branch".into()), "/ref", "a/b".into());
        let content = read(event, &branch).expect("a delivery").content;
        assert_eq!(content, Content::Reference { reference: Reference::branch("a/b").expect("a branch"), deleted });
    }
    let repository = with(with(payload("create"), "/ref_type", "repository".into()), "/ref", Value::Null);
    assert_eq!(reason(Source::GitHub, "create", &repository), "the event create is about neither a branch nor a tag");
}

#[test]
fn a_ping_says_what_the_webhook_sends() {
    let delivery = read("ping", &payload("ping")).expect("a delivery");
    assert_eq!(delivery.repository.as_deref(), Some("github.com/acme/web"));
    assert_eq!(delivery.content, Content::Ping { events: vec!["push".into(), "pull_request".into()] });
    let bare = read("ping", &json!({"zen": "x"})).expect("a delivery");
    assert_eq!((bare.repository, bare.content), (None, Content::Ping { events: Vec::new() }));
}

#[test]
fn any_other_event_is_understood_as_such() {
    for (event, why) in [
        ("release", "the event release starts nothing: the push of its tag does"),
        ("issues", "the event issues starts nothing"),
        ("next_year", "the event next_year starts nothing"),
    ] {
        assert_eq!(reason(Source::GitHub, event, &json!({"action": "opened"})), why);
    }
}

#[test]
fn a_body_is_json_or_a_form_with_json_in_it() {
    let text = payload("push").to_string();
    let form: String = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &text).finish();
    let read = |content_type: &str, body: &str| {
        let headers = webhook::sign(Source::GitHub, "push", ID, content_type, body.as_bytes(), "secret", now());
        let body = webhook::verify(Source::GitHub, &headers, body.as_bytes(), &["secret"], now()).expect("proof");
        webhook::parse(Source::GitHub, &headers, body, &HOSTS)
    };
    let json = read("application/json", &text).expect("a delivery");
    assert_eq!(read("Application/JSON; charset=utf-8", &text).as_ref(), Ok(&json));
    assert_eq!(read("application/x-www-form-urlencoded", &form).as_ref(), Ok(&json));
    assert_eq!(read("application/x-www-form-urlencoded", &text), Err(NotADelivery::Form));
    assert!(matches!(read("application/x-www-form-urlencoded", "payload=%zz"), Err(NotADelivery::Json(_))));
    for other in ["", "text/plain", "application/jsonp"] {
        assert_eq!(read(other, &text), Err(NotADelivery::ContentType));
    }
}

#[test]
fn the_id_of_a_delivery_must_be_there_and_plain() {
    for id in ["", "a#b", "a b"] {
        let headers = webhook::sign(Source::GitHub, "push", id, "application/json", b"{}", "secret", now());
        let body = webhook::verify(Source::GitHub, &headers, b"{}", &["secret"], now()).expect("proof");
        let read = webhook::parse(Source::GitHub, &headers, body, &HOSTS);
        assert_eq!(read, Err(NotADelivery::Header("X-GitHub-Delivery")));
    }
}
