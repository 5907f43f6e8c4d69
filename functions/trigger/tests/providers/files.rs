//! The files that differ between two commits.

use longshore_trigger::provider::{Api, MAX_FILES, ProviderError};
use serde_json::{Value, json};

use crate::mock::{Mock, Reply, token};

const BEFORE: &str = "1111111111111111111111111111111111111111";
const AFTER: &str = "2222222222222222222222222222222222222222";
const SHOP: &str = "github.com/acme/shop";

async fn asked(mock: &Mock, api: Api, repository: &str) -> Result<Option<Vec<String>>, ProviderError> {
    mock.providers().files(api, repository, BEFORE, AFTER, &token()).await
}

fn compare(base: &str, head: &str) -> String {
    format!("GET /repos/acme/shop/compare/{base}...{head}?per_page=1&page=1")
}

fn comparison(status: &str, parted: &str, files: &[&str]) -> Reply {
    let files: Vec<Value> = files.iter().map(|name| json!({ "filename": name, "status": "modified" })).collect();
    Reply::json(&json!({ "status": status, "merge_base_commit": { "sha": parted }, "commits": [], "files": files }))
}

fn many(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("src/{number:05}.rs")).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn github_is_asked_once_for_a_push_that_goes_on() {
    let mock = Mock::start().await;
    let files = json!([
        { "filename": "web/new.rs", "previous_filename": "api/old.rs", "status": "renamed" },
        { "filename": "README.md", "status": "added", "unknown": {} },
    ]);
    mock.on(&compare(BEFORE, AFTER), Reply::json(&json!({ "status": "ahead", "files": files, "commits": [] })));
    assert_eq!(asked(&mock, Api::GitHub, SHOP).await, Ok(Some(names(&["README.md", "api/old.rs", "web/new.rs"]))));
    assert_eq!(mock.seen(), [compare(BEFORE, AFTER)]);
    assert_eq!(mock.headers("authorization"), ["Bearer t0ken"]);
    assert_eq!(mock.headers("user-agent"), [concat!("longshore/", env!("CARGO_PKG_VERSION"))]);
}

#[tokio::test]
async fn after_a_force_push_github_is_asked_from_both_sides() {
    let mock = Mock::start().await;
    mock.on(&compare(BEFORE, AFTER), comparison("diverged", "base", &["web/a.rs"]));
    mock.on(&compare(AFTER, BEFORE), comparison("diverged", "base", &["api/b.rs", "web/a.rs"]));
    assert_eq!(asked(&mock, Api::GitHub, SHOP).await, Ok(Some(names(&["api/b.rs", "web/a.rs"]))));
}

#[tokio::test]
async fn a_branch_that_was_set_back_names_what_went() {
    let mock = Mock::start().await;
    mock.on(&compare(BEFORE, AFTER), comparison("behind", AFTER, &[]));
    mock.on(&compare(AFTER, BEFORE), comparison("ahead", AFTER, &["api/b.rs"]));
    assert_eq!(asked(&mock, Api::GitHub, SHOP).await, Ok(Some(names(&["api/b.rs"]))));
}

#[tokio::test]
async fn sides_that_start_at_different_commits_prove_nothing() {
    for parted in [json!({ "sha": "other" }), Value::Null] {
        let mock = Mock::start().await;
        mock.on(&compare(BEFORE, AFTER), comparison("diverged", "base", &["web/a.rs"]));
        let other = json!({ "status": "diverged", "merge_base_commit": parted, "files": [] });
        mock.on(&compare(AFTER, BEFORE), Reply::json(&other));
        assert_eq!(asked(&mock, Api::GitHub, SHOP).await, Ok(None));
    }
}

#[tokio::test]
async fn three_hundred_files_of_github_may_be_more() {
    for (count, known) in [(299, true), (300, false)] {
        let names = many(count);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mock = Mock::start().await;
        mock.on(&compare(BEFORE, AFTER), comparison("ahead", BEFORE, &names));
        assert_eq!(asked(&mock, Api::GitHub, SHOP).await.map(|files| files.is_some()), Ok(known), "{count}");
    }
    let mock = Mock::start().await;
    mock.on(&compare(BEFORE, AFTER), Reply::json(&json!({ "status": "ahead" })));
    assert_eq!(asked(&mock, Api::GitHub, SHOP).await, Ok(None));
}

#[tokio::test]
async fn a_renamed_repository_is_followed_on_the_same_host() {
    let mock = Mock::start().await;
    let moved = Reply::status(301).header("location", format!("{}/repositories/7/compare", mock.base));
    mock.on(&compare(BEFORE, AFTER), moved);
    mock.on("GET /repositories/7/compare", comparison("ahead", BEFORE, &["a"]));
    assert_eq!(asked(&mock, Api::GitHub, SHOP).await, Ok(Some(names(&["a"]))));
    assert_eq!(mock.headers("authorization"), ["Bearer t0ken", "Bearer t0ken"]);
}

#[tokio::test]
async fn bitbucket_cloud_is_read_to_its_last_page() {
    let mock = Mock::start().await;
    let first = format!("GET /repositories/acme/shop/diffstat/{AFTER}..{BEFORE}?topic=false&pagelen=500");
    let values = json!([
        { "status": "renamed", "old": { "path": "api/old.rs" }, "new": { "path": "web/new.rs" } },
        { "status": "added", "old": null, "new": { "path": "README.md" } },
    ]);
    mock.on(&first, Reply::json(&json!({ "values": values, "next": format!("{}/more?page=2", mock.base) })));
    let values = json!([{ "status": "removed", "old": { "path": "z" }, "new": null }, { "status": "unknown" }]);
    mock.on("GET /more?page=2", Reply::json(&json!({ "values": values })));
    let files = asked(&mock, Api::Bitbucket, "bitbucket.org/acme/shop").await;
    assert_eq!(files, Ok(Some(names(&["README.md", "api/old.rs", "web/new.rs", "z"]))));
    assert_eq!(mock.headers("authorization"), ["Bearer t0ken", "Bearer t0ken"]);
}

#[tokio::test]
async fn a_bitbucket_data_center_is_read_to_its_last_page() {
    let mock = Mock::start().await;
    let page = |start| {
        let query = format!("since={BEFORE}&until={AFTER}&limit=1000&start={start}");
        format!("GET /projects/~ann/repos/shop/changes?{query}")
    };
    let values =
        json!([{ "path": { "toString": "web/new.rs" }, "srcPath": { "toString": "api/old.rs" }, "type": "MOVE" }]);
    mock.on(&page(0), Reply::json(&json!({ "values": values, "isLastPage": false, "nextPageStart": 25 })));
    let values = json!([{ "path": { "toString": "z", "components": ["z"] } }]);
    mock.on(&page(25), Reply::json(&json!({ "values": values, "isLastPage": true, "nextPageStart": null })));
    let files = asked(&mock, Api::Bitbucket, "git.acme.example/~ann/shop").await;
    assert_eq!(files, Ok(Some(names(&["api/old.rs", "web/new.rs", "z"]))));

    let mock = Mock::start().await;
    mock.on(&page(0), Reply::json(&json!({ "values": [], "isLastPage": false, "nextPageStart": null })));
    assert_eq!(asked(&mock, Api::Bitbucket, "git.acme.example/~ann/shop").await, Ok(None), "cut at the server's limit");
}

#[tokio::test]
async fn gitlab_compares_the_trees_of_a_project_in_groups() {
    let mock = Mock::start().await;
    let compare = format!("GET /projects/acme%2Fweb%2Fshop/repository/compare?from={BEFORE}&to={AFTER}&straight=true");
    let diffs = json!([{ "old_path": "api/old.rs", "new_path": "web/new.rs", "diff": "@@", "too_large": true }]);
    mock.on(&compare, Reply::json(&json!({ "diffs": diffs, "compare_timeout": false })));
    assert_eq!(
        asked(&mock, Api::GitLab, "gitlab.com/acme/web/shop").await,
        Ok(Some(names(&["api/old.rs", "web/new.rs"])))
    );
    assert_eq!(mock.headers("authorization"), ["Bearer t0ken"]);

    let mock = Mock::start().await;
    mock.on(&compare, Reply::json(&json!({ "diffs": [], "compare_timeout": true })));
    assert_eq!(asked(&mock, Api::GitLab, "gitlab.com/acme/web/shop").await, Ok(None));
}

#[tokio::test]
async fn a_list_has_three_thousand_files_at_most() {
    for (count, known) in [(MAX_FILES, true), (MAX_FILES + 1, false)] {
        let mock = Mock::start().await;
        let diffs: Vec<Value> = many(count).iter().map(|name| json!({ "old_path": name, "new_path": name })).collect();
        mock.on("GET /projects/*", Reply::json(&json!({ "diffs": diffs })));
        let files = asked(&mock, Api::GitLab, "gitlab.com/acme/shop").await;
        assert_eq!(files.map(|files| files.map(|files| files.len())), Ok(known.then_some(count)));
    }
}

#[tokio::test]
async fn nobody_is_asked_what_needs_no_answer_or_has_none() {
    let mock = Mock::start().await;
    let providers = mock.providers();
    let none = "0".repeat(40);
    let token = token();
    let ask = |repository, before, after| providers.files(Api::GitHub, repository, before, after, &token);
    assert_eq!(ask(SHOP, &none, AFTER).await, Ok(None));
    assert_eq!(ask(SHOP, AFTER, &none).await, Ok(None));
    assert_eq!(ask(SHOP, AFTER, AFTER).await, Ok(Some(Vec::new())));
    for (repository, before) in [
        (SHOP, "main"),
        (SHOP, "../../../../../../../../../../../../../x"),
        ("github.com/acme", BEFORE),
        ("github.com/acme/shop/more", BEFORE),
        ("evil.example?/acme/shop", BEFORE),
        ("user@evil.example/acme/shop", BEFORE),
    ] {
        let answer = ask(repository, before, AFTER).await;
        assert!(matches!(answer, Err(ProviderError::Unaskable(_))), "{repository} {before}: {answer:?}");
    }
    assert_eq!(mock.seen(), Vec::<String>::new());
}
