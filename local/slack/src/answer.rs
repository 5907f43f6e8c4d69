//! What a method answers: members beside `ok: true`, or an error.

use serde_json::{Value, json};

/// The answer of a method.
pub type Answer = Result<Value, Failure>;

/// `ok: false`, with HTTP status 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Slack's error code.
    pub error: String,
    /// What is wrong in detail, each with its JSON pointer.
    pub messages: Vec<String>,
}

impl Failure {
    /// An error without details.
    pub fn new(error: &str) -> Self {
        Self { error: error.into(), messages: Vec::new() }
    }

    /// An error with details.
    pub fn with(error: &str, messages: Vec<String>) -> Self {
        Self { error: error.into(), messages }
    }

    /// As Slack writes it: `errors` bare, `response_metadata.messages` with a level.
    pub fn body(&self) -> Value {
        let mut body = json!({ "ok": false, "error": self.error });
        if !self.messages.is_empty() {
            let messages: Vec<_> = self.messages.iter().map(|message| format!("[ERROR] {message}")).collect();
            body["errors"] = json!(self.messages);
            body["response_metadata"] = json!({ "messages": messages });
        }
        body
    }
}
