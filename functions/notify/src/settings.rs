//! What `notify` reads from its environment.

use longshore_aws::settings::{BadSettings, Common, Reader};

/// The settings of `notify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Table and secret.
    pub common: Common,
    /// `LONGSHORE_SLACK_API`: Slack's Web API, `https://slack.com/api` without it.
    pub slack_api: String,
    /// `LONGSHORE_TOPIC`: the ARN of an SNS topic; without it nothing is published there.
    pub topic: Option<String>,
}

impl Settings {
    /// Reads them through a lookup such as `longshore_aws::settings::environment`.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, BadSettings> {
        let mut reader = Reader::new(lookup);
        let settings = Self {
            common: Common::read(&mut reader),
            slack_api: reader.optional("LONGSHORE_SLACK_API").unwrap_or_else(|| "https://slack.com/api".to_owned()),
            topic: reader.optional("LONGSHORE_TOPIC"),
        };
        // Channels stand in each release's record; a configuration that cannot be read stops us all the same.
        reader.config();
        reader.finish(settings)
    }
}
