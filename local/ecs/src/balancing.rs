//! The part of Elastic Load Balancing that tells how a service's targets are: `DescribeTargetHealth`.
//!
//! The Query protocol: a form in, XML out. A target's id is the address at which a task can be reached on this machine, its
//! port the one there. Every target group that a service names exists, and no other.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html>.

use std::{collections::BTreeMap, fmt::Write as _, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::State as Shared,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;

use crate::{
    ecs::Inner,
    health::Failure,
    model::{Health, Service, State, Status, Task},
    runner,
    shapes::uuid,
};

/// The version of the API.
const VERSION: &str = "2015-12-01";
const NAMESPACE: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

/// How a target is, as a load balancer says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TargetState {
    /// Its container has a port, its task does not run yet.
    Registering,
    /// It runs, and no check has decided yet.
    Initial,
    Healthy,
    Unhealthy(Failure),
    /// Its task is to stop, and may still answer what came before.
    Draining,
    /// It is not among the group's targets.
    Unused,
}

impl TargetState {
    /// The state of the task's target; `None` while, or once, it is none.
    pub fn of(task: &Task) -> Option<Self> {
        if task.stop.is_some() || task.status >= Status::Deactivating {
            let was = task.started.is_some() && task.status < Status::Stopping;
            return was.then_some(Self::Draining);
        }
        match (task.status, task.target_health, &task.target_failure) {
            (Status::Provisioning | Status::Pending, _, _) => Some(Self::Registering),
            (Status::Running, Health::Healthy, _) => Some(Self::Healthy),
            (Status::Running, Health::Unhealthy | Health::Unknown, Some(failure)) => {
                Some(Self::Unhealthy(failure.clone()))
            }
            (Status::Running, Health::Unhealthy | Health::Unknown, None) => Some(Self::Initial),
            (Status::Deactivating | Status::Stopping | Status::Stopped, _, _) => None,
        }
    }

    /// `State`, `Reason` and `Description`.
    fn words(&self) -> (&'static str, Option<(&'static str, String)>) {
        match self {
            Self::Registering => {
                ("initial", Some(("Elb.RegistrationInProgress", "Target registration is in progress".into())))
            }
            Self::Initial => {
                ("initial", Some(("Elb.InitialHealthChecking", "Initial health checks in progress".into())))
            }
            Self::Healthy => ("healthy", None),
            Self::Unhealthy(Failure::Code(code)) => {
                let description = format!("Health checks failed with these codes: [{code}]");
                ("unhealthy", Some(("Target.ResponseCodeMismatch", description)))
            }
            Self::Unhealthy(Failure::Timeout) => ("unhealthy", Some(("Target.Timeout", "Request timed out".into()))),
            Self::Unhealthy(Failure::Broken) => {
                ("unhealthy", Some(("Target.FailedHealthChecks", "Health checks failed".into())))
            }
            Self::Draining => {
                ("draining", Some(("Target.DeregistrationInProgress", "Target deregistration is in progress".into())))
            }
            Self::Unused => {
                ("unused", Some(("Target.NotRegistered", "Target is not registered to the target group".into())))
            }
        }
    }
}

/// A refusal in the Query protocol's form: code and message, status 400.
#[derive(Debug, PartialEq, Eq)]
struct Refused(&'static str, String);

/// A target that a request names.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Named {
    id: String,
    port: Option<u16>,
}

pub(crate) fn router(inner: Arc<Inner>) -> Router {
    Router::new().route("/", post(handle)).with_state(inner)
}

async fn handle(Shared(inner): Shared<Arc<Inner>>, body: Bytes) -> Response {
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let (status, xml) = match describe(&inner.state(), &form) {
        Ok(xml) => (StatusCode::OK, xml),
        Err(Refused(code, message)) => {
            tracing::debug!(code, message, "refused");
            (StatusCode::BAD_REQUEST, error(code, &message))
        }
    };
    (status, [(header::CONTENT_TYPE, "text/xml")], xml).into_response()
}

fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error>\
         <RequestId>{}</RequestId></ErrorResponse>",
        escaped(message),
        uuid()
    )
}

fn describe(state: &State, form: &BTreeMap<String, String>) -> Result<String, Refused> {
    let given = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if given("Action") != "DescribeTargetHealth" || given("Version") != VERSION {
        let message = format!("Could not find operation {} for version {}", given("Action"), given("Version"));
        return Err(Refused("InvalidAction", message));
    }
    let group = given("TargetGroupArn");
    if group.is_empty() {
        return Err(Refused("ValidationError", "A target group ARN must be specified".into()));
    }
    if !state.services.values().any(|service| service.names_group(group)) {
        return Err(Refused("TargetGroupNotFound", format!("Target groups '{group}' not found")));
    }
    let targets = state.tasks.values().filter(|task| task.target.as_ref().is_some_and(|target| target.2 == group));
    let registered: Vec<(SocketAddr, TargetState)> = targets
        .filter_map(|task| Some((runner::address(task, task.target.as_ref()?.1)?, TargetState::of(task)?)))
        .collect();
    let mut members = String::new();
    for (id, port, target) in chosen(registered, &named(form)?) {
        member(&mut members, &id, port, &target);
    }
    Ok(format!(
        "<DescribeTargetHealthResponse xmlns=\"{NAMESPACE}\"><DescribeTargetHealthResult><TargetHealthDescriptions>{members}\
         </TargetHealthDescriptions></DescribeTargetHealthResult><ResponseMetadata><RequestId>{}</RequestId>\
         </ResponseMetadata></DescribeTargetHealthResponse>",
        uuid()
    ))
}

/// All targets, or those that are named; one that is named and not registered is unused.
fn chosen(registered: Vec<(SocketAddr, TargetState)>, named: &[Named]) -> Vec<(String, Option<u16>, TargetState)> {
    let all = registered.into_iter().map(|(at, state)| (at.ip().to_string(), Some(at.port()), state));
    if named.is_empty() {
        return all.collect();
    }
    let all: Vec<_> = all.collect();
    let mut chosen = Vec::new();
    for name in named {
        let found = all.iter().filter(|(id, port, _)| *id == name.id && (name.port.is_none() || name.port == *port));
        let before = chosen.len();
        chosen.extend(found.cloned());
        if chosen.len() == before {
            chosen.push((name.id.clone(), name.port, TargetState::Unused));
        }
    }
    chosen
}

/// `Targets.member.N.Id` and `.Port`.
fn named(form: &BTreeMap<String, String>) -> Result<Vec<Named>, Refused> {
    let mut named: BTreeMap<u32, Named> = BTreeMap::new();
    for (name, value) in form {
        let Some((number, member)) = name.strip_prefix("Targets.member.").and_then(|rest| rest.split_once('.')) else {
            continue;
        };
        let wrong = || Refused("ValidationError", format!("{name} is not valid: '{value}'"));
        let entry = named.entry(number.parse().map_err(|_| wrong())?).or_default();
        match member {
            "Id" => entry.id.clone_from(value),
            "Port" => entry.port = Some(value.parse().map_err(|_| wrong())?),
            _ => {}
        }
    }
    if named.values().any(|target| target.id.is_empty()) {
        return Err(Refused("ValidationError", "Each target must have an id".into()));
    }
    Ok(named.into_values().collect())
}

fn member(out: &mut String, id: &str, port: Option<u16>, target: &TargetState) {
    let (state, reason) = target.words();
    let port = port.map(|port| port.to_string());
    out.push_str("<member>");
    if let Some(port) = &port {
        element(out, "HealthCheckPort", port);
    }
    out.push_str("<TargetHealth>");
    element(out, "State", state);
    if let Some((reason, description)) = reason {
        element(out, "Reason", reason);
        element(out, "Description", &description);
    }
    out.push_str("</TargetHealth><Target>");
    if let Some(port) = &port {
        element(out, "Port", port);
    }
    element(out, "Id", id);
    out.push_str("</Target></member>");
}

fn element(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, "<{name}>{}</{name}>", escaped(text));
}

/// Text as XML has it; characters that it cannot have are dropped.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => {}
            c => xml.push(c),
        }
    }
    xml
}

impl Service {
    /// Whether this is one of the service's target groups.
    fn names_group(&self, group: &str) -> bool {
        let balancers = self.settings.get("loadBalancers").and_then(Value::as_array);
        self.status != "INACTIVE"
            && balancers.into_iter().flatten().any(|balancer| {
                let alternate = &balancer["advancedConfiguration"]["alternateTargetGroupArn"];
                balancer["targetGroupArn"] == group || *alternate == group
            })
    }
}

#[cfg(test)]
mod tests;
