//! AWS as a script: what it answers, one call after another, and what it was asked. It stands where the SDK has its HTTP client, so
//! that requests are seen as they would go over the wire, signed.
#![allow(dead_code, reason = "two test programs share this file, and not each needs all of it")]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, UNIX_EPOCH},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::TokioSleep, time::StaticTimeSource};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// What the script does with a call.
#[derive(Debug, Clone)]
pub enum Said {
    /// It answers.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// The connection breaks.
    Nothing,
}

/// A request as it would have gone out.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub url: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// The script; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Script(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Said>,
    asked: Vec<Asked>,
}

/// 200 with this JSON.
pub fn says(body: &Value) -> Said {
    said(200, &body.to_string())
}

/// An error of AWS's JSON protocols.
pub fn refuses(status: u16, code: &str, message: &str) -> Said {
    said(status, &serde_json::json!({ "__type": code, "message": message }).to_string())
}

/// Any answer.
pub fn said(status: u16, body: &str) -> Said {
    Said::Answer { status, headers: Vec::new(), body: body.to_owned() }
}

impl Said {
    pub fn with(mut self, header: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((header, value.to_owned()));
        }
        self
    }
}

impl Asked {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The operation of AWS's JSON protocols: `GetLogEvents` of `Logs_20140328.GetLogEvents`.
    pub fn operation(&self) -> &str {
        self.headers.get("x-amz-target").and_then(|target| target.split('.').nth(1)).unwrap_or_default()
    }
}

impl Script {
    pub fn new(answers: impl IntoIterator<Item = Said>) -> Self {
        let state = State { answers: answers.into_iter().collect(), asked: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// A configuration whose calls the script answers: fixed keys, the time 2027-01-15 08:00:00 UTC, three attempts.
    pub fn sdk(&self) -> SdkConfig {
        let keys = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI", Some("token".to_owned()), None, "script");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .identity_cache(IdentityCache::lazy().build())
            .http_client(SharedHttpClient::new(self.clone()))
            .time_source(StaticTimeSource::new(UNIX_EPOCH + Duration::from_hours(500_000)))
            .sleep_impl(TokioSleep::new())
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .build()
    }

    /// What was asked; every answer of the script was given.
    #[track_caller]
    pub fn asked(&self) -> Vec<Asked> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(state.answers.is_empty(), "{} answers were not asked for: {:#?}", state.answers.len(), state.asked);
        state.asked.clone()
    }

    /// The operations and bodies that were asked for, of a JSON protocol.
    #[track_caller]
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.asked().iter().map(|asked| (asked.operation().to_owned(), asked.json())).collect()
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let body = String::from_utf8(request.body().bytes().unwrap_or_default().to_vec()).expect("text");
        state.asked.push(Asked {
            method: request.method().to_owned(),
            url: request.uri().to_owned(),
            headers: request.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body,
        });
        let answer = state.answers.pop_front();
        assert!(answer.is_some(), "the script ends before this: {:#?}", state.asked.last());
        let Some(Said::Answer { status, headers, body }) = answer else {
            let error = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the connection broke");
            return HttpConnectorFuture::ready(Err(ConnectorError::io(error.into())));
        };
        let mut response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body));
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl HttpClient for Script {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
