//! `longshore secrets rotate`: a key gets a new value. First beside the old one, so that what is signed with either is taken; then, when the other
//! side has the new one, without it.

use std::{
    io::{self, IsTerminal as _, Read as _},
    iter,
    process::ExitCode,
};

use anyhow::Context;
use longshore_aws::secrets::SHORTEST;
use longshore_core::{address::Address, config, push::Source};
use serde_json::{Map, Value, json};

use super::{
    Which,
    key::Key,
    list::count,
    vault::{Vault, random},
};
use crate::{answer::Form, output::WrongUsage, terminal::plain};

/// What is longer is no secret of a webhook, and no token.
const LONGEST: usize = 4096;

const EXAMPLE: &str = "\
Examples:
  longshore secrets rotate github < new.txt              a value of yours, on standard input
  longshore secrets rotate github --generate             or one that is made here, and fetched from Secrets Manager
  longshore secrets rotate github --finish               once GitHub has it: the old one goes
  pbpaste | longshore secrets rotate slack_signing_secret
  longshore secrets rotate callback_key                  always made here; finish it 48 hours later

A value is never an argument, and never printed. Keys that we show to others (tokens, slack_webhook_url) have one value: it is replaced at \
once. The functions read the secret again within five minutes, and at once where a signature does not match. Who changed it is in \
CloudTrail. Of two who change the secret at the same time, one is told to try again.

Needed: secretsmanager:GetSecretValue, PutSecretValue and UpdateSecretVersionStage.

Exit status: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The key.
    #[arg(hide_possible_values = false)]
    key: Key,
    /// Take the old value away: the other side has the new one.
    #[arg(long)]
    finish: bool,
    /// Make the new value here: 64 hexadecimal digits.
    #[arg(long, conflicts_with = "finish")]
    generate: bool,
    /// The webhook secret of this repository alone, which it has instead of its source's: host/owner/name.
    #[arg(long, value_name = "REPOSITORY")]
    repository: Option<String>,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    which: Which,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { key, finish, generate, repository, form, which } = arguments;
    if repository.is_some() && !key.is_of_repositories() {
        return Err(WrongUsage(format!("a repository has no {} of its own", key.name())).into());
    }
    if let Some(repository) = &repository {
        let wrong = |why: &str| WrongUsage(format!("{} {why}", plain(repository)));
        Address::parse(repository).ok_or_else(|| wrong("is no repository: host/owner/name"))?;
        if Source::of_address(repository).is_some_and(|source| source.word() != key.name()) {
            return Err(wrong(&format!("has no secret of {}", key.name())).into());
        }
    }
    if finish && !key.is_list() {
        return Err(WrongUsage(format!("{} has one value: there is nothing to finish", key.name())).into());
    }
    let new = if finish { None } else { Some(value(key, generate)?) };
    let vault = which.open().await?;
    let place = Place { key, repository: repository.as_deref().map(config::fold) };
    match change(&vault, &place, new).await? {
        Ok(values) => {
            let object = json!({ "key": place.name(), "values": values });
            form.done(&told(&place, finish, values), object)
        }
        Err(why) => form.refused(&why),
    }
}

/// Where a value is in the secret.
struct Place {
    key: Key,
    /// In lower case.
    repository: Option<String>,
}

impl Place {
    fn name(&self) -> String {
        match &self.repository {
            Some(repository) => format!("repositories.{repository}"),
            None => self.key.name().to_owned(),
        }
    }

    /// The value's place among the keys; a repository's name counts in whatever case it is written there.
    fn slot<'k>(&self, keys: &'k mut Map<String, Value>) -> Option<&'k mut Value> {
        let Some(repository) = &self.repository else {
            return Some(keys.entry(self.key.name()).or_insert(Value::Null));
        };
        let own = keys.entry("repositories").or_insert_with(|| json!({})).as_object_mut()?;
        let written = own.keys().find(|name| config::fold(name) == *repository).cloned();
        Some(own.entry(written.unwrap_or_else(|| repository.clone())).or_insert(Value::Null))
    }
}

/// Changes the secret; how many values the key has then, or why it is not changed.
async fn change(vault: &Vault, place: &Place, new: Option<String>) -> anyhow::Result<Result<usize, String>> {
    let version = vault.current().await?;
    let mut keys = version.keys.clone();
    // What a repository has not had of its own yet was its source's.
    let source = keys.get(place.key.name()).map(live).unwrap_or_default();
    let slot = place.slot(&mut keys).context("the secret's `repositories` is not an object")?;
    let changed = match new {
        Some(new) if slot.is_null() => with(source, new, place.key.is_list()),
        Some(_) if live(slot).len() > 1 => Err("is being changed already: --finish first"),
        Some(new) => with(live(slot), new, place.key.is_list()),
        None => without(slot),
    };
    let changed = match changed {
        Ok(changed) => changed,
        Err(why) => return Ok(Err(format!("{} {why}", place.name()))),
    };
    let values = count(&changed);
    *slot = changed;
    vault.replace(&version, &keys).await?;
    Ok(Ok(values))
}

/// The values that there are, the newest first.
fn live(value: &Value) -> Vec<String> {
    let texts = match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect::<Vec<_>>(),
    };
    texts.into_iter().filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// With a new value before the old ones.
fn with(old: Vec<String>, new: String, is_list: bool) -> Result<Value, &'static str> {
    if old.contains(&new) {
        return Err("has this value already");
    }
    if !is_list || old.is_empty() {
        return Ok(Value::String(new));
    }
    Ok(iter::once(new).chain(old).collect())
}

/// With the newest value alone.
fn without(value: &Value) -> Result<Value, &'static str> {
    match live(value).into_iter().next() {
        Some(newest) if live(value).len() > 1 => Ok(Value::String(newest)),
        Some(_) => Err("has one value: there is nothing to finish"),
        None => Err("has no value: there is nothing to finish"),
    }
}

/// The new value: made, or from standard input, without the end of its line.
fn value(key: Key, generate: bool) -> anyhow::Result<String> {
    if generate && !key.is_ours() {
        let name = key.name();
        return Err(WrongUsage(format!(
            "{name} is given out by others: --generate would make one that they do not know"
        ))
        .into());
    }
    if generate || key == Key::CallbackKey {
        return random();
    }
    if io::stdin().is_terminal() {
        let made = if key.is_ours() { ", or --generate makes one" } else { "" };
        return Err(WrongUsage(format!(
            "the new value is read from standard input, which is a terminal here: < FILE{made}"
        ))
        .into());
    }
    let mut text = String::new();
    let read = io::stdin().lock().take(LONGEST as u64 + 2).read_to_string(&mut text);
    read.context("the new value cannot be read from standard input")?;
    usable(text.trim_end_matches(['\r', '\n'])).map_err(|why| WrongUsage(why).into())
}

/// Whether a text can be a value. The error has nothing of it.
fn usable(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("standard input is empty: it has to have the new value".to_owned()),
        length if length < SHORTEST => Err(format!("the value has {length} bytes, and {SHORTEST} at least are wanted")),
        length if length > LONGEST => Err(format!("the value has more than {LONGEST} bytes")),
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err("the value has white space, or characters that are not ASCII".to_owned())
        }
        _ => Ok(text.to_owned()),
    }
}

/// What was done, and what is to be done next.
fn told(place: &Place, finish: bool, values: usize) -> String {
    let (name, key) = (plain(&place.name()), place.key);
    if finish {
        return format!("{name} has its new value alone");
    }
    if !key.is_list() {
        return format!("{name} is replaced; {}", key.elsewhere());
    }
    let of = place.repository.as_ref().map(|repository| format!(" --repository {}", plain(repository)));
    let of = of.unwrap_or_default();
    let path = match &place.repository {
        Some(repository) => format!(".repositories[\"{}\"]", plain(repository)),
        None => format!(".{}", key.name()),
    };
    let fetch = match key {
        Key::Github | Key::Bitbucket | Key::Gitlab => format!(
            "\n  to copy it: aws secretsmanager get-secret-value --secret-id ARN --query SecretString --output text | \
             jq --raw-output '{path} | if type == \"array\" then .[0] else . end'"
        ),
        Key::SlackSigningSecret
        | Key::CallbackKey
        | Key::SlackBotToken
        | Key::SlackWebhookUrl
        | Key::GithubToken
        | Key::BitbucketToken
        | Key::GitlabToken => String::new(),
    };
    let (next, key) = (key.elsewhere(), key.name());
    if values == 1 {
        return format!("{name} has its first value\n  next: {next}{fetch}");
    }
    format!(
        "{name} has a new value, and the old one is taken as well\n  next: {next}{fetch}\n  then: longshore secrets rotate {key}{of} --finish"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_value_stands_before_the_old_one_until_it_is_finished() {
        let new = || "n".repeat(16);
        let with = |value: Value, is_list| with(live(&value), new(), is_list);
        assert_eq!(with(json!("old"), true), Ok(json!([new(), "old"])));
        assert_eq!(with(json!(["old"]), true), Ok(json!([new(), "old"])));
        assert_eq!(with(json!(["", "old", 1]), true), Ok(json!([new(), "old"])));
        assert_eq!(with(json!(""), true), Ok(json!(new())));
        assert_eq!(with(Value::Null, true), Ok(json!(new())));
        assert_eq!(with(json!(["new", new()]), true), Err("has this value already"));
        assert_eq!(with(json!("old"), false), Ok(json!(new())));
        assert_eq!(without(&json!(["new", "old"])), Ok(json!("new")));
        assert!(
            without(&json!("new")).is_err() && without(&json!(["new", ""])).is_err() && without(&json!([])).is_err()
        );
    }

    #[test]
    fn what_cannot_be_a_value_is_refused_without_being_quoted() {
        for wrong in ["", "hush", "hush hush hush hush", "hush\u{e4}hushhushhushhush", &"hush".repeat(1025)] {
            let error = usable(wrong).expect_err("a refusal");
            assert!(!error.contains("hush"), "{error}");
        }
        assert_eq!(usable("0123456789abcdef").as_deref(), Ok("0123456789abcdef"));
    }

    #[test]
    fn a_repositorys_own_secret_is_found_in_whatever_case() {
        let place = Place { key: Key::Github, repository: Some(config::fold("github.com/acme/web")) };
        let mut keys = json!({"repositories": {"github.com/Acme/Web": "old"}}).as_object().cloned().expect("an object");
        assert_eq!(place.slot(&mut keys), Some(&mut json!("old")));
        assert_eq!(keys["repositories"].as_object().expect("an object").len(), 1);
        keys["repositories"] = json!("no object");
        assert_eq!(place.slot(&mut keys), None);
    }
}
