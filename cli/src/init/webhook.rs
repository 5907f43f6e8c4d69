//! The webhook: what to fill in by hand, and how it is made.

use anyhow::{Context, bail};
use longshore_core::{
    config::{Config, fold},
    push::Source,
};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::{
    Deployed,
    hooks::{Hooks, Wanted},
    token_variable,
};
use crate::{
    doctor::secret,
    table::{fact, table},
};

/// The repositories of all pipelines, each once, with its source.
pub fn repositories(config: &Config) -> Vec<(Source, String)> {
    let mut found: Vec<(Source, String)> = Vec::new();
    for pipeline in config.pipelines() {
        let known = found.iter().any(|(_, repository)| fold(repository) == fold(&pipeline.repository));
        if let Some(source) = config.source_of(&pipeline.repository).filter(|_| !known) {
            found.push((source, pipeline.repository.clone()));
        }
    }
    found
}

/// What is to be filled in at the provider.
pub fn settings(source: Source, config: &Config, repository: &str, base: Option<&str>) -> String {
    let wanted = Wanted::of(source, config, repository, base.unwrap_or("<ApiUrl>"));
    let needs = |event: &str| wanted.events.contains(&event);
    let key = source.word();
    let secret = format!("a new one (`openssl rand -hex 32`), and the same in the stack's secret as `{key}`");
    let rows = match source {
        Source::GitHub => vec![
            fact("where", "Settings, Webhooks, Add webhook"),
            fact("Payload URL", &wanted.url),
            fact("Content type", "application/json"),
            fact("Secret", secret),
            fact("Events", if needs("pull_request") { "Pushes, Pull requests" } else { "Just the push event" }),
        ],
        Source::Bitbucket => vec![
            fact("where", "Repository settings, Webhooks, Add webhook"),
            fact("URL", &wanted.url),
            fact("Secret", secret),
            fact("Triggers", "Repository push; on a Data Center also Pull request merged"),
        ],
        Source::GitLab => {
            let triggers = [("tag_push_events", "Tag push events"), ("merge_requests_events", "Merge request events")];
            let mut names = vec!["Push events"];
            names.extend(triggers.iter().filter(|(event, _)| needs(event)).map(|(_, name)| *name));
            vec![
                fact("where", "Settings, Webhooks, Add new webhook"),
                fact("URL", &wanted.url),
                fact("Secret token", secret),
                fact("Trigger", names.join(", ")),
                fact("SSL verification", "on"),
            ]
        }
        Source::CodeCommit => {
            vec![fact("", "none: the stack has a rule for CodeCommit's events in its account and region")]
        }
    };
    table(&rows, 2).trim_end().to_owned()
}

/// The provider's token, of the variable that is named, or of the usual one.
pub fn token(source: Source, name: &str) -> anyhow::Result<SecretString> {
    let Some(usual) = token_variable(source) else { bail!("CodeCommit needs no webhook") };
    let name = if name.is_empty() { usual } else { name };
    variable(name).with_context(|| format!("the environment variable {name} has no token"))
}

/// The webhook's secret: of the variable that is named, else of the stack's secret.
pub async fn secret(source: Source, name: Option<&str>, deployed: Option<&Deployed>) -> anyhow::Result<SecretString> {
    if let Some(name) = name {
        return variable(name).with_context(|| format!("the environment variable {name} has no secret"));
    }
    let cure = "put it there, or name a variable with --secret-from-env";
    let Some(Deployed { stack, sdk }) = deployed else {
        bail!("the webhook's secret is not known: add --stack, whose secret has it, or --secret-from-env");
    };
    let arn = stack.output("SecretArn").context("the stack has no output SecretArn")?;
    let read = secret::current(sdk, arn).await.map_err(anyhow::Error::msg)?;
    let value = &read[source.word()];
    let text = value.as_str().or_else(|| value.get(0)?.as_str()).filter(|text| !text.is_empty());
    let text = text.with_context(|| format!("the stack's secret has no key `{}`: {cure}", source.word()))?;
    Ok(text.to_owned().into())
}

fn variable(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty()).map(|value| value.trim().to_owned().into())
}

/// Makes the webhook, or sees to the one that is there; what was done, in a sentence.
pub async fn make(
    source: Source,
    repository: &str,
    wanted: &Wanted,
    token: SecretString,
    secret: SecretString,
    api: Option<&Url>,
    force: bool,
) -> anyhow::Result<String> {
    if secret.expose_secret().len() < 16 {
        bail!("the webhook's secret is short: `openssl rand -hex 32` makes a good one");
    }
    let hooks = Hooks::new(source, repository, token, api)?;
    let there = hooks.list().await?;
    let Some(hook) = there.iter().find(|hook| wanted.is(hook)) else {
        hooks.create(wanted, &secret).await?;
        return Ok(format!("made, for {} to {}", wanted.events.join(", "), wanted.url));
    };
    let lacks = wanted.lacks(hook);
    if force {
        hooks.update(hook, wanted, Some(&secret)).await?;
        return Ok("was there; its secret and events are set anew".to_owned());
    }
    if hook.active && lacks.is_empty() {
        return Ok("is there, and was left as it is; --force sets its secret anew, which nobody can read".to_owned());
    }
    if source == Source::GitLab && !hook.active && lacks.is_empty() {
        return Ok("is there, and GitLab turned it off after failures: Test, on its page, turns it on again".to_owned());
    }
    hooks.update(hook, wanted, None).await?;
    let done = match (lacks.is_empty(), hook.active) {
        (true, _) => "was turned on again".to_owned(),
        (false, true) => format!("now delivers {}, too", lacks.join(", ")),
        (false, false) => format!("was turned on again, and now delivers {}, too", lacks.join(", ")),
    };
    Ok(format!("was there, and {done}; its secret is as it was"))
}
