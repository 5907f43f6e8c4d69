//! The good path, with the sample application and real pushes.

use std::{collections::BTreeMap, fs, process::Command};

use local_slack::Message;
use longshore_core::{
    release::{Release, State},
    task_definition::READ_ONLY,
};
use longshore_local::demo::{Sample, release_in};
use longshore_tests::{Local, eventually, with_stack, workspace};
use serde_json::{Value, json};

#[test]
fn two_pushes_of_the_sample_become_the_running_version_one_after_the_other() {
    let variables = base_images();
    with_stack(
        |options| options.variables = variables,
        async |local| {
            let base = deploy_a_base_with_unknown_members(local).await;
            let sample = sample(local).await;

            let first = sample.commit("Harbour Notes goes ashore").await.expect("a commit");
            let release = push(local, &sample).await;
            assert_eq!((release.state, release.number, &release.commit.id), (State::Live, 1, &first));
            assert!(local.page().await.contains(&first[..7]), "the page of the first commit");
            differs_in_image_and_our_tags_alone(local, &base, &release).await;
            the_image_is_a_digest(local, &release).await;
            the_build_was_told_of_its_release(local, &release).await;
            the_message_went_forward(local, &release).await;

            let note = "Title: The second boat\nDate: 2026-11-21\n\nIt came in on the same tide.\n";
            fs::write(sample.directory().join("content/the-second-boat.md"), note).expect("a file");
            let second = sample.commit("A note about the second boat").await.expect("a commit");
            let base = task_definition_of_the_service(local).await;
            let release = push(local, &sample).await;
            assert_eq!((release.state, release.number, &release.commit.id), (State::Live, 2, &second));
            let page = local.page().await;
            assert!(page.contains(&second[..7]) && page.contains("The second boat"), "{page}");
            differs_in_image_and_our_tags_alone(local, &base, &release).await;
            the_image_is_a_digest(local, &release).await;
            the_message_went_forward(local, &release).await;

            assert_eq!(local.messages().len(), 2, "one message for each release");
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

/// The variables with which the sample can be built here, as `make demo` finds them.
fn base_images() -> BTreeMap<String, String> {
    let output = Command::new(workspace().join("scripts/base-image")).output().expect("scripts/base-image");
    assert!(output.status.success(), "no base images: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

async fn sample(local: &Local) -> Sample {
    let (source, buildspec) = (workspace().join("examples/pelican"), workspace().join("buildspec.yml"));
    let remote = &local.repository().path;
    Sample::make(&local.directory.join("sample"), &source, &buildspec, remote).await.expect("a working copy")
}

async fn push(local: &Local, sample: &Sample) -> Release {
    let answer = sample.push().await.expect("a push");
    assert!(answer.contains("longshore: 202 "), "{answer}");
    local.closed(&release_in(&answer).expect("a release")).await
}

async fn task_definition_of_the_service(local: &Local) -> Value {
    let service = local.service().await;
    local.task_definition(service["taskDefinition"].as_str().expect("an ARN")).await
}

/// What AWS may add tomorrow: members that no SDK of today knows, at each level. The service runs this revision afterwards.
async fn deploy_a_base_with_unknown_members(local: &Local) -> Value {
    let described = task_definition_of_the_service(local).await;
    let mut request = registrable(&described);
    request["tags"] =
        json!([{"key": "team", "value": "harbour"}, {"key": "longshore:release", "value": "an older one"}]);
    request["tideTable"] = json!({"high": [1, 2.5, null], "keep": true});
    request["containerDefinitions"][0]["mooring"] = json!("stern to");
    request["containerDefinitions"][0]["environment"] = json!([{"name": "PORT", "value": "8080"}]);
    request["containerDefinitions"][0]["dockerLabels"] = json!({"tide": "high"});
    let registered = local.ecs("RegisterTaskDefinition", &request).await;
    let arn = registered["taskDefinition"]["taskDefinitionArn"].clone();
    local.ecs("UpdateService", &json!({"cluster": "production", "service": "web", "taskDefinition": arn})).await;
    eventually("the base is deployed", async || {
        let deployments = local.service().await["deployments"].clone();
        let only = deployments.as_array().is_some_and(|list| list.len() == 1);
        (only && deployments[0]["taskDefinition"] == arn && deployments[0]["rolloutState"] == "COMPLETED").then_some(())
    })
    .await;
    let base = task_definition_of_the_service(local).await;
    assert_eq!(base["taskDefinition"]["tideTable"], request["tideTable"], "the stand-in keeps what it does not know");
    base
}

/// A described task definition without its read-only members and its tags.
fn registrable(described: &Value) -> Value {
    let mut definition = described["taskDefinition"].clone();
    definition.as_object_mut().expect("a definition").retain(|member, _| !READ_ONLY.contains(&member.as_str()));
    definition
}

async fn differs_in_image_and_our_tags_alone(local: &Local, base: &Value, release: &Release) {
    let new = task_definition_of_the_service(local).await;
    let service = &release.deployments[0].services[0];
    assert_eq!(service.base.as_deref(), base["taskDefinition"]["taskDefinitionArn"].as_str());
    assert_eq!(service.task_definition.as_deref(), new["taskDefinition"]["taskDefinitionArn"].as_str());
    let mut expected = registrable(base);
    let image = release.image.as_ref().expect("an image").reference();
    assert_ne!(expected["containerDefinitions"][0]["image"], image);
    expected["containerDefinitions"][0]["image"] = image.into();
    assert_eq!(registrable(&new), expected, "nothing but the image is another one");
    let ours = json!({
        "team": "harbour", "longshore:pipeline": "web",
        "longshore:release": release.id, "longshore:commit": release.commit.id,
        "longshore:digest": release.image.as_ref().expect("an image").digest,
    });
    let tags = new["tags"].as_array().expect("tags").iter();
    let tags: Value = tags.map(|tag| (tag["key"].as_str().expect("a key").to_owned(), tag["value"].clone())).collect();
    assert_eq!(tags, ours);
}

async fn the_image_is_a_digest(local: &Local, release: &Release) {
    let image = release.image.as_ref().expect("an image");
    let pushed = local.digest(image.tag.as_deref().expect("a tag")).await;
    assert_eq!(image.reference(), format!("{}/web@{pushed}", local.stack.registry));
    let tasks =
        local.ecs("ListTasks", &json!({"cluster": "production", "serviceName": "web"})).await["taskArns"].clone();
    let tasks = local.ecs("DescribeTasks", &json!({"cluster": "production", "tasks": tasks})).await["tasks"].clone();
    let running = tasks.as_array().expect("tasks").iter().filter(|task| task["desiredStatus"] == "RUNNING");
    for task in running {
        assert_eq!(task["containers"][0]["image"], image.reference(), "what runs is what was pushed");
    }
}

async fn the_build_was_told_of_its_release(local: &Local, release: &Release) {
    let builds = local.builds().await;
    let [build] = builds.as_slice() else { panic!("one build, not {}", builds.len()) };
    assert_eq!(build["id"].as_str(), release.build.id.as_deref());
    assert_eq!(build["sourceVersion"], release.commit.id);
    assert_eq!(build["buildStatus"], "SUCCEEDED");
    let variables = build["environment"]["environmentVariables"].as_array().expect("variables");
    let value = |name: &str| {
        let found = variables.iter().find(|variable| variable["name"] == name);
        found.and_then(|variable| variable["value"].as_str()).unwrap_or_else(|| panic!("{name} is missing")).to_owned()
    };
    assert_eq!(value("LONGSHORE_URL"), local.stack.url);
    assert_eq!(value("LONGSHORE_RELEASE"), release.id.as_str());
    assert_eq!(value("LONGSHORE_PIPELINE"), "web");
    assert_eq!(value("LONGSHORE_BRANCH"), "main");
    assert_eq!(value("LONGSHORE_COMMIT"), release.commit.id);
    assert_eq!(value("LONGSHORE_IMAGE"), format!("{}/web:{}", local.stack.registry, release.image_tag()));
    assert!(value("LONGSHORE_TOKEN").starts_with(&format!("ls1.{}.build.", release.id)));
    let stages: Vec<&str> = release.build.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(stages, ["pre_build", "build", "test", "push"]);
}

/// The one message of a release, after every edit, never went back; its thread tells each thing once.
async fn the_message_went_forward(local: &Local, release: &Release) {
    // What comes with it since the release before; four stages, the build's end, the service's start, the deployment's end.
    let since = (release.number > 1).then(|| format!("Since #{}", release.number - 1));
    let order = ["pre_build", "built in", "passed", "pushed", "build succeeded", "goes from", "production live"];
    let order: Vec<&str> = since.as_deref().into_iter().chain(order).collect();
    let message = local.message(&release.id, ": live in ", order.len()).await;
    let mut told: Vec<&str> = message.history.iter().map(|version| version.text.as_str()).collect();
    told.push(&message.text);
    let ranks: Vec<usize> = told.iter().map(|text| rank(text)).collect();
    assert!(ranks.is_sorted(), "the message went back: {told:#?}");
    // Queued may be over before it is drawn.
    for (rank, word) in WORDS.iter().enumerate().skip(1) {
        assert!(ranks.contains(&rank), "the message never said {word}: {told:#?}");
    }
    assert_eq!(message.attachments[0]["color"], "#2eb67d", "green");
    let blocks = message.attachments[0]["blocks"].to_string();
    let commit = format!("https://github.com/acme/web/commit/{}", release.commit.id);
    let log = release.build.log.as_deref().expect("a log");
    for shown in [":white_check_mark:", "by ada", &commit, log, &release.commit.message, "from commit to live"] {
        assert!(blocks.contains(shown), "the message lacks {shown}: {blocks}");
    }
    the_thread_tells_each_thing_once(local, &message, &order);
}

fn the_thread_tells_each_thing_once(local: &Local, message: &Message, order: &[&str]) {
    let thread = local.thread(message);
    assert_eq!(thread.len(), order.len(), "{thread:#?}");
    for words in order {
        assert_eq!(thread.iter().filter(|reply| reply.contains(words)).count(), 1, "{words}: {thread:#?}");
    }
}

const WORDS: [&str; 4] = ["queued", "building", "deploying", "live"];

fn rank(text: &str) -> usize {
    let headline = text.split_once(": ").map_or(text, |(_, headline)| headline);
    WORDS.iter().position(|word| headline.starts_with(word)).unwrap_or_else(|| panic!("another headline: {text}"))
}
