use serde_json::json;

use super::*;

const IMAGE: &str = "r.example/web@sha256:0123";

/// A task definition with members that do not exist yet, at every level.
fn described() -> Value {
    json!({
        "taskDefinition": {
            "taskDefinitionArn": "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:7",
            "revision": 7, "status": "ACTIVE", "registeredAt": 1.5, "registeredBy": "someone",
            "requiresAttributes": [{"name": "x"}], "compatibilities": ["FARGATE"],
            "family": "web", "cpu": "256", "memory": "512", "tomorrow": {"deep": [1, 2, {"er": null}]},
            "containerDefinitions": [
                {"name": "web", "image": "r.example/web:v1", "essential": true, "nextYear": [{"a": 1.25}],
                 "environment": [{"name": "A", "value": "b", "soon": true}]},
                {"name": "envoy", "image": "mesh.example/envoy:1", "essential": false},
            ],
            "volumes": [{"name": "data", "quantum": {"state": "both"}}],
        },
        "tags": [{"key": "team", "value": "web"}, {"key": "longshore:release", "value": "old"}],
    })
}

#[test]
fn a_revision_differs_from_its_base_in_the_image_alone() {
    let base = described();
    let revision = revise(&base, IMAGE, &[], &[("longshore:release", "new")]).expect("a revision");
    assert_eq!(revision.containers, ["web"]);
    let mut expected = base["taskDefinition"].clone();
    for member in READ_ONLY {
        expected.as_object_mut().expect("an object").remove(member);
    }
    expected["containerDefinitions"][0]["image"] = IMAGE.into();
    expected["tags"] = json!([{"key": "team", "value": "web"}, {"key": "longshore:release", "value": "new"}]);
    assert_eq!(revision.request, expected);
}

#[test]
fn containers_are_chosen_by_name_by_repository_or_because_there_is_one() {
    let named = revise(&described(), IMAGE, &["envoy".into()], &[]).expect("a revision");
    assert_eq!(named.containers, ["envoy"]);
    let mut alone = described();
    alone["taskDefinition"]["containerDefinitions"] = json!([{"name": "app", "image": "public.example/placeholder"}]);
    assert_eq!(revise(&alone, IMAGE, &[], &[]).expect("a revision").containers, ["app"]);
}

#[test]
fn what_cannot_be_chosen_is_refused_with_what_there_is() {
    let missing = revise(&described(), IMAGE, &["wbe".into()], &[]).expect_err("refused").to_string();
    insta::assert_snapshot!(missing, @"the task definition has no container wbe: it has web, envoy");
    let elsewhere = revise(&described(), "r.example/api@sha256:0123", &[], &[]).expect_err("refused").to_string();
    insta::assert_snapshot!(elsewhere, @"none of the containers web, envoy runs an image of r.example/api: name the one to deploy to with `containers`");
    assert_eq!(revise(&json!({}), IMAGE, &[], &[]), Err(NoRevision::NotATaskDefinition));
    assert_eq!(revise(&json!({"taskDefinition": {}}), IMAGE, &[], &[]), Err(NoRevision::NotATaskDefinition));
}

#[test]
fn a_registered_revision_is_known_again_and_another_is_not() {
    let request = revise(&described(), IMAGE, &[], &[("longshore:release", "new")]).expect("a revision").request;
    let mut registered = described();
    registered["taskDefinition"]["containerDefinitions"][0]["image"] = IMAGE.into();
    registered["taskDefinition"]["placementConstraints"] = json!([]);
    registered["tags"] = request["tags"].clone();
    assert!(is_revision(&registered, &request));
    assert!(!is_revision(&described(), &request));
    registered["taskDefinition"]["cpu"] = "512".into();
    assert!(!is_revision(&registered, &request));
}
