//! An app that remembers what it is sent, and answers what it is told to.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;

/// What it proves requests with.
pub const SECRET: &str = "a signing secret";

#[derive(Clone)]
pub struct App(Arc<Mutex<Inner>>);

struct Inner {
    got: Vec<(HeaderMap, String)>,
    answer: (u16, &'static str, String),
    silent: bool,
}

impl Default for App {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Inner { got: Vec::new(), answer: (200, "", String::new()), silent: false })))
    }
}

impl App {
    /// Its request URL for interactions; commands go beside it.
    pub async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/slack/interactions", listener.local_addr().unwrap());
        let router = Router::new().route("/slack/interactions", post(take)).route("/slack/commands", post(take));
        let router = router.with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    /// What it answers from now on: status, content type (none where empty), body.
    pub fn answers(&self, status: u16, content: &'static str, body: &str) {
        self.inner().answer = (status, content, body.to_owned());
    }

    /// From now on it never answers.
    pub fn falls_silent(&self) {
        self.inner().silent = true;
    }

    /// The headers and the form that it got last.
    pub fn last(&self) -> (HeaderMap, String) {
        self.inner().got.last().cloned().unwrap()
    }

    pub fn count(&self) -> usize {
        self.inner().got.len()
    }

    /// A field of the form that it got last.
    pub fn field(&self, name: &str) -> Option<String> {
        let body = self.last().1;
        form_urlencoded::parse(body.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The interaction that it got last.
    pub fn payload(&self) -> Value {
        serde_json::from_str(&self.field("payload").unwrap()).unwrap()
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(State(app): State<App>, headers: HeaderMap, body: String) -> Response {
    app.inner().got.push((headers, body));
    let (status, content, body) = app.inner().answer.clone();
    if app.inner().silent {
        std::future::pending::<()>().await;
    }
    let mut answer = (StatusCode::from_u16(status).unwrap(), body).into_response();
    answer.headers_mut().remove(CONTENT_TYPE);
    if !content.is_empty() {
        answer.headers_mut().insert(CONTENT_TYPE, content.parse().unwrap());
    }
    answer
}
