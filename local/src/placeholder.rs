//! What a service runs before the first release: a page that says so.

use std::path::Path;

use anyhow::{Context, bail};
use local_ecs::engine::Engine;
use tokio::process::Command;

/// Makes the placeholder's image from this machine's busybox, pushes it, and returns its reference.
pub(crate) async fn push(engine: &Engine, directory: &Path, registry: &str, port: u16) -> anyhow::Result<String> {
    let root = directory.join("placeholder");
    let busybox = busybox().await?;
    for folder in ["bin", "www", "tmp", "etc"] {
        std::fs::create_dir_all(root.join(folder))?;
    }
    std::fs::copy(&busybox, root.join("bin/busybox")).context("busybox could not be copied")?;
    for name in ["sh", "wget", "httpd"] {
        let link = root.join("bin").join(name);
        if !link.exists() {
            std::os::unix::fs::symlink("busybox", link)?;
        }
    }
    let page = "<!doctype html><title>Longshore</title><h1>Nothing was deployed yet</h1>\n";
    for name in ["index.html", "health"] {
        std::fs::write(root.join("www").join(name), page)?;
    }
    let archive = directory.join("placeholder.tar");
    let made = Command::new("tar")
        .args(["--create", "--numeric-owner", "--owner=0", "--group=0", "--file"])
        .arg(&archive)
        .arg("--directory")
        .arg(&root)
        .arg(".")
        .status()
        .await
        .context("tar could not be run: install it")?;
    if !made.success() {
        bail!("tar could not pack the placeholder's files");
    }
    let image = format!("{registry}/longshore/placeholder:1");
    let command = format!("CMD [\"/bin/busybox\", \"httpd\", \"-f\", \"-p\", \"{port}\", \"-h\", \"/www\"]");
    let path = "ENV PATH=/bin";
    // One image of each stack: where two stacks name the same one at once, podman may lose a name.
    let own = format!("LABEL longshore.registry={registry}");
    let archive = archive.to_str().context("the directory's path is not UTF-8")?;
    engine.output(&["import", "--change", &command, "--change", path, "--change", &own, archive, &image]).await?;
    engine.output(&["push", &image]).await?;
    Ok(image)
}

/// The statically linked busybox, which needs nothing around it.
async fn busybox() -> anyhow::Result<std::path::PathBuf> {
    const CURE: &str = "apt-get install busybox-static";
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("busybox")).find(|file| file.is_file());
    let found = found.with_context(|| format!("busybox is missing: {CURE}"))?;
    // A dynamically linked one would find no library in a container of its own.
    let links = Command::new("ldd").arg(&found).output().await.context("ldd could not be run: install libc-bin")?;
    if String::from_utf8_lossy(&links.stdout).contains("=>") {
        bail!("{} is not statically linked: {CURE}", found.display());
    }
    Ok(found)
}
