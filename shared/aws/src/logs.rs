//! The ends of logs in CloudWatch Logs.

use aws_config::{Region, SdkConfig};
use serde_json::json;

use crate::signed::{CallError, Service, Signed};

/// CloudWatch Logs of one account.
#[derive(Debug, Clone)]
pub struct Logs {
    client: Signed,
    sdk: SdkConfig,
}

/// A stream of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream<'a> {
    /// The group's name.
    pub group: &'a str,
    /// The stream's name.
    pub name: &'a str,
    /// The region, where it is said; else the configuration's own.
    pub region: Option<&'a str>,
}

impl Logs {
    /// A client; no call is made.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Signed::new(sdk, Service::CloudWatchLogs), sdk: sdk.clone() }
    }

    /// The last lines of a stream, oldest first, without their line ends; at most `lines` (AWS's limit is 10,000). None where the group or the
    /// stream is not there (yet): services make a stream with its first line, and write with a delay of seconds.
    /// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>.
    ///
    /// # Errors
    ///
    /// Where AWS refuses, or does not answer.
    pub async fn last(&self, stream: Stream<'_>, lines: usize) -> Result<Vec<String>, CallError> {
        let elsewhere = stream.region.filter(|region| self.sdk.region().is_none_or(|own| own.as_ref() != *region));
        let other = elsewhere.map(|region| {
            let sdk = self.sdk.to_builder().region(Region::new(region.to_owned())).build();
            Signed::new(&sdk, Service::CloudWatchLogs)
        });
        let client = other.as_ref().unwrap_or(&self.client);
        let mut request = json!({
            "logGroupName": stream.group,
            "logStreamName": stream.name,
            "limit": lines,
            "startFromHead": false,
        });
        let mut found: Vec<String> = Vec::new();
        // A page may be empty though there is an earlier one: the end of them is a token that repeats itself.
        for _ in 0..3 {
            let answer = client.json("Logs_20140328.GetLogEvents", &request).await;
            if answer.as_ref().is_err_and(|error| error.is("ResourceNotFoundException")) {
                return Ok(found);
            }
            let answer = answer?;
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
        Ok(found)
    }
}
