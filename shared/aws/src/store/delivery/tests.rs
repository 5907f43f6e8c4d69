use longshore_core::{
    config::Config,
    release::{Commit, Origin},
};
use serde_json::json;

use super::*;

#[test]
fn a_delivery_is_one_transaction_as_long_as_its_releases_fit() {
    let lines = |acceptance: &Acceptance<'_>| acceptance.lines_that_fit().map(|lines| lines.len());
    assert_eq!(lines(&acceptance(33, 0)), Ok(33), "each on a branch of its own: 1 + 33 + 2 * 33 items");
    let too_many = Accepted::TooMany { releases: 34, lines: 34 };
    assert_eq!(lines(&acceptance(34, 0)), Err(too_many));
    assert_eq!((Accepted::MOST, Accepted::MOST_APART), (49, 33));
}

#[test]
fn lines_on_which_nothing_starts_are_left_out_where_there_is_no_room() {
    let written = |acceptance: &Acceptance<'_>| {
        let lines = acceptance.lines_that_fit().expect("they fit");
        let started = lines.iter().filter(|kept| kept.key.contains("starts-")).count();
        (started, lines.len())
    };
    assert_eq!(written(&acceptance(2, 50)), (2, 52));
    assert_eq!(written(&acceptance(2, 500)), (2, 95), "1 + 95 + 2 * 2 items");
    assert_eq!(written(&acceptance(0, 500)), (0, 99));
    assert_eq!(written(&acceptance(33, 500)), (33, 33));
}

#[test]
fn a_line_is_kept_for_the_release_of_another_repository_that_is_placed_on_it() {
    let mut acceptance = acceptance(1, 200);
    acceptance.releases[0].repository = "github.com/acme/another".to_owned();
    let lines = acceptance.lines_that_fit().expect("they fit");
    assert_eq!((lines[0].key.as_str(), lines.len()), ("line#github.com/acme/web#refs/heads/starts-0", 97));
}

/// A delivery that moves so many branches on which a release starts, and so many others, which come first.
fn acceptance(starting: usize, idle: usize) -> Acceptance<'static> {
    let mut lines: Vec<_> = (0..idle).map(|number| kept(&branch("idle", number), None)).collect();
    let mut releases = Vec::new();
    for number in 0..starting {
        let branch = branch("starts", number);
        let release = release(number, &branch);
        lines.push(kept(&branch, Some(&release)));
        releases.push(release);
    }
    let answer = releases.iter().map(|release| release.id.clone()).collect();
    Acceptance { delivery: "github/d-1", explanation: "{}", answer, releases, lines }
}

fn branch(word: &str, number: usize) -> Reference {
    Reference::branch(&format!("{word}-{number}")).expect("a branch")
}

/// A line with one push, as it is stored.
fn kept(branch: &Reference, release: Option<&Release>) -> KeptLine {
    let placed = |release: &Release| json!({"release": release.id, "pipeline": release.pipeline, "number": 1});
    let releases: Vec<_> = release.map(placed).into_iter().collect();
    let line = serde_json::from_value(json!([{"after": "1".repeat(40), "releases": releases}])).expect("a line");
    KeptLine { line, key: line_key("github.com/acme/web", branch), version: 0 }
}

fn release(number: usize, branch: &Reference) -> Release {
    let text = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"**\"]\nproject = \"web-build\"\n";
    let config = Config::read(text).expect("a configuration");
    let id = ReleaseId::parse(&format!("01JD00000000000000000{number:05}")).expect("an id");
    let origin = Origin {
        delivery: "github/d-1".to_owned(),
        repository: "github.com/acme/web".to_owned(),
        reference: branch.clone(),
        commit: Commit::bare(&"1".repeat(40)),
        brought: Vec::new(),
    };
    Release::new(id, 1, &config.pipelines()[0], origin, Vec::new(), None, Timestamp::UNIX_EPOCH)
}
