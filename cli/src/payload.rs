//! A payload that someone has in a file: what GitHub shows under "Recent Deliveries", Bitbucket under "View requests", GitLab under "Edit".

use std::{
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
};

use anyhow::Context;
use longshore_core::push::Source;

use crate::output::note;

/// `--source`: a provider's word.
pub fn source(word: &str) -> Result<Source, String> {
    Source::parse(word).ok_or_else(|| format!("it must be {}", Source::ALL.map(Source::word).join(", ")))
}

/// The bytes of a file; without one, those of standard input, of which is said what it is for.
pub fn read(file: Option<&Path>, what: &str) -> anyhow::Result<Vec<u8>> {
    if let Some(file) = file {
        return std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()));
    }
    let mut input = std::io::stdin();
    if input.is_terminal() {
        note(&format!("reading {what} from standard input, up to Ctrl-D"));
    }
    let mut body = Vec::new();
    input.read_to_end(&mut body).context("standard input cannot be read")?;
    Ok(body)
}

/// What a body is sent as: GitHub's forms begin with their only field.
pub fn content_type(body: &[u8]) -> &'static str {
    if body.starts_with(b"payload=") { "application/x-www-form-urlencoded" } else { "application/json" }
}

/// `[FILE]`, for the commands that take one.
#[derive(clap::Args)]
pub struct File {
    /// The payload, exactly as the provider sent it; standard input without one.
    #[arg(value_name = "FILE")]
    pub path: Option<PathBuf>,
}
