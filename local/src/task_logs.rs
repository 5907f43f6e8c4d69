//! The logs of tasks at the endpoint of CloudWatch Logs, which the CodeBuild stand-in serves.

use std::sync::Arc;

use local_codebuild::{Found, LogSource};
use local_ecs::{Ecs, LogStream};

/// What containers with the log driver `awslogs` wrote.
pub(crate) struct TaskLogs(pub(crate) Arc<Ecs>);

impl LogSource for TaskLogs {
    async fn read(&self, group: &str, stream: &str) -> Found {
        match self.0.log_stream(group, stream).await {
            LogStream::NoGroup => Found::NoGroup,
            LogStream::NoStream => Found::NoStream,
            LogStream::Lines(lines) => {
                Found::Lines(lines.into_iter().map(|line| (line.at.as_millisecond(), line.text)).collect())
            }
        }
    }
}
