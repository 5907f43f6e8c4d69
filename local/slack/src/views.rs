//! `views.open`. Source: <https://docs.slack.dev/reference/methods/views.open>.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Slack,
    answer::{Answer, Failure},
    blocks::{Check, Surface, Text, check},
    post::identified,
    request::Args,
};

/// For how long a trigger id is good.
const TRIGGER: Duration = Duration::from_secs(3);

impl Slack {
    /// Opens a modal, which is kept and not shown.
    pub(crate) fn open_view(&self, args: &Args) -> Answer {
        let trigger = args.required("trigger_id")?;
        let view = args.json("view", "invalid_arguments")?;
        let missing = || Failure::with("invalid_arguments", vec!["missing required field: view".into()]);
        let mut view = view.ok_or_else(missing)?;
        let errors = problems(&view);
        if !errors.is_empty() {
            return Err(Failure::with("invalid_arguments", errors));
        }
        let mut state = self.state();
        let (issued, used) = state.triggers.get_mut(&trigger).ok_or_else(|| Failure::new("invalid_trigger_id"))?;
        if std::mem::replace(used, true) {
            return Err(Failure::new("exchanged_trigger_id"));
        }
        if Instant::now() - *issued > TRIGGER {
            return Err(Failure::new("expired_trigger_id"));
        }
        let blocks = view["blocks"].as_array().cloned().unwrap_or_default();
        view["blocks"] = identified(&mut state, blocks).into();
        view["id"] = state.id("V").into();
        state.views.push(view.clone());
        drop(state);
        self.touch();
        Ok(json!({ "view": view }))
    }
}

fn problems(view: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    if view["type"] != "modal" {
        errors.push("must be a valid enum value [json-pointer:/view/type]".into());
    }
    for name in ["title", "submit", "close"] {
        if name == "title" || !view[name].is_null() {
            let mut check = Check::default();
            check.text(&view[name], &format!("/view/{name}"), Text::Plain, 24);
            errors.extend(check.into_errors());
        }
    }
    match view["blocks"].as_array() {
        Some(blocks) => errors.extend(check(blocks, "/view/blocks", Surface::Modal)),
        None => errors.push("missing required field: blocks [json-pointer:/view]".into()),
    }
    errors
}
