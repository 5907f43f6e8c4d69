use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    message::moment::moments,
    release::{Fact, Outcome, sample},
};

fn newest(release: &Release) -> Plain {
    plain(release, &moments(release).pop().expect("a moment"))
}

fn failed() -> Release {
    let mut release = sample();
    let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).expect("a time");
    let started = Fact::BuildStarted { id: "web-build:1".into(), page: Some("https://console.example/1".into()) };
    let ended = Fact::BuildEnded {
        outcome: Outcome::Failed,
        reason: Some("the tests: 1 of 12 failed".into()),
        tail: Vec::new(),
    };
    for (second, fact) in [(1, started), (75, ended)] {
        assert_eq!(release.apply(fact, at(second)), Ok(true));
    }
    release
}

#[test]
fn a_failure_says_what_happened_and_why() {
    let told = newest(&failed());
    insta::assert_snapshot!(format!("{}\n\n{}", told.subject, told.body), @r"
    web #7 failed after 1 min 15 s (0123456)

    web #7 failed after 1 min 15 s

    Repository: github.com/acme/web
    Branch: main
    Commit: 0123456789012345678901234567890123456789
    Author: Ada
    Message: Say hello
    Why: the tests: 1 of 12 failed

    Commit page: https://github.com/acme/web/commit/0123456
    Build page: https://console.example/1
    Release: 01JD0000000000000000000000
    ");
    let attributes: Vec<_> = told.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(attributes, ["pipeline=web", "state=failed", "moment=end"]);
}

#[test]
fn hostile_text_keeps_to_its_line() {
    let mut release = failed();
    release.commit.message = "<!channel> hi\r\nSubject: x\u{1b}[2J".into();
    release.reference.name = "b\nr".into();
    let told = newest(&release);
    assert!(told.body.contains("Message: <!channel> hi  Subject: x [2J\n") && told.body.contains("Branch: b r\n"));
}

proptest! {
    #[test]
    fn a_subject_is_one_that_sns_takes(pipeline: String, commit in "\\PC{7,40}", message: String, reason: String) {
        let mut release = failed();
        (release.pipeline, release.commit.id, release.commit.message) = (pipeline, commit, message);
        release.reason = Some(reason);
        let told = newest(&release);
        prop_assert!((1..100).contains(&told.subject.len()), "{:?}", told.subject);
        prop_assert!(told.subject.bytes().all(|b| (0x20..0x7f).contains(&b)) && !told.subject.starts_with(' '));
        prop_assert!(told.body.chars().all(|c| c == '\n' || !c.is_control()) && told.body.len() < 64 * 1024);
        prop_assert!(told.attributes.iter().all(|(_, value)| !value.is_empty()));
    }
}
