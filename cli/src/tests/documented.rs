//! What the documents and the examples of `--help` tell people to type is what the program takes.

use std::{fs, path::Path};

use clap::{Command, CommandFactory as _, Parser as _};

use crate::Arguments;

/// A command as a document has it.
#[derive(Debug, PartialEq, Eq)]
struct Typed {
    /// Where: the file and the line, or the command whose help it is in.
    place: String,
    /// The words after `longshore`.
    words: Vec<String>,
    /// Whether it stands between ticks.
    in_a_sentence: bool,
}

impl Typed {
    /// Whether some of it stands for something, or was left out: then its command and its options are looked at alone.
    fn is_pattern(&self) -> bool {
        let stands = |word: &String| {
            let letters = word.chars().filter(|c| c.is_alphabetic()).count();
            word.contains(['…', '[', ']', '<', '>', '|'])
                || (letters > 1
                    && !word.starts_with('-')
                    && word.chars().all(|c| !c.is_lowercase() && c != '#')
                    && !is_id(word))
        };
        self.words.iter().any(stands)
    }

    /// Whether it only names a command, in a sentence.
    fn is_name(&self) -> bool {
        let program = Arguments::command();
        let mut command = &program;
        self.in_a_sentence
            && self.words.iter().all(|word| {
                let below = command.find_subcommand(word);
                command = below.unwrap_or(command);
                below.is_some()
            })
    }

    /// Why the program does not take it.
    fn wrong(&self) -> Option<String> {
        if self.is_pattern() || self.is_name() {
            return self.wrong_pattern();
        }
        match Arguments::try_parse_from(std::iter::once("longshore").chain(self.words.iter().map(String::as_str))) {
            Ok(_) => None,
            Err(error) if !error.use_stderr() => None,
            Err(error) => Some(error.to_string()),
        }
    }

    fn wrong_pattern(&self) -> Option<String> {
        let mut program = Arguments::command();
        program.build();
        let (mut command, mut at_top): (&Command, bool) = (&program, true);
        for word in self.words.iter().flat_map(|word| word.split('|')) {
            let word = word.trim_matches(['[', ']']);
            if let Some(below) = command.find_subcommand(word) {
                (command, at_top) = (below, false);
            } else if at_top && !word.starts_with('-') && word != "COMMAND" {
                return Some(format!("there is no command {word}"));
            } else if let Some(option) = word.strip_prefix("--") {
                let name = option.split(['=', '[']).next().unwrap_or_default();
                let is_known = |argument: &clap::Arg| argument.get_long() == Some(name) || name == "help";
                if !command.get_arguments().any(is_known) {
                    return Some(format!("{} has no option --{name}", command.get_name()));
                }
            }
        }
        None
    }
}

fn is_id(word: &str) -> bool {
    word.len() == 26 && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// The commands of a line that begin with `longshore`: what a shell would take for one, without comments, redirections and what follows a pipe.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let (mut word, mut quote, mut begun) = (String::new(), None, false);
    let push = |commands: &mut Vec<Vec<String>>, word: &mut String, begun: &mut bool| {
        if std::mem::take(begun) {
            commands.last_mut().expect("one").push(std::mem::take(word));
        }
    };
    for c in line.chars() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (Some(_), c) => word.push(c),
            // A comment begins where a word does.
            (None, '#') if !begun => break,
            (None, '|' | ';' | '&' | '<' | '>' | '(' | ')') => {
                push(&mut commands, &mut word, &mut begun);
                commands.push(Vec::new());
            }
            (None, c) if c.is_whitespace() => push(&mut commands, &mut word, &mut begun),
            (None, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    push(&mut commands, &mut word, &mut begun);
    let is_ours =
        |words: &Vec<String>| words.first().is_some_and(|name| name == "longshore" || name.ends_with("/longshore"));
    let without_prompt = |mut words: Vec<String>| {
        if words.first().is_some_and(|word| word == "$") {
            words.remove(0);
        }
        words
    };
    commands.into_iter().map(without_prompt).filter(is_ours).map(|words| words[1..].to_vec()).collect()
}

/// Those of a document: in its blocks, and between its ticks.
fn of_document(name: &str, text: &str) -> Vec<Typed> {
    let (mut found, mut in_block, mut open) = (Vec::new(), false, String::new());
    for (number, line) in text.lines().enumerate() {
        let place = || format!("{name}:{}", number + 1);
        let mut typed = |text: &str| {
            found.extend(commands(text).into_iter().map(|words| Typed { place: place(), words, in_a_sentence: false }));
        };
        if line.trim_start().starts_with("```") {
            (in_block, open) = (!in_block, String::new());
        } else if in_block {
            open += line.trim();
            if let Some(begun) = open.strip_suffix('\\').or(open.strip_suffix('|')) {
                // What is before a pipe is another program's.
                open = if open.ends_with('|') { String::new() } else { format!("{begun} ") };
            } else {
                typed(&std::mem::take(&mut open));
            }
        } else {
            for inline in line.split('`').skip(1).step_by(2).filter(|inline| inline.starts_with("longshore ")) {
                // In a table a bar is escaped.
                let words = inline.replace("\\|", "|").split_whitespace().skip(1).map(str::to_owned).collect();
                found.push(Typed { place: place(), words, in_a_sentence: true });
            }
        }
    }
    found
}

/// The examples of each command's help: after three spaces they have a remark.
fn of_help(command: &Command, name: &str) -> Vec<Typed> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut found = Vec::new();
    for line in help.lines().filter(|line| line.starts_with("  ")) {
        let line = line.trim();
        let line = line.split("   ").next().unwrap_or_default();
        found.extend(commands(line).into_iter().map(|words| Typed {
            place: format!("{name} --help"),
            words,
            in_a_sentence: false,
        }));
    }
    for below in command.get_subcommands() {
        found.extend(of_help(below, &format!("{name} {}", below.get_name())));
    }
    found
}

#[test]
fn what_the_documents_and_the_help_tell_people_to_type_is_taken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut files = vec![root.join("README.md")];
    let pages = fs::read_dir(root.join("docs")).expect("docs").flatten().map(|page| page.path());
    files.extend(pages.filter(|page| page.extension().is_some_and(|kind| kind == "md")));
    files.sort();
    let mut typed = of_help(&Arguments::command(), "longshore");
    assert!(typed.len() > 30, "examples were found: {}", typed.len());
    for file in &files {
        let name = file.strip_prefix(root).expect("a file of ours").display().to_string();
        typed.extend(of_document(&name, &fs::read_to_string(file).expect("a document")));
    }
    assert!(typed.iter().any(|one| one.place.starts_with("README.md")), "the README was read");
    let wrong = typed.iter().filter_map(|one| Some((one, one.wrong()?)));
    let wrong: Vec<String> =
        wrong.map(|(one, why)| format!("{}: longshore {}\n{why}", one.place, one.words.join(" "))).collect();
    assert!(wrong.is_empty(), "{} of {} are not taken:\n{}", wrong.len(), typed.len(), wrong.join("\n"));
}

#[test]
fn commands_are_found_as_a_shell_would_find_them() {
    let words = |line: &str| commands(line).iter().map(|words| words.join(",")).collect::<Vec<_>>();
    assert_eq!(words("$ longshore lock web production --reason 'the tide'"), ["lock,web,production,--reason,the tide"]);
    assert_eq!(words("longshore explain --source github < payload.json   # here"), ["explain,--source,github"]);
    assert_eq!(words("source <(longshore completions bash)"), ["completions,bash"]);
    assert_eq!(words("\"$CHECKOUT/target/quick/longshore\" local"), ["local"]);
    assert_eq!(words("longshore release web#12 | jq ."), ["release,web#12"]);
    assert!(words("the program longshore").is_empty());
}

#[test]
fn a_command_or_an_option_that_is_not_there_is_noticed() {
    let typed = |line: &str| Typed { place: String::new(), words: commands(line).remove(0), in_a_sentence: false };
    for wrong in [
        "longshore rolback web",
        "longshore rollback web production --now",
        "longshore rolback PIPELINE",
        "longshore rollback PIPELINE --now",
    ] {
        assert!(typed(wrong).wrong().is_some(), "{wrong}");
    }
    for right in [
        "longshore rollback web production",
        "longshore rollback PIPELINE ENVIRONMENT",
        "longshore secrets rotate KEY --finish",
    ] {
        assert_eq!(typed(right).wrong(), None, "{right}");
    }
}
