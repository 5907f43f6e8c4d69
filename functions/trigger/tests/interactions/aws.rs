//! What the function asks of AWS when a button is pressed: one record in a table, the secret, the event bus.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::{
    Router,
    body::Bytes,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
};
use serde_json::{Value, json};

#[derive(Default)]
struct State {
    item: Option<Value>,
    secret: Value,
    events: Vec<String>,
    broken: Option<&'static str>,
    reads: usize,
}

/// AWS. It ends with the test's runtime.
#[derive(Clone)]
pub struct Aws {
    url: String,
    state: Arc<Mutex<State>>,
}

impl Aws {
    pub async fn start(secret: Value) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State { secret, ..State::default() }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// How the function finds it.
    pub fn config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .endpoint_url(&self.url)
            .retry_config(RetryConfig::disabled())
            .http_client(longshore_aws::clients::https())
            .build()
    }

    /// Puts the one record.
    pub fn put(&self, item: Value) {
        self.state().item = Some(item);
    }

    /// The record's text.
    pub fn record(&self) -> String {
        let state = self.state();
        state.item.as_ref().expect("a record")["record"]["S"].as_str().expect("a text").to_owned()
    }

    /// The record is gone.
    pub fn forget(&self) {
        self.state().item = None;
    }

    /// Every call of this action fails.
    pub fn break_down(&self, action: &'static str) {
        self.state().broken = Some(action);
    }

    /// Puts another secret in the place of the first.
    pub fn rotate(&self, secret: Value) {
        self.state().secret = secret;
    }

    /// The types of the events, in order.
    pub fn events(&self) -> Vec<String> {
        self.state().events.clone()
    }

    /// How often the record was read.
    pub fn reads(&self) -> usize {
        self.state().reads
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state")
    }
}

async fn answer(Shared(state): Shared<Arc<Mutex<State>>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let action = target.rsplit('.').next().unwrap_or_default();
    let input: Value = serde_json::from_slice(&body).expect("JSON");
    let mut state = state.lock().expect("the state");
    if state.broken == Some(action) {
        return (StatusCode::BAD_REQUEST, json!({ "__type": "InternalServerError", "message": "down" }).to_string());
    }
    let output = match action {
        "GetItem" => {
            state.reads += 1;
            let found = state.item.clone().filter(|item| item["pk"] == input["Key"]["pk"]);
            found.map_or(json!({}), |item| json!({ "Item": item }))
        }
        "PutItem" => {
            assert_eq!(input["ConditionExpression"], "#version = :read");
            let read = &input["ExpressionAttributeValues"][":read"];
            if state.item.as_ref().is_none_or(|item| item["version"] != *read) {
                let refused = json!({ "__type": "ConditionalCheckFailedException", "message": "another version" });
                return (StatusCode::BAD_REQUEST, refused.to_string());
            }
            state.item = Some(input["Item"].clone());
            json!({})
        }
        "GetSecretValue" => json!({ "SecretString": state.secret.to_string() }),
        "PutEvents" => {
            let entries = input["Entries"].as_array().expect("entries");
            let types = entries.iter().map(|entry| entry["DetailType"].as_str().expect("a type").to_owned());
            state.events.extend(types);
            json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "1" }] })
        }
        // No test expects it: whoever gets it asked for what was not foreseen.
        _ => return (StatusCode::IM_A_TEAPOT, "{}".to_owned()),
    };
    (StatusCode::OK, output.to_string())
}
