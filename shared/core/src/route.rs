//! Which pipelines a delivery starts, and the first rule that said no for the others.
//!
//! The rules of a pipeline, in this order: repository; deleted; kind and name (`branches`, `tags`); `on`; `actors`; `skip`; `paths`, with
//! empty pushes. What a push starts is followed `after` by others: one that waits for something that the push starts starts with it, if
//! it is of the same repository by its own rules but `paths` (a new base rebuilds it, whatever changed), else whatever its rules.

mod rules;
mod told;
mod would;

use std::collections::{BTreeSet, HashMap};

pub use would::{Would, would};

use crate::{
    config::{Config, Pipeline, fold},
    push::{Delivery, Push, Reference},
    text,
};

/// What a delivery does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing<'c> {
    /// For every pipeline, in the configuration's order, whether it starts and why; [`route_but`] leaves out those that no push to the
    /// repository can start, where there are many.
    pub decisions: Vec<Decision<'c>>,
    /// Why the delivery starts nothing, in a sentence for its sender; `None` when something starts.
    pub ignored: Option<String>,
}

/// What a delivery does to one pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'c> {
    /// Which.
    pub pipeline: &'c Pipeline,
    /// A release for each of these; none: it does not start.
    pub starts: Vec<Start>,
    /// Why it starts, or the first rule that said no: a sentence without its full stop.
    pub reason: String,
}

/// A release to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The position in [`Delivery::pushes`] of what it comes from.
    pub push: usize,
    /// The pipelines that it waits for: those of its `after` that the same push starts.
    pub after: Vec<String>,
    /// Its pipeline is of another repository than the push: the newest known commit of this branch is built.
    pub elsewhere: Option<Reference>,
}

/// How the reason of a pipeline that is of another repository begins.
pub(crate) const OF_ANOTHER: &str = "it is of another repository";

/// Decides what a delivery starts.
pub fn route<'c>(config: &'c Config, delivery: &Delivery) -> Routing<'c> {
    decided(config, delivery, &BTreeSet::new(), config.upstream_first())
}

/// So many pipelines are all decided on, so that an explanation tells of each. Of more, an explanation would not hold them: only those
/// that are concerned are looked at, and a push costs the same among a hundred pipelines and among ten thousand.
const FEW: usize = 50;

/// As [`route`]; `unknown` are the pipelines of other repositories, by name, of whose branch no commit is known: they are not started.
/// In a configuration of more than fifty pipelines, those of other repositories that come after none of this one's are left out.
pub fn route_but<'c>(config: &'c Config, delivery: &Delivery, unknown: &BTreeSet<&str>) -> Routing<'c> {
    if config.pipelines().len() <= FEW {
        return decided(config, delivery, unknown, config.upstream_first());
    }
    let concerned = delivery.repository.as_deref().map(|repository| config.concerned(repository));
    decided(config, delivery, unknown, &concerned.unwrap_or_default())
}

/// Decides on these pipelines: positions, whoever is waited for before those who wait.
fn decided<'c>(config: &'c Config, delivery: &Delivery, unknown: &BTreeSet<&str>, positions: &[usize]) -> Routing<'c> {
    let pipelines = config.pipelines();
    let repository = delivery.repository.as_deref().map(fold);
    // The pushes that start each pipeline, by its name; whoever is waited for is decided before those who wait.
    let mut starting: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut decisions: Vec<(usize, Decision<'_>)> = Vec::with_capacity(positions.len());
    for &position in positions {
        let pipeline = &pipelines[position];
        let own = repository.as_deref() == Some(&fold(&pipeline.repository));
        let mut starts = Vec::new();
        let mut yes = Vec::new();
        let mut no = Vec::new();
        for (at, push) in delivery.pushes().iter().enumerate() {
            let started = |name: &&String| starting.get(name.as_str()).is_some_and(|pushes| pushes.contains(&at));
            let after: Vec<String> = pipeline.after.iter().filter(started).cloned().collect();
            let known = !unknown.contains(pipeline.name.as_str());
            match decide(pipeline, push, own, &after, known) {
                Ok((elsewhere, reason)) => {
                    starts.push(Start { push: at, after, elsewhere });
                    yes.push((push, reason));
                }
                Err(reason) => no.push((push, reason)),
            }
        }
        starting.insert(&pipeline.name, starts.iter().map(|start| start.push).collect());
        let reason = match (own, delivery.pushes()) {
            (false, []) if repository.is_some() => another(pipeline),
            (_, []) => told::no_push(delivery),
            _ if starts.is_empty() => summary(&no),
            _ => summary(&yes),
        };
        decisions.push((position, Decision { pipeline, starts, reason }));
    }
    decisions.sort_unstable_by_key(|(position, _)| *position);
    let decisions: Vec<_> = decisions.into_iter().map(|(_, decision)| decision).collect();
    let ignored = decisions.iter().all(|decision| decision.starts.is_empty());
    let ignored = ignored.then(|| text::shorten(&told::ignored(config, delivery, &decisions), 1000));
    Routing { decisions, ignored }
}

/// The positions in [`Delivery::pushes`] whose list of files would decide something and is not known, or not for certain (GitLab's): the
/// provider may be asked.
pub fn wants_files(config: &Config, delivery: &Delivery) -> Vec<usize> {
    let Some(repository) = &delivery.repository else { return Vec::new() };
    let decides = |push: &Push| {
        let mut pipelines = config.of_repository(repository).filter(|pipeline| !pipeline.paths.is_empty());
        let told = push.files.is_some() && rules::lists_all(delivery.source);
        !told && rules::looks_at_files(push) && pipelines.any(|one| rules::but_paths(one, push).is_ok())
    };
    let pushes = delivery.pushes().iter().enumerate();
    pushes.filter(|(_, push)| decides(push)).map(|(at, _)| at).collect()
}

/// Whether a push starts a pipeline and, if that is of another repository, which of its branches is built; `after` are those of its
/// upstreams that the push starts. `known`: whether a commit of that branch is.
fn decide(
    pipeline: &Pipeline,
    push: &Push,
    own: bool,
    after: &[String],
    known: bool,
) -> Result<(Option<Reference>, String), String> {
    let upstreams = text::list(after.iter().map(|name| text::quote(name, 64)), "and");
    match (own, after) {
        (false, []) => Err(another(pipeline)),
        (false, _) => {
            let branch = pipeline.own_branch().ok_or("no branch of its own to build is a plain name in `branches`")?;
            if !known {
                let branch = text::quote(&branch.name, 80);
                return Err(format!("it comes after {upstreams}, and no commit of its branch {branch} is known yet"));
            }
            let reason = format!(
                "it comes after {upstreams}: the newest known commit of its branch {} is built",
                text::quote(&branch.name, 80)
            );
            Ok((Some(branch), reason))
        }
        (true, []) => {
            let name = rules::but_paths(pipeline, push)?;
            let paths = rules::paths(pipeline, push)?;
            Ok((None, paths.map_or(name.clone(), |paths| format!("{name}; {paths}"))))
        }
        (true, _) => {
            let name = rules::but_paths(pipeline, push)?;
            let paths = if pipeline.paths.is_empty() { "" } else { ", whatever its paths" };
            Ok((None, format!("{name}; it comes after {upstreams}{paths}")))
        }
    }
}

fn another(pipeline: &Pipeline) -> String {
    let repository = text::shorten(&pipeline.repository, 200);
    match pipeline.after.as_slice() {
        [] => format!("{OF_ANOTHER}, {repository}"),
        _ => format!("{OF_ANOTHER}, {repository}, and nothing that it comes after starts"),
    }
}

/// The reasons of several pushes in one sentence; each names its push where there are several.
fn summary(reasons: &[(&Push, String)]) -> String {
    let [(_, reason)] = reasons else {
        if let Some((_, same)) = reasons.first().filter(|(_, first)| reasons.iter().all(|(_, reason)| reason == first))
        {
            return same.clone();
        }
        let name = |push: &Push| text::quote(&push.reference.to_string(), 80);
        return told::some(reasons.iter().map(|(push, reason)| format!("{}: {reason}", name(push))));
    };
    reason.clone()
}

#[cfg(test)]
mod tests;
