//! What prints data prints it for programs as well, and every command says what it does by examples and exit statuses.

use clap::{Command, CommandFactory as _};

/// Those that print no data, and why.
const WITHOUT: [(&str, &str); 5] = [
    ("longshore init", "it asks, and what it prints is to be filled in by people"),
    ("longshore demo", "it tells a story, and ends"),
    ("longshore completions", "it prints a script"),
    ("longshore man", "it prints a page"),
    ("longshore hook", "hidden: git runs it, and prints to whoever pushes"),
];

/// Every command that has none below it, with its whole name.
fn leaves(command: &Command, name: &str, found: &mut Vec<(String, Command)>) {
    let mut below = command.get_subcommands().filter(|one| one.get_name() != "help").peekable();
    if below.peek().is_none() {
        found.push((name.to_owned(), command.clone()));
    }
    for one in below {
        leaves(one, &format!("{name} {}", one.get_name()), found);
    }
}

fn all() -> Vec<(String, Command)> {
    let mut found = Vec::new();
    leaves(&crate::Arguments::command(), "longshore", &mut found);
    found
}

#[test]
fn every_command_that_prints_data_prints_it_as_json_too() {
    let commands = all();
    assert!(commands.len() > 25, "the tree was walked");
    for (name, command) in &commands {
        let has = command.get_arguments().any(|argument| argument.get_id() == "json");
        let without = WITHOUT.iter().any(|(known, _)| known == name);
        assert_eq!(has, !without, "{name}: it has --json, or the reason why not is in the list");
    }
    for (name, _) in WITHOUT {
        assert!(commands.iter().any(|(known, _)| known == name), "{name} is no command any more");
    }
}

#[test]
fn every_command_that_asks_the_account_says_its_exit_statuses() {
    for (name, command) in all() {
        let does = command.get_arguments().any(|argument| argument.get_long() == Some("as"));
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if does {
            assert!(help.contains("Exit status: 0"), "{name}: {help}");
            assert!(help.contains("longshore "), "{name} has an example: {help}");
        }
    }
}
