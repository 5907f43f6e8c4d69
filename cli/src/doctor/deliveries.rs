//! The newest deliveries of a webhook: how they were answered.

use super::finding::{Code, Finding};

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
}
