//! What people do in a modal: submit it or close it, and what the app may answer.
//!
//! Sources: <https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload>,
//! <https://docs.slack.dev/surfaces/modals>. Slack's client holds back what lacks a required input or is too short or too long, and so does
//! this. Presses of buttons within modals are not played, nor is `response_url_enabled`.

use serde_json::{Map, Value, json};

use crate::{
    Slack,
    press::{NotPressed, person, team},
    settings::Interactions,
    state::State,
    views::{Modal, problems},
};

/// Why nothing was submitted, or the app's answer was of no use: the modal stays open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSubmitted {
    /// Nobody listens, there is no such user, or the app did not answer in time.
    #[error(transparent)]
    Not(#[from] NotPressed),
    /// No such modal, or this user does not see it: it is closed, under another, or somebody else's.
    #[error("there is no such modal")]
    NoView,
    /// The modal has no such input: its `block_id`.
    #[error("the modal has no input {0}")]
    NoInput(String),
    /// A required input was left empty: its `block_id`.
    #[error("{0} has to be filled in")]
    Missing(String),
    /// An input is shorter or longer than it may be, or none of its options: its `block_id`.
    #[error("{0} cannot be that")]
    Impossible(String),
    /// The app answered another status than 200.
    #[error("the app answered {0}")]
    Refused(u16),
    /// The app's answer is none that Slack knows.
    #[error("the app's answer is of no use: {0}")]
    Useless(String),
}

impl Slack {
    /// A user submits the modal that they see, with these values: `(block_id, action_id, value)`, where the value of a select is that of its
    /// option. What is not given keeps its initial value. The app's answer is played, and given: null when it was empty, which closes the
    /// modal; `{"response_action": "errors", …}` leaves it open.
    pub async fn submit(
        &self,
        user: &str,
        view_id: &str,
        values: &[(&str, &str, &str)],
    ) -> Result<Value, NotSubmitted> {
        let to = self.settings.interactions.as_ref().ok_or(NotPressed::Nowhere)?;
        let person_of = person(self.user(user)?);
        let mut view = self.seen(user, view_id)?;
        let filled = fill(&view, values)?;
        view["state"] = json!({ "values": filled });
        let trigger = self.trigger_of(user);
        let payload = json!({
            "type": "view_submission", "team": team(), "user": person_of, "api_app_id": crate::APP,
            "token": "not-used-any-more", "trigger_id": trigger, "view": view, "response_urls": [],
            "is_enterprise_install": false, "enterprise": null,
        });
        let reply = self.interact(to, &payload).await?;
        if reply.status != 200 {
            return Err(NotSubmitted::Refused(reply.status));
        }
        let answer = match reply.body.trim() {
            "" => Value::Null,
            body => serde_json::from_str(body).map_err(|_| NotSubmitted::Useless("it is not JSON".into()))?,
        };
        self.play(user, view_id, &answer).map_err(NotSubmitted::Useless)?;
        self.touch();
        Ok(answer)
    }

    /// A user closes the modal that they see, which shows the one under it, if there is one. Where the view asks for it, the app is told.
    pub async fn close(&self, user: &str, view_id: &str) -> Result<(), NotSubmitted> {
        let person_of = person(self.user(user)?);
        let view = self.seen(user, view_id)?;
        self.state().leave(user, &view);
        self.touch();
        if view["notify_on_close"] == true {
            let to: &Interactions = self.settings.interactions.as_ref().ok_or(NotPressed::Nowhere)?;
            let payload = json!({
                "type": "view_closed", "team": team(), "user": person_of, "api_app_id": crate::APP,
                "token": "not-used-any-more", "view": view, "is_cleared": view["clear_on_close"] == true,
                "is_enterprise_install": false, "enterprise": null,
            });
            self.interact(to, &payload).await?;
        }
        Ok(())
    }

    /// The view that a user sees, if it is this one.
    fn seen(&self, user: &str, view_id: &str) -> Result<Value, NotSubmitted> {
        let state = self.state();
        let top = state.top(user).filter(|modal| modal.view["id"] == view_id);
        top.map(|modal| modal.view.clone()).ok_or(NotSubmitted::NoView)
    }

    /// Does what the app answered to a submission. The error says why it cannot be done.
    fn play(&self, user: &str, view_id: &str, answer: &Value) -> Result<(), String> {
        let mut state = self.state();
        // The app may have closed or changed it meanwhile.
        let Some(at) = state.at(user, view_id) else { return Ok(()) };
        if answer.is_null() {
            state.views[at].open = false;
            return Ok(());
        }
        let view = || {
            let errors = problems(&answer["view"]);
            if errors.is_empty() { Ok(answer["view"].clone()) } else { Err(errors.join(", ")) }
        };
        match answer["response_action"].as_str() {
            Some("clear") => state.close_all(user),
            Some("update") => drop(state.replace(at, view()?)),
            Some("push") => drop(state.push(view()?, user).map_err(|failure| failure.error)?),
            Some("errors") => check_errors(&state.views[at].view, &answer["errors"])?,
            other => return Err(format!("response_action {}", other.unwrap_or("is missing"))),
        }
        Ok(())
    }
}

impl State {
    fn leave(&mut self, user: &str, view: &Value) {
        if view["clear_on_close"] == true {
            self.close_all(user);
        } else if let Some(at) = self.at(user, view["id"].as_str().unwrap_or_default()) {
            self.views[at].open = false;
        }
    }

    /// Where an open modal of a user is.
    fn at(&self, user: &str, view_id: &str) -> Option<usize> {
        let there = |modal: &Modal| modal.open && modal.user == user && modal.view["id"] == view_id;
        self.views.iter().position(there)
    }
}

/// Errors have to stand at inputs of the view.
fn check_errors(view: &Value, errors: &Value) -> Result<(), String> {
    let errors = errors.as_object().filter(|errors| !errors.is_empty()).ok_or("errors are missing")?;
    for (block, said) in errors {
        if !inputs(view).any(|input| input["block_id"] == block.as_str()) {
            return Err(format!("there is no input {block}"));
        }
        if said.as_str().is_none_or(str::is_empty) {
            return Err(format!("the error of {block} is no text"));
        }
    }
    Ok(())
}

fn inputs(view: &Value) -> impl Iterator<Item = &Value> {
    view["blocks"].as_array().into_iter().flatten().filter(|block| block["type"] == "input")
}

/// `state.values` of a submission: by block, by action.
fn fill(view: &Value, values: &[(&str, &str, &str)]) -> Result<Value, NotSubmitted> {
    let is_for = |input: &Value, block: &str, action: &str| {
        input["block_id"] == block && input["element"]["action_id"] == action
    };
    if let Some((block, ..)) = values.iter().find(|(block, action, _)| !inputs(view).any(|i| is_for(i, block, action)))
    {
        return Err(NotSubmitted::NoInput((*block).to_owned()));
    }
    let mut filled = Map::new();
    for input in inputs(view) {
        let (element, block) = (&input["element"], input["block_id"].as_str().unwrap_or_default());
        let action = element["action_id"].as_str().unwrap_or_default();
        let given = values.iter().find(|(b, a, _)| (*b, *a) == (block, action)).map(|(_, _, value)| *value);
        let value = if element["type"] == "static_select" { chosen(element, given) } else { written(element, given) };
        let value = value.ok_or_else(|| NotSubmitted::Impossible(block.to_owned()))?;
        if value.is_null() && input["optional"] != true {
            return Err(NotSubmitted::Missing(block.to_owned()));
        }
        let name = if element["type"] == "static_select" { "selected_option" } else { "value" };
        filled.insert(block.to_owned(), json!({ action: { "type": element["type"], name: value } }));
    }
    Ok(filled.into())
}

/// A text, null where there is none; `None` where it is too short or too long.
fn written(element: &Value, given: Option<&str>) -> Option<Value> {
    let text = given.or(element["initial_value"].as_str()).unwrap_or_default();
    if text.is_empty() {
        return Some(Value::Null);
    }
    let count = text.chars().count() as u64;
    let fits = element["min_length"].as_u64().unwrap_or(0)..=element["max_length"].as_u64().unwrap_or(3000);
    fits.contains(&count).then(|| text.into())
}

/// An option, null where none is chosen; `None` where there is no such option.
fn chosen(element: &Value, given: Option<&str>) -> Option<Value> {
    let given = given.filter(|value| !value.is_empty());
    let Some(given) = given else { return Some(element["initial_option"].clone()) };
    element["options"].as_array()?.iter().find(|option| option["value"] == given).cloned()
}
