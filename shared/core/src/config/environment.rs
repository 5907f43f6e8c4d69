//! `[[pipeline.environment]]`: where a pipeline's image is deployed, and how.
//!
//! Everything but the names is a [`Plan`]: it is frozen in the record of each release, so that a later change of longshore.toml changes
//! no release that is under way.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Required;

/// `[[pipeline.environment]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Unique within its pipeline.
    pub name: String,
    /// The ECS services, in the order in which they are moved; at least one where `scheduled` names nothing.
    pub services: Vec<String>,
    /// `allow`: who may take releases there and back, and lock it, from Slack; nobody named: those of `approval`, else those of the pipeline.
    pub allow: Vec<Approver>,
    /// The rest.
    pub plan: Plan,
}

/// How an environment takes a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The ECS cluster.
    pub cluster: String,
    /// Whose cluster it is.
    #[serde(default, skip_serializing_if = "Account::is_own")]
    pub account: Account,
    /// The containers that get the pipeline's image; none named means those that run an image of the same repository now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    /// `images`: the ECR repository of each container that gets an image, where a release has several; the pipeline's `image` is among
    /// them. Not together with `containers`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, String>,
    /// `base`: what a new revision is made from.
    #[serde(default)]
    pub base: Base,
    /// `force`: the services are deployed anew even where nothing changes.
    #[serde(default)]
    pub force: bool,
    /// `in_order`: each service is followed to its end before the next is told; otherwise they are all told at once.
    #[serde(default)]
    pub in_order: bool,
    /// `scheduled`: the families whose EventBridge rules and schedules get the new revision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scheduled: Vec<String>,
    /// `before`: what is run on the new revision before any service is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Before>,
    /// `check`: what has to answer once all services run it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// `block_on`: the ECR scan has no finding at or above this severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_on: Option<Severity>,
    /// What the pipeline's images have to bring first: its `require` and `public_key`.
    #[serde(default, skip_serializing_if = "Required::is_nothing")]
    pub required: Required,
    /// `approval`: who has to say yes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// `freeze`: when nothing goes in by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<Freeze>,
    /// `timeout`: for how long a deployment is followed, from its admission, a minute to 7 days. An hour where the key is absent; a
    /// pause for a person's answer does not count.
    #[serde(default = "Plan::default_timeout")]
    pub timeout: SignedDuration,
    /// `codedeploy`: for services under the CodeDeploy controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codedeploy: Option<CodeDeploy>,
    /// `channel`: a second Slack channel, where the message of a release is, too, once that comes to this environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

impl Plan {
    /// `timeout` where the key is absent.
    pub const TIMEOUT: SignedDuration = SignedDuration::from_hours(1);

    fn default_timeout() -> SignedDuration {
        Self::TIMEOUT
    }

    /// Everything as it is where the keys are absent.
    pub fn of(cluster: String) -> Self {
        Self {
            cluster,
            account: Account::default(),
            containers: Vec::new(),
            images: BTreeMap::new(),
            base: Base::default(),
            force: false,
            in_order: false,
            scheduled: Vec::new(),
            before: Vec::new(),
            check: None,
            block_on: None,
            required: Required::default(),
            approval: None,
            freeze: Vec::new(),
            timeout: Self::TIMEOUT,
            codedeploy: None,
            channel: None,
        }
    }
}

/// `region`, `role_arn`, `external_id`: an account and region. All absent: Longshore's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    /// `eu-central-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The role that is assumed there: `arn:aws:iam::<account>:role/<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// What the role's trust policy asks for in `sts:ExternalId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

impl Account {
    /// Whether it is Longshore's own account and region.
    pub fn is_own(&self) -> bool {
        self.region.is_none() && self.role_arn.is_none()
    }
}

/// What a new revision is made from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// `"running"`: the revision that the service runs.
    #[default]
    Running,
    /// `"latest"`: the newest of its family, which Terraform may have registered.
    Latest,
}

/// An element of `before`: a task that runs once, on the new revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// `run`: the service whose new revision and network it gets.
    pub run: String,
    /// `container`: which of its containers runs the command; absent, the first that gets an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// `command`: the words of the command, without a shell; at least one.
    pub command: Vec<String>,
    /// `timeout`: after which it is stopped and has failed, 10 s to the environment's `timeout`; 15 minutes where the key is absent, or the
    /// environment's `timeout` where that is shorter.
    pub timeout: SignedDuration,
}

impl Before {
    /// `timeout` where the key is absent.
    pub const TIMEOUT: SignedDuration = SignedDuration::from_mins(15);
}

/// `check`: a URL that has to answer after the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// `url`: `https://…` or `http://…`, without credentials. Redirections are not followed.
    pub url: String,
    /// `expect`: the status that it has to answer with, 100 to 599; 200 where the key is absent.
    pub expect: u16,
    /// `for`: for how long; once it has answered so for that long without three failures in a row, it passed. At most
    /// 30 minutes; 30 s where the key is absent.
    #[serde(rename = "for")]
    pub lasts: SignedDuration,
}

impl Check {
    /// `for` where the key is absent.
    pub const LASTS: SignedDuration = SignedDuration::from_secs(30);
}

/// How bad a finding of an ECR image scan is.
/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// No consequence.
    Informational,
    /// Small.
    Low,
    /// Middling.
    Medium,
    /// Large.
    High,
    /// The largest.
    Critical,
}

impl Severity {
    /// All, the smallest first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// ECR's word, which is also longshore.toml's.
    pub fn word(self) -> &'static str {
        match self {
            Self::Informational => "INFORMATIONAL",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }

    /// Reads ECR's word; `None` for another, such as UNDEFINED.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.word() == word)
    }
}

/// `approval`: who has to say yes before a release goes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// `by`: at least one.
    pub by: Vec<Approver>,
    /// `not_author`: the commit's author cannot.
    pub not_author: bool,
    /// `expires`: after which the release fails here, a minute to 30 days; 7 days where the key is absent.
    pub expires: SignedDuration,
}

impl Approval {
    /// `expires` where the key is absent.
    pub const EXPIRES: SignedDuration = SignedDuration::from_hours(7 * 24);
}

/// Who may approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// `"U0123ABCD"`: a Slack user, by id.
    User(String),
    /// `"@release-managers"`: a Slack user group, by its handle (without the `@` here).
    Group(String),
    /// `"S0123ABCD"`: a Slack user group, by id.
    GroupId(String),
    /// `"arn:aws:…"`: who calls AWS, for the program `longshore`: a user's or role's ARN. A role stands for all its sessions.
    Caller(String),
}

/// An element of `freeze`: from each of the moments that `cron` names, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// `cron`: minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// `for`: how long it lasts from then, a minute to 90 days.
    #[serde(rename = "for")]
    pub lasts: SignedDuration,
    /// `zone`: the IANA time zone in which `cron` is read, `"Europe/Berlin"`; UTC where the key is absent.
    pub zone: String,
}

/// `codedeploy`: what deploys the service of an environment that is under the CodeDeploy controller. A deployment group has one
/// service, and so has the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeDeploy {
    /// `application`: CodeDeploy's.
    pub application: String,
    /// `group`: the deployment group.
    pub group: String,
}
