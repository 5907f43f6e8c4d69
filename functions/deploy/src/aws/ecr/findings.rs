//! What the scan of an image found.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::{FindingSeverity, ImageIdentifier, ScanStatus};
use longshore_core::{config::Severity, image::Digest};

use super::{Registry, refused_or};
use crate::aws::Call;

/// What the scan of an image came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Findings {
    /// It is not done.
    Pending,
    /// It found nothing at or above the severity.
    Clean,
    /// It found something: how much of each severity at or above that one.
    Found(BTreeMap<Severity, u32>),
    /// There is no scan, or it failed: why. Just after a push the scan may not have been asked for yet.
    NotScanned(String),
}

impl Registry {
    /// What the scan of an image found at or above a severity. ECR scans images, not lists of them: of a list ask for the images of its
    /// platforms. With enhanced scanning the counts are those of now, and may change.
    /// Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html>.
    pub async fn findings(
        &self,
        repository: &str,
        digest: &Digest,
        at_or_above: Severity,
    ) -> anyhow::Result<Call<Findings>> {
        let id = ImageIdentifier::builder().image_digest(digest.as_str()).build();
        let request = self.client.describe_image_scan_findings().set_registry_id(self.account.clone());
        let answer = match request.repository_name(repository).image_id(id).max_results(1).send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match error.as_service_error() {
                    Some(refusal) if refusal.is_scan_not_found_exception() => {
                        Ok(Call::Done(Findings::NotScanned("there is no scan of the image".to_owned())))
                    }
                    _ => refused_or(&error, "the image's scan could not be read"),
                };
            }
        };
        let scan = answer.image_scan_status();
        let status = scan.and_then(|scan| scan.status());
        Ok(Call::Done(match status {
            Some(ScanStatus::Pending | ScanStatus::InProgress) => Findings::Pending,
            // Enhanced scanning goes on for as long as the image is there.
            Some(ScanStatus::Complete | ScanStatus::Active) => {
                let counts = answer.image_scan_findings().and_then(|findings| findings.finding_severity_counts());
                counted(counts.into_iter().flatten(), at_or_above)
            }
            other => {
                let word = other.map_or("no status", ScanStatus::as_str);
                let description = scan.and_then(|scan| scan.description());
                let why = description.map_or_else(|| word.to_owned(), |description| format!("{word}: {description}"));
                Findings::NotScanned(why)
            }
        }))
    }
}

/// UNDEFINED and UNTRIAGED are below everything.
fn counted<'a>(counts: impl Iterator<Item = (&'a FindingSeverity, &'a i32)>, at_or_above: Severity) -> Findings {
    let counts = counts.filter_map(|(severity, count)| {
        let severity = Severity::parse(severity.as_str()).filter(|severity| *severity >= at_or_above)?;
        let count = u32::try_from(*count).ok().filter(|count| *count > 0)?;
        Some((severity, count))
    });
    let counts: BTreeMap<_, _> = counts.collect();
    if counts.is_empty() { Findings::Clean } else { Findings::Found(counts) }
}
