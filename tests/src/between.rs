//! What goes wrong between the functions and CodeBuild, by project.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{StatusCode, header::CONTENT_LENGTH},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use longshore_local::Middleware;
use serde_json::{Value, json};

const LIMIT: usize = 1024 * 1024;

/// What becomes of a project's StartBuild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// CodeBuild refuses it: the status, the code, the message.
    Refused(u16, &'static str, &'static str),
    /// CodeBuild refuses it with this code, and quotes the whole request, as AWS quotes what it does not like.
    Quoted(&'static str),
    /// CodeBuild takes it, and its answer is lost: what comes back is a 500.
    AnswerLost,
    /// CodeBuild takes it, and no answer comes.
    NoAnswer,
}

/// Comes between the functions and CodeBuild.
#[derive(Clone, Default)]
pub struct Between(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    faults: HashMap<String, Fault>,
    started: HashMap<String, usize>,
    builds: HashMap<String, Value>,
}

impl Between {
    /// What the stack is started with.
    pub fn middleware(&self) -> Middleware {
        let between = self.clone();
        Box::new(move |router| {
            router.layer(from_fn(move |request: Request, next: Next| {
                let between = between.clone();
                async move { between.pass(request, next).await }
            }))
        })
    }

    /// From now on, this becomes of the project's StartBuild.
    pub fn break_project(&self, project: &str, fault: Fault) {
        self.inner().faults.insert(project.to_owned(), fault);
    }

    /// All is right again.
    pub fn mend(&self) {
        self.inner().faults.clear();
    }

    /// How often the project's build was to be started.
    pub fn started(&self, project: &str) -> usize {
        self.inner().started.get(project).copied().unwrap_or_default()
    }

    /// From now on the project's builds are described with these members, over their own; with null, CodeBuild has them no longer.
    pub fn describe_builds(&self, project: &str, members: Value) {
        self.inner().builds.insert(project.to_owned(), members);
    }

    async fn pass(&self, request: Request, next: Next) -> Response {
        let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
        match target.and_then(|target| target.strip_prefix("CodeBuild_20161006.")) {
            Some("StartBuild") => self.start(request, next).await,
            Some("BatchGetBuilds") => self.described(next.run(request).await).await,
            _ => next.run(request).await,
        }
    }

    async fn start(&self, request: Request, next: Next) -> Response {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, LIMIT).await.expect("a request");
        let input: Value = serde_json::from_slice(&body).expect("JSON");
        let project = input["projectName"].as_str().expect("a project").to_owned();
        *self.inner().started.entry(project.clone()).or_default() += 1;
        let fault = self.inner().faults.get(&project).cloned();
        let pass = next.run(Request::from_parts(parts, Body::from(body)));
        match fault {
            None => pass.await,
            Some(Fault::Quoted(code)) => refusal(400, code, &format!("1 validation error detected: Value '{input}'")),
            Some(Fault::Refused(status, code, message)) => refusal(status, code, message),
            Some(Fault::AnswerLost) => {
                pass.await;
                refusal(500, "InternalFailure", "the answer was lost")
            }
            Some(Fault::NoAnswer) => {
                pass.await;
                std::future::pending().await
            }
        }
    }

    async fn described(&self, answer: Response) -> Response {
        let (mut parts, body) = answer.into_parts();
        let body = to_bytes(body, LIMIT).await.expect("an answer");
        let mut answer: Value = serde_json::from_slice(&body).expect("JSON");
        if let Some(builds) = answer["builds"].as_array_mut() {
            let described = &self.inner().builds;
            let members = |build: &Value| build["projectName"].as_str().and_then(|project| described.get(project));
            builds.retain(|build| members(build) != Some(&Value::Null));
            for build in builds {
                for (name, value) in members(build).and_then(Value::as_object).into_iter().flatten() {
                    build[name] = value.clone();
                }
            }
        }
        parts.headers.remove(CONTENT_LENGTH);
        Response::from_parts(parts, Body::from(answer.to_string()))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error as AWS's JSON protocol has it.
fn refusal(status: u16, code: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = json!({ "__type": code, "message": message }).to_string();
    (status, [("content-type", "application/x-amz-json-1.1")], body).into_response()
}
