//! What `CodeBuild`'s agent does: takes one build through its phases.
//!
//! Source: <https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html>.

mod buildspec_of;
mod environment;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use tokio::sync::Semaphore;

use crate::{
    Settings,
    build::{Build, Order},
    buildspec::{Buildspec, OnFailure, Program, Steps, Version},
    phase::{Context, Phase, Status},
    process::Processes,
    shell::{Setting, Shell},
    source::{self, Git},
};

/// What all builds share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) settings: Settings,
    /// How long one of `CodeBuild`'s minutes lasts; tests shorten it to see a timeout.
    pub(crate) minute: Duration,
    /// One permit for each build that may run.
    pub(crate) slots: Semaphore,
}

impl Site {
    /// Where a build has its files.
    pub(crate) fn directory(&self, order: &Order) -> PathBuf {
        self.settings.directory.join(&order.project).join(&order.uuid)
    }
}

/// Runs a build that is queued, to its end.
pub(crate) async fn run(build: Arc<Build>, site: Arc<Site>) {
    let order = &build.order;
    let slot = tokio::select! {
        biased;
        () = build.stop.cancelled() => Err(Status::Stopped),
        slot = site.slots.acquire() => Ok(slot),
        () = tokio::time::sleep(site.minutes(order.queued_timeout_minutes)) => Err(Status::TimedOut),
    };
    let status = match slot {
        Err(halted) => {
            build.end(halted, Vec::new());
            halted
        }
        Ok(slot) => {
            build.end(Status::Succeeded, Vec::new());
            let processes = Processes::new(&order.id());
            let agent = Agent { build: &build, directory: site.directory(order), site: &site, processes: &processes };
            let halted = tokio::select! {
                biased;
                () = build.stop.cancelled() => Err((Status::Stopped, Vec::new())),
                () = tokio::time::sleep(site.minutes(order.timeout_minutes)) => {
                    let message = format!("Build has timed out after {} minutes", order.timeout_minutes);
                    Err((Status::TimedOut, vec![Context { code: "BUILD_TIMED_OUT", message }]))
                }
                result = agent.build() => result.map_err(|error| {
                    tracing::error!(build = order.id(), error = format!("{error:#}"), "a build cannot be run");
                    (Status::Fault, vec![Context::internal(format!("{error:#}"))])
                }),
            };
            processes.end().await;
            drop(slot);
            halted.unwrap_or_else(|(status, contexts)| {
                build.end(status, contexts);
                status
            })
        }
    };
    build.finish(status);
}

struct Agent<'a> {
    build: &'a Build,
    site: &'a Site,
    directory: PathBuf,
    processes: &'a Processes,
}

impl Agent<'_> {
    /// Runs the phases; an error is a fault of this machine's, not of the build's.
    async fn build(&self) -> anyhow::Result<Status> {
        let build = self.build;
        build.begin(Phase::Provisioning);
        fs::create_dir_all(self.directory.join("shell")).context("the build's directory cannot be created")?;
        build.log.open().with_context(|| format!("{} cannot be created", build.log.path().display()))?;
        build.log.say("Waiting for agent ping");
        build.end(Status::Succeeded, Vec::new());

        build.begin(Phase::DownloadSource);
        build.log.say("Phase is DOWNLOAD_SOURCE");
        let status = match self.download_source().await? {
            Err(context) => {
                build.end(Status::Failed, vec![context]);
                Status::Failed
            }
            Ok((spec, environment)) => {
                build.end(Status::Succeeded, Vec::new());
                self.run_buildspec(&spec, environment).await?
            }
        };
        build.begin(Phase::Finalizing);
        self.processes.end().await;
        build.end(Status::Succeeded, Vec::new());
        Ok(status)
    }

    fn source_directory(&self) -> PathBuf {
        self.directory.join("src")
    }

    /// Gets the source and reads the buildspec.
    async fn download_source(&self) -> anyhow::Result<Result<(Buildspec, BTreeMap<String, String>), Context>> {
        let (order, log, directory) = (&self.build.order, &self.build.log, self.source_directory());
        let mut environment = environment::base(self.site, order);
        log.say(format!("CODEBUILD_SRC_DIR={}", directory.display()));
        let mut commit = None;
        if let (Some(location), false) = (order.source("location"), order.source("type") == Some("NO_SOURCE")) {
            let git = Git { environment: &environment, processes: self.processes, log };
            match git.checkout(location, order.source_version.as_deref(), &directory).await {
                Ok(id) => {
                    self.build.resolved(&id);
                    commit = Some(id);
                }
                Err(source::Error::Client(message)) => return Ok(Err(Context::client_error(message))),
                Err(error @ source::Error::Git(_)) => return Err(error.into()),
            }
        } else {
            fs::create_dir_all(&directory)?;
        }
        let spec = match buildspec_of::find(order, &directory, log) {
            Ok(spec) => spec,
            Err(message) => return Ok(Err(Context::yaml_file_error(message))),
        };
        log.say("Processing environment variables");
        if let Some((name, _, kind)) = order.variables().find(|(_, _, kind)| *kind != "PLAINTEXT") {
            let message = format!("the variable {name} is of type {kind}, which the local stand-in does not support");
            return Ok(Err(Context::client_error(message)));
        }
        environment::complete(&mut environment, order, &spec, commit.as_deref(), &directory);
        Ok(Ok((spec, environment)))
    }

    /// Runs the phases that have commands, and what follows them.
    async fn run_buildspec(&self, spec: &Buildspec, environment: BTreeMap<String, String>) -> anyhow::Result<Status> {
        let log = &self.build.log;
        for note in &spec.notes {
            log.say(format!("Note: {note}"));
        }
        log.say(format!("Moving to directory {}", self.source_directory().display()));
        let setting = Setting {
            program: match spec.shell {
                Program::Sh => "sh",
                Program::Bash => "bash",
            },
            state: self.directory.join("shell"),
            directory: self.source_directory(),
            environment,
            isolated: spec.version == Version::V01,
        };
        let mut shell = Shell::new(setting, self.processes, log)?;
        let (mut succeeding, mut built) = (true, false);
        for phase in Phase::WITH_COMMANDS {
            built |= phase == Phase::Build;
            let steps = spec.steps(phase);
            self.build.begin(phase);
            log.say(format!("Entering phase {}", phase.name()));
            let failure = run_phase(&mut shell, steps, succeeding, self.build).await?;
            let Some(context) = failure else {
                self.build.end(Status::Succeeded, Vec::new());
                continue;
            };
            succeeding = false;
            self.build.end(Status::Failed, vec![context]);
            match (steps.on_failure, phase) {
                (OnFailure::Continue, _) | (OnFailure::Transition | OnFailure::Retry(_), Phase::Build) => {}
                _ => break,
            }
        }
        let mut exported = Vec::new();
        for name in &spec.exported {
            exported.extend(shell.variable(name).await?.map(|value| (name.clone(), value)));
        }
        self.build.export(exported);
        if built {
            self.build.begin(Phase::UploadArtifacts);
            self.build.end(Status::Succeeded, Vec::new());
        }
        Ok(if succeeding { Status::Succeeded } else { Status::Failed })
    }
}

/// Runs a phase's commands, again if it is to be retried; tells what failed.
async fn run_phase(
    shell: &mut Shell<'_>,
    steps: &Steps,
    succeeding: bool,
    build: &Build,
) -> anyhow::Result<Option<Context>> {
    let attempts = match steps.on_failure {
        OnFailure::Retry(count) => count,
        OnFailure::Transition | OnFailure::Abort | OnFailure::Continue => 0,
    };
    let mut failure = None;
    for attempt in 0..=attempts {
        if attempt > 0 {
            build.log.say(format!("Retrying the phase, {attempt} of {attempts}"));
        }
        failure = run_commands(shell, &steps.commands, succeeding, build).await?;
        let finally = run_commands(shell, &steps.finally, succeeding && failure.is_none(), build).await?;
        failure = failure.or(finally);
        if failure.is_none() {
            break;
        }
    }
    Ok(failure)
}

/// Runs commands up to the first that fails.
async fn run_commands(
    shell: &mut Shell<'_>,
    commands: &[String],
    succeeding: bool,
    build: &Build,
) -> anyhow::Result<Option<Context>> {
    for command in commands {
        build.log.say(format!("Running command {}", command.trim_end()));
        let exit = shell.run(command, succeeding).await?;
        if !exit.succeeded() {
            build.log.say(format!("Command did not exit successfully {} {exit}", command.trim_end()));
            return Ok(Some(Context::command(command, exit)));
        }
    }
    Ok(None)
}

/// Whether `path` is inside `directory`, links followed; both must exist.
fn is_inside(path: &Path, directory: &Path) -> bool {
    match (path.canonicalize(), directory.canonicalize()) {
        (Ok(path), Ok(directory)) => path.starts_with(directory),
        _ => false,
    }
}
