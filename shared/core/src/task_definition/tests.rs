mod lossless;
pub(super) mod properties;

use serde_json::json;

use super::*;

const IMAGE: &str = "r.example/web@sha256:0123";

/// A task definition with members that do not exist yet, at every level.
pub(super) fn described() -> Value {
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
    let revision = revise(&base, matching(IMAGE), &[("longshore:release", "new")]).expect("a revision");
    assert_eq!((revision.containers, revision.changed), (vec!["web".to_owned()], true));
    let mut expected = base["taskDefinition"].clone();
    for member in READ_ONLY {
        expected.as_object_mut().expect("an object").remove(member);
    }
    expected["containerDefinitions"][0]["image"] = IMAGE.into();
    expected["tags"] = json!([{"key": "team", "value": "web"}, {"key": "longshore:release", "value": "new"}]);
    assert_eq!(revision.request, expected);
}

/// The image for the containers that run one of its repository.
fn matching(image: &str) -> Images<'_> {
    Images::One { image, containers: &[] }
}

fn refused(described: &Value, images: Images<'_>, tags: &[(&str, &str)]) -> String {
    revise(described, images, tags).expect_err("refused").to_string()
}

#[test]
fn containers_are_chosen_by_name_by_repository_or_because_there_is_one() {
    let named = Images::One { image: IMAGE, containers: &["envoy".into(), "web".into()] };
    assert_eq!(revise(&described(), named, &[]).expect("a revision").containers, ["web", "envoy"]);
    let named = Images::One { image: IMAGE, containers: &["envoy".into()] };
    assert_eq!(revise(&described(), named, &[]).expect("a revision").containers, ["envoy"]);
    let mut alone = described();
    alone["taskDefinition"]["containerDefinitions"] = json!([{"name": "app", "image": "public.example/placeholder"}]);
    assert_eq!(revise(&alone, matching(IMAGE), &[]).expect("a revision").containers, ["app"]);
}

#[test]
fn each_container_may_get_an_image_of_its_own_and_sidecars_stay() {
    let mut base = described();
    let containers = base["taskDefinition"]["containerDefinitions"].as_array_mut().expect("containers");
    containers.push(json!({"name": "nginx", "image": "r.example/nginx:1", "links": ["web"]}));
    let nginx = "r.example/nginx@sha256:4567";
    let images = [("web".to_owned(), IMAGE.to_owned()), ("nginx".to_owned(), nginx.to_owned())].into();
    let revision = revise(&base, Images::Each(&images), &[]).expect("a revision");
    assert_eq!(revision.containers, ["web", "nginx"]);
    let mut expected = again(&base).expect("a request");
    expected["containerDefinitions"][0]["image"] = IMAGE.into();
    expected["containerDefinitions"][2]["image"] = nginx.into();
    assert_eq!(revision.request, expected);
    let images = [("wbe".to_owned(), IMAGE.to_owned())].into();
    let missing = refused(&base, Images::Each(&images), &[]);
    assert_eq!(missing, "the task definition has no container wbe: it has web, envoy, nginx");
}

#[test]
fn a_revision_that_runs_the_same_images_says_so() {
    let mut base = described();
    base["taskDefinition"]["containerDefinitions"][0]["image"] = IMAGE.into();
    let revision = revise(&base, matching(IMAGE), &[("longshore:release", "another")]).expect("a revision");
    assert!(!revision.changed);
    assert_eq!(revision.request["tags"][1]["value"], "another", "it is a request all the same");
    base["taskDefinition"]["containerDefinitions"][0]["image"].take();
    assert!(revise(&base, Images::One { image: IMAGE, containers: &["web".into()] }, &[]).expect("a revision").changed);
}

#[test]
fn what_cannot_be_chosen_is_refused_with_what_there_is() {
    let missing = refused(&described(), Images::One { image: IMAGE, containers: &["wbe".into()] }, &[]);
    insta::assert_snapshot!(missing, @"the task definition has no container wbe: it has web, envoy");
    let elsewhere = refused(&described(), matching("r.example/api@sha256:0123"), &[]);
    insta::assert_snapshot!(elsewhere, @"none of the containers web, envoy runs an image of r.example/api: name the one to deploy to with `containers`");
}

#[test]
fn what_is_no_base_is_refused_with_the_reason() {
    let base = |definition: Value| revise(&json!({ "taskDefinition": definition }), matching(IMAGE), &[]);
    for none in [
        json!(null),
        json!({}),
        json!([]),
        json!({"family": "web"}),
        json!({"family": "web", "containerDefinitions": []}),
        json!({"family": "web", "containerDefinitions": {"name": "web"}}),
        json!({"family": "", "containerDefinitions": [{"name": "web"}]}),
        json!({"containerDefinitions": [{"name": "web"}]}),
    ] {
        assert_eq!(base(none.clone()), Err(NoRevision::NotATaskDefinition), "{none}");
    }
    for nameless in [json!(["web"]), json!([{}]), json!([{"name": 7}]), json!([{"name": "web"}, {"name": "web"}])] {
        let found = base(json!({"family": "web", "containerDefinitions": nameless}));
        assert_eq!(found, Err(NoRevision::NamelessContainer), "{nameless}");
    }
    let within = base(json!({"family": "web", "containerDefinitions": [{"name": "web"}], "tags": []}));
    assert_eq!(within, Err(NoRevision::TagsWithin));
}

#[test]
fn a_base_may_be_inactive() {
    for status in ["INACTIVE", "DELETE_IN_PROGRESS"] {
        let mut base = described();
        base["taskDefinition"]["status"] = status.into();
        assert_eq!(revise(&base, matching(IMAGE), &[]), revise(&described(), matching(IMAGE), &[]), "{status}");
    }
}

#[test]
fn tags_that_aws_would_not_take_are_refused() {
    let mut base = described();
    let tag = |n: usize| json!({"key": format!("key-{n}"), "value": "v"});
    base["tags"] = (0..49).map(tag).chain([json!({"key": "aws:cloudformation:stack-name", "value": "x"})]).collect();
    let revision = revise(&base, matching(IMAGE), &[("key-0", "new"), ("longshore:release", "r")]).expect("a revision");
    assert_eq!(revision.request["tags"].as_array().map(Vec::len), Some(50), "AWS's own does not count");
    let long = "k".repeat(129);
    let value = "v".repeat(257);
    insta::assert_snapshot!(
        [
            &[("a", "1"), ("b", "2")][..],
            &[("a", "1"), ("a", "2")],
            &[("", "1")],
            &[(&long, "1")],
            &[("a", &value)],
            &[("AWS:a", "1")],
            &[("a", "tab\t")],
        ]
        .map(|tags| refused(&base, matching(IMAGE), tags).replace(&long, "k…k"))
        .join("\n"),
        @r"
        a revision has at most 50 tags: the base has 49, and 2 are added
        the tag a cannot be given: it is given twice
        the tag  cannot be given: a key has 1 to 128 characters
        the tag k…k cannot be given: a key has 1 to 128 characters
        the tag a cannot be given: a value has at most 256 characters
        the tag AWS:a cannot be given: aws: is for AWS's own
        the tag a cannot be given: it may have letters, digits, spaces and _ . : / = + - @
        "
    );
    let fits = [("äöü 1_.:/=+-@", ""), ("b", &value[..256])];
    assert!(revise(&described(), matching(IMAGE), &fits).is_ok());
}

#[test]
fn a_registered_revision_is_known_again_and_another_is_not() {
    let request = revise(&described(), matching(IMAGE), &[("longshore:release", "new")]).expect("a revision").request;
    let mut registered = described();
    registered["taskDefinition"]["containerDefinitions"][0]["image"] = IMAGE.into();
    registered["taskDefinition"]["placementConstraints"] = json!([]);
    registered["tags"] = request["tags"].clone();
    registered["tags"].as_array_mut().expect("tags").push(json!({"key": "aws:x", "value": "y"}));
    assert!(is_revision(&registered, &request));
    assert!(!is_revision(&described(), &request));
    assert!(!is_revision(&json!({}), &request));
    let mut tagged = registered.clone();
    tagged["tags"].as_array_mut().expect("tags").push(json!({"key": "by", "value": "someone else"}));
    assert!(!is_revision(&tagged, &request));
    registered["taskDefinition"]["cpu"] = "512".into();
    assert!(!is_revision(&registered, &request));
}

/// What ECS would answer to a request, were it faithful.
fn registered(request: &Value) -> Value {
    let mut definition = request.clone();
    let members = definition.as_object_mut().expect("an object");
    let tags = members.remove("tags").unwrap_or(json!([]));
    for (name, value) in [("revision", json!(8)), ("status", json!("ACTIVE")), ("placementConstraints", json!([]))] {
        members.insert(name.to_owned(), value);
    }
    json!({"taskDefinition": definition, "tags": tags})
}

#[test]
fn what_ecs_fills_in_or_orders_otherwise_is_faithful() {
    let mut base = described();
    base["taskDefinition"]["containerDefinitions"][0]["environment"] =
        json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]);
    base["taskDefinition"]["containerDefinitions"][0]["portMappings"] = json!([{"containerPort": 80}]);
    base["taskDefinition"]["containerDefinitions"][0]["links"] = json!([]);
    base["taskDefinition"]["pidMode"] = json!(null);
    let request = revise(&base, matching(IMAGE), &[]).expect("a revision").request;
    let mut answer = registered(&request);
    let definition = &mut answer["taskDefinition"];
    definition.as_object_mut().expect("an object").remove("pidMode");
    let web = &mut definition["containerDefinitions"][0];
    web["environment"] = json!([{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]);
    web["portMappings"] = json!([{"containerPort": 80.0, "hostPort": 80, "protocol": "tcp"}]);
    web.as_object_mut().expect("an object").remove("links");
    web["cpu"] = 0.into();
    answer["tags"]
        .as_array_mut()
        .expect("tags")
        .extend([json!({"key": "aws:x", "value": "y"}), json!({"key": "more", "value": "y"})]);
    assert_eq!(is_faithful(&request, &answer), Ok(()));
}

#[test]
fn what_ecs_drops_or_changes_is_named() {
    let request = revise(&described(), matching(IMAGE), &[("longshore:release", "r")]).expect("a revision").request;
    let mut answer = registered(&request);
    answer["tags"].as_array_mut().expect("tags").pop();
    let definition = &mut answer["taskDefinition"];
    definition.as_object_mut().expect("an object").remove("tomorrow");
    definition["cpu"] = "512".into();
    definition["volumes"][0]["quantum"] = json!({});
    let containers = definition["containerDefinitions"].as_array_mut().expect("containers");
    containers[0].as_object_mut().expect("an object").remove("nextYear");
    containers[0]["environment"].as_array_mut().expect("variables").push(json!({"name": "SECRET", "value": "hush"}));
    containers.pop();
    let differences = is_faithful(&request, &answer).expect_err("differences");
    let named = differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(named, @r"
    containerDefinitions[web].environment[SECRET] was added
    containerDefinitions[web].nextYear was dropped
    containerDefinitions[envoy] was dropped
    cpu was changed
    tags[longshore:release] was dropped
    tomorrow was dropped
    volumes[0].quantum.state was dropped
    ");
    assert_eq!(is_faithful(&request, &json!({})).map_err(|differences| differences.len()), Err(7));
}
