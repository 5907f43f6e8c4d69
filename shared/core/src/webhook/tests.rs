use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::{push::Actor, release::Brought};

/// Payloads that were written from the providers' documentation: source, event, body.
pub(crate) const PAYLOADS: [(Source, &str, &str); 12] = [
    (Source::GitHub, "push", include_str!("payloads/github.push.json")),
    (Source::GitHub, "pull_request", include_str!("payloads/github.pull_request.json")),
    (Source::GitHub, "create", include_str!("payloads/github.create.json")),
    (Source::GitHub, "ping", include_str!("payloads/github.ping.json")),
    (Source::Bitbucket, "repo:push", include_str!("payloads/bitbucket.repo+push.json")),
    (Source::Bitbucket, "pullrequest:fulfilled", include_str!("payloads/bitbucket.pullrequest+fulfilled.json")),
    (Source::Bitbucket, "repo:refs_changed", include_str!("payloads/bitbucket.repo+refs_changed.json")),
    (Source::Bitbucket, "pr:merged", include_str!("payloads/bitbucket.pr+merged.json")),
    (Source::Bitbucket, "diagnostics:ping", include_str!("payloads/bitbucket.diagnostics+ping.json")),
    (Source::GitLab, "Push Hook", include_str!("payloads/gitlab.Push_Hook.json")),
    (Source::GitLab, "Tag Push Hook", include_str!("payloads/gitlab.Tag_Push_Hook.json")),
    (Source::GitLab, "Merge Request Hook", include_str!("payloads/gitlab.Merge_Request_Hook.json")),
];

/// The payload of this event.
pub(crate) fn payload(event: &str) -> Value {
    let (_, _, body) = PAYLOADS.iter().find(|(_, named, _)| *named == event).expect("a payload of this event");
    serde_json::from_str(body).expect("JSON")
}

/// A payload with one member of it changed; `null` included.
pub(crate) fn with(mut payload: Value, path: &str, value: Value) -> Value {
    *at(&mut payload, path) = value;
    payload
}

/// A payload without one member.
pub(crate) fn without(mut payload: Value, path: &str) -> Value {
    let (parent, name) = path.rsplit_once('/').expect("a path");
    at(&mut payload, parent).as_object_mut().expect("an object").remove(name).expect("a member");
    payload
}

fn at<'v>(payload: &'v mut Value, path: &str) -> &'v mut Value {
    path.split('/').skip(1).fold(payload, |value, name| match value {
        Value::Array(items) => &mut items[name.parse::<usize>().expect("a position")],
        value => value.as_object_mut().expect("an object").entry(name).or_insert(Value::Null),
    })
}

pub(crate) const ID: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
pub(crate) const HOSTS: Hosts<'_> = Hosts {
    github: Some("github.example.com"),
    bitbucket: Some("git.example.com:7990"),
    gitlab: Some("gitlab.example.com"),
};

/// The commit whose id is this digit, forty times.
pub(crate) fn hash(digit: &str) -> String {
    digit.repeat(40)
}

/// A commit of a push, by the digit of its id.
pub(crate) fn brought(digit: &str, message: &str, author: &str) -> Brought {
    Brought { id: hash(digit), message: message.into(), author: author.into() }
}

/// Who pushes in most of the payloads.
pub(crate) fn grace() -> Actor {
    Actor { login: Some("grace".into()), id: Some("42".into()) }
}

/// A time, for all tests: 2026-11-21T08:00:00Z.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_795_248_000).expect("a time")
}

/// Signs, proves and reads a body.
pub(crate) fn read(source: Source, event: &str, body: &[u8]) -> Result<Delivery, NotADelivery> {
    let headers = sign(source, event, ID, "application/json", body, "secret", now());
    parse(source, &headers, verify(source, &headers, body, &["secret"], now()).expect("proof"), &HOSTS)
}

/// Signs, proves and reads a payload.
pub(crate) fn deliver(source: Source, event: &str, payload: &Value) -> Result<Delivery, NotADelivery> {
    read(source, event, payload.to_string().as_bytes())
}

/// What a payload tells to have moved.
pub(crate) fn pushes(source: Source, event: &str, payload: &Value) -> Vec<Push> {
    match deliver(source, event, payload).expect("a delivery").content {
        Content::Pushes(pushes) => pushes,
        content => panic!("no pushes: {content:?}"),
    }
}

/// The one push that a payload tells.
pub(crate) fn pushed(source: Source, event: &str, payload: &Value) -> Push {
    <[Push; 1]>::try_from(pushes(source, event, payload)).map(|[push]| push).expect("one push")
}

/// Why a payload starts nothing.
pub(crate) fn reason(source: Source, event: &str, payload: &Value) -> String {
    match deliver(source, event, payload).expect("a delivery").content {
        Content::Other(reason) => reason,
        content => panic!("not ignored: {content:?}"),
    }
}

/// JSON of a few levels with these at its ends.
pub fn nested(leaf: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{1,8}", inner), 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

#[test]
fn the_payloads_of_the_tests_are_understood_with_their_ids() {
    for (source, event, body) in PAYLOADS {
        let delivery = read(source, event, body.as_bytes()).expect(event);
        assert_eq!((delivery.source, delivery.event.as_str()), (source, event));
        assert_eq!(delivery.id, format!("{}/{ID}", source.word()));
    }
}

#[test]
fn nothing_that_came_by_http_proves_or_is_an_event_of_codecommit() {
    let headers = sign(Source::CodeCommit, "referenceUpdated", ID, "application/json", b"{}", "secret", now());
    assert_eq!(headers, Headers::default());
    let proof = verify(Source::CodeCommit, &headers, b"{}", &["secret"], now());
    assert_eq!(proof, Err(Unproven::NotByHttp));
    let github = sign(Source::GitHub, "push", ID, "application/json", b"{}", "secret", now());
    let body = verify(Source::GitHub, &github, b"{}", &["secret"], now()).expect("proof");
    let read = parse(Source::CodeCommit, &github, body, &HOSTS);
    assert_eq!(read, Err(NotADelivery::NotByHttp(Source::CodeCommit)));
}

/// A payload of each source that starts something, and the member that names its host.
const OF_A_HOST: [(Source, &str, &str); 4] = [
    (Source::GitHub, "push", "/repository/html_url"),
    (Source::Bitbucket, "repo:push", "/repository/links/html/href"),
    (Source::Bitbucket, "repo:refs_changed", "/repository/links/self/0/href"),
    (Source::GitLab, "Push Hook", "/project/web_url"),
];

#[test]
fn a_source_speaks_for_its_own_hosts_alone() {
    let hosts = [
        (Source::GitHub, "github.com"),
        (Source::GitHub, "acme.ghe.com"),
        (Source::GitHub, "github.example.com"),
        (Source::Bitbucket, "bitbucket.org"),
        (Source::Bitbucket, "git.example.com:7990"),
        (Source::GitLab, "gitlab.com"),
        (Source::GitLab, "gitlab.example.com"),
    ];
    for (source, event, path) in OF_A_HOST {
        for (owner, host) in hosts {
            let told = with(payload(event), path, format!("https://{host}/acme/web").into());
            let delivery = deliver(source, event, &told).expect("a delivery");
            assert!(delivery.repository.as_deref().is_some_and(|repository| repository.starts_with(host)), "{host}");
            if owner == source {
                assert!(!delivery.pushes().is_empty(), "{source} of {host}");
            } else {
                let why = format!("{host} is a host of {owner}, and {source} sent this");
                assert_eq!(delivery.content, Content::Other(why));
            }
        }
        let elsewhere = with(payload(event), path, "https://elsewhere.example/acme/web".into());
        let delivery = deliver(source, event, &elsewhere).expect("a delivery");
        assert!(!delivery.pushes().is_empty(), "{source} of a host that nobody named");
    }
}

#[test]
fn no_webhook_speaks_for_codecommit() {
    const HOST: &str = "git-codecommit.eu-central-1.amazonaws.com";
    let told = with(payload("Push Hook"), "/project/web_url", format!("https://{HOST}/x").into());
    let told = with(told, "/project/path_with_namespace", "v1/repos/web".into());
    assert_eq!(
        reason(Source::GitLab, "Push Hook", &told),
        format!("{HOST} is a host of CodeCommit, and GitLab sent this")
    );
}

#[test]
fn a_deliverys_id_is_that_of_the_first_header_that_tells_it() {
    for (source, event) in [(Source::GitHub, "push"), (Source::Bitbucket, "repo:push"), (Source::GitLab, "Push Hook")] {
        let body = payload(event).to_string();
        let signed = sign(source, event, ID, "application/json", body.as_bytes(), "secret", now());
        let bare = signed.iter().filter(|(name, _)| !id_headers(source).contains(name));
        let bare: Vec<(&str, &str)> = bare.collect();
        for told in 0..id_headers(source).len() {
            let ids = id_headers(source)[told..].iter().zip(["first", "second"]).map(|(&name, id)| (name, id));
            let headers: Headers = bare.iter().copied().chain(ids).collect();
            let proven = verify(source, &headers, body.as_bytes(), &["secret"], now()).expect("proof");
            let delivery = parse(source, &headers, proven, &HOSTS).expect("a delivery");
            assert_eq!(delivery.id, format!("{}/first", source.word()));
        }
    }
}

#[test]
fn a_delivery_without_an_id_is_known_by_its_body() {
    let body = payload("Push Hook").to_string();
    let headers: Headers = [("X-Gitlab-Event", "Push Hook"), ("X-Gitlab-Token", "secret")].into_iter().collect();
    let proof = || verify(Source::GitLab, &headers, body.as_bytes(), &["secret"], now()).expect("proof");
    let first = parse(Source::GitLab, &headers, proof(), &HOSTS).expect("a delivery").id;
    assert_eq!(first, format!("gitlab/sha256-{}", hex::encode(Sha256::digest(body.as_bytes()))));
    assert_eq!(parse(Source::GitLab, &headers, proof(), &HOSTS).expect("a delivery").id, first);
}

#[test]
fn ids_and_events_are_of_a_plain_alphabet() {
    let long = "a".repeat(101);
    for (written, id) in [
        ("{0f1c-2}", Some("bitbucket/0f1c-2")),
        ("A_b-9", Some("bitbucket/A_b-9")),
        ("{}", None),
        ("", None),
        ("a b", None),
        ("a/b", None),
        ("a#b", None),
        (long.as_str(), None),
    ] {
        assert_eq!(super::id(Source::Bitbucket, written).as_deref(), id, "{written}");
    }
    for (source, header, shown) in [
        (Source::GitHub, "x-github-event", "X-GitHub-Event"),
        (Source::Bitbucket, "x-event-key", "X-Event-Key"),
        (Source::GitLab, "x-gitlab-event", "X-Gitlab-Event"),
    ] {
        for event in ["", "<b>", "a\nb", &long] {
            let headers = sign(source, event, ID, "application/json", b"{}", "secret", now());
            let body = verify(source, &headers, b"{}", &["secret"], now()).expect("proof");
            assert!(headers.get(header).is_some());
            assert_eq!(parse(source, &headers, body, &HOSTS), Err(NotADelivery::Header(shown)), "{event}");
        }
    }
}

#[test]
fn a_body_that_is_not_json_is_told_apart_by_where_it_fails() {
    for (body, error) in [
        (&b"no json"[..], "the body is not JSON: syntax error at line 1, column 2"),
        (b"\xff\xfe", "the body is not JSON: syntax error at line 1, column 1"),
        (b"", "the body is not JSON: eof error at line 1, column 0"),
    ] {
        for (source, event) in
            [(Source::GitHub, "push"), (Source::Bitbucket, "repo:push"), (Source::GitLab, "Push Hook")]
        {
            assert_eq!(read(source, event, body).map_err(|error| error.to_string()), Err(error.to_owned()));
        }
    }
    let deep = "[".repeat(100_000);
    assert!(matches!(read(Source::GitHub, "issues", deep.as_bytes()), Err(NotADelivery::Json(_))));
}

#[test]
fn a_body_of_json_that_is_no_object_is_no_push() {
    for body in ["null", "[]", "7", "\"push\"", "{}", "[[\"refs/heads/main\"]]"] {
        for (source, event, needed) in [
            (Source::GitHub, "push", "ref"),
            (Source::Bitbucket, "repo:push", "push.changes"),
            (Source::Bitbucket, "repo:refs_changed", "changes"),
            (Source::GitLab, "Push Hook", "ref"),
        ] {
            assert_eq!(read(source, event, body.as_bytes()), Err(NotADelivery::Member(needed)), "{body}");
        }
        assert!(matches!(read(Source::GitHub, "next_year", body.as_bytes()).expect("JSON").content, Content::Other(_)));
    }
}

#[test]
fn an_address_is_of_plain_parts() {
    for (host, path, address) in [
        ("github.com", "acme/web", Some("github.com/acme/web")),
        ("git.example.com:7990", "~ada/web", Some("git.example.com:7990/~ada/web")),
        ("gitlab.com", "a/b/c/d", Some("gitlab.com/a/b/c/d")),
        ("github.com", "acme", None),
        ("github.com", "acme/../web", None),
        ("ada@github.com", "acme/web", None),
    ] {
        assert_eq!(super::address(host, path).as_deref(), address);
    }
    assert_eq!(super::host("https://github.com/acme/web"), Some("github.com"));
    assert_eq!(super::host("http://git.example.com:7990?x"), Some("git.example.com:7990"));
    for page in ["ssh://git@github.com/acme", "https://", "https:///acme", "https://ada@github.com/", "github.com"] {
        assert_eq!(super::host(page), None, "{page}");
    }
}

#[test]
fn a_link_that_markup_could_trip_over_is_not_shown() {
    for url in ["https://x|<!channel>", "javascript:alert(1)", "https://x/\"", "https://x y", "https://x/\u{202e}"] {
        assert!(!member::is_page(url), "{url}");
    }
    assert!(member::is_page("https://github.com/acme/web/commit/0?a=b&c=(d)"));
}

#[test]
fn times_are_read_as_each_provider_writes_them() {
    for text in
        ["2026-11-21T09:00:00+01:00", "2026-11-21T08:00:00Z", "2026-11-21T09:00:00+0100", "2026-11-21 08:00:00 UTC"]
    {
        assert_eq!(Member::of(&json!(text)).time(), Some(now()), "{text}");
    }
    for value in [json!("yesterday"), json!("2026-13-21T09:00:00Z"), json!(7), json!(null), json!(" UTC")] {
        assert_eq!(Member::of(&value).time(), None, "{value}");
    }
    assert_eq!(Member::of(&json!(i64::MAX)).seconds(), None);
    assert_eq!(Member::of(&json!(i64::MIN)).milliseconds(), None);
}

#[test]
fn the_headers_of_a_signed_request_are_those_of_the_provider() {
    let names = |source, event, secret| -> Vec<String> {
        let headers = sign(source, event, ID, "application/json", b"{}", secret, now());
        headers.iter().map(|(name, _)| name.to_owned()).collect()
    };
    let key = format!("whsec_{}", "A".repeat(44));
    for (source, event, secret, expected) in [
        (Source::GitHub, "push", "s", "content-type x-github-delivery x-github-event x-hub-signature-256"),
        (
            Source::Bitbucket,
            "repo:push",
            "s",
            "content-type x-attempt-number x-event-key x-hub-signature x-request-uuid",
        ),
        (Source::Bitbucket, "pr:merged", "s", "content-type x-event-key x-hub-signature x-request-id"),
        (
            Source::GitLab,
            "Push Hook",
            "s",
            "content-type idempotency-key webhook-id webhook-timestamp x-gitlab-event x-gitlab-token",
        ),
        (
            Source::GitLab,
            "Push Hook",
            &key,
            "content-type idempotency-key webhook-id webhook-signature webhook-timestamp x-gitlab-event",
        ),
    ] {
        assert_eq!(names(source, event, secret).join(" "), expected);
    }
    // A signing token that is none is not given away as a secret token.
    assert!(!names(Source::GitLab, "Push Hook", "whsec_!").contains(&"x-gitlab-token".to_owned()));
}

/// Of a payload, all members that are objects, lists or values, with their paths.
pub(crate) fn paths(value: &Value) -> Vec<String> {
    let inner: Vec<_> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    inner
        .into_iter()
        .flat_map(|(name, value)| {
            let below = paths(value).into_iter().map(|path| format!("/{name}{path}")).collect::<Vec<_>>();
            std::iter::once(format!("/{name}")).chain(below)
        })
        .collect()
}

#[test]
fn an_unknown_member_anywhere_changes_nothing() {
    for (source, event, body) in PAYLOADS {
        let original = read(source, event, body.as_bytes());
        let mut more: Value = serde_json::from_str(body).expect("JSON");
        add_to_all(&mut more);
        assert_eq!(deliver(source, event, &more), original, "{event}");
    }
}

fn add_to_all(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(add_to_all);
            members.insert("next year".to_owned(), Value::Object(Map::from_iter([("a".to_owned(), json!([1, null]))])));
        }
        Value::Array(items) => items.iter_mut().for_each(add_to_all),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_null_or_a_missing_member_is_an_error_that_names_it_or_is_missed_nowhere() {
    let needed = |source, event: &str, null: bool| -> Vec<String> {
        let original = payload(event);
        let gone = |path: &String| {
            let changed =
                if null { with(original.clone(), path, Value::Null) } else { without(original.clone(), path) };
            deliver(source, event, &changed).is_err()
        };
        let in_list = |path: &String| !null && path.rsplit('/').next().is_some_and(|name| name.parse::<u8>().is_ok());
        paths(&original).into_iter().filter(|path| !in_list(path)).filter(gone).collect()
    };
    let push = ["/after", "/before", "/ref", "/repository", "/repository/full_name", "/repository/html_url"];
    for null in [true, false] {
        let mut found = needed(Source::GitHub, "push", null);
        found.sort();
        assert_eq!(found, push);
        let project = ["/project", "/project/path_with_namespace", "/project/web_url"];
        let mut found = needed(Source::GitLab, "Push Hook", null);
        found.sort();
        assert_eq!(found, [&["/after", "/before"][..], &project, &["/ref"]].concat());
    }
}
