//! What a person wrote, without what Slack made of it.

/// The text in one line, as it was typed: `<https://acme.example|acme.example>` is `acme.example`, `<@U0ADA|ada>` is `@ada`, `<#C0DEPLOYS|deploys>`
/// is `#deploys`; `&amp;`, `&lt;` and `&gt;` are what they stand for; quotation marks are straight, and white space of whatever kind is a space. What is not
/// seen (zero width, and what turns the direction of writing) goes.
///
/// Source: <https://docs.slack.dev/messaging/formatting-message-text>.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, marked)) = rest.split_once('<') {
        plain += &unescaped(before);
        match marked.find(['<', '>']) {
            Some(end) if marked[end..].starts_with('>') => {
                plain += &unescaped(&meant(&marked[..end]));
                rest = &marked[end + 1..];
            }
            Some(_) | None => {
                plain.push('<');
                rest = marked;
            }
        }
    }
    plain += &unescaped(rest);
    line(&plain)
}

/// A text in one line, whose quotation marks are straight, without what is not seen.
pub(super) fn line(text: &str) -> String {
    let line: String = text.chars().filter_map(straight).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What stands for something between angle brackets.
fn meant(marked: &str) -> String {
    let (target, label) = match marked.split_once('|') {
        Some((target, label)) if !label.is_empty() => (target, Some(label)),
        Some((target, _)) => (target, None),
        None => (marked, None),
    };
    let named = |sign: char, id: &str| {
        let name = label.unwrap_or(id);
        format!("{sign}{}", name.trim_start_matches(sign))
    };
    match target.split_at_checked(1) {
        Some(("@", id)) => named('@', id),
        Some(("#", id)) => named('#', id),
        Some(("!", id)) => named('@', id.trim_start_matches("subteam^")),
        Some(_) | None => label.unwrap_or_else(|| target.strip_prefix("mailto:").unwrap_or(target)).to_owned(),
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn straight(c: char) -> Option<char> {
    match c {
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => Some('"'),
        '\u{2018}'..='\u{201b}' => Some('\''),
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => None,
        c if c.is_whitespace() || c.is_control() => Some(' '),
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_slack_dressed_up_is_what_was_typed() {
        for (sent, typed) in [
            ("why <https://github.com/acme/web|github.com/acme/web> main", "why github.com/acme/web main"),
            ("why <https://github.com/acme/web> main", "why https://github.com/acme/web main"),
            ("lock web production <@U0ADA|ada> says so", "lock web production @ada says so"),
            (
                "lock web production <@U0ADA> &amp; <!subteam^S01|@ops> &lt;now&gt;",
                "lock web production @U0ADA & @ops <now>",
            ),
            ("approve web <#C07|7>", "approve web #7"),
            ("approve\u{a0}web#7  \u{201c}looks good\u{201d}\n", "approve web#7 \"looks good\""),
            (
                "reject web#7 it\u{2019}s \u{200b}broken <mailto:a@b.example|a@b.example>",
                "reject web#7 it's broken a@b.example",
            ),
            ("a < b <c <d> e", "a < b <c d e"),
            ("<> <|> <|a> <@> <", "a @ <"),
            ("&amp;lt;", "&lt;"),
            ("\u{202e}web", "web"),
            ("", ""),
        ] {
            assert_eq!(plain(sent), typed, "{sent}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_becomes_one_line(text in "(?s)(.|<|>|\\||@|&lt;|&amp;){0,60}") {
            let plain = plain(&text);
            proptest::prop_assert!(!plain.contains(char::is_control) && plain == plain.trim());
        }
    }
}
