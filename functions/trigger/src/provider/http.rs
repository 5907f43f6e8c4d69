//! Requests as all providers take them: with a bearer token, and with bounds on what comes back.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use longshore_aws::outbound::{self, Lazy, Unread};
use reqwest::{Client, RequestBuilder, Url, header::HeaderMap, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::ProviderError;

/// For how long one request may take, its answer included.
const EACH: Duration = Duration::from_secs(3);
/// How many redirects are followed: a repository that was renamed takes one.
const REDIRECTS: usize = 3;
/// For how long a provider that says "too many" without saying for how long is left alone.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// For how long it is left alone at most, whatever it says.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// The client.
#[derive(Debug)]
pub(super) struct Http(Lazy);

/// A successful answer.
pub(super) struct Answer {
    /// The header `Link`.
    pub(super) link: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ProviderError> {
        serde_json::from_slice(&self.body).map_err(|_| ProviderError::Unreadable)
    }
}

impl Http {
    pub(super) const fn new() -> Self {
        Self(Lazy::new(|| outbound::client(EACH, same_host())))
    }

    pub(super) async fn get(&self, url: Url, token: &SecretString) -> Result<Answer, ProviderError> {
        sent(self.client()?.get(url), token).await
    }

    pub(super) async fn post(&self, url: Url, token: &SecretString) -> Result<Answer, ProviderError> {
        sent(self.client()?.post(url), token).await
    }

    fn client(&self) -> Result<&Client, ProviderError> {
        self.0.get().map_err(|why| ProviderError::Unreached(why.to_owned()))
    }
}

/// A redirect is followed only to where the token was sent already.
fn same_host() -> Policy {
    Policy::custom(|attempt| {
        let first = attempt.previous().first().map(Url::origin);
        if attempt.previous().len() <= REDIRECTS && first == Some(attempt.url().origin()) {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

async fn sent(request: RequestBuilder, token: &SecretString) -> Result<Answer, ProviderError> {
    let request = request.bearer_auth(token.expose_secret()).header("accept", "application/json");
    let mut answer = request.send().await.map_err(|error| unreached(&error))?;
    if !answer.status().is_success() {
        return Err(refusal(answer.status().as_u16(), answer.headers(), Timestamp::now()));
    }
    let link = text(answer.headers(), "link").map(str::to_owned);
    let body = outbound::body(&mut answer, outbound::LIMIT).await.map_err(|unread| match unread {
        Unread::TooLarge => ProviderError::TooLarge,
        Unread::Broken(error) => unreached(&error),
    })?;
    Ok(Answer { link, body })
}

fn unreached(error: &reqwest::Error) -> ProviderError {
    ProviderError::Unreached(outbound::unreached(error).to_owned())
}

/// Source: <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>: GitHub's limits come as 403 or 429, with
/// `retry-after` or with `x-ratelimit-remaining: 0` and the time of `x-ratelimit-reset`, or with neither. Bitbucket and GitLab answer 429.
fn refusal(status: u16, headers: &HeaderMap, now: Timestamp) -> ProviderError {
    let after = number(headers, "retry-after").map(|seconds| now.saturating_add(SignedDuration::from_secs(seconds)));
    let used_up = number(headers, "x-ratelimit-remaining") == Some(0);
    let reset = || number(headers, "x-ratelimit-reset").and_then(|second| Timestamp::from_second(second).ok());
    let limited = status == 429 || (status == 403 && (after.is_some() || used_up));
    if limited {
        let told = after.and_then(Result::ok).or_else(|| reset().filter(|_| used_up)).unwrap_or(now + PAUSE);
        return ProviderError::Limited { until: told.clamp(now, now + LONGEST_PAUSE) };
    }
    match status {
        401 | 403 | 404 => ProviderError::Refused(status),
        _ => ProviderError::Status(status),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// No number that is too large to be a time is one.
fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    text(headers, name)?.trim().parse::<u32>().ok().map(i64::from)
}

/// An address below a base URL; each segment is percent-encoded, its slashes too.
pub(super) fn address(base: &str, segments: &[&str]) -> Result<Url, ProviderError> {
    let mut url = Url::parse(base).map_err(|_| ProviderError::Unaskable("the API's address is no URL"))?;
    url.path_segments_mut()
        .map_err(|()| ProviderError::Unaskable("the API's address is no URL"))?
        .pop_if_empty()
        .extend(segments);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, headers: &[(&'static str, &str)]) -> ProviderError {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a header"));
        }
        refusal(status, &map, Timestamp::from_second(1_000_000).expect("a time"))
    }

    fn until(second: i64) -> ProviderError {
        ProviderError::Limited { until: Timestamp::from_second(second).expect("a time") }
    }

    #[test]
    fn a_limit_says_until_when() {
        assert_eq!(told(403, &[("retry-after", "30")]), until(1_000_030));
        assert_eq!(told(429, &[("retry-after", "30"), ("x-ratelimit-remaining", "0")]), until(1_000_030));
        assert_eq!(told(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000600")]), until(1_000_600));
        assert_eq!(told(429, &[]), until(1_000_060));
        assert_eq!(told(403, &[("x-ratelimit-remaining", "0")]), until(1_000_060));
        assert_eq!(told(429, &[("x-ratelimit-remaining", "12"), ("x-ratelimit-reset", "1000600")]), until(1_000_060));
    }

    #[test]
    fn a_limit_is_an_hour_at_most_and_never_past() {
        assert_eq!(told(429, &[("retry-after", "4294967295")]), until(1_003_600));
        assert_eq!(told(429, &[("retry-after", "99999999999999999999")]), until(1_000_060));
        assert_eq!(told(429, &[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]), until(1_000_060));
        assert_eq!(told(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "5")]), until(1_000_000));
    }

    #[test]
    fn a_refusal_is_no_limit() {
        assert_eq!(told(403, &[("x-ratelimit-remaining", "4999")]), ProviderError::Refused(403));
        assert_eq!(told(404, &[("retry-after", "30")]), ProviderError::Refused(404));
        assert_eq!(told(302, &[]), ProviderError::Status(302));
        assert_eq!(told(500, &[("retry-after", "30")]), ProviderError::Status(500));
    }

    #[test]
    fn a_segment_stays_one() {
        let url = address("https://h.example/api/v4/", &["projects", "a/b?c#d%2e", "ü"]).expect("a URL");
        assert_eq!(url.as_str(), "https://h.example/api/v4/projects/a%2Fb%3Fc%23d%252e/%C3%BC");
        assert!(address("no address", &[]).is_err() && address("mailto:a@b", &["c"]).is_err());
    }
}
