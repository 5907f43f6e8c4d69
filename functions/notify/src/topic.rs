//! The SNS topic: a plain text for each moment, with attributes that subscriptions may filter by.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.

use aws_config::{Region, SdkConfig};
use longshore_aws::signed::{CallError, Service, Signed};
use longshore_core::message::plain::Plain;

/// A client of one topic.
#[derive(Debug, Clone)]
pub struct Topic {
    arn: String,
    sns: Signed,
}

impl Topic {
    /// `arn`: `arn:aws:sns:<region>:<account>:<name>`; the topic's region need not be the function's. No call is made.
    pub fn new(sdk: &SdkConfig, arn: &str) -> Self {
        let region =
            arn.split(':').nth(3).filter(|region| !region.is_empty()).map(|region| Region::new(region.to_owned()));
        let sdk = match region {
            Some(region) => sdk.to_builder().region(region).build(),
            None => sdk.clone(),
        };
        Self { arn: arn.to_owned(), sns: Signed::new(&sdk, Service::Sns) }
    }

    /// Publishes a text. `group` and `key` name the message to a FIFO topic, which takes it once in five minutes; a standard topic may
    /// take it twice, where an answer was lost.
    pub async fn publish(&self, text: &Plain, group: &str, key: &str) -> Result<(), CallError> {
        let mut form = vec![
            ("Action".to_owned(), "Publish"),
            ("Version".to_owned(), "2010-03-31"),
            ("TopicArn".to_owned(), &self.arn),
            ("Subject".to_owned(), &text.subject),
            ("Message".to_owned(), &text.body),
        ];
        for (position, (name, value)) in (1..).zip(&text.attributes) {
            let entry = |member: &str| format!("MessageAttributes.entry.{position}.{member}");
            form.extend([
                (entry("Name"), *name),
                (entry("Value.DataType"), "String"),
                (entry("Value.StringValue"), value),
            ]);
        }
        let deduplication: String = format!("{group}/{key}").chars().take(128).collect();
        if self.arn.rsplit('.').next() == Some("fifo") {
            form.extend([("MessageGroupId".to_owned(), group), ("MessageDeduplicationId".to_owned(), &deduplication)]);
        }
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        self.sns.query(&form).await.map(drop)
    }
}
