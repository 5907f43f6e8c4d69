use anstream::adapter::strip_str;
use longshore_core::release::Verdict;

use super::*;
use crate::sample::{at, end, release};

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
