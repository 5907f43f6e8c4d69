//! A request as the function sees it.

use axum::{
    extract::Query,
    http::{HeaderMap, Version, header, request::Parts},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use local_protocol::ACCOUNT;
use serde_json::{Map, Value, json};

/// The id of the local stack's one API.
const API: &str = "local";

pub(super) fn build(parts: &Parts, body: &[u8], key: &str, parameters: Map<String, Value>, caller: &str) -> Value {
    let now = jiff::Timestamp::now();
    let text =
        |name: header::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host = text(header::HOST);
    let query = parts.uri.query().unwrap_or_default();
    let mut headers = headers(&parts.headers);
    let trace = crate::uuid().replace('-', "");
    headers.insert("x-amzn-trace-id".into(), format!("Root=1-{}-{}", &trace[..8], &trace[8..]).into());
    headers.insert("x-forwarded-for".into(), caller.into());
    headers.insert("x-forwarded-proto".into(), "http".into());
    headers.insert("x-forwarded-port".into(), host.rsplit_once(':').map_or("80", |(_, port)| port).into());
    let mut event = json!({
        "version": "2.0",
        "routeKey": key,
        "rawPath": parts.uri.path(),
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API,
            "domainName": host,
            "domainPrefix": host.split(['.', ':']).next(),
            "http": {
                "method": parts.method.as_str(),
                "path": parts.uri.path(),
                "protocol": if parts.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" },
                "sourceIp": caller,
                "userAgent": text(header::USER_AGENT),
            },
            "requestId": crate::uuid(),
            "routeKey": key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    let cookies: Vec<_> = parts
        .headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';').map(str::trim))
        .collect();
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        && !pairs.is_empty()
    {
        event["queryStringParameters"] = joined(pairs).into();
    }
    if !parameters.is_empty() {
        event["pathParameters"] = parameters.into();
    }
    if !body.is_empty() {
        let readable = is_text(text(header::CONTENT_TYPE)).then(|| str::from_utf8(body).ok()).flatten();
        event["isBase64Encoded"] = readable.is_none().into();
        event["body"] = readable.map_or_else(|| STANDARD.encode(body), str::to_owned).into();
    }
    event
}

/// Whether a body of this type goes into the event as it is; every other one, a form too, is base64-encoded.
pub(super) fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || matches!(essence.as_str(), "application/json" | "application/javascript" | "application/xml")
}

/// Names in lower case, several values joined by a comma; cookies have a member of their own.
fn headers(all: &HeaderMap) -> Map<String, Value> {
    let pairs = all.iter().filter(|(name, _)| *name != header::COOKIE);
    joined(pairs.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())))
}

fn joined(pairs: impl IntoIterator<Item = (String, String)>) -> Map<String, Value> {
    let mut result = Map::new();
    for (name, value) in pairs {
        match result.get_mut(&name) {
            Some(Value::String(old)) => {
                old.push(',');
                old.push_str(&value);
            }
            _ => {
                result.insert(name, value.into());
            }
        }
    }
    result
}
