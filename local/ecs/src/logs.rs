//! What containers wrote: from the engine while they are there, from files afterwards.
//!
//! A container whose log driver is `awslogs` has the stream `<awslogs-stream-prefix>/<container>/<task id>` in the group
//! `awslogs-group`, from its start on; without a prefix the stream is called after the container's id. Both stay when ECS has
//! forgotten the task. A group is there once a stream is in it, whether or not `awslogs-create-group` is set.
//! Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html>.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    ecs::Inner,
    launch::steps,
    model::{State, Task},
};

/// A line and when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written.
    pub at: Timestamp,
    /// The line, without its line break.
    pub text: String,
}

/// What CloudWatch Logs would have under the names of a group and of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogStream {
    /// No container of this stack has written to the group.
    NoGroup,
    /// The group has no such stream.
    NoStream,
    /// What the container wrote until now, oldest first.
    Lines(Vec<Line>),
}

/// Whose log it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub task: String,
    pub container: String,
    /// The container's name in the engine.
    pub engine_name: String,
}

/// The group and the stream of a container, where its log driver is `awslogs`.
pub(crate) fn names(task: &Task, container: &str, runtime: &str) -> Option<(String, String)> {
    let mut containers = task.definition["containerDefinitions"].as_array()?.iter();
    let configuration = &containers.find(|definition| definition["name"] == container)?["logConfiguration"];
    if configuration["logDriver"] != "awslogs" {
        return None;
    }
    let options = &configuration["options"];
    let stream = match options["awslogs-stream-prefix"].as_str() {
        Some(prefix) => format!("{prefix}/{container}/{}", task.id),
        None => runtime.to_owned(),
    };
    Some((options["awslogs-group"].as_str()?.to_owned(), stream))
}

/// Why the `awslogs` driver of a container would not start: the options that it lacks.
pub(crate) fn lacking(container: &Value, fargate: bool) -> Vec<&'static str> {
    let configuration = &container["logConfiguration"];
    if configuration["logDriver"] != "awslogs" {
        return Vec::new();
    }
    let needed: &[&str] =
        if fargate { &["awslogs-group", "awslogs-region", "awslogs-stream-prefix"] } else { &["awslogs-group"] };
    let given = |name: &str| configuration["options"][name].as_str().is_some_and(|value| !value.is_empty());
    needed.iter().filter(|name| !given(name)).copied().collect()
}

impl Inner {
    /// A stream of CloudWatch Logs.
    pub async fn log_stream(&self, group: &str, stream: &str) -> LogStream {
        let source = {
            let state = self.state();
            match state.streams.get(&(group.to_owned(), stream.to_owned())) {
                Some(source) => source.clone(),
                None if state.streams.keys().any(|(known, _)| known == group) => return LogStream::NoStream,
                None => return LogStream::NoGroup,
            }
        };
        LogStream::Lines(self.lines(&source).await)
    }

    /// What a container wrote: what was kept of it, else what the engine has.
    async fn lines(&self, source: &Source) -> Vec<Line> {
        if let Some(kept) = self.kept(source).await {
            return kept;
        }
        let written = self.engine.logs(&source.engine_name).await;
        if !written.is_empty() {
            return written;
        }
        // It may have been kept and removed meanwhile.
        self.kept(source).await.unwrap_or_default()
    }

    async fn kept(&self, source: &Source) -> Option<Vec<Line>> {
        let text = tokio::fs::read_to_string(self.log_file(source)).await.ok()?;
        Some(text.lines().filter_map(parse).collect())
    }

    fn log_file(&self, source: &Source) -> PathBuf {
        self.settings.directory.join("tasks").join(&source.task).join(format!("{}.log", source.container))
    }

    /// Writes down what a task's containers wrote, before they are removed.
    pub async fn keep_logs(&self, sources: &[Source]) {
        for source in sources {
            let mut text = String::new();
            for line in self.engine.logs(&source.engine_name).await {
                let _ = writeln!(text, "{} {}", line.at, line.text);
            }
            let written = write_whole(&self.log_file(source), &text).await;
            if let Err(error) = written {
                tracing::warn!(%error, "cannot keep the log of a container");
            }
        }
    }

    /// What a task's containers wrote; each line with its container's name where there are several.
    pub async fn task_log(&self, sources: &[Source]) -> String {
        let mut all = String::new();
        for source in sources {
            for line in self.lines(source).await {
                if sources.len() > 1 {
                    all.push_str(&source.container);
                    all.push_str(" | ");
                }
                all.push_str(&line.text);
                all.push('\n');
            }
        }
        all
    }
}

/// Writes a file so that a reader finds all of it or none.
async fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        tokio::fs::create_dir_all(directory).await?;
    }
    let draft = path.with_extension("new");
    tokio::fs::write(&draft, text).await?;
    tokio::fs::rename(&draft, path).await
}

impl State {
    /// A container has started: from now on its stream is there.
    pub fn begin_stream(&mut self, task: &str, container: &str, runtime: &str, engine_name: &str) {
        let Some(name) = self.tasks.get(task).and_then(|task| names(task, container, runtime)) else { return };
        let source =
            Source { task: task.to_owned(), container: container.to_owned(), engine_name: engine_name.to_owned() };
        self.streams.insert(name, source);
    }
}

/// A task's containers, in the order of their starts.
pub(crate) fn sources(task: &Task, label: &str) -> Vec<Source> {
    let source = |step: crate::launch::Step| Source {
        task: task.id.clone(),
        container: step.name,
        engine_name: step.launch.name,
    };
    steps(task, label).unwrap_or_default().into_iter().map(source).collect()
}

/// A kept line: its time, a space, its text.
fn parse(line: &str) -> Option<Line> {
    let (at, text) = line.split_once(' ')?;
    Some(Line { at: at.parse().ok()?, text: text.to_owned() })
}

/// The lines of one output of a container, from what the engine prints with and without times. Where a program writes a line
/// in pieces, the engine puts a time before each piece: so only the time at a line's beginning is believed, and the text is
/// taken from where there are none. A last line that is not ended yet comes when it is.
pub(crate) fn timed(with_times: &str, plain: &str, ended: bool) -> Vec<Line> {
    let times = with_times.split_inclusive('\n');
    let texts = plain.split_inclusive('\n').filter(|text| ended || text.ends_with('\n'));
    let line = |(time, text): (&str, &str)| {
        let at = time.split_once(' ').and_then(|(at, _)| at.parse().ok())?;
        Some(Line { at, text: text.trim_end_matches(['\n', '\r']).to_owned() })
    };
    times.zip(texts).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_written_in_pieces_has_the_time_of_its_first() {
        let times =
            "2026-11-21T19:27:50.3Z one\n2026-11-21T19:27:51.1Z un2026-11-21T19:27:52Z fin\n2026-11-21T19:27:53Z \n";
        let lines = timed(times, "one\nunfin\n\nlast", false);
        assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["one", "unfin", ""]);
        assert_eq!(lines[1].at.to_string(), "2026-11-21T19:27:51.1Z");
        let rest = timed("2026-11-21T19:27:53Z last", "last", true);
        assert_eq!(rest[0].text, "last");
        assert_eq!(timed("2026-11-21T19:27:53Z last", "last", false), []);
        assert_eq!(parse("2026-11-21T19:27:53Z a b"), Some(Line { text: "a b".into(), at: rest[0].at }));
    }

    #[test]
    fn what_the_driver_needs_depends_on_where_it_runs() {
        let container =
            |options: Value| serde_json::json!({ "logConfiguration": { "logDriver": "awslogs", "options": options } });
        let bare = container(serde_json::json!({ "awslogs-group": "/ecs/web" }));
        assert_eq!(lacking(&bare, false), [""; 0]);
        assert_eq!(lacking(&bare, true), ["awslogs-region", "awslogs-stream-prefix"]);
        assert_eq!(lacking(&container(Value::Null), false), ["awslogs-group"]);
        assert_eq!(lacking(&serde_json::json!({ "logConfiguration": { "logDriver": "splunk" } }), true), [""; 0]);
    }
}
