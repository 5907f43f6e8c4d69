//! What AWS hands out by a URL that is signed already: an image's configuration, for example.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, OrchestratorError};
use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

use super::{CallError, attempts, failure, limits};
use crate::clients::https;

/// Downloads with the SDK's HTTP client, attempts and time limits, and without credentials of ours. Redirections are not followed.
#[derive(Debug, Clone)]
pub struct Download(SdkConfig);

impl Download {
    /// No call is made.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self(sdk.clone())
    }

    /// What is at a URL, `https://…` or `http://…`; more than `limit` bytes are an error. The URL is a key to what is there: it is in no
    /// error and no log.
    pub async fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, CallError> {
        let broken = || CallError::Unanswered("the URL cannot be read".to_owned());
        let (scheme, rest) =
            url.split_once("://").filter(|(scheme, _)| ["https", "http"].contains(scheme)).ok_or_else(broken)?;
        let path = rest.find('/').ok_or_else(broken)?;
        let sdk = &self.0;
        let mut operation = Operation::builder()
            .service_name("download")
            .operation_name("GET")
            .behavior_version(BehaviorVersion::latest())
            .http_client(sdk.http_client().unwrap_or_else(https))
            .endpoint_url(&format!("{scheme}://{}", &rest[..path]))
            .no_auth()
            .standard_retry(&sdk.retry_config().cloned().unwrap_or_else(attempts))
            .timeout_config(sdk.timeout_config().cloned().unwrap_or_else(limits))
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new());
        if let Some(sleep) = sdk.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        let operation = operation
            .serializer(|path: String| {
                let mut request = HttpRequest::new(SdkBody::empty());
                request.set_uri(path)?;
                Ok(request)
            })
            .deserializer(move |answer| {
                let body = answer.body().bytes().unwrap_or_default();
                let refusal = |code: String| OrchestratorError::operation(ErrorMetadata::builder().code(code).build());
                if !answer.status().is_success() {
                    return Err(refusal(format!("status {}", answer.status().as_u16())));
                }
                if body.len() > limit { Err(refusal("too large".to_owned())) } else { Ok(body.to_vec()) }
            })
            .build();
        operation.invoke(rest[path..].to_owned()).await.map_err(|error| failure(&error))
    }
}
