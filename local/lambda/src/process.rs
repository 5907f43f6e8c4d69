//! Child processes: each is ended by its own id, and none outlives its owner.

use std::{io, os::unix::process::ExitStatusExt, process::ExitStatus, process::Stdio, time::Duration};

use nix::{
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};
use tokio::{
    process::{ChildStderr, ChildStdout, Command},
    sync::{mpsc, watch},
};

const UNEXPLAINED: &str = "Runtime exited without providing a reason";

/// A running program. Dropping it kills the program.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    group: Pid,
    exit: watch::Receiver<Option<String>>,
    signals: mpsc::UnboundedSender<Signal>,
}

impl Process {
    /// Starts a program in a process group of its own, so that a Ctrl-C in the terminal reaches only us and the end is orderly.
    pub fn spawn(mut command: Command) -> io::Result<(Self, ChildStdout, ChildStderr)> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let gone = || io::Error::other("the process ended at once");
        let pid = child.id().ok_or_else(gone)?;
        let group = i32::try_from(pid).map(Pid::from_raw).map_err(io::Error::other)?;
        let output = child.stdout.take().ok_or_else(gone)?;
        let errors = child.stderr.take().ok_or_else(gone)?;
        let (exited, exit) = watch::channel(None);
        let (signals, mut requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let status = loop {
                // The process is not reaped before `wait` says so: until then its id cannot belong to another.
                tokio::select! {
                    status = child.wait() => break status,
                    signal = requests.recv() => {
                        let _ = killpg(group, signal.unwrap_or(Signal::SIGKILL));
                        if signal.is_none() {
                            break child.wait().await;
                        }
                    }
                }
            };
            exited.send_replace(Some(wording(&status)));
        });
        Ok((Self { pid, group, exit, signals }, output, errors))
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still runs. The system is asked, since news of a death may not have come yet; it is not reaped by this.
    pub fn alive(&self) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        self.exit.borrow().is_none() && waitid(Id::Pid(self.group), flags) == Ok(WaitStatus::StillAlive)
    }

    /// Waits for its end; says how it ended in Lambda's words.
    pub fn exited(&self) -> impl Future<Output = String> + Send + use<> {
        let mut exit = self.exit.clone();
        async move {
            match exit.wait_for(Option::is_some).await {
                Ok(reason) => reason.clone().unwrap_or_default(),
                Err(_) => UNEXPLAINED.to_owned(),
            }
        }
    }

    /// Kills it, and waits for its end.
    pub async fn kill(&self) {
        let _ = self.signals.send(Signal::SIGKILL);
        self.exited().await;
    }

    /// Asks it to end, kills it after `grace`, and waits for its end.
    pub async fn end(&self, grace: Duration) {
        let _ = self.signals.send(Signal::SIGTERM);
        if tokio::time::timeout(grace, self.exited()).await.is_err() {
            self.kill().await;
        }
    }
}

fn wording(status: &io::Result<ExitStatus>) -> String {
    let code = status.as_ref().ok().and_then(ExitStatus::code).filter(|code| *code != 0);
    let signal = status.as_ref().ok().and_then(ExitStatusExt::signal).and_then(|number| Signal::try_from(number).ok());
    match (code, signal) {
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(signal)) => {
            // Lambda is written in Go: these are Go's names for the signals.
            let name = match signal {
                Signal::SIGKILL => "killed",
                Signal::SIGTERM => "terminated",
                Signal::SIGINT => "interrupt",
                Signal::SIGHUP => "hangup",
                Signal::SIGQUIT => "quit",
                Signal::SIGABRT => "aborted",
                Signal::SIGSEGV => "segmentation fault",
                Signal::SIGBUS => "bus error",
                Signal::SIGILL => "illegal instruction",
                Signal::SIGFPE => "floating point exception",
                Signal::SIGPIPE => "broken pipe",
                Signal::SIGTRAP => "trace/breakpoint trap",
                other => other.as_str(),
            };
            format!("Runtime exited with error: signal: {name}")
        }
        (None, None) => UNEXPLAINED.to_owned(),
    }
}
