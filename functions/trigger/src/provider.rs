//! What `trigger` asks of the providers' own APIs, where a token is configured: which files differ between two commits, for a push
//! whose list of files the provider has cut, which commit a branch is at, for whoever asks for a release of it ([`crate::wish`]), and GitHub's
//! list of deliveries that failed ([`crate::redelivery`]).
//!
//! Which permissions a token needs:
//!
//! | provider | for path rules, branches and commits | for redelivery |
//! | --- | --- | --- |
//! | GitHub, fine-grained token or app | Contents: read | Webhooks: read and write |
//! | GitHub, classic token | `repo` | `admin:repo_hook`, or `repo` of someone who administers the repository |
//! | Bitbucket Cloud, access token | scope `repository` (read) | |
//! | Bitbucket Data Center, HTTP access token | repository read | |
//! | GitLab, project or personal access token | `read_api`, role Reporter or higher | |
//!
//! CodeCommit is not asked: its comparison needs another SDK.
//!
//! Answers are hostile text as any other: at most 8 MiB each, a bounded number of pages, and neither a redirect nor a link to a next
//! page leads to another host, where the token would go with it.

mod bitbucket;
mod commit;
mod github;
mod gitlab;
mod http;

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use longshore_core::{
    address::Address,
    push::{is_commit, is_null},
};
use secrecy::SecretString;

pub use self::commit::Wanted;
use self::http::Http;

/// The longest list of files that is read.
pub const MAX_FILES: usize = 3_000;
/// For how long one question about files may take, with all its pages.
const IN_ALL: Duration = Duration::from_secs(6);

/// Why a provider gave no answer. No body, no token and no address is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The question cannot be put: what of it is of no use. Asking again does not help.
    #[error("the provider cannot be asked: {0}")]
    Unaskable(&'static str),
    /// Not reached, or no answer in time.
    #[error("the provider was not reached: {0}")]
    Unreached(String),
    /// Asked too often: not to be asked again before then, which is an hour away at most.
    #[error("the provider takes no more requests until {until}")]
    Limited {
        /// From when it may be asked again.
        until: Timestamp,
    },
    /// 401, 403 or 404: the token is wrong, may not do this, or there is no such thing. Providers do not say which.
    #[error("the provider refused with status {0}: a wrong token, a missing permission, or nothing there")]
    Refused(u16),
    /// Another status that is no success; a redirect to another host is one.
    #[error("the provider answered status {0}")]
    Status(u16),
    /// The answer is longer than 8 MiB.
    #[error("the provider's answer is too large")]
    TooLarge,
    /// The answer is not what the provider documents.
    #[error("the provider's answer cannot be read")]
    Unreadable,
    /// The link to the next page leads to another host.
    #[error("the provider's answer goes on at another host")]
    Elsewhere,
}

/// Whose API it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// github.com, or a GitHub Enterprise host.
    GitHub,
    /// bitbucket.org; any other host is a Data Center.
    Bitbucket,
    /// gitlab.com, or a host of one's own.
    GitLab,
}

/// Where the APIs are, when not where the repository's host has them: for tests, the local stack, or a proxy. Each is a URL up to where
/// the provider's paths begin, for example `https://api.github.com`, `https://api.bitbucket.org/2.0`,
/// `https://bitbucket.example.org/rest/api/1.0`, `https://gitlab.com/api/v4`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bases {
    /// GitHub's.
    pub github: Option<String>,
    /// Bitbucket's: Cloud's or a Data Center's.
    pub bitbucket: Option<String>,
    /// GitLab's.
    pub gitlab: Option<String>,
}

/// Two commits of a repository, whose difference is asked for.
#[derive(Clone, Copy)]
struct Question<'q> {
    repository: &'q Address<'q>,
    before: &'q str,
    after: &'q str,
    token: &'q SecretString,
}

/// A client of the providers' APIs. It is made when the first question is asked: a start that asks nobody does not pay for it.
#[derive(Debug)]
pub struct Providers {
    bases: Bases,
    http: Http,
}

impl Providers {
    /// With another base URL for GitHub, if any; the other providers' APIs are where their hosts have them.
    pub fn new(github_api: Option<String>) -> Self {
        Self::at(Bases { github: github_api, ..Bases::default() })
    }

    /// With these base URLs.
    pub fn at(bases: Bases) -> Self {
        Self { bases, http: Http::new() }
    }

    /// The files that differ between the trees of two commits, sorted, a renamed file under both its names; empty when nothing
    /// differs. `None` when that cannot be known: there is nothing to compare with (a new branch), more than [`MAX_FILES`] differ, or
    /// the provider cut its list too. Takes six seconds at most.
    ///
    /// `repository` is `host/owner/name`, for GitLab with any number of groups, and must be one that the configuration names: the token
    /// is sent to its host. `before` and `after` are commit ids.
    ///
    /// It is the difference of two trees also after a force push, since path rules ask what is not the same as what was built last,
    /// not what someone changed since the branches parted. GitHub alone compares from the merge base: its list is put together
    /// from both sides there, and can then name a file too many (one that both sides changed in the same way), never one too few.
    pub async fn files(
        &self,
        api: Api,
        repository: &str,
        before: &str,
        after: &str,
        token: &SecretString,
    ) -> Result<Option<Vec<String>>, ProviderError> {
        let repository = parsed(repository)?;
        if !is_commit(before) || !is_commit(after) {
            return Err(ProviderError::Unaskable("a commit id is of no use"));
        }
        if is_null(before) || is_null(after) {
            return Ok(None);
        }
        if before == after {
            return Ok(Some(Vec::new()));
        }
        let question = Question { repository: &repository, before, after, token };
        let asked = async {
            match api {
                Api::GitHub => self.github_files(question).await,
                Api::Bitbucket => self.bitbucket_files(question).await,
                Api::GitLab => self.gitlab_files(question).await,
            }
        };
        tokio::time::timeout(IN_ALL, asked).await.unwrap_or_else(|_| Err(late()))
    }
}

/// No answer came in the time that there was.
pub(crate) fn late() -> ProviderError {
    ProviderError::Unreached("no answer in time".to_owned())
}

fn parsed(repository: &str) -> Result<Address<'_>, ProviderError> {
    Address::parse(repository).ok_or(ProviderError::Unaskable("the repository is not host/owner/name"))
}

/// The two parts of a path that has no more.
fn owner_and_name<'a>(repository: &Address<'a>) -> Result<(&'a str, &'a str), ProviderError> {
    match repository.path.as_slice() {
        [owner, name] => Ok((owner, name)),
        _ => Err(ProviderError::Unaskable("the repository is not host/owner/name")),
    }
}

fn is_at(repository: &Address<'_>, host: &str) -> bool {
    repository.host.eq_ignore_ascii_case(host)
}

/// The list, or `None` when it is too long to be of use.
fn bounded(files: BTreeSet<String>) -> Option<Vec<String>> {
    (files.len() <= MAX_FILES).then(|| files.into_iter().collect())
}
