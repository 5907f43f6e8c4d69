//! An HTTP server that answers as it was told and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response},
};
use longshore_trigger::provider::{Bases, Providers};
use secrecy::SecretString;
use serde_json::Value;

/// An answer.
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    never: bool,
}

impl Reply {
    pub fn json(body: &Value) -> Self {
        Self::bytes(body.to_string())
    }

    pub fn bytes(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into(), never: false }
    }

    pub fn status(status: u16) -> Self {
        Self { status, ..Self::bytes("{}") }
    }

    /// None at all.
    pub fn never() -> Self {
        Self { never: true, ..Self::bytes("") }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

#[derive(Default)]
struct Script {
    replies: Vec<(String, Reply)>,
    seen: Vec<(String, HeaderMap)>,
}

/// The server. It ends with the test's runtime.
pub struct Mock {
    /// Its address, without a slash at its end.
    pub base: String,
    script: Arc<Mutex<Script>>,
}

impl Mock {
    pub async fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, script }
    }

    /// What a request gets: `METHOD path?query`, or the beginning of it and a `*`. The first that fits is taken.
    pub fn on(&self, request: &str, reply: Reply) -> &Self {
        self.script.lock().expect("the script").replies.push((request.to_owned(), reply));
        self
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<String> {
        self.script.lock().expect("the script").seen.iter().map(|(request, _)| request.clone()).collect()
    }

    /// A header of each request so far.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let text =
            |headers: &HeaderMap| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        self.script.lock().expect("the script").seen.iter().map(|(_, headers)| text(headers)).collect()
    }

    /// A client that asks this server, whichever provider is meant.
    pub fn providers(&self) -> Providers {
        let base = Some(self.base.clone());
        Providers::at(Bases { github: base.clone(), bitbucket: base.clone(), gitlab: base })
    }
}

pub fn token() -> SecretString {
    SecretString::from("t0ken")
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response<Body> {
    let asked = format!("{} {}", request.method(), request.uri());
    let reply = {
        let mut script = script.lock().expect("the script");
        script.seen.push((asked.clone(), request.headers().clone()));
        let fits = |wanted: &str| match wanted.strip_suffix('*') {
            Some(start) => asked.starts_with(start),
            None => asked == wanted,
        };
        script.replies.iter().find(|(wanted, _)| fits(wanted)).map(|(_, reply)| reply.clone())
    };
    // No test expects this status: whoever gets it asked for what was not foreseen.
    let reply = reply.unwrap_or_else(|| Reply::status(418));
    if reply.never {
        return std::future::pending().await;
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).expect("a response")
}
