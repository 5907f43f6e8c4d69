//! A push as each source tells it, made from GitHub's telling.
//!
//! Sources: <https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events>,
//! <https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push>.

use longshore_core::push::{Kind, Reference, Source};
use serde_json::{Value, json};

/// GitLab lists the newest of more commits.
const COMMITS: usize = 20;

/// The event and the payload of a push; `None` for a source that tells nothing by HTTP. A server of Bitbucket Data Center tells as Cloud does here.
pub(super) fn told(source: Source, github: Value) -> Option<(&'static str, Value)> {
    let is_tag = github["ref"].as_str().and_then(Reference::parse).is_some_and(|reference| reference.kind == Kind::Tag);
    match source {
        Source::GitHub => Some(("push", github)),
        Source::GitLab if is_tag => Some(("Tag Push Hook", gitlab("tag_push", &github))),
        Source::GitLab => Some(("Push Hook", gitlab("push", &github))),
        Source::Bitbucket => Some(("repo:push", bitbucket(if is_tag { "tag" } else { "branch" }, &github))),
        Source::CodeCommit => None,
    }
}

fn gitlab(kind: &str, push: &Value) -> Value {
    let commits = push["commits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (repository, who) = (&push["repository"], &push["sender"]["login"]);
    json!({
        "object_kind": kind, "event_name": kind,
        "ref": push["ref"], "before": push["before"], "after": push["after"], "checkout_sha": push["head_commit"]["id"],
        "user_id": push["sender"]["id"], "user_username": who, "user_name": who,
        "project": {"id": 1, "name": repository["name"], "web_url": repository["html_url"], "path_with_namespace": repository["full_name"]},
        "commits": commits[commits.len().saturating_sub(COMMITS)..], "total_commits_count": commits.len(),
    })
}

fn bitbucket(kind: &str, push: &Value) -> Value {
    let head = &push["head_commit"];
    let written = push["ref"].as_str().and_then(Reference::parse);
    let name = written.map(|reference| reference.name);
    let side = |target: Value| json!({"type": kind, "name": name, "target": target});
    let author = &head["author"];
    let raw =
        format!("{} <{}>", author["name"].as_str().unwrap_or_default(), author["email"].as_str().unwrap_or_default());
    let is = |member: &str| push[member] == true;
    let old = if is("created") { Value::Null } else { side(json!({"type": "commit", "hash": push["before"]})) };
    let new = json!({
        "type": "commit", "hash": push["after"], "message": head["message"], "date": head["timestamp"],
        "author": {"type": "author", "raw": raw}, "links": {"html": {"href": head["url"]}},
    });
    let new = if is("deleted") { Value::Null } else { side(new) };
    let repository = &push["repository"];
    json!({
        "actor": {"type": "user", "display_name": push["sender"]["login"], "uuid": "{00000000-0000-4000-a000-000000000001}"},
        "repository": {
            "type": "repository", "name": repository["name"], "full_name": repository["full_name"],
            "links": {"html": {"href": repository["html_url"]}},
        },
        "push": {"changes": [{
            "old": old, "new": new, "created": is("created"), "closed": is("deleted"), "forced": is("forced"), "truncated": false,
        }]},
    })
}

#[cfg(test)]
mod tests {
    use longshore_core::{
        push::{Delivery, is_null},
        webhook,
    };

    use super::*;

    fn read(source: Source, github: Value) -> Delivery {
        let (event, payload) = told(source, github).expect("a source with webhooks");
        let (body, now) = (payload.to_string(), jiff::Timestamp::UNIX_EPOCH);
        let headers = webhook::sign(source, event, "1", "application/json", body.as_bytes(), "secret", now);
        let proven = webhook::verify(source, &headers, body.as_bytes(), &["secret"], now).expect("proof");
        webhook::parse(source, &headers, proven, &webhook::Hosts::default()).expect("a delivery")
    }

    fn github(host: &str, reference: &str, before: &str, after: &str) -> Value {
        let page = format!("https://{host}/acme/web");
        let commit = json!({
            "id": after, "message": "Open the door", "timestamp": "2026-11-21T08:00:00Z", "url": format!("{page}/commit/{after}"),
            "author": {"name": "Ada", "email": "ada@example.com"}, "added": ["door"], "removed": [], "modified": [],
        });
        let head = if is_null(after) { Value::Null } else { commit.clone() };
        json!({
            "ref": reference, "before": before, "after": after, "created": is_null(before), "deleted": is_null(after), "forced": false,
            "commits": if is_null(after) { json!([]) } else { json!([commit]) }, "head_commit": head,
            "repository": {"name": "web", "full_name": "acme/web", "html_url": page},
            "sender": {"login": "ada", "id": 1},
        })
    }

    #[test]
    fn every_source_with_webhooks_tells_the_same_push() {
        let (a, b, zeros) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        for (source, host) in
            [(Source::GitHub, "github.com"), (Source::GitLab, "gitlab.com"), (Source::Bitbucket, "bitbucket.org")]
        {
            for (reference, before, after) in [
                ("refs/heads/main", &a, &b),
                ("refs/heads/new", &zeros, &b),
                ("refs/heads/old", &a, &zeros),
                ("refs/tags/v1", &zeros, &b),
            ] {
                let delivery = read(source, github(host, reference, before, after));
                assert_eq!(delivery.repository, Some(format!("{host}/acme/web")));
                let [push] = delivery.pushes() else { panic!("a push of {source}: {delivery:?}") };
                let commit = |id: &String| Some(id.clone()).filter(|id| *id != zeros);
                assert_eq!(push.reference.to_string(), reference, "{source}");
                assert_eq!((&push.before, &push.after), (&commit(before), &commit(after)), "{source}");
                let message = if push.deleted() { "" } else { "Open the door" };
                assert_eq!(push.head.message, message, "{source}");
                let email = (!push.deleted()).then_some("ada@example.com");
                assert_eq!(push.head.email.as_deref(), email, "{source}");
            }
        }
        assert_eq!(told(Source::CodeCommit, github("github.com", "refs/heads/main", &a, &b)), None);
    }
}
