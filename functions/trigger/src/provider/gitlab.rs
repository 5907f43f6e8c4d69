//! GitLab: the comparison of two commits.

use serde::Deserialize;

use super::{ProviderError, Providers, Question, bounded, http::address};

#[derive(Deserialize)]
struct Comparison {
    diffs: Vec<Diff>,
    /// GitLab came upon one of its limits, and the list may not be whole.
    compare_timeout: Option<bool>,
}

#[derive(Deserialize)]
struct Diff {
    old_path: String,
    new_path: String,
}

impl Providers {
    /// `GET /projects/{id}/repository/compare?straight=true`, which compares the two trees; without `straight` it is from the merge
    /// base. The answer has the text of every change, so a large push can make it longer than we read.
    ///
    /// Source: <https://docs.gitlab.com/api/repositories/#compare-branches-tags-or-commits>
    pub(super) async fn gitlab_files(&self, question: Question<'_>) -> Result<Option<Vec<String>>, ProviderError> {
        let Question { repository, before, after, token } = question;
        let base = match &self.bases.gitlab {
            Some(base) => base.clone(),
            None => format!("https://{}/api/v4", repository.host),
        };
        let mut url = address(&base, &["projects", &repository.path.join("/"), "repository", "compare"])?;
        url.query_pairs_mut().append_pair("from", before).append_pair("to", after).append_pair("straight", "true");
        let answer: Comparison = self.http.get(url, token).await?.json()?;
        if answer.compare_timeout == Some(true) {
            return Ok(None);
        }
        Ok(bounded(answer.diffs.into_iter().flat_map(|diff| [diff.old_path, diff.new_path]).collect()))
    }
}
