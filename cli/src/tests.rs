//! The commands as a whole: their arguments, what programs can read of them, what the documents say of them, and what Slack's commands say.

mod alike;
mod documented;
mod programs;

use clap::CommandFactory as _;

#[test]
fn the_arguments_of_all_commands_are_consistent() {
    crate::Arguments::command().debug_assert();
}
