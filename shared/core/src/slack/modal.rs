//! The modal that asks why a release is rejected.

use serde_json::{Value, json};

use super::{Action, NotAnInteraction, Press, Submitted, user};
use crate::{release::Release, text::shorten, webhook::Member};

/// The modal's `callback_id`.
const CALLBACK: &str = "reject";
/// The input's `block_id` and `action_id`.
pub const REASON: &str = "reason";
/// The longest reason, in characters.
const LONGEST: usize = 500;

/// The view for `views.open`. What it was opened by goes with it, and comes back.
///
/// Sources: <https://docs.slack.dev/reference/views/modal-views> (title and buttons: 24 characters; `private_metadata`: 3,000),
/// <https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element>.
pub fn rejection(release: &Release, press: &Press) -> Value {
    let plain = |text: &str| json!({"type": "plain_text", "text": text, "emoji": false});
    let environment = press.environment.as_deref().unwrap_or_default();
    let what = format!(
        "{} #{} ({}) does not go into {environment}.",
        release.pipeline,
        release.number,
        release.commit.short()
    );
    json!({
        "type": "modal", "callback_id": CALLBACK, "private_metadata": press.value(),
        "title": plain("Reject the release"), "submit": plain("Reject"), "close": plain("Keep it"),
        "blocks": [
            {"type": "section", "text": plain(&shorten(&what, 1000))},
            {
                "type": "input", "block_id": REASON, "optional": true, "label": plain("Why"),
                "element": {"type": "plain_text_input", "action_id": REASON, "multiline": true, "max_length": LONGEST},
                "hint": plain("It is shown with the release, and recorded."),
            },
        ],
    })
}

/// Reads a submission; `None`: of a view that is none of ours.
pub(super) fn submitted(payload: Member<'_>) -> Result<Option<Submitted>, NotAnInteraction> {
    let view = payload.at("view");
    if view.at("callback_id").text() != Some(CALLBACK) {
        return Ok(None);
    }
    let press = view.at("private_metadata").text().and_then(|value| Press::parse(Action::Reject, value));
    let written = view.at("state").at("values").at(REASON).at(REASON).at("value").text().unwrap_or_default().trim();
    Ok(Some(Submitted {
        by: user(payload.at("user")).ok_or(NotAnInteraction::Member("user.id"))?,
        press: press.ok_or(NotAnInteraction::Member("view.private_metadata"))?,
        reason: (!written.is_empty()).then(|| shorten(written, LONGEST)),
    }))
}
