//! `longshore explain`: what does a delivery start, and why not the rest?

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use jiff::Timestamp;
use longshore_core::{
    codecommit,
    config::Config,
    event::Envelope,
    explain::{Explanation, Moved},
    push::{Delivery, Source},
    release::ReleaseId,
    route,
    text::{first_line, quote, shorten},
    webhook::{self, Headers, Hosts},
};

use crate::{account, output, payload, terminal::harmless};

/// The id of a delivery that none was given for.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

#[derive(clap::Args)]
pub struct Arguments {
    /// Who sent the payload: github, bitbucket, gitlab or codecommit. Without it, --release or --delivery is looked up.
    #[arg(long, value_parser = payload::source, required_unless_present_any = ["release", "delivery"])]
    source: Option<Source>,
    /// The event, in the provider's word: push, repo:push, "Push Hook". CodeCommit's events tell it themselves.
    #[arg(long, requires = "source")]
    event: Option<String>,
    /// The delivery's id. With a payload, what it is to be called; without --source, the stored delivery that is looked up.
    #[arg(long, value_name = "ID")]
    delivery: Option<String>,
    /// A header that came with the payload. May be repeated; proofs among them are left out.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header, requires = "source")]
    headers: Vec<(String, String)>,
    /// Look up the delivery that started this release.
    #[arg(long, value_name = "ID", value_parser = account::release, conflicts_with_all = ["source", "delivery"])]
    release: Option<ReleaseId>,
    /// The configuration by which a payload is routed.
    #[arg(long, default_value = "longshore.toml")]
    config: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: payload::File,
    #[command(flatten)]
    account: account::Arguments,
}

/// Exit status: 0 when it could be explained, whatever would start; 2 when there is nothing to explain.
pub async fn run(arguments: Arguments) -> ExitCode {
    let json = arguments.json;
    let explained = match arguments.source {
        Some(source) => of_payload(source, &arguments),
        None => stored(arguments).await,
    };
    output::made(explained.and_then(|explanation| {
        if json { Ok(serde_json::to_string_pretty(&explanation)?) } else { Ok(shown(&explanation)) }
    }))
}

fn of_payload(source: Source, arguments: &Arguments) -> anyhow::Result<Explanation> {
    let config = config(&arguments.config)?;
    let body = payload::read(arguments.file.path.as_deref(), "the payload")?;
    let delivery = read(source, arguments, &config.hosts(), &body)?;
    // CodeCommit tells no files, and has no API that is asked for them.
    if source != Source::CodeCommit && !route::wants_files(&config, &delivery).is_empty() {
        output::note(
            "with a token for the provider, it would be asked which files changed: the payload may not tell all",
        );
    }
    let mut explanation = Explanation::new(&delivery, &route::route(&config, &delivery));
    // A Data Center need not tell its host. Without one nothing starts; what moved can be shown all the same.
    if source == Source::Bitbucket && delivery.repository.is_none() && config.bitbucket.is_none() {
        let hosts = Hosts { bitbucket: Some("unknown"), ..config.hosts() };
        let told = read(source, arguments, &hosts, &body)?;
        explanation.pushes = told.pushes().iter().map(Moved::from).collect();
    }
    Ok(explanation)
}

fn config(file: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Config::read(&text).map_err(|problems| anyhow::anyhow!("{}", problems.lines(&file.display().to_string())))
}

/// Reads the payload as a function would: a parser takes nothing unproven, so that it is signed here, with a secret for nothing else.
fn read(source: Source, arguments: &Arguments, hosts: &Hosts<'_>, body: &[u8]) -> anyhow::Result<Delivery> {
    const SECRET: &str = "for this payload alone";
    if source == Source::CodeCommit {
        let envelope: Envelope = serde_json::from_slice(body).context("the payload is no event of EventBridge")?;
        return codecommit::parse(&envelope).context("the payload is no event of CodeCommit");
    }
    let Some(event) = &arguments.event else {
        bail!("--event is missing: the provider's header tells it, not the payload")
    };
    let given = |wanted: &str| {
        let found = arguments.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str())
    };
    let content_type = given("content-type").unwrap_or_else(|| payload::content_type(body));
    let id = arguments.delivery.as_deref().unwrap_or(NO_ID);
    // Stored ids have the provider before them.
    let id = id.strip_prefix(&format!("{}/", source.word())).unwrap_or(id);
    let now = Timestamp::now();
    let signed = webhook::sign(source, event, id, content_type, body, SECRET, now);
    let headers = with_told(&signed, &arguments.headers, source, arguments.delivery.is_none());
    let verified =
        webhook::verify(source, &headers, body, &[SECRET], now).context("the payload could not be signed")?;
    webhook::parse(source, &headers, verified, hosts).context("the payload is no delivery")
}

/// The signed headers, and those that came with the payload beside them. Those with the delivery's id take the place of the signed ones where
/// they may, all of which go then: the one that counts first may not be among those that came.
fn with_told(signed: &Headers, told: &[(String, String)], source: Source, may_tell_id: bool) -> Headers {
    let is_id = |name: &str| webhook::id_headers(source).contains(&name);
    let told: Vec<(String, &str)> =
        told.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str())).collect();
    let tells_id = may_tell_id && told.iter().any(|(name, _)| is_id(name));
    let signed_ones = signed.iter().filter(|(name, _)| !(tells_id && is_id(name)));
    let told = told.iter().filter(|(name, _)| if is_id(name) { tells_id } else { signed.get(name).is_none() });
    let told = told.map(|(name, value)| (name.as_str(), *value));
    signed_ones.chain(told).collect()
}

/// What was decided then, from the table.
async fn stored(arguments: Arguments) -> anyhow::Result<Explanation> {
    let account = arguments.account.open().await?;
    let ids = match (arguments.release, arguments.delivery) {
        (Some(id), _) => {
            let release = account.store.release(&id).await?;
            vec![release.with_context(|| format!("{id} is no release in {}", account.table()))?.delivery]
        }
        (None, Some(id)) if id.contains('/') => vec![id],
        // As the provider shows it.
        (None, Some(id)) => Source::ALL.map(|source| format!("{}/{id}", source.word())).into(),
        (None, None) => bail!("--source, --release or --delivery is missing"),
    };
    for id in &ids {
        if let Some(remembered) = account.store.delivery(id).await? {
            let explanation =
                remembered.explanation.with_context(|| format!("{id} is stored without an explanation"))?;
            return serde_json::from_str(&explanation)
                .with_context(|| format!("the explanation of {id} cannot be read"));
        }
    }
    bail!("{} is no delivery of the last 30 days in {}", ids.join(", nor "), account.table())
}

/// The explanation for people.
fn shown(explanation: &Explanation) -> String {
    let repository = explanation.repository.as_deref().unwrap_or("no repository");
    let mut text = format!("\u{1b}[1m{} {}\u{1b}[0m", explanation.source, harmless(&explanation.event, false));
    let _ = writeln!(text, " of {}, delivery {}", harmless(repository, false), harmless(&explanation.delivery, false));
    for push in &explanation.pushes {
        let _ = writeln!(text, "  {}", moved(push));
    }
    let width = explanation.pipelines.iter().map(|pipeline| pipeline.name.len()).max().unwrap_or_default();
    for pipeline in &explanation.pipelines {
        let mark = if pipeline.starts { "\u{1b}[32m✓\u{1b}[0m" } else { "\u{1b}[31m✗\u{1b}[0m" };
        let _ = writeln!(text, "{mark} {:<width$}  {}", pipeline.name, harmless(&pipeline.reason, false));
    }
    if let Some(ignored) = &explanation.ignored {
        let _ = writeln!(text, "nothing starts; the sender is told: {}", harmless(ignored, false));
    }
    text
}

/// `branch "main" 9876543 → 0123456 by Ada "Say hello", 2 files`
fn moved(push: &Moved) -> String {
    let commit = |id: &Option<String>| id.as_ref().map_or("?".to_owned(), |id| id.chars().take(7).collect::<String>());
    let way = match (push.created, push.deleted) {
        (true, _) => format!("new, {}", commit(&push.after)),
        (false, true) => format!("deleted, was {}", commit(&push.before)),
        (false, false) => format!("{} → {}", commit(&push.before), commit(&push.after)),
    };
    let forced = if push.forced { ", forced" } else { "" };
    let author = harmless(&shorten(first_line(&push.author), 80), false);
    let by = if author.is_empty() { String::new() } else { format!(" by {author}") };
    let message = first_line(&push.message);
    let message = if message.is_empty() { String::new() } else { format!(" {}", quote(message, 100)) };
    let files = match &push.files {
        Some(files) if files.len() == 1 => ", 1 file".to_owned(),
        Some(files) => format!(", {} files", files.len()),
        None => String::new(),
    };
    format!("{} {} {way}{forced}{by}{message}{files}", push.kind.word(), quote(&push.name, 100))
}

fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("a header is NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests;
