//! `longshore check`: warnings, `--strict` and the schema.

use std::fs;

use serde_json::Value;

use super::{run, said};

const DOUBTFUL: &str = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\", \"*\"]\nproject = \"web-build\"\n";

#[tokio::test]
async fn a_warning_is_told_and_is_an_error_with_strict() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("longshore.toml"), DOUBTFUL).expect("a file");
    let output = run(directory.path(), &["check"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = said(&output);
    for words in
        ["warning", "longshore.toml:4:13", "\"main\" in `branches` adds nothing", "right: 1 pipeline, 1 warning"]
    {
        assert!(text.contains(words), "{words} is missing: {text}");
    }
    let output = run(directory.path(), &["check", "--strict", "--json"]).await;
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!((&told["ok"], &told["problems"][0]["severity"]), (&false.into(), &"warning".into()));
}

#[tokio::test]
async fn the_schema_is_printed_and_is_the_committed_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = run(directory.path(), &["check", "--schema"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let committed =
        fs::read_to_string(longshore_tests::workspace().join("docs/longshore.schema.json")).expect("a file");
    assert_eq!(String::from_utf8_lossy(&output.stdout), committed);
}
