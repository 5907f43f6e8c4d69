//! The program `longshore`.

mod account;
mod answer;
mod build;
mod builds;
mod cancel;
mod changes;
mod check;
mod completions;
mod decide;
mod demo;
mod deploy;
mod diff;
mod doctor;
mod ecs;
mod environments;
mod explain;
mod follow;
mod happened;
mod hook;
mod init;
mod local;
mod lock;
mod logs;
mod man;
mod messages;
mod output;
mod payload;
mod progress;
mod rebuild;
mod records;
mod reference;
mod release;
mod releases;
mod replay;
mod resume;
mod rollback;
#[cfg(test)]
mod sample;
mod secrets;
mod standing;
mod summary;
mod table;
mod task_definition;
#[cfg(test)]
mod tests;
mod time;
mod trace;
mod who;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use longshore_core::terminal;

/// A merge to production containers on AWS ECS, in your own account.
#[derive(Parser)]
#[command(name = "longshore", version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write longshore.toml, samconfig.toml and a Slack app's manifest, and set up the webhook.
    Init(Box<init::Arguments>),
    /// Look at everything in the account that Longshore needs, and say what is wrong, and its cure.
    Doctor(doctor::Arguments),
    /// Check longshore.toml: every problem with its place and cure.
    Check(check::Arguments),
    /// List a pipeline's newest releases.
    Releases(releases::Arguments),
    /// Show everything about a release, and why it failed where it did.
    Release(release::Arguments),
    /// Show what is live where, since when, what is locked, and what waits.
    #[command(alias = "status")]
    Environments(environments::Arguments),
    /// Take an environment back to an earlier live release, in one step and without a build, and lock it.
    Rollback(rollback::Arguments),
    /// Take a release to an environment by name; also past a lock or a freeze that holds it.
    Deploy(deploy::Arguments),
    /// Build a branch or a commit, and release it: what Slack's command does.
    #[command(visible_alias = "start")]
    Build(build::Arguments),
    /// Release what is live once more, on the base image of today; with --base-changed, wherever that is a newer one.
    Rebuild(rebuild::Arguments),
    /// Cancel a release: its build is stopped, and what it has begun to deploy goes back.
    Cancel(cancel::Arguments),
    /// Try a release once more that failed, went back or was cancelled: its image, without a build.
    Retry(cancel::Arguments),
    /// Approve a release where it waits for that.
    Approve(decide::Arguments),
    /// Reject a release where it waits for an approval.
    Reject(decide::Arguments),
    /// Let a paused deployment go on.
    Continue(resume::Arguments),
    /// Take a paused deployment back.
    Back(resume::Arguments),
    /// Lock an environment: nothing goes in by itself.
    Lock(lock::LockArguments),
    /// Unlock an environment; what waits there goes on.
    Unlock(lock::UnlockArguments),
    /// Show what a release would change in each service's task definition, field by field; nothing is registered.
    Diff(diff::Arguments),
    /// Find the release behind a running task, an image or a commit: commit, author, build, approval, and where it is live.
    Trace(trace::Arguments),
    /// Print the log of a release's build, of a task that failed, or of the functions about it.
    Logs(logs::Arguments),
    /// Look at the builds of releases.
    Builds(builds::Arguments),
    /// List the keys of the functions' secret, and change them without an interruption; no value is ever shown.
    Secrets(secrets::Arguments),
    /// Say what a delivery starts, and which rule said no to the rest; nothing is sent or started.
    ///
    /// A payload is read and routed here, by longshore.toml, without an AWS account. What was decided for a delivery that came is
    /// looked up with --release or --delivery. Exit status 0 when it could be explained, whatever would start; 2 when not.
    Explain(explain::Arguments),
    /// Send a stored payload, correctly signed, to a local or a deployed endpoint.
    ///
    /// Prints the status and the answer. Exit status 0 when the endpoint took it (2xx), 1 when not.
    Replay(replay::Arguments),
    /// Print the request that registers a new revision of a task definition: the base with other images, and nothing else changed.
    ///
    /// Reads what `aws ecs describe-task-definition --include TAGS` printed; nothing is sent. Exit status 0 when the request could be made,
    /// 2 when not.
    TaskDefinition(task_definition::Arguments),
    /// Show every Slack message in every state: as text, as a page to look at, or as what is sent.
    Messages(messages::Arguments),
    /// Run all of Longshore on this machine, for the repositories that longshore.toml names.
    Local(local::Arguments),
    /// Take the sample application from a push to a running container, twice, on this machine.
    Demo(demo::Arguments),
    /// Print the script by which a shell completes what is typed.
    Completions(completions::Arguments),
    /// Print the manual, one page for each command.
    Man(man::Arguments),
    /// Tell Longshore of a push: what a local repository's post-receive hook runs.
    #[command(hide = true)]
    Hook(hook::Arguments),
}

fn main() -> ExitCode {
    completions::answer(Arguments::command);
    let matches = match Arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() && std::env::args().any(|argument| argument == "--json") => {
            output::for_programs(true);
            return output::failed(&output::WrongUsage(first_paragraph(&error)).into());
        }
        Err(error) => error.exit(),
    };
    output::for_programs(asks_for_json(&matches));
    match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => run(arguments.command),
        Err(error) => error.exit(),
    }
}

/// What is wrong with the arguments, without the usage that follows it.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).trim().to_owned()
}

/// Whether the command has `--json`.
fn asks_for_json(matches: &ArgMatches) -> bool {
    match matches.subcommand() {
        Some((_, matches)) => asks_for_json(matches),
        None => matches.try_get_one::<bool>("json").ok().flatten() == Some(&true),
    }
}

#[tokio::main]
async fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Init(arguments) => Box::pin(init::run(*arguments)).await,
        Command::Doctor(arguments) => return Box::pin(doctor::run(arguments)).await,
        Command::Check(arguments) => return check::run(&arguments),
        Command::Releases(arguments) => releases::run(arguments).await,
        Command::Release(arguments) => release::run(arguments).await,
        Command::Environments(arguments) => environments::run(arguments).await,
        Command::Rollback(arguments) => Box::pin(rollback::run(arguments)).await,
        Command::Deploy(arguments) => Box::pin(deploy::run(arguments)).await,
        Command::Build(arguments) => Box::pin(build::run(arguments)).await,
        Command::Rebuild(arguments) => Box::pin(rebuild::run(arguments)).await,
        Command::Cancel(arguments) => Box::pin(cancel::cancel(arguments)).await,
        Command::Retry(arguments) => Box::pin(cancel::retry(arguments)).await,
        Command::Approve(arguments) => Box::pin(decide::run(arguments, true)).await,
        Command::Reject(arguments) => Box::pin(decide::run(arguments, false)).await,
        Command::Continue(arguments) => Box::pin(resume::run(arguments, true)).await,
        Command::Back(arguments) => Box::pin(resume::run(arguments, false)).await,
        Command::Lock(arguments) => lock::lock(arguments).await,
        Command::Unlock(arguments) => lock::unlock(arguments).await,
        Command::Diff(arguments) => diff::run(arguments).await,
        Command::Trace(arguments) => trace::run(arguments).await,
        Command::Logs(arguments) => Box::pin(logs::run(arguments)).await,
        Command::Secrets(arguments) => Box::pin(secrets::run(arguments)).await,
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
        Command::Builds(arguments) => builds::run(arguments).await,
        Command::Explain(arguments) => return explain::run(arguments).await,
        Command::Replay(arguments) => replay::run(arguments).await,
        Command::TaskDefinition(arguments) => return task_definition::run(&arguments),
        Command::Messages(arguments) => messages::run(&arguments),
        Command::Local(arguments) => local::run(arguments).await,
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Hook(arguments) => hook::run(&arguments).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => output::failed(&error),
    }
}
