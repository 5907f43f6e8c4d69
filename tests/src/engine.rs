//! A container engine that waits: what holds a build where a test wants it.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use longshore_local::Options;
use tempfile::TempDir;

/// A script in front of docker or podman that lets no image be built until it is told to.
pub struct HeldEngine {
    directory: TempDir,
}

impl HeldEngine {
    /// Writes the script.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn new() -> Self {
        let held = Self { directory: TempDir::new().expect("a directory") };
        // The stack tells builds its engine by a variable; this script takes that variable's place and has to find it out itself.
        let text = format!(
            "#!/bin/sh\n[ \"$1\" != build ] || until [ -e '{}' ]; do sleep 0.05; done\n\
             if docker version --format '{{{{.Server.Version}}}}' >/dev/null 2>&1; then exec docker \"$@\"; fi\nexec podman \"$@\"\n",
            held.sign().display()
        );
        fs::write(held.script(), text).expect("a script");
        fs::set_permissions(held.script(), fs::Permissions::from_mode(0o755)).expect("a script that can be run");
        held
    }

    /// Makes the builds of a stack use it.
    ///
    /// # Panics
    ///
    /// When its path is not UTF-8.
    pub fn install(&self, options: &mut Options) {
        let script = self.script().into_os_string().into_string().expect("a path in UTF-8");
        options.variables.insert("CONTAINER_ENGINE".to_owned(), script);
    }

    /// Lets the builds go on.
    ///
    /// # Panics
    ///
    /// When the sign cannot be written.
    pub fn let_go(&self) {
        fs::write(self.sign(), "").expect("a sign");
    }

    fn script(&self) -> PathBuf {
        self.directory.path().join("engine")
    }

    fn sign(&self) -> PathBuf {
        self.directory.path().join("go")
    }
}

impl Default for HeldEngine {
    fn default() -> Self {
        Self::new()
    }
}
