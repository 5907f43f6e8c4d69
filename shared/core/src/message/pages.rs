//! The pages of commits, and of what is between two of them.

use crate::{
    address::{Address, is_codecommit},
    push::Source,
    release::Release,
};

/// Whose pages they are, with where they begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pages {
    /// GitHub: `https://<host>/<owner>/<name>`.
    GitHub(String),
    /// GitLab: `https://<host>/<group>/…/<name>`.
    GitLab(String),
    /// Bitbucket Cloud: `https://bitbucket.org/<workspace>/<name>`.
    Bitbucket(String),
    /// Bitbucket Data Center: `https://<host>/projects/<key>/repos/<slug>`.
    DataCenter(String),
    /// CodeCommit's console: region, domain of the console, name.
    CodeCommit {
        /// `eu-central-1`.
        region: String,
        /// `console.aws.amazon.com`.
        console: &'static str,
        /// The repository's name.
        name: String,
    },
}

impl Pages {
    /// Those of a release's repository: as the page of its commit tells, else by whose repository it is. `None` where neither is known.
    pub(super) fn of(release: &Release) -> Option<Self> {
        release.commit.url.as_deref().and_then(Self::of_page).or_else(|| Self::of_address(release))
    }

    fn of_page(page: &str) -> Option<Self> {
        let before = |part: &str| page.rsplit_once(part).map(|(base, _)| base.to_owned());
        if let Some(base) = before("/-/commit/") {
            return Some(Self::GitLab(base));
        }
        match before("/commits/") {
            Some(base) if base.contains("/repos/") => Some(Self::DataCenter(base)),
            Some(base) => Some(Self::Bitbucket(base)),
            None => before("/commit/").map(Self::GitHub),
        }
    }

    fn of_address(release: &Release) -> Option<Self> {
        let told = release.delivery.split('/').next().and_then(Source::parse);
        let source = Source::of_address(&release.repository).or(told)?;
        let Address { host, path } = Address::parse(&release.repository)?;
        let page = format!("https://{}", release.repository);
        match source {
            Source::GitHub => Some(Self::GitHub(page)),
            Source::GitLab => Some(Self::GitLab(page)),
            Source::Bitbucket if host.eq_ignore_ascii_case("bitbucket.org") => Some(Self::Bitbucket(page)),
            Source::Bitbucket => {
                let [project, slug] = path[..] else { return None };
                Some(Self::DataCenter(format!("https://{host}/projects/{project}/repos/{slug}")))
            }
            Source::CodeCommit => {
                let region = is_codecommit(host).then(|| host.split('.').nth(1))??.to_owned();
                let console = if region.starts_with("cn-") { "console.amazonaws.cn" } else { "console.aws.amazon.com" };
                Some(Self::CodeCommit { region, console, name: (*path.last()?).to_owned() })
            }
        }
    }

    /// The page of a commit.
    pub(super) fn commit(&self, id: &str) -> String {
        match self {
            Self::GitHub(base) => format!("{base}/commit/{id}"),
            Self::GitLab(base) => format!("{base}/-/commit/{id}"),
            Self::Bitbucket(base) | Self::DataCenter(base) => format!("{base}/commits/{id}"),
            Self::CodeCommit { region, console, name } => {
                format!(
                    "https://{region}.{console}/codesuite/codecommit/repositories/{name}/commit/{id}?region={region}"
                )
            }
        }
    }

    /// The page with what came after `from`, up to `to`. `None` for CodeCommit, whose console compares branches and tags.
    ///
    /// Sources: <https://docs.github.com/en/pull-requests/committing-changes-to-your-project/viewing-and-comparing-commits/comparing-commits>,
    /// <https://docs.gitlab.com/user/project/repository/compare_revisions/>.
    pub(super) fn compare(&self, from: &str, to: &str) -> Option<String> {
        match self {
            Self::GitHub(base) => Some(format!("{base}/compare/{from}...{to}")),
            Self::GitLab(base) => Some(format!("{base}/-/compare/{from}...{to}")),
            Self::Bitbucket(base) => Some(format!("{base}/branches/compare/{to}..{from}")),
            Self::DataCenter(base) => Some(format!("{base}/compare/commits?sourceBranch={to}&targetBranch={from}")),
            Self::CodeCommit { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(repository: &str, delivery: &str, url: Option<&str>) -> Option<(String, Option<String>)> {
        let mut release = crate::release::sample();
        release.repository = repository.into();
        release.delivery = delivery.into();
        release.commit.url = url.map(str::to_owned);
        let pages = Pages::of(&release)?;
        Some((pages.commit("c"), pages.compare("a", "c")))
    }

    #[test]
    fn each_provider_compares_in_its_own_way() {
        for (url, compared) in [
            ("https://github.com/acme/web/commit/c", "https://github.com/acme/web/compare/a...c"),
            ("http://git.example:8080/acme/web/commit/c", "http://git.example:8080/acme/web/compare/a...c"),
            ("https://gitlab.com/acme/shop/web/-/commit/c", "https://gitlab.com/acme/shop/web/-/compare/a...c"),
            ("https://bitbucket.org/acme/web/commits/c", "https://bitbucket.org/acme/web/branches/compare/c..a"),
        ] {
            let found = pages("host.example/acme/web", "", Some(url));
            assert_eq!(found, Some((url.to_owned(), Some(compared.to_owned()))));
        }
    }

    #[test]
    fn where_the_commits_page_is_not_told_the_address_and_the_delivery_tell() {
        let page = |repository, delivery| pages(repository, delivery, None).map(|(commit, _)| commit);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(page("github.com/acme/web", ""), text("https://github.com/acme/web/commit/c"));
        assert_eq!(page("bitbucket.org/acme/web", ""), text("https://bitbucket.org/acme/web/commits/c"));
        assert_eq!(page("git.example/acme/web", "gitlab/1"), text("https://git.example/acme/web/-/commit/c"));
        assert_eq!(page("git.example/acme/web", ""), None, "anybody's");
        assert_eq!(
            pages("git.example/ACME/web", "bitbucket/1", None),
            Some((
                "https://git.example/projects/ACME/repos/web/commits/c".to_owned(),
                text("https://git.example/projects/ACME/repos/web/compare/commits?sourceBranch=c&targetBranch=a"),
            ))
        );
        let console =
            "https://eu-west-1.console.aws.amazon.com/codesuite/codecommit/repositories/web/commit/c?region=eu-west-1";
        let repository = "git-codecommit.eu-west-1.amazonaws.com/v1/repos/web";
        assert_eq!(pages(repository, "", None), Some((console.to_owned(), None)));
    }
}
