//! The rules of one pipeline, each with the sentence that says how it went.

use crate::{
    config::{Pipeline, Rules},
    glob::{self, Pattern},
    push::{Actor, Cause, Kind, Push, Source},
    text,
};

/// All rules but the repository and `paths`: what matched, or what did not.
pub(super) fn but_paths(pipeline: &Pipeline, push: &Push) -> Result<String, String> {
    if push.deleted() {
        return Err(format!("the {} {} was deleted", push.reference.kind.word(), name(push)));
    }
    let matched = reference(pipeline, push)?;
    on(pipeline, push)?;
    actors(pipeline, &push.actor)?;
    skip(pipeline, &push.head.message)?;
    Ok(matched)
}

/// Whether the list of files, if it is known, decides: a new branch has nothing to be compared with, no more has a merge of which only its
/// own commit is told, and a tag marks what was pushed before. Where history was rewritten, no payload tells all files, and comparing the
/// two commits does.
pub(super) fn looks_at_files(push: &Push) -> bool {
    let branch = match push.reference.kind {
        Kind::Branch => true,
        Kind::Tag => false,
    };
    branch && push.compared().is_some()
}

/// Whether the files that a source's payload lists are all that differ. GitLab does not say whether history was rewritten, and lists
/// those of the new commits either way.
pub(super) fn lists_all(source: Source) -> bool {
    match source {
        Source::GitHub | Source::Bitbucket | Source::CodeCommit => true,
        Source::GitLab => false,
    }
}

/// `paths`, and pushes that move nothing; `Ok(None)` where there is nothing to say.
pub(super) fn paths(pipeline: &Pipeline, push: &Push) -> Result<Option<String>, String> {
    if moves_nothing(push) {
        return Err(format!("an empty push: {} names the commit that it named before", name(push)));
    }
    if pipeline.paths.is_empty() {
        return Ok(None);
    }
    let files = match &push.files {
        Some(files) if looks_at_files(push) => files,
        Some(_) | None => return Ok(Some(format!("{}: built without looking at paths", why_not_looked_at(push)))),
    };
    let passes = |file: &&String| pipeline.paths.passes(|pattern: &Pattern| pattern.matches(file));
    match (files.iter().find(passes), files.as_slice()) {
        (Some(file), _) => Ok(Some(format!("the changed file {} is among its paths", text::quote(file, 100)))),
        (None, []) => Err("an empty push: no file changed".to_owned()),
        (None, [file]) => Err(format!("the only changed file, {}, is not among its paths", text::quote(file, 100))),
        (None, [file, ..]) => Err(format!(
            "none of the {} changed files is among its paths, for example {}",
            files.len(),
            text::quote(file, 100)
        )),
    }
}

fn why_not_looked_at(push: &Push) -> &'static str {
    match (push.reference.kind, push.cause) {
        (Kind::Tag, _) => "a tag",
        (Kind::Branch, _) if push.created => "a new branch",
        (Kind::Branch, Cause::Merge) if push.compared().is_none() => {
            "the provider does not tell what the merge's changes are to be compared with"
        }
        (Kind::Branch, _) if push.forced => "history was rewritten",
        (Kind::Branch, _) => "the provider did not tell all files",
    }
}

fn moves_nothing(push: &Push) -> bool {
    push.before.is_some() && push.before == push.after
}

fn name(push: &Push) -> String {
    text::quote(&push.reference.name, 80)
}

/// Which of its branches or tags a push is of.
pub(super) fn reference(pipeline: &Pipeline, push: &Push) -> Result<String, String> {
    let (wanted, kinds) = match push.reference.kind {
        Kind::Branch => (&pipeline.branches, "branches"),
        Kind::Tag => (&pipeline.tags, "tags"),
    };
    match wanted.iter().find(|pattern| pattern.matches(&push.reference.name)) {
        Some(pattern) => Ok(format!(
            "the {} {} matches {}",
            push.reference.kind.word(),
            name(push),
            text::quote(pattern.as_str(), 80)
        )),
        None if wanted.is_empty() => Err(format!("it takes no {kinds}, and {} is one", name(push))),
        None => Err(format!("it takes the {kinds} {}, not {}", glob::list(wanted), name(push))),
    }
}

fn on(pipeline: &Pipeline, push: &Push) -> Result<(), String> {
    match (pipeline.on, push.cause) {
        (Cause::Push, Cause::Push) | (Cause::Merge, Cause::Merge) => Ok(()),
        (Cause::Merge, Cause::Push) => {
            Err(format!("a push does not start it (on = \"merge\"): merging a pull request into {} does", name(push)))
        }
        (Cause::Push, Cause::Merge) => Err(format!(
            "the merge of a pull request does not start it (on = \"push\"): the push to {} that it makes does",
            name(push)
        )),
    }
}

/// Fails closed: where the provider does not tell what it would take to know that someone is not excluded, they are.
fn actors(pipeline: &Pipeline, actor: &Actor) -> Result<(), String> {
    let Rules { exclude, .. } = &pipeline.actors;
    let who = match (&actor.login, &actor.id) {
        (Some(login), _) => text::quote(login, 80),
        (None, Some(id)) => text::quote(&format!("id:{id}"), 120),
        (None, None) => "someone who is not told".to_owned(),
    };
    if exclude.iter().any(|excluded| excluded.is(actor).is_none()) {
        return Err(format!("`actors` excludes some, and whether {who} is one of them is not told"));
    }
    if pipeline.actors.passes(|named| named.is(actor) == Some(true)) {
        Ok(())
    } else {
        Err(format!("its `actors` leave out {who}, who pushed or merged"))
    }
}

fn skip(pipeline: &Pipeline, message: &str) -> Result<(), String> {
    let message = message.to_lowercase();
    match pipeline.skip.iter().find(|mark| message.contains(&mark.to_lowercase())) {
        Some(mark) => Err(format!("the commit's message has {}", text::quote(mark, 80))),
        None => Ok(()),
    }
}
