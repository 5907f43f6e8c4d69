//! Bitbucket Data Center's webhooks.
//!
//! Many payloads name no host: the one from the configuration counts then. A test of the connection (`diagnostics:ping`) comes unsigned
//! from some versions, and is refused as everything unsigned is.
//!
//! Source: <https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html>.

use crate::{
    push::{Actor, Cause, Change, Content, Head, Kind, Merged, Push, Reference},
    webhook::{self, Hosts, Member, NotADelivery, address, host},
};

/// The header with the delivery's id.
pub(crate) const DELIVERY: &str = "x-request-id";

/// Whether this is an event of Data Center rather than of Bitbucket Cloud, whose event keys are others.
pub(crate) fn is_event(event: &str) -> bool {
    event == "repo:refs_changed"
        || ["pr:", "diagnostics:", "mirror:", "project:"].iter().any(|kind| event.starts_with(kind))
}

/// Reads what an event tells, and of which repository.
pub(crate) fn read(
    event: &str,
    payload: Member<'_>,
    hosts: &Hosts<'_>,
) -> Result<(Option<String>, Content), NotADelivery> {
    let (home, content) = match event.split_once(':') {
        Some(("repo", "refs_changed")) => (payload.at("repository"), push(payload)?),
        Some(("pr", action)) if !action.starts_with("comment") => {
            (payload.at("pullRequest.toRef.repository"), change(action, payload)?)
        }
        Some(("diagnostics", "ping")) => return Ok((None, Content::Ping { events: Vec::new() })),
        _ => return Ok((None, Content::Other(format!("the event {event} starts nothing")))),
    };
    let name = home.at("project.key").text().zip(home.at("slug").text());
    let (project, slug) = name.ok_or(NotADelivery::Member("repository.project.key and repository.slug"))?;
    let Some(host) = host_of(home).or(hosts.bitbucket) else {
        let why = "the event names no host: set host under [bitbucket] in longshore.toml";
        return Ok((None, Content::Other(why.to_owned())));
    };
    let repository = address(host, &format!("{project}/{slug}")).ok_or(NotADelivery::Member("repository.slug"))?;
    Ok((Some(repository), content))
}

/// The host in the links of a repository: that of its page, or of its clones by HTTP.
fn host_of(repository: Member<'_>) -> Option<&str> {
    ["links.self", "links.clone"]
        .into_iter()
        .find_map(|links| repository.at(links).items().filter_map(|link| link.at("href").text()).find_map(host))
}

fn push(payload: Member<'_>) -> Result<Content, NotADelivery> {
    let changes = payload.at("changes");
    if !changes.is_list() {
        return Err(NotADelivery::Member("changes"));
    }
    let moved: Result<Vec<_>, _> = changes.items().map(|change| moved(change, payload)).collect();
    Ok(webhook::pushes(moved?))
}

fn moved(change: Member<'_>, payload: Member<'_>) -> Result<Result<Vec<Push>, String>, NotADelivery> {
    let written = ["ref.id", "refId"].into_iter().find_map(|id| change.at(id).text());
    let before = change.at("fromHash").commit_or_zeros("changes.fromHash")?;
    let after = change.at("toHash").commit_or_zeros("changes.toHash")?;
    if before.is_none() && after.is_none() {
        return Err(NotADelivery::Member("changes.toHash"));
    }
    let reference = match webhook::reference(written.ok_or(NotADelivery::Member("changes.ref.id"))?) {
        Ok(reference) => reference,
        Err(why) => return Ok(Err(why)),
    };
    // Version 8.19 and later tell the commit of one change.
    let commits = [change.at("toCommit"), payload.at("toCommit")];
    let head = commits.into_iter().find(|commit| {
        let id = commit.at("id").commit();
        id.is_some() && (reference.kind == Kind::Tag || id == after)
    });
    let single = payload.at("changes").items().len() == 1 || change.at("toCommit").is_there();
    let head = head.filter(|_| single);
    let after = match (reference.kind, after) {
        // An annotated tag is an object of its own.
        (Kind::Tag, Some(after)) => Some(head.and_then(|head| head.at("id").commit()).unwrap_or(after)),
        (_, after) => after,
    };
    let head = head.map(read_head).unwrap_or_default();
    // Versions that tell the commit tell those before it as well, newest first, where one reference changed.
    let commits = [change.at("commits"), payload.at("commits")].into_iter().find(|commits| commits.is_list());
    let listed = commits.filter(|_| single).unwrap_or(change.at("commits"));
    let brought =
        webhook::brought(listed.items().rev(), "id", |commit| read_head(commit).author, after.as_deref(), &head);
    Ok(Ok(vec![Push {
        reference,
        cause: Cause::Push,
        created: before.is_none(),
        before,
        base: None,
        after,
        forced: false,
        at: payload.at("date").time(),
        head,
        actor: actor(payload),
        files: None,
        brought,
    }]))
}

fn read_head(commit: Member<'_>) -> Head {
    let author = ["author.displayName", "author.name"].into_iter().find_map(|name| commit.at(name).text());
    Head {
        message: commit.at("message").words(),
        author: author.unwrap_or_default().to_owned(),
        email: commit.at("author.emailAddress").mail(),
        url: None,
        committed: commit.at("committerTimestamp").milliseconds(),
    }
}

fn actor(payload: Member<'_>) -> Actor {
    payload.at("actor").actor("name", "id")
}

fn change(action: &str, payload: Member<'_>) -> Result<Content, NotADelivery> {
    let request = payload.at("pullRequest");
    let branch = |side: &str| {
        let written = request.at(side).at("id").text().and_then(|id| id.strip_prefix("refs/heads/"));
        written.or_else(|| request.at(side).at("displayId").text()).map(str::to_owned)
    };
    let source = branch("fromRef").ok_or(NotADelivery::Member("pullRequest.fromRef"))?;
    let target = branch("toRef").ok_or(NotADelivery::Member("pullRequest.toRef"))?;
    let action = action.to_owned();
    if action != "merged" {
        return Ok(Content::Change(Change { action, source, target, merged: Merged::No }));
    }
    let Some(after) = request.at("properties.mergeCommit.id").commit() else {
        return Ok(Content::Other(
            "the pull request was merged, and the event does not say as which commit".to_owned(),
        ));
    };
    let author = ["author.user.displayName", "author.user.name"].into_iter().find_map(|name| request.at(name).text());
    let merged = Push {
        reference: Reference::branch(&target).ok_or(NotADelivery::Member("pullRequest.toRef"))?,
        cause: Cause::Merge,
        before: None,
        base: request.at("toRef.latestCommit").commit(),
        after: Some(after),
        created: false,
        forced: false,
        at: payload.at("date").time(),
        head: Head {
            message: request.at("title").words(),
            author: author.unwrap_or_default().to_owned(),
            ..Head::default()
        },
        actor: actor(payload),
        files: None,
        brought: Vec::new(),
    };
    Ok(Content::Change(Change { action, source, target, merged: Merged::As(Box::new(merged)) }))
}

#[cfg(test)]
mod tests;
