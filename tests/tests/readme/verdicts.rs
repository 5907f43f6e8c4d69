//! What becomes of each command of the documents. The first entry that a command begins with counts.

/// What becomes of a command.
pub enum Verdict {
    /// It runs as it stands, in a directory with a `longshore.toml` and a payload.
    Offline,
    /// It runs as it stands but for `--local=DIR` at its end, which names a local stack.
    Stack,
    /// It does not run here: why.
    Listed(&'static str),
}

use Verdict::{Listed, Offline, Stack};

/// Releases, tasks and numbers in examples are those of a story; the same commands run with real ones in `end_to_end`.
const STORY: &str =
    "names a release of the page's story; end_to_end/commands.rs runs the same with releases that are there";
const AWS: &str = "needs an AWS account";
const SLOW: &str = "one of the checks that this test is among, or longer than all of them";
const IN_A_BUILD: &str = "runs inside a build, whose variables it needs: end_to_end/curl.rs runs such reports";

/// By the beginning of a command.
pub const KNOWN: &[(&str, Verdict)] = &[
    ("sam ", Listed(AWS)),
    ("ARN=\"$(aws ", Listed(AWS)),
    ("URL=\"$(aws ", Listed(AWS)),
    ("scripts/redrive ", Listed("reads a queue of an AWS account; contract/redrive.rs runs it with what it would get")),
    ("export GITHUB_SECRET=", Listed("a step of a block that needs an AWS account")),
    ("read -rs ", Listed("asks whoever types")),
    ("aws ", Listed(AWS)),
    ("LONGSHORE_TABLE=\"$(aws ", Listed(AWS)),
    ("export PATH=", Listed("the program that is built is found all the same")),
    ("WEBHOOK_SECRET=", Listed("a step of a block that needs an AWS account")),
    ("unset ", Listed("a step of a block that needs an AWS account")),
    ("git ", Listed("in a repository of the reader's")),
    ("longshore init", Listed("asks, or writes files that are there already: installing/init.rs runs the same")),
    ("longshore check", Offline),
    (
        "longshore doctor",
        Listed("needs an AWS account: installing/doctor.rs runs the same against moto, and with --local"),
    ),
    ("curl ", Listed(IN_A_BUILD)),
    (
        "\"$CHECKOUT/target/quick/longshore\" local",
        Listed("takes fixed ports and runs until Ctrl-C; every end-to-end test runs the same stack"),
    ),
    ("longshore local ", Listed("takes fixed ports and runs until Ctrl-C; every end-to-end test runs the same stack")),
    ("cargo ", Listed(SLOW)),
    ("make ", Listed(SLOW)),
    ("scripts/fuzz ", Listed("needs a nightly toolchain")),
    ("longshore task-definition ", Listed("its digest is abridged; commands/task_definition.rs runs the same")),
    ("longshore explain --source ", Offline),
    ("longshore explain --delivery ", Listed("names a table; end_to_end/explained.rs runs the same")),
    ("longshore explain --release ", Listed("names a release; end_to_end/explained.rs runs the same")),
    ("source <(longshore completions ", Offline),
    ("longshore man --directory ", Offline),
    ("longshore man ", Listed("man may not be installed; the pages are written by --directory")),
    ("longshore releases", Stack),
    ("longshore environments", Stack),
    ("longshore logs ", Stack),
    ("longshore lock ", Stack),
    ("longshore unlock ", Stack),
    ("longshore secrets list", Stack),
    ("longshore secrets rotate github < new.txt", Stack),
    ("longshore secrets rotate github --finish", Stack),
    ("longshore build web", Stack),
    ("longshore release ", Listed(STORY)),
    ("longshore rollback ", Listed(STORY)),
    ("longshore deploy ", Listed(STORY)),
    ("longshore approve ", Listed(STORY)),
    ("longshore cancel ", Listed(STORY)),
    ("longshore retry ", Listed(STORY)),
    ("longshore continue ", Listed(STORY)),
    ("longshore diff ", Listed(STORY)),
    ("longshore trace ", Listed(STORY)),
];
