//! What Slack accepts as a request: form and JSON bodies, and where the token may stand.
//! Source: <https://docs.slack.dev/apis/web-api>.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::answer::Failure;

/// Methods that take no JSON: their arguments must be a form or a query. Slack documents JSON for "most write methods";
/// with JSON these find their required arguments missing.
const FORM_ONLY: [&str; 9] = [
    "conversations.history",
    "conversations.info",
    "conversations.list",
    "conversations.replies",
    "usergroups.list",
    "usergroups.users.list",
    "users.info",
    "users.list",
    "users.lookupByEmail",
];

/// A call's arguments.
#[derive(Debug, Default)]
pub struct Args(Map<String, Value>);

/// A call, before its token is checked.
#[derive(Debug, Default)]
pub struct Request {
    pub token: Option<String>,
    pub args: Args,
    /// JSON without a charset earns the warning `missing_charset`.
    pub missing_charset: bool,
}

impl Request {
    /// Reads query, headers and body. `token` in a JSON body is not looked at: Slack wants it in the header then.
    pub fn read(method: &str, query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Self, Failure> {
        let mut request = Self::default();
        let mut members: Map<String, Value> = form(query.unwrap_or_default().as_bytes());
        let content = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let (kind, parameters) = content.split_once(';').unwrap_or((content, ""));
        match kind.trim().to_ascii_lowercase().as_str() {
            _ if body.is_empty() => {}
            "application/x-www-form-urlencoded" => members.extend(form(body)),
            "application/json" => {
                request.missing_charset = !parameters.to_ascii_lowercase().contains("charset=");
                match serde_json::from_slice(body).map_err(|_| Failure::new("invalid_json"))? {
                    Value::Object(_) if FORM_ONLY.contains(&method) => {}
                    Value::Object(json) => members.extend(json.into_iter().filter(|(name, _)| name != "token")),
                    _ => return Err(Failure::new("json_not_object")),
                }
            }
            "" => return Err(Failure::new("missing_post_type")),
            _ => return Err(Failure::new("invalid_post_type")),
        }
        let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let bearer = bearer.and_then(|v| v.strip_prefix("Bearer ")).map(|token| token.trim().to_owned());
        let field = members.remove("token").and_then(|token| token.as_str().map(str::to_owned));
        request.token = bearer.or(field);
        request.args = Args(members);
        Ok(request)
    }
}

impl Args {
    /// Those of a JSON object; `None` where it is none.
    pub fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self(members)),
            _ => None,
        }
    }

    /// A string argument; numbers and booleans are read as their text, null and missing as nothing.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// A required argument: not missing, not empty.
    pub fn required(&self, name: &str) -> Result<String, Failure> {
        let given = self.text(name).filter(|text| !text.is_empty());
        given.ok_or_else(|| Failure::with("invalid_arguments", vec![format!("missing required field: {name}")]))
    }

    /// `true` or `1`.
    pub fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| matches!(text.as_str(), "true" | "1"))
    }

    /// A structured argument: in JSON it stands as it is or as a string of JSON, in a form always as a string of JSON.
    pub fn json(&self, name: &str, error: &'static str) -> Result<Option<Value>, Failure> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|_| Failure::new(error)),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// An array argument.
    pub fn array(&self, name: &str, error: &'static str) -> Result<Option<Vec<Value>>, Failure> {
        match self.json(name, error)? {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(Failure::new(error)),
        }
    }
}

fn form(bytes: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect()
}
