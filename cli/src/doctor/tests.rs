use jiff::SignedDuration;

use super::*;
use crate::doctor::secret::Version;

fn said(findings: &[Finding]) -> String {
    let line = |finding: &Finding| format!("{:?} {} {}", finding.severity, finding.subject, finding.message);
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_code_has_its_section_in_the_page() {
    let page = include_str!("../../../docs/doctor.md");
    for code in Code::ALL {
        let word = serde_json::to_value(code).expect("a word");
        let word = word.as_str().expect("a text");
        assert!(page.contains(&format!("`{word}`")), "docs/doctor.md does not have `{word}`");
    }
}

#[test]
fn the_keys_of_the_secret_are_told_with_their_age() {
    let config = Config::read(include_str!("../../../longshore.toml")).expect("a configuration");
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a time");
    let days = |days: i64| now - SignedDuration::from_hours(24 * days);
    let long = "0123456789abcdef";
    let keys = |github: serde_json::Value| json!({ "github": github, "callback_key": long, "slack_bot_token": "xoxb-1", "slack_signing_secret": long });
    let read = |current: serde_json::Value, at: i64, previous: Option<(serde_json::Value, i64)>| Read {
        current: Version { keys: current, at: days(at) },
        previous: previous.map(|(keys, at)| Version { keys, at: days(at) }),
    };
    let told = |read: Read| said(&secret::findings(&config, &read, now));

    // What was there before is as old as that, at least; what is new is as old as the version.
    let fine = read(keys(json!("new-secret-new-secret")), 3, Some((keys(json!("old-secret-old-secret")), 40)));
    insta::assert_snapshot!(told(fine), @"Fine secret has the keys that are needed; age: callback_key at least 40 d, github 3 d, slack_bot_token at least 40 d and slack_signing_secret at least 40 d");
    let old = read(keys(json!(long)), 3, Some((keys(json!(long)), 400)));
    insta::assert_snapshot!(told(old), @r#"
    Advice secret has a `callback_key` that is at least 400 days old
    Advice secret has a `github` that is at least 400 days old
    Advice secret has a `slack_bot_token` that is at least 400 days old
    Advice secret has a `slack_signing_secret` that is at least 400 days old
    "#);
    let rotating = read(keys(json!([long, "old-secret-old-secret"])), 30, None);
    insta::assert_snapshot!(told(rotating), @"Advice secret has 2 values of `github`, for at least 30 days");
    let poor = read(json!({ "github": "hush" }), 1, None);
    insta::assert_snapshot!(told(poor.clone()), @r#"
    Wrong secret has no `callback_key`: no build can be started, which reports with a token that it signs
    Advice secret has no `slack_bot_token`: nothing is posted in Slack
    Wrong secret has a `github` of less than 16 characters, which can be guessed
    "#);
    assert!(!told(poor).contains("hush"));
}

#[test]
fn a_call_that_is_denied_says_what_has_to_be_allowed() {
    let refused =
        |code: &str| longshore_aws::signed::CallError::Refused { code: code.to_owned(), message: "no".to_owned() };
    let finding = Finding::of_call("service a/b", "ecs:DescribeServices", &refused("AccessDeniedException"));
    assert_eq!(
        (finding.severity, finding.message.as_str()),
        (Severity::Unknown, "may not look: ecs:DescribeServices is denied to you")
    );
    assert_eq!(not_there("longshore", &refused("ValidationError")).code, Code::StackMissing);
    assert_eq!(not_there("longshore", &refused("AccessDenied")).code, Code::Unlooked);
}
