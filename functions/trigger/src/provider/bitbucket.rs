//! Bitbucket: the difference of two commits, in Cloud and in a Data Center.

use std::collections::BTreeSet;

use reqwest::Url;
use serde::Deserialize;

use super::{MAX_FILES, ProviderError, Providers, Question, bounded, http::address, is_at, owner_and_name};

/// How many files a page of Cloud has, and one of a Data Center, as far as their administrators let it.
const CLOUD_PAGE: &str = "500";
const DATA_CENTER_PAGE: &str = "1000";
/// How many pages are read. A provider that makes smaller ones has cut its list, as far as we are concerned.
const PAGES: usize = 10;

#[derive(Deserialize)]
struct DiffStat {
    values: Vec<Stat>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Stat {
    old: Option<CloudPath>,
    new: Option<CloudPath>,
}

#[derive(Deserialize)]
struct CloudPath {
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changes {
    values: Vec<Change>,
    is_last_page: bool,
    next_page_start: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    path: DataCenterPath,
    src_path: Option<DataCenterPath>,
}

#[derive(Deserialize)]
struct DataCenterPath {
    #[serde(rename = "toString")]
    text: String,
}

impl Providers {
    pub(super) async fn bitbucket_files(&self, question: Question<'_>) -> Result<Option<Vec<String>>, ProviderError> {
        if is_at(question.repository, "bitbucket.org") {
            self.cloud_files(question).await
        } else {
            self.data_center_files(question).await
        }
    }

    /// `diffstat/{after}..{before}`: the commit with the changes comes first, the other way round than in git. `topic=false` compares
    /// the two trees; without it, it is from the merge base.
    ///
    /// Source: <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commits/#api-repositories-workspace-repo-slug-diffstat-spec-get>
    async fn cloud_files(&self, question: Question<'_>) -> Result<Option<Vec<String>>, ProviderError> {
        let Question { repository, before, after, token } = question;
        let (workspace, name) = owner_and_name(repository)?;
        let base = self.bases.bitbucket.as_deref().unwrap_or("https://api.bitbucket.org/2.0");
        let mut url = address(base, &["repositories", workspace, name, "diffstat", &format!("{after}..{before}")])?;
        url.query_pairs_mut().append_pair("topic", "false").append_pair("pagelen", CLOUD_PAGE);
        let origin = url.origin();
        let mut files = BTreeSet::new();
        for _ in 0..PAGES {
            let page: DiffStat = self.http.get(url, token).await?.json()?;
            let sides = page.values.into_iter().flat_map(|stat| [stat.old, stat.new]).flatten();
            files.extend(sides.map(|side| side.path));
            let Some(next) = page.next else { return Ok(bounded(files)) };
            if files.len() > MAX_FILES {
                return Ok(None);
            }
            url = Url::parse(&next).map_err(|_| ProviderError::Unreadable)?;
            if url.origin() != origin {
                return Err(ProviderError::Elsewhere);
            }
        }
        Ok(None)
    }

    /// `changes?since={before}&until={after}`, which compares the two trees. `compare/changes` is not asked: it names what one has and the other
    /// lacks, as a pull request would.
    ///
    /// Source: <https://support.atlassian.com/bitbucket-data-center/kb/how-to-diff-arbitrary-commits-using-rest-api/>
    async fn data_center_files(&self, question: Question<'_>) -> Result<Option<Vec<String>>, ProviderError> {
        let Question { repository, before, after, token } = question;
        let (project, name) = owner_and_name(repository)?;
        let base = match &self.bases.bitbucket {
            Some(base) => base.clone(),
            None => format!("https://{}/rest/api/1.0", repository.host),
        };
        let mut files = BTreeSet::new();
        let mut start = 0;
        for _ in 0..PAGES {
            let mut url = address(&base, &["projects", project, "repos", name, "changes"])?;
            url.query_pairs_mut()
                .append_pair("since", before)
                .append_pair("until", after)
                .append_pair("limit", DATA_CENTER_PAGE)
                .append_pair("start", &start.to_string());
            let page: Changes = self.http.get(url, token).await?.json()?;
            let sides = page.values.into_iter().flat_map(|change| [Some(change.path), change.src_path]).flatten();
            files.extend(sides.map(|side| side.text));
            if page.is_last_page {
                return Ok(bounded(files));
            }
            match page.next_page_start {
                Some(next) if files.len() <= MAX_FILES => start = next,
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}
