//! Deliveries of Bitbucket, GitLab and CodeCommit, as they would come, and what each starts.

use jiff::{SignedDuration, Timestamp};
use longshore_core::{push::Source, release::Release, webhook};
use longshore_local::hook::uuid;
use longshore_tests::{
    Local, commit, config, eventually, payload, reason_of, release_of, releases_of, told, with_config,
};
use serde_json::{Value, json};

const LAB: &str = "gitlab.com/acme/shop/web";
const COMMITS: &str = "git-codecommit.eu-central-1.amazonaws.com/v1/repos/web";

#[test]
fn bitbucket_tells_several_refs_at_once_and_merges_by_the_push_that_they_make() {
    let config = config(&[
        ("web", "bitbucket.org/acme/web", "tags = [\"v*\"]"),
        ("merges", "bitbucket.org/acme/web", "on = \"merge\""),
    ]);
    with_config(
        &config,
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            let send = async |event: &str, id: &str, body: &Value| {
                local.post(Source::Bitbucket, event, id, &body.to_string(), &local.stack.secret).await
            };
            // A branch that a merge moved, a new tag, and a branch that is gone.
            let (push, id) = (payload("bitbucket.repo+push"), uuid());
            let answer = send("repo:push", &id, &push).await;
            let records = local.all_closed().await;
            let built: Vec<_> = records.iter().map(told).collect();
            let expected = [
                "merges #1: refs/heads/main ccccccc by Ada",
                "web #1: refs/heads/main ccccccc by Ada",
                "web #2: refs/tags/v1.0.0 ccccccc by Ada",
            ];
            assert_eq!(built, expected);
            assert!(records.iter().all(|release| release.accepted == records[0].accepted), "recorded at once");
            let answered = releases_of(&answer);
            let place = |release: &Release| answered.iter().position(|id| *id == release.id);
            let places: Vec<_> = records.iter().map(place).collect();
            assert_eq!(places, [Some(1), Some(0), Some(2)], "answered in the order of the push");
            assert_eq!(
                releases_of(&send("repo:push", &id, &push).await),
                answered,
                "the same answer when it is sent again"
            );

            let merge = payload("bitbucket.pullrequest+fulfilled");
            let why = reason_of(&send("pullrequest:fulfilled", &uuid(), &merge).await);
            assert!(why.ends_with("was merged: the push that this made tells as which commit"), "{why}");
            assert_eq!((local.releases().await, local.all_builds().await.len()), (3, 3));
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

#[test]
fn bitbucket_data_center_is_known_by_the_host_of_the_configuration() {
    let pipelines =
        [("web", "git.example.com:7990/acme/web", ""), ("merges", "git.example.com:7990/acme/web", "on = \"merge\"")];
    with_config(
        &format!("{}[bitbucket]\nhost = \"git.example.com:7990\"\n", config(&pipelines)),
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            let send = async |event: &str, body: &Value| {
                local.post(Source::Bitbucket, event, &uuid(), &body.to_string(), &local.stack.secret).await
            };
            let mut push = payload("bitbucket.repo+refs_changed");
            let release = local.closed(&release_of(&send("repo:refs_changed", &push).await)).await;
            assert_eq!(told(&release), "web #1: refs/heads/main ccccccc by Ada");
            // This one names no host, and neither do the pushes of older versions.
            let merge = payload("bitbucket.pr+merged");
            let release = local.closed(&release_of(&send("pr:merged", &merge).await)).await;
            assert_eq!(told(&release), "merges #1: refs/heads/main ddddddd by Ada");
            push["repository"]["links"].take();
            push["changes"][0]["fromHash"] = push["changes"][0]["toHash"].take();
            push["changes"][0]["toHash"] = merge["pullRequest"]["properties"]["mergeCommit"]["id"].clone();
            let release = local.closed(&release_of(&send("repo:refs_changed", &push).await)).await;
            assert_eq!(told(&release), "web #2: refs/heads/main ddddddd by ");

            let why = reason_of(&send("diagnostics:ping", &payload("bitbucket.diagnostics+ping")).await);
            assert_eq!(why, "a ping of no repository; pipelines configured here: 2");
            assert_eq!((local.releases().await, local.all_builds().await.len()), (3, 3));
        },
    );
}

#[test]
fn gitlab_proves_itself_by_its_token_or_by_its_signature() {
    /// A key of 32 bytes, as GitLab makes them.
    const KEY: &str = "whsec_YSBrZXkgb2YgdGhpcnR5LXR3byBieXRlczogMTIzNDU=";
    const TOKEN: &str = "the token of the harbour";
    with_config(
        &config(&[("web", LAB, "tags = [\"v*\"]"), ("merges", LAB, "on = \"merge\"")]),
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            local.change_secret(|secret| secret["gitlab"] = json!([TOKEN, KEY])).await;
            let send = async |event: &str, body: &Value, secret: &str| {
                local.post(Source::GitLab, event, &uuid(), &body.to_string(), secret).await
            };
            let mut push = payload("gitlab.Push_Hook");
            let release = local.closed(&release_of(&send("Push Hook", &push, TOKEN).await)).await;
            assert_eq!(told(&release), "web #1: refs/heads/main ccccccc by Ada");

            push["before"] = push["after"].take();
            for member in ["/after", "/checkout_sha", "/commits/1/id"] {
                *push.pointer_mut(member).expect("a member") = json!(commit(7));
            }
            let long_ago = Timestamp::now() - SignedDuration::from_mins(6);
            let body = push.to_string();
            let old =
                webhook::sign(Source::GitLab, "Push Hook", &uuid(), "application/json", body.as_bytes(), KEY, long_ago);
            assert_eq!(local.request(Source::GitLab, &old, &body).await.0, 401, "a signature of six minutes ago");
            let release = local.closed(&release_of(&send("Push Hook", &push, KEY).await)).await;
            assert_eq!(told(&release), "web #2: refs/heads/main 0707070 by Ada");

            let tag = payload("gitlab.Tag_Push_Hook");
            let release = local.closed(&release_of(&send("Tag Push Hook", &tag, KEY).await)).await;
            assert_eq!(told(&release), "web #3: refs/tags/v1.0.0 ccccccc by Ada");
            let merge = payload("gitlab.Merge_Request_Hook");
            let release = local.closed(&release_of(&send("Merge Request Hook", &merge, TOKEN).await)).await;
            assert_eq!(told(&release), "merges #1: refs/heads/main ddddddd by ");
            assert_eq!((local.releases().await, local.all_builds().await.len()), (4, 4));
        },
    );
}

#[test]
fn codecommit_is_heard_through_eventbridge_and_nowhere_else() {
    with_config(
        &config(&[("web", COMMITS, "")]),
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            let event = payload("codecommit");
            nobody_tells_it_by_http(local, &event).await;

            let mut created = event["detail"].clone();
            created["event"] = json!("referenceCreated");
            created["commitId"] = created["oldCommitId"].take();
            created.as_object_mut().expect("an object").remove("oldCommitId");
            let expected = ["web #1: refs/heads/main aaaaaaa by ", "web #2: refs/heads/main ccccccc by "];
            for ((detail, number), expected) in [(&created, 1), (&event["detail"], 2)].into_iter().zip(expected) {
                put(local, detail).await;
                let release = eventually("the event starts a release", async || {
                    local.records().await.pop().filter(|release| release.number == number)
                })
                .await;
                assert_eq!(told(&local.closed(&release.id).await), expected);
            }
            let mut deleted = event["detail"].clone();
            deleted["event"] = json!("referenceDeleted");
            put(local, &deleted).await;
            eventually("that it was deleted is remembered", async || {
                let items = local.items().await;
                let mut explanations = items.iter().filter_map(|item| item["explanation"]["S"].as_str());
                explanations.any(|text| text.contains("was deleted")).then_some(())
            })
            .await;
            // EventBridge may hand an event over more than once: the same id.
            let mut again = event.clone();
            again["detail"]["oldCommitId"] = again["detail"]["commitId"].take();
            again["detail"]["commitId"] = json!(commit(7));
            for _ in 0..2 {
                local.stack.host.invoke("Trigger", again.clone()).await.expect("it is taken");
            }
            let built: Vec<_> = local.all_closed().await.iter().map(told).collect();
            assert_eq!(built[2..], ["web #3: refs/heads/main 0707070 by "]);
            assert_eq!(local.all_builds().await.len(), 3);
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

async fn nobody_tells_it_by_http(local: &Local, event: &Value) {
    let (items, body) = (local.items().await, event.to_string());
    let secret = &local.stack.secret;
    let answer = local.post(Source::CodeCommit, "referenceUpdated", &uuid(), &body, secret).await;
    assert_eq!(answer.0, 404, "{answer:?}");
    for (source, name) in [(Source::GitHub, "push"), (Source::Bitbucket, "repo:push"), (Source::GitLab, "Push Hook")] {
        let answer = local.post(source, name, &uuid(), &body, secret).await;
        assert_eq!(answer.0, 400, "{answer:?}");
    }
    assert_eq!(local.items().await, items, "nothing was recorded");
    // Not even in another source's words.
    let mut push = payload("gitlab.Push_Hook");
    push["project"]["web_url"] = json!(format!("https://{COMMITS}"));
    push["project"]["path_with_namespace"] = json!("v1/repos/web");
    let releases = local.releases().await;
    let answer = local.post(Source::GitLab, "Push Hook", &uuid(), &push.to_string(), secret).await;
    let reason = reason_of(&answer);
    assert!(reason.contains("is a host of CodeCommit, and GitLab sent this"), "{reason}");
    assert_eq!(local.releases().await, releases);
}

/// Puts an event of CodeCommit on the bus.
async fn put(local: &Local, detail: &Value) {
    let entry = json!({
        "Source": "aws.codecommit", "DetailType": "CodeCommit Repository State Change", "Detail": detail.to_string(),
        "Resources": ["arn:aws:codecommit:eu-central-1:123456789012:web"],
    });
    let input = json!({ "Entries": [entry] });
    let answer = local.stack.aws.call("events", "AWSEvents.PutEvents", &input).await.expect("an answer");
    assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
}
