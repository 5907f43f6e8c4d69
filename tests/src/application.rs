//! A tiny application to push: a page, a health page and tests in a container, built by the repository's own `buildspec.yml`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use longshore_core::release::ReleaseId;
use longshore_local::demo::{Sample, release_in};

use crate::{Local, workspace};

/// How well a version of the application works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// All is right.
    Good,
    /// Its own tests fail.
    FailingTests,
    /// Its own tests do not end, and do not heed SIGTERM.
    HangingTests,
    /// It passes its tests, runs, and never becomes healthy.
    Unhealthy,
}

/// The application's working copy.
pub struct Application {
    sample: Sample,
    remote: PathBuf,
}

impl Application {
    /// Makes the working copy, with the pipeline's repository as its remote.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub async fn make(local: &Local) -> Self {
        let (source, directory) = (local.directory.join("source"), local.directory.join("application"));
        // What a service runs before its first release has busybox, and is on this machine.
        let dockerfile = format!(
            "FROM {}/longshore/placeholder:1\nCOPY site /site\nCOPY tests /tests\n\
             CMD [\"/bin/sh\", \"-c\", \"trap 'exit 0' TERM; httpd -f -p 8080 -h /site & wait\"]\n",
            local.stack.registry
        );
        fs::create_dir_all(&source).expect("a folder");
        fs::write(source.join("Dockerfile"), dockerfile).expect("a file");
        let remote = local.repository().path.clone();
        let sample = Sample::make(&directory, &source, &workspace().join("buildspec.yml"), &remote).await;
        Self { sample: sample.expect("a working copy"), remote }
    }

    /// Commits a version; its page says which it is.
    ///
    /// # Panics
    ///
    /// When it cannot be committed.
    pub async fn commit(&self, version: &str, quality: Quality) -> String {
        let (site, tests) = (self.directory().join("site"), self.directory().join("tests"));
        let _ = fs::remove_dir_all(&site);
        for folder in [&site, &tests] {
            fs::create_dir_all(folder).expect("a folder");
        }
        fs::write(site.join("index.html"), format!("<title>{version}</title>\n")).expect("a file");
        if quality != Quality::Unhealthy {
            fs::write(site.join("health"), "ok\n").expect("a file");
        }
        let tide = match quality {
            Quality::FailingTests => "echo 'not ok 2 - the tide is high'\nexit 1",
            Quality::HangingTests => "trap '' TERM\nwhile :; do sleep 1; done",
            Quality::Good | Quality::Unhealthy => "echo 'ok 2 - the tide is high'",
        };
        let run = format!(
            "#!/bin/sh\necho 1..2\ntest -s /site/index.html && echo 'ok 1 - there is a page' || exit 1\n{tide}\n"
        );
        fs::write(tests.join("run"), run).expect("a file");
        fs::set_permissions(tests.join("run"), fs::Permissions::from_mode(0o755)).expect("a script that can be run");
        self.sample.commit(&format!("Make it {version}")).await.expect("a commit")
    }

    /// Pushes by `git push`; the release that the webhook's answer names.
    ///
    /// # Panics
    ///
    /// When the push fails or starts no release.
    pub async fn push(&self) -> ReleaseId {
        let answer = self.sample.push().await.expect("a push");
        release_in(&answer).unwrap_or_else(|| panic!("the push started no release: {answer}"))
    }

    /// Puts what was committed into the remote repository without telling anybody.
    ///
    /// # Panics
    ///
    /// When git fails.
    pub fn place(&self) {
        let status = Command::new("git")
            .args(["push", "--quiet", "--receive-pack=git -c core.hooksPath=/dev/null receive-pack"])
            .arg(&self.remote)
            .arg("HEAD:main")
            .current_dir(self.directory())
            .status();
        assert!(status.expect("git").success(), "git push failed");
    }

    fn directory(&self) -> &Path {
        self.sample.directory()
    }
}
