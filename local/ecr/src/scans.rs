//! Scan results, which tests decide: nothing is really scanned.
//! Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html>.

use std::collections::BTreeMap;

use local_protocol::{ACCOUNT, Answer, Refusal};
use serde_json::{Value, json};

use crate::{
    ecr::{Ecr, with_token},
    images::{Id, see},
    input::{invalid, page},
};

/// What `DescribeImageScanFindings` says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    /// A basic scan is done, with these findings. An image of which nothing was said has none.
    Complete(Vec<Finding>),
    /// An enhanced scan (Amazon Inspector) is done and goes on: findings have the enhanced shape, the status is `ACTIVE`.
    Active(Vec<Finding>),
    /// The scan runs.
    InProgress,
    /// An enhanced scan has not begun.
    Pending,
    /// The scan failed, for this reason.
    Failed(String),
    /// The image cannot be scanned, for this reason: `UNSUPPORTED_IMAGE`.
    Unsupported(String),
    /// There is no scan of the image: `ScanNotFoundException`.
    NotFound,
}

impl Default for Scan {
    fn default() -> Self {
        Self::Complete(Vec::new())
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// For example `CVE-2026-12345`.
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// The package that it is in.
    pub package: String,
}

impl Finding {
    /// A finding in a package.
    pub fn new(name: &str, severity: Severity, package: &str) -> Self {
        Self { name: name.into(), severity, package: package.into() }
    }
}

/// `FindingSeverity`, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nobody has said.
    Undefined,
    /// Nothing to do.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// The basic scan's word; an enhanced scan says `UNTRIAGED` for the first.
    pub fn name(self) -> &'static str {
        match self {
            Self::Undefined => "UNDEFINED",
            Self::Informational => "INFORMATIONAL",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }

    fn enhanced(self) -> &'static str {
        match self {
            Self::Undefined => "UNTRIAGED",
            Self::Informational | Self::Low | Self::Medium | Self::High | Self::Critical => self.name(),
        }
    }
}

impl Finding {
    fn basic(&self) -> Value {
        json!({
            "name": self.name, "severity": self.severity.name(),
            "uri": format!("https://security-tracker.debian.org/tracker/{}", self.name),
            "attributes": [{ "key": "package_name", "value": self.package }],
        })
    }

    fn enhanced(&self) -> Value {
        json!({
            "awsAccountId": ACCOUNT, "title": format!("{} - {}", self.name, self.package),
            "severity": self.severity.enhanced(), "status": "ACTIVE", "type": "PACKAGE_VULNERABILITY",
            "packageVulnerabilityDetails": {
                "vulnerabilityId": self.name, "vulnerablePackages": [{ "name": self.package }],
            },
        })
    }
}

/// `DescribeImageScanFindings`.
pub async fn describe(ecr: &Ecr, input: &Value) -> Answer {
    let repository = ecr.existing(input)?;
    if !input["imageId"].is_object() {
        return Err(invalid("Invalid parameter at 'imageId' failed to satisfy constraint: 'must not be null'"));
    }
    let id = Id::read(&input["imageId"])?;
    let manifest = id.resolve(ecr, repository).await?.map_err(|failure| failure.refusal(repository))?;
    let seen = see(ecr, repository, &manifest.digest);
    let mut answer = json!({
        "registryId": ACCOUNT, "repositoryName": repository, "imageId": { "imageDigest": manifest.digest },
    });
    if let Some(tag) = &id.tag {
        answer["imageId"]["imageTag"] = tag.as_str().into();
    }
    let mut status = |status: &str, description: &str| {
        answer["imageScanStatus"] = json!({ "status": status, "description": description });
    };
    match ecr.scan_of(&manifest.digest) {
        Scan::NotFound => {
            let message = format!(
                "Image scan does not exist for the image with '{}' in the repository with name '{repository}' in the \
                 registry with id '{ACCOUNT}'",
                id.printed()
            );
            return Err(Refusal::client("ScanNotFoundException", message));
        }
        Scan::InProgress => status("IN_PROGRESS", "The scan is running."),
        Scan::Pending => status("PENDING", "The scan has not begun."),
        Scan::Failed(reason) => status("FAILED", &reason),
        Scan::Unsupported(reason) => status("UNSUPPORTED_IMAGE", &reason),
        Scan::Complete(findings) => {
            status("COMPLETE", "The scan was completed successfully.");
            return found(answer, "findings", &findings, Finding::basic, input, seen);
        }
        Scan::Active(findings) => {
            status("ACTIVE", "Continuous scan is selected for image.");
            return found(answer, "enhancedFindings", &findings, Finding::enhanced, input, seen);
        }
    }
    Ok(answer)
}

/// One page of findings, and the counts of all.
fn found(
    mut answer: Value,
    member: &str,
    findings: &[Finding],
    shape: impl Fn(&Finding) -> Value,
    input: &Value,
    at: f64,
) -> Answer {
    let shapes: Vec<Value> = findings.iter().map(shape).collect();
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for severity in shapes.iter().filter_map(|finding| finding["severity"].as_str()) {
        *counts.entry(severity.to_owned()).or_default() += 1;
    }
    let (findings, next) = page(shapes, input, 100)?;
    answer["imageScanFindings"] = json!({
        "imageScanCompletedAt": at, "vulnerabilitySourceUpdatedAt": at,
        "findingSeverityCounts": counts, member: findings,
    });
    Ok(with_token(answer, next))
}
