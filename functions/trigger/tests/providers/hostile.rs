//! Answers that no provider should give.

use longshore_trigger::provider::{Api, ProviderError};
use serde_json::{Value, json};

use crate::mock::{Mock, Reply, token};

const BEFORE: &str = "1111111111111111111111111111111111111111";
const AFTER: &str = "2222222222222222222222222222222222222222";

async fn ask(mock: &Mock, api: Api, repository: &str) -> ProviderError {
    mock.providers().files(api, repository, BEFORE, AFTER, &token()).await.expect_err("no files")
}

/// What each of the four makes of the same answer.
async fn told(reply: Reply) -> Vec<ProviderError> {
    let mut errors = Vec::new();
    for (api, repository) in [
        (Api::GitHub, "github.com/acme/shop"),
        (Api::Bitbucket, "bitbucket.org/acme/shop"),
        (Api::Bitbucket, "git.acme.example/acme/shop"),
        (Api::GitLab, "gitlab.com/acme/shop"),
    ] {
        let mock = Mock::start().await;
        mock.on("GET *", reply.clone());
        errors.push(ask(&mock, api, repository).await);
        assert_eq!(mock.seen().len(), 1);
    }
    errors
}

fn four(error: &ProviderError) -> Vec<ProviderError> {
    vec![error.clone(); 4]
}

#[tokio::test]
async fn an_answer_without_end_is_let_go() {
    assert_eq!(told(Reply::bytes(vec![b' '; 9 * 1024 * 1024])).await, four(&ProviderError::TooLarge));
}

#[tokio::test]
async fn an_answer_of_another_kind_is_unreadable() {
    for body in
        ["", "<html>", "[]", "null", "{}", r#"{"files":{},"values":{},"diffs":{},"status":"ahead"}"#, "\u{feff}{}"]
    {
        assert_eq!(told(Reply::bytes(body)).await, four(&ProviderError::Unreadable), "{body}");
    }
    assert_eq!(told(Reply::bytes("[".repeat(100_000))).await, four(&ProviderError::Unreadable));
}

#[tokio::test]
async fn a_refusal_is_told_by_its_status_alone() {
    for (status, error) in [
        (401, ProviderError::Refused(401)),
        (403, ProviderError::Refused(403)),
        (404, ProviderError::Refused(404)),
        (500, ProviderError::Status(500)),
    ] {
        let told = told(Reply::status(status).header("x-secret", "t0ken")).await;
        assert!(told.iter().all(|error| !error.to_string().contains("t0ken")));
        assert_eq!(told, four(&error));
    }
}

#[tokio::test]
async fn a_limit_is_an_error_of_its_own() {
    for error in told(Reply::status(429).header("retry-after", "60")).await {
        assert!(matches!(error, ProviderError::Limited { .. }), "{error}");
    }
}

#[tokio::test]
async fn no_redirect_takes_the_token_to_another_host() {
    for status in [301, 302, 303, 307, 308] {
        let other = Mock::start().await;
        other.on("GET *", Reply::json(&json!({ "status": "ahead", "files": [], "values": [], "diffs": [] })));
        let reply = Reply::status(status).header("location", format!("{}/", other.base));
        assert_eq!(told(reply).await, four(&ProviderError::Status(status)));
        assert_eq!(other.seen(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_redirect_in_a_circle_ends() {
    let mock = Mock::start().await;
    mock.on("GET *", Reply::status(302).header("location", format!("{}/again", mock.base)));
    assert_eq!(ask(&mock, Api::GitLab, "gitlab.com/acme/shop").await, ProviderError::Status(302));
    assert_eq!(mock.seen().len(), 4);
}

#[tokio::test]
async fn no_next_page_takes_the_token_to_another_host() {
    let other = Mock::start().await;
    let mock = Mock::start().await;
    let next = |next: Value| Reply::json(&json!({ "values": [], "next": next }));
    mock.on("GET /repositories/acme/shop/*", next(json!(format!("{}/page", other.base))));
    mock.on("GET /repositories/acme/odd/*", next(json!("//other.example/page")));
    let asked = async |name| ask(&mock, Api::Bitbucket, &format!("bitbucket.org/acme/{name}")).await;
    assert_eq!(asked("shop").await, ProviderError::Elsewhere);
    assert_eq!(asked("odd").await, ProviderError::Unreadable);
    assert_eq!(other.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn pages_without_end_are_a_list_that_was_cut() {
    let mock = Mock::start().await;
    mock.on(
        "GET /repositories/*",
        Reply::json(&json!({ "values": [], "next": format!("{}/repositories/", mock.base) })),
    );
    mock.on("GET /projects/*", Reply::json(&json!({ "values": [], "isLastPage": false, "nextPageStart": 0 })));
    for repository in ["bitbucket.org/acme/shop", "git.acme.example/acme/shop"] {
        let files = mock.providers().files(Api::Bitbucket, repository, BEFORE, AFTER, &token()).await;
        assert_eq!(files, Ok(None));
    }
    assert_eq!(mock.seen().len(), 20);
}

#[tokio::test]
async fn a_token_that_fits_no_header_is_not_told() {
    let mock = Mock::start().await;
    let token = secrecy::SecretString::from("t0ken\nx: y");
    let error = mock.providers().files(Api::GitHub, "github.com/acme/shop", BEFORE, AFTER, &token).await;
    let error = error.expect_err("no request");
    assert!(matches!(error, ProviderError::Unreached(_)) && !format!("{error:?}").contains("t0ken"), "{error:?}");
    assert_eq!(mock.seen(), Vec::<String>::new());
}

/// The clock runs ahead as soon as everyone waits.
#[tokio::test(start_paused = true)]
async fn who_never_answers_is_not_waited_for() {
    let mock = Mock::start().await;
    mock.on("GET *", Reply::never());
    let error = ask(&mock, Api::GitHub, "github.com/acme/shop").await;
    assert_eq!(error, ProviderError::Unreached("no answer in time".to_owned()));
}
