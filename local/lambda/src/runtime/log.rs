//! What a function writes: a file per function, and the last lines of each instance for a message when it fails.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// How many lines a failure shows.
const TAIL: usize = 20;

/// The log file of a function.
pub(super) struct Log {
    function: String,
    file: Mutex<File>,
}

impl Log {
    pub fn open(directory: &Path, function: &str) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(directory.join(format!("{function}.log")))?;
        Ok(Self { function: function.to_owned(), file: Mutex::new(file) })
    }

    /// Adds a line, whole.
    pub fn line(&self, line: &str) {
        tracing::debug!(target: "function", function = self.function, "{line}");
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            tracing::warn!(function = self.function, %error, "the function's log cannot be written");
        }
    }
}

/// The last lines of one instance.
#[derive(Default)]
pub(super) struct Tail(Mutex<VecDeque<String>>);

impl Tail {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines, indented for a message.
    pub fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().flat_map(|line| ["\n  ", line]).collect()
    }
}

/// Copies what comes, line by line, until the end.
pub(super) async fn copy(from: impl AsyncRead + Unpin, log: &Log, tail: &Tail) {
    let mut reader = BufReader::new(from);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).await.is_ok_and(|count| count > 0) {
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches(['\r', '\n']);
        log.line(line);
        tail.push(line.to_owned());
        bytes.clear();
    }
}
