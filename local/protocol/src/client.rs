//! A caller of AWS JSON services on loopback: the stand-ins, and the control plane emulator.

use axum::body::Bytes;
use serde_json::Value;

use crate::{ACCOUNT, Answer, REGION, Refusal};

/// An HTTP client for loopback; it installs ring as the process's TLS provider, which reqwest insists on.
pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// Calls AWS JSON services at one address. Requests carry a credential scope, by which moto tells services apart, and no
/// valid signature, which neither moto nor the stand-ins ask for.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: String,
    http: reqwest::Client,
}

impl Client {
    /// `endpoint`: for example `http://127.0.0.1:5000`.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), http: http() }
    }

    /// `service` is the signing name (`dynamodb`), `target` the whole `X-Amz-Target` (`DynamoDB_20120810.CreateTable`).
    pub async fn call(&self, service: &str, target: &str, input: &Value) -> Answer {
        let (status, text) = self.exchange(service, target, input.to_string()).await?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status < 300 {
            return Ok(body);
        }
        let code = body["__type"].as_str().unwrap_or("Unknown");
        let message = body["message"].as_str().or(body["Message"].as_str()).unwrap_or(&text);
        Err(Refusal { status, code: code.rsplit('#').next().unwrap_or(code).into(), message: message.into() })
    }

    /// A call whose answer is left as it is, status and body: a refusal may have members of its own. An error: there is no answer.
    pub async fn exchange(
        &self,
        service: &str,
        target: &str,
        body: impl Into<Bytes>,
    ) -> Result<(u16, String), Refusal> {
        let scope = format!("{ACCOUNT}/20260101/{REGION}/{service}/aws4_request");
        let version = if matches!(service, "dynamodb" | "sqs") { "1.0" } else { "1.1" };
        let unreachable = |error| Refusal::server("Unreachable", format!("{}: {error}", self.endpoint));
        let answer = self
            .http
            .post(&self.endpoint)
            .header("content-type", format!("application/x-amz-json-{version}"))
            .header("x-amz-target", target)
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"))
            .body(body.into())
            .send()
            .await
            .map_err(unreachable)?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await.map_err(unreachable)?))
    }
}
