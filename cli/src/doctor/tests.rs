use jiff::SignedDuration;

use super::*;
use crate::doctor::secret::{Read, Version};

fn said(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let cure = finding.cure.as_ref().map_or_else(String::new, |cure| format!("\n  {cure}"));
        format!("{:?} {} {}{cure}", finding.severity, finding.subject, finding.message)
    };
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

/// What is told of a secret whose versions have these keys, and are so many days old.
fn told(config: &Config, current: (serde_json::Value, i64), previous: Option<(serde_json::Value, i64)>) -> String {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a time");
    let version = |(keys, days)| Version { keys, at: now - SignedDuration::from_hours(24 * days) };
    let read = Read::of(version(current), previous.map(version)).expect("what the functions can read");
    said(&secret::findings(config, &read, now))
}

const GOOD: &str = "0123456789abcdef";

#[test]
fn the_keys_of_the_secret_are_told_with_their_age() {
    let config = Config::read(include_str!("../../../longshore.toml")).expect("a configuration");
    let keys = |github: serde_json::Value| json!({ "github": github, "callback_key": GOOD, "slack_bot_token": "xoxb-1", "slack_signing_secret": GOOD });

    // What was there before is as old as that, at least; what is new is as old as the version.
    let before = Some((keys(json!("old-secret-old-secret")), 40));
    insta::assert_snapshot!(told(&config, (keys(json!("new-secret-new-secret")), 3), before), @"Fine secret has the keys that are needed, of these ages: callback_key at least 40 d, github 3 d, slack_bot_token at least 40 d, slack_signing_secret at least 40 d");
    let mut old = keys(json!(GOOD));
    old["repositories"] = json!({ "gitlab.com/acme/api": GOOD });
    old["of_others"] = json!("x");
    insta::assert_snapshot!(told(&config, (old.clone(), 3), Some((old, 400))), @r#"
    Advice secret has a `callback_key` that is at least 400 days old
      `longshore secrets rotate callback_key` replaces it without a gap
    Advice secret has a `github` that is at least 400 days old
      `longshore secrets rotate github` replaces it without a gap
    Advice secret has a `of_others` that is at least 400 days old
      `longshore secrets rotate` does not have it: put another there, or take it out, docs/sources.md#the-secret
    Advice secret has a `slack_bot_token` that is at least 400 days old
      `longshore secrets rotate slack_bot_token` replaces it without a gap
    Advice secret has a `slack_signing_secret` that is at least 400 days old
      `longshore secrets rotate slack_signing_secret` replaces it without a gap
    Advice secret has a `repositories.gitlab.com/acme/api` that is at least 400 days old
      `longshore secrets rotate gitlab --repository gitlab.com/acme/api` replaces it without a gap
    Fine secret has keys of these ages: callback_key at least 400 d, github at least 400 d, of_others at least 400 d, slack_bot_token at least 400 d, slack_signing_secret at least 400 d, repositories.gitlab.com/acme/api at least 400 d
    "#);
    let mut rotating = keys(json!([GOOD, "old-secret-old-secret"]));
    rotating["repositories"] = json!({ "gitlab.com/acme/api": [GOOD, "old-secret-old-secret"] });
    insta::assert_snapshot!(told(&config, (rotating, 30), None), @r#"
    Advice secret has 2 values of `github`, for at least 30 days
      `longshore secrets rotate github --finish` takes the old one out, once nothing uses it
    Advice secret has 2 values of `repositories.gitlab.com/acme/api`, for at least 30 days
      `longshore secrets rotate gitlab --repository gitlab.com/acme/api --finish` takes the old one out, once nothing uses it
    Fine secret has keys of these ages: callback_key at least 30 d, github at least 30 d, slack_bot_token at least 30 d, slack_signing_secret at least 30 d, repositories.gitlab.com/acme/api at least 30 d
    "#);
    let poor = json!({ "github": "hush", "repositories": { "gitlab.com/acme/api": "hush" } });
    let poor = told(&config, (poor, 1), None);
    assert!(!poor.contains("hush"));
    insta::assert_snapshot!(poor, @r#"
    Wrong secret has no `callback_key`: no build can be started, which reports with a token that it signs
      put one there, docs/sources.md#the-secret: `openssl rand -hex 32`
    Advice secret has no `slack_bot_token`: nothing is posted in Slack
      put the bot token there, docs/sources.md#the-secret
    Wrong secret has a `github` of less than 16 characters, which can be guessed
      `longshore secrets rotate github` replaces it without a gap
    Wrong secret has a `repositories.gitlab.com/acme/api` of less than 16 characters, which can be guessed
      `longshore secrets rotate gitlab --repository gitlab.com/acme/api` replaces it without a gap
    Fine secret has keys of these ages: github at least 1 d, repositories.gitlab.com/acme/api at least 1 d
    "#);
}

#[test]
fn each_repository_needs_a_secret_of_its_own_or_of_its_source() {
    let pipeline = |name: &str, repository: &str| {
        format!(
            "[[pipeline]]\nname = \"{name}\"\nrepository = \"{repository}\"\nbranches = [\"main\"]\nproject = \"{name}\"\nimage = \"{name}\"\n\
             environment = [{{ name = \"p\", cluster = \"p\", services = [\"{name}\"] }}]\n"
        )
    };
    let text = [pipeline("web", "github.com/acme/web"), pipeline("api", "github.com/acme/api")].concat();
    let config = Config::read(&text).expect("a configuration");
    let missing = |mut keys: serde_json::Value| {
        keys["callback_key"] = GOOD.into();
        let told = told(&config, (keys, 1), None);
        told.lines().filter(|line| line.starts_with("Wrong")).collect::<Vec<_>>().join("\n")
    };
    let none_of = |repositories: &str| {
        format!("Wrong secret has no webhook secret for {repositories}: every delivery from there is refused")
    };
    let both = none_of("github.com/acme/web and github.com/acme/api");
    assert_eq!(missing(json!({})), both);
    // Another source's proves nothing.
    assert_eq!(missing(json!({ "gitlab": GOOD, "repositories": { "gitlab.com/a/b": GOOD } })), both);
    let one = json!({ "repositories": { "github.com/Acme/Web": GOOD } });
    assert_eq!(missing(one), none_of("github.com/acme/api"));
    // An empty list shuts a repository out, whatever its source has.
    let shut = json!({ "github": GOOD, "repositories": { "github.com/acme/web": [] } });
    assert_eq!(missing(shut), none_of("github.com/acme/web"));
    assert_eq!(missing(json!({ "github": GOOD })), "");
}

#[test]
fn a_secret_that_the_functions_cannot_read_is_none() {
    let at: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a time");
    for keys in
        [serde_json::Value::Null, json!([]), json!({ "callback_key": 7 }), json!({ "github_token": ["a", "b"] })]
    {
        assert!(Read::of(Version { keys: keys.clone(), at }, None).is_none(), "{keys}");
    }
    assert!(secret::unreadable().severity == Severity::Wrong);
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
