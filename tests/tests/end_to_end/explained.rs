//! What was decided for a delivery is looked up, and a stored delivery is sent again: by the program, as a person would.

use std::fs;

use longshore_core::{push::Source, release::State};
use longshore_local::hook::uuid;
use longshore_tests::{Local, config, payload, release_of, releases_of, run, with_config};
use serde_json::{Value, json};

#[test]
fn what_a_delivery_started_and_why_the_rest_did_not_is_looked_up() {
    let config = config(&[
        ("web", "github.com/acme/web", ""),
        ("docs", "github.com/acme/web", "paths = [\"docs/**\"]"),
        ("merges", "github.com/acme/web", "on = \"merge\""),
        ("elsewhere", "gitlab.com/acme/web", ""),
    ]);
    with_config(
        &config,
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            let id = uuid();
            let push = payload("github.push").to_string();
            let release = release_of(&local.post(Source::GitHub, "push", &id, &push, &local.stack.secret).await);
            let delivery = format!("github/{id}");
            let explained = explain(local, &["--delivery", &id, "--json"]).await;
            let json: Value = serde_json::from_str(&explained).expect("JSON");
            assert_eq!(json, expected(&delivery));
            for arguments in [["--delivery", &delivery, "--json"], ["--release", release.as_str(), "--json"]] {
                assert_eq!(explain(local, &arguments).await, explained);
            }
            let text = explain(local, &["--release", release.as_str()]).await;
            let expected = format!(
                "GitHub push of github.com/acme/web, delivery {delivery}\n  \
                 branch \"main\" aaaaaaa → ccccccc by ada \"Open the door\", 3 files\n\
                 ✓ web        the branch \"main\" matches \"main\"\n\
                 ✗ docs       none of the 3 changed files is among its paths, for example \"doors/red.svg\"\n\
                 ✗ merges     a push does not start it (on = \"merge\"): merging a pull request into \"main\" does\n\
                 ✗ elsewhere  it is of another repository, gitlab.com/acme/web\n"
            );
            assert_eq!(text, expected);

            // One that started nothing is remembered, too.
            let (id, ping) = (uuid(), payload("github.ping").to_string());
            local.post(Source::GitHub, "ping", &id, &ping, &local.stack.secret).await;
            let text = explain(local, &["--delivery", &id]).await;
            assert!(
                text.contains("nothing starts; the sender is told: a ping: github.com/acme/web starts web"),
                "{text}"
            );

            for (arguments, why) in [
                (["--delivery", "72d3162e"], "github/72d3162e, nor bitbucket/72d3162e, nor"),
                (["--release", "01JD0000000000000000000000"], "01JD0000000000000000000000 is no release in"),
            ] {
                let output = run(&[&["explain", &local.option()], &arguments[..]].concat()).await;
                assert_eq!(output.status, Some(2), "{output:?}");
                assert!(output.noted.contains(why) && output.printed.is_empty(), "{output:?}");
            }
        },
    );
}

/// What was recorded for the push.
fn expected(delivery: &str) -> Value {
    let decided = |name: &str, starts: bool, reason: &str| json!({ "name": name, "starts": starts, "reason": reason });
    json!({
        "source": "github", "event": "push", "delivery": delivery, "repository": "github.com/acme/web",
        "pushes": [{
            "ref": "refs/heads/main", "kind": "branch", "name": "main", "before": "a".repeat(40), "after": "c".repeat(40),
            "created": false, "deleted": false, "forced": false, "author": "ada",
            "message": "Open the door\n\nIt was shut.",
            "files": ["doors/red.svg", "doors/shut.svg", "src/house.rs"],
        }],
        "pipelines": [
            decided("web", true, "the branch \"main\" matches \"main\""),
            decided(
                "docs",
                false,
                "none of the 3 changed files is among its paths, for example \"doors/red.svg\"",
            ),
            decided(
                "merges",
                false,
                "a push does not start it (on = \"merge\"): merging a pull request into \"main\" does",
            ),
            decided("elsewhere", false, "it is of another repository, gitlab.com/acme/web"),
        ],
        "ignored": null,
    })
}

async fn explain(local: &Local, arguments: &[&str]) -> String {
    let output = run(&[&["explain", &local.option()], arguments].concat()).await;
    assert_eq!(output.status, Some(0), "{output:?}");
    output.printed
}

#[test]
fn a_stored_payload_is_replayed_to_the_running_stack() {
    let config = config(&[
        ("web", "github.com/acme/web", ""),
        ("cloud", "bitbucket.org/acme/web", ""),
        ("lab", "gitlab.com/acme/shop/web", ""),
    ]);
    with_config(
        &config,
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            for (pipeline, source, event, name) in [
                ("web", "github", "push", "github.push"),
                ("cloud", "bitbucket", "repo:push", "bitbucket.repo+push"),
                ("lab", "gitlab", "Push Hook", "gitlab.Push_Hook"),
            ] {
                let file = local.directory.join(format!("{name}.json"));
                fs::write(&file, payload(name).to_string()).expect("a file");
                let (id, file) = (uuid(), file.to_str().expect("a path in UTF-8"));
                let arguments = ["--source", source, "--event", event, "--delivery", &id, file];
                let answer = replay(local, &arguments).await;
                let release = local.closed(&release_of(&answer)).await;
                assert_eq!((release.pipeline.as_str(), release.state), (pipeline, State::Built));
                assert_eq!(release.delivery, format!("{source}/{id}"));
                assert_eq!(releases_of(&replay(local, &arguments).await), [release.id], "its first answer");
            }
            assert_eq!((local.releases().await, local.all_builds().await.len()), (3, 3));
        },
    );
}

/// Replays; the status and the body of the answer, as they are printed.
async fn replay(local: &Local, arguments: &[&str]) -> (u16, String) {
    let output = run(&[&["replay", &local.option()], arguments].concat()).await;
    assert_eq!(output.status, Some(0), "{output:?}");
    let (status, body) = output.printed.split_once('\n').expect("a status and a body");
    let status = status.split(' ').next().and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}
