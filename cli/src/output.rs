//! What the program says, and in what colours: only on a terminal, and not with `NO_COLOR`.

use std::process::ExitCode;

use anstream::{eprintln, println};

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

/// An error with its causes, and the exit status for it.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("\u{1b}[1;31merror\u{1b}[0m: {error:#}");
    ExitCode::FAILURE
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
