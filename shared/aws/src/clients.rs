//! What every AWS client shares: one HTTP client with one TLS provider (ring); and what those of a function do, their timeouts.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider, identity::IdentityCache,
    retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::{
    rt::sleep::{SharedAsyncSleep, TokioSleep},
    time::SystemTimeSource,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{http::SharedHttpClient, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use longshore_core::token::masked;

use crate::{settings::environment, trust};

/// An HTTP client for an SDK configuration, instead of the one that the SDK would bring: rustls with ring, and the system's roots.
pub fn https() -> SharedHttpClient {
    https_trusting(None)
}

/// The same that trusts these roots, where they are others than the system's.
fn https_trusting(roots: Option<TlsContext>) -> SharedHttpClient {
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    let builder = match roots {
        Some(roots) => builder.tls_context(roots),
        None => builder,
    };
    builder.build_https()
}

/// Region, credentials and endpoints from the environment, as the Lambda runtime sets them. No call is made.
///
/// It is put together here, and not by `aws_config`, whose default chain asks profiles, web identities and the metadata of instances and
/// tasks: none of them is there in a function, and that code would be a third of its program and of its start. What is read:
/// `AWS_REGION`, `AWS_ACCESS_KEY_ID` with what belongs to it, `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_USE_FIPS_ENDPOINT`,
/// `AWS_USE_DUALSTACK_ENDPOINT`. Source: <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>.
pub fn sdk_config() -> SdkConfig {
    // A caller waits for most of what a function does (GitHub for ten seconds): fail soon, the tick goes on.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(9))
        .build();
    let region = environment("AWS_REGION").or_else(|| environment("AWS_DEFAULT_REGION"));
    let is_set = |name| environment(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(https_trusting(Some(trust::aws(&environment))))
        .region(region.map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .identity_cache(IdentityCache::lazy().build())
        .service_config(Endpoints)
        .use_fips(is_set("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_set("AWS_USE_DUALSTACK_ENDPOINT"))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SystemTimeSource::new())
        .timeout_config(timeouts)
        // An attempt that makes no progress ends with its time.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_max_backoff(Duration::from_secs(2)))
        .build()
}

/// `AWS_ENDPOINT_URL_<SERVICE>`, and where that is not set `AWS_ENDPOINT_URL`.
/// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.
#[derive(Debug)]
struct Endpoints;

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        endpoint(key.env(), key.service_id(), &environment)
    }
}

fn endpoint(name: &str, service: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let service = service.to_ascii_uppercase().replace(' ', "_");
    lookup(&format!("{name}_{service}")).or_else(|| lookup(name)).filter(|url| !url.is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_services_own_endpoint_comes_before_that_of_all() {
        let lookup = |name: &str| match name {
            "AWS_ENDPOINT_URL" => Some("http://all".to_owned()),
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS" => Some("http://logs".to_owned()),
            _ => None,
        };
        assert_eq!(endpoint("AWS_ENDPOINT_URL", "CloudWatch Logs", &lookup).as_deref(), Some("http://logs"));
        assert_eq!(endpoint("AWS_ENDPOINT_URL", "DynamoDB", &lookup).as_deref(), Some("http://all"));
        assert_eq!(endpoint("AWS_ENDPOINT_URL", "DynamoDB", &|_| None), None);
    }
}
