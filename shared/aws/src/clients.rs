//! What every AWS client shares: one HTTP client with one TLS provider (ring); and what those of a function do, their timeouts.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{http::SharedHttpClient, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use longshore_core::token::masked;

/// An HTTP client for an SDK configuration, instead of the one that the SDK would bring: rustls with ring.
pub fn https() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// Reads region, credentials and endpoints from the environment, as the Lambda runtime sets them. No call is made here.
pub async fn sdk_config() -> SdkConfig {
    // A caller waits for most of what a function does (GitHub for ten seconds): fail soon, the tick goes on.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(9))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(https())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_max_backoff(Duration::from_secs(2)))
        .load()
        .await
}

/// What an AWS call failed with, for the log and for records: the code and the message, or what happened on the way. Not the SDK's own
/// `DisplayErrorContext`, which prints the answer's body: that may hold a secret. AWS's messages quote what they do not like, and StartBuild
/// is given the release token: that is masked.
pub fn told<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(refusal) => {
            let refusal = refusal.err();
            let code = refusal.code().unwrap_or("an error without a code");
            refusal.message().map_or_else(|| code.to_owned(), |message| format!("{code}: {}", masked(message)))
        }
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no connection in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_io() => "no connection".to_owned(),
        SdkError::DispatchFailure(_) => "the request could not be sent".to_owned(),
        SdkError::ResponseError(_) => "an answer that cannot be read".to_owned(),
        _ => "the request could not be made".to_owned(),
    }
}
