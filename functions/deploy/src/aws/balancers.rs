//! Target groups: which targets are healthy, and why the others are not.

use std::fmt;

use anyhow::Context;
use aws_config::SdkConfig;
use longshore_aws::signed::{Service, Signed, child, text_of};
use roxmltree::{Document, Node};

use super::{Call, answered, done};

/// Elastic Load Balancing of one account and region.
#[derive(Debug, Clone)]
pub struct Balancers(Signed);

/// How a target is.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetHealth {
    /// An address, an instance's id or an ARN, with its port: `10.0.0.1:8080`.
    pub target: String,
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining`, `unavailable`, …
    pub state: String,
    /// A code such as `Target.ResponseCodeMismatch`, where it is not healthy.
    pub reason: Option<String>,
    /// The same in words, with what was answered: `Health checks failed with these codes: [500]`.
    pub description: Option<String>,
}

impl TargetHealth {
    /// Whether it gets requests and answers them.
    pub fn is_healthy(&self) -> bool {
        self.state == "healthy"
    }
}

impl fmt::Display for TargetHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.target, self.state)?;
        self.description.as_ref().or(self.reason.as_ref()).map_or(Ok(()), |why| write!(f, ": {why}"))
    }
}

impl Balancers {
    /// A client; no call is made.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self(Signed::new(sdk, Service::ElasticLoadBalancing))
    }

    /// The targets of a target group, in ELB's order.
    /// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html>.
    pub async fn health(&self, group: &str) -> anyhow::Result<Call<Vec<TargetHealth>>> {
        let form = [("Action", "DescribeTargetHealth"), ("Version", "2015-12-01"), ("TargetGroupArn", group)];
        let xml = done!(answered(self.0.query(&form).await, "the target group's health could not be read")?);
        let xml = Document::parse(&xml).context("the target group's health is no XML")?;
        let lists = xml.descendants().filter(|node| node.tag_name().name() == "TargetHealthDescriptions");
        Ok(Call::Done(lists.flat_map(|list| list.children()).filter_map(read).collect()))
    }
}

fn read(member: Node<'_, '_>) -> Option<TargetHealth> {
    let (target, health) = (child(member, "Target")?, child(member, "TargetHealth")?);
    let id = text_of(target, "Id")?;
    // A Lambda function as a target has no port.
    let target = text_of(target, "Port").map_or_else(|| id.to_owned(), |port| format!("{id}:{port}"));
    let text = |name| text_of(health, name).map(str::to_owned);
    Some(TargetHealth { target, state: text("State")?, reason: text("Reason"), description: text("Description") })
}
