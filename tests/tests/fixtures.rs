//! Payloads that nobody in this project wrote, where they are there: `../shared/fixtures` beside the checkout.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use longshore_core::{
    event::{Envelope, Event},
    image::without_name,
    push::{Content, Delivery, Merged, Source},
    task_definition::{self, Images, READ_ONLY, diff, is_faithful, is_revision, revise},
    webhook::{self, Headers, Hosts},
};
use longshore_tests::workspace;
use serde_json::{Value, json};

/// A folder or file of the fixtures; says so where it is absent.
fn fixtures(name: &str) -> Option<PathBuf> {
    let path = workspace().join("../shared/fixtures").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here", path.display());
    None
}

/// The files of a folder with this ending, in order; at least one.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no .{ending}", folder.display());
    files
}

fn json(file: &Path) -> Value {
    let text = fs::read_to_string(file).expect("a file");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A file's task definition as ECS would describe it, with what it adds.
fn described(base: &Value) -> Value {
    let mut described = base.clone();
    for member in READ_ONLY {
        described[member] = json!("read only");
    }
    json!({"taskDefinition": described, "tags": [{"key": "team", "value": "harbour"}]})
}

#[test]
fn the_register_request_of_each_real_task_definition_equals_its_base_in_every_member_but_the_images() {
    let Some(folder) = fixtures("task-definitions") else { return };
    for file in files(&folder, "json") {
        // Read as what ECS sends is read: nothing of it may be lost.
        let text = fs::read(&file).expect("a file");
        let base = task_definition::read(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let containers = base["containerDefinitions"].as_array().expect("containers");
        let names: Vec<&str> = containers.iter().map(|container| container["name"].as_str().expect("a name")).collect();
        let image =
            |name: &str| format!("123456789012.dkr.ecr.eu-central-1.amazonaws.com/{name}@sha256:{}", "0".repeat(64));
        // Every container gets an image of its own; then one of them alone.
        for chosen in std::iter::once(&names[..]).chain(names.chunks(1)) {
            let images = chosen.iter().map(|name| ((*name).to_owned(), image(name))).collect();
            let revision = revise(&described(&base), Images::Each(&images), &[("longshore:release", "r")]);
            let revision = revision.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert_eq!(revision.containers, chosen);

            let mut expected = base.clone();
            expected.as_object_mut().expect("an object").retain(|member, _| !READ_ONLY.contains(&member.as_str()));
            for container in expected["containerDefinitions"].as_array_mut().expect("containers") {
                let name = container["name"].as_str().expect("a name").to_owned();
                if chosen.contains(&name.as_str()) {
                    container["image"] = image(&name).into();
                }
            }
            expected["tags"] = json!([{"key": "team", "value": "harbour"}, {"key": "longshore:release", "value": "r"}]);
            assert_eq!(revision.request, expected, "{}", file.display());
            assert!(revision.changed);

            let paths: Vec<String> = diff(&base, &revision.request).into_iter().map(|change| change.path).collect();
            let images = chosen.iter().map(|name| format!("containerDefinitions[{name}].image"));
            assert_eq!(paths, images.chain(["tags".to_owned()]).collect::<Vec<_>>(), "{}", file.display());

            let registered = json!({"taskDefinition": expected, "tags": expected["tags"]});
            assert!(is_revision(&registered, &revision.request), "{}", file.display());
            assert_eq!(is_faithful(&revision.request, &registered), Ok(()), "{}", file.display());
        }
        // One image for all that run one of its repository: the sidecars of others stay.
        let repository = |container: &Value| container["image"].as_str().map(|image| without_name(image).to_owned());
        let first = repository(&containers[0]).expect("an image");
        let one = format!("{first}@sha256:{}", "1".repeat(64));
        let revision =
            revise(&described(&base), Images::One { image: &one, containers: &[] }, &[]).expect("a revision");
        let same = containers.iter().filter(|container| repository(container).as_ref() == Some(&first)).count();
        assert_eq!(revision.containers.len(), same, "{}", file.display());
    }
}

#[test]
fn the_documented_signatures_hold() {
    let Some(file) = fixtures("signatures.json") else { return };
    let vectors = json(&file);
    let mut checked = 0;
    for vector in vectors.as_array().expect("vectors") {
        let source = match vector["scheme"].as_str().expect("a scheme") {
            "github-sha256" => Source::GitHub,
            "bitbucket-sha256" => Source::Bitbucket,
            _ => continue,
        };
        let text = |name: &str| vector[name].as_str().expect("a text");
        let body = STANDARD.decode(text("body_base64")).expect("base64");
        let headers: Headers = [(text("header"), text("signature"))].into_iter().collect();
        let proof = webhook::verify(source, &headers, &body, &[text("secret")], now());
        assert_eq!(proof.is_ok(), vector["expect_valid"] == true, "{vector}");
        if vector["expect_valid"] == true {
            let ours = webhook::sign(source, "push", ID, "application/json", &body, text("secret"), now());
            assert_eq!(ours.get(&text("header").to_lowercase()), Some(text("signature")));
        }
        checked += 1;
    }
    assert!(checked >= 2, "there is a vector of GitHub's and one of Bitbucket's");
}

const ID: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

fn now() -> Timestamp {
    Timestamp::from_second(1_795_248_000).expect("a time")
}

/// Reads a delivery as it would come: signed, with its headers.
fn read(source: Source, event: &str, file: &Path) -> Delivery {
    let body = fs::read(file).expect("a file");
    let headers = webhook::sign(source, event, ID, "application/json", &body, "secret", now());
    let body = webhook::verify(source, &headers, &body, &["secret"], now()).expect("proof");
    let host = host_of(source, &json(file));
    let hosts = match source {
        Source::GitHub => Hosts { github: host.as_deref(), ..Hosts::default() },
        Source::Bitbucket => Hosts { bitbucket: host.as_deref().or(Some("git.example.com")), ..Hosts::default() },
        Source::GitLab => Hosts { gitlab: host.as_deref(), ..Hosts::default() },
        Source::CodeCommit => Hosts::default(),
    };
    webhook::parse(source, &headers, body, &hosts).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The host that a payload names: these come from servers of many people.
fn host_of(source: Source, payload: &Value) -> Option<String> {
    let paths: &[&str] = match source {
        Source::GitHub => &["/repository/html_url"],
        Source::Bitbucket => &[
            "/repository/links/html/href",
            "/repository/links/self/0/href",
            "/pullRequest/toRef/repository/links/self/0/href",
        ],
        Source::GitLab => &["/project/web_url"],
        Source::CodeCommit => &[],
    };
    let page = paths.iter().find_map(|path| payload.pointer(path)?.as_str())?;
    page.split_once("://")?.1.split('/').next().map(str::to_owned)
}

/// Whether the provider's word for what happened to a pull request is what the expected files call so.
fn is_action(expected: &str, word: &str) -> bool {
    let words: &[&str] = match expected {
        "opened" => &["opened", "created", "open"],
        "closed" => &["closed", "rejected", "declined", "deleted", "close"],
        "reopened" => &["reopened", "reopen"],
        "merged" => &["merged", "merge", "fulfilled"],
        "updated" => &["edited", "modified"],
        "synchronized" => &["synchronize", "updated", "from_ref_updated", "modified"],
        "review_ready" => &["ready_for_review", "update"],
        other => return other == word,
    };
    words.contains(&word)
}

/// What we say of a delivery, in the words of the expected files.
fn told(delivery: &Delivery, expected: &Value) -> Value {
    let mut told = json!({"event": delivery.event});
    if let Some(repository) = &delivery.repository {
        told["repository"] = repository.split_once('/').map(|(_, path)| path).into();
    }
    let facts = match &delivery.content {
        Content::Pushes(pushes) => {
            let push = pushes.first().expect("a push");
            let id = |commit: &Option<String>| commit.clone().unwrap_or_else(|| "0".repeat(40));
            let action = if push.deleted() { "deleted" } else { "created" };
            json!({
                // A branch or tag that is made or deleted by a push is called a ref or a push there, as the provider has it.
                "what": if expected["what"] == "ref" && (push.created || push.deleted()) { "ref" } else { "push" },
                "ref": push.reference.to_string(), "before": id(&push.before), "after": id(&push.after),
                "deleted": push.deleted(), "message": push.head.message,
                "kind": push.reference.kind.word(), "name": push.reference.name, "action": action,
            })
        }
        Content::Reference { reference, deleted } => json!({
            "what": "ref", "kind": reference.kind.word(), "name": reference.name,
            "action": if *deleted { "deleted" } else { "created" },
        }),
        Content::Change(change) => {
            let action = expected["action"].as_str().filter(|action| is_action(action, &change.action));
            json!({
                "what": "change", "action": action.unwrap_or(&change.action), "merged": change.merged != Merged::No,
                "source": change.source, "target": change.target,
            })
        }
        Content::Ping { .. } | Content::Other(_) => json!({"what": "other"}),
    };
    told.as_object_mut().expect("an object").extend(facts.as_object().expect("an object").clone());
    told
}

#[test]
fn every_delivery_of_every_provider_is_read_as_expected() {
    let Some(folder) = fixtures("webhooks") else { return };
    let mut read_so_far = 0;
    for (name, source) in [
        ("github", Source::GitHub),
        ("bitbucket", Source::Bitbucket),
        ("bitbucket-data-center", Source::Bitbucket),
        ("gitlab", Source::GitLab),
    ] {
        for file in files(&folder.join(name), "json") {
            let mut expected = json(&file.with_extension("expected"));
            let delivery = read(source, expected["event"].as_str().expect("an event"), &file);
            let told = told(&delivery, &expected);
            let case = format!("{name}/{}", file.file_stem().and_then(|stem| stem.to_str()).expect("a name"));
            // Some payloads of events that start nothing are cut, and have no page of their repository; where the file has no name
            // for it, the payload has one.
            let unread = expected["what"] == "other" && delivery.repository.is_none();
            if unread || expected["repository"] == "None/None" {
                expected.as_object_mut().expect("an object").remove("repository");
            }
            for (member, value) in expected.as_object().expect("an object") {
                assert_eq!(&told[member], value, "{case}: {member} of {delivery:?}");
            }
            for push in delivery.pushes() {
                assert!(delivery.repository.is_some() && (push.before.is_some() || push.after.is_some()), "{case}");
            }
            read_so_far += 1;
        }
    }
    assert!(read_so_far >= 78, "{read_so_far} were read");
}

#[test]
fn every_documented_example_of_github_is_understood() {
    let Some(folder) = fixtures("webhooks/github-examples") else { return };
    for file in files(&folder, "json") {
        let event = file.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let delivery = read(Source::GitHub, &event, &file);
        let right = match event.as_str() {
            "push" => matches!(&delivery.content, Content::Pushes(pushes) if pushes.len() == 1),
            "pull_request" | "pull_request_review" => matches!(delivery.content, Content::Change(_)),
            "create" | "delete" => matches!(delivery.content, Content::Reference { .. }),
            "ping" => matches!(&delivery.content, Content::Ping { events } if events == &["*"]),
            _ => matches!(&delivery.content, Content::Other(reason) if !reason.is_empty()),
        };
        assert!(right, "{event}: {delivery:?}");
    }
}

#[test]
fn every_documented_event_of_aws_is_read() {
    let Some(folder) = fixtures("events") else { return };
    for file in files(&folder, "json") {
        let event = json(&file);
        let envelope: Envelope =
            serde_json::from_value(event.clone()).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let read = Event::read(&envelope);
        match event["detail-type"].as_str().expect("a detail type") {
            "CodeBuild Build State Change" => {
                let arn = event["detail"]["build-id"].as_str().expect("a build");
                let Event::Build { id, release: None } = read else { panic!("{}: {read:?}", file.display()) };
                assert!(arn.ends_with(&format!(":build/{id}")), "{}: {id}", file.display());
            }
            "ECS Deployment State Change" => {
                let arn = event["resources"][0].as_str().expect("a service");
                assert_eq!(read, Event::Service(arn.to_owned()), "{}", file.display());
            }
            other => assert_eq!(read, Event::Other(format!("{} / {other}", envelope.source)), "{}", file.display()),
        }
    }
}
