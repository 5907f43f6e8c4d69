//! Changes of a task definition for people: field by field, what it was and what it is.

use std::fmt::Write;

use longshore_core::task_definition::Change;
use serde_json::Value;

use crate::terminal::harmless;

const BEFORE: &str = "31";
const AFTER: &str = "32";

/// The changes, with colours; each field with what it was after a `-`, and what it is after a `+`. Objects and arrays take a line for each
/// member.
///
/// ```text
/// containerDefinitions[web].image
///   - "r.example/web:1"
///   + "r.example/web@sha256:…"
/// ```
pub fn shown(changes: &[Change]) -> String {
    let mut text = String::new();
    for Change { path, before, after } in changes {
        let _ = writeln!(text, "\u{1b}[1m{}\u{1b}[0m", harmless(path, false).replace('\n', " "));
        for (sign, colour, value) in [('-', BEFORE, before), ('+', AFTER, after)] {
            for line in value.iter().flat_map(lines) {
                let _ = writeln!(text, "  \u{1b}[{colour}m{sign} {line}\u{1b}[0m");
            }
        }
    }
    text
}

/// A value as JSON, and harmless: JSON escapes some of what a terminal would act upon, and not all.
fn lines(value: &Value) -> Vec<String> {
    harmless(&format!("{value:#}"), false).lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(path: &str, before: Option<Value>, after: Option<Value>) -> Change {
        Change { path: path.to_owned(), before, after }
    }

    #[test]
    fn each_field_is_shown_with_what_it_was_and_is() {
        let changes = [
            change("containerDefinitions[web].image", Some(json!("r.example/web:1")), Some(json!("r.example/web:2"))),
            change("containerDefinitions[web].environment[NEW]", None, Some(json!({"name": "NEW", "value": "1"}))),
            change("cpu", Some(json!("256")), None),
        ];
        insta::assert_snapshot!(anstream::adapter::strip_str(&shown(&changes)), @r#"
        containerDefinitions[web].image
          - "r.example/web:1"
          + "r.example/web:2"
        containerDefinitions[web].environment[NEW]
          + {
          +   "name": "NEW",
          +   "value": "1"
          + }
        cpu
          - "256"
        "#);
        assert!(shown(&changes).contains("\u{1b}[31m- \"256\"\u{1b}[0m\n"));
        assert_eq!(shown(&[]), "");
    }

    #[test]
    fn a_value_cannot_steer_the_terminal() {
        let hostile = "\u{1b}[2J\u{9b}31m\u{202e}\n+ all is well";
        let shown = shown(&[change(&format!("x\"{hostile}"), None, Some(json!({ (hostile): hostile })))]);
        let shown = anstream::adapter::strip_str(&shown).to_string();
        assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{shown:?}");
        assert!(!shown.lines().any(|line| line.trim_start().starts_with("+ all")), "{shown}");
    }
}
