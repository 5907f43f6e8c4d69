//! Real builds: of inline buildspecs, and of git repositories in temporary directories.

mod api;
mod builds;
mod buildspecs;
mod commands;
mod events;
mod halting;
mod log_events;
mod sources;

use std::{collections::BTreeMap, fs, path::Path, process::Command, sync::Arc, time::Duration};

use local_protocol::{Answer, Event, Service as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use crate::{CodeBuild, Settings};

/// What no condition takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// A service with a directory of its own.
struct Stand {
    service: Arc<CodeBuild>,
    events: UnboundedReceiver<Event>,
    directory: TempDir,
}

impl Stand {
    fn new() -> Self {
        Self::with(4, Duration::from_mins(1))
    }

    fn with(concurrent: usize, minute: Duration) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let settings = Settings {
            directory: directory.path().join("builds"),
            url: "http://127.0.0.1:4001/".into(),
            environment: BTreeMap::from([("FROM_SETTINGS".into(), "settings".into())]),
            concurrent,
        };
        let (sender, events) = unbounded_channel();
        Self { service: CodeBuild::with_minute(settings, sender, minute), events, directory }
    }

    async fn call(&self, action: &str, input: Value) -> Answer {
        timeout(DEADLINE, self.service.call(action, input)).await.expect("an answer in time")
    }

    /// A call that has to succeed.
    async fn ok(&self, action: &str, input: Value) -> Value {
        self.call(action, input).await.unwrap_or_else(|refusal| panic!("{action}: {refusal}"))
    }

    /// The code and the message of a call that has to be refused.
    async fn refused(&self, action: &str, input: Value) -> (String, String) {
        let refusal = self.call(action, input).await.expect_err("a refusal");
        (refusal.code, refusal.message)
    }

    /// Creates the project `app` with this source.
    async fn project(&self, source: Value) {
        let input = json!({
            "name": "app",
            "source": source,
            "artifacts": { "type": "NO_ARTIFACTS" },
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
                "environmentVariables": [{ "name": "PROJECT", "value": "project", "type": "PLAINTEXT" }],
            },
            "serviceRole": "arn:aws:iam::123456789012:role/build",
        });
        self.ok("CreateProject", input).await;
    }

    /// Creates the project `app` without a source.
    async fn inline(&self, buildspec: &str) {
        self.project(json!({ "type": "NO_SOURCE", "buildspec": buildspec })).await;
    }

    /// Creates the project `app` with a git repository of these files, and gives the commit.
    async fn repository(&self, files: &[(&str, &str)]) -> String {
        let path = self.directory.path().join("repository");
        fs::create_dir(&path).expect("a directory");
        git(&path, &["init", "--quiet", "--initial-branch=main"]);
        let commit = self.commit(files);
        self.project(json!({ "type": "GITHUB", "location": path })).await;
        commit
    }

    /// Commits files to the repository, and gives the commit.
    fn commit(&self, files: &[(&str, &str)]) -> String {
        let path = self.directory.path().join("repository");
        for (name, text) in files {
            fs::write(path.join(name), text).expect("a file");
        }
        git(&path, &["add", "--all"]);
        git(&path, &["commit", "--quiet", "--allow-empty", "--message=a change"]);
        git(&path, &["rev-parse", "HEAD"])
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.directory.path().join("repository"), arguments)
    }

    /// Starts a build of `app` with these members besides, and gives its id.
    async fn start(&self, mut request: Value) -> String {
        request["projectName"] = "app".into();
        let answer = self.ok("StartBuild", request).await;
        answer["build"]["id"].as_str().expect("an id").to_owned()
    }

    /// Runs a build to its end.
    async fn build(&self, request: Value) -> Value {
        let id = self.start(request).await;
        self.complete(&id).await
    }

    /// Runs a build of this inline buildspec to its end.
    async fn build_of(buildspec: &str) -> (Self, Value) {
        let stand = Self::new();
        stand.inline(buildspec).await;
        let build = stand.build(json!({})).await;
        (stand, build)
    }

    /// Waits for the end of a build.
    async fn complete(&self, id: &str) -> Value {
        let build = self.service.store().build(id).expect("the build");
        timeout(DEADLINE, build.complete.cancelled()).await.expect("the build's end in time");
        self.describe(id).await
    }

    async fn describe(&self, id: &str) -> Value {
        self.ok("BatchGetBuilds", json!({ "ids": [id] })).await["builds"][0].take()
    }

    fn log(&self, build: &Value) -> String {
        let id = build["id"].as_str().expect("an id");
        let build = self.service.store().build(id).expect("the build");
        fs::read_to_string(build.log.path()).unwrap_or_default()
    }

    /// The log without CodeBuild's own lines.
    fn output(&self, build: &Value) -> String {
        let log = self.log(build);
        let lines = log.lines().filter(|line| !line.starts_with("[Container] "));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Waits until `condition` gives something.
async fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let found = timeout(DEADLINE, async {
        loop {
            if let Some(found) = condition() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("{what}: not in time"))
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let done = Command::new("git")
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"])
        .args(arguments)
        .output()
        .expect("git");
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// `TYPE STATUS` of each phase.
fn phases(build: &Value) -> Vec<String> {
    let phases = build["phases"].as_array().expect("phases");
    let status = |phase: &Value| phase["phaseStatus"].as_str().unwrap_or("-").to_owned();
    phases.iter().map(|phase| format!("{} {}", phase["phaseType"].as_str().unwrap_or("?"), status(phase))).collect()
}

/// The first context of a phase: code and message.
fn context(build: &Value, phase: &str) -> (String, String) {
    let phases = build["phases"].as_array().expect("phases");
    let phase = phases.iter().find(|found| found["phaseType"] == phase).expect("the phase");
    let context = &phase["contexts"][0];
    let text = |name: &str| context[name].as_str().unwrap_or_default().to_owned();
    (text("statusCode"), text("message"))
}
