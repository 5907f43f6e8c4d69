//! `longshore init`: the files of an installation, and the webhook.

mod answers;
mod ask;
mod checkout;
mod files;
pub mod hooks;
mod manifest;
mod parameters;
mod ways;
mod webhook;
mod write;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use longshore_aws::outbound::is_here;
use longshore_core::{config::Config, push::Source};
use reqwest::Url;

use crate::{
    account,
    doctor::stack::{self, Stack},
    output::{WrongUsage, note, say, title},
};
pub use manifest::SCOPES;
pub use webhook::repositories;

use answers::Answers;
use ask::Prompts;
use hooks::Wanted;
use ways::{Named, Way};
use write::{Outcome, Planned};

const HELP: &str = "\
Examples:
  longshore init                                       asks
  longshore init --yes --repository github.com/acme/web --cluster production --services web,worker
  longshore init --stack longshore                     after `sam deploy`: the Slack app with its URLs
  longshore init --stack longshore --token-from-env GITHUB_TOKEN    and the webhook

The order: `longshore init`, `sam build && sam deploy`, then `longshore init --stack longshore`, since only then the URLs are known. A \
longshore.toml that is there is kept, and read instead of asking; options about what is in it make it anew. What would be overwritten is \
asked about, or needs --force.

Exit status: 0 done, 1 it could not be done, 2 wrong usage.";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    answers: answers::Arguments,
    /// Where longshore.toml, samconfig.toml and slack-app.json are written: your checkout of Longshore.
    #[arg(long, value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Ask nothing: take the defaults, and keep what is there.
    #[arg(long, short)]
    yes: bool,
    /// Overwrite files that are there and differ, and set up anew a webhook that is there.
    #[arg(long)]
    force: bool,
    /// The name of the Slack app, at most 35 characters.
    #[arg(long, default_value = "Longshore", value_parser = manifest::name)]
    slack_name: String,
    /// The slash command.
    #[arg(long, default_value = "/deploy", value_parser = manifest::command)]
    slash_command: String,
    /// The deployed stack, whose outputs tell the URLs.
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    stack: Option<String>,
    /// Where Longshore answers: the stack's output ApiUrl.
    #[arg(long, value_parser = base)]
    url: Option<Url>,
    /// Make the webhook, with the provider's token in this environment variable (without NAME: GITHUB_TOKEN, GITLAB_TOKEN or BITBUCKET_TOKEN).
    /// A variable that is named is for one host: with webhooks on several, leave NAME out.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    token_from_env: Option<String>,
    /// The environment variable with the webhook's secret; without it, the secret of --stack has it.
    #[arg(long, value_name = "NAME", requires = "token_from_env")]
    secret_from_env: Option<String>,
    /// Where the provider's API is, if not where the repository's host has it.
    #[arg(long, value_name = "URL", hide = true, requires = "token_from_env")]
    provider_api: Option<Url>,
    /// The AWS region: of the stack, and for samconfig.toml.
    #[arg(long)]
    region: Option<String>,
    /// The profile in AWS's configuration files, if not that of the environment.
    #[arg(long)]
    profile: Option<String>,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut prompts = Prompts::new(arguments.yes);
    let file = arguments.directory.join(files::CONFIG);
    let existing = read_if_there(&file)?;
    // The checkout's own file is an example: it answers nothing.
    let kept = existing.filter(|text| text != files::EXAMPLE && !arguments.answers.any());
    let mut planned = Vec::new();
    let (config, connection, with_sam) = if let Some(text) = kept {
        note(&format!("{} is kept, and read instead of asking", file.display()));
        let config = Config::read(&text);
        let config = config.map_err(|problems| anyhow::anyhow!(problems.lines(&file.display().to_string())))?;
        // One that somebody wrote, or filled in, is kept like it.
        let sam = read_if_there(&arguments.directory.join(files::SAM))?;
        (config, None, sam.is_none_or(|text| text == files::SAM_EXAMPLE))
    } else {
        let answers = Answers::gather(arguments.answers, &arguments.directory, &mut prompts)?;
        let (text, config) = files::config(&answers)?;
        planned.push(Planned { name: files::CONFIG, text, ours: files::EXAMPLE.to_owned() });
        (config, answers.connection, true)
    };
    if with_sam {
        let parameters = parameters::of(&config, connection.as_deref());
        let stack_name = arguments.stack.as_deref().unwrap_or("longshore");
        let text = files::samconfig(&parameters, stack_name, arguments.region.as_deref());
        planned.push(Planned { name: files::SAM, text, ours: files::SAM_EXAMPLE.to_owned() });
    }
    let deployed = match &arguments.stack {
        Some(name) => Some(deployed(name, arguments.region, arguments.profile).await?),
        None => None,
    };
    let url = match (&arguments.url, &deployed) {
        (Some(url), _) => Some(url.as_str().trim_end_matches('/').to_owned()),
        (None, Some(deployed)) => Some(deployed.stack.url()?),
        (None, None) => None,
    };
    let repositories = repositories(&config);
    let ways = match (&arguments.token_from_env, &url) {
        (None, _) => repositories.iter().map(|_| Way::ByHand(None)).collect(),
        (Some(_), None) => {
            let why = "the webhook has no address yet: add --stack or --url, which `sam deploy` tells".to_owned();
            return Err(WrongUsage(why).into());
        }
        (Some(token), Some(_)) => {
            let named = Named { token, secret: arguments.secret_from_env.as_deref() };
            ways::ways(&config, &repositories, &named, deployed.as_ref()).await?
        }
    };
    let manifest = |url| manifest::manifest(&arguments.slack_name, &arguments.slash_command, url);
    planned.push(Planned { name: files::SLACK, text: manifest(url.as_deref())?, ours: manifest(None)? });
    let written = write::all(&arguments.directory, planned, arguments.force, &mut prompts)?;
    for (name, outcome) in &written {
        let outcome = match outcome {
            Outcome::Written => "written",
            Outcome::Replaced => "replaced",
            Outcome::Filled => "filled in",
            Outcome::Unchanged => "unchanged",
            Outcome::Kept => "kept as it was",
        };
        say(&format!("{name:<15} {outcome}"));
    }
    let mut by_hand = false;
    for ((source, repository), way) in repositories.iter().zip(ways) {
        let wanted = Wanted::of(*source, &config, repository, url.as_deref().unwrap_or("<ApiUrl>"));
        match way {
            Way::Made { token, secret } => {
                let api = arguments.provider_api.as_ref();
                let done = webhook::make(*source, repository, &wanted, token, secret, api, arguments.force).await?;
                say(&format!("webhook of {repository}: {done}"));
            }
            Way::ByHand(why) => {
                by_hand |= *source != Source::CodeCommit;
                title(&format!("\nWebhook of {repository}"));
                if let Some(why) = why {
                    say(&format!("  not made: {why}"));
                }
                say(&webhook::settings(*source, &wanted));
            }
        }
    }
    title("\nNext");
    say(&next(url.is_some(), by_hand));
    Ok(ExitCode::SUCCESS)
}

/// A stack, and what reads its secret.
pub struct Deployed {
    stack: Stack,
    sdk: aws_config::SdkConfig,
}

async fn deployed(name: &str, region: Option<String>, profile: Option<String>) -> anyhow::Result<Deployed> {
    let (sdk, _) = account::connect(None, region, profile).await?;
    let stack = stack::read(&sdk, name).await.map_err(anyhow::Error::msg);
    let stack = stack.with_context(|| {
        format!("the stack {name} cannot be read: deploy it first (`sam build && sam deploy`), and leave --stack out until then")
    })?;
    Ok(Deployed { stack, sdk })
}

fn read_if_there(file: &std::path::Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

/// `https://…`, or `http://…` on this machine: what is sent there is secret.
fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("it is no URL: {error}"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_here(&url) => {}
        _ => return Err("it has to begin with https://".to_owned()),
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err("it is the stack's output ApiUrl, without anything after its path".to_owned());
    }
    if url.path().contains("/webhooks/") {
        return Err("it is the URL before /webhooks: the stack's output ApiUrl".to_owned());
    }
    Ok(url)
}

/// What is to be done now, in its order.
fn next(deployed: bool, by_hand: bool) -> String {
    let mut steps = Vec::new();
    if deployed {
        steps.push("the Slack app: api.slack.com/apps, Create New App, From a manifest: slack-app.json; an app that is there: App Manifest. Then install it, and invite it to its channels");
        steps.push("the secret: slack_bot_token, slack_signing_secret and the webhook's (docs/sources.md#the-secret)");
        if by_hand {
            steps.push("the webhook, as above; or again with --token-from-env");
        }
        steps.push("`longshore doctor --stack …` says what is missing still");
    } else {
        steps.push("`longshore check`");
        steps.push("`sam build && sam deploy`");
        steps.push("`longshore init --stack longshore`: the same for the URLs, which are known then");
    }
    let steps = steps.iter().enumerate().map(|(at, step)| format!("  {}. {step}", at + 1));
    steps.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
