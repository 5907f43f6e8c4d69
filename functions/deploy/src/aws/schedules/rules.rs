//! Targets of EventBridge rules. Rules with schedules are on the default bus alone; other rules of that bus count too.

use anyhow::anyhow;
use serde_json::{Value, json};

use super::{Place, Scheduled, Schedules, runs};
use crate::aws::{Call, answered, done};

impl Schedules {
    /// The family's targets in rules, each as EventBridge tells it.
    pub(super) async fn rules(
        &self,
        cluster: &str,
        task_definition: &str,
    ) -> anyhow::Result<Call<Vec<(Scheduled, Value)>>> {
        let mut found = Vec::new();
        // A target of ECS has the cluster's ARN.
        let request = json!({ "TargetArn": cluster });
        let rules = done!(self.pages("ListRuleNamesByTarget", request, "RuleNames").await?);
        for rule in rules.iter().filter_map(Value::as_str) {
            for target in done!(self.pages("ListTargetsByRule", json!({ "Rule": rule }), "Targets").await?) {
                if let Some(task_definition) = runs(&target, cluster, task_definition)
                    && let Some(id) = target["Id"].as_str()
                {
                    let place = Place::Rule { rule: rule.to_owned(), target: id.to_owned() };
                    found.push((Scheduled { place, task_definition }, target));
                }
            }
        }
        Ok(Call::Done(found))
    }

    /// PutTargets with the target as it was, but for its task definition.
    /// Source: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html>.
    pub(super) async fn change_rule(
        &self,
        rule: &str,
        mut target: Value,
        task_definition: &str,
    ) -> anyhow::Result<Call<()>> {
        target["EcsParameters"]["TaskDefinitionArn"] = json!(task_definition);
        let request = json!({ "Rule": rule, "Targets": [target] });
        let answer = self.events.json("AWSEvents.PutTargets", &request).await;
        if answer.as_ref().is_err_and(|error| error.is("ConcurrentModificationException")) {
            return Err(anyhow!("it is being changed by another"));
        }
        let answer = done!(answered(answer, "the rule's target could not be changed")?);
        let failed = &answer["FailedEntries"][0];
        match (answer["FailedEntryCount"].as_u64(), failed["ErrorCode"].as_str()) {
            (Some(0) | None, _) => Ok(Call::Done(())),
            (_, Some(code @ ("ConcurrentModificationException" | "InternalException"))) => {
                Err(anyhow!("it could not be changed: {code}"))
            }
            (_, code) => {
                let message = failed["ErrorMessage"].as_str().unwrap_or_default();
                Ok(Call::Refused(format!("{}: {message}", code.unwrap_or("no reason"))))
            }
        }
    }

    /// Every page of a list.
    async fn pages(&self, operation: &str, mut request: Value, list: &str) -> anyhow::Result<Call<Vec<Value>>> {
        let mut found = Vec::new();
        loop {
            let answer = self.events.json(&format!("AWSEvents.{operation}"), &request).await;
            let mut answer = done!(answered(answer, "EventBridge's rules could not be read")?);
            if let Value::Array(page) = answer[list].take() {
                found.extend(page);
            }
            match answer["NextToken"].take() {
                Value::String(token) if !token.is_empty() => request["NextToken"] = Value::String(token),
                _ => return Ok(Call::Done(found)),
            }
        }
    }
}
