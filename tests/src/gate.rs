//! Builds that wait: what a test holds until it has seen what it wants to see.

use std::{fs, path::PathBuf};

use longshore_local::Options;
use tempfile::TempDir;

/// A gate that builds stand before, each of which knows it by the variable `GATE`.
pub struct Gate {
    directory: TempDir,
}

impl Gate {
    /// The command of a buildspec that waits until the gate is open.
    pub const WAIT: &str = "until [ -e \"$GATE/open\" ]; do sleep 0.05; done";

    /// A gate that is shut.
    ///
    /// # Panics
    ///
    /// When its directory cannot be made.
    pub fn new() -> Self {
        Self { directory: TempDir::new().expect("a directory") }
    }

    /// Tells the builds of a stack of it.
    ///
    /// # Panics
    ///
    /// When its path is not UTF-8.
    pub fn install(&self, options: &mut Options) {
        let path = self.directory.path().to_str().expect("a path in UTF-8").to_owned();
        options.variables.insert("GATE".to_owned(), path);
    }

    /// Lets the builds go on.
    ///
    /// # Panics
    ///
    /// When the sign cannot be written.
    pub fn open(&self) {
        fs::write(self.sign(), "").expect("a sign");
    }

    /// Has the builds wait again that come from now on.
    ///
    /// # Panics
    ///
    /// When the gate is shut.
    pub fn shut(&self) {
        fs::remove_file(self.sign()).expect("an open gate");
    }

    fn sign(&self) -> PathBuf {
        self.directory.path().join("open")
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}
