//! A container engine that waits: what holds a build where a test wants it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use longshore_local::Options;

/// A script in front of docker or podman that lets no image be built until it is told to.
pub struct HeldEngine {
    go: PathBuf,
}

impl HeldEngine {
    /// Makes the builds of a stack use it. `directory` takes the script.
    ///
    /// # Panics
    ///
    /// When the script cannot be written.
    pub fn install(options: &mut Options) -> Self {
        let directory = options.directory.join("held");
        let (script, go) = (directory.join("engine"), directory.join("go"));
        fs::create_dir_all(&directory).expect("a folder");
        // The stack tells builds its engine by a variable; this script takes that variable's place and has to find it out itself.
        let text = format!(
            "#!/bin/sh\n[ \"$1\" != build ] || until [ -e '{}' ]; do sleep 0.05; done\n\
             if docker version --format '{{{{.Server.Version}}}}' >/dev/null 2>&1; then exec docker \"$@\"; fi\nexec podman \"$@\"\n",
            go.display()
        );
        fs::write(&script, text).expect("a script");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a script that can be run");
        options.variables = BTreeMap::from([("CONTAINER_ENGINE".to_owned(), path(&script))]);
        Self { go }
    }

    /// Lets the builds go on.
    ///
    /// # Panics
    ///
    /// When the sign cannot be written.
    pub fn let_go(&self) {
        fs::write(&self.go, "").expect("a sign");
    }
}

fn path(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}
