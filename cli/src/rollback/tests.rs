use anstream::adapter::strip_str;
use longshore_core::release::Verdict;

use super::*;
use crate::sample::{at, end, release};

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn the_words_name_pipeline_environment_and_release() {
    let read = |text: &str| place(&words(text)).expect("a place");
    let number = |number| Some(Reference::Number { pipeline: None, number });
    let expected = |pipeline: Option<&str>, release| Place {
        pipeline: pipeline.map(str::to_owned),
        environment: "production".to_owned(),
        release,
    };
    assert_eq!(read("production"), expected(None, None));
    assert_eq!(read("production 12"), expected(None, number(12)));
    assert_eq!(read("web production"), expected(Some("web"), None));
    assert_eq!(read("web production 12"), expected(Some("web"), number(12)));
    assert!(place(&words("web production twelve")).is_err());
}

#[test]
fn a_number_of_another_pipeline_is_no_place_to_go_back_to() {
    let named = |pipeline: Option<&str>| Reference::Number { pipeline: pipeline.map(str::to_owned), number: 12 };
    assert_eq!(to(Some(named(None)), "web").ok(), Some(To::Number(12)));
    assert_eq!(to(Some(named(Some("web"))), "web").ok(), Some(To::Number(12)));
    assert!(to(Some(named(Some("api"))), "web").is_err());
    assert_eq!(to(None, "web").ok(), Some(To::Earlier));
}

#[test]
fn whoever_is_asked_sees_from_what_to_what_and_what_is_undone() {
    let live = |number| {
        let mut release = release(number);
        end(&mut release, 1, Verdict::Live, None);
        release
    };
    let (target, current) = (live(12), live(14));
    let mut known = Environment { newest: Some(15), ..Environment::default() };
    for (release, second) in [(&target, 0), (&live(13), 60), (&current, 120)] {
        assert!(known.went_live(Live::of(release, at(second))));
    }
    let text = told(&known, Some(&current), "production", &target, at(240));
    insta::assert_snapshot!(strip_str(&text), @r"
    web production goes back
      from #14 0e0e0e0 Change 14, by Ada, live for 2 min
      to   #12 0c0c0c0 Change 12, by Ada
      undone: #14 and #13
      service web: production-web:14 → production-web:12
      #15 came after what is live: where it is still on its way, it is superseded
      and is locked until someone unlocks it, or deploys by name
    ");
    let text = told(&known, Some(&current), "production", &current, at(240));
    insta::assert_snapshot!(strip_str(&text), @r"
    web production goes back
      from #15, which is on its way
      to   #14 0e0e0e0 Change 14, by Ada
      and is locked until someone unlocks it, or deploys by name
    ");
}
