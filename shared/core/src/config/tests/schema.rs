//! The published schema names the keys that the reader takes, no more and no fewer, and requires those that the reader requires.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

/// Each table: what the reader calls it, where the schema has it, and a file that has it with an unknown key alone.
const TABLES: [(&str, &str, &str); 11] = [
    ("[slack]", "/properties/slack", "[slack]\nzzzz = 1"),
    ("[github]", "/properties/github", "[github]\nzzzz = 1"),
    ("[bitbucket]", "/properties/bitbucket", "[bitbucket]\nzzzz = 1"),
    ("[gitlab]", "/properties/gitlab", "[gitlab]\nzzzz = 1"),
    ("[[pipeline]]", "/properties/pipeline/items", "[[pipeline]]\nzzzz = 1"),
    ("[[pipeline.environment]]", ENVIRONMENT, "[[pipeline]]\n[[pipeline.environment]]\nzzzz = 1"),
    ("`before`", "before/items", "[[pipeline]]\n[[pipeline.environment]]\nbefore = [{ zzzz = 1 }]"),
    ("`check`", "check", "[[pipeline]]\n[[pipeline.environment]]\ncheck = { zzzz = 1 }"),
    ("`approval`", "approval", "[[pipeline]]\n[[pipeline.environment]]\napproval = { zzzz = 1 }"),
    ("`freeze`", "freeze/items", "[[pipeline]]\n[[pipeline.environment]]\nfreeze = [{ zzzz = 1 }]"),
    ("`codedeploy`", "codedeploy", "[[pipeline]]\n[[pipeline.environment]]\ncodedeploy = { zzzz = 1 }"),
];

const ENVIRONMENT: &str = "/properties/pipeline/items/properties/environment/items";

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../../../docs/longshore.schema.json")).expect("JSON")
}

fn at(path: &str) -> Value {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("{ENVIRONMENT}/properties/{path}") };
    schema().pointer(&path).unwrap_or_else(|| panic!("the schema has nothing at {path}")).clone()
}

fn named(words: &str) -> BTreeSet<String> {
    words.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_schema_has_the_keys_of_the_reader() {
    for (title, path, text) in TABLES {
        let said = problems(text);
        let takes = format!("unknown key `zzzz` in {title}; {title} takes ");
        let (_, rest) = said.split_once(&takes).unwrap_or_else(|| panic!("{takes} is not said: {said}"));
        let known = named(rest.lines().next().unwrap_or_default());
        let properties =
            at(path)["properties"].as_object().expect("properties").keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(known, properties, "{title}");
    }
    let root = problems("zzzz = 1");
    let (_, rest) = root.split_once("the file takes ").expect("the keys of the file");
    let properties = schema()["properties"].as_object().expect("properties").keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(named(rest.lines().next().unwrap_or_default()), properties);
}

#[test]
fn the_schema_requires_what_the_reader_requires() {
    for (title, path, text) in TABLES {
        let said = problems(text);
        let missing = |key: &str| said.contains(&format!("{title} has no `{key}`"));
        let table = at(path);
        let required: Vec<&str> =
            table["required"].as_array().expect("required").iter().filter_map(Value::as_str).collect();
        for key in table["properties"].as_object().expect("properties").keys() {
            // Of services and scheduled tasks, and of branches and tags, one is enough: `anyOf`.
            let either = table["anyOf"].as_array().is_some_and(|any| any.iter().any(|one| one["required"][0] == *key));
            assert_eq!(
                missing(key),
                required.contains(&key.as_str()) || (either && key == "services"),
                "{title} {key}"
            );
        }
    }
}

#[test]
fn no_table_of_the_schema_takes_other_keys() {
    for (title, path, _) in TABLES {
        assert_eq!(at(path)["additionalProperties"], false, "{title}");
    }
    assert_eq!(schema()["additionalProperties"], false);
}
