//! Tags of any resource, by ARN.

use local_protocol::{Answer, Refusal};
use serde_json::{Value, json};

use crate::{
    model::{State, short},
    shapes::{required, texts},
};

impl State {
    fn resource(&self, input: &Value) -> Result<String, Refusal> {
        let arn = required(input, "resourceArn")?;
        let exists = self.services.values().any(|service| service.arn == arn)
            || self.tasks.values().any(|task| task.arn == arn)
            || self.clusters.values().any(|cluster| cluster["clusterArn"] == arn)
            || (short(arn).contains(':') && self.task_definition(arn).is_some());
        if exists {
            return Ok(arn.to_owned());
        }
        Err(Refusal::client("ResourceNotFoundException", "The specified resource could not be found."))
    }

    pub fn tag_resource(&mut self, input: &Value) -> Answer {
        let arn = self.resource(input)?;
        let tags = self.tags.entry(arn).or_default();
        for tag in input["tags"].as_array().into_iter().flatten() {
            tags.retain(|old| old["key"] != tag["key"]);
            tags.push(tag.clone());
        }
        Ok(json!({}))
    }

    pub fn untag_resource(&mut self, input: &Value) -> Answer {
        let arn = self.resource(input)?;
        let keys = texts(&input["tagKeys"]);
        if let Some(tags) = self.tags.get_mut(&arn) {
            tags.retain(|tag| !keys.iter().any(|key| tag["key"] == key.as_str()));
        }
        Ok(json!({}))
    }

    pub fn list_tags(&self, input: &Value) -> Answer {
        let arn = self.resource(input)?;
        Ok(json!({ "tags": self.tags.get(&arn).cloned().unwrap_or_default() }))
    }
}
