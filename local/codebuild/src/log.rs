//! A build's log: a file that grows while the build runs, when each part of it was written, and the page that shows it.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path as FilePath, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::watch,
};
use tokio_util::io::ReaderStream;

use crate::{CodeBuild, lock};

/// The log of one build. Writing never fails the build: what cannot be written is lost.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: Mutex<Option<Tail>>,
    marks: Mutex<Vec<Mark>>,
    progress: watch::Sender<Progress>,
}

#[derive(Debug)]
struct Tail {
    file: File,
    /// Whether the file ends with a line break.
    line_ended: bool,
}

/// What was written at one moment.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// The log's length afterwards.
    end: u64,
    at: Timestamp,
}

/// How far the log is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    /// Whether there is a log: a build that never ran has none.
    pub(crate) opened: bool,
    /// Its length in bytes.
    pub(crate) written: u64,
    /// Whether nothing will be written any more.
    pub(crate) ended: bool,
}

impl Log {
    /// A log that is still closed, so that a build which never ran has an empty one.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, file: Mutex::default(), marks: Mutex::default(), progress: watch::Sender::default() }
    }

    pub(crate) fn open(&self) -> io::Result<()> {
        let file = File::create(&self.path)?;
        *lock(&self.file) = Some(Tail { file, line_ended: true });
        self.progress.send_modify(|progress| progress.opened = true);
        Ok(())
    }

    pub(crate) fn path(&self) -> &FilePath {
        &self.path
    }

    /// How far it is now.
    pub(crate) fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// When the byte at this place was written; for one that was not written yet, now.
    pub(crate) fn written_at(&self, place: u64) -> Timestamp {
        let marks = lock(&self.marks);
        let mark = marks.get(marks.partition_point(|mark| mark.end <= place));
        mark.map_or_else(Timestamp::now, |mark| mark.at)
    }

    /// Output of a command, as it came.
    pub(crate) fn append(&self, bytes: &[u8]) {
        self.write(bytes, false);
    }

    /// A line of the stand-in's own, as `CodeBuild` prefixes it.
    pub(crate) fn say(&self, message: impl AsRef<str>) {
        let time = Timestamp::now().strftime("%Y/%m/%d %H:%M:%S%.6f");
        self.write(format!("[Container] {time} {}\n", message.as_ref()).as_bytes(), true);
    }

    /// Nothing is written any more.
    pub(crate) fn close(&self) {
        *lock(&self.file) = None;
        self.progress.send_modify(|progress| progress.ended = true);
    }

    fn write(&self, bytes: &[u8], own_line: bool) {
        let mut tail = lock(&self.file);
        let (Some(tail), Some(last)) = (tail.as_mut(), bytes.last()) else { return };
        let break_first = own_line && !tail.line_ended;
        let written =
            tail.file.write_all(if break_first { b"\n" } else { b"" }).and_then(|()| tail.file.write_all(bytes));
        if let Err(error) = written {
            tracing::warn!(path = %self.path.display(), %error, "the build's log cannot be written");
        }
        tail.line_ended = *last == b'\n';
        let length = (bytes.len() + usize::from(break_first)) as u64;
        let end = self.progress.borrow().written + length;
        lock(&self.marks).push(Mark { end, at: Timestamp::now() });
        self.progress.send_modify(|progress| progress.written = end);
    }

    /// Copies the log to `out` until it ends, or, unless `follow`, until what it has now.
    async fn copy(&self, follow: bool, mut out: impl tokio::io::AsyncWrite + Unpin) -> io::Result<()> {
        let mut progress = self.progress.subscribe();
        let (mut file, mut copied) = (None, 0_u64);
        loop {
            let seen = *progress.borrow_and_update();
            if seen.written > copied {
                let file = match &mut file {
                    Some(file) => file,
                    none => none.insert(tokio::fs::File::open(&self.path).await?),
                };
                copied += tokio::io::copy(&mut file.take(seen.written - copied), &mut out).await?;
                out.flush().await?;
            }
            if seen.ended || !follow || progress.changed().await.is_err() {
                return Ok(());
            }
        }
    }
}

/// `GET /builds/{project}/{uuid}/log`.
pub(crate) async fn serve(
    State(service): State<Arc<CodeBuild>>,
    Path((project, uuid)): Path<(String, String)>,
    Query(query): Query<std::collections::HashMap<String, String>>,
) -> Response {
    let Some(build) = service.store().build(&format!("{project}:{uuid}")) else {
        return (StatusCode::NOT_FOUND, "no such build\n").into_response();
    };
    let follow = query.get("follow").is_some_and(|value| value == "1");
    let (reader, writer) = tokio::io::duplex(16 * 1024);
    tokio::spawn(async move {
        // An error here is a reader that went away.
        let _ = build.log.copy(follow, writer).await;
    });
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(ReaderStream::new(reader)))
        .into_response()
}
