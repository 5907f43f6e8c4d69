//! What is wrong with a configuration, where, and what would be right.

use std::{fmt, ops::Range};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The bytes of the file that it is about.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

/// A place in the file, both counted from 1; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character of the line.
    pub column: usize,
}

/// Everything that is wrong with a file, in the order of the file, with each problem's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<(Place, Problem)>);

impl Problems {
    pub(super) fn new(text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.span.start);
        Self(problems.into_iter().map(|problem| (place(text, problem.span.start), problem)).collect())
    }

    /// The problems with their places.
    pub fn iter(&self) -> impl Iterator<Item = &(Place, Problem)> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A line for each problem, as compilers write them: `longshore.toml:3:1: message; help`.
    pub fn lines(&self, file: &str) -> String {
        let line = |(place, problem): &(Place, Problem)| {
            let help = problem.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
            format!("{file}:{}:{}: {}{help}", place.line, place.column, problem.message)
        };
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines("longshore.toml"))
    }
}

impl std::error::Error for Problems {}

fn place(text: &str, offset: usize) -> Place {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}
