//! CodeBuild as a list of what was asked of it: builds that begin, run for ever, and are stopped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use longshore_local::Middleware;
use serde_json::{Value, json};

const LIMIT: usize = 1024 * 1024;
const TARGET: &str = "CodeBuild_20161006.";

/// A build, and what was asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Build {
    /// Its id.
    pub id: String,
    /// The idempotency token that it was started with.
    pub token: Option<String>,
    /// What it is told to be of: `LONGSHORE_RELEASE`.
    pub release: Option<String>,
    /// How often it was asked for with the same token and the same parameters.
    pub asked: usize,
    /// How often it was asked for with the same token and other parameters, which CodeBuild refuses.
    pub mismatched: usize,
    /// Whether it was stopped.
    pub stopped: bool,
    /// The whole of what was asked for first.
    pub request: Value,
}

/// The builds, in the order in which they were started.
#[derive(Debug, Clone, Default)]
pub struct Builds(Arc<Mutex<Vec<Build>>>);

impl Builds {
    /// What the stack is started with.
    pub fn middleware(&self) -> Middleware {
        let builds = self.clone();
        Box::new(move |router| {
            router.layer(from_fn(move |request: Request, next: Next| {
                let builds = builds.clone();
                async move { builds.pass(request, next).await }
            }))
        })
    }

    /// What was asked until now.
    pub fn all(&self) -> Vec<Build> {
        self.inner().clone()
    }

    /// Projects are the stand-in's; builds are ours.
    async fn pass(&self, request: Request, next: Next) -> Response {
        let (parts, body) = request.into_parts();
        let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let action = target.strip_prefix(TARGET).unwrap_or_default().to_owned();
        let Ok(body) = to_bytes(body, LIMIT).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
        let input = serde_json::from_slice(&body).unwrap_or_default();
        let answer = match action.as_str() {
            "StartBuild" => self.start(input),
            "StopBuild" => self.stop(&input),
            "BatchGetBuilds" => Ok(self.described(&input)),
            "ListBuildsForProject" => Ok(self.listed(&input)),
            _ => return next.run(Request::from_parts(parts, Body::from(body))).await,
        };
        let (status, answer) = match answer {
            Ok(answer) => (StatusCode::OK, answer),
            Err((code, message)) => (StatusCode::BAD_REQUEST, json!({ "__type": code, "message": message })),
        };
        (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], answer.to_string()).into_response()
    }

    fn start(&self, request: Value) -> Result<Value, (&'static str, &'static str)> {
        let mut builds = self.inner();
        let token = request["idempotencyToken"].as_str().map(str::to_owned);
        let known = builds.iter_mut().find(|build| token.is_some() && build.token == token);
        if let Some(known) = known {
            if known.request != request {
                known.mismatched += 1;
                return Err(("InvalidInputException", "The token was used before with other parameters"));
            }
            known.asked += 1;
            return Ok(json!({ "build": known.describe() }));
        }
        let project = request["projectName"].as_str().unwrap_or_default();
        let id = format!("{project}:{:08}", builds.len() + 1);
        let mut variables = request["environmentVariablesOverride"].as_array().into_iter().flatten();
        let release = variables.find(|variable| variable["name"] == "LONGSHORE_RELEASE");
        let release = release.and_then(|variable| variable["value"].as_str()).map(str::to_owned);
        let build = Build { id, token, release, asked: 1, mismatched: 0, stopped: false, request };
        let answer = json!({ "build": build.describe() });
        builds.push(build);
        Ok(answer)
    }

    fn stop(&self, input: &Value) -> Result<Value, (&'static str, &'static str)> {
        let mut builds = self.inner();
        let build = builds.iter_mut().find(|build| input["id"] == *build.id);
        let build = build.ok_or(("ResourceNotFoundException", "There is no such build"))?;
        build.stopped = true;
        Ok(json!({ "build": build.describe() }))
    }

    fn described(&self, input: &Value) -> Value {
        let builds = self.inner();
        let wanted = input["ids"].as_array().into_iter().flatten();
        let found = wanted.filter_map(|id| builds.iter().find(|build| *id == *build.id));
        json!({ "builds": found.map(Build::describe).collect::<Vec<_>>() })
    }

    fn listed(&self, input: &Value) -> Value {
        let builds = self.inner();
        let own = builds.iter().rev().filter(|build| build.request["projectName"] == input["projectName"]);
        json!({ "ids": own.take(100).map(|build| &build.id).collect::<Vec<_>>() })
    }

    fn inner(&self) -> MutexGuard<'_, Vec<Build>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Build {
    fn describe(&self) -> Value {
        let environment = json!({
            "type": "LINUX_CONTAINER", "image": "none", "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": self.request["environmentVariablesOverride"],
        });
        json!({
            "id": self.id, "arn": local_protocol::arn("codebuild", &format!("build/{}", self.id)),
            "projectName": self.request["projectName"], "environment": environment,
            "buildStatus": if self.stopped { "STOPPED" } else { "IN_PROGRESS" }, "buildComplete": self.stopped,
        })
    }
}
