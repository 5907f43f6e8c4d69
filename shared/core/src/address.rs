//! Addresses of repositories, `host/owner/name`: what one may look like, and which source a host is of.
//!
//! A payload names its repository itself, and who can sign for one source must not speak for another one's. So each host is of one source at
//! most: the public ones of their providers, others of the source that `longshore.toml` gives them to. One that nobody named may be
//! anybody's.

use crate::push::Source;

/// The longest host, and the longest path, in bytes.
const HOST: usize = 255;
const PATH: usize = 500;

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address<'a> {
    /// The host, with its port where it has one.
    pub host: &'a str,
    /// The parts after it: two or more.
    pub path: Vec<&'a str>,
}

impl<'a> Address<'a> {
    /// Reads `host/owner/name`, with any number of groups for GitLab, and `v1/repos/<name>` alone for CodeCommit. A part is of letters,
    /// digits, `-`, `_`, `.` and `~` (which begins the projects of people in Bitbucket Data Center), and not of dots alone.
    pub fn parse(address: &'a str) -> Option<Self> {
        let (host, path) = address.split_once('/')?;
        let plain = |part: &&str| {
            part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)) && part.bytes().any(|b| b != b'.')
        };
        let parts: Vec<&str> = path.split('/').collect();
        let form = if is_codecommit(host) { matches!(parts[..], ["v1", "repos", _]) } else { parts.len() >= 2 };
        let fits = form && path.len() <= PATH && is_host(host) && parts.iter().all(plain);
        fits.then_some(Self { host, path: parts })
    }
}

/// Whether this is a host's name, with its port where it has one: labels of letters, digits, `-` and `_`.
pub fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let label = |label: &str| {
        label.starts_with(|c: char| c.is_ascii_alphanumeric())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let number = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    host.len() <= HOST && name.split('.').all(label) && port.is_none_or(number)
}

/// Whether this host is CodeCommit's, whose addresses are `git-codecommit.<region>.amazonaws.com/v1/repos/<name>`.
/// Source: <https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html#regions-git>.
pub(crate) fn is_codecommit(host: &str) -> bool {
    host.to_ascii_lowercase().starts_with("git-codecommit.")
}

/// The source that a host is of for everybody. `ghe.com` is GitHub Enterprise Cloud with data residency; source:
/// <https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency/about-github-enterprise-cloud-with-data-residency>.
pub fn public(host: &str) -> Option<Source> {
    match host.to_ascii_lowercase().as_str() {
        "github.com" => Some(Source::GitHub),
        "bitbucket.org" => Some(Source::Bitbucket),
        "gitlab.com" => Some(Source::GitLab),
        host if host.ends_with(".ghe.com") => Some(Source::GitHub),
        host if is_codecommit(host) => Some(Source::CodeCommit),
        _ => None,
    }
}

/// The hosts of servers of one's own, from `longshore.toml`; each with its port where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hosts<'a> {
    /// `[github] host`: GitHub Enterprise Server.
    pub github: Option<&'a str>,
    /// `[bitbucket] host`: Bitbucket Data Center, whose payloads need not name theirs.
    pub bitbucket: Option<&'a str>,
    /// `[gitlab] host`: a self-managed GitLab.
    pub gitlab: Option<&'a str>,
}

impl<'a> Hosts<'a> {
    /// The source that a host is of; `None` for one that nobody named.
    pub fn source(&self, host: &str) -> Option<Source> {
        let named = |source: &Source| self.own(*source).is_some_and(|own| own.eq_ignore_ascii_case(host));
        public(host).or_else(|| Source::ALL.into_iter().find(named))
    }

    /// The host of one's own server.
    pub fn own(&self, source: Source) -> Option<&'a str> {
        match source {
            Source::GitHub => self.github,
            Source::Bitbucket => self.bitbucket,
            Source::GitLab => self.gitlab,
            Source::CodeCommit => None,
        }
    }

    /// The one host that a source's token is for: one's own, where there is one, else the public one. None for CodeCommit.
    pub fn of_token(&self, source: Source) -> Option<&'a str> {
        let public = match source {
            Source::GitHub => "github.com",
            Source::Bitbucket => "bitbucket.org",
            Source::GitLab => "gitlab.com",
            Source::CodeCommit => return None,
        };
        Some(self.own(source).unwrap_or(public))
    }

    /// Whether a source's token may be shown to the API of this repository's host.
    pub fn is_for_token(&self, source: Source, repository: &str) -> bool {
        let host = repository.split('/').next().unwrap_or_default();
        self.of_token(source).is_some_and(|home| home.eq_ignore_ascii_case(host))
    }

    /// Why a source cannot speak for a repository, in a sentence; `None` where it can.
    pub fn refusal(&self, source: Source, repository: &str) -> Option<String> {
        let host = repository.split('/').next().unwrap_or_default();
        let owner = self.source(host).filter(|owner| *owner != source)?;
        Some(format!("{host} is a host of {owner}, and {source} sent this"))
    }
}

#[cfg(test)]
mod tests;
