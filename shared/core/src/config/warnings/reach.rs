//! What pipelines have to do with each other: those that wait in vain, and those that do the same for the same push.

use std::collections::HashSet;

use super::{Found, places::Places};
use crate::{
    config::{Config, Pipeline, fold},
    glob::{Language, Pattern},
};

pub(super) fn pipelines(found: &mut Found, config: &Config, places: &[Places<'_>]) {
    for (pipeline, places) in config.pipelines().iter().zip(places) {
        waits_in_vain(found, config, pipeline, places);
        let of_repository = config.of_repository(&pipeline.repository);
        let earlier: Vec<&Pipeline> = of_repository.take_while(|other| other.name != pipeline.name).collect();
        same_build(found, pipeline, &earlier, places);
    }
}

/// An upstream of the same repository that nothing starts which starts this one.
fn waits_in_vain(found: &mut Found, config: &Config, pipeline: &Pipeline, places: &Places<'_>) {
    for entry in places.entries("after") {
        let Some(upstream) = config.pipeline(&entry.text).filter(|upstream| upstream.is_of(&pipeline.repository))
        else {
            continue;
        };
        // A push to another repository starts both, whatever their branches.
        let mut origins = HashSet::new();
        collect_origins(config, upstream, &mut origins);
        if origins.len() == 1 && meet(upstream, pipeline) == Some(false) {
            let message = format!("this pipeline never waits for \"{}\": no branch or tag starts both", upstream.name);
            let help = "let their `branches` or `tags` overlap, or take it out of `after`";
            found.warn(entry.span, message, help);
        }
    }
}

/// The repositories whose pushes can start a pipeline. There are no cycles.
fn collect_origins(config: &Config, pipeline: &Pipeline, into: &mut HashSet<String>) {
    into.insert(fold(&pipeline.repository));
    for upstream in pipeline.after.iter().filter_map(|name| config.pipeline(name)) {
        collect_origins(config, upstream, into);
    }
}

/// Two builds of one project, for one image, of one commit.
fn same_build(found: &mut Found, pipeline: &Pipeline, earlier: &[&Pipeline], places: &Places<'_>) {
    for other in earlier {
        let alike = other.project == pipeline.project && other.image == pipeline.image && other.on == pipeline.on;
        // Whose pushes count may tell them apart, and so may one waiting for the other.
        let apart = !(other.actors.is_empty() && pipeline.actors.is_empty())
            || pipeline.after.contains(&other.name)
            || other.after.contains(&pipeline.name);
        if alike && !apart && meet(other, pipeline) == Some(true) && share_files(other, pipeline) == Some(true) {
            let message = format!(
                "one push starts the project {} twice, for \"{}\" and for \"{}\"{}",
                pipeline.project,
                other.name,
                pipeline.name,
                pipeline.image.as_ref().map(|image| format!(", and both push to {image}")).unwrap_or_default()
            );
            let help = "make them one pipeline with the environments of both; or tell them apart by branches, paths, project or image";
            found.warn(places.span("project").unwrap_or(places.span.clone()), message, help);
        }
    }
}

/// Whether a branch or a tag can start both.
fn meet(one: &Pipeline, other: &Pipeline) -> Option<bool> {
    let branches = overlap(&one.branches, &other.branches)?;
    Some(branches || overlap(&one.tags, &other.tags)?)
}

/// Whether a file can count for both; where one names none, every file counts.
fn share_files(one: &Pipeline, other: &Pipeline) -> Option<bool> {
    if one.paths.include.is_empty() || other.paths.include.is_empty() {
        // What one excludes the other may name: only where neither excludes is it certain.
        return Some(one.paths.exclude.is_empty() && other.paths.exclude.is_empty());
    }
    if !one.paths.exclude.is_empty() || !other.paths.exclude.is_empty() {
        return Some(false);
    }
    overlap(&one.paths.include, &other.paths.include)
}

fn overlap(one: &[Pattern], other: &[Pattern]) -> Option<bool> {
    Language::of(one)?.overlaps(&Language::of(other)?)
}
