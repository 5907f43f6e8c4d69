//! The buttons under a command that asks first: what they carry, and what Slack tells when one is pressed.
//!
//! The value of Confirm is the command as it was understood, with the id of the release that it makes and with what was live when it was asked. The id
//! makes two presses one; what was live shows whether the question is still the one that was answered.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    User,
    command::{Wanted, is_command},
    user,
};
use crate::{release::ReleaseId, signature::Verified, webhook::Member};

/// The `action_id` of the button that does it.
pub const CONFIRM: &str = "confirm";
/// The `action_id` of the button that leaves it.
pub const DISMISS: &str = "dismiss";

/// The longest value of a button, in characters.
/// Source: <https://docs.slack.dev/reference/block-kit/block-elements/button-element>.
pub const LONGEST: usize = 2000;

/// What is to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The id of the release that is made: the same for every press.
    pub id: ReleaseId,
    /// The command's own name, as Slack sent it.
    pub name: String,
    /// The pipeline.
    pub pipeline: String,
    /// What is wanted; releases are named by their ids.
    pub wanted: Wanted,
    /// The environments that change, with what was live in each when it was asked.
    pub shown: Vec<Shown>,
}

/// What was live in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The environment's name.
    pub environment: String,
    /// The release; none: nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<ReleaseId>,
}

/// Somebody pressed one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Who. The question was for one person's eyes, but a press names its own.
    pub by: User,
    /// What is confirmed; `None`: it is left.
    pub confirmed: Option<Proposal>,
    /// Where the question can be replaced, five times within 30 minutes; it is as good as a token.
    pub response_url: Option<String>,
}

impl Proposal {
    /// The value of the button; `None` where it would be longer than Slack takes.
    pub fn value(&self) -> Option<String> {
        // Texts, numbers and lists of them can always be written.
        let value = serde_json::to_string(self).ok()?;
        (value.chars().count() <= LONGEST).then_some(value)
    }

    /// Reads the value of a button.
    pub fn parse(value: &str) -> Option<Self> {
        if value.len() > 4 * LONGEST {
            return None;
        }
        serde_json::from_str(value).ok().filter(|proposal: &Self| is_command(&proposal.name))
    }
}

/// Reads a press of one of the two buttons; `None`: it is no such press, or none that can be read.
pub fn read(body: Verified<'_>) -> Option<Answered> {
    let (_, payload) = form_urlencoded::parse(body.bytes()).find(|(name, _)| name == "payload")?;
    let payload: Value = serde_json::from_str(&payload).ok()?;
    let payload = Member::of(&payload);
    if payload.at("type").text() != Some("block_actions") {
        return None;
    }
    let (by, response_url) = (user(payload.at("user"))?, payload.at("response_url").page());
    let mut actions = payload.at("actions").items();
    let confirmed = actions.find_map(|action| match action.at("action_id").text() {
        Some(CONFIRM) => Some(Some(Proposal::parse(action.at("value").text()?)?)),
        Some(DISMISS) => Some(None),
        Some(_) | None => None,
    })?;
    Some(Answered { by, confirmed, response_url })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::signature;

    const ID: &str = "01JD0000000000000000000000";

    fn pressed(payload: &Value) -> Option<Answered> {
        let body =
            form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
        let (body, at) = (body.as_bytes(), Timestamp::UNIX_EPOCH);
        let signature = signature::sign_slack("secret", "0", body);
        read(signature::slack(Some("0"), Some(&signature), body, &["secret"], at).expect("what is signed is proven"))
    }

    fn payload(action: &str, value: &str) -> Value {
        json!({
            "type": "block_actions", "user": {"id": "U0ADA", "name": "ada"},
            "response_url": "https://hooks.slack.com/actions/1",
            "actions": [{"type": "button", "action_id": action, "value": value}],
        })
    }

    fn proposal(name: &str) -> Proposal {
        let wanted = Wanted::RollBack { pipeline: "web".into(), environment: "production".into(), to: None };
        let id = ReleaseId::parse(ID).expect("an id");
        let shown = vec![Shown { environment: "production".into(), live: Some(id.clone()) }];
        Proposal { id, name: name.into(), pipeline: "web".into(), wanted, shown }
    }

    #[test]
    fn a_press_of_either_button_is_read_and_any_other_is_not() {
        let value = proposal("/deploy").value().expect("a value");
        let by = User { id: "U0ADA".into(), name: "ada".into() };
        let response_url = Some("https://hooks.slack.com/actions/1".to_owned());
        let answered = |confirmed| Some(Answered { by: by.clone(), confirmed, response_url: response_url.clone() });
        assert_eq!(pressed(&payload("confirm", &value)), answered(Some(proposal("/deploy"))));
        assert_eq!(pressed(&payload("dismiss", "-")), answered(None));
        for (action, value) in
            [("approve", &*value), ("confirm", "{}"), ("confirm", ""), ("confirm", &"[".repeat(9000))]
        {
            assert_eq!(pressed(&payload(action, value)), None, "{action}");
        }
        let mut nobody = payload("confirm", &value);
        nobody["user"] = json!({"id": "<@U0ADA>"});
        assert_eq!(pressed(&nobody), None);
        assert_eq!(pressed(&json!({"type": "view_submission"})), None);
    }

    #[test]
    fn a_name_that_is_no_commands_is_not_believed() {
        let value = proposal("<!channel>").value().expect("a value");
        assert_eq!(pressed(&payload("confirm", &value)), None);
    }
}
