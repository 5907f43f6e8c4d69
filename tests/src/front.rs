//! Stands before Secrets Manager and counts how often `trigger` reads the secret.

use std::{
    net::TcpListener,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use local_protocol::Client;
use longshore_local::{Options, Stack};

use crate::within;

/// A variable of `trigger` in the template, beside which the address is told.
const BESIDE: &str = "          LONGSHORE_GITHUB_API: !Ref GitHubApi\n";

/// A front before Secrets Manager, for `trigger` alone.
pub struct Front {
    listener: TcpListener,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    behind: OnceLock<Client>,
    readings: AtomicUsize,
}

impl Front {
    /// A front that listens, and answers nobody before it is opened.
    ///
    /// # Panics
    ///
    /// When no port is free.
    pub fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        Self { listener, inner: Arc::default() }
    }

    /// Has `trigger` of a stack ask it.
    ///
    /// # Panics
    ///
    /// When the template has no place for it.
    pub fn install(&self, options: &mut Options) {
        assert_eq!(options.template.matches(BESIDE).count(), 1, "template.yaml has no place for a variable");
        let address = self.listener.local_addr().expect("an address");
        let variables = format!("{BESIDE}          AWS_ENDPOINT_URL_SECRETS_MANAGER: http://{address}\n");
        options.template = options.template.replace(BESIDE, &variables);
    }

    /// Passes on to the stack's Secrets Manager from now on, for as long as the test's runtime lives.
    ///
    /// # Panics
    ///
    /// When it is open already.
    pub fn open(&self, stack: &Stack) {
        assert!(self.inner.behind.set(stack.aws.clone()).is_ok(), "it is open already");
        let listener = self.listener.try_clone().expect("the listener");
        let listener = tokio::net::TcpListener::from_std(listener).expect("the listener");
        let router = Router::new().route("/", post(pass)).with_state(self.inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
    }

    /// How often the secret was read.
    pub fn readings(&self) -> usize {
        self.inner.readings.load(Ordering::SeqCst)
    }
}

impl Default for Front {
    fn default() -> Self {
        Self::new()
    }
}

async fn pass(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if target == "secretsmanager.GetSecretValue" {
        inner.readings.fetch_add(1, Ordering::SeqCst);
    }
    let behind = inner.behind.get().expect("an open front");
    let answer = within("Secrets Manager answers", behind.exchange("secretsmanager", target, body)).await;
    let (status, text) = answer.expect("an answer");
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/x-amz-json-1.1")], text).into_response()
}
