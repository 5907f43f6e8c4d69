//! `StartBuild` and `RetryBuild`: from a request to a build under way, in one step that nothing can come between.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use local_protocol::Refusal;
use serde_json::Value;
use ulid::Ulid;

use crate::{
    CodeBuild, agent,
    build::{Build, Order},
    input::{Members, invalid, required, text},
    log::Log,
    overrides, project,
    store::Seen,
};

/// How many of `CodeBuild`'s minutes an idempotency token is valid.
const TOKEN_MINUTES: u32 = 5;

impl CodeBuild {
    /// `StartBuild`.
    pub(crate) fn start_build(&self, input: &Members) -> Result<Arc<Build>, Refusal> {
        required(input, "projectName")?;
        self.start(input, input, "StartBuild")
    }

    /// `RetryBuild`: another build of the same request.
    pub(crate) fn retry_build(&self, input: &Members) -> Result<Arc<Build>, Refusal> {
        let id = required(input, "id")?;
        let build = self.store().build(id).ok_or_else(|| build_not_found(id))?;
        if !build.is_complete() {
            return Err(invalid(format!("Build {id} is still in progress")));
        }
        self.start(&build.order.request, input, "RetryBuild")
    }

    /// Starts a build of `request`; `input`, which carries the token, is what has to come again to mean the same.
    fn start(&self, request: &Members, input: &Members, action: &str) -> Result<Arc<Build>, Refusal> {
        let token = text(input, "idempotencyToken")?.filter(|token| !token.is_empty());
        let token = token.map(|token| format!("{action} {token}"));
        let mut store = self.store();
        if store.is_closed() {
            return Err(Refusal::server("ServiceUnavailable", "the stand-in is shutting down"));
        }
        match token.as_deref().map(|token| store.seen(token, input)) {
            None | Some(Seen::Never) => {}
            Some(Seen::Same(build)) => return Ok(build),
            Some(Seen::Other) => {
                return Err(invalid(
                    "The idempotency token was used before with other parameters (parameter mismatch)",
                ));
            }
        }
        let name = required(request, "projectName")?.to_owned();
        let project = store.projects.get(&name).ok_or_else(|| project::not_found(&name))?.clone();
        let mut members = overrides::apply(&project, request)?;
        let active = store.builds(Some(&name)).filter(|build| !build.is_complete()).count();
        if project.concurrent_builds().is_some_and(|limit| active as u64 >= limit) {
            let message = format!("Cannot have more than {active} active builds for the project {name}");
            return Err(Refusal::client("AccountLimitExceededException", message));
        }
        let uuid = uuid();
        let source_version = members.remove("sourceVersion").and_then(|v| v.as_str().map(str::to_owned));
        let order = Order {
            deep_link: format!("{}/builds/{name}/{uuid}/log", self.site.settings.url),
            number: store.number(&name),
            started: Timestamp::now(),
            initiator: "local".into(),
            request: without_token(request),
            source_version: source_version.filter(|version| !version.is_empty()),
            timeout_minutes: take_minutes(&mut members, "timeoutInMinutes", 60),
            queued_timeout_minutes: take_minutes(&mut members, "queuedTimeoutInMinutes", 480),
            members,
            project: name,
            uuid,
        };
        let log = Log::new(self.site.directory(&order).join("log.txt"));
        let build = Build::submit(order, log, self.events.clone());
        store.insert(Arc::clone(&build));
        if let Some(token) = token {
            let expires = Instant::now() + TOKEN_MINUTES * self.site.minute;
            store.remember(token, input.clone(), Arc::clone(&build), expires);
        }
        self.builds.spawn(agent::run(Arc::clone(&build), Arc::clone(&self.site)));
        Ok(build)
    }
}

impl agent::Site {
    /// So many of `CodeBuild`'s minutes.
    pub(crate) fn minutes(&self, minutes: u32) -> Duration {
        self.minute * minutes
    }
}

/// The refusal of a build that does not exist.
pub(crate) fn build_not_found(id: &str) -> Refusal {
    Refusal::client("ResourceNotFoundException", format!("The specified build ID {id} was not found"))
}

fn without_token(request: &Members) -> Members {
    let mut request = request.clone();
    request.remove("idempotencyToken");
    request
}

fn take_minutes(members: &mut Members, name: &str, default: u32) -> u32 {
    let minutes = members.remove(name).as_ref().and_then(Value::as_u64);
    minutes.and_then(|minutes| u32::try_from(minutes).ok()).unwrap_or(default)
}

/// A version 7 UUID, whose layout (milliseconds, then random bits) is that of a ULID.
/// Source: <https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7>.
fn uuid() -> String {
    let bits = u128::from(Ulid::generate()) & !(0xF << 76) & !(0x3 << 62) | (0x7 << 76) | (0x2 << 62);
    let digits = format!("{bits:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
