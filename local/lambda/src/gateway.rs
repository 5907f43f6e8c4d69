//! API Gateway's HTTP API in front of the functions, payload format 2.0.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>. Not
//! imitated: authorizers, CORS, throttling, stages other than `$default`, and TLS.

mod event;
mod response;
mod routes;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::to_bytes,
    extract::{ConnectInfo, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    runtime::{Host, InvokeError},
    template::Route,
};
use routes::Table;

/// What API Gateway accepts. Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

struct Gateway {
    routes: Table,
    host: Arc<Host>,
}

/// Serves the routes. The caller's address is `127.0.0.1` unless the router is served with
/// [`Router::into_make_service_with_connect_info`].
pub fn router(routes: Vec<Route>, host: Arc<Host>) -> Router {
    Router::new().fallback(handle).with_state(Arc::new(Gateway { routes: Table::new(routes), host }))
}

async fn handle(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some((route, parameters)) = gateway.routes.find(parts.method.as_str(), parts.uri.path()) else {
        return message(StatusCode::NOT_FOUND, "Not Found");
    };
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let caller = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let caller = caller.map_or_else(|| "127.0.0.1".to_owned(), |info| info.0.ip().to_string());
    let event = event::build(&parts, &body, &route.key, parameters, &caller);
    match tokio::time::timeout(route.timeout, gateway.host.invoke(&route.function, event)).await {
        Ok(Ok(answer)) => response::build(answer)
            .unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        Ok(Err(InvokeError::TooLarge)) => message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
        Ok(Err(error)) => {
            tracing::warn!(route = route.key, function = route.function, %error, "the function failed");
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
        Err(_) => {
            tracing::warn!(route = route.key, function = route.function, "the function did not answer in time");
            message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
        }
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({ "message": text }))).into_response()
}
