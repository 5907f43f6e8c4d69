use std::{fs, path::Path};

use serde_json::{Value, json};

use super::*;
use crate::{
    push::{Push, Source},
    webhook::tests::{deliver, hash, payload, with},
};

fn pushes(source: Source, event: &str, payload: &Value) -> Vec<Push> {
    deliver(source, event, payload).expect("a delivery").pushes().to_vec()
}

/// The commits of the first push: the first digit of each, its message and author.
fn told(source: Source, event: &str, payload: &Value) -> Vec<(String, String, String)> {
    let brought = pushes(source, event, payload)[0].brought.clone();
    brought.into_iter().map(|commit| (commit.id[..1].to_owned(), commit.message, commit.author)).collect()
}

fn row(id: &str, message: &str, author: &str) -> (String, String, String) {
    (id.to_owned(), message.to_owned(), author.to_owned())
}

#[test]
fn a_push_tells_its_commits_oldest_first() {
    let both = |author: &str| [row("b", "Paint the door", ""), row("c", "Open the door", author)];
    assert_eq!(told(Source::GitHub, "push", &payload("push")), both("ada"));
    assert_eq!(told(Source::GitLab, "Push Hook", &payload("Push Hook")), both("Ada"));
    let alone = [row("c", "Open the door", "Ada")];
    assert_eq!(told(Source::Bitbucket, "repo:refs_changed", &payload("repo:refs_changed")), alone);
}

#[test]
fn bitbucket_tells_the_newest_first() {
    let commits = json!([
        {"hash": hash("c"), "message": "Merged in door (pull request #12)\n\nOpen", "author": {"raw": "Ada <ada@example.com>"}},
        {"hash": hash("b"), "message": "Paint the door", "author": {"raw": "Eve", "user": {"display_name": "Grace"}}},
    ]);
    let push = with(payload("repo:push"), "/push/changes/0/commits", commits);
    let expected = [row("b", "Paint the door", "Grace"), row("c", "Merged in door (pull request #12)", "Ada")];
    assert_eq!(told(Source::Bitbucket, "repo:push", &push), expected);
    let all = pushes(Source::Bitbucket, "repo:push", &push);
    assert_eq!(all[0].brought, all[1].brought, "the merge is the same move");
    assert!(all[2..].iter().all(|push| push.brought.is_empty()), "the others list none");
}

#[test]
fn commits_of_several_references_of_data_center_are_nobodys() {
    let payload = payload("repo:refs_changed");
    let mut changes = payload["changes"].as_array().expect("changes").clone();
    changes.push(changes[0].clone());
    let push = with(payload, "/changes", changes.into());
    assert!(pushes(Source::Bitbucket, "repo:refs_changed", &push).iter().all(|push| push.brought.is_empty()));
}

#[test]
fn a_push_that_lists_none_or_deletes_brings_none() {
    let none = with(payload("push"), "/commits", json!([]));
    let gone = with(payload("push"), "/after", "0".repeat(40).into());
    for push in [none, gone] {
        assert!(pushes(Source::GitHub, "push", &push)[0].brought.is_empty());
    }
}

#[test]
fn a_list_that_was_cut_before_the_newest_commit_ends_with_it_all_the_same() {
    let push =
        with(payload("push"), "/commits", json!([{"id": hash("b"), "message": "Paint the door"}, {"id": "b"}, 7]));
    let expected = [row("b", "Paint the door", ""), row("c", "Open the door", "ada")];
    assert_eq!(told(Source::GitHub, "push", &push), expected);
    // An annotated tag is an object of its own, and what comes after its commit is not the tag's.
    let tag = with(payload("push"), "/ref", "refs/tags/v1".into());
    let tag = with(with(tag, "/after", hash("d").into()), "/head_commit/id", hash("b").into());
    assert_eq!(told(Source::GitHub, "push", &tag), [row("b", "Paint the door", "ada")]);
}

#[test]
fn a_huge_list_of_huge_commits_is_bounded() {
    let commit = |number: usize| json!({"id": format!("{number:040x}"), "message": "x".repeat(5000), "author": {"name": "\u{1f525}".repeat(500)}});
    let list: Vec<Value> = (1..=2000).map(commit).collect();
    let push = with(with(payload("push"), "/commits", list.into()), "/after", format!("{:040x}", 2000).into());
    let brought = pushes(Source::GitHub, "push", &push)[0].brought.clone();
    assert_eq!((brought.len(), brought[29].id.as_str()), (Brought::MOST, &*format!("{:040x}", 2000)));
    for commit in brought {
        assert_eq!((commit.message.chars().count(), commit.author.chars().count()), (100, 80));
    }
}

/// What other projects and the providers' documentation show, where it is on this machine.
#[test]
fn documented_pushes_tell_their_commits() {
    let mut told = 0;
    for (source, event, folder) in [
        (Source::GitHub, "push", "github"),
        (Source::GitHub, "push", "github-examples"),
        (Source::GitLab, "Push Hook", "gitlab"),
        (Source::Bitbucket, "repo:push", "bitbucket"),
        (Source::Bitbucket, "repo:refs_changed", "bitbucket-data-center"),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/webhooks").join(folder);
        let Ok(files) = fs::read_dir(&folder) else {
            eprintln!("skipped: {} is not here", folder.display());
            return;
        };
        for body in files.filter_map(|file| fs::read(file.ok()?.path()).ok()) {
            let delivery = serde_json::from_slice(&body).ok().and_then(|body| deliver(source, event, &body).ok());
            for push in delivery.iter().flat_map(crate::push::Delivery::pushes) {
                let newest = push.brought.last().map(|commit| &commit.id);
                assert!(newest.is_none() || newest == push.after.as_ref(), "{}: {newest:?}", folder.display());
                told += push.brought.len();
            }
        }
    }
    assert!(told > 3, "some of them list commits: {told}");
}
