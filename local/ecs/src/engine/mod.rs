//! The container engine: docker where its daemon answers, else podman, driven through its command line.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::process::Command;

mod containers;
mod settings;

pub use containers::{Launch, Network, Volume};

/// Which engine runs the containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Docker's daemon.
    Docker,
    /// Podman, which needs no daemon.
    Podman,
}

impl Kind {
    /// The name of the program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// Why the engine could not do what was asked; each is a sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Neither docker nor podman works.
    #[error("no container engine: install podman and buildah (apt-get install podman buildah runc) or start docker{0}")]
    None(String),
    /// The generated settings could not be written.
    #[error("cannot write the container engine's settings: {0}")]
    Settings(String),
    /// The program could not be started.
    #[error("cannot run {program}: {reason}")]
    Program {
        /// `docker` or `podman`.
        program: &'static str,
        /// What the system says.
        reason: String,
    },
    /// The program ran and refused.
    #[error("{message}")]
    Failed {
        /// The program's exit status; 125, 126 and 127 of `run` are the engine's own.
        status: i32,
        /// The last line of what it said.
        message: String,
    },
}

/// A container engine, with the label of the stack whose containers it makes.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    label: String,
    environment: BTreeMap<String, String>,
}

/// The label that every container of a stack carries.
const LABEL: &str = "longshore.stack";

impl Engine {
    /// Docker where its daemon answers, else podman. `directory` takes podman's generated settings, `registries` are the
    /// `host:port` addresses to be spoken to in plain HTTP, `label` tells this stack's containers from another's.
    pub async fn detect(directory: &Path, registries: &[String], label: &str) -> Result<Self, EngineError> {
        // As scripts/container-engine has it: a variable says which, where both are there.
        let wanted = std::env::var("LONGSHORE_ENGINE").unwrap_or_default();
        if wanted != "podman" && answers("docker", &["info", "--format", "{{.ServerVersion}}"]).await.is_ok() {
            let environment = BTreeMap::from([("CONTAINER_ENGINE".to_owned(), "docker".to_owned())]);
            return Ok(Self::new(Kind::Docker, label, environment));
        }
        let host = match answers("podman", &["info", "--format", "{{.Host.CgroupsVersion}}"]).await {
            Ok(text) => text,
            Err(None) => return Err(EngineError::None(String::new())),
            Err(Some(reason)) => return Err(EngineError::None(format!(" (podman: {reason})"))),
        };
        let directory = absolute(directory);
        let environment = settings::write(&directory, registries, host.trim())
            .await
            .map_err(|error| EngineError::Settings(error.to_string()))?;
        Ok(Self::new(Kind::Podman, label, environment))
    }

    /// An engine with settings of the caller's, without a look whether it works.
    pub fn new(kind: Kind, label: &str, environment: BTreeMap<String, String>) -> Self {
        Self(Arc::new(Inner { kind, label: label.into(), environment }))
    }

    /// Which engine this is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The label that was given to [`Engine::detect`].
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// What a shell needs in its environment so that plain `podman build`, `run` and `push` (or docker's) work in a build.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.0.environment.clone()
    }

    /// The engine's program with its settings; it is killed when its future is dropped.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.0.kind.program());
        command.envs(&self.0.environment).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs the program and gives its standard output, trimmed.
    pub async fn output<S: AsRef<str>>(&self, arguments: &[S]) -> Result<String, EngineError> {
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let output = self.raw(&arguments).await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(EngineError::Failed { status: output.status.code().unwrap_or(-1), message: last_line(&output.stderr) })
    }

    async fn raw(&self, arguments: &[&str]) -> Result<Output, EngineError> {
        let program = self.0.kind.program();
        self.command()
            .args(arguments)
            .output()
            .await
            .map_err(|error| EngineError::Program { program, reason: error.to_string() })
    }
}

/// The last line that says something, without the words that only podman understands.
fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.trim().trim_start_matches("Error: ").trim_start_matches("docker: ").to_owned()
}

/// For how long an engine may think about how it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// `Err(None)` when the program is missing, `Err(Some(reason))` when it does not answer.
async fn answers(program: &str, arguments: &[&str]) -> Result<String, Option<String>> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let Ok(output) = tokio::time::timeout(PATIENCE, output).await else {
        return Err(Some(format!("{program} did not answer within {} s", PATIENCE.as_secs())));
    };
    let output = output.map_err(|_| None)?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    // `docker info --format` prints an empty line and, depending on the version, still succeeds without a daemon.
    if output.status.success() && !text.is_empty() { Ok(text) } else { Err(Some(last_line(&output.stderr))) }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
