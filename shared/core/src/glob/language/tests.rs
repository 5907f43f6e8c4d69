use proptest::prelude::*;

use super::*;

fn language(patterns: &[&str]) -> Language {
    let patterns: Vec<Pattern> = patterns.iter().map(|pattern| Pattern::parse(pattern).expect(pattern)).collect();
    Language::of(&patterns).expect("a language")
}

#[test]
fn a_pattern_is_within_another_that_matches_all_that_it_does() {
    for (narrow, wide, within) in [
        (&["main"][..], &["*"][..], true),
        (&["main"], &["m*n"], true),
        (&["main"], &["main"], true),
        (&["release/*"], &["*"], false),
        (&["release/*"], &["**"], true),
        (&["release/*"], &["release/**"], true),
        (&["release/**"], &["release/*"], false),
        (&["**/*.md"], &["**.md"], true),
        (&["**.md"], &["**/*.md"], true),
        (&["*"], &["[a-z]*", "[!a-z]*"], true),
        (&["*"], &["[a-z]*"], false),
        (&["{main,next}"], &["main", "n*"], true),
        (&["{main,next}"], &["main"], false),
        (&["v[0-3]"], &["v[0-9]"], true),
        (&["v[0-9]"], &["v[0-3]", "v[4-9]"], true),
        (&["hot?ix"], &["hot*"], true),
        (&["docs/**"], &["**"], true),
        (&["**/*"], &["**"], true),
        (&["**"], &["**/*"], true),
    ] {
        assert_eq!(language(narrow).is_within(&language(wide)), Some(within), "{narrow:?} {wide:?}");
    }
}

#[test]
fn patterns_overlap_when_a_name_matches_both() {
    for (one, other, overlap) in [
        ("main", "release/*", false),
        ("main", "ma*", true),
        ("*", "release/*", false),
        ("**", "release/*", true),
        ("*-fix", "hot*", true),
        ("api/**", "web/**", false),
        ("**/Dockerfile", "web/**", true),
        ("[a-m]*", "[n-z]*", false),
    ] {
        assert_eq!(language(&[one]).overlaps(&language(&[other])), Some(overlap), "{one} {other}");
        assert_eq!(language(&[other]).overlaps(&language(&[one])), Some(overlap), "{other} {one}");
    }
}

#[test]
fn nothing_is_claimed_of_what_is_not_read_or_takes_too_long() {
    for pattern in ["a[\\]]", "a[-z]", "a[/]b", "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"] {
        let pattern = Pattern::parse(pattern).expect(pattern);
        assert_eq!(Language::of([&pattern]), None, "{}", pattern.as_str());
    }
}

proptest! {
    // The matcher is the oracle: a name that one matches, and the other does not, is a witness.
    #[test]
    fn what_is_claimed_agrees_with_the_matcher(
        narrow in "([ab]|\\*|\\?|a/|\\*\\*/|\\*\\*|[{]a,b/a[}]|\\[ab\\]|\\[!a\\]){1,4}",
        wide in "([ab]|\\*|\\?|a/|\\*\\*/|\\*\\*|[{]a,b/a[}]|\\[ab\\]|\\[!a\\]){1,4}",
        names in prop::collection::vec("[abc](/?[abc]){0,5}", 1..40),
    ) {
        let (Ok(narrow), Ok(wide)) = (Pattern::parse(&narrow), Pattern::parse(&wide)) else { return Ok(()) };
        prop_assume!(!narrow.as_str().contains("***") && !wide.as_str().contains("***"));
        let (small, large) = (Language::of([&narrow]).expect("one"), Language::of([&wide]).expect("one"));
        let (within, overlaps) = (small.is_within(&large), small.overlaps(&large));
        for name in names {
            let (ours, theirs) = (narrow.matches(&name), wide.matches(&name));
            prop_assert!(!(within == Some(true) && ours && !theirs), "{} {} {}", narrow.as_str(), wide.as_str(), name);
            prop_assert!(!(overlaps == Some(false) && ours && theirs), "{} {} {}", narrow.as_str(), wide.as_str(), name);
        }
        // A name by itself is read as the matcher reads it.
        prop_assert_eq!(small.is_within(&small), Some(true));
    }

    #[test]
    fn a_plain_name_is_within_a_pattern_just_when_it_matches(
        pattern in "([ab]|\\*|\\?|a/|\\*\\*/|\\*\\*|[{]a,b/a[}]|\\[ab\\]|\\[!a\\]){1,4}",
        name in "[abc](/?[abc]){0,5}",
    ) {
        let Ok(pattern) = Pattern::parse(&pattern) else { return Ok(()) };
        prop_assume!(!pattern.as_str().contains("***"));
        let plain = Pattern::parse(&name).expect("a name");
        let (small, large) = (Language::of([&plain]).expect("one"), Language::of([&pattern]).expect("one"));
        prop_assert_eq!(small.is_within(&large), Some(pattern.matches(&name)), "{} {}", pattern.as_str(), name);
        prop_assert_eq!(small.overlaps(&large), Some(pattern.matches(&name)));
    }
}
