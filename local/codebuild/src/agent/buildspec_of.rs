//! Finding a build's buildspec: in the request, in the project, or in the source.

use std::{fs, io, path::Path};

use super::is_inside;
use crate::{build::Order, buildspec::Buildspec, log::Log, phase::Phase};

/// Reads the buildspec; the error is the message of a `YAML_FILE_ERROR`.
pub(super) fn find(order: &Order, directory: &Path, log: &Log) -> Result<Buildspec, String> {
    let given = order.source("buildspec").unwrap_or("buildspec.yml");
    let spec = if is_inline(given) {
        Buildspec::parse(given)?
    } else if given.starts_with("arn:") {
        return Err(format!("{given}: the local stand-in has no buildspecs in S3"));
    } else {
        let path = directory.join(given);
        log.say(format!("YAML location is {}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("stat {}: no such file or directory", path.display()),
            _ => format!("{}: {error}", path.display()),
        })?;
        if !is_inside(&path, directory) {
            return Err(format!("{given} is outside of the source"));
        }
        Buildspec::parse(&text)?
    };
    let used: Vec<_> = Phase::WITH_COMMANDS
        .into_iter()
        .map(|phase| (phase.name(), spec.steps(phase).commands.len()))
        .filter(|(_, commands)| *commands > 0)
        .collect();
    log.say(format!("Phases found in YAML: {}", used.len()));
    for (phase, commands) in used {
        log.say(format!(" {phase}: {commands} commands"));
    }
    Ok(spec)
}

/// A path has neither line breaks nor a colon with a space, and a YAML mapping has one of them.
fn is_inline(given: &str) -> bool {
    given.contains('\n') || given.contains(": ") || given.trim_start().starts_with('{')
}
