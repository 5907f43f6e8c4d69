//! `longshore check`: is the configuration right?

use std::{path::PathBuf, process::ExitCode};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstream::{ColorChoice, eprintln, println};
use longshore_core::config::{Config, Place, Problem, Problems};
use serde_json::json;

use crate::{
    output,
    terminal::{is_harmful, plain},
};

/// The JSON schema of longshore.toml, for editors.
pub const SCHEMA: &str = include_str!("../../docs/longshore.schema.json");

const HELP: &str = "\
An error is what the functions refuse, too: an unknown key, an impossible value, pipelines that wait for each other in a cycle. A warning \
is about rules that never matter: a pattern that another covers, an `after` that never waits, an approval that nobody could give.

For editors: `longshore check --schema > longshore.schema.json`, and `#:schema ./longshore.schema.json` as the first line of longshore.toml.

Exit status: 0 when all is right, or with warnings alone; 1 when something is wrong with the file, or with --strict doubtful; 2 when it \
cannot be read.";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// The file to check.
    #[arg(default_value = "longshore.toml")]
    file: PathBuf,
    /// Print one JSON object instead of text: {"file", "ok", "problems": [{"severity", "line", "column", "message", "help"}]}.
    #[arg(long)]
    json: bool,
    /// Exit with 1 for warnings, too.
    #[arg(long)]
    strict: bool,
    /// Print the JSON schema of longshore.toml, and check nothing.
    #[arg(long, conflicts_with_all = ["file", "json", "strict"])]
    schema: bool,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Error,
    Warning,
}

pub fn run(arguments: &Arguments) -> ExitCode {
    if arguments.schema {
        println!("{}", SCHEMA.trim_end());
        return ExitCode::SUCCESS;
    }
    let file = arguments.file.display().to_string();
    let text = match std::fs::read_to_string(&arguments.file) {
        Ok(text) => text,
        Err(error) => {
            output::failed(&anyhow::anyhow!("{file} cannot be read: {error}"));
            return ExitCode::from(2);
        }
    };
    let (config, severity, problems) = match Config::read(&text) {
        Ok(config) => {
            let warnings = config.warnings(&text);
            (Some(config), Severity::Warning, warnings)
        }
        Err(problems) => (None, Severity::Error, problems),
    };
    let ok = config.is_some() && (!arguments.strict || problems.is_empty());
    if arguments.json {
        if let Err(error) = output::json(&as_json(&file, ok, severity, &problems)) {
            return output::failed(&error);
        }
    } else {
        if !problems.is_empty() {
            eprintln!("{}", report(&plain(&file), &text, severity, &problems));
        }
        if let Some(config) = &config {
            println!("{} is {}", plain(&file), told(config.pipelines().len(), problems.iter().count()));
        }
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `right: 2 pipelines`
fn told(pipelines: usize, warnings: usize) -> String {
    let count = |count: usize, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
    let pipelines = count(pipelines, "pipeline");
    if warnings == 0 {
        format!("right: {pipelines}")
    } else {
        format!("right: {pipelines}, {}", count(warnings, "warning"))
    }
}

/// Every problem with the lines that it is about, as Rust's compiler shows them.
fn report(file: &str, text: &str, severity: Severity, problems: &Problems) -> String {
    let colours = anstream::AutoStream::choice(&std::io::stderr()) != ColorChoice::Never;
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let text = &harmless(text);
    let shown = |(_, problem): &(Place, Problem)| {
        let end = problem.span.end.min(text.len());
        let annotation = AnnotationKind::Primary.span(problem.span.start.min(end)..end);
        let snippet = Snippet::source(text).path(file).annotation(annotation);
        let mut group = Group::with_title(level.clone().primary_title(plain(&problem.message))).element(snippet);
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(plain(help)));
        }
        renderer.render(&[group])
    };
    problems.iter().map(shown).collect::<Vec<_>>().join("\n\n")
}

/// The text without what a terminal would act upon, and with every byte where it was.
fn harmless(text: &str) -> String {
    let harmless = |character| match character {
        '\n' | '\t' => character,
        _ if !is_harmful(character) => character,
        _ => match character.len_utf8() {
            1 => '?',
            2 => '¿',
            _ => char::REPLACEMENT_CHARACTER,
        },
    };
    text.chars().map(harmless).collect()
}

fn as_json(file: &str, ok: bool, severity: Severity, problems: &Problems) -> serde_json::Value {
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let problems = problems.iter().map(|(place, problem)| {
        json!({
            "severity": severity, "line": place.line, "column": place.column,
            "message": problem.message, "help": problem.help,
        })
    });
    json!({ "file": file, "ok": ok, "problems": problems.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_steers_no_terminal_and_its_problems_stay_where_they_are() {
        let text = "[slack]\n\"\u{9b}2J\u{202e}\u{1b}]0;x\u{7}\" = 1\n";
        let problems = Config::read(text).expect_err("no key of ours");
        let shown = report("longshore.toml", text, Severity::Error, &problems);
        let steers = |character: char| is_harmful(character) && !matches!(character, '\n' | '\t');
        assert!(!anstream::adapter::strip_str(&shown).to_string().chars().any(steers), "{shown:?}");
        assert_eq!(harmless(text).len(), text.len());
    }
}
