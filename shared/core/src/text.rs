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
