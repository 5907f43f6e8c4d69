//! The processes of one build, so that none outlives it.
//!
//! Every process that the stand-in starts leads a process group. A process that leaves its group (`setsid`) is still
//! found by the build id in its environment, where there is a `/proc`; Jenkins finds a build's processes in the same
//! way.

use std::{
    fs, io,
    sync::Mutex,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use tokio::process::{Child, Command};

use crate::lock;

/// How long processes have to end by themselves.
const GRACE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(10);

/// The process groups of one build.
#[derive(Debug)]
pub(crate) struct Processes {
    /// `CODEBUILD_BUILD_ID=…` and a NUL byte, as `/proc/…/environ` shows it.
    mark: Vec<u8>,
    groups: Mutex<Vec<Pid>>,
}

impl Processes {
    /// For the build that has this id in its processes' `CODEBUILD_BUILD_ID`.
    pub(crate) fn new(build: &str) -> Self {
        Self { mark: format!("CODEBUILD_BUILD_ID={build}\0").into_bytes(), groups: Mutex::default() }
    }

    /// Starts a process in a group of its own.
    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let mut groups = lock(&self.groups);
        let child = command.process_group(0).spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        groups.extend(id.map(Pid::from_raw));
        Ok(child)
    }

    /// Ends what is left of the build: asks with SIGTERM, then kills.
    pub(crate) async fn end(&self) {
        let began = Instant::now();
        self.signal(Signal::SIGTERM);
        while self.any_left() && began.elapsed() < GRACE {
            tokio::time::sleep(POLL).await;
        }
        // Once more than needed: a group's last process may lack the mark.
        self.signal(Signal::SIGKILL);
        while !self.marked().is_empty() && began.elapsed() < 2 * GRACE {
            tokio::time::sleep(POLL).await;
            self.signal(Signal::SIGKILL);
        }
        lock(&self.groups).clear();
    }

    /// Whether a process lives. Without `/proc`, zombies count, and the grace is used up.
    fn any_left(&self) -> bool {
        if fs::exists("/proc/self/environ").unwrap_or_default() {
            return !self.marked().is_empty();
        }
        lock(&self.groups).iter().any(|group| killpg(*group, None).is_ok())
    }

    fn signal(&self, signal: Signal) {
        lock(&self.groups).retain(|group| killpg(*group, signal) != Err(Errno::ESRCH));
        for process in self.marked() {
            let _ = kill(process, signal);
        }
    }

    /// The living processes that have the build's id in their environment.
    fn marked(&self) -> Vec<Pid> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries
            .flatten()
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse().ok()?;
                let environment = fs::read(entry.path().join("environ")).ok()?;
                let found = environment.windows(self.mark.len()).any(|window| window == self.mark);
                found.then(|| Pid::from_raw(pid))
            })
            .collect()
    }
}
