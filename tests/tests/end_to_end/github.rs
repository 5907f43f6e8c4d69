//! Deliveries of GitHub in both of its content types, merges that are told twice, and why the rest starts nothing.

use jiff::Timestamp;
use longshore_core::{push::Source, webhook};
use longshore_local::hook::uuid;
use longshore_tests::{Local, commit, config, payload, reason_of, release_of, told, with_config};
use serde_json::{Value, json};

#[test]
fn github_tells_pushes_in_forms_and_merges_and_is_told_why_nothing_starts() {
    let config = config(&[
        ("web", "github.com/acme/web", "actors = [\"!mallory\"]"),
        ("merges", "github.com/acme/merged", "on = \"merge\""),
    ]);
    with_config(
        &config,
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            a_form_is_read_as_json_is(local).await;
            a_merge_and_its_push_start_one_release(local).await;
            what_starts_nothing_is_told_why(local).await;
            assert_eq!((local.releases().await, local.all_builds().await.len()), (3, 3));
        },
    );
}

async fn a_form_is_read_as_json_is(local: &Local) {
    let escaped = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let json = payload("github.push").to_string();
    let form = format!("payload={}", json.bytes().map(escaped).collect::<String>());
    let form_type = "application/x-www-form-urlencoded";
    let secret = &local.stack.secret;
    let signed = webhook::sign(Source::GitHub, "push", &uuid(), form_type, form.as_bytes(), secret, Timestamp::now());
    let release = local.closed(&release_of(&local.request(Source::GitHub, &signed, &form).await)).await;
    assert_eq!(told(&release), "web #1: refs/heads/main ccccccc by ada");
    // What is signed is the form, not what is in it.
    let signed = webhook::sign(Source::GitHub, "push", &uuid(), form_type, json.as_bytes(), secret, Timestamp::now());
    assert_eq!(local.request(Source::GitHub, &signed, &form).await.0, 401);
}

async fn a_merge_and_its_push_start_one_release(local: &Local) {
    let merge = |commit: &str| {
        let mut merge = of(payload("github.pull_request"), "acme/merged");
        merge["pull_request"]["base"]["repo"]["full_name"] = json!("acme/merged");
        merge["pull_request"]["merge_commit_sha"] = json!(commit);
        merge
    };
    let push = |before: &str, after: &str| {
        let mut push = of(payload("github.push"), "acme/merged");
        (push["before"], push["after"], push["head_commit"]["id"]) = (json!(before), json!(after), json!(after));
        push
    };
    let why = "the push starts nothing: merges: a push does not start it (on = \"merge\"): merging a pull request into \
               \"main\" does";
    let (before, first, second) = (commit(0xcc), commit(0xdd), commit(0xee));
    let release = local.closed(&release_of(&send(local, "pull_request", &merge(&first)).await)).await;
    assert_eq!(told(&release), "merges #1: refs/heads/main ddddddd by ada");
    assert_eq!(reason_of(&send(local, "push", &push(&before, &first)).await), why);
    // Told again by another webhook.
    assert_eq!(release_of(&send(local, "pull_request", &merge(&first)).await), release.id);

    // The other way round.
    assert_eq!(reason_of(&send(local, "push", &push(&first, &second)).await), why);
    let release = local.closed(&release_of(&send(local, "pull_request", &merge(&second)).await)).await;
    assert_eq!(told(&release), "merges #2: refs/heads/main eeeeeee by ada");
}

async fn what_starts_nothing_is_told_why(local: &Local) {
    let (push, request) = (payload("github.push"), payload("github.pull_request"));
    let edited = |base: &Value, edit: fn(&mut Value)| {
        let mut payload = base.clone();
        edit(&mut payload);
        payload
    };
    let cases = [
        (
            "ping",
            payload("github.ping"),
            "a ping: github.com/acme/web starts web by pushes to \"main\", within its paths and actors",
        ),
        (
            "ping",
            edited(&of(payload("github.ping"), "acme/merged"), |ping| ping["hook"]["events"] = json!(["push"])),
            "a ping: github.com/acme/merged starts merges by merges into \"main\"; but the webhook does not send \
             pull_request, which merges needs",
        ),
        (
            "push",
            edited(&push, |push| push["head_commit"]["message"] = json!("Paint it\n\n[Skip CI]")),
            "the push starts nothing: web: the commit's message has \"[skip ci]\"",
        ),
        (
            "push",
            edited(&push, |push| push["sender"]["login"] = json!("Mallory")),
            "the push starts nothing: web: its `actors` leave out \"Mallory\", who pushed or merged",
        ),
        (
            "pull_request",
            request.clone(),
            "the merge starts nothing: web: the merge of a pull request does not start it (on = \"push\"): the push to \
             \"main\" that it makes does",
        ),
        // A fork's: its code is offered to us, is merged within the fork, and goes to a third repository.
        (
            "pull_request",
            edited(&request, |request| request["action"] = json!("synchronize")),
            "a pull request from \"door\" into \"main\" that is not merged (\"synchronize\")",
        ),
        (
            "pull_request",
            edited(&of(request.clone(), "ada/web"), |request| {
                request["pull_request"]["base"]["repo"]["full_name"] = json!("ada/web");
            }),
            "no pipeline has the repository github.com/ada/web",
        ),
        (
            "pull_request",
            edited(&of(request, "acme/merged"), |request| {
                request["pull_request"]["base"]["repo"]["full_name"] = json!("ada/web");
            }),
            "the pull request goes to another repository than the event's",
        ),
    ];
    for (event, body, why) in cases {
        assert_eq!(reason_of(&send(local, event, &body).await), why);
    }
}

async fn send(local: &Local, event: &str, body: &Value) -> (u16, String) {
    local.post(Source::GitHub, event, &uuid(), &body.to_string(), &local.stack.secret).await
}

/// A payload of GitHub as that of another repository.
fn of(mut payload: Value, repository: &str) -> Value {
    payload["repository"]["full_name"] = json!(repository);
    payload["repository"]["html_url"] = json!(format!("https://github.com/{repository}"));
    payload
}
