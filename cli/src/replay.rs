//! `longshore replay`: sends a stored payload again, correctly signed.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use jiff::Timestamp;
use longshore_aws::outbound::is_here;
use longshore_core::{push::Source, webhook};
use longshore_local::{Whereabouts, hook};
use reqwest::{Client, Response, Url, redirect::Policy};
use serde_json::{Value, json};

use crate::{
    output::{self, note, say},
    payload,
    terminal::harmless,
};

/// What is shown of an answer, in bytes.
const LONGEST: usize = 64 * 1024;

#[derive(clap::Args)]
pub struct Arguments {
    /// Whose webhook it is: github, bitbucket or gitlab.
    #[arg(long, value_parser = payload::source)]
    source: Source,
    /// The event, in the provider's word: push, repo:push, "Push Hook".
    #[arg(long)]
    event: String,
    /// The delivery's id; a new one without it, so that it is not taken for the first.
    #[arg(long, value_name = "ID")]
    delivery: Option<String>,
    /// A deployed endpoint: the stack's output WebhookUrl, or the URL before the route. The secret is that of
    /// the environment variable LONGSHORE_WEBHOOK_SECRET.
    #[arg(long, conflicts_with = "local", required_unless_present = "local")]
    url: Option<String>,
    /// The local stack that runs in this directory (without one: .local/stack), which has its own secret.
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".local/stack")]
    local: Option<PathBuf>,
    /// Print one JSON object instead of text: {"delivery", "url", "status", "answer"}.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: payload::File,
}

/// Exit status: 0 when the endpoint took it (2xx), 1 when not.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let source = arguments.source;
    if source == Source::CodeCommit {
        bail!(
            "CodeCommit sends nothing by HTTP, so there is no endpoint to replay to: put the event on the bus instead"
        );
    }
    let (base, secret) = match (&arguments.local, &arguments.url) {
        (Some(directory), _) => {
            let local = Whereabouts::read(directory)?;
            (local.url, local.webhook_secret)
        }
        (None, Some(url)) => (url.clone(), secret()?),
        (None, None) => bail!("--url or --local is missing"),
    };
    let url = endpoint(&base, source)?;
    let body = payload::read(arguments.file.path.as_deref(), "the payload")?;
    let id = arguments.delivery.unwrap_or_else(hook::uuid);
    let content_type = payload::content_type(&body);
    let headers = webhook::sign(source, &arguments.event, &id, content_type, &body, &secret, Timestamp::now());
    if !arguments.json {
        note(&format!("delivery {id} to {url}"));
    }
    let mut answer = send(url.clone(), &headers, body).await?;
    let status = answer.status();
    let text = text(&mut answer).await?;
    if arguments.json {
        let answer: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let object = json!({ "delivery": id, "url": url.as_str(), "status": status.as_u16(), "answer": answer });
        output::json(&object)?;
    } else {
        say(&format!("{status}"));
        if !text.is_empty() {
            say(harmless(&text, false).trim_end());
        }
    }
    Ok(if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Never from the command line, where every user of the machine could read it.
fn secret() -> anyhow::Result<String> {
    let secret = std::env::var("LONGSHORE_WEBHOOK_SECRET").ok().filter(|secret| !secret.is_empty());
    secret.context("LONGSHORE_WEBHOOK_SECRET is not set: it has to hold the webhook's secret")
}

/// The address of the source's route; the secret of some sources goes over the wire as it is, hence never in the clear to elsewhere.
fn endpoint(base: &str, source: Source) -> anyhow::Result<Url> {
    let mut url = Url::parse(base).with_context(|| format!("{base} is no URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_here(&url) => {}
        _ => bail!("{base} is neither https:// nor on this machine"),
    }
    let path = url.path().trim_end_matches('/');
    let path = match path.rsplit_once("/webhooks/") {
        Some((_, word)) if word == source.word() => path.to_owned(),
        Some((_, word)) => bail!("{base} is the route of {word}, and --source is {}", source.word()),
        None => format!("{path}/webhooks/{}", source.word()),
    };
    url.set_path(&path);
    Ok(url)
}

async fn send(url: Url, headers: &webhook::Headers, body: Vec<u8>) -> anyhow::Result<Response> {
    // Installed by whoever is first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A redirection would take the secret elsewhere.
    let client = Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(40)).build()?;
    let mut request =
        client.post(url.clone()).header("user-agent", concat!("longshore-replay/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers.iter() {
        request = request.header(name, value);
    }
    request.body(body).send().await.with_context(|| format!("{url} was not reached"))
}

async fn text(answer: &mut Response) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.context("the answer broke off")? {
        let room = LONGEST - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_named_with_or_without_its_route() {
        for (base, url) in [
            ("https://x.example", "https://x.example/webhooks/gitlab"),
            ("https://x.example/", "https://x.example/webhooks/gitlab"),
            ("https://x.example/prod", "https://x.example/prod/webhooks/gitlab"),
            ("https://x.example/webhooks/gitlab", "https://x.example/webhooks/gitlab"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/webhooks/gitlab"),
            ("http://[::1]:8080", "http://[::1]:8080/webhooks/gitlab"),
        ] {
            assert_eq!(endpoint(base, Source::GitLab).expect(base).as_str(), url);
        }
    }

    #[test]
    fn a_secret_is_not_sent_in_the_clear_or_to_another_route() {
        for base in [
            "http://x.example",
            "http://localhost.example",
            "ftp://x.example",
            "x.example",
            "https://x.example/webhooks/github",
        ] {
            assert!(endpoint(base, Source::GitLab).is_err(), "{base}");
        }
    }
}
