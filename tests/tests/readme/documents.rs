//! The commands of the documents.

use std::{fmt, fs, path::PathBuf};

use longshore_tests::workspace;

/// A command as a document has it, without its remark.
#[derive(Debug)]
pub struct Documented {
    /// The file and the line.
    pub place: String,
    /// All of it: lines that go on are one.
    pub text: String,
}

impl fmt::Display for Documented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// A fenced part of a document.
struct Fenced {
    place: String,
    language: String,
    lines: Vec<String>,
}

fn files() -> Vec<PathBuf> {
    let pages = fs::read_dir(workspace().join("docs")).expect("docs").flatten().map(|page| page.path());
    let mut files: Vec<PathBuf> = pages.filter(|page| page.extension().is_some_and(|kind| kind == "md")).collect();
    files.push(workspace().join("README.md"));
    files.sort();
    files
}

fn fenced() -> Vec<Fenced> {
    let mut found: Vec<Fenced> = Vec::new();
    for file in files() {
        let text = fs::read_to_string(&file).expect("a document");
        let name = file.strip_prefix(workspace()).expect("a file of ours").display().to_string();
        let mut open: Option<Fenced> = None;
        for (number, line) in text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(_), Some(_)) => found.extend(open.take()),
                (Some(language), None) => {
                    let (place, language) = (format!("{name}:{}", number + 2), language.trim().to_owned());
                    open = Some(Fenced { place, language, lines: Vec::new() });
                }
                (None, Some(open)) => open.lines.push(line.trim().to_owned()),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{name}: a fence is not closed");
    }
    found
}

/// The blocks of `sh`, each whole, with their places.
pub fn blocks() -> Vec<(String, String)> {
    let is_shell = |one: &Fenced| one.language == "sh";
    fenced().into_iter().filter(is_shell).map(|one| (one.place, one.lines.join("\n"))).collect()
}

/// Every command of the blocks of `sh`, and of what shows what commands print.
pub fn documented() -> Vec<Documented> {
    let mut found = Vec::new();
    for Fenced { place, language, lines } in fenced() {
        let lines: Vec<&str> = match language.as_str() {
            "sh" => lines.iter().map(String::as_str).collect(),
            "" => lines.iter().filter_map(|line| line.strip_prefix("$ ")).collect(),
            _ => continue,
        };
        let mut text = String::new();
        for line in lines {
            let line = without_remark(line);
            if line.is_empty() {
                continue;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            match line.strip_suffix('\\') {
                Some(begun) => text += begun.trim_end(),
                None => text += line,
            }
            if !line.ends_with(['\\', '|']) {
                found.push(Documented { place: place.clone(), text: std::mem::take(&mut text) });
            }
        }
        assert!(text.is_empty(), "{place}: the last command goes on");
    }
    found
}

/// A line without the remark at its end, which has white space before it.
fn without_remark(line: &str) -> &str {
    match line.find(" # ") {
        _ if line.starts_with('#') => "",
        Some(remark) => line[..remark].trim_end(),
        None => line.trim_end(),
    }
}
