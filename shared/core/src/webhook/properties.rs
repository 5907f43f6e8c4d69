use proptest::{prelude::*, sample::Index};
use serde_json::json;

use super::{
    tests::{HOSTS, ID, PAYLOADS, deliver, nested, now, paths, read, with},
    *,
};
use crate::{
    codecommit,
    push::{is_commit, is_mail, is_name, is_null},
    release::Brought,
};

/// What every delivery keeps, whatever was sent: what comes after the parsers relies on it.
fn check(source: Source, delivery: &Delivery) -> Result<(), TestCaseError> {
    let (word, id) = delivery.id.split_once('/').expect("the source and its id");
    prop_assert_eq!((delivery.source, word), (source, source.word()));
    prop_assert!((1..=100).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    prop_assert!((1..=100).contains(&delivery.event.len()) && !delivery.event.contains(char::is_control));
    if let Some(repository) = &delivery.repository {
        prop_assert!(repository.split('/').count() >= 3, "{}", repository);
        prop_assert!(repository.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~:/".contains(&b)));
        prop_assert!(repository.split('/').all(|part| !part.is_empty() && part.bytes().any(|b| b != b'.')));
    }
    prop_assert!(delivery.pushes().is_empty() || delivery.repository.is_some());
    for push in delivery.pushes() {
        prop_assert!(is_name(&push.reference.name));
        prop_assert_eq!(Reference::parse(&push.reference.to_string()), Some(push.reference.clone()));
        for commit in [&push.before, &push.base, &push.after].into_iter().flatten() {
            prop_assert!(is_commit(commit) && !is_null(commit));
        }
        prop_assert!(!push.created || push.before.is_none());
        prop_assert!(push.head.email.iter().all(|email| is_mail(email)));
        prop_assert!(push.head.url.iter().all(|url| member::is_page(url)));
        for name in [&push.actor.login, &push.actor.id].into_iter().flatten() {
            prop_assert!(!name.is_empty() && name.len() <= 300 && !name.contains(char::is_control));
        }
        prop_assert!(push.brought.len() <= Brought::MOST);
        prop_assert!(push.brought.last().is_none_or(|newest| push.after.as_ref() == Some(&newest.id)));
        for commit in &push.brought {
            prop_assert!(is_commit(&commit.id) && !commit.message.contains('\n') && !commit.author.contains('\n'));
            prop_assert!(commit.message.chars().count() <= 100 && commit.author.chars().count() <= 80);
        }
        if let Some(files) = &push.files {
            prop_assert!(files.is_sorted_by(|a, b| a < b));
        }
    }
    Ok(())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "(refs/(heads|tags)/)?[a-z0-9./@{~ -]{0,12}".prop_map(Value::from),
        "[0a-f]{40}|[0-9a-f]{39,41}|[0-9a-f]{64}".prop_map(Value::from),
        "https?://[a-z.:@/|<]{0,12}".prop_map(Value::from),
        Just(json!("0".repeat(40))),
    ];
    nested(leaf)
}

proptest! {
    #[test]
    fn any_bytes_are_a_delivery_or_none(body: Vec<u8>, event in ".{0,20}", at: Index) {
        let (source, known, _) = PAYLOADS[at.index(PAYLOADS.len())];
        for event in [known, &event] {
            if let Ok(delivery) = read(source, event, &body) {
                check(source, &delivery)?;
            }
        }
    }

    #[test]
    fn any_json_is_a_delivery_or_none(body in any_json(), at: Index) {
        let (source, event, _) = PAYLOADS[at.index(PAYLOADS.len())];
        if let Ok(delivery) = deliver(source, event, &body) {
            check(source, &delivery)?;
        }
    }

    #[test]
    fn a_changed_payload_never_gives_what_cannot_be(
        at: Index, changes in prop::collection::vec((any::<Index>(), any_json()), 1..4),
    ) {
        let (source, event, body) = PAYLOADS[at.index(PAYLOADS.len())];
        let mut payload: Value = serde_json::from_str(body).expect("JSON");
        for (at, value) in changes {
            let paths = paths(&payload);
            if !paths.is_empty() {
                payload = with(payload, &paths[at.index(paths.len())], value);
            }
        }
        if let Ok(delivery) = deliver(source, event, &payload) {
            check(source, &delivery)?;
        }
    }

    #[test]
    fn a_changed_event_of_codecommit_never_gives_what_cannot_be(
        changes in prop::collection::vec((any::<Index>(), any_json()), 0..4),
    ) {
        let mut event: Value = serde_json::from_str(include_str!("payloads/codecommit.json")).expect("JSON");
        for (at, value) in changes {
            let paths = paths(&event);
            event = with(event, &paths[at.index(paths.len())], value);
        }
        if let Ok(Ok(delivery)) = serde_json::from_value(event).map(|envelope| codecommit::parse(&envelope)) {
            check(Source::CodeCommit, &delivery)?;
        }
    }

    #[test]
    fn what_is_signed_is_proven_and_read_and_a_changed_byte_is_not(at: Index, byte: Index, secret in "[ -~]{1,60}") {
        let (source, event, body) = PAYLOADS[at.index(PAYLOADS.len())];
        // Of GitLab's two proofs, only the signature is over the body.
        let secret = if source == Source::GitLab { format!("whsec_{}", "b".repeat(44)) } else { secret };
        let headers = sign(source, event, ID, "application/json", body.as_bytes(), &secret, now());
        let proven = verify(source, &headers, body.as_bytes(), &["another", &secret], now()).expect("proof");
        let delivery = parse(source, &headers, proven, &HOSTS).expect("a delivery");
        prop_assert_eq!(&delivery.id, &format!("{}/{}", source.word(), ID));
        check(source, &delivery)?;

        let mut changed = body.as_bytes().to_vec();
        changed[byte.index(body.len())] ^= 1;
        prop_assert_eq!(verify(source, &headers, &changed, &["another", &secret], now()), Err(Unproven::Mismatch));
        prop_assert!(verify(source, &headers, body.as_bytes(), &["another"], now()).is_err());
    }
}
