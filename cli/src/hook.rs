//! `longshore hook`: what a local repository's post-receive hook runs.

use std::{io::Read, path::PathBuf, process::ExitCode};

use anyhow::Context;

use crate::output::say;

#[derive(clap::Args)]
pub struct Arguments {
    /// A JSON file with `url`, `repository` and `secret`.
    #[arg(long)]
    settings: PathBuf,
}

pub async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let file = arguments.settings.display();
    let settings = std::fs::read_to_string(&arguments.settings).with_context(|| format!("{file} cannot be read"))?;
    let settings = serde_json::from_str(&settings).with_context(|| format!("{file} is no settings file of ours"))?;
    let mut lines = String::new();
    std::io::stdin().read_to_string(&mut lines)?;
    // Git runs a hook in its repository.
    let repository = std::env::current_dir()?;
    for answer in longshore_local::hook::run(&settings, &repository, &lines).await? {
        say(&answer);
    }
    Ok(ExitCode::SUCCESS)
}
