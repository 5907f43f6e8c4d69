//! What is done with containers: pull, run, look, stop, remove.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::process::Command;

use super::{Engine, EngineError, Kind, LABEL};
use crate::logs::{Line, timed};

/// A container that is to be started.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Launch {
    /// Its name, unique on the machine.
    pub name: String,
    /// The image's reference.
    pub image: String,
    /// Replaces the image's entry point; its further words come before `command`.
    pub entry_point: Vec<String>,
    /// Replaces the image's command.
    pub command: Vec<String>,
    /// The environment, in addition to the image's.
    pub environment: Vec<(String, String)>,
    /// A user's name or number, with or without a group.
    pub user: Option<String>,
    /// The directory in which it starts.
    pub directory: Option<String>,
    /// The root file system cannot be written to.
    pub read_only: bool,
    /// A small first process passes signals on and collects what is left over.
    pub init: bool,
    /// Volumes that the task's containers share.
    pub volumes: Vec<Volume>,
    /// The network.
    pub network: Network,
}

/// A named volume in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// The volume's name.
    pub name: String,
    /// Where it appears in the container.
    pub path: String,
    /// It cannot be written to there.
    pub read_only: bool,
}

/// How a container is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// A network of its own, these container ports reachable at ports of 127.0.0.1 that the system chooses.
    Own(Vec<u16>),
    /// The network of another container, as containers of one task share it in `awsvpc` mode.
    Of(String),
}

impl Default for Network {
    fn default() -> Self {
        Self::Own(Vec::new())
    }
}

impl Engine {
    /// Makes an image present: local images (`localhost/…`) and digests that are here are not asked for again.
    pub async fn pull(&self, image: &str) -> Result<(), EngineError> {
        let settled = image.contains("@sha256:") || image.starts_with("localhost/");
        if settled && self.output(&["image", "inspect", "--format", "x", image]).await.is_ok() {
            return Ok(());
        }
        self.output(&["pull", "--quiet", image]).await.map(drop)
    }

    /// The digest of an image that is present: that of its reference, else that which the engine knows.
    pub async fn digest(&self, image: &str) -> Option<String> {
        if let Some((_, digest)) = image.split_once('@') {
            return Some(digest.to_owned());
        }
        let digests = self.output(&["image", "inspect", "--format", "{{json .RepoDigests}}", image]).await.ok()?;
        let digests: Value = serde_json::from_str(&digests).ok()?;
        digests[0].as_str()?.split_once('@').map(|(_, digest)| digest.to_owned())
    }

    /// Starts a container in the background and gives its id.
    pub async fn run(&self, launch: &Launch) -> Result<String, EngineError> {
        self.output(&self.arguments(launch)).await
    }

    fn arguments(&self, launch: &Launch) -> Vec<String> {
        let mut words: Vec<String> = vec!["run".into(), "--detach".into(), "--name".into(), launch.name.clone()];
        let mut option = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
        option("--label", &format!("{LABEL}={}", self.label()));
        option("--pull", "never");
        match self.kind() {
            Kind::Docker => option("--log-driver", "json-file"),
            Kind::Podman => option("--log-driver", "k8s-file"),
        }
        match &launch.network {
            Network::Own(ports) => {
                for port in ports {
                    option("--publish", &format!("127.0.0.1::{port}"));
                }
            }
            Network::Of(owner) => option("--network", &format!("container:{owner}")),
        }
        for (name, value) in &launch.environment {
            option("--env", &format!("{name}={value}"));
        }
        for volume in &launch.volumes {
            let mode = if volume.read_only { ":ro" } else { "" };
            option("--volume", &format!("{}:{}{mode}", volume.name, volume.path));
        }
        if let Some(user) = &launch.user {
            option("--user", user);
        }
        if let Some(directory) = &launch.directory {
            option("--workdir", directory);
        }
        if let Some(program) = launch.entry_point.first() {
            option("--entrypoint", program);
        }
        if launch.read_only {
            words.push("--read-only".into());
        }
        if launch.init {
            words.push("--init".into());
        }
        words.push(launch.image.clone());
        words.extend(launch.entry_point.iter().skip(1).cloned());
        words.extend(launch.command.iter().cloned());
        words
    }

    /// Which address of this machine leads to which port of a container.
    pub async fn ports(&self, name: &str) -> Result<BTreeMap<u16, SocketAddr>, EngineError> {
        let text = self.output(&["port", name]).await?;
        Ok(text.lines().filter_map(mapping).collect())
    }

    /// Waits until a container ends and gives its exit code.
    pub async fn wait(&self, name: &str) -> Result<i32, EngineError> {
        let text = self.output(&["wait", name]).await?;
        Ok(text.lines().last().and_then(|code| code.trim().parse().ok()).unwrap_or(-1))
    }

    /// Runs a command in a container; true when it ends with status 0 within `timeout`.
    pub async fn check(&self, name: &str, words: &[String], timeout: Duration) -> bool {
        let mut command: Command = self.command();
        command.arg("exec").arg(name).args(words);
        matches!(tokio::time::timeout(timeout, command.output()).await, Ok(Ok(output)) if output.status.success())
    }

    /// Asks a container to end: its image's stop signal, SIGTERM without one.
    ///
    /// Not the engine's own `stop`, which waits: podman, killed while it waits, leaves a container that it can no longer end.
    pub async fn stop(&self, name: &str) {
        let signal = match self.inspect(name).await {
            Ok(container) => match &container["Config"]["StopSignal"] {
                Value::String(signal) if !signal.is_empty() => signal.clone(),
                Value::Number(signal) => signal.to_string(),
                _ => "TERM".to_owned(),
            },
            Err(_) => return,
        };
        self.signal(name, &signal).await;
    }

    /// Ends a container at once.
    pub async fn kill(&self, name: &str) {
        self.signal(name, "KILL").await;
    }

    async fn signal(&self, name: &str, signal: &str) {
        if let Err(error) = self.output(&["kill", "--signal", signal, name]).await {
            tracing::debug!(container = name, signal, %error, "cannot signal");
        }
    }

    /// What a container wrote, standard output and standard error in the order of their times; nothing where it is not there.
    pub async fn logs(&self, name: &str) -> Vec<Line> {
        // What ran at this moment may have written more since; what has ended has not.
        let Ok(container) = self.inspect(name).await else { return Vec::new() };
        let ended = container["State"]["Running"] != true;
        let with_times = self.raw(&["logs", "--timestamps", name]).await;
        let plain = self.raw(&["logs", name]).await;
        let (Ok(with_times), Ok(plain)) = (with_times, plain) else { return Vec::new() };
        let lines = |with_times: &[u8], plain: &[u8]| {
            timed(&String::from_utf8_lossy(with_times), &String::from_utf8_lossy(plain), ended)
        };
        let mut all = lines(&with_times.stdout, &plain.stdout);
        all.extend(lines(&with_times.stderr, &plain.stderr));
        all.sort_by_key(|line| line.at);
        all
    }

    /// Everything that the engine knows about a container.
    pub async fn inspect(&self, name: &str) -> Result<Value, EngineError> {
        let text = self.output(&["inspect", "--type", "container", name]).await?;
        let list: Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(list[0].clone())
    }

    /// Removes containers, running or not, and the volumes that are named.
    pub async fn remove(&self, names: &[String], volumes: &[String]) {
        // Docker kills what still runs; podman would first wait ten seconds for it to heed SIGTERM.
        let at_once: &[&str] = if self.kind() == Kind::Podman { &["--time", "0"] } else { &[] };
        for name in names {
            // A container on whose network another lives can only go after it: the caller gives them in that order.
            if let Err(error) = self.output(&[&["rm", "--force", "--volumes"], at_once, &[name]].concat()).await {
                tracing::debug!(container = name, %error, "cannot remove");
            }
        }
        for volume in volumes {
            let _ = self.output(&["volume", "rm", "--force", volume]).await;
        }
    }

    /// Every container of this stack, running or not, the youngest first.
    pub async fn containers(&self) -> Vec<String> {
        let filter = format!("label={LABEL}={}", self.label());
        let text =
            self.output(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]).await.unwrap_or_default();
        text.lines().map(|line| line.trim().to_owned()).filter(|id| !id.is_empty()).collect()
    }

    /// Removes every container that this stack made.
    pub async fn remove_all(&self) {
        for _ in 0..3 {
            let containers = self.containers().await;
            if containers.is_empty() {
                return;
            }
            for id in &containers {
                self.kill(id).await;
            }
            self.remove(&containers, &[]).await;
        }
        tracing::warn!(label = self.label(), "some containers could not be removed");
    }
}

/// `80/tcp -> 127.0.0.1:41985`.
fn mapping(line: &str) -> Option<(u16, SocketAddr)> {
    let (inside, outside) = line.split_once(" -> ")?;
    let port = inside.split('/').next()?.parse().ok()?;
    Some((port, outside.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_mapping_is_read() {
        let expected = (80, "127.0.0.1:41985".parse().expect("an address"));
        assert_eq!(mapping("80/tcp -> 127.0.0.1:41985"), Some(expected));
        assert_eq!(mapping("80/tcp"), None);
    }

    #[test]
    fn an_entry_point_of_several_words_comes_before_the_command() {
        let engine = Engine::new(Kind::Podman, "test", BTreeMap::new());
        let launch = Launch {
            name: "n".into(),
            image: "i".into(),
            entry_point: vec!["sh".into(), "-c".into()],
            command: vec!["true".into()],
            ..Launch::default()
        };
        let words = engine.arguments(&launch);
        assert!(words.join(" ").ends_with("--entrypoint sh i -c true"), "{words:?}");
    }
}
