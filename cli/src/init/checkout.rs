//! What a checkout of the application tells: where its repository is, its default branch, whether it can be built.

use std::{path::Path, process::Command};

use longshore_core::address::Address;

/// What was found. Nothing of it is certain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkout {
    /// `host/owner/name` of the remote `origin`.
    pub repository: Option<String>,
    /// Its default branch.
    pub branch: Option<String>,
    /// What the build needs, and is not there.
    pub lacks: Vec<&'static str>,
}

impl Checkout {
    /// Looks into a directory.
    pub fn look(directory: &Path) -> Self {
        let origin = git(directory, &["remote", "get-url", "origin"]);
        let head = git(directory, &["symbolic-ref", "--short", "refs/remotes/origin/HEAD"]);
        let head = head.and_then(|head| head.strip_prefix("origin/").map(str::to_owned));
        let lacks =
            ["Dockerfile", "buildspec.yml"].into_iter().filter(|name| !directory.join(name).is_file()).collect();
        Self {
            repository: origin.and_then(|origin| address(&origin)),
            branch: head.or_else(|| git(directory, &["branch", "--show-current"])),
            lacks,
        }
    }
}

/// Whether a directory is a checkout of Longshore itself, and not of what it is to deploy.
pub fn is_our_own(directory: &Path) -> bool {
    directory.join("functions/trigger").is_dir() && directory.join("template.yaml").is_file()
}

fn git(directory: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(directory).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// The address of a remote: `https://host/owner/name.git`, `ssh://git@host:22/owner/name`, `git@host:owner/name.git`,
/// `codecommit::<region>://<name>`. A password in it is left out.
/// Source: <https://git-scm.com/docs/git-clone#_git_urls>.
fn address(remote: &str) -> Option<String> {
    let address =
        if let Some((region, name)) = remote.strip_prefix("codecommit::").and_then(|rest| rest.split_once("://")) {
            let name = name.rsplit('@').next()?;
            format!("git-codecommit.{region}.amazonaws.com/v1/repos/{name}")
        } else if let Some((scheme, rest)) = remote.split_once("://") {
            let (authority, path) = rest.split_once('/')?;
            let host = authority.rsplit('@').next()?;
            // The port of SSH says nothing of the address, the port of HTTPS is part of it.
            let host = if scheme == "ssh" { host.split(':').next()? } else { host };
            format!("{host}/{}", path.trim_start_matches('/'))
        } else {
            let (authority, path) = remote.split_once(':')?;
            format!("{}/{}", authority.rsplit('@').next()?, path.trim_start_matches('/'))
        };
    let address = address.trim_end_matches('/');
    let address = address.strip_suffix(".git").unwrap_or(address);
    Address::parse(address).map(|_| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_remote_gives_the_address_and_no_password() {
        for (remote, wanted) in [
            ("git@github.com:acme/web.git", Some("github.com/acme/web")),
            ("https://github.com/acme/web.git", Some("github.com/acme/web")),
            ("https://ada:hush@github.com/acme/web", Some("github.com/acme/web")),
            ("ssh://git@bitbucket.acme.example:7999/team/web.git", Some("bitbucket.acme.example/team/web")),
            ("https://git.acme.example:8443/team/web/", Some("git.acme.example:8443/team/web")),
            ("https://gitlab.com/acme/group/web.git", Some("gitlab.com/acme/group/web")),
            (
                "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/web",
                Some("git-codecommit.eu-central-1.amazonaws.com/v1/repos/web"),
            ),
            ("codecommit::eu-central-1://ada@web", Some("git-codecommit.eu-central-1.amazonaws.com/v1/repos/web")),
            ("/srv/git/web.git", None),
            ("../web", None),
            ("https://github.com/web", None),
        ] {
            assert_eq!(address(remote).as_deref(), wanted, "{remote}");
        }
    }
}
