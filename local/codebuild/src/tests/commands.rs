//! The shell: what lasts from command to command, and what ends one.

use serde_json::json;

use super::{Stand, context};

#[tokio::test]
async fn directory_variables_and_functions_last_through_all_phases() {
    let (stand, build) = Stand::build_of(
        "version: 0.2
phases:
  install:
    commands:
      - mkdir inner && cd inner
      - export EXPORTED='two words'
      - PLAIN=plain
      - greet() { echo \"hello $1\"; }
  post_build:
    commands:
      - basename \"$PWD\"
      - echo \"$EXPORTED, $PLAIN\"
      - greet you
",
    )
    .await;
    assert_eq!(build["buildStatus"], "SUCCEEDED");
    assert_eq!(stand.output(&build), "inner\ntwo words, plain\nhello you");
}

#[tokio::test]
async fn version_01_runs_each_command_in_a_shell_of_its_own() {
    let (stand, build) = Stand::build_of(
        "version: 0.1
phases:
  build:
    commands:
      - export LOST=lost; cd /
      - echo \"[$LOST]\"; basename \"$PWD\"
",
    )
    .await;
    assert_eq!(stand.output(&build), "[]\nsrc");
}

#[tokio::test]
async fn exit_fails_its_command_and_the_next_shell_keeps_environment_and_directory() {
    let (stand, build) = Stand::build_of(
        "version: 0.2
phases:
  build:
    commands:
      - mkdir \"it's\" && cd \"it's\" && export KEPT=\"it's
        kept\"
      - exit 3
      - echo never
  post_build:
    commands:
      - basename \"$PWD\"; echo \"$KEPT\" $CODEBUILD_BUILD_SUCCEEDING
",
    )
    .await;
    assert_eq!(build["buildStatus"], "FAILED");
    let expected = "Error while executing command: exit 3. Reason: exit status 3";
    assert_eq!(context(&build, "BUILD"), ("COMMAND_EXECUTION_ERROR".into(), expected.into()));
    assert_eq!(stand.output(&build), "it's\nit's kept 0");
}

#[tokio::test]
async fn every_way_to_end_a_shell_ends_only_its_command() {
    for shell in ["sh", "bash"] {
        for (command, reason) in [
            ("exit 7", "exit status 7"),
            ("false", "exit status 1"),
            ("(exit 5)", "exit status 5"),
            ("set -e; (exit 4); echo never", "exit status 4"),
            ("set -u; echo $UNSET; echo never", "exit status"),
            ("if then", "exit status"),
            ("exec sh -c 'exit 6'", "exit status 6"),
            ("kill -9 $$", "signal 9"),
            ("trap 'echo bye' EXIT; exit 8", "exit status 8"),
            ("no-such-command-at-all", "exit status 127"),
        ] {
            let stand = Stand::new();
            let command = serde_json::to_string(command).expect("a string");
            stand
                .inline(&format!(
                    "version: 0.2\nenv: {{ shell: {shell} }}\nphases:\n  build:\n    commands:\n      - export A=1\n      \
                     - {command}\n  post_build: {{ commands: [ 'echo after $A' ] }}\n"
                ))
                .await;
            let build = stand.build(json!({})).await;
            let (code, message) = context(&build, "BUILD");
            assert_eq!(code, "COMMAND_EXECUTION_ERROR", "{shell}: {command}");
            assert!(message.contains(&format!("Reason: {reason}")), "{shell}: {command}: {message}");
            let output = stand.output(&build);
            assert!(output.ends_with("after 1"), "{shell}: {command}: {output}");
            assert!(!output.contains("never"), "{shell}: {command}: {output}");
        }
    }
}

#[tokio::test]
async fn exit_0_goes_on_with_the_next_command() {
    let (stand, build) =
        Stand::build_of("version: 0.2\nphases: { build: { commands: [ 'exit 0', 'echo next' ] } }").await;
    assert_eq!(build["buildStatus"], "SUCCEEDED");
    assert_eq!(stand.output(&build), "next");
}

#[tokio::test]
async fn output_of_both_streams_is_in_order_and_before_the_next_command() {
    let (stand, build) = Stand::build_of(
        "version: 0.2
phases:
  build:
    commands:
      - for i in $(seq 1 3); do echo out $i; echo err $i >&2; done
      - printf 'no line break'
      - |
        cat <<EOF
        several
        lines
        EOF
      - read line || echo no input
      - seq 1 20000 | tail -n 1
",
    )
    .await;
    // The heredoc is there twice: the log shows a command of several lines as it is, and then its output.
    let expected = "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\nno line break\nseveral\nlines\nEOF\nseveral\nlines\n\
                    no input\n20000";
    assert_eq!(stand.output(&build), expected);
    let log = stand.log(&build);
    let position = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text}: {log}"));
    assert!(position("Running command printf") < position("\nno line break\n"));
    assert!(position("\nno line break\n") < position("Running command cat"));
}

#[tokio::test]
async fn commands_do_not_see_the_pipes_of_the_loop() {
    let (stand, build) = Stand::build_of(
        "version: 0.2
phases:
  build:
    commands:
      - (echo 0 >&4) 2>/dev/null || echo no descriptor 4
      - (read line <&3) 2>/dev/null || echo no descriptor 3
",
    )
    .await;
    assert_eq!(build["buildStatus"], "SUCCEEDED");
    assert_eq!(stand.output(&build), "no descriptor 4\nno descriptor 3");
}

#[tokio::test]
async fn bash_runs_where_the_buildspec_asks_for_it() {
    let (stand, build) = Stand::build_of(
        "version: 0.2
env: { shell: bash }
phases:
  build:
    commands:
      - words=(one two); echo \"${words[1]} ${BASH_VERSION:+bash}\"
      - exit 0
      - echo \"$CODEBUILD_CI\"
",
    )
    .await;
    assert_eq!(stand.output(&build), "two bash\ntrue");
}
