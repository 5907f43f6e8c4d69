//! The program `longshore`, run as a person would run it.

use std::process::Stdio;

use tokio::process::Command;

use crate::{Local, longshore, within};

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// The exit status; none where a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub printed: String,
    /// Standard error.
    pub noted: String,
}

/// Runs `longshore` with these arguments. The environment is that of someone who works with an account of AWS otherwise.
///
/// # Panics
///
/// When it cannot be run, does not end, or prints something else than text.
pub async fn run(arguments: &[&str]) -> Output {
    let mut command = Command::from(longshore());
    command
        .args(arguments)
        .env("LONGSHORE_TABLE", "another")
        .env("AWS_PROFILE", "another")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = within("longshore ends", command.output()).await.expect("longshore");
    Output {
        status: output.status.code(),
        printed: String::from_utf8(output.stdout).expect("text"),
        noted: String::from_utf8(output.stderr).expect("text"),
    }
}

impl Local {
    /// The option by which `longshore` reads this stack.
    ///
    /// # Panics
    ///
    /// When the directory's path is not UTF-8.
    pub fn option(&self) -> String {
        format!("--local={}", self.directory.join("stack").to_str().expect("a path in UTF-8"))
    }
}
