//! Rows of text with their columns below each other.

use std::{fmt::Write as _, io};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::terminal::plain;

/// No column gets narrower than this to make room.
const NARROWEST: usize = 8;

/// A field of a table: text from wherever, which is made harmless, in a colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    colour: Colour,
}

/// What a text says at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Nothing.
    Plain,
    /// It stands out: titles.
    Bold,
    /// It is well.
    Good,
    /// It is not.
    Bad,
    /// Somebody or something is waited for.
    Open,
    /// It matters less.
    Dim,
}

impl Colour {
    /// The text in this colour; it has to be harmless.
    pub fn of(self, text: &str) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Bold => "1",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Open => "33",
            Self::Dim => "2",
        };
        if text.is_empty() { String::new() } else { format!("\u{1b}[{code}m{text}\u{1b}[0m") }
    }
}

/// A field without a colour.
pub fn cell(text: impl AsRef<str>) -> Cell {
    coloured(text, Colour::Plain)
}

/// A field in a colour.
pub fn coloured(text: impl AsRef<str>, colour: Colour) -> Cell {
    Cell { text: plain(text.as_ref()), colour }
}

/// A row that names a value.
pub fn fact(name: &str, value: impl AsRef<str>) -> Vec<Cell> {
    vec![coloured(name, Colour::Dim), cell(value)]
}

/// How many columns of characters there is room for on standard output, where that is a terminal. Elsewhere a table is as wide as it is:
/// nothing of it is lost to a program.
pub fn width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(terminal_size::Width(width), _)| usize::from(width))
}

/// The rows as lines, with `indent` spaces before each; no line ends in spaces.
pub fn table(rows: &[Vec<Cell>], indent: usize) -> String {
    fitting(rows, indent, None)
}

/// The same, within so many columns of characters, if the narrowest that the rows can be is within them: the widest fields are cut first, and
/// end in `…` then.
pub fn fitting(rows: &[Vec<Cell>], indent: usize, room: Option<usize>) -> String {
    let widths = widths(rows, room.map(|room| room.saturating_sub(indent)));
    let mut text = String::new();
    for row in rows {
        let last = row.iter().rposition(|cell| !cell.text.is_empty());
        let mut line = " ".repeat(indent);
        for (at, cell) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            let text = cut(&cell.text, widths[at]);
            line += &cell.colour.of(&text);
            if Some(at) != last {
                line += &" ".repeat(widths[at].saturating_sub(text.width()) + 2);
            }
        }
        let _ = writeln!(text, "{line}");
    }
    text
}

/// How wide each column is.
fn widths(rows: &[Vec<Cell>], room: Option<usize>) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.width()).max();
    let mut widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or_default()).collect();
    let Some(room) = room else { return widths };
    let gaps = 2 * columns.saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            Some(_) | None => break,
        }
    }
    widths
}

/// A text within so many columns: whole, or its beginning and `…`.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut cut, mut room) = (String::new(), width.saturating_sub(1));
    for character in text.chars() {
        match room.checked_sub(character.width().unwrap_or(0)) {
            Some(left) => room = left,
            None => break,
        }
        cut.push(character);
    }
    cut + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_below_each_other_and_no_line_ends_in_spaces() {
        let rows = [
            vec![cell("#12"), coloured("live", Colour::Good), cell("Märchen")],
            vec![cell("#9"), coloured("rolled_back", Colour::Bad), cell("")],
        ];
        let text = table(&rows, 2);
        assert_eq!(
            anstream::adapter::strip_str(&text).to_string(),
            "  #12  live         Märchen\n  #9   rolled_back\n"
        );
        assert!(text.contains("\u{1b}[32mlive\u{1b}[0m"), "{text:?}");
        assert_eq!(table(&[], 2), "");
    }

    #[test]
    fn a_table_fits_a_narrow_terminal_and_is_whole_on_a_wide_one_and_elsewhere() {
        let rows = [
            vec![cell("#14"), cell("deploying"), cell("Show the tide at every harbour of the coast")],
            vec![
                cell("#9"),
                cell("live"),
                cell("\u{6f6e}\u{6f6e}\u{6f6e}\u{6f6e}\u{6f6e}\u{6f6e}\u{6f6e}\u{6f6e}\u{6f6e}\u{6f6e}"),
            ],
        ];
        let whole = table(&rows, 0);
        assert_eq!(whole, fitting(&rows, 0, Some(200)));
        assert!(whole.contains("harbour of the coast"), "{whole}");
        for room in [60, 40, 34] {
            let text = fitting(&rows, 2, Some(room));
            assert!(text.lines().all(|line| line.width() <= room), "{room}: {text}");
        }
        let text = fitting(&rows, 0, Some(30));
        assert_eq!(
            text,
            "#14  deploying  Show the tide…\n#9   live       \u{6f6e}\u{6f6e}\u{6f6e}\u{6f6e}\u{6f6e}\u{6f6e}…\n"
        );
        // Narrower than anything can be read in: lines are left to the terminal.
        assert!(fitting(&rows, 0, Some(5)).starts_with("#14  deployi…  Show th…\n"));
        assert_eq!(cut("\u{6f6e}\u{6f6e}", 3), "\u{6f6e}…");
    }

    #[test]
    fn a_field_stays_in_its_line_and_steers_nothing() {
        let rows = [vec![cell("a\nb\u{1b}[2Jc\u{202e}\u{9b}d"), cell("e")]];
        assert_eq!(table(&rows, 0), "a bcd  e\n");
    }
}
