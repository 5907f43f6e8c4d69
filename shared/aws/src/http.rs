//! Requests and answers of API Gateway's HTTP API, payload format 2.0.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use longshore_core::{token::masked, webhook::Headers};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// For example `POST`.
    pub method: String,
    /// For example `/webhooks/github`.
    pub path: String,
    /// Its headers.
    pub headers: Headers,
    /// The decoded bytes: what a signature is over.
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    raw_path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    request_context: WireContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct WireContext {
    http: WireHttp,
}

#[derive(Deserialize)]
struct WireHttp {
    method: String,
}

impl Request {
    /// Reads the event of an HTTP request; `None` when it is none.
    pub fn read(event: &Value) -> Option<Self> {
        let wire = Wire::deserialize(event).ok()?;
        let body = wire.body.unwrap_or_default();
        let body = if wire.is_base64_encoded { STANDARD.decode(body).ok()? } else { body.into_bytes() };
        let headers = wire.headers.into_iter().collect();
        Some(Self { method: wire.request_context.http.method, path: wire.raw_path, headers, body })
    }

    /// The token of `Authorization: Bearer …`.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.headers.get("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

/// An answer: JSON, or nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The HTTP status.
    pub status_code: u16,
    headers: BTreeMap<&'static str, &'static str>,
    body: String,
}

impl Response {
    /// An answer with this body.
    pub fn new(status_code: u16, body: &Value) -> Self {
        Self { status_code, headers: BTreeMap::from([("content-type", "application/json")]), body: body.to_string() }
    }

    /// 200: understood, and nothing is started.
    pub fn ignored(why: &str) -> Self {
        Self::new(200, &json!({ "ignored": why }))
    }

    /// 200 with nothing in it: understood, and nothing is to be shown.
    pub fn empty() -> Self {
        Self { status_code: 200, headers: BTreeMap::new(), body: String::new() }
    }

    /// 400: not what this route takes. Where `why` quotes a release token, that is masked: a build writes the answer to its log.
    pub fn bad_request(why: &str) -> Self {
        Self::new(400, &json!({ "error": masked(why) }))
    }

    /// 401: every failure of proof, all alike.
    pub fn unproven() -> Self {
        Self::new(401, &json!({ "error": "the proof of origin is missing or wrong" }))
    }

    /// 404: no such route.
    pub fn not_found() -> Self {
        Self::new(404, &json!({ "error": "no such route" }))
    }

    /// 413: larger than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(413, &json!({ "error": format!("the body is larger than {} KiB", limit / 1024) }))
    }

    /// 422: understood, and more than can be done; it would be refused again.
    pub fn unprocessable(why: &str) -> Self {
        Self::new(422, &json!({ "error": why }))
    }

    /// 503: nothing was recorded by this request; it may be sent again.
    pub fn try_again() -> Self {
        Self::new(503, &json!({ "error": "nothing new was recorded: send it again" }))
    }

    /// `GET /health`.
    pub fn health() -> Self {
        Self::new(200, &json!({ "version": env!("CARGO_PKG_VERSION") }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: &str, encoded: bool) -> Value {
        json!({
            "version": "2.0", "rawPath": "/webhooks/github", "body": body, "isBase64Encoded": encoded,
            "headers": {"Authorization": "bearer abc", "x-github-event": "push"},
            "requestContext": {"http": {"method": "POST", "path": "/webhooks/github"}},
        })
    }

    #[test]
    fn a_body_is_decoded_before_anyone_sees_it() {
        let request = Request::read(&event("aGkK/w==", true)).expect("a request");
        assert_eq!(request.body, b"hi\n\xff");
        assert_eq!(Request::read(&event("hi", false)).expect("a request").body, b"hi");
        assert_eq!(Request::read(&event("no base64!", true)), None);
    }

    #[test]
    fn headers_are_found_by_their_lower_case_name() {
        let request = Request::read(&event("", false)).expect("a request");
        assert_eq!((request.bearer(), request.headers.get("x-github-event")), (Some("abc"), Some("push")));
    }
}
