//! CodeDeploy, for services whose deployments it carries out.

use aws_config::SdkConfig;
use jiff::Timestamp;
use longshore_aws::signed::{Service, Signed};
use longshore_core::config::CodeDeploy as Group;
use serde_json::{Value, json};

use super::{Call, answered, done};

/// CodeDeploy of one account and region.
#[derive(Debug, Clone)]
pub struct CodeDeploy(Signed);

/// A deployment as it stands.
/// Source: <https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How far it is.
    pub state: State,
    /// Why it failed or was stopped: code and message.
    pub error: Option<String>,
    /// The deployment that takes it back, by its id, `d-…`; what came of it is that one's state.
    pub rollback: Option<String>,
}

/// How far a deployment is: CodeDeploy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was accepted.
    Created,
    /// It waits for its turn.
    Queued,
    /// It is under way.
    InProgress,
    /// The new tasks serve, and the old ones still run.
    Baking,
    /// It waits for somebody to have the traffic go over.
    Ready,
    /// It brought its revision.
    Succeeded,
    /// It failed.
    Failed,
    /// It was stopped.
    Stopped,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Queued,
        Self::InProgress,
        Self::Baking,
        Self::Ready,
        Self::Succeeded,
        Self::Failed,
        Self::Stopped,
    ];

    /// CodeDeploy's word: `InProgress`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Queued => "Queued",
            Self::InProgress => "InProgress",
            Self::Baking => "Baking",
            Self::Ready => "Ready",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
        }
    }

    /// Whether nothing more comes.
    pub fn is_end(self) -> bool {
        match self {
            Self::Created | Self::Queued | Self::InProgress | Self::Baking | Self::Ready => false,
            Self::Succeeded | Self::Failed | Self::Stopped => true,
        }
    }
}

impl CodeDeploy {
    /// A client; no call is made.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self(Signed::new(sdk, Service::CodeDeploy))
    }

    /// Starts a deployment; its id, `d-…`. `mark` makes it one deployment however often it is asked for, which CodeDeploy has no token
    /// for: it is in the deployment's description, and one that was created since `since` with the same mark is answered instead.
    ///
    /// `app_spec` is `longshore_core::appspec::app_spec`'s. Failures roll back as the deployment group says.
    /// Source: <https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html>.
    pub async fn start(
        &self,
        group: &Group,
        app_spec: &str,
        mark: &str,
        since: Timestamp,
    ) -> anyhow::Result<Call<String>> {
        if let Some(id) = done!(self.find(group, mark, since).await?) {
            return Ok(Call::Done(id));
        }
        let request = json!({
            "applicationName": group.application,
            "deploymentGroupName": group.group,
            "description": description(mark),
            "revision": { "revisionType": "AppSpecContent", "appSpecContent": { "content": app_spec } },
        });
        let answer = self.0.json("CodeDeploy_20141006.CreateDeployment", &request).await;
        let refused = answer.as_ref().is_err_and(|error| error.is("DeploymentLimitExceededException"));
        let answer = answered(answer, "the deployment could not be created")?;
        // A second deployment of a group is refused while the first is under way. The first may be ours: of an attempt whose answer
        // was lost, or which came a moment before this one.
        if refused && let Some(id) = done!(self.find(group, mark, since).await?) {
            return Ok(Call::Done(id));
        }
        Ok(match answer {
            Call::Done(answer) => match answer["deploymentId"].as_str() {
                Some(id) => Call::Done(id.to_owned()),
                None => anyhow::bail!("CreateDeployment answered no id"),
            },
            Call::Refused(why) => Call::Refused(why),
        })
    }

    /// The newest deployment of the group with this mark that was created since; `None` where there is none.
    pub async fn find(&self, group: &Group, mark: &str, since: Timestamp) -> anyhow::Result<Call<Option<String>>> {
        let mut request = json!({
            "applicationName": group.application,
            "deploymentGroupName": group.group,
            "createTimeRange": { "start": since.as_second() },
        });
        let mut newest: Option<(f64, String)> = None;
        loop {
            let answer = self.0.json("CodeDeploy_20141006.ListDeployments", &request).await;
            let mut answer = done!(answered(answer, "the deployments could not be listed")?);
            let ids = answer["deployments"].as_array().map(Vec::as_slice).unwrap_or_default();
            // BatchGetDeployments takes 25.
            for ids in ids.chunks(25) {
                let request = json!({ "deploymentIds": ids });
                let answer = self.0.json("CodeDeploy_20141006.BatchGetDeployments", &request).await;
                let answer = done!(answered(answer, "the deployments could not be read")?);
                let infos = answer["deploymentsInfo"].as_array().map(Vec::as_slice).unwrap_or_default();
                for info in infos.iter().filter(|info| info["description"] == description(mark)) {
                    let created = info["createTime"].as_f64().unwrap_or_default();
                    if let Some(id) = info["deploymentId"].as_str()
                        && newest.as_ref().is_none_or(|(other, _)| created > *other)
                    {
                        newest = Some((created, id.to_owned()));
                    }
                }
            }
            match answer["nextToken"].take() {
                Value::String(token) if !token.is_empty() => request["nextToken"] = Value::String(token),
                _ => return Ok(Call::Done(newest.map(|(_, id)| id))),
            }
        }
    }

    /// A deployment as it stands.
    /// Source: <https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeployment.html>.
    pub async fn standing(&self, id: &str) -> anyhow::Result<Call<Standing>> {
        let answer = self.0.json("CodeDeploy_20141006.GetDeployment", &json!({ "deploymentId": id })).await;
        let answer = done!(answered(answer, "the deployment could not be read")?);
        let info = &answer["deploymentInfo"];
        let state = State::ALL.into_iter().find(|state| info["status"] == state.word()).unwrap_or_else(|| {
            tracing::warn!(deployment = id, status = %info["status"], "a status that CodeDeploy does not document");
            State::InProgress
        });
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (code, message) = (text(&info["errorInformation"]["code"]), text(&info["errorInformation"]["message"]));
        let error = match (code, message) {
            (Some(code), Some(message)) => Some(format!("{code}: {message}")),
            (one, other) => one.or(other),
        };
        Ok(Call::Done(Standing { state, error, rollback: text(&info["rollbackInfo"]["rollbackDeploymentId"]) }))
    }

    /// Stops a deployment, and has the service go back where `rollback` says so; otherwise as the deployment group says. `false` where
    /// it was over already.
    /// Source: <https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html>.
    pub async fn stop(&self, id: &str, rollback: bool) -> anyhow::Result<Call<bool>> {
        let request = json!({ "deploymentId": id, "autoRollbackEnabled": rollback });
        let answer = self.0.json("CodeDeploy_20141006.StopDeployment", &request).await;
        if answer.as_ref().is_err_and(|error| error.is("DeploymentAlreadyCompletedException")) {
            return Ok(Call::Done(false));
        }
        Ok(answered(answer, "the deployment could not be stopped")?.map(|_| true))
    }
}

/// What a deployment is found by.
fn description(mark: &str) -> String {
    format!("Longshore {mark}")
}
