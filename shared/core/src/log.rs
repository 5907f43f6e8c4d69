//! Lines of a build's log, as records keep them and people see them.
//!
//! A log is text from outside: whoever wrote what the build runs wrote it.

use crate::{terminal, text::shorten, token};

/// How many characters of a line are kept.
pub const LINE: usize = 300;

/// The last `most` lines of a log that say something, oldest first: without colours and what else a terminal would obey, without release tokens,
/// at most [`LINE`] characters each.
pub fn tail<'a>(lines: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<String> {
    let shown = lines.into_iter().flat_map(str::lines).map(line);
    let mut told: Vec<String> = shown.filter(|line| !line.is_empty()).collect();
    told.drain(..told.len().saturating_sub(most));
    told
}

/// What a progress bar overwrote is not shown: what came after the last carriage return is.
fn line(text: &str) -> String {
    let text = text.trim_end();
    let last = text.rsplit('\r').next().unwrap_or(text);
    shorten(&token::masked(&terminal::plain(last)), LINE).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_that_say_something_are_kept() {
        let lines = ["one", "", "two\r\n", "three\nfour\n", "  \t"];
        assert_eq!(tail(lines, 3), ["two", "three", "four"]);
        assert_eq!(tail(lines, 9), ["one", "two", "three", "four"]);
        assert!(tail(lines, 0).is_empty());
    }

    #[test]
    fn a_line_steers_nothing_and_tells_no_token() {
        let token = "ls1.01JD0000000000000000000000.build.1800000000.0123456789abcdef";
        let lines = [
            "\u{1b}[31mnot ok\u{1b}[0m 2\u{202e} - \u{7}the\ttide".to_owned(),
            format!("\u{1b}[1mls1.\u{1b}[0m{}", &token[4..]),
            format!("{} {token}", "x".repeat(290)),
            " 10 %\r 50 %\r100 % done".to_owned(),
        ];
        let shown = tail(lines.iter().map(String::as_str), 9);
        let long = format!("{} ls1.***", "x".repeat(290));
        assert_eq!(shown, ["not ok 2 - the tide", "ls1.***", &long, "100 % done"]);
    }

    proptest::proptest! {
        #[test]
        fn any_log_is_bounded(lines: Vec<String>, most in 0_usize..30) {
            let shown = tail(lines.iter().map(String::as_str), most);
            proptest::prop_assert!(shown.len() <= most);
            for line in shown {
                proptest::prop_assert!((1..=LINE).contains(&line.chars().count()));
                proptest::prop_assert!(!line.contains(terminal::is_harmful), "{:?}", line);
            }
        }
    }
}
