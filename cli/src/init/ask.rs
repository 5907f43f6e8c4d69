//! Questions on a terminal, one line each; where nobody can be asked, the defaults are taken.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use anyhow::bail;

use crate::output::WrongUsage;

/// Asks, or takes defaults.
pub struct Prompts {
    /// Where answers come from; `None` asks nobody.
    input: Option<Box<dyn BufRead>>,
    /// The options that have to be given where nobody is asked.
    missing: Vec<&'static str>,
}

impl Prompts {
    /// Asks on a terminal, unless `quiet`.
    pub fn new(quiet: bool) -> Self {
        let terminal = stdin().is_terminal() && stderr().is_terminal();
        let input = (terminal && !quiet).then(|| Box::new(stdin().lock()) as Box<dyn BufRead>);
        Self { input, missing: Vec::new() }
    }

    /// With these answers.
    #[cfg(test)]
    pub fn answering(answers: &'static str) -> Self {
        Self { input: Some(Box::new(answers.as_bytes())), missing: Vec::new() }
    }

    /// Asking nobody.
    #[cfg(test)]
    pub fn silent() -> Self {
        Self { input: None, missing: Vec::new() }
    }

    /// Whether somebody is asked.
    pub fn asks(&self) -> bool {
        self.input.is_some()
    }

    /// An answer that `complaint` finds nothing wrong with. One that was given as an option is not asked for; where nobody is asked and
    /// there is no default, the option is among those that are missing.
    pub fn ask(
        &mut self,
        option: &'static str,
        question: &str,
        given: Option<String>,
        default: Option<String>,
        complaint: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<String> {
        if let Some(given) = given {
            return match complaint(&given) {
                Some(complaint) => Err(WrongUsage(format!("{option}: {complaint}")).into()),
                None => Ok(given),
            };
        }
        let default = default.filter(|default| complaint(default).is_none());
        if self.input.is_none() {
            if default.is_none() {
                self.missing.push(option);
            }
            return Ok(default.unwrap_or_default());
        }
        loop {
            let shown = default.as_ref().map(|default| format!(" [{default}]")).unwrap_or_default();
            let line = self.line(&format!("{question}{shown}: "))?;
            let answer = match (line.as_str(), &default) {
                ("", Some(default)) => default.clone(),
                _ => line,
            };
            match complaint(&answer) {
                None => return Ok(answer),
                Some(complaint) => anstream::eprintln!("  {complaint}"),
            }
        }
    }

    /// Yes or no; no where nobody is asked.
    pub fn confirm(&mut self, question: &str) -> anyhow::Result<bool> {
        if self.input.is_none() {
            return Ok(false);
        }
        let answer = self.line(&format!("{question} [y/N]: "))?;
        Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// An error that names the options that are missing.
    pub fn complete(&self) -> anyhow::Result<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(WrongUsage(format!("nobody can be asked here: add {}", self.missing.join(", "))).into())
    }

    fn line(&mut self, question: &str) -> anyhow::Result<String> {
        let Some(input) = &mut self.input else { return Ok(String::new()) };
        anstream::eprint!("{question}");
        stderr().flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            bail!("the answers ended: nothing was written");
        }
        Ok(line.trim().to_owned())
    }
}
