//! The program `longshore`.

mod account;
mod builds;
mod check;
mod demo;
mod hook;
mod local;
mod output;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A merge to production containers on AWS ECS, in your own account.
#[derive(Parser)]
#[command(name = "longshore", version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check longshore.toml: every problem with its place and cure.
    Check(check::Arguments),
    /// Look at the builds of releases.
    Builds(builds::Arguments),
    /// Run all of Longshore on this machine, for the repositories that longshore.toml names.
    Local(local::Arguments),
    /// Take the sample application from a push to a running container, twice, on this machine.
    Demo(demo::Arguments),
    /// Tell Longshore of a push: what a local repository's post-receive hook runs.
    #[command(hide = true)]
    Hook(hook::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Check(arguments) => return check::run(&arguments),
        Command::Builds(arguments) => builds::run(arguments).await,
        Command::Local(arguments) => local::run(arguments).await,
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Hook(arguments) => hook::run(&arguments).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => output::failed(&error),
    }
}
