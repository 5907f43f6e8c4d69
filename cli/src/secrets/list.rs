//! `longshore secrets list`: which keys there are, with how many values, and since when.

use std::process::ExitCode;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Which, vault::Version};
use crate::{
    output,
    table::{self, Colour, cell, coloured},
    time::span,
};

const EXAMPLE: &str = "\
Example:
  $ longshore secrets list
  KEY                   VALUES  AGE
  callback_key          1       at least 26 d
  github                2       3 h
  slack_bot_token       1       at least 26 d
  slack_signing_secret  none    at least 26 d

Secrets Manager keeps the secret as it was before its last change: a key that is as it was then is older than that, and its age is at least \
what is shown. A key with two values is being changed: `longshore secrets rotate KEY --finish` takes the old one away.

Exit status: 0 it could be read, 1 not, 2 wrong usage.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// Print one JSON object instead of text: {"keys": [{"key", "values", "since", "changed"}]}; `changed` false: since then at least.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

/// A key, without its value.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Listed {
    /// As in the secret; of a repository's own, `repositories.` and its address.
    key: String,
    /// How many values there are that count: empty ones do not.
    values: usize,
    /// Since when it is so.
    since: Option<Timestamp>,
    /// Whether it was changed then; else it may be so for longer.
    changed: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let vault = arguments.which.open().await?;
    let current = vault.current().await?;
    let listed = listed(&current, vault.previous().await?.as_ref());
    if arguments.json {
        output::json(&json!({ "keys": listed }))?;
    } else {
        output::say(shown(&listed, Timestamp::now(), table::width()).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(current: &Version, previous: Option<&Version>) -> Vec<Listed> {
    let before = previous.map(|previous| flat(&previous.keys));
    let of = |(key, value): (String, Value)| {
        // What did not change since the version before is at least as old as that one.
        let same = before.as_ref().is_some_and(|before| before.iter().any(|(name, old)| *name == key && *old == value));
        let since = if same { previous.and_then(|previous| previous.at) } else { current.at };
        Listed { values: count(&value), changed: !same && previous.is_some(), key, since }
    };
    flat(&current.keys).into_iter().map(of).collect()
}

/// The keys, those of repositories each by itself.
fn flat(keys: &Map<String, Value>) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (key, value) in keys {
        match value.as_object() {
            Some(own) => flat.extend(own.iter().map(|(name, value)| (format!("{key}.{name}"), value.clone()))),
            None => flat.push((key.clone(), value.clone())),
        }
    }
    flat
}

/// How many values count.
pub(super) fn count(value: &Value) -> usize {
    let is_value = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    value.as_array().map_or(usize::from(is_value(value)), |values| values.iter().filter(|one| is_value(one)).count())
}

fn shown(listed: &[Listed], now: Timestamp, width: Option<usize>) -> String {
    let mut rows = vec![["KEY", "VALUES", "AGE"].map(|title| coloured(title, Colour::Dim)).to_vec()];
    rows.extend(listed.iter().map(|one| {
        let values = match one.values {
            0 => coloured("none", Colour::Dim),
            1 => cell("1"),
            several => coloured(several.to_string(), Colour::Open),
        };
        let age = one.since.map_or("not known".to_owned(), |since| span(since, now));
        let age = if one.changed || one.since.is_none() { age } else { format!("at least {age}") };
        vec![coloured(&one.key, Colour::Bold), values, cell(age)]
    }));
    table::fitting(&rows, 0, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::at;

    #[test]
    fn keys_are_listed_with_their_ages_and_without_their_values() {
        let version = |second, keys: Value| Version::sample(at(second), keys);
        let before = version(
            0,
            json!({"github": "hush-old", "callback_key": "hush-key", "repositories": {"github.com/acme/web": "hush-own"}}),
        );
        let current = version(
            86_400,
            json!({
                "github": ["hush-new", "hush-old"], "callback_key": "hush-key", "slack_bot_token": "",
                "repositories": {"github.com/acme/web": "hush-own"},
            }),
        );
        let listed = listed(&current, Some(&before));
        insta::assert_snapshot!(anstream::adapter::strip_str(&shown(&listed, at(97_200), None)), @r"
        KEY                               VALUES  AGE
        callback_key                      1       at least 27 h
        github                            2       3 h
        repositories.github.com/acme/web  1       at least 27 h
        slack_bot_token                   none    3 h
        ");
        assert!(!serde_json::to_string(&listed).expect("JSON").contains("hush"));
        assert!(!format!("{current:?}").contains("hush"));
    }
}
