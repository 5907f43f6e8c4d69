//! The newest deliveries of a webhook: how they were answered, where the provider tells it.

use longshore_core::{address::Address, push::Source};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::finding::{Code, Finding};
use crate::init::hooks::{Hook, Hooks, NoAnswer, client, json_of, unreached};

/// How many of the newest deliveries are looked at.
const NEWEST: usize = 30;

/// Whose webhook is looked at, and with what.
pub struct Place<'a> {
    /// The provider.
    pub source: Source,
    /// `host/owner/name`.
    pub repository: &'a str,
    /// The token for its API.
    pub token: SecretString,
    /// Where its API is, if not where the repository's host has it.
    pub api: Option<Url>,
}

/// The status that each delivery was answered with, the newest first, and 0 where there was no answer. `None` where the provider does not tell:
/// Bitbucket, and a GitLab before 17.3.
pub async fn newest(place: &Place<'_>, hooks: &Hooks, hook: &Hook) -> Result<Option<Vec<u64>>, NoAnswer> {
    Ok(match place.source {
        Source::GitHub => Some(statuses(&hooks.deliveries(hook).await?, "status_code")),
        Source::GitLab => events(place, hook).await?.map(|list| statuses(&list, "response_status")),
        Source::Bitbucket | Source::CodeCommit => None,
    })
}

/// A number, or GitLab's text of it: `internal error` where there was no answer.
fn statuses(list: &Value, key: &str) -> Vec<u64> {
    let status = |item: &Value| item[key].as_u64().or_else(|| item[key].as_str()?.parse().ok()).unwrap_or_default();
    list.as_array().into_iter().flatten().take(NEWEST).map(status).collect()
}

/// What GitLab delivered in the last seven days, the newest first; `None` of one that does not have this.
/// Source: <https://docs.gitlab.com/api/project_webhooks/#get-a-list-of-project-webhook-events>.
async fn events(place: &Place<'_>, hook: &Hook) -> Result<Option<Value>, NoAnswer> {
    let other = |why: &str| NoAnswer::Other(place.source, why.to_owned());
    let no_address = || other("has no address of that repository");
    let Address { host, path } = Address::parse(place.repository).ok_or_else(no_address)?;
    let api = place.api.clone().or_else(|| Url::parse(&format!("https://{host}/api/v4")).ok());
    let mut url = api.ok_or_else(no_address)?;
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["projects", &path.join("/"), "hooks", &hook.id, "events"]);
    }
    let client = client().map_err(|_| other("cannot be asked"))?;
    let request = client.get(url).bearer_auth(place.token.expose_secret());
    let answer = request.send().await.map_err(|error| other(unreached(&error)))?;
    match answer.status() {
        // The webhook itself was seen, with the same token.
        StatusCode::NOT_FOUND => Ok(None),
        status if status.is_success() => json_of(answer).await.map(Some).map_err(other),
        status => Err(other(&format!("answers with status {}", status.as_u16()))),
    }
}

/// What is the matter with them.
pub fn failing(subject: &str, statuses: &[u64]) -> Option<Finding> {
    let failed: Vec<u64> = statuses.iter().copied().filter(|status| !(200..300).contains(status)).collect();
    let newest_failed = failed.first()?;
    let cure = match newest_failed {
        401 => {
            "the webhook's secret is not the one in the stack's secret: set it anew, `longshore init --stack … --token-from-env --force`"
        }
        0 | 500.. => "the log of the function trigger says why; GitHub's are sent again by the tick",
        _ => "the delivery's answer, on the webhook's page (Recent Deliveries, Recent events), says why",
    };
    let told = if *newest_failed == 0 { "no answer".to_owned() } else { format!("status {newest_failed}") };
    let message =
        format!("{} of the last {} deliveries failed, the newest of them with {told}", failed.len(), statuses.len());
    // One that failed long ago, with all since then well, is no matter any more.
    Some(if statuses.first() == Some(newest_failed) {
        Finding::wrong(Code::WebhookFailing, subject, message, cure)
    } else {
        Finding::advice(Code::WebhookFailing, subject, message, cure)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn deliveries_that_fail_now_are_wrong_and_those_that_failed_before_are_not() {
        let told = |statuses: &[u64]| failing("webhook", statuses).map(|finding| (finding.severity, finding.message));
        assert_eq!(told(&[202, 200]), None);
        assert_eq!(told(&[]), None);
        let (severity, message) = told(&[401, 202]).expect("a finding");
        assert_eq!(
            (severity, message.as_str()),
            (Severity::Wrong, "1 of the last 2 deliveries failed, the newest of them with status 401")
        );
        assert_eq!(told(&[200, 0, 503]).map(|(severity, _)| severity), Some(Severity::Advice));
    }

    #[test]
    fn a_status_is_read_as_each_provider_writes_it() {
        assert_eq!(statuses(&json!([{ "status_code": 202 }, { "status_code": 0 }]), "status_code"), [202, 0]);
        let events = json!([{ "response_status": "401" }, { "response_status": "internal error" }]);
        assert_eq!(statuses(&events, "response_status"), [401, 0]);
        let many = Value::from(vec![json!({ "status_code": 200 }); NEWEST + 1]);
        assert_eq!(statuses(&many, "status_code").len(), NEWEST);
    }
}
