//! What an answer says, whatever the protocol.

use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::ErrorMetadata;
use roxmltree::{Document, Node};
use serde_json::Value;

/// The body of an answer that is no error.
pub(super) fn read(answer: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<ErrorMetadata>> {
    let body = answer.body().bytes().unwrap_or_default();
    if answer.status().is_success() {
        return Ok(body.to_vec());
    }
    let (code, message) = refusal(answer.headers().get("x-amzn-errortype"), body);
    let mut error = ErrorMetadata::builder();
    if let Some(code) = code {
        error = error.code(code);
    }
    if let Some(message) = message {
        error = error.message(message);
    }
    Err(OrchestratorError::operation(error.build()))
}

/// Code and message of an error. JSON has the code in a header, in `__type` or in `code`, with a namespace before it (`aws.x#`) or an
/// address after it (`:http://…`); XML has `<Error><Code>`.
/// Source: <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>.
fn refusal(header: Option<&str>, body: &[u8]) -> (Option<String>, Option<String>) {
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        let member = |name: &str| json[name].as_str();
        let code = header.or_else(|| member("__type")).or_else(|| member("code"));
        let message = member("message").or_else(|| member("Message"));
        return (code.and_then(bare), message.map(str::to_owned));
    }
    let text = std::str::from_utf8(body).unwrap_or_default();
    let xml = Document::parse(text).ok();
    let error = xml.as_ref().and_then(|xml| xml.descendants().find(|node| node.tag_name().name() == "Error"));
    let member = |name: &str| error.and_then(|error| text_of(error, name)).map(str::to_owned);
    (header.and_then(bare).or_else(|| member("Code")), member("Message"))
}

/// The bare code.
fn bare(code: &str) -> Option<String> {
    let code = code.split(':').next()?;
    let code = code.rsplit('#').next()?.trim();
    (!code.is_empty()).then(|| code.to_owned())
}

/// The text of an element's child of this name.
pub fn text_of<'a>(element: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child(element, name)?.text()
}

/// An element's first child of this name, whatever its namespace, which differs by service and version.
pub fn child<'a, 'input>(element: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    element.children().find(|child| child.tag_name().name() == name)
}
