//! `longshore messages`: every Slack message in every state.

mod page;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use longshore_core::message::catalogue::{self, Sample};
use serde_json::{Value, json};

use crate::{output, terminal::harmless};

#[derive(clap::Args)]
pub struct Arguments {
    /// Write an HTML page that shows them as Slack would; `-` is standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
    /// Print one JSON array of what is sent to Slack instead of text.
    #[arg(long)]
    json: bool,
    /// Show those alone whose name begins so.
    #[arg(value_name = "NAME", default_value = "")]
    name: String,
}

/// Exit status: 0 when there are such messages and they could be written, 1 when not.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut samples = catalogue::all();
    samples.retain(|sample| sample.name.starts_with(&arguments.name));
    if samples.is_empty() {
        let names: Vec<_> = catalogue::all().iter().map(|sample| sample.name).collect();
        anyhow::bail!("no message has a name like that: there are {}", names.join(", "));
    }
    match &arguments.html {
        Some(file) if file.as_os_str() == "-" => output::say(&page::page(&samples)),
        Some(file) => std::fs::write(file, page::page(&samples))
            .with_context(|| format!("{} cannot be written", file.display()))?,
        None if arguments.json => output::json(&samples.iter().map(sent).collect::<Vec<_>>())?,
        None => {
            for sample in &samples {
                output::title(&format!("{}: {}", sample.name, sample.title));
                output::say(&harmless(&sample.text(), false));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What `chat.postMessage` gets for a message and for each of its replies, with the names of the state.
fn sent(sample: &Sample) -> Value {
    let replies: Vec<_> = sample.thread().into_iter().map(|reply| json!({"text": reply.0})).collect();
    json!({"name": sample.name, "title": sample.title, "message": sample.view(), "replies": replies})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_told_with_its_state() {
        let live = catalogue::all().into_iter().find(|sample| sample.name == "live").expect("a live release");
        let sent = sent(&live);
        assert_eq!(sent["message"]["text"], live.view().text);
        assert_eq!(sent["replies"][0]["text"], live.thread()[0].0);
        assert_eq!((&sent["name"], &sent["title"]), (&json!("live"), &json!(live.title)));
    }

    #[test]
    fn a_name_that_nothing_has_is_an_error_that_names_all() {
        let arguments = Arguments { html: None, json: true, name: "nothing".into() };
        let error = run(&arguments).expect_err("nothing is called so").to_string();
        assert!(error.contains("queued") && error.contains("hostile"), "{error}");
    }

    #[test]
    fn a_page_that_cannot_be_written_is_an_error_that_names_it() {
        let file = std::path::Path::new("/dev/null/page.html");
        let arguments = Arguments { html: Some(file.into()), json: false, name: "live".into() };
        let error = run(&arguments).expect_err("no such folder").to_string();
        assert_eq!(error, "/dev/null/page.html cannot be written");
    }
}
