//! `longshore logs`: what was logged about a release: by its build, by the tasks that failed, by the functions.

mod functions;
mod tasks;

use std::{io, process::ExitCode};

use longshore_aws::deeds::{Deeds, Undone};
use longshore_core::release::Release;
use serde_json::json;

use crate::{
    account::{self, Account},
    answer::refusal,
    builds::Reader,
    completions,
    output::{self, INTERRUPTED, interrupted},
    reference::Pipelines,
};

const EXAMPLE: &str = "\
Examples:
  longshore logs web                       the build's log of the newest release of web
  longshore logs web#14 --follow           until the build has ended
  longshore logs 14 --task                 of the tasks that ran first or did not come up
  longshore logs web#14 --functions        what trigger, notify and deploy logged about it

A task's log is the end that Longshore kept: its last 50 lines. The functions' logs are read from the log groups \
/aws/lambda/STACK/{trigger,notify,deploy}, where STACK is the stack that made the table, or --stack.

Exit status: 0 there is a log (with --follow: the build succeeded), 1 there is none or it failed, 2 wrong usage, 130 after Ctrl-C.";

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command")]
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The release: 12, web#12, or its id; or a pipeline, whose newest release is meant. Without either, the newest of the only pipeline.
    #[arg(value_name = "RELEASE|PIPELINE", add = completions::pipelines())]
    subject: Option<String>,
    /// The log of the tasks that ran before the services (migrations) and of those that did not come up, not of the build.
    #[arg(long)]
    task: bool,
    /// What the functions logged about the release, not the build.
    #[arg(long, conflicts_with = "task")]
    functions: bool,
    /// With --functions: the CloudFormation stack, whose name the log groups have.
    #[arg(long, value_name = "NAME", requires = "functions")]
    stack: Option<String>,
    /// Go on until the build has ended; with --functions, until the release has.
    #[arg(short, long, conflicts_with = "task")]
    follow: bool,
    /// Print one JSON object instead of text: {"release", "pipeline", "number", "log": [{"source", "lines": [...]}]}.
    #[arg(long, conflicts_with = "follow")]
    json: bool,
    #[command(flatten)]
    pipelines: Pipelines,
    #[command(flatten)]
    account: account::Arguments,
}

/// Some lines, and whose they are.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
struct Part {
    /// `build web-build:…`, `production web`, `deploy`.
    source: String,
    lines: Vec<String>,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let json = arguments.json;
    let reading = tokio::select! {
        read = read(arguments) => read,
        () = interrupted() => return Ok(ExitCode::from(INTERRUPTED)),
    };
    match reading {
        Ok(code) => Ok(code),
        // Whoever read it, such as `head`, has enough.
        Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => match error.downcast::<Undone>() {
            Ok(Undone::Refused(why)) => refusal(&why, json),
            Ok(Undone::Store(error)) => Err(error.into()),
            Err(error) => Err(error),
        },
    }
}

async fn read(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { subject, task, functions, stack, follow, json, pipelines, account } = arguments;
    let subject = Subject::of(subject.as_deref(), &pipelines)?;
    let account = account.open().await?;
    let release = subject.release(&account, &pipelines).await?;
    if functions {
        if follow {
            functions::follow(&account, &release, stack.as_deref()).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let parts = functions::read(&account, &release, stack.as_deref()).await?;
        return shown(&release, parts, json);
    }
    if task {
        return shown(&release, tasks::parts(&release), json);
    }
    let mut reader = Reader::new(&account, &release.id, follow, json);
    let code = reader.read().await?;
    if json {
        let source = format!("build {}", release.build.id.as_deref().unwrap_or_default());
        told(&release, &[Part { source, lines: reader.into_lines() }])?;
    }
    Ok(code)
}

/// What is asked about.
enum Subject {
    /// A release.
    Release(longshore_core::slack::command::Named),
    /// The newest of this pipeline.
    Newest(String),
}

impl Subject {
    fn of(written: Option<&str>, pipelines: &Pipelines) -> anyhow::Result<Self> {
        match written {
            // Only a release has a number; an id is one as well.
            Some(written) if written.contains('#') || account::release(written).is_ok() => {
                Ok(Self::Release(pipelines.named(written)?))
            }
            Some(written) if written.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Self::Release(pipelines.named(written)?))
            }
            named => Ok(Self::Newest(pipelines.one(named)?)),
        }
    }

    async fn release(&self, account: &Account, pipelines: &Pipelines) -> anyhow::Result<Release> {
        let events = account.events();
        let deeds = Deeds { store: &account.store, events: &events };
        match self {
            Self::Release(named) => Ok(pipelines.release(&deeds, named).await?),
            Self::Newest(pipeline) => {
                let newest = account.store.newest_releases(pipeline, None, 1).await?;
                let newest = match newest.first() {
                    Some(listed) => account.store.release(&listed.id).await?,
                    None => None,
                };
                Ok(newest.ok_or_else(|| Undone::Refused(format!("there is no release of {pipeline} yet")))?)
            }
        }
    }
}

/// Shows parts that are read already. None at all is a refusal.
fn shown(release: &Release, parts: Vec<Part>, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        told(release, &parts)?;
        return Ok(if parts.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    if parts.is_empty() {
        let (pipeline, number) = (&release.pipeline, release.number);
        return refusal(&format!("nothing of that kind was logged about {pipeline}#{number}"), false);
    }
    for Part { source, lines } in parts {
        output::title(&crate::terminal::plain(&source));
        for line in lines {
            output::say(crate::terminal::harmless(&line, false).trim_end());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn told(release: &Release, parts: &[Part]) -> anyhow::Result<()> {
    let (id, pipeline, number) = (release.id.as_str(), &release.pipeline, release.number);
    output::json(&json!({ "release": id, "pipeline": pipeline, "number": number, "log": parts }))
}

/// Whether whoever read the output went away.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
