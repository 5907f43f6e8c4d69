//! The webhook: what to fill in by hand, and how it is made.

use longshore_core::{
    config::{Config, fold},
    push::Source,
};
use reqwest::Url;
use secrecy::SecretString;

use super::hooks::{Hooks, Wanted};
use crate::table::{fact, table};

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
pub fn settings(source: Source, wanted: &Wanted) -> String {
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
