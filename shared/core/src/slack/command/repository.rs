//! Repositories as people name them.

use super::Unclear;
use crate::config::{Config, fold};

/// The configuration's repository that somebody means: by its whole address (`github.com/acme/web`, also as a page or as git clones it), by the end of it
/// (`acme/web`, `web`) where only one ends like that, or by the name of a pipeline of it.
pub fn repository<'c>(written: &str, config: &'c Config) -> Result<&'c str, Unclear> {
    let mut known: Vec<&str> = Vec::new();
    for pipeline in config.pipelines() {
        if !known.iter().any(|other| fold(other) == fold(&pipeline.repository)) {
            known.push(&pipeline.repository);
        }
    }
    let wanted = fold(&address(written));
    let ends = |repository: &&&str| {
        let repository = fold(repository);
        repository == wanted || repository.strip_suffix(&wanted).is_some_and(|before| before.ends_with('/'))
    };
    let whole = known.iter().find(|repository| fold(repository) == wanted);
    let mut meant = known.iter().filter(ends);
    match (whole, meant.next(), meant.next()) {
        (Some(one), _, _) | (None, Some(one), None) if !wanted.is_empty() => return Ok(one),
        _ => {}
    }
    match config.pipeline(written) {
        Some(pipeline) => Ok(&pipeline.repository),
        None => Err(Unclear::no_repository(written, &known)),
    }
}

/// `host/owner/name` of `https://host/owner/name.git`, `git@host:owner/name` and `ssh://git@host/owner/name`.
fn address(written: &str) -> String {
    let (scheme, rest) = match written.split_once("://") {
        Some((_, rest)) => (true, rest),
        None => (false, written),
    };
    let rest = match rest.split_once('@') {
        Some((user, rest)) if !user.contains('/') => rest,
        Some(_) | None => rest,
    };
    let rest = rest.trim_end_matches('/').strip_suffix(".git").unwrap_or(rest.trim_end_matches('/'));
    // `git@host:owner/name`; a port has digits.
    match rest.split_once(':') {
        Some((host, path)) if !scheme && !path.starts_with(|c: char| c.is_ascii_digit()) => format!("{host}/{path}"),
        Some(_) | None => rest.to_owned(),
    }
}
