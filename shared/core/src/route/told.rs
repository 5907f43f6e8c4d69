//! What the sender of a delivery is told when it starts nothing. All of it is bounded, however many pipelines there are.

use super::Decision;
use crate::{
    config::{Config, Pipeline},
    glob,
    push::{Cause, Change, Content, Delivery, Merged, Push, Reference, Source},
    text,
};

/// Why a delivery starts nothing.
pub(super) fn ignored(config: &Config, delivery: &Delivery, decisions: &[Decision<'_>]) -> String {
    match &delivery.content {
        Content::Ping { events } => ping(config, delivery, events),
        Content::Pushes(pushes) if !pushes.is_empty() => pushed(config, delivery, decisions, pushes),
        Content::Change(Change { merged: Merged::As(push), .. }) => {
            pushed(config, delivery, decisions, std::slice::from_ref(push))
        }
        Content::Pushes(_) | Content::Change(_) | Content::Reference { .. } | Content::Other(_) => no_push(delivery),
    }
}

/// Why a delivery in which nothing moved starts nothing.
pub(super) fn no_push(delivery: &Delivery) -> String {
    match &delivery.content {
        Content::Pushes(_) => "no branch or tag moved".to_owned(),
        Content::Change(Change { source, target, merged: Merged::Pushed, .. }) => {
            let (source, target) = (text::quote(source, 80), text::quote(target, 80));
            format!(
                "the pull request from {source} into {target} was merged: the push that this made tells as which commit"
            )
        }
        Content::Change(Change { action, source, target, .. }) => {
            let (action, source, target) = (text::quote(action, 40), text::quote(source, 80), text::quote(target, 80));
            format!("a pull request from {source} into {target} that is not merged ({action})")
        }
        Content::Reference { reference: Reference { kind, name }, deleted } => {
            let what = if *deleted { "deleted" } else { "made" };
            format!(
                "the {} {} was {what}: its push event tells that, too, and counts",
                kind.word(),
                text::quote(name, 80)
            )
        }
        Content::Ping { .. } => "a ping".to_owned(),
        Content::Other(reason) => text::shorten(reason, 500),
    }
}

fn pushed(config: &Config, delivery: &Delivery, decisions: &[Decision<'_>], pushes: &[Push]) -> String {
    let Some(repository) = &delivery.repository else { return "the delivery names no repository".to_owned() };
    if config.of_repository(repository).next().is_none() {
        return format!("no pipeline has the repository {}", text::shorten(repository, 200));
    }
    if let [push] = pushes
        && push.deleted()
    {
        return format!("the {} {} was deleted", push.reference.kind.word(), text::quote(&push.reference.name, 80));
    }
    let own = decisions.iter().filter(|decision| !decision.reason.starts_with(super::OF_ANOTHER));
    let reasons = own.map(|decision| format!("{}: {}", decision.pipeline.name, text::shorten(&decision.reason, 300)));
    let what = match pushes {
        [push] if push.cause == Cause::Merge => "the merge",
        [_] => "the push",
        _ => "this",
    };
    format!("{what} starts nothing: {}", some(reasons))
}

/// What this endpoint would do for the repository.
fn ping(config: &Config, delivery: &Delivery, events: &[String]) -> String {
    let Some(repository) = &delivery.repository else {
        return format!("a ping of no repository; pipelines configured here: {}", config.pipelines().len());
    };
    let pipelines: Vec<&Pipeline> = config.of_repository(repository).collect();
    let repository = text::shorten(repository, 200);
    if pipelines.is_empty() {
        return format!("a ping: no pipeline has the repository {repository}");
    }
    let would = some(pipelines.iter().map(|pipeline| format!("{} by {}", pipeline.name, started_by(pipeline))));
    format!("a ping: {repository} starts {would}{}", missing(delivery.source, events, &pipelines))
}

fn started_by(pipeline: &Pipeline) -> String {
    let how = match pipeline.on {
        Cause::Push => "pushes to",
        Cause::Merge => "merges into",
    };
    let branches = (!pipeline.branches.is_empty()).then(|| format!("{how} {}", glob::list(&pipeline.branches)));
    let tags = (!pipeline.tags.is_empty()).then(|| format!("the tags {}", glob::list(&pipeline.tags)));
    let rules = !pipeline.paths.is_empty() || !pipeline.actors.is_empty();
    let rules = if rules { ", within its paths and actors" } else { "" };
    format!("{}{rules}", branches.into_iter().chain(tags).collect::<Vec<_>>().join(" and "))
}

/// What the webhook does not send and a pipeline needs, where the ping says what it sends.
fn missing(source: Source, events: &[String], pipelines: &[&Pipeline]) -> String {
    if events.is_empty() || events.iter().any(|event| event == "*") {
        return String::new();
    }
    let needed = |cause| {
        let names = names_of(source, cause);
        let sent = names.is_empty() || events.iter().any(|event| names.contains(&event.as_str()));
        let in_need = pipelines.iter().filter(|pipeline| pipeline.on == cause && !sent);
        let in_need: Vec<String> = in_need.map(|pipeline| pipeline.name.clone()).collect();
        let need = if in_need.len() == 1 { "needs" } else { "need" };
        (!in_need.is_empty()).then(|| format!("{}, which {} {need}", names.join(" or "), text::list(in_need, "and")))
    };
    let needed: Vec<String> = [Cause::Push, Cause::Merge].into_iter().filter_map(needed).collect();
    if needed.is_empty() { String::new() } else { format!("; but the webhook does not send {}", needed.join("; nor ")) }
}

/// The events that tell of pushes or of merges, in the provider's words; any of them will do.
fn names_of(source: Source, cause: Cause) -> &'static [&'static str] {
    match (source, cause) {
        (Source::GitHub, Cause::Push) => &["push"],
        (Source::GitHub, Cause::Merge) => &["pull_request"],
        // The Data Center's: Cloud sends no ping.
        (Source::Bitbucket, Cause::Push) => &["repo:refs_changed"],
        (Source::Bitbucket, Cause::Merge) => &["pr:merged"],
        // Neither of them sends a ping.
        (Source::GitLab | Source::CodeCommit, Cause::Push | Cause::Merge) => &[],
    }
}

/// The first three, and how many more there are.
pub(super) fn some(items: impl Iterator<Item = String>) -> String {
    let mut items = items;
    let mut shown: Vec<String> = items.by_ref().take(3).map(|item| text::shorten(&item, 300)).collect();
    match items.count() {
        0 => {}
        more => shown.push(format!("and {more} more")),
    }
    shown.join("; ")
}
