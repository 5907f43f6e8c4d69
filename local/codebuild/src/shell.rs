//! The shell that runs a build's commands, one after the other, in one process.
//!
//! A small loop in the shell itself reads the number of the next command from one pipe, sources that command's file,
//! and writes the exit status to another pipe; so a command's `cd`, `export` and functions last, and its output cannot
//! be mistaken for the loop's. A command that ends the shell (`exit 3`, `set -e`, a syntax error, `exec`) has the
//! shell's exit status; the next command then gets a new shell with the exported variables and the directory of the
//! last one.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read as _},
    os::fd::{AsFd as _, OwnedFd},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::unix::pipe,
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{log::Log, process::Processes};

/// `STATE` stands for the quoted directory of the shell's state, `RESTORE` for whether to go on from there. Descriptor
/// 3 brings the commands' numbers, 4 takes the statuses; commands see neither. Dash knows one-digit descriptors only.
const LOOP: &str = r#"
exec 3<&0 4>&1 </dev/null 1>&2
codebuild_save() { export -p >STATE/environment; pwd >STATE/directory; }
trap codebuild_save EXIT
if RESTORE && [ -f STATE/environment ]; then . STATE/environment; cd "$(cat STATE/directory)" || :; fi
while IFS=' ' read -r codebuild_command CODEBUILD_BUILD_SUCCEEDING <&3; do
  export CODEBUILD_BUILD_SUCCEEDING
  . STATE/command-"$codebuild_command".sh 3<&- 4>&-
  codebuild_command=$?
  codebuild_save
  echo "$codebuild_command" >&4
done
"#;

/// A pipe holds no more than this by default, so after a command's end there is no more of its output than this.
const PIPE: usize = 64 * 1024;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Status(i32),
    /// The shell itself was killed.
    Signal(i32),
}

impl Exit {
    pub(crate) fn succeeded(self) -> bool {
        self == Self::Status(0)
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        status.code().map_or_else(|| Self::Signal(status.signal().unwrap_or_default()), Self::Status)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "exit status {status}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// Where and with what a shell runs.
#[derive(Debug)]
pub(crate) struct Setting {
    /// `sh` or `bash`.
    pub(crate) program: &'static str,
    /// An existing directory for the shell's own files.
    pub(crate) state: PathBuf,
    /// The checkout.
    pub(crate) directory: PathBuf,
    /// All of the environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// Whether each command gets a new shell that knows nothing of the earlier ones.
    pub(crate) isolated: bool,
}

/// A build's shell.
#[derive(Debug)]
pub(crate) struct Shell<'a> {
    setting: Setting,
    processes: &'a Processes,
    log: &'a Log,
    output: Output,
    running: Option<Running>,
    commands: u32,
}

#[derive(Debug)]
struct Running {
    child: Child,
    commands: ChildStdin,
    statuses: Lines<BufReader<ChildStdout>>,
}

impl<'a> Shell<'a> {
    /// No process runs before the first command.
    pub(crate) fn new(setting: Setting, processes: &'a Processes, log: &'a Log) -> io::Result<Self> {
        Ok(Self { setting, processes, log, output: Output::new()?, running: None, commands: 0 })
    }

    /// Runs one command; its output goes to the log. `succeeding` is what the command finds in
    /// `CODEBUILD_BUILD_SUCCEEDING`.
    pub(crate) async fn run(&mut self, command: &str, succeeding: bool) -> io::Result<Exit> {
        if self.setting.isolated {
            self.running = None;
        }
        self.commands += 1;
        fs::write(self.setting.state.join(format!("command-{}.sh", self.commands)), format!("{command}\n"))?;
        let next = format!("{} {}\n", self.commands, u8::from(succeeding));
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.start()?,
        };
        // A shell that is gone shows below, where its status is missing.
        let _ = running.commands.write_all(next.as_bytes()).await;
        let status = self.output.pump(self.log, running.statuses.next_line()).await;
        let exit = if let Ok(Some(status)) = status {
            self.running = Some(running);
            Exit::Status(status.parse().unwrap_or(1))
        } else {
            // The command may have replaced the shell, and still write.
            let Running { mut child, commands, .. } = running;
            drop(commands);
            self.output.pump(self.log, child.wait()).await?.into()
        };
        self.output.drain(self.log);
        Ok(exit)
    }

    /// The value of a variable, exported or not, after the last command.
    pub(crate) async fn variable(&mut self, name: &str) -> io::Result<Option<String>> {
        let file = self.setting.state.join("variable");
        let _ = fs::remove_file(&file);
        let quoted = quote(&file);
        let command = format!("if [ -n \"${{{name}+x}}\" ]; then printf %s \"${name}\" >{quoted}; fi 2>/dev/null");
        self.run(&command, true).await?;
        match fs::read(&file) {
            Ok(value) => Ok(Some(String::from_utf8_lossy(&value).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn start(&self) -> io::Result<Running> {
        let restore = if self.setting.isolated { "false" } else { "true" };
        let script = LOOP.replace("RESTORE", restore).replace("STATE", &quote(&self.setting.state));
        let mut command = Command::new(self.setting.program);
        command
            .args(["-c", &script, "codebuild"])
            .env_clear()
            .envs(&self.setting.environment)
            .current_dir(&self.setting.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(self.output.writer()?);
        let mut child = self.processes.spawn(&mut command)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(commands), Some(statuses)) => {
                Ok(Running { child, commands, statuses: BufReader::new(statuses).lines() })
            }
            _ => Err(io::Error::other("the shell has no pipes")),
        }
    }
}

/// The pipe that all processes of a build write their output to.
#[derive(Debug)]
pub(crate) struct Output {
    reader: pipe::Receiver,
    /// The same end, for reading what is there without asking the runtime.
    direct: fs::File,
    writer: OwnedFd,
}

impl Output {
    pub(crate) fn new() -> io::Result<Self> {
        let (writer, reader) = pipe::pipe()?;
        let direct = reader.as_fd().try_clone_to_owned()?.into();
        Ok(Self { reader, direct, writer: writer.into_blocking_fd()? })
    }

    /// An end for a process to write to.
    pub(crate) fn writer(&self) -> io::Result<Stdio> {
        Ok(self.writer.try_clone()?.into())
    }

    /// Copies output to the log until `until` is ready.
    pub(crate) async fn pump<T>(&mut self, log: &Log, until: impl Future<Output = T>) -> T {
        tokio::pin!(until);
        let mut buffer = vec![0; PIPE];
        loop {
            tokio::select! {
                biased;
                done = &mut until => return done,
                read = self.reader.read(&mut buffer) => match read {
                    Ok(length) => log.append(&buffer[..length]),
                    Err(_) => return until.await,
                },
            }
        }
    }

    /// Copies what a command wrote before it ended, and not what its background processes may go on to write.
    pub(crate) fn drain(&mut self, log: &Log) {
        let mut buffer = vec![0; PIPE];
        let mut left = PIPE;
        while left > 0 {
            match self.direct.read(&mut buffer[..left]) {
                Ok(length @ 1..) => {
                    log.append(&buffer[..length]);
                    left -= length;
                }
                Ok(0) | Err(_) => return,
            }
        }
    }
}

/// The path as one word of a shell's.
fn quote(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}
