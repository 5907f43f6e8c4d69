//! The HTTP API, over a real connection, with a real function behind it.

mod support;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use local_lambda::{gateway, runtime::Host, template::Route};
use serde_json::{Value, json};
use support::{function, start};

type Outcome = anyhow::Result<()>;

fn route(key: &str, function: &str) -> Route {
    Route { key: key.to_owned(), function: function.to_owned(), timeout: Duration::from_secs(20) }
}

/// Serves routes to the function `Echo`; gives the address back.
async fn serve(routes: Vec<Route>, host: Arc<Host>) -> anyhow::Result<String> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let service = gateway::router(routes, host).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(axum::serve(listener, service).into_future());
    Ok(format!("http://{address}"))
}

#[tokio::test]
async fn a_request_becomes_the_documented_event() -> Outcome {
    let (host, _logs) = start(vec![function("Echo", &[])]).await?;
    let url = serve(vec![route("POST /webhooks/github", "Echo")], host.clone()).await?;
    let event: Value = local_protocol::http()
        .post(format!("{url}/webhooks/github?a=1&b=%C3%BC&a=2"))
        .header("Content-Type", "application/json; charset=utf-8")
        .header("X-GitHub-Event", "push")
        .header("X-Twice", "one")
        .header("X-Twice", "two")
        .header("Cookie", "c=1; d=2")
        .header("User-Agent", "GitHub-Hookshot/1")
        .body(r#"{"ref": "ü"}"#)
        .send()
        .await?
        .json()
        .await?;
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /webhooks/github");
    assert_eq!(event["rawPath"], "/webhooks/github");
    assert_eq!(event["rawQueryString"], "a=1&b=%C3%BC&a=2");
    assert_eq!(event["queryStringParameters"], json!({ "a": "1,2", "b": "ü" }));
    assert_eq!(event["cookies"], json!(["c=1", "d=2"]));
    assert_eq!(event["body"], r#"{"ref": "ü"}"#);
    assert_eq!(event["isBase64Encoded"], false);
    let headers = &event["headers"];
    assert_eq!((&headers["x-github-event"], &headers["x-twice"]), (&json!("push"), &json!("one,two")));
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(headers.get("cookie"), None);
    let context = &event["requestContext"];
    assert_eq!(context["accountId"], "123456789012");
    assert_eq!(context["stage"], "$default");
    assert_eq!(format!("http://{}", context["domainName"].as_str().unwrap_or_default()), url);
    assert_eq!(
        context["http"],
        json!({
            "method": "POST",
            "path": "/webhooks/github",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "GitHub-Hookshot/1",
        })
    );
    let time = context["time"].as_str().unwrap_or_default();
    assert!(time.len() == 26 && time.ends_with(" +0000"), "{time}");
    assert!(context["timeEpoch"].as_i64().is_some_and(|epoch| epoch > 1_700_000_000_000));
    host.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn every_body_but_text_is_base64_encoded() -> Outcome {
    let (host, _logs) = start(vec![function("Echo", &[])]).await?;
    let url = serve(vec![route("POST /x", "Echo")], host.clone()).await?;
    for (content_type, encoded) in [
        (Some("application/json"), false),
        (Some("Application/JSON"), false),
        (Some("application/xml"), false),
        (Some("application/javascript"), false),
        (Some("text/plain; charset=utf-8"), false),
        (Some("application/x-www-form-urlencoded"), true),
        (Some("application/octet-stream"), true),
        (None, true),
    ] {
        let request = local_protocol::http().post(format!("{url}/x")).body("a=b");
        let request = match content_type {
            Some(content_type) => request.header("content-type", content_type),
            None => request,
        };
        let event: Value = request.send().await?.json().await?;
        assert_eq!(event["isBase64Encoded"], encoded, "{content_type:?}");
        assert_eq!(event["body"], if encoded { "YT1i" } else { "a=b" }, "{content_type:?}");
    }
    let event: Value = local_protocol::http().post(format!("{url}/x")).send().await?.json().await?;
    assert_eq!((event.get("body"), &event["isBase64Encoded"]), (None, &json!(false)));
    host.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn an_answer_becomes_the_response() -> Outcome {
    for (answer, status, content_type, body) in [
        (json!({ "statusCode": 202, "body": "ok" }), 202, "text/plain;charset=utf-8", "ok"),
        (
            json!({ "statusCode": "401", "headers": { "Content-Type": "application/json" }, "body": "{}" }),
            401,
            "application/json",
            "{}",
        ),
        (
            json!({ "statusCode": 200, "body": "w7w=", "isBase64Encoded": true, "cookies": ["a=1", "b=2"] }),
            200,
            "text/plain;charset=utf-8",
            "ü",
        ),
        (json!({ "release": 1 }), 200, "application/json", r#"{"release":1}"#),
        (json!("plain"), 200, "application/json", "plain"),
        (json!({ "statusCode": 99_999 }), 500, "application/json", r#"{"message":"Internal Server Error"}"#),
        (json!({ "statusCode": 200, "body": {} }), 500, "application/json", r#"{"message":"Internal Server Error"}"#),
    ] {
        let (host, _logs) = start(vec![function("Fixed", &[("ANSWER", &answer.to_string())])]).await?;
        let url = serve(vec![route("GET /x", "Fixed")], host.clone()).await?;
        let response = local_protocol::http().get(format!("{url}/x")).send().await?;
        assert_eq!(response.status().as_u16(), status, "{answer}");
        assert_eq!(response.headers()["content-type"], content_type, "{answer}");
        let cookies = response.headers().get_all("set-cookie").iter().count();
        assert_eq!(cookies, answer["cookies"].as_array().map_or(0, Vec::len), "{answer}");
        assert_eq!(response.text().await?, body, "{answer}");
        host.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn what_goes_wrong_has_api_gateways_words() -> Outcome {
    let (host, _logs) =
        start(vec![function("Echo", &[]), function("Slow", &[("SLOW", "1")]), function("Crash", &[("CRASH", "1")])])
            .await?;
    let hasty = Route { timeout: Duration::from_millis(200), ..route("GET /slow", "Slow") };
    let routes = vec![route("POST /x", "Echo"), hasty, route("GET /crash", "Crash")];
    let url = serve(routes, host.clone()).await?;
    let http = local_protocol::http();
    for (request, status, message) in [
        (http.get(format!("{url}/x")), 404, "Not Found"),
        (http.post(format!("{url}/x/")), 404, "Not Found"),
        (http.get(format!("{url}/crash")), 500, "Internal Server Error"),
        (http.get(format!("{url}/slow")), 503, "Service Unavailable"),
        (http.post(format!("{url}/x")).body(vec![0; 10 * 1024 * 1024 + 1]), 413, "Request Entity Too Large"),
        // Base64 makes it too large for Lambda.
        (http.post(format!("{url}/x")).body(vec![0; 5 * 1024 * 1024]), 413, "Request Entity Too Large"),
    ] {
        let response = request.send().await?;
        assert_eq!(response.status().as_u16(), status, "{message}");
        assert_eq!(response.json::<Value>().await?, json!({ "message": message }));
    }
    host.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn the_most_specific_route_takes_the_request() -> Outcome {
    let (host, _logs) = start(vec![function("Echo", &[])]).await?;
    let keys = ["$default", "ANY /a/{proxy+}", "GET /a/{id}", "ANY /a/b", "GET /a/b"];
    let url = serve(keys.iter().map(|key| route(key, "Echo")).collect(), host.clone()).await?;
    for (method, path, key, parameters) in [
        ("GET", "/a/b", "GET /a/b", Value::Null),
        ("PUT", "/a/b", "ANY /a/b", Value::Null),
        ("GET", "/a/c", "GET /a/{id}", json!({ "id": "c" })),
        ("PUT", "/a/c", "ANY /a/{proxy+}", json!({ "proxy": "c" })),
        ("GET", "/a/c/d", "ANY /a/{proxy+}", json!({ "proxy": "c/d" })),
        ("GET", "/", "$default", Value::Null),
    ] {
        let request = local_protocol::http().request(method.parse()?, format!("{url}{path}"));
        let event: Value = request.send().await?.json().await?;
        assert_eq!((&event["routeKey"], &event["pathParameters"]), (&json!(key), &parameters), "{method} {path}");
    }
    host.shutdown().await;
    Ok(())
}
