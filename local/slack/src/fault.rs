//! Faults for tests: what a network and an overloaded service do.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body::Frame;
use serde_json::json;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 429 with `Retry-After`, in seconds; the call is not performed.
    RateLimited(u64),
    /// 500 with a text that is no JSON; the call is not performed.
    ServerError,
    /// The connection ends without an answer; the call is not performed.
    Drop,
    /// The connection ends without an answer, and the call **is** performed: a retry does it twice.
    LoseAnswer,
    /// `ok: false` with this error code, such as `fatal_error`.
    Error(String),
}

/// 429 as Slack answers it.
pub fn rate_limited(seconds: u64) -> Response {
    let body = json!({ "ok": false, "error": "ratelimited" }).to_string();
    let headers = [(header::RETRY_AFTER, seconds.to_string()), (header::CONTENT_TYPE, crate::api::JSON.into())];
    (StatusCode::TOO_MANY_REQUESTS, headers, body).into_response()
}

/// 500 as a proxy answers it.
pub fn server_error() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong").into_response()
}

/// No answer: the body fails before the head is flushed, so that the connection just ends.
pub fn dropped() -> Response {
    Response::new(Body::new(Broken))
}

struct Broken;

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}
