//! `PAUSE` lifecycle hooks: where a deployment stops until someone tells it to go on or back, or nobody did in time.
//! Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html>.

use local_protocol::{Answer, arn, now};
use serde_json::{Value, json};

use crate::{
    events::iso,
    model::{Key, State},
    scheduler::stages::Stage,
    service_deployments::not_found,
    shapes::{client, invalid, required},
};

/// `DeploymentLifecycleHookStatus` of a `PAUSE` hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HookStatus {
    AwaitingAction,
    Succeeded,
    Failed,
    TimedOut,
}

impl HookStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::AwaitingAction => "AWAITING_ACTION",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
        }
    }
}

/// A stop at a hook.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub id: String,
    pub stage: Stage,
    pub status: HookStatus,
    pub expires: f64,
    /// What happens when nobody acts in time: go on, or else roll back.
    pub goes_on: bool,
}

impl Hook {
    /// As `lifecycleHookDetails` shows it.
    pub fn json(&self) -> Value {
        json!({
            "hookId": self.id, "targetType": "PAUSE", "status": self.status.name(), "expiresAt": self.expires,
            "timeoutAction": if self.goes_on { "CONTINUE" } else { "ROLLBACK" },
        })
    }
}

impl State {
    /// `ContinueServiceDeployment`. AWS does not document what a hook that waits for nobody gives: here `ClientException`.
    /// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContinueServiceDeployment.html>.
    pub fn continue_service_deployment(&mut self, input: &Value) -> Answer {
        let (arn, id) = (required(input, "serviceDeploymentArn")?, required(input, "hookId")?);
        let goes_on = match input["action"].as_str() {
            None | Some("CONTINUE") => true,
            Some("ROLLBACK") => false,
            Some(other) => return Err(invalid(format!("Invalid action: {other}."))),
        };
        let found = self.service_deployments.iter_mut().find(|deployment| deployment.arn == arn);
        let found = found.ok_or_else(not_found)?;
        let hooks = found.shift.as_mut().map(|shift| shift.hooks.as_mut_slice()).unwrap_or_default();
        let hook = hooks.iter_mut().find(|hook| hook.id == id);
        let hook = hook.ok_or_else(|| invalid("The service deployment has no such lifecycle hook."))?;
        if hook.status != HookStatus::AwaitingAction || found.status != "IN_PROGRESS" {
            return Err(client("The lifecycle hook is not awaiting an action."));
        }
        hook.status = if goes_on { HookStatus::Succeeded } else { HookStatus::Failed };
        let (key, hook, now) = (found.service.clone(), hook.clone(), now());
        if !goes_on {
            found.request_rollback("Service deployment rolled back because a lifecycle hook was told to.", now);
        }
        found.updated = now;
        self.hook_event(&key, &hook, now);
        Ok(json!({ "serviceDeploymentArn": arn }))
    }

    /// Hooks that nobody acted on in time are over.
    pub fn expire(&mut self, key: &Key, now: f64) -> bool {
        let Some(running) = self.running(key) else { return false };
        let hooks = running.shift.iter_mut().flat_map(|shift| &mut shift.hooks);
        let mut over = Vec::new();
        for hook in hooks.filter(|hook| hook.status == HookStatus::AwaitingAction && now >= hook.expires) {
            hook.status = HookStatus::TimedOut;
            over.push(hook.clone());
        }
        if over.iter().any(|hook| !hook.goes_on) {
            running.request_rollback("Service deployment rolled back because a lifecycle hook timed out.", now);
        }
        for hook in &over {
            self.hook_event(key, hook, now);
        }
        !over.is_empty()
    }

    /// `ECS Hook State Change`.
    /// Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html>.
    pub fn hook_event(&self, key: &Key, hook: &Hook, now: f64) {
        let Some(service) = self.services.get(key) else { return };
        let deployment = service.current.clone().unwrap_or_default();
        let (kind, name) = match hook.status {
            HookStatus::AwaitingAction => ("INFO", "HOOK_AWAITING_ACTION"),
            HookStatus::Succeeded => ("INFO", "HOOK_SUCCEEDED"),
            HookStatus::Failed => ("ERROR", "HOOK_FAILED"),
            HookStatus::TimedOut => ("ERROR", "HOOK_TIMED_OUT"),
        };
        let detail = json!({
            "eventType": kind, "eventName": name, "hookId": hook.id, "hookType": "PAUSE", "expiresAt": iso(hook.expires),
            "lifecycleStage": hook.stage.name(), "clusterArn": arn("ecs", &format!("cluster/{}", key.0)),
            "serviceArn": service.arn, "serviceDeploymentArn": deployment, "updatedAt": iso(now),
        });
        self.emit("ECS Hook State Change", &deployment, detail);
    }
}
