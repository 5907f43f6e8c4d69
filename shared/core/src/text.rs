//! Small things about text that comes from outside.

/// The first line, without the white space around it.
pub fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default().trim()
}

/// At most `limit` characters; what was longer ends in `…`.
pub fn shorten(text: &str, limit: usize) -> String {
    let mut characters = text.char_indices().skip(limit.saturating_sub(1));
    match (characters.next(), characters.next()) {
        (Some((end, _)), Some(_)) => format!("{}…", text[..end].trim_end()),
        _ => text.to_owned(),
    }
}

/// A text from outside in quotation marks, at most `limit` characters of it; what a terminal could trip over is replaced.
pub fn quote(text: &str, limit: usize) -> String {
    format!("\"{}\"", shorten(&text.replace(is_unsafe, "\u{fffd}"), limit))
}

/// Control characters, and those that turn the direction of what follows.
/// Source: <https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `a, b or c` (`and` for another word), for a sentence; of more than five the first four and how many more there are.
pub fn list(items: impl IntoIterator<Item = String>, word: &str) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    if items.len() > 5 {
        let more = items.len() - 4;
        items.truncate(4);
        items.push(format!("{more} more"));
    }
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} {word} {last}", first.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// The nearest of `names` to what was written, where it is near enough to be meant.
pub fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::osa_distance(&written.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count().max(written.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_character_and_says_so() {
        assert_eq!(shorten("abc", 3), "abc");
        assert_eq!(shorten("abcd", 3), "ab…");
        assert_eq!(shorten("äöüß", 3), "äö…");
        assert_eq!(shorten("", 3), "");
        assert_eq!(shorten("abc", 0), "…");
    }

    #[test]
    fn a_quoted_text_cannot_steer_a_terminal() {
        assert_eq!(quote("a\u{1b}[2J\nb\u{202e}", 9), "\"a\u{fffd}[2J\u{fffd}b\u{fffd}\"");
        assert_eq!(quote("abcd", 3), "\"ab…\"");
    }

    #[test]
    fn a_list_of_many_says_how_many_more() {
        let list = |count: usize| list((0..count).map(|n| n.to_string()), "or");
        assert_eq!([list(0), list(1), list(2), list(5)], ["nothing", "0", "0 or 1", "0, 1, 2, 3 or 4"]);
        assert_eq!(list(12), "0, 1, 2, 3 or 8 more");
    }

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("brnches", ["branches", "tags"]), Some("branches"));
        assert_eq!(nearest("Branches", ["branches", "tags"]), Some("branches"));
        assert_eq!(nearest("colour", ["branches", "tags"]), None);
    }

    proptest::proptest! {
        #[test]
        fn a_shortened_text_is_within_its_limit(text: String, limit in 1_usize..50) {
            proptest::prop_assert!(shorten(&text, limit).chars().count() <= limit);
        }
    }
}
