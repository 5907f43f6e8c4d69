use longshore_core::{
    explain::Decided,
    push::{Kind, Reference},
};

use super::*;

fn explanation() -> Explanation {
    let push = Moved {
        reference: Reference::branch("main").expect("a name"),
        kind: Kind::Branch,
        name: "main".into(),
        before: Some("9".repeat(40)),
        after: Some("0".repeat(40)),
        created: false,
        deleted: false,
        forced: true,
        author: "Ada\u{1b}[2J".into(),
        message: "Say \u{1b}]0;title\u{7}hello\n\nAt length.".into(),
        files: Some(vec!["web/app.py".into()]),
    };
    let decided = |name: &str, starts, reason: &str| Decided { name: name.into(), starts, reason: reason.into() };
    Explanation {
        source: Source::GitHub,
        event: "push".into(),
        delivery: "github/1".into(),
        repository: Some("github.com/acme/web".into()),
        pushes: vec![
            push.clone(),
            Moved { created: true, before: None, forced: false, files: None, ..push.clone() },
            Moved { deleted: true, after: None, author: String::new(), message: String::new(), files: None, ..push },
        ],
        pipelines: vec![decided("web", true, "it matches"), decided("preview", false, "it does not\u{1b}[1A")],
        ignored: Some("the push starts nothing".into()),
    }
}

#[test]
fn an_explanation_is_shown_a_line_for_each_pipeline_and_cannot_steer_the_terminal() {
    let shown = shown(&explanation());
    let plain =
        ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m"].iter().fold(shown, |text, code| text.replace(code, ""));
    assert!(!plain.contains('\u{1b}'));
    insta::assert_snapshot!(plain, @r#"
    GitHub push of github.com/acme/web, delivery github/1
      branch "main" 9999999 → 0000000, forced by Ada "Say �]0;title�hello", 1 file
      branch "main" new, 0000000 by Ada "Say �]0;title�hello"
      branch "main" deleted, was 9999999, forced
    ✓ web      it matches
    ✗ preview  it does not
    nothing starts; the sender is told: the push starts nothing
    "#);
}

#[test]
fn a_header_has_a_name_and_a_value() {
    assert_eq!(header("X-Event-Key: repo:push"), Ok(("X-Event-Key".into(), "repo:push".into())));
    assert!(header("push").is_err());
}

#[test]
fn an_id_that_came_with_the_payload_counts_unless_another_was_given() {
    let signed: Headers =
        [("webhook-id", "made-up"), ("idempotency-key", "made-up"), ("x-gitlab-token", "secret")].into_iter().collect();
    let told = [("Idempotency-Key".to_owned(), "theirs".to_owned()), ("X-Gitlab-Token".to_owned(), "no".to_owned())];
    let with = |may_tell_id| with_told(&signed, &told, Source::GitLab, may_tell_id);
    let ids = |headers: &Headers| {
        webhook::id_headers(Source::GitLab).iter().filter_map(|name| headers.get(name).map(str::to_owned)).collect()
    };
    let (theirs, ours): (Vec<String>, Vec<String>) = (ids(&with(true)), ids(&with(false)));
    assert_eq!((theirs, ours), (vec!["theirs".to_owned()], vec!["made-up".to_owned(); 2]));
    assert_eq!(with(true).get("x-gitlab-token"), Some("secret"), "no proof is taken over");
}
