//! Which commit a branch or tag is at, and what is told of a commit.

use longshore_core::{push::Reference, release::Commit};
use longshore_trigger::provider::{Api, ProviderError, Wanted};
use serde_json::{Value, json};

use crate::mock::{Mock, Reply, token};

const ID: &str = "1111111111111111111111111111111111111111";

async fn ask(mock: &Mock, api: Api, repository: &str, wanted: Wanted<'_>) -> Result<Option<Commit>, ProviderError> {
    mock.providers().commit(api, repository, wanted, &token()).await
}

fn branch(name: &str) -> Reference {
    Reference::branch(name).expect("a branch")
}

/// What GitHub tells of a commit of which there is nothing to say.
fn github() -> Value {
    json!({ "sha": ID, "commit": {}, "files": [] })
}

#[tokio::test]
async fn github_is_asked_for_the_branch_the_tag_or_the_commit_that_is_meant() {
    let mock = Mock::start().await;
    let path = |named: &str| format!("GET /repos/acme/shop/commits/{named}?per_page=1&page=1");
    let all = ["heads%2Ffeature%2F%231", "tags%2Fv1.0", "1111111"].map(path);
    for request in &all {
        mock.on(request, Reply::json(&github()));
    }
    let (feature, tag) = (branch("feature/#1"), Reference::tag("v1.0").expect("a tag"));
    for wanted in [Wanted::Reference(&feature), Wanted::Reference(&tag), Wanted::Commit("1111111")] {
        assert_eq!(ask(&mock, Api::GitHub, "github.com/acme/shop", wanted).await, Ok(Some(Commit::bare(ID))));
    }
    assert_eq!(mock.seen(), all);
    assert_eq!(mock.headers("authorization"), ["Bearer t0ken"; 3]);
}

#[tokio::test]
async fn bitbucket_cloud_names_the_commit_as_the_target_of_a_branch() {
    let mock = Mock::start().await;
    let commit = json!({ "hash": ID, "author": { "raw": "Ada <ada@example.com>" }, "message": "Say hello\n" });
    let all = ["refs/branches/feature/1", "refs/tags/v1", "commit/1111111"];
    let all = all.map(|path| format!("GET /repositories/acme/shop/{path}"));
    mock.on(&all[0], Reply::json(&json!({ "name": "feature/1", "target": commit })));
    mock.on(&all[1], Reply::json(&json!({ "name": "v1", "target": commit })));
    mock.on(&all[2], Reply::json(&commit));
    let (feature, tag) = (branch("feature/1"), Reference::tag("v1").expect("a tag"));
    for wanted in [Wanted::Reference(&feature), Wanted::Reference(&tag), Wanted::Commit("1111111")] {
        let told = ask(&mock, Api::Bitbucket, "bitbucket.org/acme/shop", wanted).await.expect("an answer");
        let told = told.expect("a commit");
        assert_eq!((&*told.id, &*told.author, told.email.as_deref()), (ID, "Ada", Some("ada@example.com")));
    }
    assert_eq!(mock.seen(), all);

    let center = ask(&mock, Api::Bitbucket, "git.acme.example/acme/shop", Wanted::Commit(ID)).await;
    assert!(matches!(center, Err(ProviderError::Unaskable(_))), "{center:?}");
    assert_eq!(mock.seen().len(), 3, "a Data Center is not asked");
}

#[tokio::test]
async fn gitlab_names_the_commit_of_a_branch() {
    let mock = Mock::start().await;
    let commit = json!({ "id": ID, "message": "Say hello", "author_name": "Ada" });
    let all = ["branches/feature%2F1", "tags/v1", "commits/1111111"];
    let all = all.map(|path| format!("GET /projects/acme%2Fweb%2Fshop/repository/{path}"));
    mock.on(&all[0], Reply::json(&json!({ "name": "feature/1", "commit": commit })));
    mock.on(&all[1], Reply::json(&json!({ "name": "v1", "commit": commit })));
    mock.on(&all[2], Reply::json(&commit));
    let (feature, tag) = (branch("feature/1"), Reference::tag("v1").expect("a tag"));
    for wanted in [Wanted::Reference(&feature), Wanted::Reference(&tag), Wanted::Commit("1111111")] {
        let told = ask(&mock, Api::GitLab, "gitlab.com/acme/web/shop", wanted).await.expect("an answer");
        assert_eq!(told.map(|commit| (commit.id, commit.author)), Some((ID.to_owned(), "Ada".to_owned())));
    }
    assert_eq!(mock.seen(), all);
}

#[tokio::test]
async fn what_is_not_there_is_no_error() {
    let main = branch("main");
    for (api, repository, statuses) in [
        (Api::GitHub, "github.com/acme/shop", &[404, 409, 422][..]),
        (Api::Bitbucket, "bitbucket.org/acme/shop", &[404]),
        (Api::GitLab, "gitlab.com/acme/shop", &[404]),
    ] {
        for &status in statuses {
            let mock = Mock::start().await;
            mock.on("GET *", Reply::status(status));
            assert_eq!(ask(&mock, api, repository, Wanted::Reference(&main)).await, Ok(None), "{api:?} {status}");
        }
        for (status, error) in
            [(401, ProviderError::Refused(401)), (403, ProviderError::Refused(403)), (500, ProviderError::Status(500))]
        {
            let mock = Mock::start().await;
            mock.on("GET *", Reply::status(status));
            assert_eq!(ask(&mock, api, repository, Wanted::Reference(&main)).await, Err(error), "{api:?}");
        }
    }
}

#[tokio::test]
async fn a_branch_that_is_named_like_a_commit_is_none() {
    let mock = Mock::start().await;
    mock.on("GET *", Reply::json(&github()));
    let named = ask(&mock, Api::GitHub, "github.com/acme/shop", Wanted::Commit("cafe123")).await;
    assert_eq!(named, Ok(None));
}

#[tokio::test]
async fn an_answer_without_a_commit_is_unreadable() {
    let main = branch("main");
    for body in
        ["", "[]", "{}", r#"{"sha":"main","target":{},"commit":{"id":"0000000000000000000000000000000000000000"}}"#]
    {
        for (api, repository) in [
            (Api::GitHub, "github.com/acme/shop"),
            (Api::Bitbucket, "bitbucket.org/acme/shop"),
            (Api::GitLab, "gitlab.com/acme/shop"),
        ] {
            let mock = Mock::start().await;
            mock.on("GET *", Reply::bytes(body));
            let told = ask(&mock, api, repository, Wanted::Reference(&main)).await;
            assert_eq!(told, Err(ProviderError::Unreadable), "{body}");
        }
    }
}
