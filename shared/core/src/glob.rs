//! The glob language of `longshore.toml`, the same one for branches, tags and the paths of files.
//!
//! | pattern | matches |
//! | --- | --- |
//! | `*` | any text within a segment, none too: never a `/` |
//! | `**` | any text, across segments |
//! | `**/` at the beginning of a segment | any number of whole segments, none too: `**/Dockerfile` matches `Dockerfile` and `a/b/Dockerfile` |
//! | `?` | one character of a segment |
//! | `[a-z]`, `[!a-z]` | one character of a class, or one outside it; never a `/` |
//! | `{main,next}` | either; they may be nested |
//! | `\*` | the character itself |
//!
//! A pattern is anchored: it matches the whole of a name, with regard to case. A path is one of git's: from the root of the repository,
//! without a leading `/`. A folder is no file, so that all of `docs` is `docs/**`. What begins with a `.` is like everything else.

mod language;

pub use language::Language;

use crate::text;

/// A pattern whose syntax was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    written: String,
    /// As the matcher underneath takes it, for which `**` crosses segments only where it is one.
    matcher: String,
}

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
    /// A `/` at either end, where no branch, tag or path has one.
    #[error("nothing begins or ends with `/`: all of a folder is `folder/**`")]
    Slash,
}

/// Any text, as the matcher underneath has to be told within a segment.
const ANY_TEXT: &str = "{*,*/**/*}";

impl Pattern {
    /// Checks the syntax of a pattern.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        if pattern.is_empty() {
            return Err(PatternError::Empty);
        }
        if pattern.starts_with('!') {
            return Err(PatternError::Negation);
        }
        if pattern.starts_with('/') || pattern.ends_with('/') {
            return Err(PatternError::Slash);
        }
        let mut matcher = String::with_capacity(pattern.len());
        let mut braces = 0_usize;
        let mut rest = pattern;
        while let Some(character) = rest.chars().next() {
            let length = match character {
                '\\' => 1 + rest[1..].chars().next().ok_or(PatternError::Escape)?.len_utf8(),
                '[' => class(rest)?,
                '*' => rest.len() - rest.trim_start_matches('*').len(),
                '{' => {
                    braces += 1;
                    1
                }
                '}' => {
                    braces = braces.checked_sub(1).ok_or(PatternError::Braces)?;
                    1
                }
                other => other.len_utf8(),
            };
            let (token, after) = rest.split_at(length);
            let opens = matcher.is_empty() || matcher.ends_with(['/', '{', ',']);
            matcher += match token {
                _ if !token.starts_with("**") => token,
                _ if opens && after.starts_with('/') => "**",
                _ => ANY_TEXT,
            };
            rest = after;
        }
        if braces > 0 { Err(PatternError::Braces) } else { Ok(Self { written: pattern.to_owned(), matcher }) }
    }

    /// Whether the whole of `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        fast_glob::glob_match(&self.matcher, name)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The one name that it matches, where it is a plain name without any wildcard.
    pub fn plain(&self) -> Option<&str> {
        (!self.written.contains(['*', '?', '[', '{', '\\'])).then_some(self.as_str())
    }
}

/// The length of the class that the text begins with.
fn class(text: &str) -> Result<usize, PatternError> {
    let mut characters = text.char_indices().skip(1).peekable();
    characters.next_if(|(_, character)| matches!(character, '!' | '^'));
    let mut empty = true;
    while let Some((at, character)) = characters.next() {
        match character {
            ']' if !empty => return Ok(at + 1),
            '\\' => drop(characters.next().ok_or(PatternError::Escape)?),
            _ => {}
        }
        empty = false;
    }
    Err(PatternError::Class)
}

/// `"a", "b" or "c"`, for a sentence that says what was looked for; of many the first few.
pub fn list(patterns: &[Pattern]) -> String {
    text::list(patterns.iter().map(|pattern| format!("\"{}\"", text::shorten(&pattern.written, 60))), "or")
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
            ("release/**", "release", false),
            ("**", "a/b/c", true),
            ("**.md", "README.md", true),
            ("**.md", "docs/deep/index.md", true),
            ("**/*.md", "README.md", true),
            ("release**", "release/1/fix", true),
            ("docs/**/index.md", "docs/index.md", true),
            ("{docs/**,*.md}", "docs/a/b", true),
            ("{docs/**,*.md}", "README.md", true),
            ("*", ".gitignore", true),
            ("a[/]b", "a/b", false),
            ("a[!b]c", "a/c", false),
            ("Main", "main", false),
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
    fn a_plain_pattern_is_the_name_that_it_matches() {
        for (pattern, plain) in
            [("release/1", true), ("release/*", false), ("a\\*", false), ("{a,b}", false), ("a?", false)]
        {
            let pattern = Pattern::parse(pattern).expect(pattern);
            assert_eq!(pattern.plain(), plain.then_some(pattern.as_str()));
        }
    }

    /// What stars mean, said as simply as can be.
    fn stars(pattern: &[u8], name: &[u8], beginning: bool) -> bool {
        let tails = || (0..=name.len()).map(|from| &name[from..]);
        match pattern {
            [] => name.is_empty(),
            [b'*', b'*', b'/', rest @ ..] if beginning => {
                stars(rest, name, true)
                    || (1..=name.len()).any(|at| name[at - 1] == b'/' && stars(rest, &name[at..], true))
            }
            [b'*', b'*', rest @ ..] => tails().any(|tail| stars(rest, tail, false)),
            [b'*', rest @ ..] => {
                let within = name.iter().take_while(|&&b| b != b'/').count();
                (0..=within).any(|from| stars(rest, &name[from..], false))
            }
            [first, rest @ ..] => name.first() == Some(first) && stars(rest, &name[1..], *first == b'/'),
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
            ("docs/", PatternError::Slash),
            ("/docs", PatternError::Slash),
        ] {
            assert_eq!(Pattern::parse(pattern), Err(error), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn stars_mean_what_is_documented(pattern in "([ab]|a/|\\*|\\*\\*/|\\*\\*){1,5}", name in "[ab](/?[ab]){0,6}") {
            prop_assume!(!pattern.contains("***") && !pattern.ends_with('/'));
            let ours = Pattern::parse(&pattern).expect("a pattern").matches(&name);
            prop_assert_eq!(ours, stars(pattern.as_bytes(), name.as_bytes(), true), "{} {}", pattern, name);
        }

        #[test]
        fn a_star_never_crosses_a_slash(before in "[a-z]{0,3}", after in "[a-z]{0,3}", name in "[a-z]{0,4}/[a-z/]{0,4}") {
            let pattern = Pattern::parse(&format!("{before}*{after}")).expect("a pattern");
            prop_assert!(!pattern.matches(&name));
        }

        // The oracle is an independent matcher.
        #[test]
        fn matching_agrees_with_globset(pattern in "[ab/]{0,4}(\\*|\\?|\\[ab\\]|\\{a,b\\})[ab/]{0,4}", name in "[ab/]{0,8}") {
            prop_assume!(!pattern.starts_with('/') && !pattern.ends_with('/'));
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
