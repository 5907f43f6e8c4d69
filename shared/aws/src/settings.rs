//! A function's settings, read once at cold start; every problem is told in one error.

use longshore_core::config::Config;

/// Reads settings through a lookup, so that tests never touch the process's environment.
pub struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

/// Everything that is wrong with the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the function cannot start: {}", .0.join("; "))]
pub struct BadSettings(pub Vec<String>);

impl<'a> Reader<'a> {
    /// A reader over a lookup such as [`environment`].
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    /// A variable that must be there and not be empty.
    pub fn required(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problems.push(format!("the environment variable {name} is missing or empty"));
            String::new()
        })
    }

    /// A variable that may be absent; an empty one counts as absent.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The configuration, from the file that `LONGSHORE_CONFIG` names.
    pub fn config(&mut self) -> Config {
        let file = self.required("LONGSHORE_CONFIG");
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(_) if file.is_empty() => return Config::default(),
            Err(error) => {
                self.problems.push(format!("{file}: {error}"));
                return Config::default();
            }
        };
        Config::read(&text).unwrap_or_else(|problems| {
            self.problems.push(problems.lines(&file).replace('\n', "; "));
            Config::default()
        })
    }

    /// The settings, if nothing was wrong with them.
    pub fn finish<T>(self, settings: T) -> Result<T, BadSettings> {
        if self.problems.is_empty() { Ok(settings) } else { Err(BadSettings(self.problems)) }
    }
}

/// The process's environment.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What every function needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common {
    /// `LONGSHORE_TABLE`: the DynamoDB table.
    pub table: String,
    /// `LONGSHORE_SECRET`: the ARN or name of the secret.
    pub secret: String,
}

impl Common {
    /// Reads `LONGSHORE_TABLE` and `LONGSHORE_SECRET`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self { table: reader.required("LONGSHORE_TABLE"), secret: reader.required("LONGSHORE_SECRET") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_told_at_once() {
        let lookup = |name: &str| (name == "LONGSHORE_TABLE").then(String::new);
        let mut reader = Reader::new(&lookup);
        let common = Common::read(&mut reader);
        reader.config();
        let problems = reader.finish(common).expect_err("problems").to_string();
        for name in ["LONGSHORE_TABLE", "LONGSHORE_SECRET", "LONGSHORE_CONFIG"] {
            assert!(problems.contains(&format!("{name} is missing or empty")), "{problems}");
        }
    }
}
