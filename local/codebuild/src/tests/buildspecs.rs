//! Reading buildspecs, without builds.

use std::{fs, path::Path};

use crate::buildspec::{Buildspec, OnFailure, Program, Version};

fn error(text: &str) -> String {
    Buildspec::parse(text).expect_err("an error")
}

#[test]
fn a_buildspec_with_everything_is_read() {
    let spec = Buildspec::parse(
        "version: 0.2
run-as: somebody
env:
  shell: bash
  variables:
    NUMBER: 007
    YES: yes
    TRUE: True
    FLOAT: 1.10
    EMPTY:
    QUOTED: 'a: b'
  exported-variables: [NUMBER]
  git-credential-helper: yes
proxy: { logs: no }
phases:
  install:
    runtime-versions: { nodejs: 18 }
  pre_build:
    run-as: other
    on-failure: CONTINUE
    commands:
      - echo one
      - |
        if true; then
          echo two
        fi
    finally:
      - echo three
  build:
    on-failure: RETRY
    commands: make
  post_build: { on-failure: RETRY-5-.* }
reports: { r: { files: [ a ] } }
cache: { paths: [ a ] }
artifacts: { files: [ a ] }
mistake: 1
",
    )
    .expect("a buildspec");
    assert_eq!((spec.version, spec.shell), (Version::V02, Program::Bash));
    let variables: Vec<_> = spec.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        variables,
        [("NUMBER", "007"), ("YES", "yes"), ("TRUE", "True"), ("FLOAT", "1.10"), ("EMPTY", ""), ("QUOTED", "a: b")]
    );
    assert_eq!(spec.exported, ["NUMBER"]);
    assert_eq!(spec.pre_build.commands, ["echo one", "if true; then\n  echo two\nfi\n"]);
    assert_eq!(spec.pre_build.finally, ["echo three"]);
    assert_eq!(spec.pre_build.on_failure, OnFailure::Continue);
    assert_eq!(spec.build.commands, ["make"]);
    assert_eq!(spec.build.on_failure, OnFailure::Retry(3));
    assert_eq!(spec.post_build.on_failure, OnFailure::Retry(5));
    assert_eq!(spec.notes.len(), 8, "{:#?}", spec.notes);
}

#[test]
fn what_cannot_be_run_is_an_error_that_says_where() {
    for (text, expected) in [
        ("", "the buildspec has no version"),
        ("just text", "the buildspec cannot be text, at line 1"),
        ("phases: {}", "the buildspec has no version"),
        ("version: 0.3\nphases: {}", "invalid buildspec version 0.3: expecting 0.1 or 0.2"),
        ("version: 0.2", "the buildspec has no phases"),
        ("version: 0.2\nphases: []", "phases cannot be a sequence, at line 2"),
        (
            "version: 0.2\nphases: { test: {} }",
            "Invalid buildspec phase name: test. Expecting: build,install,post_build,pre_build",
        ),
        (
            "version: 0.2\nphases:\n  build:\n    commands:\n      - echo \"Hello: world\"\n",
            "Expected Commands[0] to be of string type: found subkeys instead at line 5",
        ),
        ("version: 0.2\nphases: { build: { commands: [ [ a ] ] } }", "found a sequence instead at line 2"),
        ("version: 0.2\nphases: { build: { on-failure: STOP } }", "invalid on-failure: STOP"),
        ("version: 0.2\nphases: { build: { on-failure: RETRY-2-timeout } }", "without a pattern"),
        ("version: 0.2\nphases: { build: { on-failure: RETRY-101 } }", "from 0 to 100"),
        ("version: 0.2\nenv: { shell: powershell.exe }\nphases: {}", "the shell powershell.exe is not supported"),
        ("version: 0.2\nenv: { parameter-store: { A: /a } }\nphases: {}", "parameter-store is not supported"),
        ("version: 0.2\nenv: { secrets-manager: { B: b } }\nphases: {}", "(it has B)"),
        ("version: 0.2\nenv: { variables: { A: [ 1 ] } }\nphases: {}", "env.variables.A cannot be a sequence"),
        ("version: 0.2\nenv: { exported-variables: [ 'a;b' ] }\nphases: {}", "cannot name a shell variable"),
        ("version: 0.2\nversion: 0.2\nphases: {}", "line 2"),
        ("version: 0.2\nphases: {}\n---\nversion: 0.2", "several YAML documents"),
    ] {
        let found = error(text);
        assert!(found.contains(expected), "{text}\nexpected: {expected}\nfound: {found}");
    }
}

#[test]
fn published_buildspecs_are_read() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/buildspecs");
    let Ok(entries) = fs::read_dir(&directory) else {
        eprintln!("SKIPPED: {} is absent", directory.display());
        return;
    };
    let mut read = 0;
    for path in entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.extension().is_some()) {
        let text = fs::read_to_string(&path).expect("a file");
        match Buildspec::parse(&text) {
            Ok(spec) => assert!(!spec.build.commands.is_empty(), "{}", path.display()),
            // The one that wants something of the Parameter Store has to say so.
            Err(message) => {
                assert!(text.contains("parameter-store:"), "{}: {message}", path.display());
                assert!(message.contains("SONARQUBE_TOKEN"), "{message}");
            }
        }
        read += 1;
    }
    assert!(read > 0, "no buildspecs in {}", directory.display());
}
