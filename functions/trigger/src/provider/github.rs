//! GitHub: the comparison of two commits, a repository's webhooks, and their deliveries.

use std::collections::BTreeSet;

use jiff::Timestamp;
use longshore_core::address::Address;
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    ProviderError, Providers, Question, bounded,
    http::{Answer, address},
    is_at, owner_and_name, parsed,
};
use crate::redelivery::Attempt;

/// GitHub lists no more files than this for a comparison, on its first page, and does not say that it left some out.
const FILES: usize = 300;
/// How many items a page has.
const PAGE: usize = 100;
/// How many pages of webhooks are read. GitHub takes no more than 20 of a kind.
const HOOK_PAGES: usize = 5;
/// How many pages of deliveries are read at once.
const DELIVERY_PAGES: usize = 10;
/// The longest cursor that is handed back.
const CURSOR: usize = 500;
/// The longest id of a delivery that is read. GitHub's have 36 characters.
const GUID: usize = 100;

#[derive(Deserialize)]
struct Comparison {
    status: String,
    merge_base_commit: Option<Commit>,
    files: Option<Vec<File>>,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct Hook {
    id: u64,
    active: Option<bool>,
    config: Option<HookConfig>,
}

#[derive(Deserialize)]
struct HookConfig {
    url: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    id: i64,
    guid: String,
    delivered_at: Timestamp,
    redelivery: Option<bool>,
    status_code: Option<u16>,
}

impl Providers {
    /// `GET /repos/{owner}/{repo}/compare/{base}...{head}`: the files from the merge base to the head.
    ///
    /// Where the head descends from the base, the merge base is the base. After a force push it is an older commit: what the dropped
    /// commits changed is missing then, so the other direction is asked too. What differs between two trees differs between at
    /// least one of them and any third: the files of both directions are all that can differ, if both start at the same commit.
    ///
    /// Source: <https://docs.github.com/en/rest/commits/commits#compare-two-commits>
    pub(super) async fn github_files(&self, question: Question<'_>) -> Result<Option<Vec<String>>, ProviderError> {
        let there = self.comparison(question).await?;
        let mut files = BTreeSet::new();
        if !take(&mut files, there.files) {
            return Ok(None);
        }
        if !matches!(there.status.as_str(), "ahead" | "identical") {
            let back = self.comparison(Question { before: question.after, after: question.before, ..question }).await?;
            let parted = |commit: Option<Commit>| commit.map(|commit| commit.sha);
            let (one, other) = (parted(there.merge_base_commit), parted(back.merge_base_commit));
            if one.is_none() || one != other || !take(&mut files, back.files) {
                return Ok(None);
            }
        }
        Ok(bounded(files))
    }

    async fn comparison(&self, question: Question<'_>) -> Result<Comparison, ProviderError> {
        let Question { repository, before, after, token } = question;
        let mut url = self.github_address(repository, &["compare", &format!("{before}...{after}")])?;
        // Commits are paged, files are not: all of them come with the first page, of one commit.
        url.query_pairs_mut().append_pair("per_page", "1").append_pair("page", "1");
        self.http.get(url, token).await?.json()
    }

    /// The ids of a repository's active webhooks that deliver to an endpoint.
    ///
    /// Source: <https://docs.github.com/en/rest/repos/webhooks#list-repository-webhooks>
    pub(crate) async fn hooks(
        &self,
        repository: &str,
        endpoint: &str,
        token: &SecretString,
    ) -> Result<Vec<u64>, ProviderError> {
        let repository = parsed(repository)?;
        let endpoint = comparable(endpoint).ok_or(ProviderError::Unaskable("the endpoint is no URL"))?;
        let mut ids = Vec::new();
        for page in 1..=HOOK_PAGES {
            let mut url = self.github_address(&repository, &["hooks"])?;
            url.query_pairs_mut().append_pair("per_page", &PAGE.to_string()).append_pair("page", &page.to_string());
            let items: Vec<Value> = self.http.get(url, token).await?.json()?;
            let is_last = items.len() < PAGE;
            let ours = items.into_iter().filter_map(|item| Hook::deserialize(item).ok()).filter(|hook| {
                let to = hook.config.as_ref().and_then(|config| config.url.as_deref());
                hook.active != Some(false) && to.and_then(comparable).as_ref() == Some(&endpoint)
            });
            ids.extend(ours.map(|hook| hook.id));
            if is_last {
                break;
            }
        }
        Ok(ids)
    }

    /// A webhook's deliveries since then, newest first, from the cursor on (without one, from the newest). What cannot be read is left
    /// out. After ten pages, or once it is late, it ends with the cursor of what is left.
    ///
    /// Source: <https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook>. Its filter `status=failure`
    /// is of no use here: it leaves out what got no answer, and that a delivery succeeded must be known too.
    pub(crate) async fn deliveries(
        &self,
        repository: &str,
        hook: u64,
        since: Timestamp,
        mut cursor: Option<String>,
        until: Instant,
        token: &SecretString,
    ) -> Result<(Vec<Attempt>, Option<String>), ProviderError> {
        let repository = parsed(repository)?;
        let mut attempts: Vec<Attempt> = Vec::new();
        for page in 0..DELIVERY_PAGES {
            if page > 0 && Instant::now() >= until {
                break;
            }
            let mut url = self.github_address(&repository, &["hooks", &hook.to_string(), "deliveries"])?;
            url.query_pairs_mut().append_pair("per_page", &PAGE.to_string());
            if let Some(cursor) = &cursor {
                url.query_pairs_mut().append_pair("cursor", cursor);
            }
            let answer = match self.http.get(url, token).await {
                // What was read is not read again.
                Err(ProviderError::Unreached(_)) if page > 0 => break,
                answer => answer?,
            };
            let items: Vec<Value> = answer.json()?;
            let items = items.into_iter().filter_map(|item| Item::deserialize(item).ok());
            let page = items.filter(|item| item.guid.len() <= GUID).map(Attempt::from);
            let (new, old): (Vec<_>, Vec<_>) = page.partition(|attempt| attempt.at >= since);
            attempts.extend(new);
            cursor = next_cursor(&answer)?;
            if cursor.is_none() || !old.is_empty() {
                return Ok((attempts, None));
            }
        }
        Ok((attempts, cursor))
    }

    /// Has GitHub deliver again, which it does in its own time: 202.
    ///
    /// Source: <https://docs.github.com/en/rest/repos/webhooks#redeliver-a-delivery-for-a-repository-webhook>
    pub(crate) async fn deliver_again(
        &self,
        repository: &str,
        hook: u64,
        delivery: i64,
        token: &SecretString,
    ) -> Result<(), ProviderError> {
        let repository = parsed(repository)?;
        let segments = ["hooks", &hook.to_string(), "deliveries", &delivery.to_string(), "attempts"];
        self.http.post(self.github_address(&repository, &segments)?, token).await.map(drop)
    }

    /// An address below `/repos/{owner}/{repo}`.
    pub(super) fn github_address(&self, repository: &Address<'_>, segments: &[&str]) -> Result<Url, ProviderError> {
        let (owner, name) = owner_and_name(repository)?;
        let base = match &self.bases.github {
            Some(base) => base.clone(),
            None if is_at(repository, "github.com") => "https://api.github.com".to_owned(),
            None => format!("https://{}/api/v3", repository.host),
        };
        address(&base, &[&["repos", owner, name], segments].concat())
    }
}

impl From<Item> for Attempt {
    fn from(item: Item) -> Self {
        Self {
            id: item.id,
            guid: item.guid,
            at: item.delivered_at,
            redelivery: item.redelivery.unwrap_or(false),
            status: item.status_code.unwrap_or(0),
        }
    }
}

/// Takes a comparison's files, unless GitHub may have left some out.
fn take(files: &mut BTreeSet<String>, listed: Option<Vec<File>>) -> bool {
    let Some(listed) = listed.filter(|listed| listed.len() < FILES) else { return false };
    files.extend(listed.into_iter().flat_map(|file| [Some(file.filename), file.previous_filename]).flatten());
    true
}

/// A URL as it is compared: no slash at its end, its host in lower case, no port that goes without saying.
fn comparable(url: &str) -> Option<Url> {
    Url::parse(url.trim().trim_end_matches('/')).ok()
}

/// The cursor of the next page. Only that is taken from the link, so it does not matter where the link leads.
fn next_cursor(answer: &Answer) -> Result<Option<String>, ProviderError> {
    let links = answer.link.as_deref().unwrap_or_default();
    let Some(next) = links.split(',').find(|link| link.contains("rel=\"next\"")) else { return Ok(None) };
    let url = next.split_once('<').and_then(|(_, rest)| rest.split_once('>')).and_then(|(url, _)| Url::parse(url).ok());
    let cursor =
        url.and_then(|url| url.query_pairs().find(|(key, _)| key == "cursor").map(|(_, value)| value.into_owned()));
    cursor.filter(|cursor| cursor.len() <= CURSOR).map(Some).ok_or(ProviderError::Unreadable)
}
