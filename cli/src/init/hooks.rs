//! The webhooks of a repository, by its provider's API.
//!
//! | provider | calls | what the token has to be allowed |
//! | --- | --- | --- |
//! | GitHub | <https://docs.github.com/en/rest/repos/webhooks> | Webhooks: read and write; classic: `admin:repo_hook` |
//! | GitLab | <https://docs.gitlab.com/api/project_webhooks/> | `api`, role Maintainer |
//! | Bitbucket Cloud | <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/> | `webhook` |
//!
//! The token goes to that host alone: no redirection is followed.

use std::time::Duration;

use anyhow::bail;
use longshore_aws::outbound::{self, Unread};
use longshore_core::{
    address::{self, Address},
    config::{Config, Pipeline},
    push::{Cause, Source},
};
use reqwest::{Client, Method, StatusCode, Url, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;
/// How many of the newest deliveries are looked at.
const NEWEST: usize = 30;

/// A client of one repository's webhooks.
pub struct Hooks {
    source: Source,
    /// Where its webhooks are.
    url: Url,
    token: SecretString,
    client: Client,
}

/// What a webhook has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it delivers to.
    pub url: String,
    /// The provider's words for the events that are needed.
    pub events: Vec<&'static str>,
}

/// A webhook that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The provider's id.
    pub id: String,
    /// Where it delivers to.
    pub url: String,
    /// Whether it delivers at all.
    pub active: bool,
    /// The events that it delivers; `*` is all.
    pub events: Vec<String>,
    /// GitHub's content type, `json` or `form`; both are taken.
    pub content_type: Option<String>,
}

/// Why there is no answer: a sentence. No token and no body is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The provider refused: 401, 403 and 404, which providers do not tell apart.
    #[error("{0} refuses with status {1}: a wrong token, one that may not do this, or no such repository")]
    Refused(Source, u16),
    /// Something else.
    #[error("{0} {1}")]
    Other(Source, String),
}

impl Wanted {
    /// What the pipelines of a repository need; `base` is the stack's URL.
    pub fn of(source: Source, config: &Config, repository: &str, base: &str) -> Self {
        let any = |is: fn(&Pipeline) -> bool| config.of_repository(repository).any(is);
        let merges = any(|pipeline| pipeline.on == Cause::Merge);
        let tags = any(|pipeline| !pipeline.tags.is_empty());
        let events = match source {
            Source::GitHub => [("push", true), ("pull_request", merges)].to_vec(),
            // A merge is the push that it makes.
            Source::Bitbucket => [("repo:push", true)].to_vec(),
            Source::GitLab => {
                [("push_events", true), ("tag_push_events", tags), ("merge_requests_events", merges)].to_vec()
            }
            Source::CodeCommit => Vec::new(),
        };
        let events = events.into_iter().filter_map(|(event, needed)| needed.then_some(event)).collect();
        Self { url: format!("{base}/webhooks/{}", source.word()), events }
    }

    /// The events that a webhook lacks.
    pub fn lacks(&self, hook: &Hook) -> Vec<&'static str> {
        let has = |event: &str| hook.events.iter().any(|has| has == event || has == "*");
        self.events.iter().copied().filter(|event| !has(event)).collect()
    }

    /// Whether a webhook delivers to the same place.
    pub fn is(&self, hook: &Hook) -> bool {
        let comparable = |url: &str| Url::parse(url).ok().map(|url| url.as_str().trim_end_matches('/').to_owned());
        comparable(&hook.url).is_some_and(|url| comparable(&self.url) == Some(url))
    }
}

impl Hooks {
    /// `api`: where the provider's API is, up to where its paths begin; without it, where the repository's host has it. An error for
    /// those that have none here: CodeCommit, Bitbucket Data Center.
    pub fn new(source: Source, repository: &str, token: SecretString, api: Option<&Url>) -> anyhow::Result<Self> {
        let Some(Address { host, path }) = Address::parse(repository) else {
            bail!("{repository} is not host/owner/name");
        };
        let (base, path) = match source {
            Source::GitHub => (api_of_github(host), [&["repos"], &path[..], &["hooks"]].concat()),
            Source::GitLab => {
                let joined = path.join("/");
                return Self::at(
                    source,
                    &format!("https://{host}/api/v4"),
                    api,
                    &["projects", &joined, "hooks"],
                    token,
                );
            }
            Source::Bitbucket if address::public(host).is_some() => {
                ("https://api.bitbucket.org/2.0".to_owned(), [&["repositories"], &path[..], &["hooks"]].concat())
            }
            Source::Bitbucket => {
                bail!("the webhook of a Bitbucket Data Center is made by hand: Repository settings, Webhooks")
            }
            Source::CodeCommit => bail!("CodeCommit needs no webhook: the stack has a rule for its events"),
        };
        Self::at(source, &base, api, &path, token)
    }

    fn at(source: Source, base: &str, api: Option<&Url>, path: &[&str], token: SecretString) -> anyhow::Result<Self> {
        let mut url = match api {
            Some(api) => api.clone(),
            None => Url::parse(base)?,
        };
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        Ok(Self { source, url, token, client: client()? })
    }

    /// All webhooks of the repository, at most a hundred: GitHub takes twenty of a kind, Bitbucket fifty.
    pub async fn list(&self) -> Result<Vec<Hook>, NoAnswer> {
        let mut url = self.url.clone();
        let size = if self.source == Source::Bitbucket { "pagelen" } else { "per_page" };
        url.query_pairs_mut().append_pair(size, "100");
        let answer = self.ask(Method::GET, url, None).await?;
        let items = if self.source == Source::Bitbucket { &answer["values"] } else { &answer };
        let items = items.as_array().ok_or_else(|| self.other("answers with what is no list of webhooks"))?;
        Ok(items.iter().filter_map(|item| self.read(item)).collect())
    }

    /// The status that each of the newest deliveries of a webhook was answered with, the newest first, at most [`NEWEST`], and 0 where there was
    /// no answer. `None` where the provider does not tell: Bitbucket, and a GitLab before 17.3. GitLab tells those of the last seven days.
    /// Sources: <https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook>,
    /// <https://docs.gitlab.com/api/project_webhooks/#get-a-list-of-project-webhook-events>.
    pub async fn deliveries(&self, hook: &Hook) -> Result<Option<Vec<u64>>, NoAnswer> {
        let (list, key) = match self.source {
            Source::GitHub => ("deliveries", "status_code"),
            Source::GitLab => ("events", "response_status"),
            Source::Bitbucket | Source::CodeCommit => return Ok(None),
        };
        match self.ask(Method::GET, self.below(&[&hook.id, list]), None).await {
            Ok(list) => Ok(Some(statuses(&list, key))),
            // The webhook itself was seen, with the same token.
            Err(NoAnswer::Refused(Source::GitLab, 404)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes one.
    pub async fn create(&self, wanted: &Wanted, secret: &SecretString) -> Result<(), NoAnswer> {
        self.ask(Method::POST, self.url.clone(), Some(&self.body(wanted, Some(secret)))).await.map(drop)
    }

    /// Gives one the events and, where it is said, the secret that are wanted.
    pub async fn update(&self, hook: &Hook, wanted: &Wanted, secret: Option<&SecretString>) -> Result<(), NoAnswer> {
        let method = if self.source == Source::GitHub { Method::PATCH } else { Method::PUT };
        let mut body = self.body(wanted, secret);
        if self.source != Source::GitLab {
            // What else it delivers stays.
            let mut events: Vec<&str> = hook.events.iter().map(String::as_str).collect();
            events.extend(wanted.lacks(hook));
            body["events"] = events.into();
        }
        self.ask(method, self.below(&[&hook.id]), Some(&body)).await.map(drop)
    }

    fn body(&self, wanted: &Wanted, secret: Option<&SecretString>) -> Value {
        let secret = secret.map(ExposeSecret::expose_secret);
        match self.source {
            Source::GitLab => {
                let mut body = json!({ "url": wanted.url, "enable_ssl_verification": true });
                for event in &wanted.events {
                    body[event] = true.into();
                }
                if let Some(secret) = secret {
                    body["token"] = secret.into();
                }
                body
            }
            Source::Bitbucket => {
                let mut body =
                    json!({ "description": "Longshore", "url": wanted.url, "active": true, "events": wanted.events });
                if let Some(secret) = secret {
                    body["secret"] = secret.into();
                }
                body
            }
            Source::GitHub | Source::CodeCommit => {
                let mut body = json!({ "active": true, "events": wanted.events });
                if let Some(secret) = secret {
                    body["name"] = "web".into();
                    body["config"] =
                        json!({ "url": wanted.url, "content_type": "json", "insecure_ssl": "0", "secret": secret });
                }
                body
            }
        }
    }

    fn read(&self, item: &Value) -> Option<Hook> {
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let id = |value: &Value| value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|id| id.to_string()));
        Some(match self.source {
            Source::GitHub | Source::CodeCommit => Hook {
                id: id(&item["id"])?,
                url: item["config"]["url"].as_str()?.to_owned(),
                active: item["active"] != false,
                events: texts(&item["events"]),
                content_type: item["config"]["content_type"].as_str().map(str::to_owned),
            },
            Source::Bitbucket => Hook {
                id: id(&item["uuid"])?,
                url: item["url"].as_str()?.to_owned(),
                active: item["active"] != false,
                events: texts(&item["events"]),
                content_type: None,
            },
            Source::GitLab => Hook {
                id: id(&item["id"])?,
                url: item["url"].as_str()?.to_owned(),
                // `executable`, `temporarily_disabled` or `disabled`.
                active: item["alert_status"].as_str().is_none_or(|status| status == "executable"),
                events: item
                    .as_object()?
                    .iter()
                    .filter(|(name, value)| name.ends_with("_events") && **value == true)
                    .map(|(name, _)| name.clone())
                    .collect(),
                content_type: None,
            },
        })
    }

    fn below(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(segments);
        }
        url
    }

    async fn ask(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Value, NoAnswer> {
        let token = self.token.expose_secret();
        let mut request = self.client.request(method, url).bearer_auth(token).header("accept", "application/json");
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| self.other(unreached(&error)))?;
        let status = answer.status();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                Err(NoAnswer::Refused(self.source, status.as_u16()))
            }
            _ if !status.is_success() => Err(self.other(&format!("answers with status {}", status.as_u16()))),
            StatusCode::NO_CONTENT => Ok(Value::Null),
            _ => json_of(answer).await.map_err(|why| self.other(why)),
        }
    }

    fn other(&self, why: &str) -> NoAnswer {
        NoAnswer::Other(self.source, why.to_owned())
    }
}

/// Where the API of GitHub is, on its own host or a server of one's own.
/// Source: <https://docs.github.com/en/enterprise-cloud@latest/rest/using-the-rest-api/getting-started-with-the-rest-api>.
pub fn api_of_github(host: &str) -> String {
    match address::public(host) {
        Some(_) => format!("https://api.{host}"),
        None => format!("https://{host}/api/v3"),
    }
}

/// A number, or GitLab's text of it: `internal error` where there was no answer.
fn statuses(list: &Value, key: &str) -> Vec<u64> {
    let status = |item: &Value| item[key].as_u64().or_else(|| item[key].as_str()?.parse().ok()).unwrap_or_default();
    list.as_array().into_iter().flatten().take(NEWEST).map(status).collect()
}

/// The program's HTTP client: what is sent is secret, so that no redirection is followed.
pub fn client() -> anyhow::Result<Client> {
    // Installed by whoever is first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let agent = concat!("longshore/", env!("CARGO_PKG_VERSION"));
    Ok(Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(15)).user_agent(agent).build()?)
}

/// What happened on the way; the error itself has the address in it.
pub fn unreached(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() { "does not answer in time" } else { "is not reached" }
}

/// An answer as JSON, within bounds.
pub async fn json_of(mut answer: reqwest::Response) -> Result<Value, &'static str> {
    let body = outbound::body(&mut answer, LONGEST).await.map_err(|unread| match unread {
        Unread::TooLarge => "answers with too much",
        Unread::Broken(error) => unreached(&error),
    })?;
    serde_json::from_slice(&body).map_err(|_| "answers with what is no JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_each_provider_writes_it() {
        assert_eq!(statuses(&json!([{ "status_code": 202 }, { "status_code": 0 }]), "status_code"), [202, 0]);
        let events = json!([{ "response_status": "401" }, { "response_status": "internal error" }]);
        assert_eq!(statuses(&events, "response_status"), [401, 0]);
        let many = Value::from(vec![json!({ "status_code": 200 }); NEWEST + 1]);
        assert_eq!(statuses(&many, "status_code").len(), NEWEST);
    }
}
