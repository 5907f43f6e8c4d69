//! Logs that are not of builds, behind the one endpoint that CloudWatch Logs has in a stack.

use std::future::Future;

use crate::{
    log_events::Stamped,
    log_lines::{LONGEST, Line, whole_characters},
};

/// Whoever has logs in groups outside of `/aws/codebuild/`. `()` has none.
pub trait LogSource: Send + Sync + 'static {
    /// A stream as it is now.
    fn read(&self, group: &str, stream: &str) -> impl Future<Output = Found> + Send;
}

/// What there is under the name of a group and of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No such group.
    NoGroup,
    /// The group has no such stream.
    NoStream,
    /// The stream's lines without their line breaks, oldest first, each with the milliseconds since 1970 at which it was
    /// written. A stream only grows at its end.
    Lines(Vec<(i64, String)>),
}

impl LogSource for () {
    async fn read(&self, _group: &str, _stream: &str) -> Found {
        Found::NoGroup
    }
}

/// The events of a stream, each at its place. CloudWatch Logs takes no empty ones, and none above its limit.
pub(crate) fn lines_of(lines: Vec<(i64, String)>) -> Vec<Stamped> {
    let (mut cut, mut start) = (Vec::new(), 0);
    for (at, line) in lines {
        let mut rest = line.into_bytes();
        while !rest.is_empty() {
            let length = if rest.len() > LONGEST { whole_characters(&rest[..LONGEST]) } else { rest.len() };
            let tail = rest.split_off(length);
            let end = start + length as u64;
            cut.push(Stamped { line: Line { start, end, text: rest }, at, ingested: at });
            (start, rest) = (end, tail);
        }
    }
    cut
}
