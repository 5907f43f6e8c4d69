//! `views.*`: modals that the app opens and changes. What people do in them is in [`crate::modal`].
//!
//! Sources: <https://docs.slack.dev/surfaces/modals>, and the reference of each method. The documentation does not say what becomes of a
//! modal when another is opened by `views.open`; here it is closed, since people see one stack of them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Slack,
    answer::{Answer, Failure},
    blocks::{Check, Surface, Text, check},
    post::identified,
    request::Args,
    state::State,
};

/// For how long a trigger id is good.
const TRIGGER: Duration = Duration::from_secs(3);
/// How many views one stack has at most.
const STACK: usize = 3;

/// A trigger id that was issued.
#[derive(Debug)]
pub struct Trigger {
    /// Who did what it came with.
    pub user: String,
    issued: Instant,
    used: bool,
}

/// A modal.
#[derive(Debug, Clone)]
pub struct Modal {
    /// As Slack shows it to the app.
    pub view: Value,
    /// Who sees it.
    pub user: String,
    /// Whether it is still there: on top, or under another.
    pub open: bool,
}

impl Slack {
    /// The modals that were opened, oldest first, the closed ones included.
    pub fn views(&self) -> Vec<Value> {
        self.state().views.iter().map(|modal| modal.view.clone()).collect()
    }

    /// The modal that a user sees now.
    pub fn modal(&self, user: &str) -> Option<Value> {
        self.state().top(user).map(|modal| modal.view.clone())
    }

    /// A trigger id as an interaction or a slash command of the first user carries one: good for one `views.open` within three seconds.
    pub fn trigger(&self) -> String {
        let first = self.settings.users.first().map(|user| user.id.clone());
        self.trigger_of(&first.unwrap_or_default())
    }

    pub(crate) fn trigger_of(&self, user: &str) -> String {
        let mut state = self.state();
        let id = state.id("trigger.");
        state.triggers.insert(id.clone(), Trigger { user: user.to_owned(), issued: Instant::now(), used: false });
        id
    }

    /// <https://docs.slack.dev/reference/methods/views.open>.
    pub(crate) fn open_view(&self, args: &Args) -> Answer {
        let (trigger, view) = (args.required("trigger_id")?, view(args)?);
        let mut state = self.state();
        let user = state.redeem(&trigger)?;
        state.close_all(&user);
        let shown = state.show(view, &user, None);
        drop(state);
        self.touch();
        Ok(json!({ "view": shown }))
    }

    /// <https://docs.slack.dev/reference/methods/views.push>.
    pub(crate) fn push_view(&self, args: &Args) -> Answer {
        let (trigger, view) = (args.required("trigger_id")?, view(args)?);
        let mut state = self.state();
        let user = state.redeem(&trigger)?;
        let shown = state.push(view, &user)?;
        drop(state);
        self.touch();
        Ok(json!({ "view": shown }))
    }

    /// <https://docs.slack.dev/reference/methods/views.update>: by `view_id` or `external_id`, with the `hash` of what is replaced or without.
    pub(crate) fn update_view(&self, args: &Args) -> Answer {
        let view = view(args)?;
        let given = |name: &str| args.text(name).filter(|text| !text.is_empty());
        let (name, wanted) = match (given("view_id"), given("external_id")) {
            (Some(id), _) => ("id", id),
            (None, Some(id)) => ("external_id", id),
            (None, None) => {
                return Err(Failure::with("invalid_arguments", vec!["missing required field: view_id".into()]));
            }
        };
        let mut state = self.state();
        let found = state.views.iter().position(|modal| modal.open && modal.view[name] == wanted.as_str());
        let at = found.ok_or_else(|| Failure::new("not_found"))?;
        if given("hash").is_some_and(|hash| state.views[at].view["hash"] != hash.as_str()) {
            return Err(Failure::new("hash_conflict"));
        }
        let shown = state.replace(at, view);
        drop(state);
        self.touch();
        Ok(json!({ "view": shown }))
    }
}

impl State {
    /// The modal that a user sees.
    pub fn top(&self, user: &str) -> Option<&Modal> {
        self.views.iter().rfind(|modal| modal.open && modal.user == user)
    }

    /// Whose trigger this is. It can be used once.
    fn redeem(&mut self, trigger: &str) -> Result<String, Failure> {
        let issued = self.triggers.get_mut(trigger).ok_or_else(|| Failure::new("invalid_trigger_id"))?;
        if std::mem::replace(&mut issued.used, true) {
            return Err(Failure::new("exchanged_trigger_id"));
        }
        if issued.issued.elapsed() > TRIGGER {
            return Err(Failure::new("expired_trigger_id"));
        }
        Ok(issued.user.clone())
    }

    /// A view on top of the one that the user sees.
    pub fn push(&mut self, view: Value, user: &str) -> Result<Value, Failure> {
        let open = || self.views.iter().filter(|modal| modal.open && modal.user == user);
        let below = open().next_back().map(|modal| modal.view.clone()).ok_or_else(|| Failure::new("not_found"))?;
        if open().count() == STACK {
            return Err(Failure::new("push_limit_reached"));
        }
        Ok(self.show(view, user, Some(&below)))
    }

    /// A new view, with the members that Slack adds.
    fn show(&mut self, view: Value, user: &str, below: Option<&Value>) -> Value {
        let id = self.id("V");
        let (root, previous) =
            below.map_or((json!(id), Value::Null), |below| (below["root_view_id"].clone(), below["id"].clone()));
        let shown = self.completed(view, &id, &root, &previous);
        self.views.push(Modal { view: shown.clone(), user: user.to_owned(), open: true });
        shown
    }

    /// Another view in the place of one, under its id.
    pub fn replace(&mut self, at: usize, view: Value) -> Value {
        let before = self.views[at].view.clone();
        let id = before["id"].as_str().unwrap_or_default();
        let shown = self.completed(view, id, &before["root_view_id"], &before["previous_view_id"]);
        self.views[at].view = shown.clone();
        shown
    }

    fn completed(&mut self, mut view: Value, id: &str, root: &Value, previous: &Value) -> Value {
        let blocks = view["blocks"].as_array().cloned().unwrap_or_default();
        view["blocks"] = identified(self, blocks).into();
        for (name, without) in [
            ("private_metadata", json!("")),
            ("callback_id", json!("")),
            ("external_id", json!("")),
            ("clear_on_close", json!(false)),
            ("notify_on_close", json!(false)),
            ("submit", Value::Null),
            ("close", Value::Null),
        ] {
            if view[name].is_null() {
                view[name] = without;
            }
        }
        let added = [
            ("id", json!(id)),
            ("team_id", json!(crate::TEAM)),
            ("app_id", json!(crate::APP)),
            ("bot_id", json!(crate::BOT)),
            ("state", json!({ "values": {} })),
            ("hash", json!(self.ts())),
            ("root_view_id", root.clone()),
            ("previous_view_id", previous.clone()),
        ];
        for (name, value) in added {
            view[name] = value;
        }
        view
    }

    /// Closes every modal of a user.
    pub fn close_all(&mut self, user: &str) {
        self.views.iter_mut().filter(|modal| modal.user == user).for_each(|modal| modal.open = false);
    }
}

/// The argument `view`, checked.
fn view(args: &Args) -> Result<Value, Failure> {
    let missing = || Failure::with("invalid_arguments", vec!["missing required field: view".into()]);
    let view = args.json("view", "invalid_arguments")?.ok_or_else(missing)?;
    let errors = problems(&view);
    if errors.is_empty() { Ok(view) } else { Err(Failure::with("invalid_arguments", errors)) }
}

/// What is wrong with a view. Source: <https://docs.slack.dev/reference/views/modal-views>.
pub fn problems(view: &Value) -> Vec<String> {
    let mut check_view = Check::default();
    if view["type"] != "modal" {
        check_view.fail("/view/type", "must be a valid enum value");
    }
    let optional = [
        "callback_id",
        "clear_on_close",
        "close",
        "external_id",
        "notify_on_close",
        "private_metadata",
        "submit",
        "submit_disabled",
    ];
    check_view.members(view, "/view", &["title", "blocks"], &optional);
    for name in ["title", "submit", "close"] {
        if !view[name].is_null() {
            check_view.text(&view[name], &format!("/view/{name}"), Text::Plain, 24);
        }
    }
    for (name, most) in [("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)] {
        if view[name] != "" {
            check_view.optional(view, name, "/view", most);
        }
    }
    let Some(blocks) = view["blocks"].as_array() else {
        if !view["blocks"].is_null() {
            check_view.fail("/view/blocks", "must provide an array");
        }
        return check_view.into_errors();
    };
    if view["submit"].is_null() && blocks.iter().any(|block| block["type"] == "input") {
        check_view.fail("/view", "missing required field: submit");
    }
    let mut errors = check_view.into_errors();
    errors.extend(check(blocks, "/view/blocks", Surface::Modal));
    errors
}
