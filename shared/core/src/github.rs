//! GitHub's webhooks, from GitHub Enterprise Server, too: the host is that of the repository's own page.
//!
//! Source: <https://docs.github.com/en/webhooks/webhook-events-and-payloads>.

use std::borrow::Cow;

use crate::{
    push::{Cause, Change, Content, Delivery, Head, Kind, Merged, Push, Reference, Source},
    webhook::{self, Headers, Member, Moved, NotADelivery, address, host},
};

/// The header with the signature.
pub(crate) const SIGNATURE: &str = "x-hub-signature-256";
/// The header with the event's name.
pub(crate) const EVENT: &str = "x-github-event";
/// The header with the delivery's id, the same when GitHub sends it again.
pub(crate) const DELIVERY: &str = "x-github-delivery";

/// A push lists at most so many commits. Source: <https://docs.github.com/en/webhooks/webhook-events-and-payloads#push>.
const COMMITS: usize = 2048;
/// A commit lists at most so many files. Source: as above.
const FILES: usize = 3000;

/// Reads a delivery: JSON, or a form with JSON in its field `payload`.
pub(crate) fn parse(headers: &Headers, body: &[u8]) -> Result<Delivery, NotADelivery> {
    const ID: &str = "X-GitHub-Delivery";
    let id = webhook::id_told(Source::GitHub, headers, ID)?.ok_or(NotADelivery::Header(ID))?;
    let event = webhook::event(headers, EVENT, "X-GitHub-Event")?;
    let payload = webhook::json(&payload(headers, body)?)?;
    let payload = Member::of(&payload);
    let repository = repository(payload);
    let content = match event.as_str() {
        "push" => push(payload)?,
        "pull_request" | "pull_request_review" => change(&event, payload)?,
        "create" | "delete" => reference(&event, payload),
        "ping" => {
            let events = payload.at("hook.events").items().filter_map(Member::text).map(str::to_owned).collect();
            Content::Ping { events }
        }
        "release" => Content::Other("the event release starts nothing: the push of its tag does".to_owned()),
        _ => Content::Other(format!("the event {event} starts nothing")),
    };
    match content {
        Content::Pushes(_) | Content::Change(_) | Content::Reference { .. } if repository.is_none() => {
            Err(NotADelivery::Member("repository.full_name and repository.html_url"))
        }
        content => Ok(Delivery { source: Source::GitHub, event, id, repository, content }),
    }
}

/// What the two content types of a webhook's settings hold.
/// Source: <https://docs.github.com/en/webhooks/using-webhooks/creating-webhooks>.
fn payload<'b>(headers: &Headers, body: &'b [u8]) -> Result<Cow<'b, [u8]>, NotADelivery> {
    let media_type = headers.get("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/json" => Ok(Cow::Borrowed(body)),
        "application/x-www-form-urlencoded" => {
            let field = form_urlencoded::parse(body).find(|(name, _)| name == "payload");
            field.map(|(_, value)| Cow::Owned(value.into_owned().into_bytes())).ok_or(NotADelivery::Form)
        }
        _ => Err(NotADelivery::ContentType),
    }
}

fn repository(payload: Member<'_>) -> Option<String> {
    let repository = payload.at("repository");
    let name = repository.at("full_name").text().filter(|name| name.matches('/').count() == 1)?;
    address(host(repository.at("html_url").text()?)?, name)
}

fn push(payload: Member<'_>) -> Result<Content, NotADelivery> {
    let Moved { reference, before, after } = match webhook::moved(payload)? {
        Ok(moved) => moved,
        Err(why) => return Ok(Content::Other(why)),
    };
    let head = payload.at("head_commit");
    let created = before.is_none();
    let forced = payload.at("forced").is_true();
    let commits = payload.at("commits");
    let (count, is_empty) = (commits.items().len(), before == after);
    let whole = !created && !forced && after.is_some() && (count > 0 || is_empty) && count < COMMITS;
    let files = match reference.kind {
        Kind::Branch if whole => webhook::files(commits.items(), FILES),
        Kind::Branch | Kind::Tag => None,
    };
    let after = match reference.kind {
        // An annotated tag is an object of its own; the commit that it names is the head.
        Kind::Tag => after.map(|after| head.at("id").commit().unwrap_or(after)),
        Kind::Branch => after,
    };
    let author_of = |commit: Member<'_>| {
        ["author.username", "author.name"].into_iter().find_map(|name| commit.at(name).text()).map(str::to_owned)
    };
    let told = Head {
        message: head.at("message").words(),
        author: author_of(head).unwrap_or_else(|| payload.at("pusher.name").words()),
        email: head.at("author.email").mail(),
        url: head.at("url").page(),
        committed: head.at("timestamp").time(),
    };
    let brought = webhook::brought(
        commits.items(),
        "id",
        |commit| author_of(commit).unwrap_or_default(),
        after.as_deref(),
        &told,
    );
    Ok(Content::Pushes(vec![Push {
        reference,
        cause: Cause::Push,
        before,
        base: None,
        after,
        created,
        forced,
        // A number here, a text in all other events: there it is the time of another push.
        at: payload.at("repository.pushed_at").seconds(),
        head: told,
        actor: payload.at("sender").actor("login", "id"),
        files,
        brought,
    }]))
}

fn change(event: &str, payload: Member<'_>) -> Result<Content, NotADelivery> {
    let request = payload.at("pull_request");
    let source = request.at("head.ref").text().ok_or(NotADelivery::Member("pull_request.head.ref"))?.to_owned();
    let target = request.at("base.ref").text().ok_or(NotADelivery::Member("pull_request.base.ref"))?.to_owned();
    let action = payload.at("action").text().ok_or(NotADelivery::Member("action"))?.to_owned();
    let base = request.at("base.repo.full_name").text();
    if base.is_some_and(|base| payload.at("repository.full_name").text() != Some(base)) {
        return Ok(Content::Other("the pull request goes to another repository than the event's".to_owned()));
    }
    if event != "pull_request" || action != "closed" || !request.at("merged").is_true() {
        return Ok(Content::Change(Change { action, source, target, merged: Merged::No }));
    }
    let Some(after) = request.at("merge_commit_sha").commit() else {
        return Ok(Content::Other(
            "the pull request was merged, and the event does not say as which commit".to_owned(),
        ));
    };
    let Some(reference) = Reference::branch(&target) else {
        return Err(NotADelivery::Member("pull_request.base.ref"));
    };
    let actor = request.at("merged_by").actor("login", "id");
    let merged = Push {
        reference,
        cause: Cause::Merge,
        before: None,
        // What the target named when the request was last brought up to date with it.
        base: request.at("base.sha").commit(),
        head: Head {
            message: request.at("title").words(),
            author: request.at("user.login").words(),
            email: None,
            url: payload.at("repository.html_url").page().map(|page| format!("{page}/commit/{after}")),
            committed: None,
        },
        after: Some(after),
        created: false,
        forced: false,
        at: request.at("merged_at").time(),
        actor: if actor.login.is_some() { actor } else { payload.at("sender").actor("login", "id") },
        files: None,
        brought: Vec::new(),
    };
    Ok(Content::Change(Change { action, source, target, merged: Merged::As(Box::new(merged)) }))
}

fn reference(event: &str, payload: Member<'_>) -> Content {
    let name = payload.at("ref").text().unwrap_or_default();
    let reference = match payload.at("ref_type").text() {
        Some("branch") => Reference::branch(name),
        Some("tag") => Reference::tag(name),
        _ => None,
    };
    match reference {
        Some(reference) => Content::Reference { reference, deleted: event == "delete" },
        None => Content::Other(format!("the event {event} is about neither a branch nor a tag")),
    }
}
