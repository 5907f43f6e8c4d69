//! Rows of text with their columns below each other.

use std::fmt::Write as _;

use crate::terminal::plain;

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

/// The rows as lines, with `indent` spaces before each; no line ends in spaces.
pub fn table(rows: &[Vec<Cell>], indent: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(width_of).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let last = row.iter().rposition(|cell| !cell.text.is_empty());
        let mut line = " ".repeat(indent);
        for (at, cell) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            line += &cell.colour.of(&cell.text);
            if Some(at) != last {
                line += &" ".repeat(widths[at] - width_of(cell) + 2);
            }
        }
        let _ = writeln!(text, "{line}");
    }
    text
}

fn width_of(cell: &Cell) -> usize {
    cell.text.chars().count()
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
    fn a_field_stays_in_its_line_and_steers_nothing() {
        let rows = [vec![cell("a\nb\u{1b}[2Jc\u{202e}\u{9b}d"), cell("e")]];
        assert_eq!(table(&rows, 0), "a bcd  e\n");
    }
}
