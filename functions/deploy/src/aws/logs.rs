//! The ends of containers' logs, in CloudWatch Logs.

use aws_config::SdkConfig;
use longshore_aws::logs::{self, Stream};
use serde_json::Value;

use super::{Call, answered};

/// CloudWatch Logs of one account.
#[derive(Debug, Clone)]
pub struct Logs(logs::Logs);

/// Where the `awslogs` driver writes a container's log.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `awslogs-group`.
    pub group: String,
    /// `awslogs-region`, where it is said.
    pub region: Option<String>,
    /// `awslogs-stream-prefix`.
    pub prefix: String,
    /// The container.
    pub container: String,
}

impl Place {
    /// Where a container of a task definition logs, by the answer of DescribeTaskDefinition. `None` for another driver, and without
    /// a prefix: then the stream has the name of a container id that ECS does not tell.
    pub fn of(described: &Value, container: &str) -> Option<Self> {
        let containers = described["taskDefinition"]["containerDefinitions"].as_array()?;
        let found = containers.iter().find(|definition| definition["name"] == container)?;
        let logging = &found["logConfiguration"];
        (logging["logDriver"] == "awslogs").then_some(())?;
        let option = |name: &str| logging["options"][name].as_str().map(str::to_owned);
        Some(Self {
            group: option("awslogs-group")?,
            region: option("awslogs-region"),
            prefix: option("awslogs-stream-prefix")?,
            container: container.to_owned(),
        })
    }

    /// The stream of a task, by the last part of its ARN.
    pub fn stream(&self, task: &str) -> String {
        format!("{}/{}/{task}", self.prefix, self.container)
    }
}

impl Logs {
    /// A client; no call is made.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self(logs::Logs::new(sdk))
    }

    /// The last lines of a task's container, oldest first, without their line ends; at most `lines`. None where nothing was logged yet.
    ///
    /// # Errors
    ///
    /// Where AWS does not answer.
    pub async fn last(&self, place: &Place, task: &str, lines: usize) -> anyhow::Result<Call<Vec<String>>> {
        let name = place.stream(task);
        let stream = Stream { group: &place.group, name: &name, region: place.region.as_deref() };
        answered(self.0.last(stream, lines).await, "the log could not be read")
    }
}
