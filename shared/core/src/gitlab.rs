//! GitLab's webhooks, from its own and from self-managed servers: the host is that of the project's own page.
//!
//! GitLab does not say whether history was rewritten: after a forced push, the files are those of the new commits. Where they decide
//! something and a token is there, the commits are compared instead ([`wants_files`](crate::route::wants_files)).
//!
//! Sources: <https://docs.gitlab.com/user/project/integrations/webhook_events/>,
//! <https://docs.gitlab.com/user/project/integrations/webhooks/>.

use crate::{
    push::{Cause, Change, Content, Delivery, Head, Kind, Merged, Push, Reference, Source},
    webhook::{self, Headers, Member, Moved, NotADelivery, address, host},
};

/// The header with the event's name.
pub(crate) const EVENT: &str = "x-gitlab-event";
/// The header with the secret token.
pub(crate) const TOKEN: &str = "x-gitlab-token";
/// The header with the signature.
pub(crate) const SIGNATURE: &str = "webhook-signature";
/// The header with the delivery's id, the same when GitLab sends it again; in newer versions.
pub(crate) const ID: &str = "webhook-id";
/// The header with the time of the signature.
pub(crate) const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the delivery's id, in version 17.4 and later. `X-Gitlab-Event-UUID` is none: webhooks that set off webhooks share it.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Reads a delivery.
pub(crate) fn parse(headers: &Headers, body: &[u8]) -> Result<Delivery, NotADelivery> {
    let event = webhook::event(headers, EVENT, "X-Gitlab-Event")?;
    let id = webhook::id_told(Source::GitLab, headers, "webhook-id or Idempotency-Key")?;
    let id = id.unwrap_or_else(|| webhook::id_of_body(Source::GitLab, body));
    let payload = webhook::json(body)?;
    let payload = Member::of(&payload);
    let project = payload.at("project");
    let repository = project.at("web_url").text().and_then(host);
    let repository = repository.zip(project.at("path_with_namespace").text());
    let repository = repository.and_then(|(host, path)| address(host, path));
    // The payload's own word for the event comes first: a tag that is deleted may come as a Push Hook.
    let kind = payload.at("object_kind").text().unwrap_or(match event.as_str() {
        "Push Hook" => "push",
        "Tag Push Hook" => "tag_push",
        "Merge Request Hook" => "merge_request",
        _ => "",
    });
    let content = match (event.as_str(), kind) {
        ("System Hook", _) => Content::Other(
            "the event System Hook starts nothing: a webhook of the project or its group does".to_owned(),
        ),
        (_, "push" | "tag_push") => push(payload)?,
        (_, "merge_request") => change(payload)?,
        (_, _) => Content::Other(format!("the event {event} starts nothing")),
    };
    match content {
        Content::Pushes(_) | Content::Change(_) if repository.is_none() => {
            Err(NotADelivery::Member("project.web_url and project.path_with_namespace"))
        }
        content => Ok(Delivery { source: Source::GitLab, event, id, repository, content }),
    }
}

fn push(payload: Member<'_>) -> Result<Content, NotADelivery> {
    let Moved { reference, before, after } = match webhook::moved(payload)? {
        Ok(moved) => moved,
        Err(why) => return Ok(Content::Other(why)),
    };
    let after = match reference.kind {
        // An annotated tag is an object of its own; this is the commit that it names.
        Kind::Tag => after.map(|after| payload.at("checkout_sha").commit().unwrap_or(after)),
        Kind::Branch => after,
    };
    let commits = payload.at("commits");
    let count = commits.items().len();
    let listed = payload.at("total_commits_count").number().is_some_and(|total| i64::try_from(count) == Ok(total));
    let whole = before.is_some() && after.is_some() && listed && (count > 0 || before == after);
    let files = match reference.kind {
        Kind::Branch if whole => webhook::files(commits.items(), usize::MAX),
        Kind::Branch | Kind::Tag => None,
    };
    // Oldest first, and at most twenty.
    let head = commits.items().rev().find(|commit| after.is_some() && commit.at("id").commit() == after);
    let head = head.map(read_head).unwrap_or_default();
    let author = |commit: Member<'_>| commit.at("author.name").words();
    let brought = webhook::brought(commits.items(), "id", author, after.as_deref(), &head);
    Ok(Content::Pushes(vec![Push {
        reference,
        cause: Cause::Push,
        created: before.is_none(),
        before,
        base: None,
        after,
        forced: false,
        at: None,
        head,
        actor: payload.actor("user_username", "user_id"),
        files,
        brought,
    }]))
}

fn read_head(commit: Member<'_>) -> Head {
    Head {
        message: commit.at("message").words(),
        author: commit.at("author.name").words(),
        // `[REDACTED]` where the server hides addresses, which is none.
        email: commit.at("author.email").mail(),
        url: commit.at("url").page(),
        committed: commit.at("timestamp").time(),
    }
}

fn change(payload: Member<'_>) -> Result<Content, NotADelivery> {
    let request = payload.at("object_attributes");
    let branch = |name, shown| request.at(name).text().map(str::to_owned).ok_or(NotADelivery::Member(shown));
    let source = branch("source_branch", "object_attributes.source_branch")?;
    let target = branch("target_branch", "object_attributes.target_branch")?;
    let action =
        ["action", "state"].into_iter().find_map(|name| request.at(name).text()).unwrap_or("update").to_owned();
    let project = request.at("target.path_with_namespace").text();
    if project.is_some_and(|project| payload.at("project.path_with_namespace").text() != Some(project)) {
        return Ok(Content::Other("the merge request goes to another project than the event's".to_owned()));
    }
    if action != "merge" {
        return Ok(Content::Change(Change { action, source, target, merged: Merged::No }));
    }
    let Some(after) = merge_commit(request) else {
        return Ok(Content::Other(
            "the merge request was merged, and the event does not say as which commit".to_owned(),
        ));
    };
    let author = if payload.at("user.id").number() == request.at("author_id").number() { "user.name" } else { "" };
    let merged = Push {
        reference: Reference::branch(&target).ok_or(NotADelivery::Member("object_attributes.target_branch"))?,
        cause: Cause::Merge,
        before: None,
        // `oldrev` is that of the source branch, and comes with changes of the request alone.
        base: None,
        head: Head {
            message: request.at("title").words(),
            author: payload.at(author).words(),
            email: None,
            url: payload.at("project.web_url").page().map(|page| format!("{page}/-/commit/{after}")),
            committed: None,
        },
        after: Some(after),
        created: false,
        forced: false,
        at: request.at("merged_at").time(),
        actor: payload.at("user").actor("username", "id"),
        files: None,
        brought: Vec::new(),
    };
    Ok(Content::Change(Change { action, source, target, merged: Merged::As(Box::new(merged)) }))
}

/// What a merge made of the target branch: the merge commit, or the squashed commit. A fast-forward makes neither: the branch then
/// names the last commit of the source, unless that was squashed, which GitLab did not tell in all versions
/// (<https://gitlab.com/gitlab-org/gitlab/-/issues/415449>).
fn merge_commit(request: Member<'_>) -> Option<String> {
    let told = ["merge_commit_sha", "squash_commit_sha"].into_iter().find_map(|name| request.at(name).commit());
    let squash = |name| request.at(name).is_true() || matches!(request.at(name).text(), Some("1" | "true"));
    let squashed = squash("squash") || squash("merge_params.squash");
    told.or_else(|| request.at("last_commit.id").commit().filter(|_| !squashed))
}

#[cfg(test)]
mod tests;
