//! EventBridge Scheduler's schedules.

use longshore_aws::signed::{CallError, encode};
use serde_json::{Value, json};

use super::{Place, Scheduled, Schedules, runs};
use crate::aws::{Call, answered, done};

/// What GetSchedule tells and UpdateSchedule does not take; the name is in its path.
const READ_ONLY: [&str; 4] = ["Arn", "CreationDate", "LastModificationDate", "Name"];

impl Schedules {
    /// The family's schedules, each as GetSchedule tells it.
    pub(super) async fn schedules(
        &self,
        cluster: &str,
        task_definition: &str,
    ) -> anyhow::Result<Call<Vec<(Scheduled, Value)>>> {
        let mut found = Vec::new();
        for summary in done!(self.summaries().await?) {
            let (Some(group), Some(name)) = (summary["GroupName"].as_str(), summary["Name"].as_str()) else { continue };
            // A target of ECS has the cluster's ARN; what it runs there is not in the summary.
            if summary["Target"]["Arn"] != cluster {
                continue;
            }
            let path = format!("/schedules/{}?groupName={}", encode(name), encode(group));
            let answer = self.scheduler.rest("GET", &path, None).await;
            if answer.as_ref().is_err_and(|error| error.is("ResourceNotFoundException")) {
                continue;
            }
            let schedule = done!(answered(answer, "a schedule could not be read")?);
            if let Some(task_definition) = runs(&schedule["Target"], cluster, task_definition) {
                let place = Place::Schedule { group: group.to_owned(), name: name.to_owned() };
                found.push((Scheduled { place, task_definition }, schedule));
            }
        }
        Ok(Call::Done(found))
    }

    async fn summaries(&self) -> anyhow::Result<Call<Vec<Value>>> {
        let mut found = Vec::new();
        let mut path = "/schedules?MaxResults=100".to_owned();
        loop {
            let answer = self.scheduler.rest("GET", &path, None).await;
            let mut answer = done!(answered(answer, "the schedules could not be listed")?);
            if let Value::Array(page) = answer["Schedules"].take() {
                found.extend(page);
            }
            match answer["NextToken"].as_str() {
                Some(token) if !token.is_empty() => {
                    path = format!("/schedules?MaxResults=100&NextToken={}", encode(token));
                }
                _ => return Ok(Call::Done(found)),
            }
        }
    }

    /// UpdateSchedule with everything as it was, but for the task definition: what it is not given it sets to its default.
    /// Source: <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html>.
    pub(super) async fn change_schedule(
        &self,
        name: &str,
        mut schedule: Value,
        task_definition: &str,
    ) -> anyhow::Result<Call<()>> {
        if let Some(members) = schedule.as_object_mut() {
            members.retain(|member, value| !READ_ONLY.contains(&member.as_str()) && !value.is_null());
        }
        schedule["Target"]["EcsParameters"]["TaskDefinitionArn"] = json!(task_definition);
        let path = format!("/schedules/{}", encode(name));
        let mut answer = self.scheduler.rest("PUT", &path, Some(&schedule)).await;
        // A start that has passed is refused, "cannot be earlier than 5 minutes ago", as if the schedule were a new one. A rate counts
        // from its start, so that one is left to people; for everything else a start in the past says nothing any more.
        let rate = schedule["ScheduleExpression"].as_str().is_some_and(|expression| expression.starts_with("rate("));
        if let (Err(CallError::Refused { code, message }), false) = (&answer, rate)
            && code == "ValidationException"
            && message.contains("StartDate")
            && schedule.as_object_mut().and_then(|members| members.remove("StartDate")).is_some()
        {
            answer = self.scheduler.rest("PUT", &path, Some(&schedule)).await;
        }
        Ok(answered(answer, "the schedule could not be changed")?.map(drop))
    }
}
