//! Signed calls of AWS APIs for which an SDK crate would be too much: a few calls each, of crates that take minutes to compile.
//!
//! The request is ours, everything around it is the SDK's own machinery: credentials and their cache, Signature Version 4, time
//! limits, and attempts with pauses between them, all from the [`SdkConfig`]. What an API is asked and answers is its caller's.

mod answer;
mod download;
mod endpoint;

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_runtime::{
    auth::{SigV4OperationSigningConfig, sigv4},
    retries::classifiers::{AwsErrorCodeClassifier, THROTTLING_ERRORS},
};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{
            AuthSchemeOptionResolverParams, SharedAuthSchemeOptionResolver,
            static_resolver::StaticAuthSchemeOptionResolver,
        },
        identity::SharedIdentityResolver,
        orchestrator::{HttpRequest, HttpResponse},
        result::SdkError,
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::Layer, error::ErrorMetadata};
use aws_types::{SigningName, region::SigningRegion};
use serde_json::Value;

pub use answer::{child, text_of};
pub use download::Download;

use crate::clients::{https, told};

/// An API that is called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// CloudFormation: Query. <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/>
    CloudFormation,
    /// CodeBuild: JSON. <https://docs.aws.amazon.com/codebuild/latest/APIReference/>
    CodeBuild,
    /// CloudWatch Logs: JSON. <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/>
    CloudWatchLogs,
    /// CodeDeploy: JSON. <https://docs.aws.amazon.com/codedeploy/latest/APIReference/>
    CodeDeploy,
    /// ECR: JSON. <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/>
    Ecr,
    /// ECS: JSON, its operations `AmazonEC2ContainerServiceV20141113.…`. <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/>
    Ecs,
    /// Elastic Load Balancing, version 2: Query. <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/>
    ElasticLoadBalancing,
    /// EventBridge: JSON. <https://docs.aws.amazon.com/eventbridge/latest/APIReference/>
    EventBridge,
    /// EventBridge Scheduler: REST. <https://docs.aws.amazon.com/scheduler/latest/APIReference/>
    Scheduler,
    /// Secrets Manager: JSON. <https://docs.aws.amazon.com/secretsmanager/latest/apireference/>
    SecretsManager,
    /// Simple Notification Service: Query. <https://docs.aws.amazon.com/sns/latest/api/>
    Sns,
    /// Systems Manager: JSON. <https://docs.aws.amazon.com/systems-manager/latest/APIReference/>
    Ssm,
    /// Security Token Service: Query. <https://docs.aws.amazon.com/STS/latest/APIReference/>
    Sts,
}

/// What a call failed with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The service says no, and will say so again.
    #[error("{code}: {message}")]
    Refused {
        /// Its word, such as `ResourceNotFoundException`.
        code: String,
        /// Its sentence; empty where it gave none.
        message: String,
    },
    /// There was no answer, or one that another attempt may better: what happened, never what an answer held.
    #[error("{0}")]
    Unanswered(String),
}

impl CallError {
    /// Whether it is a refusal with this code.
    pub fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused { code: found, .. } if found == code)
    }
}

/// A client of one service, for one account and region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Signed {
    service: Service,
    operation: Operation<Call, Vec<u8>, ErrorMetadata>,
}

/// A request before it is signed.
#[derive(Debug)]
struct Call {
    method: &'static str,
    /// With the query, percent-encoded.
    path: String,
    content_type: &'static str,
    target: Option<String>,
    body: String,
}

impl Service {
    /// How the service is called in `AWS_ENDPOINT_URL_…` and in profiles: the SDKs' `serviceId`.
    fn id(self) -> &'static str {
        match self {
            Self::CloudFormation => "CloudFormation",
            Self::CodeBuild => "CodeBuild",
            Self::CloudWatchLogs => "CloudWatch Logs",
            Self::CodeDeploy => "CodeDeploy",
            Self::Ecr => "ECR",
            Self::Ecs => "ECS",
            Self::ElasticLoadBalancing => "Elastic Load Balancing v2",
            Self::EventBridge => "EventBridge",
            Self::Scheduler => "Scheduler",
            Self::SecretsManager => "Secrets Manager",
            Self::Sns => "SNS",
            Self::Ssm => "SSM",
            Self::Sts => "STS",
        }
    }

    /// The name that is signed for.
    fn name(self) -> &'static str {
        self.host().trim_start_matches("api.")
    }

    /// The first part of its host.
    fn host(self) -> &'static str {
        match self {
            Self::CloudFormation => "cloudformation",
            Self::CodeBuild => "codebuild",
            Self::CloudWatchLogs => "logs",
            Self::CodeDeploy => "codedeploy",
            Self::Ecr => "api.ecr",
            Self::Ecs => "ecs",
            Self::ElasticLoadBalancing => "elasticloadbalancing",
            Self::EventBridge => "events",
            Self::Scheduler => "scheduler",
            Self::SecretsManager => "secretsmanager",
            Self::Sns => "sns",
            Self::Ssm => "ssm",
            Self::Sts => "sts",
        }
    }
}

impl Signed {
    /// A client with the configuration's credentials, region, endpoints, attempts and time limits. No call is made.
    ///
    /// Absent limits are those of our functions: three attempts, nine seconds in all.
    pub fn new(sdk: &SdkConfig, service: Service) -> Self {
        let mut components = RuntimeComponentsBuilder::new("longshore");
        components.push_auth_scheme(sigv4::SigV4AuthScheme::new());
        components.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]),
        )));
        if let Some(credentials) = sdk.credentials_provider() {
            components.set_identity_resolver(sigv4::SCHEME_ID, SharedIdentityResolver::new(credentials));
        }
        // Shared with the SDK's clients, so that a role is assumed once for all.
        components.set_identity_cache(sdk.identity_cache());
        components.set_sleep_impl(sdk.sleep_impl());
        components.set_time_source(sdk.time_source());
        let mut layer = Layer::new("longshore");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig::default());
        layer.store_put(SigningName::from_static(service.name()));
        if let Some(region) = sdk.region() {
            layer.store_put(SigningRegion::from(region.clone()));
        }
        let plugin = StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components);
        let operation = Operation::builder()
            .service_name(service.id())
            .operation_name("call")
            .behavior_version(BehaviorVersion::latest())
            .http_client(sdk.http_client().unwrap_or_else(https))
            .endpoint_url(&endpoint::of(sdk, service))
            .standard_retry(&sdk.retry_config().cloned().unwrap_or_else(attempts))
            .timeout_config(sdk.timeout_config().cloned().unwrap_or_else(limits))
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .with_connection_poisoning()
            .runtime_plugin(plugin)
            .serializer(request)
            .deserializer(answer::read)
            .build();
        Self { service, operation }
    }

    /// A call of AWS's JSON protocol, version 1.1: `target` is the operation with its prefix, `Logs_20140328.GetLogEvents`. An empty
    /// answer is `Value::Null`. <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>
    pub async fn json(&self, target: &str, body: &Value) -> Result<Value, CallError> {
        let call = Call {
            method: "POST",
            path: "/".to_owned(),
            content_type: "application/x-amz-json-1.1",
            target: Some(target.to_owned()),
            body: body.to_string(),
        };
        value(&self.call(call).await?)
    }

    /// A call of AWS's REST protocol with JSON: `path` with its query, percent-encoded (see [`encode`]); no body is none. An empty
    /// answer is `Value::Null`. <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html>
    pub async fn rest(&self, method: &'static str, path: &str, body: Option<&Value>) -> Result<Value, CallError> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let call = Call { method, path: path.to_owned(), content_type: "application/json", target: None, body };
        value(&self.call(call).await?)
    }

    /// A call of AWS's Query protocol: a form, `Action` and `Version` among its fields; the answer is XML.
    /// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>
    pub async fn query(&self, form: &[(&str, &str)]) -> Result<String, CallError> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let call = Call {
            method: "POST",
            path: "/".to_owned(),
            content_type: "application/x-www-form-urlencoded",
            target: None,
            body,
        };
        String::from_utf8(self.call(call).await?).map_err(|_| unreadable())
    }

    async fn call(&self, call: Call) -> Result<Vec<u8>, CallError> {
        tracing::trace!(service = self.service.id(), target = call.target, path = call.path, "call");
        self.operation.invoke(call).await.map_err(|error| failure(&error))
    }
}

/// A text as one segment of a path or one value of a query: everything but letters, digits and `-._~` is percent-encoded.
/// Source: RFC 3986, section 2.3.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

fn attempts() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_max_backoff(Duration::from_secs(2))
}

fn limits() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(9))
        .build()
}

fn request(call: Call) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method(call.method)?;
    request.set_uri(call.path)?;
    let headers = request.headers_mut();
    headers.insert("user-agent", "longshore");
    if let Some(target) = call.target {
        headers.try_insert("x-amz-target", target)?;
    }
    if call.method != "GET" {
        headers.insert("content-type", call.content_type);
        headers.try_insert("content-length", call.body.len().to_string())?;
    }
    *request.body_mut() = SdkBody::from(call.body);
    Ok(request)
}

fn value(body: &[u8]) -> Result<Value, CallError> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|_| unreadable())
}

fn unreadable() -> CallError {
    CallError::Unanswered("an answer that cannot be read".to_owned())
}

/// A refusal is for good but where it is about the moment: too many calls, the service's own failure, credentials that ran out.
fn failure(error: &SdkError<ErrorMetadata, HttpResponse>) -> CallError {
    const PASSES: [&str; 4] = ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeout"];
    let passes = |code: &str| THROTTLING_ERRORS.contains(&code) || PASSES.contains(&code);
    match error {
        SdkError::ServiceError(refusal) if refusal.raw().status().is_client_error() => match refusal.err().code() {
            Some(code) if !passes(code) => CallError::Refused {
                code: code.to_owned(),
                message: refusal.err().message().unwrap_or_default().to_owned(),
            },
            _ => CallError::Unanswered(told(error)),
        },
        _ => CallError::Unanswered(told(error)),
    }
}
