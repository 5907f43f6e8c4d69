//! SSM parameters, where what is deployed is told to whoever cannot ask Longshore: Terraform, scripts, other teams.

use std::collections::BTreeMap;

use anyhow::anyhow;
use aws_config::SdkConfig;
use longshore_aws::signed::{Service, Signed};
use serde_json::{Value, json};

use super::{Call, answered, done};

/// The parameters of one account and region.
#[derive(Debug, Clone)]
pub struct Parameters(Signed);

impl Parameters {
    /// A client; no call is made.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self(Signed::new(sdk, Service::Ssm))
    }

    /// Writes parameters of type String, one call after another, in place of what was there. A value has 1 to 4,096 bytes. The first
    /// refusal ends it, and names its parameter: those before it are written.
    /// Source: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>.
    pub async fn put(&self, values: &BTreeMap<String, String>) -> anyhow::Result<Call<()>> {
        for (name, value) in values {
            let request = json!({ "Name": name, "Value": value, "Type": "String", "Overwrite": true });
            let answer = self.0.json("AmazonSSM.PutParameter", &request).await;
            // Another writer is at it this very moment.
            if answer.as_ref().is_err_and(|error| error.is("TooManyUpdates")) {
                return Err(anyhow!("the parameter {name} is being written by another"));
            }
            if let Call::Refused(why) = answered(answer, "the parameter could not be written")? {
                return Ok(Call::Refused(format!("{name}: {why}")));
            }
        }
        Ok(Call::Done(()))
    }

    /// All parameters below a path such as `/longshore/web`, by their full names.
    /// Source: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html>.
    pub async fn below(&self, path: &str) -> anyhow::Result<Call<BTreeMap<String, String>>> {
        let mut found = BTreeMap::new();
        let mut request = json!({ "Path": path, "Recursive": true, "MaxResults": 10 });
        loop {
            let answer = self.0.json("AmazonSSM.GetParametersByPath", &request).await;
            let mut answer = done!(answered(answer, "the parameters could not be read")?);
            for parameter in answer["Parameters"].as_array().map(Vec::as_slice).unwrap_or_default() {
                if let (Some(name), Some(value)) = (parameter["Name"].as_str(), parameter["Value"].as_str()) {
                    found.insert(name.to_owned(), value.to_owned());
                }
            }
            match answer["NextToken"].take() {
                Value::String(token) if !token.is_empty() => request["NextToken"] = Value::String(token),
                _ => return Ok(Call::Done(found)),
            }
        }
    }
}
