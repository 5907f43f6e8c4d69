//! The control plane emulator, moto, as a child process.

use std::{
    collections::VecDeque,
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Command,
    sync::oneshot,
    time::timeout,
};

use crate::process::Process;

/// How long moto may take to come up; a cold disk and a busy machine are slow with Python's modules.
const START: Duration = Duration::from_mins(1);
const GRACE: Duration = Duration::from_secs(2);
const CURE: &str = "install it with `pip install 'moto[server]==5.2.1'`";

/// A running `moto_server`. Dropping it kills the server.
#[derive(Debug)]
pub struct Moto {
    process: Process,
    url: String,
}

impl Moto {
    /// Starts `moto_server` on a port that the system chooses, and waits until it answers. It is looked for in `directory` (a
    /// Python environment, its `bin`, or the program itself), then on the `PATH`.
    pub async fn start(directory: Option<PathBuf>) -> anyhow::Result<Self> {
        let program = find(directory.as_deref())?;
        let mut command = Command::new(&program);
        command.args(["-H", "127.0.0.1", "-p", "0"]).env("PYTHONUNBUFFERED", "1").env_remove("MOTO_PORT");
        let spawned = Process::spawn(command);
        let (process, output, errors) =
            spawned.with_context(|| format!("cannot start {}: {CURE}", program.display()))?;
        tokio::spawn(read(output, None));
        let (announce, announced) = oneshot::channel();
        let reader = tokio::spawn(read(errors, Some(announce)));
        let Ok(url) = timeout(START, announced).await else {
            process.kill().await;
            bail!("{} did not say its port within {} s", program.display(), START.as_secs());
        };
        let Ok(url) = url else {
            let last = reader.await.unwrap_or_default().join("\n  ");
            bail!("{} ended at once: {CURE}\n  {last}", program.display());
        };
        // It prints the address when it listens: one request shows that it answers.
        let http = local_protocol::http();
        let answer = timeout(START, http.get(format!("{url}/moto-api/")).send()).await;
        answer.ok().and_then(Result::ok).with_context(|| format!("{} does not answer at {url}", program.display()))?;
        Ok(Self { process, url })
    }

    /// For example `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Ends it, and waits for its end.
    pub async fn stop(self) {
        self.process.end(GRACE).await;
    }
}

fn find(directory: Option<&Path>) -> anyhow::Result<PathBuf> {
    let given = directory
        .into_iter()
        .flat_map(|place| [place.to_owned(), place.join("moto_server"), place.join("bin").join("moto_server")]);
    let path = env::var_os("PATH").unwrap_or_default();
    let common = env::split_paths(&path).map(|place| place.join("moto_server")).collect::<Vec<_>>();
    let found = given.chain(common).find(|candidate| candidate.is_file());
    found.with_context(|| match directory {
        Some(place) => format!("moto_server is neither in {} nor on the PATH: {CURE}", place.display()),
        None => format!("moto_server is not on the PATH: {CURE}"),
    })
}

/// Reads to the end, announces the address when it comes by, and gives back the last lines.
async fn read(from: impl AsyncRead + Unpin, mut announce: Option<oneshot::Sender<String>>) -> Vec<String> {
    let mut last = VecDeque::new();
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::trace!(target: "moto", "{line}");
        if let Some((_, url)) = line.split_once("Running on ")
            && let Some(announce) = announce.take()
        {
            let _ = announce.send(url.trim().to_owned());
        }
        if last.len() == 10 {
            last.pop_front();
        }
        last.push_back(line);
    }
    last.into()
}
