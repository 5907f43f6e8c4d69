//! The web as a program sees it that installs Longshore: the providers' webhooks, Slack, and the deployed endpoint.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: Method,
    /// With its query, as it was written.
    pub path: String,
    pub token: String,
    pub body: Value,
}

/// What a method and path are answered with.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

type Shared = Arc<Mutex<Kept>>;

#[derive(Default)]
struct Kept {
    answers: BTreeMap<String, Answer>,
    asked: Vec<Asked>,
}

/// A server on loopback that ends with its value.
pub struct StandIn {
    pub url: String,
    state: Shared,
    task: JoinHandle<()>,
}

impl StandIn {
    pub async fn start() -> Self {
        let state = Shared::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer).with_state(state.clone());
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { url, state, task }
    }

    /// `what`: the method and the path without its query, `GET /hooks`.
    pub fn answers(&self, what: &str, body: Value) {
        self.answers_with(what, Answer { status: 200, headers: Vec::new(), body });
    }

    pub fn answers_with(&self, what: &str, answer: Answer) {
        self.state.lock().expect("the state").answers.insert(what.to_owned(), answer);
    }

    /// What came since it was asked last.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state.lock().expect("the state").asked)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(state): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut state = state.lock().expect("the state");
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let asked = Asked {
        method: method.clone(),
        path,
        token: token.trim_start_matches("Bearer ").to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    state.asked.push(asked);
    let Some(answer) = state.answers.get(&format!("{method} {}", uri.path())) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let status = StatusCode::from_u16(answer.status).expect("a status");
    let mut response = (status, axum::Json(answer.body.clone())).into_response();
    for (name, value) in &answer.headers {
        response.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    response
}
