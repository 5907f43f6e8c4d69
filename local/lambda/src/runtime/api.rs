//! The Lambda Runtime API, as one instance of a function sees it.
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};

use super::{InvokeError, PAYLOAD_LIMIT};

/// Where the answer to an invocation goes.
type Answer = oneshot::Sender<Result<Value, InvokeError>>;

/// How far an instance has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Init {
    Starting,
    Ready,
    /// With what the function posted.
    Failed(String),
}

/// One invocation.
pub(super) struct Work {
    pub request: String,
    pub payload: Bytes,
    pub timeout: Duration,
    /// Told when the function has it.
    pub taken: oneshot::Sender<()>,
    pub answer: Answer,
}

/// What the function's HTTP calls reach.
pub(super) struct Api {
    pub arn: String,
    pub init: watch::Sender<Init>,
    pub work: tokio::sync::Mutex<mpsc::Receiver<Work>>,
    current: Mutex<Option<(String, Answer)>>,
}

impl Api {
    pub fn new(arn: String, work: mpsc::Receiver<Work>) -> Arc<Self> {
        let init = watch::Sender::new(Init::Starting);
        Arc::new(Self { arn, init, work: tokio::sync::Mutex::new(work), current: Mutex::new(None) })
    }

    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{request}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{request}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::disable())
            .with_state(self)
    }

    fn finish(&self, request: &str, answer: Result<Value, InvokeError>) -> Response {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current.take_if(|(id, _)| id == request) {
            Some((_, sender)) => {
                let _ = sender.send(answer);
                (StatusCode::ACCEPTED, axum::Json(json!({ "status": "OK" }))).into_response()
            }
            None => refusal("InvalidRequestID", "Invalid request ID"),
        }
    }
}

fn refusal(kind: &str, message: &str) -> Response {
    (StatusCode::BAD_REQUEST, axum::Json(json!({ "errorType": kind, "errorMessage": message }))).into_response()
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    api.init.send_if_modified(|init| std::mem::replace(init, Init::Ready) != Init::Ready);
    let Some(work) = api.work.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    // Nothing is awaited from here on: an invocation that left the queue reaches either the function or the caller's error.
    let timeout = i64::try_from(work.timeout.as_millis()).unwrap_or(i64::MAX);
    let deadline = jiff::Timestamp::now().as_millisecond().saturating_add(timeout);
    let trace = crate::uuid().replace('-', "");
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", work.request.clone()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", api.arn.clone()),
        ("lambda-runtime-trace-id", format!("Root=1-{}-{};Sampled=0", &trace[..8], &trace[8..])),
    ];
    let _ = work.taken.send(());
    *api.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((work.request, work.answer));
    (headers, work.payload).into_response()
}

async fn response(State(api): State<Arc<Api>>, Path(request): Path<String>, body: Bytes) -> Response {
    if body.len() > PAYLOAD_LIMIT {
        let message = "Response payload size exceeded maximum allowed payload size (6291556 bytes).".to_owned();
        let error_type = "Function.ResponseSizeTooLarge".to_owned();
        api.finish(&request, Err(InvokeError::Function { error_type, message }));
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let answer = match serde_json::from_slice(&body) {
        Ok(value) => Ok(value),
        Err(_) if body.is_empty() => Ok(Value::Null),
        Err(error) => Err(InvokeError::Function {
            error_type: "Function.InvalidResponse".to_owned(),
            message: format!("the function's response is no JSON: {error}"),
        }),
    };
    api.finish(&request, answer)
}

async fn error(State(api): State<Arc<Api>>, Path(request): Path<String>, body: Bytes) -> Response {
    let (error_type, message) = reported(&body);
    api.finish(&request, Err(InvokeError::Function { error_type, message }))
}

async fn init_error(State(api): State<Arc<Api>>, body: Bytes) -> Response {
    let (error_type, message) = reported(&body);
    api.init.send_replace(Init::Failed(format!("{error_type}: {message}")));
    (StatusCode::ACCEPTED, axum::Json(json!({ "status": "OK" }))).into_response()
}

fn reported(body: &[u8]) -> (String, String) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str, default: &str| body[name].as_str().unwrap_or(default).to_owned();
    (member("errorType", "Unhandled"), member("errorMessage", "the function gave no message"))
}
