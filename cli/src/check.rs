//! `longshore check`: is the configuration right?

use std::{path::PathBuf, process::ExitCode};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstream::{ColorChoice, eprintln, println};
use longshore_core::config::{Config, Problems};
use serde_json::json;

use crate::output;

#[derive(clap::Args)]
pub struct Arguments {
    /// The file to check.
    #[arg(default_value = "longshore.toml")]
    file: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Exit status: 0 when all is right, 1 when something is wrong with the file, 2 when it cannot be read.
pub fn run(arguments: &Arguments) -> ExitCode {
    let file = arguments.file.display().to_string();
    let text = match std::fs::read_to_string(&arguments.file) {
        Ok(text) => text,
        Err(error) => {
            output::failed(&anyhow::anyhow!("{file} cannot be read: {error}"));
            return ExitCode::from(2);
        }
    };
    let read = Config::read(&text);
    if arguments.json {
        println!("{}", as_json(&file, &read));
    } else {
        match &read {
            Ok(config) => {
                let count = config.pipelines().len();
                let pipelines = if count == 1 { "1 pipeline".to_owned() } else { format!("{count} pipelines") };
                println!("{file} is right: {pipelines}");
            }
            Err(problems) => eprintln!("{}", report(&file, &text, problems)),
        }
    }
    if read.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every problem with the lines that it is about, as Rust's compiler shows them.
fn report(file: &str, text: &str, problems: &Problems) -> String {
    let colours = anstream::AutoStream::choice(&std::io::stderr()) != ColorChoice::Never;
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    let shown = |(_, problem): &(_, longshore_core::config::Problem)| {
        let end = problem.span.end.min(text.len());
        let annotation = AnnotationKind::Primary.span(problem.span.start.min(end)..end);
        let snippet = Snippet::source(text).path(file).annotation(annotation);
        let mut group = Group::with_title(Level::ERROR.primary_title(problem.message.as_str())).element(snippet);
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    };
    problems.iter().map(shown).collect::<Vec<_>>().join("\n\n")
}

fn as_json(file: &str, read: &Result<Config, Problems>) -> serde_json::Value {
    let problems = read.as_ref().err().into_iter().flat_map(Problems::iter);
    let problems = problems.map(|(place, problem)| {
        json!({
            "line": place.line, "column": place.column, "message": problem.message, "help": problem.help,
        })
    });
    json!({ "file": file, "ok": read.is_ok(), "problems": problems.collect::<Vec<_>>() })
}
