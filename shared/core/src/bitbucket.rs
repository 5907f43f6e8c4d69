//! Bitbucket's webhooks: those of Bitbucket Cloud here, those of Data Center in [`bitbucket_data_center`].
//!
//! **Merges.** Cloud's `pullrequest:fulfilled` abbreviates the merge commit to twelve digits, so it cannot start a build. The same merge
//! is told as a push, whose head is that commit: its message begins with Bitbucket's own `Merged in <branch> (pull request #<n>)`, and its
//! first parent is what the branch named before. Such a push is told twice here, as a push and as a merge. A fast-forward makes no commit, and
//! people may change the message: then there is a push alone.
//!
//! Source: <https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/>.

use crate::{
    bitbucket_data_center,
    push::{Actor, Cause, Change, Content, Delivery, Head, Merged, Push, Source, is_mail},
    webhook::{self, Headers, Hosts, Member, NotADelivery, address, host},
};

/// The header with the signature, of Data Center, too.
pub(crate) const SIGNATURE: &str = "x-hub-signature";
/// The header with the event's name, of Data Center, too.
pub(crate) const EVENT: &str = "x-event-key";
/// The header with the delivery's id.
pub(crate) const DELIVERY: &str = "x-request-uuid";

/// Reads a delivery of either.
pub(crate) fn parse(headers: &Headers, body: &[u8], hosts: &Hosts<'_>) -> Result<Delivery, NotADelivery> {
    let event = webhook::event(headers, EVENT, "X-Event-Key")?;
    let id = webhook::id_told(Source::Bitbucket, headers, "X-Request-UUID or X-Request-Id")?;
    let id = id.unwrap_or_else(|| webhook::id_of_body(Source::Bitbucket, body));
    let payload = webhook::json(body)?;
    let payload = Member::of(&payload);
    let (repository, content) = if bitbucket_data_center::is_event(&event) {
        bitbucket_data_center::read(&event, payload, hosts)?
    } else {
        read(&event, payload)?
    };
    Ok(Delivery { source: Source::Bitbucket, event, id, repository, content })
}

fn read(event: &str, payload: Member<'_>) -> Result<(Option<String>, Content), NotADelivery> {
    let repository = repository(payload.at("repository"));
    let content = match event.split_once(':') {
        Some(("repo", "push")) => push(payload)?,
        Some(("pullrequest", action)) if !action.contains("comment") => change(action, payload)?,
        _ => Content::Other(format!("the event {event} starts nothing")),
    };
    match content {
        Content::Pushes(_) | Content::Change(_) if repository.is_none() => {
            Err(NotADelivery::Member("repository.full_name"))
        }
        content => Ok((repository, content)),
    }
}

fn repository(repository: Member<'_>) -> Option<String> {
    let name = repository.at("full_name").text().filter(|name| name.matches('/').count() == 1)?;
    let host = repository.at("links.html.href").text().and_then(host);
    address(host.unwrap_or("bitbucket.org"), name)
}

fn push(payload: Member<'_>) -> Result<Content, NotADelivery> {
    let changes = payload.at("push.changes");
    if !changes.is_list() {
        return Err(NotADelivery::Member("push.changes"));
    }
    // Names of people are not unique here.
    let actor = Actor { login: None, id: payload.at("actor.uuid").identity() };
    let moved: Result<Vec<_>, _> = changes.items().map(|change| moved(change, &actor)).collect();
    Ok(webhook::pushes(moved?))
}

/// What one change tells: a push, and a merge where it is one. The inner error is the reason why it is none of ours.
fn moved(change: Member<'_>, actor: &Actor) -> Result<Result<Vec<Push>, String>, NotADelivery> {
    let (old, new) = (change.at("old"), change.at("new"));
    let named = if new.is_there() { new } else { old };
    let name = named.at("name").text().ok_or(NotADelivery::Member("push.changes.new.name"))?;
    let written = match named.at("type").text() {
        Some("branch" | "named_branch") => format!("refs/heads/{name}"),
        Some("tag" | "annotated_tag") => format!("refs/tags/{name}"),
        Some(_) | None => return Ok(Err("what was pushed is neither a branch nor a tag".to_owned())),
    };
    let reference = match webhook::reference(&written) {
        Ok(reference) => reference,
        Err(why) => return Ok(Err(why)),
    };
    let commit = |side: Member<'_>, name| {
        let id = side.at("target.hash").commit();
        if id.is_none() && side.is_there() { Err(NotADelivery::Member(name)) } else { Ok(id) }
    };
    let target = new.at("target");
    let after = commit(new, "push.changes.new.target.hash")?;
    let head = Head {
        message: target.at("message").words(),
        author: author(target.at("author")),
        email: mail(target.at("author.raw")),
        url: target.at("links.html.href").page(),
        committed: target.at("date").time(),
    };
    // At most five, the newest first.
    let writer = |commit: Member<'_>| author(commit.at("author"));
    let brought = webhook::brought(change.at("commits").items().rev(), "hash", writer, after.as_deref(), &head);
    let push = Push {
        reference,
        cause: Cause::Push,
        before: commit(old, "push.changes.old.target.hash")?,
        base: None,
        after,
        created: !old.is_there(),
        forced: change.at("forced").is_true(),
        at: None,
        head,
        actor: actor.clone(),
        files: None,
        brought,
    };
    let parent = target.at("parents").items().next().and_then(|parent| parent.at("hash").commit());
    let merged = parent.is_some() && parent == push.before && is_merge(&push.head.message);
    let merge = merged.then(|| push.clone().into_merge());
    Ok(Ok([Some(push), merge].into_iter().flatten().collect()))
}

/// Whether a message begins as Bitbucket writes it for a merge.
fn is_merge(message: &str) -> bool {
    let number = message
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("Merged in "))
        .and_then(|line| line.trim_end().strip_suffix(')').and_then(|line| line.rsplit_once(" (pull request #")));
    number.is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// The name of a commit's author, without the address.
pub(crate) fn author(author: Member<'_>) -> String {
    let raw = author.at("raw").text().map(|raw| raw.split(" <").next().unwrap_or(raw));
    author.at("user.display_name").text().or(raw).unwrap_or_default().to_owned()
}

/// The address in `Name <address>`.
pub(crate) fn mail(raw: Member<'_>) -> Option<String> {
    let (_, address) = raw.text()?.trim_end().strip_suffix('>')?.rsplit_once('<')?;
    is_mail(address).then(|| address.to_owned())
}

fn change(action: &str, payload: Member<'_>) -> Result<Content, NotADelivery> {
    let request = payload.at("pullrequest");
    let branch = |side: &str, name| request.at(side).at("branch.name").text().ok_or(NotADelivery::Member(name));
    // The source's branch, or its whole fork, may be gone by now.
    let source = request.at("source.branch.name").words();
    let target = branch("destination", "pullrequest.destination.branch.name")?;
    let merged = if action == "fulfilled" { Merged::Pushed } else { Merged::No };
    Ok(Content::Change(Change { action: action.to_owned(), source, target: target.to_owned(), merged }))
}

#[cfg(test)]
mod tests;
