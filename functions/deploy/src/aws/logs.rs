//! The ends of containers' logs, in CloudWatch Logs.

use aws_config::{Region, SdkConfig};
use longshore_aws::signed::{Service, Signed};
use serde_json::{Value, json};

use super::{Call, answered, done};

/// CloudWatch Logs of one account.
#[derive(Debug, Clone)]
pub struct Logs {
    client: Signed,
    sdk: SdkConfig,
}

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
        Self { client: Signed::new(sdk, Service::CloudWatchLogs), sdk: sdk.clone() }
    }

    /// The last lines of a task's container, oldest first, without their line ends; at most `lines` (AWS's limit is 10,000). None where
    /// nothing was logged yet: the driver makes the stream with the container's first line, and writes with a delay of seconds.
    /// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>.
    pub async fn last(&self, place: &Place, task: &str, lines: usize) -> anyhow::Result<Call<Vec<String>>> {
        let elsewhere =
            place.region.as_deref().filter(|region| self.sdk.region().is_none_or(|own| own.as_ref() != *region));
        let other = elsewhere.map(|region| {
            let sdk = self.sdk.to_builder().region(Region::new(region.to_owned())).build();
            Signed::new(&sdk, Service::CloudWatchLogs)
        });
        let client = other.as_ref().unwrap_or(&self.client);
        let mut request = json!({
            "logGroupName": place.group,
            "logStreamName": place.stream(task),
            "limit": lines,
            "startFromHead": false,
        });
        let mut found: Vec<String> = Vec::new();
        // A page may be empty though there is an earlier one: the end of them is a token that repeats itself.
        for _ in 0..3 {
            let answer = client.json("Logs_20140328.GetLogEvents", &request).await;
            if answer.as_ref().is_err_and(|error| error.is("ResourceNotFoundException")) {
                return Ok(Call::Done(found));
            }
            let answer = done!(answered(answer, "the log could not be read")?);
            let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
            let page = events.iter().filter_map(|event| event["message"].as_str());
            found.splice(0..0, page.map(|line| line.trim_end_matches(['\r', '\n']).to_owned()));
            let earlier = &answer["nextBackwardToken"];
            if found.len() >= lines || !earlier.is_string() || *earlier == request["nextToken"] {
                break;
            }
            request["nextToken"] = earlier.clone();
        }
        found.drain(..found.len().saturating_sub(lines));
        Ok(Call::Done(found))
    }
}
