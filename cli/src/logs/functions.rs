//! What the functions logged about a release: every line of theirs names it. On AWS from CloudWatch Logs, of a local stack from its files.

use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::{Context, anyhow};
use longshore_aws::clients::told;
use longshore_core::release::Release;
use tokio::time::sleep;

use super::Part;
use crate::{account::Account, output::say, progress::Progress, terminal::harmless};

/// The functions, as their log groups and, with a capital letter, the local stack's files are called.
const FUNCTIONS: [&str; 3] = ["trigger", "notify", "deploy"];
/// Between two looks.
const PACE: Duration = Duration::from_secs(2);
/// How many pages of a log group are read at once: each has up to 10,000 events, and some have none.
const PAGES: usize = 100;

/// What there is now.
pub async fn read(account: &Account, release: &Release, stack: Option<&str>) -> anyhow::Result<Vec<Part>> {
    Source::of(account, stack)?.parts(release).await
}

/// Prints what there is, and what comes until nothing more will be heard of the release.
pub async fn follow(account: &Account, release: &Release, stack: Option<&str>) -> anyhow::Result<()> {
    let source = Source::of(account, stack)?;
    let (mut shown, progress) = (BTreeSet::new(), Progress::of("waiting for the release to end"));
    loop {
        // Before its logs: once it is over, nothing more is written.
        let found = account.store.release(&release.id).await?;
        for Part { source, lines } in source.parts(release).await? {
            for line in lines {
                let line = format!("{source}  {}", harmless(&line, false).trim_end());
                if shown.insert(line.clone()) {
                    progress.above(|| say(&line));
                }
            }
        }
        if found.as_ref().is_none_or(Release::is_closed) {
            return Ok(());
        }
        sleep(PACE).await;
    }
}

enum Source {
    Files(std::path::PathBuf),
    Groups { logs: aws_sdk_cloudwatchlogs::Client, stack: String },
}

impl Source {
    fn of(account: &Account, stack: Option<&str>) -> anyhow::Result<Self> {
        Ok(match account.directory() {
            Some(directory) => Self::Files(directory.join("functions")),
            None => Self::Groups { logs: account.logs(), stack: stack_of(account.table(), stack)?.to_owned() },
        })
    }

    async fn parts(&self, release: &Release) -> anyhow::Result<Vec<Part>> {
        let mut parts = Vec::new();
        for function in FUNCTIONS {
            let lines = match self {
                Self::Files(directory) => of_file(directory, function, release.id.as_str())?,
                Self::Groups { logs, stack } => {
                    of_group(logs, &format!("/aws/lambda/{stack}/{function}"), release).await?
                }
            };
            if !lines.is_empty() {
                parts.push(Part { source: function.to_owned(), lines });
            }
        }
        Ok(parts)
    }
}

/// The stack that made a table, by the name that CloudFormation gave it: `longshore-Table-1ABC`. Of a table with a name of its own it has to be said.
fn stack_of<'a>(table: &'a str, named: Option<&'a str>) -> anyhow::Result<&'a str> {
    let made = table.rsplit_once("-Table").map(|(stack, _)| stack);
    named.or(made).filter(|stack| !stack.is_empty()).with_context(|| {
        format!("the name of the table {table} does not tell which stack made it: add --stack with the stack's name")
    })
}

/// The lines of a local function's log that name the release.
fn of_file(directory: &Path, function: &str, id: &str) -> anyhow::Result<Vec<String>> {
    let mut name = function.to_owned();
    name[..1].make_ascii_uppercase();
    let file = directory.join(format!("{name}.log"));
    let text = std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter(|line| line.contains(id)).map(str::to_owned).collect())
}

/// The events of a log group that name the release, from when it was accepted.
///
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>.
async fn of_group(
    logs: &aws_sdk_cloudwatchlogs::Client,
    group: &str,
    release: &Release,
) -> anyhow::Result<Vec<String>> {
    let (mut lines, mut token) = (Vec::new(), None);
    for _ in 0..PAGES {
        let request = logs.filter_log_events().log_group_name(group).filter_pattern(format!("\"{}\"", release.id));
        let request = request.start_time(release.accepted.as_millisecond()).set_next_token(token.take());
        let page = request.send().await;
        let page = page.map_err(|error| anyhow!(told(&error)).context(format!("the log {group} cannot be read")))?;
        lines.extend(page.events().iter().filter_map(|event| Some(event.message()?.to_owned())));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_tells_the_stack_that_made_it() {
        let of = |table, named| stack_of(table, named).map_err(|error| error.to_string());
        assert_eq!(of("longshore-Table-1ABCDEF", None), Ok("longshore"));
        assert_eq!(of("my-Table-Table-1ABCDEF", None), Ok("my-Table"));
        assert_eq!(of("releases", Some("longshore")), Ok("longshore"));
        assert!(of("releases", None).is_err_and(|error| error.contains("add --stack")));
    }

    #[test]
    fn of_a_local_functions_log_those_lines_are_shown_that_name_the_release() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("Deploy.log"), "{\"release\":\"01JD\"}\n{\"release\":\"01JE\"}\n")
            .expect("a file");
        assert_eq!(of_file(directory.path(), "deploy", "01JD").expect("a log"), ["{\"release\":\"01JD\"}"]);
        assert!(of_file(directory.path(), "notify", "01JD").is_err());
    }
}
