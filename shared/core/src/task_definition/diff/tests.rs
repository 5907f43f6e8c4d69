use proptest::prelude::*;
use serde_json::json;

use super::{
    super::tests::{described, properties::any_json},
    *,
};

/// A line for each change.
fn shown(before: &Value, after: &Value) -> String {
    let side = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), ToString::to_string);
    let line = |change: &Change| format!("{}: {} -> {}", change.path, side(&change.before), side(&change.after));
    diff(before, after).iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn fields_are_named_by_what_tells_them_apart() {
    let before = json!({
        "family": "web", "revision": 7, "cpu": "256", "dockerLabels": {"com.example": "1", "": 1},
        "containerDefinitions": [
            {"name": "web", "image": "r.example/web:1", "command": ["a", "b"],
             "environment": [{"name": "PORT", "value": "80"}, {"name": "GONE", "value": ""}, {"name": "KEPT", "value": "k"}],
             "secrets": [{"name": "KEY", "valueFrom": "one"}],
             "portMappings": [{"containerPort": 80, "hostPort": 80}, {"containerPort": 80, "protocol": "udp"}, {"containerPortRange": "1-9"}]},
            {"name": "old", "image": "x"},
        ],
        "tags": [{"key": "team", "value": "a"}, {"key": "odd ]", "value": "a"}],
        "placementConstraints": [{"type": "memberOf"}],
    });
    let after = json!({
        "family": "web", "revision": 8, "memory": "512", "dockerLabels": {"com.example": "2", "": 2},
        "containerDefinitions": [
            {"name": "new", "image": "y"},
            {"name": "web", "image": "r.example/web:2", "command": ["a"],
             "environment": [{"name": "KEPT", "value": "k"}, {"name": "NEW", "value": "n"}, {"name": "PORT", "value": "8080"}],
             "secrets": [{"name": "KEY", "valueFrom": "two"}],
             "portMappings": [{"containerPort": 80, "protocol": "udp", "hostPort": 81}, {"containerPort": 80, "hostPort": 82}]},
        ],
        "tags": [{"key": "odd ]", "value": "b"}, {"key": "team", "value": "b"}],
        "placementConstraints": [{"type": "distinctInstance"}],
    });
    insta::assert_snapshot!(shown(&before, &after), @r#"
    containerDefinitions[web].command[1]: "b" -> nothing
    containerDefinitions[web].environment[PORT].value: "80" -> "8080"
    containerDefinitions[web].environment[GONE]: {"name":"GONE","value":""} -> nothing
    containerDefinitions[web].environment[NEW]: nothing -> {"name":"NEW","value":"n"}
    containerDefinitions[web].image: "r.example/web:1" -> "r.example/web:2"
    containerDefinitions[web].portMappings[80/tcp].hostPort: 80 -> 82
    containerDefinitions[web].portMappings[80/udp].hostPort: nothing -> 81
    containerDefinitions[web].portMappings[1-9/tcp]: {"containerPortRange":"1-9"} -> nothing
    containerDefinitions[web].secrets[KEY].valueFrom: "one" -> "two"
    containerDefinitions[old]: {"image":"x","name":"old"} -> nothing
    containerDefinitions[new]: nothing -> {"image":"y","name":"new"}
    cpu: "256" -> nothing
    dockerLabels."": 1 -> 2
    dockerLabels."com.example": "1" -> "2"
    memory: nothing -> "512"
    placementConstraints[0].type: "memberOf" -> "distinctInstance"
    tags[team].value: "a" -> "b"
    tags["odd ]"].value: "a" -> "b"
    "#);
}

#[test]
fn what_cannot_be_told_apart_is_compared_by_position() {
    let variables = |first: &str, second: &str| json!({"environment": [{"name": "A", "value": first}, {"name": "A", "value": second}]});
    insta::assert_snapshot!(shown(&variables("1", "2"), &variables("2", "2")), @r#"environment[0].value: "1" -> "2""#);
    let before = json!({"environment": [{"name": "A", "value": "1"}, "odd"]});
    insta::assert_snapshot!(shown(&before, &json!({"environment": ["odd"]})), @r#"
    environment[0]: {"name":"A","value":"1"} -> "odd"
    environment[1]: "odd" -> nothing
    "#);
}

#[test]
fn read_only_members_and_how_numbers_are_written_do_not_count() {
    let before =
        json!({"revision": 1, "status": "ACTIVE", "taskDefinitionArn": "a", "memory": 1.0, "deep": {"revision": 1}});
    let after = json!({"revision": 2, "registeredAt": 5, "memory": 1, "deep": {"revision": 2}});
    assert_eq!(shown(&before, &after), "deep.revision: 1 -> 2");
}

/// The leaves of a value, as JSON pointers: what is neither an object nor an array, or is an empty one.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                leaves(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for (position, value) in elements.iter().enumerate() {
                leaves(value, &format!("{at}/{position}"), found);
            }
        }
        _ => found.push(at.to_owned()),
    }
}

proptest! {
    #[test]
    fn no_change_shows_nothing(value in any_json()) {
        prop_assert_eq!(diff(&value, &value), []);
    }

    #[test]
    fn what_shows_nothing_is_equal_and_both_ways_show_the_same(one in any_json(), other in any_json()) {
        let there = diff(&one, &other);
        prop_assert_eq!(there.is_empty(), one == other);
        let mut back: Vec<Change> = diff(&other, &one)
            .into_iter()
            .map(|Change { path, before, after }| Change { path, before: after, after: before })
            .collect();
        let mut there = there;
        there.sort_by(|a, b| a.path.cmp(&b.path));
        back.sort_by(|a, b| a.path.cmp(&b.path));
        prop_assert_eq!(there, back);
    }

    #[test]
    fn each_changed_leaf_is_shown_once(
        inserted in any_json(),
        chosen in prop::collection::vec(any::<bool>(), 64),
    ) {
        let mut before = described()["taskDefinition"].clone();
        before.as_object_mut().expect("an object").retain(|member, _| !READ_ONLY.contains(&member.as_str()));
        before["tomorrow"] = json!([inserted, {"more": inserted}]);
        let mut found = Vec::new();
        leaves(&before, "", &mut found);
        // What tells the elements apart stays.
        found.retain(|pointer| !pointer.ends_with("/name"));
        let changed: Vec<&String> = found.iter().zip(chosen.iter().cycle()).filter(|(_, chosen)| **chosen).map(|(leaf, _)| leaf).collect();
        let mut after = before.clone();
        for pointer in &changed {
            let leaf = after.pointer_mut(pointer).expect("a leaf");
            *leaf = json!(format!("not {leaf}"));
        }
        let shown = diff(&before, &after);
        let paths: std::collections::BTreeSet<_> = shown.iter().map(|change| &change.path).collect();
        prop_assert_eq!(paths.len(), shown.len(), "each once: {:?}", shown);
        let mut sides: Vec<_> = shown.iter().map(|change| (change.before.clone(), change.after.clone())).collect();
        let mut expected: Vec<_> =
            changed.iter().map(|pointer| (before.pointer(pointer).cloned(), after.pointer(pointer).cloned())).collect();
        sides.sort_by_key(|sides| format!("{sides:?}"));
        expected.sort_by_key(|sides| format!("{sides:?}"));
        prop_assert_eq!(sides, expected);
    }
}
