//! From nothing to a first deployment: `longshore init`, `longshore check` and `longshore doctor`, as they are run.

mod account;
mod check;
mod doctor;
mod init;
mod stand_in;

use std::{path::Path, process::Output};

use longshore_tests::program;
use tokio::process::Command;

/// The program, in a directory, without anything of this machine's settings.
fn longshore(directory: &Path) -> Command {
    let mut command = Command::new(program("longshore"));
    command.current_dir(directory).env_clear().kill_on_drop(true).stdin(std::process::Stdio::null());
    command.env("HOME", directory).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// What it said, on both its outputs.
fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// Runs it with these arguments.
async fn run(directory: &Path, arguments: &[&str]) -> Output {
    longshore(directory).args(arguments).output().await.expect("longshore")
}
