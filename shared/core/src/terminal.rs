//! Text from outside, for a terminal: shown, not obeyed.

use std::{iter::Peekable, str::Chars};

/// The longest parameters of a colour that are kept.
const LONGEST: usize = 32;

/// The text without what a terminal would act upon: cursor movements, titles, links, answers to questions, bells, and what turns the
/// direction of writing. Lines, tabs and, where wanted, colours stay; a carriage return alone ends the line, which it would overwrite.
/// Colours end with the text.
///
/// Sequences as in ECMA-48: <https://ecma-international.org/publications-and-standards/standards/ecma-48/>.
pub fn harmless(text: &str, colours: bool) -> String {
    let (mut shown, mut coloured) = (String::with_capacity(text.len()), false);
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\r' if rest.peek() != Some(&'\n') => shown.push('\n'),
            '\u{1b}' => {
                if let Some(parameters) = sequence(&mut rest).filter(|_| colours) {
                    shown.extend(["\u{1b}[", &parameters, "m"]);
                    coloured = true;
                }
            }
            character if is_harmful(character) => {}
            character => shown.push(character),
        }
    }
    if coloured {
        let end = shown.trim_end_matches('\n').len();
        shown.insert_str(end, "\u{1b}[0m");
    }
    shown
}

/// Takes what follows an escape character and belongs to it; the parameters, if it is a colour.
fn sequence(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    match rest.peek()? {
        '[' => {
            rest.next();
            let mut parameters = String::new();
            while let Some(byte) = rest.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)) {
                parameters.push(byte);
            }
            let last = rest.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
            let plain = parameters.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'));
            (last == Some('m') && plain && parameters.len() <= LONGEST).then_some(parameters)
        }
        // A string goes on until its terminator; one that has none must not swallow the lines after it.
        ']' | 'P' | 'X' | '^' | '_' => {
            while let Some(byte) = rest.next_if(|c| !matches!(c, '\n' | '\u{1b}')) {
                if matches!(byte, '\u{7}' | '\u{9c}') {
                    break;
                }
            }
            None
        }
        _ => {
            while rest.next_if(|c| ('\u{20}'..='\u{2f}').contains(c)).is_some() {}
            rest.next_if(|c| ('\u{30}'..='\u{7e}').contains(c));
            None
        }
    }
}

/// Text from outside as a part of a line: harmless, without colours, and without the ends of lines.
pub fn plain(text: &str) -> String {
    harmless(text, false).replace(['\n', '\t'], " ")
}

/// Whether a terminal acts upon a character, or turns the direction of writing with it.
pub fn is_harmful(character: char) -> bool {
    character.is_control() || turns_direction(character)
}

/// Whether this is one of Unicode's marks that reorder what is around them.
/// Source: <https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>.
fn turns_direction(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn text_lines_tabs_and_colours_stay() {
        let text = "one\ttwo €\r\n\u{1b}[1;31mred\u{1b}[0m and \u{1b}[38:5:12mblue\n";
        let shown = "one\ttwo €\n\u{1b}[1;31mred\u{1b}[0m and \u{1b}[38:5:12mblue\u{1b}[0m\n";
        assert_eq!(harmless(text, true), shown);
        assert_eq!(harmless(text, false), "one\ttwo €\nred and blue\n");
    }

    #[test]
    fn what_a_terminal_would_obey_is_gone() {
        for (text, shown) in [
            ("\u{1b}[2J\u{1b}[Hclear", "clear"),
            ("up\u{1b}[10A", "up"),
            ("\u{1b}]0;title\u{7}a title", "a title"),
            ("\u{1b}]8;;https://evil.example\u{1b}\\a link\u{1b}]8;;\u{1b}\\", "a link"),
            ("\u{1b}]52;c;bHM=\u{9c}the clipboard", "the clipboard"),
            ("\u{1b}P1$r0m\u{1b}\\a device", "a device"),
            ("\u{1b}[6na question", "a question"),
            ("\u{1b}ca reset", "a reset"),
            ("\u{1b}(0another alphabet", "another alphabet"),
            ("\u{9b}31mC1", "31mC1"),
            ("bell\u{7}, back\u{8}\u{8}\u{7f}, nothing\0", "bell, back, nothing"),
            ("good\rbad", "good\nbad"),
            ("\u{202e}turned\u{2066}", "turned"),
            ("\u{1b}]an open title\nthe next line", "\nthe next line"),
            ("\u{1b}[31an open colour €", "n open colour €"),
            ("\u{1b}[?25m\u{1b}[1;2\u{1b}[>4mno colour", "no colour"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(harmless(text, true), shown, "{text:?}");
        }
        assert_eq!(harmless(&format!("\u{1b}[{}mlong", "1;".repeat(40)), true), "long");
    }

    #[test]
    fn nothing_that_is_left_starts_a_sequence_but_colours() {
        // Taking something out must not make something new of what is around it.
        let shown = harmless("\u{1b}\u{1b}[2J[2J\u{1b}\u{7}[H", true);
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }
}
