//! What a pattern can match at all: whether another matches everything that it does, and whether there is a name that both match.
//!
//! A pattern is a small automaton; two are compared by walking both at once over the characters that tell them apart. The names are
//! those of branches, tags and files: no `/` at either end, none beside another. Where a pattern is written in a way that this does not
//! read (escapes in a class, braces without end), or the walk gets long, nothing is claimed.

use std::collections::{BTreeSet, HashSet};

use super::{Pattern, class};

/// The most ways that the braces of a pattern may be taken.
const ALTERNATIVES: usize = 64;
/// The most pairs of states that are looked at.
const STEPS: usize = 20_000;

/// The names that one or several patterns match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language {
    /// Without braces: a name matches one of these.
    alternatives: Vec<Vec<Token>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// One character out of these ranges or, where the flag is set, outside of them; never a `/` unless it is written as itself.
    One { ranges: Vec<(char, char)>, outside: bool },
    /// Any text within a segment.
    Star,
    /// Any text.
    Any,
    /// Whole segments with the `/` after each: where one begins.
    Segments,
    /// Within one of those; always after [`Token::Segments`].
    Within,
}

/// Where in which alternatives a walk is.
type States = BTreeSet<(usize, usize)>;

impl Language {
    /// What any of these patterns matches; `None` where one of them is not read here.
    pub fn of<'p>(patterns: impl IntoIterator<Item = &'p Pattern>) -> Option<Self> {
        let mut alternatives = Vec::new();
        for pattern in patterns {
            for alternative in expand(&pattern.written)? {
                alternatives.push(tokens(&alternative)?);
            }
        }
        Some(Self { alternatives })
    }

    /// Whether every name that this matches is one that `wide` matches; `None` where that takes too long to tell.
    pub fn is_within(&self, wide: &Self) -> Option<bool> {
        let found = walk(self, wide, |narrow, wide| narrow && !wide)?;
        Some(!found)
    }

    /// Whether there is a name that both match; `None` where that takes too long to tell.
    pub fn overlaps(&self, other: &Self) -> Option<bool> {
        walk(self, other, |one, other| one && other)
    }

    fn start(&self) -> States {
        self.closed((0..self.alternatives.len()).map(|alternative| (alternative, 0)))
    }

    /// With what is reached without a character.
    fn closed(&self, states: impl IntoIterator<Item = (usize, usize)>) -> States {
        let mut open: Vec<(usize, usize)> = states.into_iter().collect();
        let mut closed = States::new();
        while let Some((alternative, at)) = open.pop() {
            if !closed.insert((alternative, at)) {
                continue;
            }
            match self.alternatives[alternative].get(at) {
                Some(Token::Star | Token::Any) => open.push((alternative, at + 1)),
                Some(Token::Segments) => open.push((alternative, at + 2)),
                Some(Token::One { .. } | Token::Within) | None => {}
            }
        }
        closed
    }

    fn step(&self, states: &States, character: char) -> States {
        let next = states.iter().filter_map(|&(alternative, at)| {
            let to = match self.alternatives[alternative].get(at)? {
                Token::One { ranges, outside } => {
                    let listed = ranges.iter().any(|(from, to)| (*from..=*to).contains(&character));
                    (listed != *outside && (character != '/' || !outside)).then_some(at + 1)
                }
                Token::Star => (character != '/').then_some(at),
                Token::Any => Some(at),
                Token::Segments => (character != '/').then_some(at + 1),
                Token::Within => Some(if character == '/' { at - 1 } else { at }),
            };
            Some((alternative, to?))
        });
        self.closed(next)
    }

    fn accepts(&self, states: &States) -> bool {
        states.iter().any(|&(alternative, at)| at == self.alternatives[alternative].len())
    }

    /// The characters at which something begins or ends to be listed.
    fn boundaries(&self, into: &mut BTreeSet<char>) {
        for token in self.alternatives.iter().flatten() {
            if let Token::One { ranges, .. } = token {
                for (from, to) in ranges {
                    into.insert(*from);
                    into.extend(char::from_u32(u32::from(*to) + 1));
                }
            }
        }
    }
}

/// Whether there is a name for which `wanted` holds of whether the two match it.
fn walk(one: &Language, other: &Language, wanted: impl Fn(bool, bool) -> bool) -> Option<bool> {
    // Between two boundaries all characters are alike to both, so that one stands for them.
    let mut characters = BTreeSet::from(['\u{1}', '/', '0']);
    one.boundaries(&mut characters);
    other.boundaries(&mut characters);
    let start = (one.start(), other.start(), true);
    let mut seen = HashSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some((ours, theirs, beginning)) = open.pop() {
        if !beginning && wanted(one.accepts(&ours), other.accepts(&theirs)) {
            return Some(true);
        }
        for &character in &characters {
            if beginning && character == '/' {
                continue;
            }
            let next = (one.step(&ours, character), other.step(&theirs, character), character == '/');
            // What the first does not match is of no interest to either question.
            if !next.0.is_empty() && seen.insert(next.clone()) {
                open.push(next);
            }
        }
        if seen.len() > STEPS {
            return None;
        }
    }
    Some(false)
}

/// The pattern without its braces, once for each way to take them.
fn expand(pattern: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(pattern) = open.pop() {
        if done.len() + open.len() > ALTERNATIVES {
            return None;
        }
        let Some(Choice { from, parts, to }) = braces(&pattern).ok()? else {
            done.push(pattern);
            continue;
        };
        open.extend(parts.into_iter().map(|part| format!("{}{part}{}", &pattern[..from], &pattern[to..])));
    }
    Some(done)
}

/// A pair of braces.
struct Choice<'p> {
    /// Where it begins.
    from: usize,
    /// What it chooses from.
    parts: Vec<&'p str>,
    /// Where it has ended.
    to: usize,
}

/// What is not read here.
struct Unread;

/// The first pair of braces.
fn braces(pattern: &str) -> Result<Option<Choice<'_>>, Unread> {
    let (mut depth, mut from, mut part) = (0_usize, 0, 0);
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(character) = pattern[at..].chars().next() {
        let length = match character {
            '\\' => 1 + pattern[at + 1..].chars().next().ok_or(Unread)?.len_utf8(),
            '[' => class(&pattern[at..]).map_err(|_| Unread)?,
            other => other.len_utf8(),
        };
        match character {
            '{' => {
                depth += 1;
                if depth == 1 {
                    (from, part) = (at, at + 1);
                }
            }
            ',' if depth == 1 => {
                parts.push(&pattern[part..at]);
                part = at + 1;
            }
            '}' => {
                depth = depth.checked_sub(1).ok_or(Unread)?;
                if depth == 0 {
                    parts.push(&pattern[part..at]);
                    return Ok(Some(Choice { from, parts, to: at + 1 }));
                }
            }
            _ => {}
        }
        at += length;
    }
    if depth == 0 { Ok(None) } else { Err(Unread) }
}

fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let one = |character: char| Token::One { ranges: vec![(character, character)], outside: false };
    let mut tokens = Vec::new();
    let mut rest = pattern;
    let mut beginning = true;
    while let Some(character) = rest.chars().next() {
        let mut length = character.len_utf8();
        match character {
            '\\' => {
                let escaped = rest[1..].chars().next()?;
                length += escaped.len_utf8();
                tokens.push(one(escaped));
            }
            '[' => {
                length = class(rest).ok()?;
                tokens.push(listed(&rest[1..length - 1])?);
            }
            '?' => tokens.push(Token::One { ranges: Vec::new(), outside: true }),
            '*' => {
                length = rest.len() - rest.trim_start_matches('*').len();
                if length == 1 {
                    tokens.push(Token::Star);
                } else if beginning && rest[length..].starts_with('/') {
                    length += 1;
                    tokens.extend([Token::Segments, Token::Within]);
                    rest = &rest[length..];
                    continue;
                } else {
                    tokens.push(Token::Any);
                }
            }
            other => tokens.push(one(other)),
        }
        beginning = character == '/';
        rest = &rest[length..];
    }
    Some(tokens)
}

/// A class, without its brackets. One with escapes, or with a `-` or `]` as itself, is not read.
fn listed(class: &str) -> Option<Token> {
    let outside = class.starts_with(['!', '^']);
    let class = if outside { &class[1..] } else { class };
    if class.contains(['\\', ']', '[', '/']) || class.starts_with('-') || class.ends_with('-') {
        return None;
    }
    let mut ranges = Vec::new();
    let mut characters = class.chars().peekable();
    while let Some(from) = characters.next() {
        let to = if characters.next_if_eq(&'-').is_some() { characters.next()? } else { from };
        ranges.push((from, to));
    }
    // A range over the slash would have to be cut in two.
    let crosses = |(from, to): &(char, char)| (*from..=*to).contains(&'/');
    (!ranges.iter().any(crosses)).then_some(Token::One { ranges, outside })
}

#[cfg(test)]
mod tests;
