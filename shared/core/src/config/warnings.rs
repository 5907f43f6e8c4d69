//! What a configuration that is right may not be meant to say: rules that never matter, and people who could never answer.
//!
//! The functions take such a file. `longshore check` says it, since whoever wrote the rule expects something of it.

mod people;
mod places;
mod reach;

use std::ops::Range;

use toml::de::DeTable;

use super::{Config, Problem, Problems, Rules, Who};
use crate::{
    glob::{Language, Pattern},
    push::{Source, is_name},
};
use places::{Entry, Places, Written};

/// Everything that is doubtful about the text of a `longshore.toml` that was read as this configuration, in the order of the file.
pub(super) fn warnings(text: &str, config: &Config) -> Problems {
    let Ok(document) = DeTable::parse(text) else { return Problems::new(text, Vec::new()) };
    let pipelines = places::pipelines(document.get_ref());
    let mut found = Found(Vec::new());
    for (pipeline, places) in config.pipelines().iter().zip(&pipelines) {
        for (key, prefix) in [("branches", "refs/heads/"), ("tags", "refs/tags/")] {
            let written = places.patterns(key);
            redundant(&mut found, key, &written);
            nameless(&mut found, key, prefix, &written);
        }
        let written = places.patterns("paths");
        redundant(&mut found, "paths", &written.iter().filter(|one| !one.excluded).cloned().collect::<Vec<_>>());
        redundant(&mut found, "paths", &written.iter().filter(|one| one.excluded).cloned().collect::<Vec<_>>());
        excluded(&mut found, &written);
        relative(&mut found, &written);
        actors(&mut found, &pipeline.actors, places);
        if config.source_of(&pipeline.repository) == Some(Source::CodeCommit) {
            untold(&mut found, places);
        }
        for (environment, places) in pipeline.environments.iter().zip(places.environments()) {
            people::environment(&mut found, environment, &places);
        }
    }
    reach::pipelines(&mut found, config, &pipelines);
    Problems::new(text, found.0)
}

/// The warnings so far.
struct Found(Vec<Problem>);

impl Found {
    fn warn(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Problem { span, message: message.into(), help: Some(help.into()) });
    }
}

/// Patterns of one list of which another matches everything that they do.
fn redundant(found: &mut Found, key: &str, written: &[Written]) {
    let mut dropped = vec![false; written.len()];
    for (at, narrow) in written.iter().enumerate() {
        let Some(language) = Language::of([&narrow.pattern]) else { continue };
        let wider = written.iter().enumerate().find(|(other, wide)| {
            *other != at
                && !dropped[*other]
                && Language::of([&wide.pattern]).and_then(|wide| language.is_within(&wide)) == Some(true)
        });
        if let Some((_, wide)) = wider {
            dropped[at] = true;
            let message = if wide.pattern == narrow.pattern {
                format!("`{key}` names \"{}\" twice", narrow.text)
            } else {
                format!("\"{}\" in `{key}` adds nothing: \"{}\" matches all of it", narrow.text, wide.text)
            };
            let help = format!("leave out \"{}\", or narrow \"{}\"", narrow.text, wide.text);
            let help = if wide.pattern == narrow.pattern { "leave one of them out".to_owned() } else { help };
            found.warn(narrow.span.clone(), message, help);
        }
    }
}

/// Patterns for which no name could be: with the prefix of references, or none by the rule that deliveries are read by.
fn nameless(found: &mut Found, key: &str, prefix: &str, written: &[Written]) {
    for Written { pattern, span, text, .. } in written {
        if let Some(rest) = text.strip_prefix(prefix) {
            let message = format!("\"{text}\" in `{key}` never matches: names are compared without {prefix}");
            found.warn(span.clone(), message, format!("write \"{rest}\""));
            continue;
        }
        if pattern.plain().is_some_and(|name| !is_name(name)) {
            let message = format!("\"{text}\" in `{key}` never matches: git allows no such name");
            found.warn(span.clone(), message, "write the name as `git branch` or `git tag` shows it");
        }
    }
}

/// Paths that are named, and excluded all the same.
fn excluded(found: &mut Found, written: &[Written]) {
    let excludes: Vec<&Pattern> = written.iter().filter(|one| one.excluded).map(|one| &one.pattern).collect();
    let Some(excluding) = Language::of(excludes.iter().copied()).filter(|_| !excludes.is_empty()) else { return };
    let named = written.iter().filter(|one| !one.excluded).count();
    let mut shadowed = Vec::new();
    for one in written.iter().filter(|one| !one.excluded) {
        if Language::of([&one.pattern]).and_then(|language| language.is_within(&excluding)) == Some(true) {
            shadowed.push(one);
        }
    }
    let all = shadowed.len() == named && named > 0;
    for one in shadowed {
        let consequence = if all { ", and so is every other: no change of files starts the pipeline" } else { "" };
        let message = format!("\"{}\" in `paths` never matters: what it matches is excluded{consequence}", one.text);
        found.warn(one.span.clone(), message, "leave it out, or narrow what begins with `!`");
    }
    if named == 0
        && let (Some(everything), Some(first)) =
            (Pattern::parse("**").ok().and_then(|all| Language::of([&all])), written.first())
        && everything.is_within(&excluding) == Some(true)
    {
        let message = "`paths` excludes every file: no change of files starts the pipeline";
        found.warn(first.span.clone(), message, "narrow what begins with `!`");
    }
}

/// Paths of another form than git's.
fn relative(found: &mut Found, written: &[Written]) {
    for Written { text, span, .. } in written {
        let path = text.trim_start_matches('!');
        if path.split('/').any(|part| part == "." || part == "..") {
            let message = format!("\"{text}\" in `paths` never matches: paths are git's, from the repository's root");
            found.warn(span.clone(), message, "write it without . and ..");
        }
    }
}

/// Those who are named and excluded.
fn actors(found: &mut Found, actors: &Rules<Who>, places: &Places<'_>) {
    let same = |one: &Who, other: &Who| match (one, other) {
        (Who::Login(one), Who::Login(other)) => one.to_lowercase() == other.to_lowercase(),
        (Who::Id(one), Who::Id(other)) => one == other,
        (Who::Login(_), Who::Id(_)) | (Who::Id(_), Who::Login(_)) => false,
    };
    let entries: Vec<Entry> = places.entries("actors");
    let included = entries.iter().filter(|entry| !entry.text.starts_with('!'));
    for (who, entry) in actors.include.iter().zip(included) {
        if actors.exclude.iter().any(|excluded| same(who, excluded)) {
            let message = format!("\"{}\" in `actors` never matters: they are excluded, too", entry.text);
            found.warn(entry.span.clone(), message, "leave out one of the two");
        }
    }
}

/// Rules about what CodeCommit's events do not tell.
fn untold(found: &mut Found, places: &Places<'_>) {
    if let Some(span) = places.span("paths") {
        let message =
            "`paths` never matters: CodeCommit's events name no files, so that every push starts the pipeline";
        found.warn(span, message, "leave it out");
    }
    if let Some(span) = places.span("skip").filter(|_| !places.entries("skip").is_empty()) {
        let message = "`skip` never matters: CodeCommit's events have no message";
        found.warn(span, message, "leave it out");
    }
}

#[cfg(test)]
mod tests;
