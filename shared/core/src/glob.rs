//! Anchored patterns for branch names.
//!
//! `*` matches within a segment (not `/`), `**` crosses segments, `?` is one character of a segment, `[a-z]` and `[!a-z]` are
//! classes, `{a,b}` alternatives; a backslash takes the next character as it is. A pattern matches the whole name.

use crate::text;

/// A pattern whose syntax was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// Why a pattern is refused: the matcher underneath would take it and silently never match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing matches nothing.
    #[error("a pattern cannot be empty")]
    Empty,
    /// A `[` without its `]`, or nothing between them.
    #[error("the class that begins with `[` is empty or has no `]`")]
    Class,
    /// A `{` without its `}`, or the other way round.
    #[error("the braces do not pair")]
    Braces,
    /// A backslash at the end.
    #[error("the backslash at the end escapes nothing")]
    Escape,
    /// A leading `!`, which reads like a negation.
    #[error("a pattern cannot be negated with `!`")]
    Negation,
}

impl Pattern {
    /// Checks the syntax of a pattern.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        if pattern.is_empty() {
            return Err(PatternError::Empty);
        }
        if pattern.starts_with('!') {
            return Err(PatternError::Negation);
        }
        let mut braces = 0_usize;
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => drop(characters.next().ok_or(PatternError::Escape)?),
                '[' => class(&mut characters)?,
                '{' => braces += 1,
                '}' => braces = braces.checked_sub(1).ok_or(PatternError::Braces)?,
                _ => {}
            }
        }
        if braces > 0 { Err(PatternError::Braces) } else { Ok(Self(pattern.to_owned())) }
    }

    /// Whether the whole of `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        fast_glob::glob_match(&self.0, name)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads to the end of a class, of which the `[` was read.
fn class(characters: &mut std::str::Chars<'_>) -> Result<(), PatternError> {
    let mut length = 0;
    while let Some(character) = characters.next() {
        match character {
            ']' if length > 0 => return Ok(()),
            '!' | '^' if length == 0 => {}
            '\\' => {
                characters.next().ok_or(PatternError::Escape)?;
                length += 1;
            }
            _ => length += 1,
        }
    }
    Err(PatternError::Class)
}

/// `"a", "b" or "c"`, for a sentence that says what was looked for.
pub fn list(patterns: &[Pattern]) -> String {
    let quoted: Vec<String> = patterns.iter().map(|pattern| format!("\"{}\"", text::shorten(&pattern.0, 60))).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pattern_is_anchored_and_a_star_stays_within_its_segment() {
        for (pattern, name, matches) in [
            ("main", "main", true),
            ("main", "main2", false),
            ("main", "feature/main", false),
            ("release/*", "release/1", true),
            ("release/*", "release/1/fix", false),
            ("release/**", "release/1/fix", true),
            ("**", "a/b/c", true),
            ("v[0-9]*", "v2", true),
            ("v[!0-9]*", "v2", false),
            ("{main,next}", "next", true),
            ("hot?ix", "hotfix", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
        ] {
            assert_eq!(Pattern::parse(pattern).expect(pattern).matches(name), matches, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_that_could_never_match_is_refused() {
        for (pattern, error) in [
            ("", PatternError::Empty),
            ("release/[", PatternError::Class),
            ("a[]", PatternError::Class),
            ("{a,b", PatternError::Braces),
            ("a}", PatternError::Braces),
            ("a\\", PatternError::Escape),
            ("!main", PatternError::Negation),
        ] {
            assert_eq!(Pattern::parse(pattern), Err(error), "{pattern}");
        }
    }

    proptest! {
        // The oracle is an independent matcher.
        #[test]
        fn matching_agrees_with_globset(pattern in "[ab/]{0,4}(\\*|\\?|\\[ab\\]|\\{a,b\\})[ab/]{0,4}", name in "[ab/]{0,8}") {
            let ours = Pattern::parse(&pattern).expect("a pattern").matches(&name);
            let theirs = globset::GlobBuilder::new(&pattern).literal_separator(true).build().expect("a glob");
            prop_assert_eq!(ours, theirs.compile_matcher().is_match(&name), "{} {}", pattern, name);
        }

        #[test]
        fn any_text_is_refused_or_matched_without_panic(pattern: String, name: String) {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                pattern.matches(&name);
            }
        }
    }
}
