//! `longshore local`: all of Longshore on this machine.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use longshore_local::{Interrupted, Options, Repository, Stack, TEMPLATE};
use serde_json::{Value, json};

use crate::{
    output::{self, INTERRUPTED, interrupted, say, title},
    progress::Progress,
};

#[derive(clap::Args)]
pub struct Arguments {
    /// The configuration.
    #[arg(long, default_value = "longshore.toml")]
    config: PathBuf,
    /// The template that says which functions, routes, events and settings there are; this version's own without it.
    #[arg(long)]
    template: Option<PathBuf>,
    /// The port of the HTTP front, which takes webhooks and reports; 0 lets the system choose.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The port of the inbox, where Slack's messages appear; 0 lets the system choose.
    #[arg(long, default_value_t = 8081)]
    inbox_port: u16,
    /// The port that the containers of every service listen on.
    #[arg(long, default_value_t = 8080)]
    container_port: u16,
    /// The path on that port that answers 200 when a container is healthy; asked by wget in the container.
    #[arg(long)]
    health_path: Option<String>,
    /// A variable of every build, as a CodeBuild project has them. May be repeated.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// A bot token: messages go to the real Slack instead of the inbox.
    #[arg(long, env = "LONGSHORE_SLACK_TOKEN", hide_env_values = true)]
    slack_token: Option<String>,
    /// Where everything is written: repositories, logs, images.
    #[arg(long, default_value = ".local/stack")]
    directory: PathBuf,
    /// Print one JSON object instead of text once it runs: {"url", "inbox", "logs", "repositories": [{"name", "path"}], "services":
    /// [{"environment", "service", "address"}]}.
    #[arg(long)]
    json: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let template = match &arguments.template {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?,
        None => TEMPLATE.to_owned(),
    };
    let options = Options {
        template,
        port: arguments.port,
        inbox_port: arguments.inbox_port,
        container_port: arguments.container_port,
        health_path: arguments.health_path,
        slack_token: arguments.slack_token,
        ..options(&arguments.config, &arguments.directory, arguments.variables.into_iter().collect())?
    };
    let progress = Progress::of("starting the local stack");
    let stack = Stack::start(options, interrupted()).await;
    drop(progress);
    let stack = match stack {
        Ok(stack) => stack,
        Err(error) if error.is::<Interrupted>() => return Ok(ExitCode::from(INTERRUPTED)),
        Err(error) => return Err(error),
    };
    if arguments.json {
        output::json(&told(&stack))?;
    } else {
        show(&stack);
        say("\nCtrl-C ends it.");
    }
    interrupted().await;
    if !arguments.json {
        say("\nending");
    }
    stack.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// The options that the demo shares: the functions are beside this program, moto is on the `PATH` or in the checkout's environment.
pub fn options(config: &Path, directory: &Path, variables: BTreeMap<String, String>) -> anyhow::Result<Options> {
    let program = std::env::current_exe().context("this program's own path is unknown")?;
    let binaries = program.parent().context("this program is in no folder")?.to_owned();
    std::fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    // Secrets, logs and images: nothing for the repository that it may be in.
    std::fs::write(directory.join(".gitignore"), "*\n")
        .with_context(|| format!("{} cannot be written", directory.display()))?;
    // Where scripts/setup puts it: below here, or below the checkout that this program was built in.
    let folders = std::env::current_dir().into_iter().chain(binaries.ancestors().map(Path::to_owned));
    let moto = folders.map(|folder| folder.join(".local/venv/bin")).find(|folder| folder.is_dir());
    Ok(Options {
        template: TEMPLATE.to_owned(),
        config: absolute(config)?,
        binaries,
        program,
        directory: absolute(directory)?,
        moto,
        port: 0,
        inbox_port: 0,
        instances: Options::INSTANCES,
        tick: None,
        variables,
        container_port: 8080,
        health_path: None,
        slack_token: None,
        timing: longshore_local::Timing::default(),
        codebuild: None,
    })
}

/// Where everything is.
pub fn show(stack: &Stack) {
    title("Longshore runs on this machine");
    say(&format!("  webhooks and reports  {}", stack.url));
    say(&format!("  inbox                 {}", stack.inbox));
    for (name, repository) in &stack.repositories {
        say(&format!("  push to {name:<13} git push {} HEAD:main", repository.path.display()));
    }
    for pipeline in stack.config.pipelines() {
        for environment in &pipeline.environments {
            for service in &environment.services {
                if let Some(address) = stack.ecs.address(&environment.plan.cluster, service) {
                    say(&format!("  {:<21} {address}", format!("{}/{service}", environment.name)));
                }
            }
        }
    }
    say(&format!("  functions' logs       {}", stack.logs().display()));
}

/// The same, for programs.
fn told(stack: &Stack) -> Value {
    let repository = |(name, repository): (&String, &Repository)| json!({ "name": name, "path": repository.path });
    let environments = stack.config.pipelines().iter().flat_map(|pipeline| &pipeline.environments);
    let services = environments.flat_map(|environment| {
        let of = move |service: &String| {
            let address = stack.ecs.address(&environment.plan.cluster, service);
            json!({ "environment": environment.name, "service": service, "address": address })
        };
        environment.services.iter().map(of)
    });
    json!({
        "url": stack.url, "inbox": stack.inbox, "logs": stack.logs(),
        "repositories": stack.repositories.iter().map(repository).collect::<Vec<_>>(),
        "services": services.collect::<Vec<_>>(),
    })
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a variable is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
