use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    message,
    push::Reference,
    release::{Build, Commit, Fact, Outcome, Passing, State, sample},
};

const ID: &str = "abcdef0123456789abcdef0123456789abcdef01";

fn ada() -> Person {
    Person { name: "Ada".into(), reason: None, at: Timestamp::from_second(1_800_000_000).expect("a time") }
}

/// A release of the head of a branch that only CodeBuild knows.
fn of_head(branch: &str) -> Release {
    let mut release = sample();
    release.commit = Commit::unknown();
    release.reference = Reference::branch(branch).expect("a branch");
    release.wished(ada(), None, false).expect("a release")
}

fn apply(release: &mut Release, fact: Fact) -> bool {
    let now = release.changed + SignedDuration::from_secs(1);
    release.apply(fact, now).expect("a fact")
}

#[test]
fn a_known_commit_is_what_codebuild_is_told() {
    let release = sample().wished(ada(), None, false).expect("a release");
    assert_eq!(release.build, Build { due: Some(release.accepted), ..Build::default() });
    assert_eq!(release.source_version(), release.commit.id);
    assert_eq!((release.image_tag(), release.wished), (sample().image_tag(), Some(ada())));
}

#[test]
fn what_codebuild_is_told_stays_once_the_commit_is_known() {
    let mut release = of_head("release/1.2");
    let told = (release.source_version().to_owned(), release.image_tag());
    assert_eq!(told, ("release/1.2".to_owned(), "release-1.2-00000000".to_owned()));
    assert_eq!((release.commit.known(), release.commit.short()), (None, "head"));
    assert!(apply(&mut release, Fact::BuildStarted { id: "web-build:1".into(), page: None }));
    assert!(apply(&mut release, Fact::CommitResolved(Commit::bare(ID))));
    assert_eq!((release.state, release.commit.known(), release.commit.short()), (State::Building, Some(ID), "abcdef0"));
    assert_eq!((release.source_version().to_owned(), release.image_tag()), told);
}

#[test]
fn a_commit_is_told_once() {
    let mut release = of_head("main");
    for none in ["", "main", "arn:aws:s3:::bucket/source.zip"] {
        assert!(!apply(&mut release, Fact::CommitResolved(Commit::bare(none))), "{none}");
    }
    assert!(apply(&mut release, Fact::CommitResolved(Commit::bare(ID))));
    assert!(!apply(&mut release, Fact::CommitResolved(Commit::bare(&"1".repeat(40)))));
    assert_eq!(release.commit, Commit::bare(ID));
    let mut pushed = sample();
    assert!(!apply(&mut pushed, Fact::CommitResolved(Commit::bare(ID))), "a push tells its commit");
}

#[test]
fn a_commit_that_is_told_after_the_end_is_taken() {
    let mut release = of_head("main");
    assert!(apply(&mut release, Fact::BuildEnded { outcome: Outcome::Failed, reason: None, tail: Vec::new() }));
    assert!(apply(&mut release, Fact::CommitResolved(Commit::bare(ID))));
    assert_eq!((release.state, release.commit.known()), (State::Failed, Some(ID)));
}

#[test]
fn a_record_with_an_unknown_commit_is_read_as_it_was_written() {
    let release = of_head("main");
    let written = serde_json::to_string(&release).expect("JSON");
    assert_eq!(serde_json::from_str::<Release>(&written).expect("a record"), release);
}

#[test]
fn its_message_says_who_asked() {
    let person = Person { reason: Some("the fix for <!channel>".into()), ..ada() };
    let release = of_head("main").wished(person, None, false).expect("a release");
    let view = serde_json::to_string(&message::view(&release, &message::Known::default())).expect("JSON");
    for words in
        [":point_right: asked for by Ada: the fix for &lt;!channel&gt;", "`main` at head", "web #7: queued (head)"]
    {
        assert!(view.contains(words), "{view}");
    }
}

#[test]
fn no_push_takes_its_place() {
    let release = of_head("main");
    assert!(sample().may_be_superseded() && !release.may_be_superseded());
}

#[test]
fn it_passes_the_lock_of_a_rollback_and_all_locks_once_it_is_let_in_or_by_name() {
    let mut release = sample().wished(ada(), None, false).expect("a release");
    assert_eq!((sample().passing(0), release.passing(0)), (Passing::Automation, Passing::Wished));
    let once_more = sample().wished(ada(), None, true).expect("a release");
    assert_eq!(once_more.passing(0), Passing::Automation, "what is built once more waits at every lock");
    let mut by_name = release.clone();
    by_name.deployments[0].overridden = Some(ada());
    assert_eq!(by_name.passing(0), Passing::ByName, "as any release that somebody lets in by name");
    release.deployments[0].admitted = Some(release.accepted);
    assert_eq!(release.passing(0), Passing::Past, "what was let in goes to its end");
}

#[test]
fn it_goes_to_the_one_environment_that_was_named() {
    let mut release = sample();
    let mut staging = release.deployments[0].clone();
    staging.environment = "staging".into();
    release.deployments.insert(0, staging);
    let names = |release: &Release| release.deployments.iter().map(|one| one.environment.clone()).collect::<Vec<_>>();
    assert_eq!(names(&release.clone().wished(ada(), None, false).expect("a release")), ["staging", "production"]);
    let production = release.clone().wished(ada(), Some("production"), false).expect("a release");
    assert_eq!(names(&production), ["production"]);
    let told = release.clone().wished(ada(), Some("prod"), false).expect_err("a refusal").to_string();
    assert_eq!(told, "web has no environment prod: it has staging and production");
    release.deployments.clear();
    let told = release.wished(ada(), Some("prod"), false).expect_err("a refusal").to_string();
    assert_eq!(told, "web is built and deployed nowhere: it has no environment");
}

#[test]
fn what_codebuild_would_read_otherwise_is_no_plain_source() {
    for name in ["main", "release/1", "v1.2.3", "abc", "feature/pr/7", "decade-of-cafe"] {
        assert!(Release::is_plain_source(name), "{name}");
    }
    for name in ["pr/7", "refs/pull/7/head", "heads/main", "tags/v1", "HEAD", "abcd", "cafe123", ID] {
        assert!(!Release::is_plain_source(name), "{name}");
    }
}

#[test]
fn an_images_tag_takes_any_branch() {
    let long = "a".repeat(300);
    let tags = [
        ("main", "main"),
        ("feature/Öl", "feature--l"),
        ("Ölwechsel", "lwechsel"),
        ("über", "ber"),
        ("#1", "1"),
        ("日本", "head"),
        (long.as_str(), &long[..40]),
    ];
    for (name, tag) in tags {
        assert_eq!(tag_of(name), tag, "{name}");
    }
}
