//! What ECS tells about service deployments and revisions, and how one is asked to stop.

use local_protocol::{Answer, Refusal, now};
use serde_json::{Value, json};

use crate::{
    model::{ServiceDeployment, State, short},
    services::missing,
    shapes::{invalid, page, required, texts},
};

/// How many service deployments or revisions can be described at once.
const MOST: usize = 20;

impl State {
    pub fn stop_service_deployment(&mut self, input: &Value) -> Answer {
        let arn = required(input, "serviceDeploymentArn")?;
        let found = self.service_deployments.iter_mut().find(|deployment| deployment.arn == arn);
        let found = found.ok_or_else(not_found)?;
        let back = match input["stopType"].as_str() {
            None | Some("ROLLBACK") => true,
            Some("ABORT") => false,
            Some(other) => return Err(invalid(format!("Invalid stop type: {other}."))),
        };
        match found.status {
            "PENDING" | "IN_PROGRESS" if back => {
                found.request_rollback("Service deployment rolled back because a user stopped it.", now());
            }
            "PENDING" | "IN_PROGRESS" => {
                found.status = "STOP_REQUESTED";
                found.updated = now();
            }
            "STOP_REQUESTED" | "ROLLBACK_REQUESTED" | "ROLLBACK_IN_PROGRESS" => {}
            status => {
                let message = format!("Service deployment in status {status} can not be stopped.");
                return Err(Refusal::client("ConflictException", message));
            }
        }
        Ok(json!({ "serviceDeploymentArn": arn }))
    }

    pub fn describe_service_deployments(&self, input: &Value) -> Answer {
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for arn in asked(input, "serviceDeploymentArns")? {
            match self.service_deployments.iter().find(|deployment| deployment.arn == arn) {
                Some(deployment) => found.push(self.service_deployment_json(deployment)),
                None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
            }
        }
        Ok(json!({ "serviceDeployments": found, "failures": failures }))
    }

    pub fn describe_service_revisions(&self, input: &Value) -> Answer {
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for arn in asked(input, "serviceRevisionArns")? {
            match self.revisions.get(&arn) {
                Some(revision) => found.push(revision.clone()),
                None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
            }
        }
        Ok(json!({ "serviceRevisions": found, "failures": failures }))
    }

    pub fn list_service_deployments(&self, input: &Value) -> Answer {
        let key = (self.cluster(input)?, short(required(input, "service")?).to_owned());
        if !self.services.contains_key(&key) {
            return Err(missing());
        }
        let statuses = texts(&input["status"]);
        let (after, before) = (input["createdAt"]["after"].as_f64(), input["createdAt"]["before"].as_f64());
        let all = self.service_deployments.iter().rev().filter(|deployment| {
            deployment.service == key
                && (statuses.is_empty() || statuses.iter().any(|status| status == deployment.status))
                && after.is_none_or(|after| deployment.created >= after)
                && before.is_none_or(|before| deployment.created <= before)
        });
        let briefs: Vec<Value> = all.map(ServiceDeployment::brief).collect();
        page(input, "serviceDeployments", &briefs, 20)
    }
}

/// 1 to 20 ARNs.
fn asked(input: &Value, member: &str) -> Result<Vec<String>, Refusal> {
    let arns = texts(&input[member]);
    if (1..=MOST).contains(&arns.len()) {
        return Ok(arns);
    }
    Err(invalid(format!("{member} must have 1 to {MOST} ARNs.")))
}

pub(crate) fn not_found() -> Refusal {
    Refusal::client("ServiceDeploymentNotFoundException", "Service deployment not found.")
}
