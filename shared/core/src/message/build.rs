//! What a message shows of a release's build.

use super::{
    duration,
    markup::{clip, log_block, quote},
};
use crate::{
    release::{Outcome, Release, Stage},
    report::Status,
};

/// A stage with its icon and for how long it ran.
pub(super) fn stage_line(stage: &Stage) -> String {
    let took = stage.ended.map(|ended| format!(" · {}", duration(stage.started, ended))).unwrap_or_default();
    let icon = match stage.status {
        Status::Started => ":hourglass_flowing_sand:",
        Status::Succeeded => ":white_check_mark:",
        Status::Failed => ":x:",
    };
    format!("{icon} {}{took}", clip(&stage.name, 100))
}

/// The reply for a stage that ended.
pub(super) fn stage_end(stage: &Stage) -> String {
    let message = stage.message.as_ref().map(|message| format!("\n{}", quote(message, 2000))).unwrap_or_default();
    format!("{}{message}", stage_line(stage))
}

/// The reply for the end of the build: how, after which time, why, and the end of its log.
pub(super) fn end(release: &Release) -> String {
    let outcome = release.build.outcome.map_or("ended", Outcome::ending);
    let took = match (release.build.started, release.build.ended) {
        (Some(started), Some(ended)) => format!(" after {}", duration(started, ended)),
        _ => String::new(),
    };
    let reason = release.reason.as_ref().filter(|_| release.build.outcome != Some(Outcome::Succeeded));
    let reason = reason.map(|reason| format!("\n{}", quote(reason, 800))).unwrap_or_default();
    format!(":hammer_and_wrench: build {outcome}{took}{reason}{}", log_block(&release.build.tail, 2000))
}
