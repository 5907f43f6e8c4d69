//! What the stand-ins of the local stack share: AWS's JSON protocol as a server speaks it, and the events that they emit.
//!
//! AWS JSON 1.1: every call is a `POST /` whose `X-Amz-Target` header is `<prefix>.<Action>`; an error is a JSON object with
//! `__type` and `message`. Source: <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// An event as EventBridge carries it.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// For example `aws.codebuild`.
    pub source: String,
    /// For example `CodeBuild Build State Change`.
    pub detail_type: String,
    /// The ARNs of what the event is about.
    pub resources: Vec<String>,
    /// The event's own members.
    pub detail: Value,
}

/// Where a stand-in puts its events; the local stack forwards them to the bus.
pub type Events = mpsc::UnboundedSender<Event>;

/// A refusal as AWS words it: a status, an error code such as `InvalidInputException`, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The HTTP status: 400 for the caller's faults, 500 for the service's.
    pub status: u16,
    /// The error's shape name, without a namespace.
    pub code: String,
    /// What a person reads.
    pub message: String,
}

impl Refusal {
    /// A fault of the caller (status 400).
    pub fn client(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into() }
    }

    /// A fault of the service (status 500).
    pub fn server(code: &str, message: impl Into<String>) -> Self {
        Self { status: 500, code: code.into(), message: message.into() }
    }
}

/// The answer to one call.
pub type Answer = Result<Value, Refusal>;

/// A service that speaks AWS JSON 1.1.
pub trait Service: Send + Sync + 'static {
    /// What stands before the dot in `X-Amz-Target`, for example `CodeBuild_20161006`.
    const TARGET: &'static str;

    /// Performs one action; an action that the stand-in lacks is refused with [`unknown`].
    fn call(&self, action: &str, input: Value) -> impl Future<Output = Answer> + Send;
}

/// The refusal of an action that a stand-in lacks.
pub fn unknown(action: &str) -> Refusal {
    Refusal::client("UnknownOperationException", format!("the local stand-in has no action {action}"))
}

/// `POST /` of the service.
pub fn router<S: Service>(service: Arc<S>) -> Router {
    Router::new().route("/", post(handle::<S>)).with_state(service)
}

async fn handle<S: Service>(State(service): State<Arc<S>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let answer = match target.split_once('.') {
        Some((prefix, action)) if prefix == S::TARGET => match parse(&body) {
            Ok(input) => {
                let answer = service.call(action, input).await;
                if let Err(refusal) = &answer {
                    tracing::debug!(action, %refusal, "refused");
                }
                answer
            }
            Err(refusal) => Err(refusal),
        },
        _ => Err(unknown(target)),
    };
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(refusal) => (
            StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            json!({ "__type": refusal.code, "message": refusal.message }),
        ),
    };
    let json = HeaderValue::from_static("application/x-amz-json-1.1");
    (status, [(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}

fn parse(body: &[u8]) -> Answer {
    if body.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(Value::Object(members)),
        Ok(_) => Err(Refusal::client("SerializationException", "the request is not a JSON object")),
        Err(error) => Err(Refusal::client("SerializationException", error.to_string())),
    }
}

/// Now, in seconds since 1970 with milliseconds: how AWS JSON writes a timestamp.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double exactly")]
pub fn now() -> f64 {
    jiff::Timestamp::now().as_millisecond() as f64 / 1000.0
}

/// The account that everything in the local stack belongs to (moto's default).
pub const ACCOUNT: &str = "123456789012";
/// The region of the local stack.
pub const REGION: &str = "eu-central-1";

/// `arn:aws:<service>:<region>:<account>:<resource>` in the local stack's account and region.
pub fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

mod client;
pub use client::{Client, http};
