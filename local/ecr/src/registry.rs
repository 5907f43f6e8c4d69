//! The registry's process: started on a free port, ended with this one.

use std::{
    fs::File,
    io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// Names under which distributions package the registry.
const PROGRAMS: [&str; 2] = ["docker-registry", "registry"];
/// How long the registry may take until it answers.
const START: Duration = Duration::from_secs(20);
/// How long it may take to end when asked.
const STOP: Duration = Duration::from_secs(5);
/// How many ports are tried when others take them first.
const ATTEMPTS: u32 = 5;
/// The header by which the registry that answers is known to be ours.
const IDENTITY: &str = "X-Longshore-Registry";

/// Runs the registry (`"$@"`) until it ends or our end of the pipe at descriptor 3 closes, which happens however we end:
/// a dropped handle, an exit, a signal.
const GUARD: &str = r#"exec 3<&0 </dev/null
"$@" 3<&- & registry=$!
{ read -r _ <&3; kill "$registry"; } 2>/dev/null &
wait "$registry""#;

/// Why the registry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No registry is installed.
    #[error("no container registry is installed: run `apt-get install docker-registry`")]
    Missing,
    /// The directory or its files cannot be written, or a process cannot be started.
    #[error("{path}: {source}; choose a directory that can be written")]
    Directory {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The shell that guards the registry cannot be started.
    #[error("sh cannot be started ({0}); is /bin on the PATH?")]
    Shell(io::Error),
    /// No port of 127.0.0.1 can be bound.
    #[error("no port of 127.0.0.1 can be bound ({0}); is the loopback interface up?")]
    Port(io::Error),
    /// The registry ended by itself, again and again.
    #[error("the container registry ends as soon as it starts ({last}); its log is {log}")]
    Ended {
        /// The last line of its log.
        last: String,
        /// The log.
        log: PathBuf,
    },
    /// The registry runs and does not answer.
    #[error("the container registry did not answer within {} seconds; its log is {log}", START.as_secs())]
    Silent {
        /// The log.
        log: PathBuf,
    },
}

/// A real container registry (Debian's `docker-registry serve config.yml`, or `registry` where that is its name) on a
/// loopback port chosen by the system.
///
/// Dropping it ends the process without waiting; [`Registry::stop`] waits. A shell stands between the two and ends the
/// registry when the pipe to this process closes, so that it does not outlive us even when we are killed. It has a process
/// group of its own: Ctrl-C in a terminal reaches us first.
#[derive(Debug)]
pub struct Registry {
    address: String,
    child: Child,
}

impl Registry {
    /// Starts the registry; images, configuration and log are kept in `directory`, which is created if need be.
    pub async fn start(directory: &Path) -> Result<Self, RegistryError> {
        let program = PROGRAMS.iter().find_map(|name| find(name)).ok_or(RegistryError::Missing)?;
        std::fs::create_dir_all(directory).map_err(at(directory))?;
        let directory = std::path::absolute(directory).map_err(at(directory))?;
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(&program, &directory).await? {
                Attempt::Answers(registry) => return Ok(registry),
                // Most likely another process took the port between our choice and the registry's bind.
                Attempt::Ended(line) => last = line,
            }
        }
        Err(RegistryError::Ended { last, log: directory.join("registry.log") })
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends the registry and waits until it has ended; by force after five seconds.
    pub async fn stop(mut self) {
        drop(self.child.stdin.take());
        let group = self.child.id();
        if timeout(STOP, self.child.wait()).await.is_err()
            && let Some(group) = group.and_then(|id| i32::try_from(id).ok())
        {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            let _ = self.child.wait().await;
        }
    }

    async fn attempt(program: &Path, directory: &Path) -> Result<Attempt, RegistryError> {
        let address = free_address().map_err(RegistryError::Port)?;
        let identity = identity();
        let config = directory.join("config.yml");
        let log = directory.join("registry.log");
        std::fs::write(&config, configuration(directory, &address, &identity)).map_err(at(&config))?;
        let output = File::create(&log).map_err(at(&log))?;
        let child = Command::new("sh")
            .args(["-c", GUARD, "registry-guard"])
            .arg(program)
            .arg("serve")
            .arg(&config)
            .env_clear() // REGISTRY_… variables would override the configuration.
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
            .stdin(Stdio::piped())
            .stdout(output.try_clone().map_err(at(&log))?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .map_err(RegistryError::Shell)?;
        let mut registry = Self { address, child };
        let http = local_protocol::http();
        let url = format!("http://{}/v2/", registry.address);
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if let Ok(Some(_)) = registry.child.try_wait() {
                return Ok(Attempt::Ended(last_line(&log)));
            }
            if let Ok(answer) = http.get(&url).timeout(Duration::from_secs(1)).send().await
                && answer.headers().get(IDENTITY).is_some_and(|value| value == identity.as_str())
            {
                return Ok(Attempt::Answers(registry));
            }
            sleep(Duration::from_millis(20)).await;
        }
        registry.stop().await;
        Err(RegistryError::Silent { log })
    }
}

enum Attempt {
    Answers(Registry),
    Ended(String),
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> RegistryError {
    let path = path.to_path_buf();
    move |source| RegistryError::Directory { path, source }
}

/// A program of the `PATH`.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

fn free_address() -> io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Tells this start from any other on this machine.
fn identity() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", std::process::id(), since.as_nanos())
}

/// Source: <https://distribution.github.io/distribution/about/configuration/>. JSON strings are YAML strings.
fn configuration(directory: &Path, address: &str, identity: &str) -> String {
    let images = serde_json::Value::from(directory.join("images").to_string_lossy());
    format!(
        "version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: {images}
  delete:
    enabled: true
http:
  addr: {address}
  headers:
    {IDENTITY}: [\"{identity}\"]
"
    )
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
}
