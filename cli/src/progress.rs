//! What is shown while something takes time: a line on standard error that moves, where that is a terminal, and nothing anywhere else.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal::plain;

/// How often it moves.
const PACE: Duration = Duration::from_millis(120);

/// A line that moves until this is dropped, which takes it away.
pub struct Progress(ProgressBar);

impl Progress {
    /// Begins one, with what is being done: text from wherever, which is made harmless.
    pub fn of(text: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        // Without a template of ours it has one of its own, which does as well.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(plain(text));
        if !bar.is_hidden() {
            bar.enable_steady_tick(PACE);
        }
        Self(bar)
    }

    /// One that is never shown.
    pub fn none() -> Self {
        Self(ProgressBar::hidden())
    }

    /// Says what is being done now.
    pub fn tell(&self, text: &str) {
        self.0.set_message(plain(text));
    }

    /// Prints something above it.
    pub fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
