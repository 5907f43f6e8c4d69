//! Slack's command and the program `longshore` read the same words with the same grammar: the same is wanted, and what is refused is refused with
//! the same sentence.

use std::path::Path;

use clap::Parser as _;
use longshore_core::{
    config::Config,
    slack::command::{self, Command as Said, Wanted},
};
use tempfile::TempDir;

use crate::{Arguments, Command};

const ID: &str = "01JD0000000000000000000000";

/// A pipeline with two environments.
fn pipeline(name: &str) -> String {
    format!(
        "[[pipeline]]\nname = \"{name}\"\nrepository = \"github.com/acme/{name}\"\nbranches = [\"main\"]\nproject = \"build\"\nimage = \"web\"\n\
         environment = [{{ name = \"staging\", cluster = \"{name}-s\", services = [\"s\"] }}, \
         {{ name = \"production\", cluster = \"{name}-p\", services = [\"s\"] }}]\n"
    )
}

/// What is wanted, in Slack.
fn in_slack(text: &str, config: &str) -> Result<Wanted, String> {
    match Said::parse(text, &Config::read(config).expect("a configuration")) {
        Ok(Said::Wanted(wanted)) => Ok(wanted),
        Ok(Said::Question(question)) => panic!("{text}: {question:?}"),
        Err(unclear) => Err(unclear.to_string()),
    }
}

/// What is wanted, on a command line, in a directory with this configuration.
fn on_the_command_line(words: &[&str], config: &Path) -> Result<Wanted, String> {
    let file = config.to_str().expect("a path");
    let config = ["--config", file];
    let line = ["longshore"].iter().chain(words).chain(&config);
    let arguments = Arguments::try_parse_from(line).map_err(|error| error.to_string())?;
    let wanted = match arguments.command {
        Command::Rollback(arguments) => arguments.wanted(),
        Command::Deploy(arguments) => arguments.wanted(),
        Command::Build(arguments) => arguments.wanted(),
        Command::Cancel(arguments) => arguments.wanted(),
        Command::Approve(arguments) => arguments.wanted(true),
        Command::Reject(arguments) => arguments.wanted(false),
        Command::Lock(arguments) => arguments.wanted(),
        Command::Unlock(arguments) => arguments.wanted(),
        _ => panic!("{} is no command that Slack has", words[0]),
    };
    wanted.map_err(|error| error.to_string())
}

/// In both ways.
fn both(said: &str, typed: &[&str], config: &str) -> (Result<Wanted, String>, Result<Wanted, String>) {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("longshore.toml");
    std::fs::write(&file, config).expect("a file");
    (in_slack(said, config), on_the_command_line(typed, &file))
}

#[test]
fn the_same_is_wanted_in_slack_and_on_the_command_line() {
    let two = pipeline("web") + &pipeline("api");
    let promote = format!("promote {ID} production");
    for (said, typed) in [
        ("web", &["build", "web"][..]),
        ("Web main to Staging", &["build", "Web", "main", "--environment", "Staging"]),
        ("start web 0123abc", &["start", "web", "0123abc"]),
        ("promote web#7 production", &["deploy", "web#7", "production", "--reason", "tide"]),
        ("promote WEB 7 to production", &["deploy", "WEB", "7", "production", "--reason", "tide"]),
        (&promote, &["deploy", ID, "production", "--reason", "tide"]),
        ("rollback web production", &["rollback", "web", "production", "--yes"]),
        ("rollback web production 7", &["rollback", "web", "production", "7"]),
        ("rollback Web Production web#7", &["rollback", "Web", "Production", "web#7", "--reason", "tide"]),
        ("cancel web#7", &["cancel", "web#7", "--reason", "tide"]),
        ("approve web#7", &["approve", "web#7", "production"]),
        ("approve web#7 \u{201c}looks good\u{201d}", &["approve", "web#7", "--reason", "\"looks good\""]),
        ("reject web#7 it\u{2019}s high tide", &["reject", "web#7", "--reason", "it's  high tide"]),
        (
            "lock web production until the sale is over",
            &["lock", "web", "production", "--reason", "until the sale is over"],
        ),
        ("unlock web production", &["unlock", "web", "production"]),
    ] {
        let (slack, line) = both(said, typed, &two);
        assert!(slack.is_ok(), "{said}: {slack:?}");
        assert_eq!(slack, line, "{said}; {typed:?}");
    }
    // Where there is only one pipeline, it need not be named.
    for (said, typed) in [
        ("rollback production", &["rollback", "production"][..]),
        ("rollback production 7", &["rollback", "production", "7"]),
        ("cancel 7", &["cancel", "7"]),
        ("promote 7 production", &["deploy", "7", "production", "--reason", "tide"]),
        ("lock production the tide", &["lock", "production", "--reason", "the tide"]),
    ] {
        let (slack, line) = both(said, typed, &pipeline("web"));
        assert!(slack.is_ok(), "{said}: {slack:?}");
        assert_eq!(slack, line, "{said}; {typed:?}");
    }
}

#[test]
fn the_same_is_refused_with_the_same_sentence() {
    let two = pipeline("web") + &pipeline("api");
    let long = "x".repeat(command::LONGEST_REASON + 1);
    let lock = format!("lock web production {long}");
    for (said, typed, words) in [
        (
            "rollback web production api#7",
            &["rollback", "web", "production", "api#7"][..],
            "api#7 is no release of web",
        ),
        ("rollback web production twelve", &["rollback", "web", "production", "twelve"], "\"twelve\" is no release"),
        ("rollback web", &["rollback", "web"], "ENV is missing"),
        ("cancel web", &["cancel", "web"], "\"web\" is no release"),
        ("cancel web#-7", &["cancel", "web#-7"], "\"web#-7\" is no release"),
        ("promote web#7", &["deploy", "web", "7", "--reason", "tide"], "ENV is missing"),
        ("web ma^in", &["build", "web", "ma^in"], "\"ma^in\" is no name that git would take for a branch"),
        (&lock, &["lock", "web", "production", "--reason", &long], "the reason has 501 characters, and 500 are kept"),
    ] {
        let (slack, line) = both(said, typed, &two);
        let (slack, line) = (slack.expect_err(said), line.expect_err(said));
        assert!(slack.contains(words), "{said}: {slack}");
        // What clap refuses has its own words around it.
        assert!(line.contains(&slack), "{typed:?}: {line}");
    }
}
