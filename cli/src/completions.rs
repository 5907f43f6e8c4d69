//! `longshore completions`: what a shell offers while a command is being typed.
//!
//! A shell's script asks the program itself, with [`VARIABLE`] set, so that pipelines and environments are those of the `longshore.toml` in the
//! directory of whoever types. No account is asked.

use std::{io::Write as _, process::ExitCode};

use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCandidates, CompletionCandidate},
    env::Shells,
};
use longshore_core::config::Config;

/// The variable by which a shell's script asks. Its value is the shell's name.
const VARIABLE: &str = "LONGSHORE_COMPLETE";

const EXAMPLE: &str = "\
Examples:
  source <(longshore completions bash)                               in ~/.bashrc
  source <(longshore completions zsh)                                in ~/.zshrc, after compinit
  longshore completions fish > ~/.config/fish/completions/longshore.fish

The script asks the program itself, so that it stays right after an update, and offers the pipelines and environments of the longshore.toml \
in the current directory.

Exit status: 0 when it was written.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The shell.
    shell: Shell,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

impl Shell {
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Elvish => "elvish",
            Self::Powershell => "powershell",
        }
    }
}

/// Answers a shell's script and ends the program, where one asks. To be called before anything else.
pub fn answer(command: impl Fn() -> clap::Command) {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    std::io::stdout().write_all(&script(arguments.shell)?)?;
    Ok(ExitCode::SUCCESS)
}

/// What a shell has to read.
fn script(shell: Shell) -> anyhow::Result<Vec<u8>> {
    let (name, shells) = (shell.name(), Shells::builtins());
    let shell = shells.completer(name).ok_or_else(|| anyhow::anyhow!("there are no completions for {name}"))?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "longshore", "longshore", "longshore", &mut script)?;
    Ok(script)
}

/// The pipelines of the configuration here.
pub fn pipelines() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(&config(), true, false))
}

/// The environments of the configuration here.
pub fn environments() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(&config(), false, true))
}

/// Both, where either may follow.
pub fn places() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(&config(), true, true))
}

/// The configuration of the current directory; nothing is offered where there is none.
fn config() -> Config {
    let text = std::fs::read_to_string("longshore.toml").unwrap_or_default();
    Config::read(&text).unwrap_or_default()
}

fn candidates(config: &Config, pipelines: bool, environments: bool) -> Vec<CompletionCandidate> {
    let mut names: Vec<&str> = Vec::new();
    for pipeline in config.pipelines() {
        names.extend(Some(pipeline.name.as_str()).filter(|_| pipelines));
        names.extend(pipeline.environments.iter().map(|one| one.name.as_str()).filter(|_| environments));
    }
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(CompletionCandidate::new).collect()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_has_a_script_that_asks_the_program() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell).expect("a script")).expect("text");
            assert!(script.contains(VARIABLE) && script.contains("longshore"), "{shell:?}: {script}");
        }
    }

    #[test]
    fn pipelines_and_environments_are_offered_once_each() {
        let pipeline = |name: &str| {
            format!(
                "[[pipeline]]\nname = \"{name}\"\nrepository = \"github.com/acme/{name}\"\nbranches = [\"main\"]\nproject = \"build\"\n\
                 image = \"web\"\nenvironment = [{{ name = \"production\", cluster = \"{name}\", services = [\"s\"] }}]\n"
            )
        };
        let config = Config::read(&(pipeline("web") + &pipeline("api"))).expect("a configuration");
        let names = |pipelines, environments| {
            let found = candidates(&config, pipelines, environments);
            found.iter().map(|one| one.get_value().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(true, false), ["api", "web"]);
        assert_eq!(names(false, true), ["production"]);
        assert_eq!(names(true, true), ["api", "production", "web"]);
    }
}
