//! What is between the function, Slack and moto.

use std::sync::{Arc, Mutex, OnceLock};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, StatusCode, Uri},
};
use longshore_aws::{http::Request, serve::Function};
use longshore_trigger::Trigger;
use serde_json::{Value, json};

pub const TABLE: &str = "releases";

/// What goes wrong, and what was published.
#[derive(Default)]
pub struct Between {
    /// The events, each with its type and detail.
    pub events: Vec<(String, Value)>,
    /// Slack's `response_url`s answer 500.
    pub mute: bool,
    /// The next call to the table whose body has this text fails.
    pub fails: Option<&'static str>,
}

/// What is in front of the function, of Slack and of moto.
pub struct Front {
    pub moto: String,
    pub inbox: String,
    pub trigger: OnceLock<Trigger>,
    pub between: Mutex<Between>,
}

/// The table, as `template.yaml` has it.
pub fn table() -> Value {
    let key = |hash: &str, range: &str| json!([{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" }]);
    let attribute =
        |name: &str| json!({ "AttributeName": name, "AttributeType": if name == "number" { "N" } else { "S" } });
    let attributes = ["pk", "sk", "open_for", "pipeline", "number"].map(attribute);
    json!({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("pk", "sk"),
        "AttributeDefinitions": attributes,
        "GlobalSecondaryIndexes": [
            { "IndexName": "open", "KeySchema": key("open_for", "pk"), "Projection": { "ProjectionType": "KEYS_ONLY" } },
            { "IndexName": "pipeline", "KeySchema": key("pipeline", "number"),
              "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["commit", "digest"] } },
        ],
    })
}

pub async fn call(moto: &str, target: &str, input: &Value) {
    let service = if target.starts_with("Dynamo") { "dynamodb" } else { "secretsmanager" };
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=test/20261121/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let request = local_protocol::http().post(moto).header("x-amz-target", target).header("authorization", scope);
    let answer = request.body(input.to_string()).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{target}: {}", answer.text().await.unwrap_or_default());
}

/// Slack's requests go to the function; the function's to Slack and to moto, where they do not fail here. Events are kept.
pub async fn hand_over(
    State(front): State<Arc<Front>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if uri.path().starts_with("/slack/") {
        let headers = headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let request = Request {
            method: method.to_string(),
            path: uri.path().to_owned(),
            headers: headers.collect(),
            body: body.to_vec(),
        };
        let response = front.trigger.get().expect("the function").http(request).await;
        let response = serde_json::to_value(response).expect("JSON");
        let status = u16::try_from(response["statusCode"].as_u64().expect("a status")).expect("a status");
        let content = response["headers"]["content-type"].as_str().unwrap_or("text/plain");
        let built = Response::builder().status(status).header("content-type", content);
        return built.body(Body::from(response["body"].as_str().expect("a body").to_owned())).expect("an answer");
    }
    let is_of_slack = uri.path().starts_with("/api/") || uri.path().starts_with("/responses/");
    if header("x-amz-target") == "AWSEvents.PutEvents" {
        let input: Value = serde_json::from_slice(&body).expect("JSON");
        let entries = input["Entries"].as_array().expect("entries").iter().map(|entry| {
            let detail = serde_json::from_str(entry["Detail"].as_str().expect("a text")).expect("JSON");
            (entry["DetailType"].as_str().expect("a type").to_owned(), detail)
        });
        front.between.lock().expect("what is between").events.extend(entries);
        return reply(
            StatusCode::OK,
            json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "1" }] }).to_string().into(),
        );
    }
    let fails = {
        let mut between = front.between.lock().expect("what is between");
        let told = String::from_utf8_lossy(&body);
        let fails = !is_of_slack && between.fails.is_some_and(|text| told.contains(text));
        if fails {
            between.fails = None;
        }
        fails || between.mute && uri.path().starts_with("/responses/")
    };
    if fails {
        return reply(StatusCode::INTERNAL_SERVER_ERROR, b"{\"__type\":\"InternalServerError\"}".to_vec());
    }
    let to = if is_of_slack { &front.inbox } else { &front.moto };
    let mut request = local_protocol::http().post(format!("{to}{uri}")).body(body.to_vec());
    for name in ["x-amz-target", "authorization", "content-type", "x-amz-date"] {
        if headers.contains_key(name) {
            request = request.header(name, header(name));
        }
    }
    let answer = request.send().await.expect("an answer");
    let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
    reply(status, answer.bytes().await.expect("a body").to_vec())
}

fn reply(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let built = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    built.body(Body::from(body)).expect("an answer")
}
