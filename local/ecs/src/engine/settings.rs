//! Podman's settings, generated so that a plain `podman build`, `run` or `push` needs no flags.
//!
//! A machine without systemd, or with version 1 control groups (many containers and build machines), gets runc, the cgroupfs
//! manager, limits that the process may really set, and builds in a chroot on the host's network. Elsewhere podman's own
//! settings are left alone. The registry settings are always ours.
//! Source: <https://github.com/containers/common/blob/main/docs/containers.conf.5.md>.

use std::{collections::BTreeMap, fmt::Write as _, io, path::Path};

use tokio::fs;

/// The highest limit to ask for: podman lowers its own to 32768 while it builds, where it may not have more.
const MOST: u64 = 16_384;

pub(super) async fn write(
    directory: &Path,
    registries: &[String],
    control_groups: &str,
) -> io::Result<BTreeMap<String, String>> {
    fs::create_dir_all(directory).await?;
    let mut environment = BTreeMap::from([("CONTAINER_ENGINE".to_owned(), "podman".to_owned())]);

    let path = directory.join("registries.conf");
    fs::write(&path, registries_conf(registries)).await?;
    environment.insert("CONTAINERS_REGISTRIES_CONF".into(), path.display().to_string());

    let systemd = fs::try_exists("/run/systemd/system").await.unwrap_or(false);
    if !systemd || control_groups == "v1" {
        let limits = fs::read_to_string("/proc/self/limits").await.unwrap_or_default();
        let path = directory.join("containers.conf");
        fs::write(&path, containers_conf(&limits, runc().await)).await?;
        environment.insert("CONTAINERS_CONF".into(), path.display().to_string());
        environment.insert("BUILDAH_ISOLATION".into(), "chroot".into());
    }
    Ok(environment)
}

/// `crun` refuses hybrid control groups; runc does not.
async fn runc() -> bool {
    for directory in ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"] {
        if fs::try_exists(Path::new(directory).join("runc")).await.unwrap_or(false) {
            return true;
        }
    }
    false
}

fn registries_conf(registries: &[String]) -> String {
    let mut text = String::from("unqualified-search-registries = [\"docker.io\"]\n");
    for registry in registries {
        let _ = write!(text, "\n[[registry]]\nlocation = \"{registry}\"\ninsecure = true\n");
    }
    text
}

fn containers_conf(limits: &str, runc: bool) -> String {
    let files = limit(limits, "Max open files");
    let processes = limit(limits, "Max processes");
    let runtime = if runc { "runtime = \"runc\"\n" } else { "" };
    format!(
        "[containers]\ndefault_ulimits = [\"nofile={files}:{files}\", \"nproc={processes}:{processes}\"]\n\n\
         [engine]\n{runtime}cgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n"
    )
}

/// The hard limit of this process: podman's own default is more than a restricted process may set. 1024 where it is unknown.
fn limit(limits: &str, name: &str) -> u64 {
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    match line.split_whitespace().nth(1) {
        Some("unlimited") => MOST,
        Some(hard) => hard.parse::<u64>().map_or(1024, |hard| hard.min(MOST)),
        None => 1024,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_that_the_process_may_set() {
        let limits = "Max processes    96365   96365   processes\nMax open files   1024  4096   files\n";
        assert_eq!(limit(limits, "Max open files"), 4096);
        assert_eq!(limit(limits, "Max processes"), 16_384);
        assert_eq!(limit("", "Max processes"), 1024);
        let text = containers_conf(limits, true);
        assert!(text.contains("runtime = \"runc\"") && text.contains("nofile=4096:4096"), "{text}");
    }

    #[test]
    fn registries_are_spoken_to_in_plain_http() {
        let text = registries_conf(&["127.0.0.1:5000".into()]);
        assert!(text.contains("location = \"127.0.0.1:5000\"\ninsecure = true"), "{text}");
    }
}
