//! Getting the source: a fresh clone at the asked version, with git as a child process and no shell between.
//!
//! Locations and versions come from outside. A location stands behind `--`; a version is only ever used inside a full
//! reference name, or as a commit id of hexadecimal digits; so neither can be read as an option.

use std::{collections::BTreeMap, io, path::Path, process::Stdio};

use tokio::process::Command;

use crate::{log::Log, process::Processes, shell::Output};

/// Why there is no source.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What `CodeBuild` reports as `CLIENT_ERROR`.
    #[error("{0}")]
    Client(String),
    #[error("git cannot be run: {0}")]
    Git(#[from] io::Error),
}

/// Runs git for one build.
#[derive(Debug)]
pub(crate) struct Git<'a> {
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) processes: &'a Processes,
    pub(crate) log: &'a Log,
}

impl Git<'_> {
    /// Clones `location` to the new directory `to` and checks out `version` (a branch, a tag, a commit id, or `pr/7`;
    /// nothing means the default branch). Returns the full commit id.
    pub(crate) async fn checkout(&self, location: &str, version: Option<&str>, to: &Path) -> Result<String, Error> {
        let asked = version.unwrap_or("HEAD");
        let missing = |what: &str| Error::Client(format!("{what} for primary source and source version {asked}"));
        let directory = to.to_string_lossy();
        let cloned = self.git(None, &["clone", "--quiet", "--no-checkout", "--", location, &directory]).await?;
        if cloned.is_none() {
            return Err(missing("repository not found"));
        }
        let Some(commit) = self.resolve(to, version).await? else {
            self.log.say(format!("git checkout {asked}: no such commit, branch or tag"));
            return Err(missing("reference not found"));
        };
        match self.git(Some(to), &["checkout", "--quiet", "--detach", &commit, "--"]).await? {
            Some(_) => Ok(commit),
            None => Err(missing("git checkout failed")),
        }
    }

    async fn resolve(&self, repository: &Path, version: Option<&str>) -> Result<Option<String>, Error> {
        let Some(version) = version else {
            return self.commit(repository, "refs/remotes/origin/HEAD").await;
        };
        let hexadecimal = version.len() >= 4 && version.chars().all(|c| c.is_ascii_hexdigit());
        let full = hexadecimal && matches!(version.len(), 40 | 64);
        if full {
            if let Some(commit) = self.commit(repository, version).await? {
                return Ok(Some(commit));
            }
            // A commit that no branch leads to any more; most hosts still give it to whoever knows its id.
            if self.git(Some(repository), &["fetch", "--quiet", "origin", version]).await?.is_some() {
                return self.commit(repository, version).await;
            }
            return Ok(None);
        }
        if !is_reference(version) {
            return Ok(None);
        }
        if let Some(number) = version.strip_prefix("pr/").filter(|number| number.parse::<u64>().is_ok()) {
            let reference = format!("+refs/pull/{number}/head:refs/remotes/origin/pr/{number}");
            self.git(Some(repository), &["fetch", "--quiet", "origin", &reference]).await?;
        }
        let branch = version.strip_prefix("refs/heads/").unwrap_or(version);
        let tag = version.strip_prefix("refs/tags/").unwrap_or(version);
        for candidate in [format!("refs/remotes/origin/{branch}"), format!("refs/tags/{tag}")] {
            if let Some(commit) = self.commit(repository, &candidate).await? {
                return Ok(Some(commit));
            }
        }
        if hexadecimal { self.commit(repository, version).await } else { Ok(None) }
    }

    async fn commit(&self, repository: &Path, revision: &str) -> Result<Option<String>, Error> {
        let commit = format!("{revision}^{{commit}}");
        let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &commit];
        Ok(self.git(Some(repository), &arguments).await?.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()))
    }

    /// Runs git; gives its output if it succeeded. What it says to standard error goes to the log.
    async fn git(&self, repository: Option<&Path>, arguments: &[&str]) -> Result<Option<String>, io::Error> {
        let mut output = Output::new()?;
        let mut command = Command::new("git");
        command
            .env_clear()
            .envs(self.environment)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
            .args(["-c", "advice.detachedHead=false", "-c", "core.hooksPath=/dev/null"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(output.writer()?);
        if let Some(repository) = repository {
            command.current_dir(repository);
        }
        let child = self.processes.spawn(&mut command)?;
        drop(command);
        let done = output.pump(self.log, child.wait_with_output()).await?;
        output.drain(self.log);
        Ok(done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned()))
    }
}

/// Whether git allows this as (the end of) a reference's name: so `main~1` and `main@{1}` are none.
/// Source: <https://git-scm.com/docs/git-check-ref-format>.
fn is_reference(name: &str) -> bool {
    !name.is_empty()
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(|c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c))
        && !name.ends_with(['/', '.'])
}
