//! Text from outside, made fit for Slack's markup: it says what it says and does nothing.
//!
//! It mentions nobody, links to nothing, steers nothing, and turns no words around it: Slack's three characters are escaped
//! (<https://docs.slack.dev/messaging/formatting-message-text#escaping>), control characters and marks of direction are gone, what is written from
//! right to left is isolated (<https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates>), and backticks cannot begin or end code.
//! Every limit is in characters of what is sent.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::terminal;

/// How many characters a section's text has at most, well below Slack's 3,000.
const SECTION: usize = 2800;
/// How long an address may be, as it is sent.
const ADDRESS: usize = 1000;

/// A section. What is in it is taken as it is: names of channels and addresses become no links.
pub(crate) fn section(text: &str) -> Value {
    json!({"type": "section", "text": markup(text)})
}

/// A text with markup: see [`section`].
pub(super) fn markup(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

/// Slack's three characters with a meaning.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text in one line, of at most `limit` characters; never cut within an entity.
pub(crate) fn clip(text: &str, limit: usize) -> String {
    isolated(&terminal::plain(text).replace('`', "'"), limit, |text| text)
}

/// The same for a text that Slack does not read as markup: nothing is escaped.
pub(super) fn unmarked(text: &str, limit: usize) -> String {
    crate::text::shorten(terminal::plain(text).trim(), limit)
}

/// A name as code, of at most 200 characters.
pub(crate) fn code(text: &str) -> String {
    isolated(&terminal::plain(text).replace('`', "'"), 200, |text| format!("`{text}`"))
}

/// Escaped, cut and framed; where something in it is written from right to left, all of it is isolated from what is around it.
fn isolated(text: &str, limit: usize, frame: impl Fn(String) -> String) -> String {
    if text.contains(is_right_to_left) {
        format!("\u{2068}{}\u{2069}", frame(cut(text, limit.saturating_sub(2))))
    } else {
        frame(cut(text, limit))
    }
}

/// Escapes a text, and cuts it where it would become longer than `limit` characters; never within an entity.
fn cut(text: &str, limit: usize) -> String {
    let mut escaped = String::new();
    let mut left = limit;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let part = escape(character.encode_utf8(&mut [0; 4]));
        let length = part.chars().count();
        // Room for the mark that something is missing.
        let room = if characters.peek().is_some() { left.saturating_sub(1) } else { left };
        if length > room {
            escaped.push('…');
            return escaped;
        }
        left -= length;
        escaped += &part;
    }
    escaped
}

/// Whether a letter is of a script that is written from right to left: the blocks of Unicode that are set aside for those.
/// Source: <https://www.unicode.org/Public/UCD/latest/ucd/extracted/DerivedBidiClass.txt>.
fn is_right_to_left(character: char) -> bool {
    matches!(
        character,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
    )
}

/// A quotation: each line marked, at most `limit` characters in all. Empty where there is nothing to quote.
pub(crate) fn quote(text: &str, limit: usize) -> String {
    let text = terminal::harmless(text, false);
    let mut quoted = String::new();
    for line in text.trim().lines().filter(|line| !line.trim().is_empty()) {
        let left = limit.saturating_sub(quoted.chars().count() + 3);
        if left < 4 {
            break;
        }
        quoted += "> ";
        quoted += &isolated(&line.replace('\t', " ").replace("```", "'''"), left, |line| line);
        quoted.push('\n');
    }
    quoted.trim_end().to_owned()
}

/// The last lines of a log that fit into `limit` characters, as a block of code on lines of its own; nothing when there are none.
pub(crate) fn log_block(lines: &[String], limit: usize) -> String {
    let mut kept = Vec::new();
    let mut left = limit.saturating_sub(9);
    for line in lines.iter().rev() {
        // A fence in a log would end ours. Marks of direction are gone, and each line is on its own: nothing has to be isolated.
        let line = cut(&terminal::plain(line).replace("```", "'''"), 300);
        let Some(rest) = left.checked_sub(line.chars().count() + 1) else { break };
        left = rest;
        kept.push(line);
    }
    if kept.iter().all(|line| line.trim().is_empty()) {
        return String::new();
    }
    kept.reverse();
    format!("\n```\n{}\n```", kept.join("\n"))
}

/// A link; the words alone where there is no address, or one that markup could trip over, or a very long one.
pub(crate) fn link(url: Option<&str>, text: &str) -> String {
    let sent = |url: &str| {
        let plain = url.bytes().all(|b| b.is_ascii_graphic() && !b"<>|`\"\\".contains(&b));
        let web = url.starts_with("https://") || url.starts_with("http://");
        (plain && web).then(|| escape(url)).filter(|url| url.len() <= ADDRESS)
    };
    match url.and_then(sent) {
        Some(url) => format!("<{url}|{}>", clip(text, 200).replace('|', "¦")),
        None => clip(text, 200),
    }
}

/// A moment in each reader's own zone.
/// Source: <https://docs.slack.dev/messaging/formatting-message-text#date-formatting>.
pub(crate) fn date(at: Timestamp) -> String {
    let plain = at.strftime("%Y-%m-%d %H:%M UTC");
    format!("<!date^{}^{{date_short_pretty}} {{time}}|{plain}>", at.as_second())
}

/// As many lines as fit into a section, the newest kept.
pub(super) fn fitting(lines: &[String]) -> String {
    newest(lines, SECTION, |dropped| format!("… {dropped} earlier"))
}

/// As many lines as fit into `limit` characters, the last ones kept; `dropped` says how many are not there.
pub(super) fn newest(lines: &[String], limit: usize, dropped: impl Fn(usize) -> String) -> String {
    let mut left = limit;
    let fits = |line: &&String| {
        let length = line.chars().count() + 1;
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    };
    let kept = lines.iter().rev().take_while(fits).count();
    let missing = lines.len() - kept;
    let first = (missing > 0).then(|| dropped(missing));
    first.iter().chain(&lines[missing..]).cloned().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_steer_markup_are_words() {
        assert_eq!(clip("<!channel> & `<@U1>`\n*x*", 100), "&lt;!channel&gt; &amp; '&lt;@U1&gt;' *x*");
        assert_eq!(code("a`b"), "`a'b`");
        assert_eq!(quote("one\n```\ntwo\u{1b}[31m", 100), "> one\n> '''\n> two");
        assert_eq!(log_block(&["a ``` b".into(), "<c>".into()], 100), "\n```\na ''' b\n&lt;c&gt;\n```");
    }

    #[test]
    fn what_is_written_from_right_to_left_turns_nothing_round() {
        assert_eq!(clip("שלום", 100), "\u{2068}שלום\u{2069}");
        assert_eq!(code("ענף"), "\u{2068}`ענף`\u{2069}");
        assert_eq!(clip("\u{202e}turned\u{2066}", 100), "turned");
        assert_eq!(quote("one\nשלום", 100), "> one\n> \u{2068}שלום\u{2069}");
    }

    #[test]
    fn a_text_is_cut_at_an_entity_and_says_so() {
        assert_eq!(clip("a&b", 7), "a&amp;b");
        assert_eq!(clip("a&b", 6), "a…");
        assert_eq!(clip("ab", 1), "…");
        assert_eq!(clip("", 1), "");
    }

    #[test]
    fn an_address_that_markup_could_trip_over_is_no_link() {
        assert_eq!(link(Some("https://a.example/?b=1&c"), "x>y"), "<https://a.example/?b=1&amp;c|x&gt;y>");
        let long = format!("https://a.example/{}", "&".repeat(250));
        for url in ["javascript:alert(1)", "https://a.example/|b", "https://a.example/ b", "https://ä.example", &long]
        {
            assert_eq!(link(Some(url), "x"), "x", "{url}");
        }
        assert_eq!(link(Some("https://a.example"), "x|y"), "<https://a.example|x¦y>");
    }

    #[test]
    fn the_newest_lines_are_kept() {
        let lines = ["one", "two", "three"].map(str::to_owned);
        assert_eq!(newest(&lines, 10, |dropped| format!("{dropped} more")), "1 more\ntwo\nthree");
        assert_eq!(newest(&lines, 100, |_| String::new()), "one\ntwo\nthree");
        assert_eq!(log_block(&lines, 19), "\n```\ntwo\nthree\n```");
        assert_eq!(log_block(&[" ".into()], 19), "");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_within_its_limit(text in "(<!channel>|`|&|\\PC|\n|ש|\u{202e}){0,60}", limit in 4_usize..80) {
            for shown in [clip(&text, limit), quote(&text, limit), log_block(std::slice::from_ref(&text), limit)] {
                proptest::prop_assert!(shown.chars().count() <= limit, "{:?}", shown);
                proptest::prop_assert!(!shown.contains("<!") && !shown.contains('\u{202e}'), "{:?}", shown);
                proptest::prop_assert_eq!(shown.matches('\u{2068}').count(), shown.matches('\u{2069}').count());
            }
        }
    }
}
