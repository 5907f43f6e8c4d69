//! The Lambda entry: one function takes HTTP requests, events and its tick.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use longshore_core::event::{Envelope, Event};
use serde::Deserialize;
use serde_json::Value;
use tracing::{Instrument, Span};

use crate::{
    http::{Request, Response},
    telemetry,
};

/// A function of ours.
pub trait Function: Send + Sync + 'static {
    /// What every invocation needs is prepared while the function starts, when Lambda gives it a whole processor. It cannot fail: what
    /// is not ready then is made ready by whoever needs it.
    fn ready(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Answers a request. Whatever goes wrong becomes an answer.
    fn http(&self, request: Request) -> impl Future<Output = Response> + Send;

    /// Takes an event. An error has Lambda deliver it again; what can never be read is logged, and is no error.
    fn event(&self, event: Event) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Runs a function until Lambda ends it.
pub async fn serve(function: impl Function) -> Result<(), Error> {
    function.ready().await;
    let function = Arc::new(function);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let function = function.clone();
        let span = telemetry::request(&event.context.request_id);
        async move { dispatch(&*function, event.payload).await }.instrument(span)
    }))
    .await
}

/// Hands an invocation's payload to the function.
pub async fn dispatch(function: &impl Function, payload: Value) -> Result<Value, Error> {
    if let Some(request) = Request::read(&payload) {
        let (method, path) = (request.method.clone(), request.path.clone());
        // Boxed: the handlers' futures nest too deeply for the compiler otherwise.
        let response = Box::pin(function.http(request)).await;
        tracing::info!(method, path, status = response.status_code, "answered");
        return Ok(serde_json::to_value(response)?);
    }
    let Ok(envelope) = Envelope::deserialize(&payload) else {
        // What it is instead is not told: the error may quote it.
        tracing::error!("an invocation that is neither a request nor an event: dropped");
        return Ok(Value::Null);
    };
    let event = Event::read(&envelope);
    if let Some(release) = event.release() {
        Span::current().record("release", release.as_str());
    }
    tracing::debug!(kind = event.word(), "event");
    Box::pin(function.event(event)).await.inspect_err(|error| tracing::error!("{error:#}"))?;
    Ok(Value::Null)
}
