//! Whose deliveries are taken: the secrets of sources and repositories, and how they are changed while deliveries come.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use longshore_core::{
    push::Source,
    webhook::{self, Headers},
};
use longshore_local::hook::uuid;
use longshore_tests::{
    Front, Local, Push, config, eventually, payload, reason_of, release_of, with_config, without_events,
};
use serde_json::{Value, json};

/// A payload of each source that signs what it posts.
const PAYLOADS: [(Source, &str, &str); 4] = [
    (Source::GitHub, "push", "github.push"),
    (Source::Bitbucket, "repo:push", "bitbucket.repo+push"),
    (Source::Bitbucket, "repo:refs_changed", "bitbucket.repo+refs_changed"),
    (Source::GitLab, "Push Hook", "gitlab.Push_Hook"),
];

#[test]
fn without_proof_every_source_gives_the_same_401_and_nothing_is_recorded() {
    with_config(
        &every_source(),
        |_| {},
        async |local| {
            local.change_secret(|secret| secret["github"] = json!("tide")).await;
            let items = local.items().await;
            let mut answers = Vec::new();
            for (source, event, name) in PAYLOADS {
                let body = payload(name).to_string();
                let id = uuid();
                for secret in ["another secret", "", "whsec_YW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBieXRlcw=="] {
                    answers.push(local.post(source, event, &id, &body, secret).await);
                }
                let unsigned = proven_by(&signed(source, event, &body, ""), None);
                answers.push(local.request(source, &unsigned, &body).await);
                // The right one, over another body.
                let right = if source == Source::GitHub { "tide" } else { &local.stack.secret };
                let headers = signed(source, event, &body, right);
                if source != Source::GitLab {
                    answers.push(local.request(source, &headers, &body.replacen("main", "mein", 1)).await);
                }
            }
            // A right signature, with SHA-1.
            let ping = r#"{"zen": "Low water at nine."}"#;
            let sha1 = "sha1=64bd1bc97e764c813481cf1f642db6554af36cda";
            let right: Headers = signed(Source::GitHub, "ping", ping, "tide");
            for name in ["x-hub-signature", "x-hub-signature-256"] {
                let legacy = proven_by(&right, Some((name, sha1)));
                answers.push(local.request(Source::GitHub, &legacy, ping).await);
            }

            assert_eq!(answers[0].0, 401);
            for answer in &answers {
                assert_eq!(answer, &answers[0], "all alike");
            }
            assert_eq!(local.items().await, items, "nothing was recorded");
            let why = reason_of(&local.request(Source::GitHub, &right, ping).await);
            assert_eq!(why, "a ping of no repository; pipelines configured here: 3", "with SHA-256 it is taken");
        },
    );
}

#[test]
fn an_empty_or_missing_secret_shuts_its_source_or_its_repository_alone() {
    let own = ["github.com/acme/own", "github.com/acme/shut"];
    let config = every_source() + &config(&[("own", own[0], ""), ("shut", own[1], "")]).replace(SLACK, "");
    with_config(
        &config,
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            let change = |secret: &mut Value| {
                secret.as_object_mut().expect("an object").remove("bitbucket");
                secret["gitlab"] = json!("");
                secret["repositories"] = json!({ "github.com/Acme/Own": ["new", "old", ""], own[1]: [""] });
            };
            local.change_secret(change).await;
            let items = local.items().await;
            for secret in ["", "new", &local.stack.secret] {
                for (source, event, name) in PAYLOADS.into_iter().filter(|(source, ..)| *source != Source::GitHub) {
                    let answer = local.post(source, event, &uuid(), &payload(name).to_string(), secret).await;
                    assert_eq!(answer.0, 401, "{event} with {secret:?}");
                }
                // It names no repository, so no repository's secret is one for it.
                let ping = payload("bitbucket.diagnostics+ping").to_string();
                assert_eq!(local.post(Source::Bitbucket, "diagnostics:ping", &uuid(), &ping, secret).await.0, 401);
                assert_eq!(push(local, own[1], 1, secret).await.0, 401, "{secret:?}: a list of nothing");
            }
            // A secret of one repository is none of another, nor is that of all repositories one of it.
            assert_eq!(push(local, own[0], 1, &local.stack.secret).await.0, 401);
            assert_eq!(push(local, "github.com/acme/web", 1, "new").await.0, 401);
            assert_eq!(local.items().await, items, "nothing was recorded");

            for (repository, after, secret) in
                [(own[0], 1, "new"), (own[0], 2, "old"), ("github.com/acme/web", 1, &local.stack.secret)]
            {
                let release = local.closed(&release_of(&push(local, repository, after, secret).await)).await;
                assert_eq!(format!("github.com/acme/{}", release.pipeline), repository);
            }
            assert_eq!(local.releases().await, 3, "the others go on");
        },
    );
}

#[test]
fn a_secret_is_rotated_without_a_restart_and_a_flood_of_bad_signatures_reads_it_no_more_often() {
    /// The secret is not read again within this time.
    const PAUSE: Duration = Duration::from_secs(10);
    const WEB: &str = "github.com/acme/web";
    let most = |passed: Duration| 1 + passed.as_secs() / PAUSE.as_secs();
    let front = Front::new();
    with_config(
        &config(&[("web", WEB, "")]),
        |options| {
            // Nothing but deliveries and ticks, one after the other: one function takes them all.
            options.template = without_events(&["CodeBuild Build State Change", "Release Changed"]);
            front.install(options);
        },
        async |local| {
            front.open(&local.stack);
            local.script(&["true"]).await;
            local.change_secret(|secret| secret["github"] = json!(["first", "second"])).await;
            let functions = local.stack.host.processes("Trigger");
            for (after, secret) in [(1, "first"), (2, "second")] {
                release_of(&push(local, WEB, after, secret).await);
            }
            local.all_closed_by_ticks().await;

            local.change_secret(|secret| secret["github"] = json!(["second", "third"])).await;
            let (readings, begun) = (front.readings(), Instant::now());
            for _ in 0..50 {
                assert_eq!(push(local, WEB, 3, "bad").await.0, 401);
            }
            let passed = begun.elapsed();
            let more = u64::try_from(front.readings() - readings).expect("a number");
            assert!(more <= most(passed), "{more} readings in {passed:?}");
            assert_eq!(push(local, WEB, 3, "second").await.0, 202, "live before and after: no delivery is lost");

            let answer = eventually("the new secret is taken", async || {
                let answer = push(local, WEB, 4, "third").await;
                if answer.0 == 401 { None } else { Some(answer) }
            });
            let id = release_of(&answer.await);
            assert_eq!(local.stack.release(&id).await.expect("the release").number, 4);
            let passed = begun.elapsed();
            assert!(passed < PAUSE * 6, "a mismatch has it read again, before its five minutes are over: {passed:?}");
            let more = u64::try_from(front.readings() - readings).expect("a number");
            assert!((1..=most(passed)).contains(&more), "{more} readings in {passed:?}");
            assert_eq!(push(local, WEB, 5, "first").await.0, 401, "the old one is over");
            assert_eq!(local.stack.host.processes("Trigger"), functions, "nothing was restarted");
        },
    );
}

/// What [`config`] begins with.
const SLACK: &str = "[slack]\nchannel = \"#deploys\"\n";

fn every_source() -> String {
    config(&[
        ("web", "github.com/acme/web", ""),
        ("cloud", "bitbucket.org/acme/web", ""),
        ("lab", "gitlab.com/acme/shop/web", ""),
    ])
}

/// Pushes commit `after` to a repository of GitHub, signed with this secret.
async fn push(local: &Local, repository: &str, after: u8, secret: &str) -> (u16, String) {
    let repository = repository.trim_start_matches("github.com/");
    let push = Push { repository, branch: "main", before: after - 1, after, files: &[] };
    local.post(Source::GitHub, "push", &uuid(), &push.payload().to_string(), secret).await
}

fn signed(source: Source, event: &str, body: &str, secret: &str) -> Headers {
    webhook::sign(source, event, &uuid(), "application/json", body.as_bytes(), secret, Timestamp::now())
}

/// Headers with this proof in the place of theirs.
fn proven_by(headers: &Headers, proof: Option<(&str, &str)>) -> Headers {
    const PROOFS: [&str; 4] = ["x-hub-signature", "x-hub-signature-256", "x-gitlab-token", "webhook-signature"];
    headers.iter().filter(|(name, _)| !PROOFS.contains(name)).chain(proof).collect()
}
