//! Against a registry on loopback.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response as Answer},
    routing::get,
};
use tokio::net::TcpListener;

use super::*;

const LIST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const ONE: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const OLD: &str = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

/// A registry that shows `team/base:1` to whoever brings its token, and `open/base:1` to anybody.
async fn answer(State(address): State<String>, headers: HeaderMap, request: Request) -> Answer {
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
    if path == "/token" {
        assert_eq!(query, "scope=repository%3Ateam%2Fbase%3Apull&service=the+registry");
        return r#"{"token":"pass"}"#.into_response();
    }
    assert!(headers["accept"].to_str().expect("text").contains("image.index.v1+json"));
    let passes = headers.get("authorization").is_some_and(|it| it == "Bearer pass");
    match path.as_str() {
        "/v2/team/base/manifests/1" if !passes => {
            let challenge = format!("Bearer realm=\"http://{address}/token\",service=\"the registry\"");
            (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response()
        }
        "/v2/team/base/manifests/1" | "/v2/open/base/manifests/1" => {
            let list = format!("{{\"manifests\":[{{\"digest\":\"{ONE}\"}}]}}");
            ([("docker-content-digest", LIST)], list).into_response()
        }
        "/v2/moved/base/manifests/1" => {
            (StatusCode::FOUND, [("location", "/v2/open/base/manifests/1")]).into_response()
        }
        "/v2/closed/base/manifests/1" => {
            (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"staff\"")]).into_response()
        }
        "/v2/sly/base/manifests/1" => {
            let challenge = "Bearer realm=\"http://192.0.2.1/latest\"";
            (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn registry() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let router = Router::new().fallback(get(answer).head(answer)).with_state(address.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn newer(repository: &str, digest: &str) -> Result<Option<String>, String> {
    let base = Base::parse(&format!("{}/{repository}:1@{digest}", registry().await)).expect("a base image");
    let registries = Registries::with(None, true).expect("a client");
    let newer = registries.newer(&base).await.map_err(|error| format!("{error:#}"))?;
    Ok(newer.map(|digest| digest.to_string()))
}

#[tokio::test]
async fn a_tag_that_names_another_image_now_is_newer_and_one_of_its_list_is_not() {
    for repository in ["open/base", "team/base"] {
        assert_eq!(newer(repository, OLD).await, Ok(Some(LIST.to_owned())), "{repository}");
        assert_eq!(newer(repository, LIST).await, Ok(None), "{repository}");
        assert_eq!(newer(repository, ONE).await, Ok(None), "{repository}: one of the list");
    }
}

#[tokio::test]
async fn what_a_registry_does_not_tell_is_said_and_nothing_is_followed() {
    for (repository, why) in [
        ("gone/base", "has no gone/base:1"),
        ("moved/base", "answered 302"),
        ("closed/base", "asks for credentials"),
        ("sly/base", "names an address for its tokens that is not asked"),
    ] {
        let said = newer(repository, OLD).await.expect_err("an error");
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn what_is_no_registrys_to_tell_is_not_asked() {
    let abroad = Registries::with(None, false).expect("a client");
    for (base, why) in [
        (format!("localhost/base:1@{OLD}"), "is in no registry"),
        (format!("127.0.0.1:1/team/base:1@{OLD}"), "is a registry of the machine that built it"),
        (format!("0x7f.1:1/team/base:1@{OLD}"), "is a registry of the machine that built it"),
        (format!("r.example/base@{OLD}"), "names a digest"),
        (format!("123456789012.dkr.ecr.eu-central-1.amazonaws.com/base:1@{OLD}"), "no account is known"),
    ] {
        let base = Base::parse(&base).expect("a base image");
        let said = format!("{:#}", abroad.newer(&base).await.expect_err("an error"));
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(ecr("123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example"), None);
    assert_eq!(abroad.url("docker.io", "/v2/").expect("a URL").as_str(), "https://registry-1.docker.io/v2/");
}
