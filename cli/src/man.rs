//! `longshore man`: the manual, one page for each command.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::output::WrongUsage;

const EXAMPLE: &str = "\
Examples:
  longshore man | man -l -                     the program's page
  longshore man rollback | man -l -            a command's
  longshore man --directory ~/.local/share/man/man1

Exit status: 0 when it was written, 2 when there is no such command.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The command; without one, the page of the program, which lists them all.
    #[arg(value_name = "COMMAND", conflicts_with = "directory")]
    command: Vec<String>,
    /// Write a page for the program and for each command into this directory, which is made if it is not there.
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    directory: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let program = crate::Arguments::command();
    if let Some(directory) = &arguments.directory {
        let written = std::fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(program, directory));
        written.with_context(|| format!("the pages cannot be written to {}", directory.display()))?;
    } else {
        std::io::stdout().write_all(&page(program, &arguments.command)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The page of the program, or of the command of these words.
fn page(mut program: clap::Command, words: &[String]) -> anyhow::Result<Vec<u8>> {
    // Names each command by its whole name.
    program.build();
    let mut command = &program;
    for word in words {
        let found = command.find_subcommand(word);
        command = found.ok_or_else(|| WrongUsage(format!("there is no command {}", words.join(" "))))?;
    }
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_with_its_examples() {
        let text = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            page(crate::Arguments::command(), &words).map(|page| String::from_utf8(page).expect("text"))
        };
        let whole = text(&[]).expect("a page");
        assert!(whole.contains(".TH longshore 1") && whole.contains("longshore\\-rollback(1)"), "{whole}");
        let rollback = text(&["rollback"]).expect("a page");
        assert!(rollback.contains("longshore rollback web production"), "{rollback}");
        assert!(text(&["secrets", "rotate"]).is_ok());
        assert!(text(&["no-such-command"]).is_err());
    }

    #[test]
    fn the_pages_are_written_into_a_directory_and_the_hidden_command_has_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let arguments = Arguments { command: Vec::new(), directory: Some(directory.path().join("man1")) };
        run(&arguments).expect("pages");
        let pages = std::fs::read_dir(directory.path().join("man1")).expect("pages").flatten();
        let names: Vec<String> = pages.map(|page| page.file_name().to_string_lossy().into_owned()).collect();
        for wanted in ["longshore.1", "longshore-rollback.1", "longshore-secrets-rotate.1"] {
            assert!(names.iter().any(|name| name == wanted), "{wanted}: {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("hook")), "{names:?}");
    }
}
