//! A bare git repository on this machine, whose hook tells Longshore of each push as its source would.

use std::{
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use longshore_core::push::Source;
use tokio::process::Command;

/// A repository to push to.
#[derive(Debug, Clone)]
pub struct Repository {
    /// `host/owner/name`.
    pub name: String,
    /// Where it is: the URL to push to.
    pub path: PathBuf,
}

impl Repository {
    /// Makes the repository below `directory`, with a `post-receive` hook that runs `longshore hook`.
    pub(crate) async fn make(
        directory: &Path,
        name: &str,
        source: Source,
        program: &Path,
        url: &str,
        secret: &str,
    ) -> anyhow::Result<Self> {
        let path = directory.join("repositories").join(format!("{}.git", name.replace('/', "+")));
        if !path.join("HEAD").exists() {
            git(directory, &["init", "--quiet", "--bare", "--initial-branch=main", "--", &path.to_string_lossy()])
                .await?;
        }
        // The secret goes through a file of its own, not through the command line, which others on the machine can read.
        let settings = path.join("longshore.json");
        let url = format!("{url}/webhooks/{}", source.word());
        let text = serde_json::json!({ "url": url, "repository": name, "secret": secret });
        std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&settings)?
            .write_all(text.to_string().as_bytes())?;
        let hook = path.join("hooks/post-receive");
        let script = format!("#!/bin/sh\nexec {} hook --settings {}\n", quoted(program), quoted(&settings));
        std::fs::create_dir_all(path.join("hooks"))?;
        std::fs::write(&hook, script)?;
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { name: name.to_owned(), path })
    }
}

/// A path as a word of a POSIX shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

/// Runs git, without the user's own settings, and returns what it printed; an error has what it said.
pub(crate) async fn git(directory: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(["-c", "init.templateDir=", "-c", "commit.gpgSign=false", "-c", "core.hooksPath=hooks"])
        .args(arguments)
        .current_dir(directory)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("git could not be run: install it")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        bail!("git {} failed: {}", arguments.first().unwrap_or(&""), said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &said)
}
