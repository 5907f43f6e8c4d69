//! CodeCommit's events, which come through EventBridge.
//!
//! A merge of a pull request updates its target and says how it merged: it is told twice here, as a push and as a merge.
//!
//! Source: <https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html>.

use crate::{
    event::Envelope,
    push::{Actor, Cause, Content, Delivery, Head, Push, Reference, Source},
    webhook::{self, Member, NotADelivery, address},
};

/// The source of these events.
pub const SOURCE: &str = "aws.codecommit";
/// The detail type of a branch or tag that was made, moved or deleted; of other events of the repository, too.
pub const STATE_CHANGE: &str = "CodeCommit Repository State Change";

/// Reads an event. Its repository is `git-codecommit.<region>.amazonaws.com/v1/repos/<name>`, as it is cloned.
pub fn parse(envelope: &Envelope) -> Result<Delivery, NotADelivery> {
    if envelope.source != SOURCE {
        return Err(NotADelivery::Member("source"));
    }
    let id = webhook::id(Source::CodeCommit, &envelope.id).ok_or(NotADelivery::Member("id"))?;
    let detail = Member::of(&envelope.detail);
    let plain = |event: &&str| event.len() <= 100 && event.bytes().all(|b| b.is_ascii_alphanumeric());
    let event = detail.at("event").text().filter(plain).unwrap_or("unknown").to_owned();
    let repository = repository(&envelope.region, detail);
    let is_change = envelope.detail_type == STATE_CHANGE
        && matches!(event.as_str(), "referenceCreated" | "referenceUpdated" | "referenceDeleted");
    let content = if is_change {
        moved(&event, envelope, detail)?
    } else {
        Content::Other(format!("the event {event} starts nothing"))
    };
    match content {
        Content::Pushes(_) if repository.is_none() => Err(NotADelivery::Member("region and detail.repositoryName")),
        content => Ok(Delivery { source: Source::CodeCommit, event, id, repository, content }),
    }
}

/// Where the repository is cloned from. Source: <https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html>.
fn repository(region: &str, detail: Member<'_>) -> Option<String> {
    let name = detail.at("repositoryName").text().filter(|name| !name.contains('/'))?;
    let is_region =
        !region.is_empty() && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    is_region.then(|| address(&format!("git-codecommit.{region}.{domain}"), &format!("v1/repos/{name}")))?
}

fn moved(event: &str, envelope: &Envelope, detail: Member<'_>) -> Result<Content, NotADelivery> {
    let named = |kind| detail.at("referenceName").text().map(|name| format!("refs/{kind}/{name}"));
    let written = match (detail.at("referenceFullName").text(), detail.at("referenceType").text()) {
        (Some(written), _) => Some(written.to_owned()),
        (None, Some("branch")) => named("heads"),
        (None, Some("tag")) => named("tags"),
        (None, _) => None,
    };
    let reference: Reference =
        match webhook::reference(&written.ok_or(NotADelivery::Member("detail.referenceFullName"))?) {
            Ok(reference) => reference,
            Err(why) => return Ok(Content::Other(why)),
        };
    let (commit, old) = (detail.at("commitId").commit(), detail.at("oldCommitId").commit());
    let needed = |id: Option<String>, name| id.map(Some).ok_or(NotADelivery::Member(name));
    let (before, after) = match event {
        "referenceCreated" => (None, needed(commit, "detail.commitId")?),
        "referenceDeleted" => (old.or(commit), None),
        _ => (needed(old, "detail.oldCommitId")?, needed(commit, "detail.commitId")?),
    };
    let push = Push {
        reference,
        cause: Cause::Push,
        created: event == "referenceCreated",
        before,
        base: None,
        after,
        forced: false,
        at: envelope.time,
        head: Head::default(),
        actor: Actor { login: None, id: detail.at("callerUserArn").identity() },
        files: None,
        brought: Vec::new(),
    };
    let merged = event == "referenceUpdated" && detail.at("mergeOption").text().is_some();
    let merge = merged.then(|| push.clone().into_merge());
    Ok(Content::Pushes([Some(push), merge].into_iter().flatten().collect()))
}

#[cfg(test)]
mod tests;
