//! Requests to the webhook that are no deliveries.

use local_protocol::http;
use longshore_core::signature::sign_hub;
use longshore_local::hook;
use longshore_tests::{Application, Local, Quality, with_stack};
use serde_json::Value;

/// A request to the webhook, as a stranger might make it.
struct Request<'a> {
    body: &'a [u8],
    signature: Option<(&'a str, &'a str)>,
    content_type: &'a str,
}

impl Request<'_> {
    async fn send(&self, local: &Local) -> (u16, String) {
        let mut request = http()
            .post(local.hook().url)
            .header("content-type", self.content_type)
            .header("x-github-event", "push")
            .header("x-github-delivery", hook::uuid());
        if let Some((name, value)) = self.signature {
            request = request.header(name, value);
        }
        let answer = request.body(self.body.to_vec()).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }
}

const JSON: &str = "application/json";
const SHA256: &str = "x-hub-signature-256";

#[test]
fn without_proof_every_delivery_gets_the_same_401_and_leaves_nothing_behind() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let commit = application.commit("version one", Quality::Good).await;
            application.place();
            let body = local.delivery(&hook::uuid(), &commit).body;
            let items = local.items().await;
            let processes = processes(local);

            let right = sign_hub(&local.stack.secret, body.as_bytes());
            let digits = right.trim_start_matches("sha256=").to_owned();
            let other = sign_hub("another secret", body.as_bytes());
            let sha1 = format!("sha1={}", &digits[..40]);
            let unproven = [
                None,
                Some((SHA256, "")),
                Some((SHA256, other.as_str())),
                Some((SHA256, &right[..right.len() - 1])),
                Some((SHA256, digits.as_str())),
                Some((SHA256, "sha256=zz")),
                Some((SHA256, sha1.as_str())),
                Some(("x-hub-signature", sha1.as_str())),
                Some(("x-hub-signature", right.as_str())),
            ];
            let mut answers = Vec::new();
            for signature in unproven {
                let answer = Request { body: body.as_bytes(), signature, content_type: JSON }.send(local).await;
                assert_eq!(answer.0, 401, "{signature:?}");
                answers.push(answer.1);
            }
            // One byte of the body is another one.
            let changed = body.replacen("main", "mein", 1);
            let signature = Some((SHA256, right.as_str()));
            let answer = Request { body: changed.as_bytes(), signature, content_type: JSON }.send(local).await;
            assert_eq!(answer.0, 401);
            answers.push(answer.1);
            answers.dedup();
            assert_eq!(answers.len(), 1, "all alike: {answers:?}");

            assert_eq!(local.items().await, items, "nothing was recorded");
            assert_eq!(local.builds().await, [""; 0], "nothing was started");
            assert_eq!(local.messages(), [], "nothing was posted");
            assert_eq!(self::processes(local), processes, "nothing crashed");
            for (function, log) in local.logs() {
                assert!(!log.contains(&local.stack.secret), "the log of {function} has the secret");
                assert!(!log.contains(&digits), "the log of {function} has the expected signature");
                assert!(!log.contains("panicked"), "{log}");
            }
            assert!(local.logs()["Trigger"].contains("a delivery was refused"), "the refusal is in the log");
        },
    );
}

#[test]
fn what_is_signed_and_no_delivery_is_told_why() {
    with_stack(
        |_| {},
        async |local| {
            let items = local.items().await;
            let processes = processes(local);
            let send = async |body: &[u8], content_type: &str| {
                let signature = sign_hub(&local.stack.secret, body);
                let signature = Some((SHA256, signature.as_str()));
                Request { body, signature, content_type }.send(local).await
            };
            let push = r#"{"ref":"refs/heads/main"}"#;
            let deep = format!(r#"{{"ref":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
            let ignored =
                format!(r#"{{"more":{}{},"ref":"refs/heads/main"}}"#, "[".repeat(200_000), "]".repeat(200_000));
            let bodies: [(&str, &[u8], &str); 9] = [
                ("nothing", b"", JSON),
                ("no JSON", b"no JSON", JSON),
                ("half of it", b"{\"ref\":", JSON),
                ("another JSON", b"[]", JSON),
                ("a push without a commit", push.as_bytes(), JSON),
                ("deep nesting", deep.as_bytes(), JSON),
                ("deep nesting in a member that nobody reads", ignored.as_bytes(), JSON),
                ("invalid UTF-8", b"{\"ref\":\"refs/heads/\xff\"}", JSON),
                ("a form", b"payload=%7B%7D", "application/x-www-form-urlencoded"),
            ];
            for (what, body, content_type) in bodies {
                let (status, answer) = send(body, content_type).await;
                assert_eq!(status, 400, "{what}: {answer}");
                assert!(answer.contains("\"error\""), "{what}: {answer}");
            }
            let (status, answer) = send(push.as_bytes(), "text/plain").await;
            assert!(status == 400 && answer.contains("application/json"), "the cure: {answer}");

            // Over our own limit, and over Lambda's.
            for size in [5 * 1024 * 1024 + 1, 7 * 1024 * 1024] {
                let (status, answer) = send(&vec![b' '; size], JSON).await;
                assert_eq!(status, 413, "{size}: {answer}");
            }
            assert_eq!(local.items().await, items, "nothing was recorded");
            assert_eq!(local.builds().await, [""; 0], "nothing was started");
            assert_eq!(self::processes(local), processes, "nothing crashed");
        },
    );
}

#[test]
fn a_push_that_matches_nothing_is_told_why_and_an_unknown_route_is_not_found() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let commit = application.commit("version one", Quality::Good).await;
            application.place();
            let mut items = local.items().await;
            let push = local.delivery(&hook::uuid(), &commit);
            let ignored = [
                ("push", push.body.replace("refs/heads/main", "refs/heads/try-it"), "not \\\"try-it\\\""),
                ("push", push.body.replace("refs/heads/main", "refs/tags/v1"), "takes no tags"),
                ("push", push.body.replace("acme/web", "acme/other"), "no pipeline has the repository"),
                ("push", deletion(&push.body), "was deleted"),
                ("ping", r#"{"zen": "Keep it logically awesome."}"#.to_owned(), "ping"),
                ("issues", "{}".to_owned(), "the event issues starts nothing"),
            ];
            for (event, body, why) in ignored {
                let delivery = hook::Delivery { id: hook::uuid(), event: event.to_owned(), body };
                let (status, answer) = local.send(&delivery).await;
                assert_eq!(status, 200, "{answer}");
                assert!(answer.contains("\"ignored\"") && answer.contains(why), "{answer}");
                // Remembered is what was answered, and nothing else.
                let answer: Value = serde_json::from_str(&answer).expect("JSON");
                let mut known = local.items().await;
                known.retain(|item| !items.contains(item));
                let [item] = &known[..] else { panic!("one delivery: {known:?}") };
                assert_eq!(item["pk"]["S"], format!("delivery#github/{}", delivery.id));
                let explanation = item["explanation"]["S"].as_str().expect("an explanation");
                let explanation: Value = serde_json::from_str(explanation).expect("JSON");
                assert_eq!(explanation["ignored"], answer["ignored"]);
                items.extend(known);
            }
            for (method, path) in [("GET", "/nowhere"), ("GET", "/webhooks/github"), ("POST", "/health"), ("POST", "/")]
            {
                let url = format!("{}{path}", local.stack.url);
                let request = if method == "GET" { http().get(url) } else { http().post(url) };
                let answer = request.send().await.expect("an answer");
                assert_eq!(answer.status().as_u16(), 404, "{method} {path}");
            }
            assert_eq!(local.items().await.len(), items.len(), "nothing more was recorded");
            assert_eq!(local.builds().await, [""; 0], "nothing was started");
        },
    );
}

fn processes(local: &Local) -> Vec<Vec<u32>> {
    ["Trigger", "Notify", "Deploy"].map(|function| local.stack.host.processes(function)).into()
}

/// A push's payload as that of the branch's deletion.
fn deletion(push: &str) -> String {
    let mut payload: Value = serde_json::from_str(push).expect("JSON");
    payload["before"] = payload["after"].take();
    payload["after"] = "0".repeat(40).into();
    payload["deleted"] = true.into();
    payload.to_string()
}
