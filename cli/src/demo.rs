//! `longshore demo`: the sample application, from a push to a running container, twice.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, bail};
use longshore_local::{
    Interrupted, Options, Stack,
    demo::{Gone, Sample, page_with, push},
};

use crate::{
    local,
    output::{INTERRUPTED, interrupted, say, title},
};

#[derive(clap::Args)]
pub struct Arguments {
    /// Leave everything running at the end, to play with, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Longshore's checkout, which has the sample.
    #[arg(long, default_value = ".")]
    checkout: PathBuf,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    // Not in the checkout: the sample's working copy is a repository of its own.
    let directory = tempfile::Builder::new().prefix("longshore-demo-").tempdir()?;
    let stack = match start_stack(&arguments.checkout, directory.path()).await {
        Ok(stack) => stack,
        Err(error) if error.is::<Interrupted>() => return Ok(ExitCode::from(INTERRUPTED)),
        Err(error) => return Err(error),
    };
    let went = tokio::select! {
        went = go(&arguments, directory.path(), &stack) => went.map(|()| true),
        () = interrupted() => Ok(false),
    };
    if let Ok(true) = went {
        say(&format!("\nAll of it took {:.0} s.", start.elapsed().as_secs_f64()));
        if arguments.keep {
            say("It is left running, as asked. Ctrl-C ends it.");
            interrupted().await;
        }
    }
    stack.shutdown().await;
    let went = went.with_context(|| {
        format!("the demo failed; the logs of builds, tasks and functions are in {}", directory.keep().display())
    })?;
    Ok(if went { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
}

async fn start_stack(checkout: &Path, directory: &Path) -> anyhow::Result<Stack> {
    let variables = tokio::select! {
        variables = base_images(checkout) => variables?,
        () = interrupted() => return Err(Interrupted.into()),
    };
    let config = checkout.join("examples/longshore.toml");
    let options = Options {
        health_path: Some("/health".to_owned()),
        ..local::options(&config, &directory.join("stack"), variables)?
    };
    say("starting the local stack");
    Stack::start(options, interrupted()).await
}

async fn go(arguments: &Arguments, directory: &Path, stack: &Stack) -> anyhow::Result<()> {
    let checkout = &arguments.checkout;
    local::show(stack);
    let repository = stack.repositories.values().next().context("examples/longshore.toml names no repository")?;
    let source = checkout.join("examples/pelican");
    let remote = repository.path.clone();
    let sample = Sample::make(&directory.join("sample"), &source, &checkout.join("buildspec.yml"), &remote).await?;
    let address = stack.ecs.address("production", "web").context("the service has no address")?;

    title("\nFirst push");
    let first = sample.commit("Harbour Notes goes ashore").await?;
    let Gone { lead_time, .. } = push(stack, &sample, &mut |line| say(&line)).await?;
    page_with(&address, &first[..7]).await?;
    say(&format!("{:>7.1} s  curl {address} shows commit {}", lead_time.as_secs_f64(), &first[..7]));

    title("\nSecond push");
    write_note(sample.directory())?;
    let second = sample.commit("A note about the second boat").await?;
    let gone = push(stack, &sample, &mut |line| say(&line)).await?;
    let page = curl(&format!("{address}/")).await?;
    if !page.contains(&second[..7]) || !page.contains("The second boat") {
        bail!("{address} does not show the second version; it shows {:.300}", page.trim());
    }
    say(&format!("{:>7.1} s  curl {address} shows commit {}", gone.lead_time.as_secs_f64(), &second[..7]));
    title(&format!(
        "\nFrom push to live: {:.1} s, then {:.1} s",
        lead_time.as_secs_f64(),
        gone.lead_time.as_secs_f64()
    ));
    if arguments.keep {
        say(&format!("  the releases' messages  {}", stack.inbox));
        say(&format!("  the running service     {address}"));
    }
    Ok(())
}

fn write_note(sample: &Path) -> anyhow::Result<()> {
    let note =
        "Title: The second boat\nDate: 2026-11-21\n\nIt came in on the same tide, and nobody had to carry anything.\n";
    std::fs::write(sample.join("content/the-second-boat.md"), note).context("the second version could not be written")
}

/// The variables with which the sample's image can be built here: none where the public base images can be pulled.
async fn base_images(checkout: &Path) -> anyhow::Result<std::collections::BTreeMap<String, String>> {
    let script = checkout.join("scripts/base-image");
    let output = tokio::process::Command::new(&script)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("{} could not be run: the demo needs Longshore's checkout", script.display()))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        bail!("{} found no base images: {}", script.display(), said.trim());
    }
    say(said.trim());
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(lines.lines().filter_map(|line| line.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
}

async fn curl(url: &str) -> anyhow::Result<String> {
    let output = tokio::process::Command::new("curl").args(["--silent", "--show-error", "--fail", url]).output().await;
    let output = output.context("curl could not be run: install it")?;
    if !output.status.success() {
        bail!("curl {url} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
