use jiff::Timestamp;
use longshore_core::{
    config::Config,
    push::Reference,
    release::{Origin, ReleaseId},
};

use super::*;

fn id(number: u64) -> String {
    format!("{number:040x}")
}

fn brought(number: u64) -> Brought {
    Brought { id: id(number), message: format!("commit {number}"), author: "Ada".into() }
}

/// A release of `main` whose push brought these commits.
fn release(number: u64, commits: &[u64]) -> Release {
    let text =
        "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"**\"]\nproject = \"web\"\n";
    let config = Config::read(text).expect("a configuration");
    let origin = Origin {
        delivery: String::new(),
        repository: "github.com/acme/web".into(),
        reference: Reference::branch("main").expect("a branch"),
        commit: Commit::bare(&id(number)),
        brought: commits.iter().copied().map(brought).collect(),
    };
    let release = ReleaseId::parse(&format!("01JD00000000000000000000{number:02}")).expect("an id");
    Release::new(release, number, &config.pipelines()[0], origin, Vec::new(), None, Timestamp::UNIX_EPOCH)
}

fn numbers(since: &Since) -> Vec<String> {
    since.commits.iter().map(|commit| commit.id.trim_start_matches('0').to_owned()).collect()
}

#[test]
fn commits_of_all_releases_since_are_told_once_oldest_first() {
    let mut elsewhere = release(3, &[0x33, 3]);
    elsewhere.reference = Reference::branch("other").expect("a branch");
    let between = [release(2, &[1, 0x22, 2]), elsewhere, release(4, &[2, 4])];
    let since = made_of(1, id(1), &between, &release(5, &[4, 0x55, 5]), false);
    assert_eq!(numbers(&since), ["22", "2", "4", "55", "5"]);
    assert!(!since.more && since.commit == id(1));
}

#[test]
fn where_a_delivery_told_no_commits_there_may_be_more() {
    let since = made_of(1, id(1), &[release(2, &[])], &release(3, &[3]), false);
    assert_eq!((numbers(&since), since.more), (vec!["2".to_owned(), "3".to_owned()], true));
}

#[test]
fn of_many_commits_the_newest_are_kept() {
    let many: Vec<u64> = (100..150).collect();
    let since = made_of(1, id(1), &[release(2, &many)], &release(3, &[3]), false);
    assert_eq!((since.commits.len(), since.more), (Since::COMMITS, true));
    assert_eq!(since.commits.last().map(|commit| commit.id.clone()), Some(id(3)));
}
