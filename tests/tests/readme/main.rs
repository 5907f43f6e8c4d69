//! What README.md and the pages under `docs/` tell people to run is run, exactly as it stands; or it is in the list of what is not, with the reason.
//!
//! A *block* is what is fenced as `sh`; each of its commands counts by itself. In blocks without a language, which show what a command prints, the
//! commands are the lines after `$`. That the program takes all of them, and those that stand between ticks, is for its own tests to say
//! (`cli/src/tests/documented.rs`).

mod documents;
mod verdicts;

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use longshore_tests::{Application, Local, Quality, program, with_stack, workspace};
use tempfile::TempDir;

use documents::{Documented, blocks, documented};
use verdicts::{KNOWN, Verdict};

/// What becomes of a command.
fn verdict(command: &Documented) -> Option<&'static Verdict> {
    let mut known = KNOWN.iter().filter(|(begins, _)| command.text.starts_with(begins));
    known.next().map(|(_, verdict)| verdict)
}

#[test]
fn every_command_of_the_documents_is_run_or_listed_with_the_reason_why_not() {
    let commands = documented();
    let strange: Vec<String> =
        commands.iter().filter(|one| verdict(one).is_none()).map(Documented::to_string).collect();
    assert!(strange.is_empty(), "neither run nor listed (tests/tests/readme/verdicts.rs):\n{}", strange.join("\n"));
    let used = |begins: &str| commands.iter().any(|one| one.text.starts_with(begins));
    let unused: Vec<&str> = KNOWN.iter().map(|(begins, _)| *begins).filter(|begins| !used(begins)).collect();
    for (begins, verdict) in KNOWN {
        assert!(!matches!(verdict, Verdict::Listed("")), "{begins}: the reason is missing");
        if let Verdict::Listed(why) = verdict {
            println!("not run: {begins}: {why}");
        }
    }
    assert!(unused.is_empty(), "no document has these any more: {unused:?}");
}

#[test]
fn every_block_is_one_that_a_shell_can_read() {
    let blocks = blocks();
    assert!(blocks.len() > 5, "blocks were found");
    for (place, text) in blocks {
        let read = Command::new("bash").args(["-n", "-c", &text]).output().expect("bash");
        assert!(read.status.success(), "{place}: {}", String::from_utf8_lossy(&read.stderr));
    }
}

#[test]
fn every_make_target_and_every_script_that_is_named_is_there() {
    let makefile = fs::read_to_string(workspace().join("Makefile")).expect("the Makefile");
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|line| line.split_once(": ## ").map(|(name, _)| name)).collect();
    for Documented { place, text } in documented() {
        let mut words = text.split_whitespace();
        match words.next() {
            Some("make") => {
                let named = words.take_while(|word| *word != "#").filter(|word| !word.contains('='));
                for target in named {
                    assert!(targets.contains(target), "{place}: make {target}");
                }
            }
            Some(script) if script.starts_with("scripts/") => {
                assert!(workspace().join(script).is_file(), "{place}: {script}");
            }
            Some(_) | None => {}
        }
    }
}

#[test]
fn what_needs_no_account_runs_as_it_stands() {
    let directory = TempDir::new().expect("a directory");
    place(directory.path());
    for command in documented().iter().filter(|one| matches!(verdict(one), Some(Verdict::Offline))) {
        runs(command, directory.path(), "");
    }
}

#[test]
fn what_asks_an_account_runs_against_a_local_stack() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            application.commit("version one", Quality::Good).await;
            local.closed(&application.push().await).await;
            application.commit("version two", Quality::Good).await;
            local.closed(&application.push().await).await;
            let local: &Local = local;
            let (directory, option) = (local.directory.join("here"), format!(" {}", local.option()));
            fs::create_dir_all(&directory).expect("a directory");
            place(&directory);
            let commands = documented();
            let commands: Vec<_> = commands.iter().filter(|one| matches!(verdict(one), Some(Verdict::Stack))).collect();
            assert!(commands.len() > 5, "there are some");
            for command in commands {
                runs(command, &directory, &option);
            }
        },
    );
}

/// What the documents take to be in the current directory.
fn place(directory: &Path) {
    let payload = workspace().join("shared/core/src/webhook/payloads/github.push.json");
    for (from, name) in [(workspace().join("examples/longshore.toml"), "longshore.toml"), (payload, "payload.json")] {
        fs::copy(from, directory.join(name)).expect("a file");
    }
    fs::write(directory.join("new.txt"), "a-secret-of-the-readers-own\n").expect("a file");
}

/// Runs a command, to which the option is added; it has to succeed.
fn runs(command: &Documented, directory: &Path, option: &str) {
    let programs = program("longshore").parent().expect("a folder").to_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    let text = format!("{}{option}", command.text);
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &text]).current_dir(directory);
    shell.env("PATH", format!("{}:{path}", programs.display())).env("HOME", directory).env("AWS_PROFILE", "another");
    shell.env_remove("LONGSHORE_TABLE").env_remove("LONGSHORE_SECRET");
    let output = shell.stdin(std::process::Stdio::null()).output().expect("bash");
    let (printed, noted) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command}\n{:?}\n{printed}{noted}", output.status.code());
    assert!(!noted.contains("panicked"), "{command}\n{noted}");
}
