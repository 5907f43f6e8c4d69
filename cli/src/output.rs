//! What the program says, and in what colours: only on a terminal, and not with `NO_COLOR`.

use std::{fmt::Write as _, process::ExitCode, sync::OnceLock};

use anstream::{eprintln, println};
use serde::Serialize;

use crate::terminal::{harmless, is_harmful};

/// The status of a run that Ctrl-C ended: 128 and SIGINT's number, as shells count.
pub const INTERRUPTED: u8 = 130;

/// A line on standard output.
pub fn say(text: &str) {
    println!("{text}");
}

/// A line that stands out.
pub fn title(text: &str) {
    println!("\u{1b}[1m{text}\u{1b}[0m");
}

/// A line on standard error, beside what a program may read on standard output.
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// A value as one JSON object on standard output. What a terminal would act upon is escaped, as JSON may have any character.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", escaped(&serde_json::to_string_pretty(value)?));
    Ok(())
}

/// JSON that means the same, with harmless characters alone. Outside of its texts there are line ends and ASCII anyway.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && is_harmful(character) {
            // Those are all within four digits.
            let _ = write!(text, "\\u{:04x}", u32::from(character));
        } else {
            text.push(character);
        }
    }
    text
}

/// The command was called in a way that it does not take: exit status 2, as for arguments that cannot be read.
#[derive(Debug)]
pub struct WrongUsage(pub String);

impl std::fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

/// Whether a program reads what is said: with `--json`.
static FOR_PROGRAMS: OnceLock<bool> = OnceLock::new();

/// Says, once and before anything else, whether a program reads what is said: then an error is an object too.
pub fn for_programs(json: bool) {
    // Whoever was first has said it.
    let _ = FOR_PROGRAMS.set(json);
}

/// An error with its causes on standard error, in a sentence, or with `--json` as one object, `{"error"}`; and the exit status for it: 2 for
/// [`WrongUsage`], 1 for every other. Standard output has nothing of it: what reads an answer there does not meet an error instead.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    if FOR_PROGRAMS.get() == Some(&true) {
        eprintln!("{}", escaped(&serde_json::json!({ "error": format!("{error:#}") }).to_string()));
    } else {
        eprintln!("\u{1b}[1;31merror\u{1b}[0m: {}", harmless(&format!("{error:#}"), false));
    }
    if error.is::<WrongUsage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// Prints what was made, or the error: exit status 0, or 2.
pub fn made(made: anyhow::Result<String>) -> ExitCode {
    match made {
        Ok(text) => {
            say(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            failed(&error);
            ExitCode::from(2)
        }
    }
}

/// Waits for Ctrl-C, for a request to end, or for the terminal to go away.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = signals else { return std::future::pending().await };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::escaped;

    #[test]
    fn json_on_a_terminal_steers_nothing_and_means_the_same() {
        let value = json!({ "a\u{9b}2J": ["\u{1b}]0;title\u{7}", "\u{202e}\u{2069}\u{7f}", "Märchen \u{1f525}\n"] });
        let text = escaped(&serde_json::to_string_pretty(&value).expect("JSON"));
        assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}' || c == '\u{2069}')), "{text:?}");
        assert!(text.contains("Märchen \u{1f525}"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
    }
}
