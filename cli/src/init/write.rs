//! Files are written whole or not at all, and none is overwritten unasked.

use std::{fmt::Write as _, io::Write as _, path::Path};

use anyhow::{Context, bail};

use super::ask::Prompts;
use crate::{output::note, table::Colour, terminal::plain};

/// How many lines of a difference are shown.
const SHOWN: usize = 12;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Written,
    /// It took the place of another.
    Replaced,
    /// It took the place of what this program, or the checkout, had put there itself.
    Filled,
    /// It was there, the same.
    Unchanged,
    /// Another is there, which somebody wanted to keep.
    Kept,
}

/// A file to be written.
pub struct Planned {
    pub name: &'static str,
    pub text: String,
    /// What nobody would miss: the checkout's example, or what was written before the URLs were known.
    pub ours: String,
}

/// Writes files into a directory. One that is there and differs is replaced with `force`, or where somebody says so; where nobody can be
/// asked, that is an error, and nothing is written.
pub fn all(
    directory: &Path,
    planned: Vec<Planned>,
    force: bool,
    prompts: &mut Prompts,
) -> anyhow::Result<Vec<(&'static str, Outcome)>> {
    let mut decided = Vec::new();
    let mut refused = Vec::new();
    for Planned { name, text, ours } in planned {
        let outcome = match super::read_if_there(&directory.join(name))? {
            None => Outcome::Written,
            Some(there) if there == text => Outcome::Unchanged,
            Some(there) if there == ours => Outcome::Filled,
            Some(_) if force => Outcome::Replaced,
            Some(there) => {
                note(&format!("{name} is there, and differs:\n{}", difference(&there, &text)));
                if !prompts.asks() {
                    refused.push(name);
                }
                if prompts.confirm(&format!("Replace {name}?"))? { Outcome::Replaced } else { Outcome::Kept }
            }
        };
        decided.push((name, text, outcome));
    }
    if !refused.is_empty() {
        bail!("nothing was written: {} would be overwritten; --force does that", refused.join(", "));
    }
    // From here on nobody is asked, so that Ctrl-C leaves each file as it was or as it is to be.
    for (name, text, outcome) in &decided {
        match outcome {
            Outcome::Written | Outcome::Replaced | Outcome::Filled => put(directory, name, text)?,
            Outcome::Unchanged | Outcome::Kept => {}
        }
    }
    Ok(decided.into_iter().map(|(name, _, outcome)| (name, outcome)).collect())
}

fn put(directory: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = directory.join(name);
    let wrong = || format!("{} cannot be written", path.display());
    let mut file = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(directory)
        .with_context(wrong)?;
    file.write_all(text.as_bytes()).with_context(wrong)?;
    file.as_file().sync_all().with_context(wrong)?;
    file.persist(&path).with_context(wrong)?;
    Ok(())
}

/// The lines that go and those that come, without those that stay at the beginning and the end.
fn difference(there: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (there.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[same..], &new[same..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    let mut text = String::new();
    for (sign, colour, lines) in [("-", Colour::Bad, old), ("+", Colour::Good, new)] {
        for line in lines.iter().take(SHOWN) {
            let _ = writeln!(text, "  {}", colour.of(&format!("{sign} {}", plain(line))));
        }
        if lines.len() > SHOWN {
            let _ = writeln!(text, "  {sign} and {} more lines", lines.len() - SHOWN);
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(text: &str) -> Vec<Planned> {
        let file = |name, text: &str| Planned { name, text: text.to_owned(), ours: "example\n".to_owned() };
        vec![file("a.toml", text), file("b.toml", "b\n")]
    }

    #[test]
    fn an_example_that_nobody_changed_is_filled_in() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        std::fs::write(path.join("a.toml"), "example\n").expect("a file");
        let done = all(path, planned("a\n"), false, &mut Prompts::silent()).expect("written");
        assert_eq!(done, [("a.toml", Outcome::Filled), ("b.toml", Outcome::Written)]);
    }

    #[test]
    fn nothing_is_overwritten_unasked_and_then_nothing_is_written_at_all() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        std::fs::write(path.join("a.toml"), "mine\n").expect("a file");
        let error = all(path, planned("a\n"), false, &mut Prompts::silent()).expect_err("a refusal");
        assert_eq!(error.to_string(), "nothing was written: a.toml would be overwritten; --force does that");
        assert!(!path.join("b.toml").exists());
        let done = all(path, planned("a\n"), true, &mut Prompts::silent()).expect("written");
        assert_eq!(done, [("a.toml", Outcome::Replaced), ("b.toml", Outcome::Written)]);
        let done = all(path, planned("a\n"), false, &mut Prompts::silent()).expect("the same");
        assert_eq!(done, [("a.toml", Outcome::Unchanged), ("b.toml", Outcome::Unchanged)]);
        assert_eq!(std::fs::read_dir(path).expect("a directory").count(), 2, "nothing is left behind");
    }

    #[test]
    fn who_is_asked_decides_for_each_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        for name in ["a.toml", "b.toml"] {
            std::fs::write(path.join(name), "mine\n").expect("a file");
        }
        let done = all(path, planned("a\n"), false, &mut Prompts::answering("y\n\n")).expect("an outcome");
        assert_eq!(done, [("a.toml", Outcome::Replaced), ("b.toml", Outcome::Kept)]);
        assert_eq!(std::fs::read_to_string(path.join("a.toml")).expect("a file"), "a\n");
        assert_eq!(std::fs::read_to_string(path.join("b.toml")).expect("a file"), "mine\n");
        // Who goes away is taken at no word.
        let error = all(path, planned("c\n"), false, &mut Prompts::answering("y\n")).expect_err("no answer");
        assert!(error.to_string().contains("nothing was written"), "{error}");
        assert_eq!(std::fs::read_to_string(path.join("a.toml")).expect("a file"), "a\n");
    }

    #[test]
    fn a_difference_shows_what_goes_and_what_comes() {
        let text = difference("a\nb\nc\n", "a\nx\ny\nc\n");
        assert_eq!(anstream::adapter::strip_str(&text).to_string(), "  - b\n  + x\n  + y");
    }
}
