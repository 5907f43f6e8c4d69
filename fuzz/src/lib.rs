//! What the fuzz targets share: reading an input, and what must hold of every delivery that was understood.
//!
//! An input's first line is what comes in headers, its rest is the body. The invariants are those of the property tests in
//! `shared/core/src/webhook/properties.rs`.

use jiff::Timestamp;
use longshore_core::{
    push::{Delivery, Push, Reference, Source, is_commit, is_mail, is_name, is_null},
    webhook::{self, Hosts},
};

/// The secret that the targets sign with.
pub const SECRET: &str = "a secret of the fuzz targets";

/// The time, in all targets: 2026-11-21T08:00:00Z.
pub const NOW: i64 = 1_795_248_000;

/// The same as a time.
pub fn now() -> Timestamp {
    Timestamp::from_second(NOW).expect("a time")
}

/// The first line, and what follows it.
pub fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}

/// Signs, proves and reads a delivery. The first line is the event, and after a tab the content type, where it is not JSON.
pub fn deliver(source: Source, data: &[u8]) {
    let (line, body) = split(data);
    let Ok(line) = str::from_utf8(line) else { return };
    let (event, content_type) = line.split_once('\t').unwrap_or((line, "application/json"));
    let headers = webhook::sign(source, event, "0f1c-2", content_type, body, SECRET, now());
    let read = |hosts: &Hosts<'_>| {
        let proven =
            webhook::verify(source, &headers, body, &["another", SECRET], now()).expect("what is signed is proven");
        webhook::parse(source, &headers, proven, hosts)
    };
    let Ok(delivery) = read(&Hosts { bitbucket: Some("git.example.com"), ..Hosts::default() }) else { return };
    assert_eq!(delivery.event, event);
    check(source, &delivery);
    // Whatever host it names: as if it were one of this source's.
    let Some(host) = delivery.repository.as_deref().and_then(|repository| repository.split('/').next()) else { return };
    let own = Some(host);
    let hosts = match source {
        Source::GitHub => Hosts { github: own, ..Hosts::default() },
        Source::Bitbucket => Hosts { bitbucket: own, ..Hosts::default() },
        Source::GitLab => Hosts { gitlab: own, ..Hosts::default() },
        Source::CodeCommit => Hosts::default(),
    };
    check(source, &read(&hosts).expect("it was read before"));
}

/// What every delivery keeps, whatever was sent.
pub fn check(source: Source, delivery: &Delivery) {
    let (word, id) = delivery.id.split_once('/').expect("the source and its id");
    assert_eq!((delivery.source, word), (source, source.word()));
    assert!((1..=100).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    assert!((1..=100).contains(&delivery.event.len()) && !delivery.event.contains(char::is_control));
    if let Some(repository) = &delivery.repository {
        assert!(repository.split('/').count() >= 3);
        assert!(repository.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~:/".contains(&b)));
        assert!(repository.split('/').all(|part| part.bytes().any(|b| b != b'.')));
    }
    assert!(delivery.pushes().is_empty() || delivery.repository.is_some());
    delivery.pushes().iter().for_each(check_push);
}

fn check_push(push: &Push) {
    assert!(is_name(&push.reference.name));
    assert_eq!(Reference::parse(&push.reference.to_string()).as_ref(), Some(&push.reference));
    for commit in [&push.before, &push.base, &push.after].into_iter().flatten() {
        assert!(is_commit(commit) && !is_null(commit));
    }
    assert!(!push.created || push.before.is_none());
    assert!(push.head.email.iter().all(|email| is_mail(email)));
    if let Some(url) = &push.head.url {
        assert!(url.starts_with("https://") || url.starts_with("http://"));
        assert!(url.bytes().all(|b| b.is_ascii_graphic() && !b"<>|\"'`".contains(&b)));
    }
    for name in [&push.actor.login, &push.actor.id].into_iter().flatten() {
        assert!(!name.is_empty() && name.len() <= 300 && !name.contains(char::is_control));
    }
    if let Some(files) = &push.files {
        assert!(files.is_sorted_by(|a, b| a < b));
    }
}
