//! The files of this repository, as the comparisons read them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use longshore_tests::workspace;

/// A file's text.
pub(crate) fn text(path: &str) -> String {
    let path = workspace().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A source file, without the tests within it.
pub(crate) struct Source {
    /// From the folder that was asked for: `aws/topic.rs`.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// The Rust sources below a folder that become part of a program.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let root = workspace().join(folder);
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(!found.is_empty(), "{folder} has no sources");
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "tests" {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).expect("text");
            let path = path.strip_prefix(root).expect("below its root").to_owned();
            found.push(Source { path, text: product(&text).to_owned() });
        }
    }
}

/// What comes before the tests of a file.
fn product(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

/// The string literals of a text, without those that hold an escape.
pub(crate) fn literals(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).filter(|literal| !literal.contains('\\'))
}

/// The arguments of calls that have one argument, a string: `required("LONGSHORE_TABLE")`.
pub(crate) fn only_arguments(text: &str) -> impl Iterator<Item = &str> {
    text.split("(\"").skip(1).filter_map(|rest| rest.split_once("\")").map(|(argument, _)| argument)).filter(
        |argument| argument.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'),
    )
}

/// The first cells of the rows of the table under the heading line that begins so, each as it is written.
pub(crate) fn table<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let mut lines = page.lines().map(str::trim).skip_while(|line| !line.starts_with(heading));
    assert!(lines.next().is_some(), "the page has no table {heading:?}");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| row.trim_start_matches('|').split('|').next()).map(str::trim).collect()
}

/// What stands in backticks.
pub(crate) fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn tests_are_no_part_of_a_source_and_comments_have_no_literals() {
    assert_eq!(product("a\n#[cfg(test)]\nmod tests {\nb"), "a");
    assert_eq!(literals("f(\"one\", \"t\\n\")\n// \"two\"\ng(\"three\")").collect::<Vec<_>>(), ["one", "three"]);
    let text = "required(\"A_1\"); (\"B\".to_owned(), x); optional(\"C\"); f(\"no\")";
    assert_eq!(only_arguments(text).collect::<Vec<_>>(), ["A_1", "C"]);
    let page = "x\n| variable | what |\n| --- | --- |\n| `A`, `B` | y |\n| `C` | z |\n\n| `D` | no |";
    let cells = table(page, "| variable |");
    assert_eq!(cells.iter().flat_map(|cell| code(cell)).collect::<Vec<_>>(), ["A", "B", "C"]);
}
