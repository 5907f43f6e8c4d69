//! Reports of builds that are none.

use jiff::{SignedDuration, Timestamp};
use local_protocol::http;
use longshore_core::{
    release::{ReleaseId, State},
    token::{Purpose, mint},
};
use longshore_tests::{Application, HeldEngine, Local, Quality, with_stack};

#[test]
fn a_build_reports_on_its_own_release_and_nothing_else() {
    let engine = HeldEngine::new();
    with_stack(
        |options| engine.install(options),
        async |local| {
            let application = Application::make(local).await;
            application.commit("version one", Quality::Good).await;
            let id = application.push().await;
            local.message(&id, ": building: build ", 1).await;
            let token = token(local).await;
            let before = local.stack.release(&id).await.expect("a record");

            refuses_what_has_no_proof(local, &id, &token).await;
            refuses_what_is_no_report(local, &token).await;
            assert_eq!(local.stack.release(&id).await.expect("a record"), before, "nothing was recorded");

            engine.let_go();
            let release = local.closed(&id).await;
            assert_eq!(release.state, State::Live, "the build was not disturbed");
            for path in PATHS {
                assert_eq!(
                    post(local, path, Some(&format!("Bearer {token}")), GOOD).await.0,
                    401,
                    "the release is over"
                );
            }
            for (function, log) in local.logs() {
                assert!(!log.contains(&token), "the log of {function} has the token");
                assert!(!log.contains("panicked") && !log.contains("Runtime exited"), "{log}");
            }
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

const PATHS: [&str; 2] = ["/builds/events", "/builds/image"];
const GOOD: &str = r#"{"phase": "build", "status": "started"}"#;

async fn refuses_what_has_no_proof(local: &Local, id: &ReleaseId, token: &str) {
    let later = Timestamp::now() + SignedDuration::from_hours(1);
    let unknown = ReleaseId::parse("01JD0000000000000000000000").expect("an id");
    let mut altered = token.to_owned();
    let last = if altered.pop() == Some('0') { '1' } else { '0' };
    altered.push(last);
    let proofs = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some("Bearer nonsense".to_owned()),
        Some(format!("Basic {token}")),
        Some(format!("Bearer {altered}")),
        Some(format!("Bearer {}", token.replace(id.as_str(), unknown.as_str()))),
        Some(format!("Bearer {}", mint("another key", "web", id, Purpose::Build, later))),
        Some(format!("Bearer {}", mint(&local.stack.secret, "web", id, Purpose::Build, later))),
        Some(format!("Bearer {}", mint("", "web", id, Purpose::Build, later))),
    ];
    let mut answers = Vec::new();
    for path in PATHS {
        for proof in &proofs {
            let (status, answer) = post(local, path, proof.as_deref(), GOOD).await;
            assert_eq!(status, 401, "{path} {proof:?}: {answer}");
            answers.push(answer);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "all alike: {answers:?}");
}

async fn refuses_what_is_no_report(local: &Local, token: &str) {
    let proof = format!("Bearer {token}");
    let foreign = |image: &str| format!(r#"{{"image": "{image}"}}"#);
    let registry = &local.stack.registry;
    let bodies = [
        (PATHS[0], String::new()),
        (PATHS[0], "no JSON".to_owned()),
        (PATHS[0], r#"{"phase": "build", "status": "done"}"#.to_owned()),
        (PATHS[0], r#"{"phase": " ", "status": "started"}"#.to_owned()),
        (PATHS[0], "[".repeat(60_000)),
        (PATHS[1], String::new()),
        (PATHS[1], GOOD.to_owned()),
        (PATHS[1], foreign("web")),
        (PATHS[1], foreign("evil.example/web:v1")),
        (PATHS[1], foreign(&format!("{registry}/api:v1"))),
        (PATHS[1], foreign(&format!("{registry}/web:never-pushed"))),
        (PATHS[1], foreign(&format!("{registry}/web@sha256:{}", "0".repeat(64)))),
    ];
    for (path, body) in bodies {
        let (status, answer) = post(local, path, Some(&proof), &body).await;
        assert_eq!(status, 400, "{path} {body:.80}: {answer}");
        assert!(answer.contains("\"error\""), "{path} {body:.80}: {answer}");
    }
    for path in PATHS {
        assert_eq!(post(local, path, Some(&proof), &" ".repeat(64 * 1024 + 1)).await.0, 413);
    }
}

async fn post(local: &Local, path: &str, proof: Option<&str>, body: &str) -> (u16, String) {
    let mut request = http().post(format!("{}{path}", local.stack.url)).header("content-type", "application/json");
    if let Some(proof) = proof {
        request = request.header("authorization", proof);
    }
    let answer = request.body(body.to_owned()).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

/// The token that the build got, as CodeBuild shows it.
async fn token(local: &Local) -> String {
    let build = &local.builds().await[0];
    let variables = build["environment"]["environmentVariables"].as_array().expect("variables");
    let token = variables.iter().find(|variable| variable["name"] == "LONGSHORE_TOKEN").expect("a token");
    token["value"].as_str().expect("a text").to_owned()
}
