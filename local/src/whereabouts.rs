//! Where a running stack is: the file `stack.json` in its directory, which tells other programs how to reach it.
//!
//! The file is there while the stack runs, and the process that runs the stack holds a lock on it. So a file that a killed process left
//! behind is told from a running stack's, whatever became of its ports and its process id.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// The file's name.
const FILE: &str = "stack.json";
/// More than this is no file of ours.
const LONGEST: u64 = 64 * 1024;

/// Where a running stack is, and what its secrets are: the file is its user's alone.
///
/// ```json
/// {
///   "url": "http://127.0.0.1:8080", "inbox": "http://127.0.0.1:8081", "region": "eu-central-1",
///   "table": "longshore-Table", "secret": "longshore-Secret", "webhook_secret": "0f1e…",
///   "endpoints": {"default": "http://…", "dynamodb": "http://…", "codebuild": "http://…", "ecs": "http://…", "ecr": "http://…", "logs": "http://…", "balancing": "http://…"}
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// The HTTP front: what API Gateway is on AWS.
    pub url: String,
    /// The page where Slack's messages appear.
    pub inbox: String,
    /// The region that its records and secrets are in.
    pub region: String,
    /// The table of the release records.
    pub table: String,
    /// The name of the functions' secret in Secrets Manager, where the template has one.
    pub secret: Option<String>,
    /// What webhooks are signed with.
    pub webhook_secret: String,
    /// Where its services answer.
    pub endpoints: Endpoints,
}

/// The addresses of a stack's services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Every service without a stand-in of its own: EventBridge, Secrets Manager.
    pub default: String,
    /// DynamoDB.
    pub dynamodb: String,
    /// CodeBuild.
    pub codebuild: String,
    /// ECS.
    pub ecs: String,
    /// ECR.
    pub ecr: String,
    /// CloudWatch Logs, for the logs of builds and of tasks.
    pub logs: String,
    /// Elastic Load Balancing, for the health of targets.
    pub balancing: String,
}

/// Why a stack's whereabouts are not known.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// There is no file, or the process that wrote it is gone.
    #[error("no local stack runs in {}: start one with `longshore local`, or name the directory of one that runs", .0.display())]
    NotRunning(PathBuf),
    /// The file cannot be read.
    #[error("{} cannot be read: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// The file is not what this version writes.
    #[error("{} was not written by this version of longshore: {}", .0.display(), .1)]
    Strange(PathBuf, serde_json::Error),
}

impl Whereabouts {
    /// Reads the whereabouts of the stack that runs in this directory.
    pub fn read(directory: &Path) -> Result<Self, Unknown> {
        let path = directory.join(FILE);
        let unreadable = |error| Unknown::Unreadable(path.clone(), error);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(Unknown::NotRunning(directory.to_owned()));
            }
            Err(error) => return Err(unreadable(error)),
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {}
            Ok(()) => return Err(Unknown::NotRunning(directory.to_owned())),
            Err(TryLockError::Error(error)) => return Err(unreadable(error)),
        }
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text).map_err(unreadable)?;
        serde_json::from_str(&text).map_err(|error| Unknown::Strange(path.clone(), error))
    }

    /// Tells others, until what is returned is dropped. A file that is there is replaced as a whole.
    pub(crate) fn announce(&self, directory: &Path) -> io::Result<Announced> {
        let (path, draft) = (directory.join(FILE), directory.join(format!("{FILE}.new")));
        // An old draft may have other permissions.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.lock()?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        fs::rename(&draft, &path)?;
        Ok(Announced { path, _lock: file })
    }
}

/// A file that is there as long as this is.
#[derive(Debug)]
pub(crate) struct Announced {
    path: PathBuf,
    _lock: File,
}

impl Drop for Announced {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the file cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn whereabouts() -> Whereabouts {
        let at = |port: u16| format!("http://127.0.0.1:{port}");
        Whereabouts {
            url: at(1),
            inbox: at(2),
            region: "eu-central-1".into(),
            table: "records".into(),
            secret: None,
            webhook_secret: "tide".into(),
            endpoints: Endpoints {
                default: at(3),
                dynamodb: at(4),
                codebuild: at(5),
                ecs: at(6),
                ecr: at(7),
                logs: at(8),
                balancing: at(9),
            },
        }
    }

    #[test]
    fn what_is_announced_is_read_while_the_stack_runs_and_by_its_user_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let running = whereabouts().announce(directory.path()).expect("a file");
        let mode = fs::metadata(directory.path().join(FILE)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(Whereabouts::read(directory.path()).expect("a stack"), whereabouts());
        drop(running);
        assert!(matches!(Whereabouts::read(directory.path()), Err(Unknown::NotRunning(_))));
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 0, "nothing is left");
    }

    #[test]
    fn a_file_that_a_killed_process_left_is_no_running_stack() {
        let directory = tempfile::tempdir().expect("a directory");
        let text = serde_json::to_string(&whereabouts()).expect("JSON");
        fs::write(directory.path().join(FILE), text).expect("a file");
        let error = Whereabouts::read(directory.path()).expect_err("no stack");
        assert!(error.to_string().contains("no local stack runs in"), "{error}");
        // The next stack takes its place.
        let _running = whereabouts().announce(directory.path()).expect("a file");
        assert!(Whereabouts::read(directory.path()).is_ok());
    }
}
