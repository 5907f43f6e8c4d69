//! What the program asks of ECS: what a service runs, and revisions and tasks as ECS describes them, as JSON, of which nothing is lost.
//!
//! API reference: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/Welcome.html>.

use anyhow::anyhow;
use longshore_aws::signed::{CallError, Signed};
use serde_json::{Value, json};

/// What `X-Amz-Target` begins with.
const TARGET: &str = "AmazonEC2ContainerServiceV20141113";

/// ECS in one account and region.
pub struct Ecs(pub Signed);

/// An answer, or a sentence that says why there is none.
pub type Told<T> = anyhow::Result<Result<T, String>>;

impl Ecs {
    /// The ARN of the revision that a service was told to run last.
    pub async fn running(&self, cluster: &str, service: &str) -> Told<String> {
        let input = json!({ "cluster": cluster, "services": [service] });
        let answer = match self.call("DescribeServices", &input).await? {
            Ok(answer) => answer,
            Err(why) => return Ok(Err(why)),
        };
        let found = &answer["services"][0];
        if found["status"] != "ACTIVE" {
            return Ok(Err(format!("the cluster {cluster} has no service {service}")));
        }
        Ok(runs(found).ok_or_else(|| format!("ECS does not say what the service {service} runs")))
    }

    /// The whole answer of DescribeTaskDefinition, tags included. A family without a revision is its newest one that is active.
    pub async fn revision(&self, name: &str) -> Told<Value> {
        self.call("DescribeTaskDefinition", &json!({ "taskDefinition": name, "include": ["TAGS"] })).await
    }

    /// A task as DescribeTasks tells it; `None` where ECS does not know it, or no longer.
    pub async fn task(&self, cluster: &str, arn: &str) -> Told<Option<Value>> {
        let answer = self.call("DescribeTasks", &json!({ "cluster": cluster, "tasks": [arn] })).await?;
        Ok(answer.map(|answer| answer["tasks"].get(0).cloned()))
    }

    async fn call(&self, action: &str, input: &Value) -> Told<Value> {
        match self.0.json(&format!("{TARGET}.{action}"), input).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error @ CallError::Refused { .. }) => Ok(Err(format!("ECS refuses {action}: {error}"))),
            Err(CallError::Unanswered(why)) => Err(anyhow!("ECS does not answer {action}: {why}")),
        }
    }
}

/// What a described service runs: under another controller than ECS's own, its primary task set says it.
fn runs(service: &Value) -> Option<String> {
    let sets = service["taskSets"].as_array();
    let primary = sets.into_iter().flatten().find(|set| set["status"] == "PRIMARY");
    let arn = service["taskDefinition"].as_str().or_else(|| primary?["taskDefinition"].as_str())?;
    Some(arn.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_under_another_controller_runs_what_its_primary_task_set_does() {
        assert_eq!(runs(&json!({"taskDefinition": "web:8"})).as_deref(), Some("web:8"));
        let sets =
            json!([{"status": "ACTIVE", "taskDefinition": "web:7"}, {"status": "PRIMARY", "taskDefinition": "web:8"}]);
        assert_eq!(runs(&json!({"taskSets": sets})).as_deref(), Some("web:8"));
        assert_eq!(runs(&json!({"taskSets": []})), None);
    }
}
