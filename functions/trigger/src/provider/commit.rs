//! Which commit a branch or tag is at, and what there is to say of a commit, at each provider.

use std::time::Duration;

use longshore_core::{
    address::Address,
    commit,
    push::{Kind, Reference, Source},
    release::Commit,
};
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use super::{Api, ProviderError, Providers, http::address, is_at, late, owner_and_name, parsed};

/// For how long the question may take: somebody waits for the answer.
const IN_ALL: Duration = Duration::from_secs(4);

/// What is looked for in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'w> {
    /// The commit that a branch or tag names now.
    Reference(&'w Reference),
    /// The commit whose id begins with these hexadecimal digits: all of them, or seven at least.
    Commit(&'w str),
}

impl Providers {
    /// A commit; `None` where the provider knows no such branch, tag or commit, as far as the token lets it tell. Takes four seconds at
    /// most.
    ///
    /// `repository` is `host/owner/name`, and must be one that the configuration names: the token is sent to its host. Of Bitbucket, Cloud is
    /// asked, and no Data Center.
    pub async fn commit(
        &self,
        api: Api,
        repository: &str,
        wanted: Wanted<'_>,
        token: &SecretString,
    ) -> Result<Option<Commit>, ProviderError> {
        let repository = parsed(repository)?;
        let (source, url, member) = match api {
            Api::GitHub => (Source::GitHub, self.github_commit(&repository, wanted)?, None),
            Api::Bitbucket => {
                let member = matches!(wanted, Wanted::Reference(_)).then_some("target");
                (Source::Bitbucket, self.bitbucket_commit(&repository, wanted)?, member)
            }
            Api::GitLab => {
                let member = matches!(wanted, Wanted::Reference(_)).then_some("commit");
                (Source::GitLab, self.gitlab_commit(&repository, wanted)?, member)
            }
        };
        let asked = tokio::time::timeout(IN_ALL, self.http.get(url, token));
        let answer: Value = match asked.await.unwrap_or_else(|_| Err(late())) {
            Ok(answer) => answer.json()?,
            // GitHub: 422 for a name that is none of the repository's, 409 for a repository without commits.
            Err(ProviderError::Refused(404) | ProviderError::Status(409 | 422)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let told = member.map_or(&answer, |member| &answer[member]);
        let commit = commit::read(source, told).ok_or(ProviderError::Unreadable)?;
        // Digits may as well be the name of a branch.
        let is_wanted = match wanted {
            Wanted::Reference(_) => true,
            Wanted::Commit(digits) => commit.id.get(..digits.len()).is_some_and(|id| id.eq_ignore_ascii_case(digits)),
        };
        Ok(is_wanted.then_some(commit))
    }

    /// `GET /repos/{owner}/{repo}/commits/{ref}`, where a branch is `heads/<name>` and a tag `tags/<name>`. The files of the commit, which are of
    /// no use here, are paged.
    ///
    /// Source: <https://docs.github.com/en/rest/commits/commits#get-a-commit>
    fn github_commit(&self, repository: &Address<'_>, wanted: Wanted<'_>) -> Result<Url, ProviderError> {
        let named = match wanted {
            Wanted::Reference(Reference { kind: Kind::Branch, name }) => format!("heads/{name}"),
            Wanted::Reference(Reference { kind: Kind::Tag, name }) => format!("tags/{name}"),
            Wanted::Commit(digits) => digits.to_owned(),
        };
        let mut url = self.github_address(repository, &["commits", &named])?;
        url.query_pairs_mut().append_pair("per_page", "1").append_pair("page", "1");
        Ok(url)
    }

    /// `refs/branches/{name}`, `refs/tags/{name}` or `commit/{commit}` below `/repositories/{workspace}/{repo_slug}`. The slashes of a name
    /// stay slashes: Bitbucket does not decode them.
    ///
    /// Source: <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/>
    fn bitbucket_commit(&self, repository: &Address<'_>, wanted: Wanted<'_>) -> Result<Url, ProviderError> {
        if !is_at(repository, "bitbucket.org") {
            return Err(ProviderError::Unaskable("a Bitbucket Data Center is not asked for commits"));
        }
        let (workspace, name) = owner_and_name(repository)?;
        let base = self.bases.bitbucket.as_deref().unwrap_or("https://api.bitbucket.org/2.0");
        let mut segments = vec!["repositories", workspace, name];
        match wanted {
            Wanted::Reference(reference) => {
                segments.extend(["refs", if reference.kind == Kind::Branch { "branches" } else { "tags" }]);
                segments.extend(reference.name.split('/'));
            }
            Wanted::Commit(digits) => segments.extend(["commit", digits]),
        }
        address(base, &segments)
    }

    /// `branches/{branch}`, `tags/{tag}` or `commits/{sha}` below `/projects/{id}/repository`; the commit of a branch or tag is its member
    /// `commit`.
    ///
    /// Sources: <https://docs.gitlab.com/api/branches/>, <https://docs.gitlab.com/api/tags/>, <https://docs.gitlab.com/api/commits/>
    fn gitlab_commit(&self, repository: &Address<'_>, wanted: Wanted<'_>) -> Result<Url, ProviderError> {
        let base = match &self.bases.gitlab {
            Some(base) => base.clone(),
            None => format!("https://{}/api/v4", repository.host),
        };
        let (kind, name) = match wanted {
            Wanted::Reference(Reference { kind: Kind::Branch, name }) => ("branches", name.as_str()),
            Wanted::Reference(Reference { kind: Kind::Tag, name }) => ("tags", name.as_str()),
            Wanted::Commit(digits) => ("commits", digits),
        };
        address(&base, &["projects", &repository.path.join("/"), "repository", kind, name])
    }
}
