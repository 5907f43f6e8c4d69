//! Block Kit's rules. Source: <https://docs.slack.dev/reference/block-kit/blocks>; the wording of the errors is Slack's where
//! users have reported it, for example in <https://github.com/grafana-cold-storage/oncall/pull/5121>.

use std::collections::HashSet;

use serde_json::Value;

/// Where blocks are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// At most 50 blocks.
    Message,
    /// At most 100 blocks, and inputs are allowed.
    Modal,
}

/// What is wrong with these blocks, each with its JSON pointer; empty when nothing is.
pub fn check(blocks: &[Value], pointer: &str, surface: Surface) -> Vec<String> {
    let mut check = Check::default();
    let most = if surface == Surface::Modal { 100 } else { 50 };
    if blocks.len() > most {
        check.fail(pointer, format!("no more than {most} items allowed"));
    }
    for (i, block) in blocks.iter().enumerate() {
        check.block(block, &format!("{pointer}/{i}"), surface);
    }
    check.into_errors()
}

/// Which text objects a place takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    Plain,
    Any,
}

/// The errors found so far.
#[derive(Debug, Default)]
pub struct Check {
    errors: Vec<String>,
    block_ids: HashSet<String>,
}

impl Check {
    pub fn fail(&mut self, pointer: &str, message: impl AsRef<str>) {
        self.errors.push(format!("{} [json-pointer:{pointer}]", message.as_ref()));
    }

    /// What was found.
    pub fn into_errors(self) -> Vec<String> {
        self.errors
    }

    fn block(&mut self, block: &Value, at: &str, surface: Surface) {
        match block["type"].as_str() {
            Some("section") => self.section(block, at),
            Some("header") => {
                self.members(block, at, &["text"], &[]);
                self.text(&block["text"], &format!("{at}/text"), Text::Plain, 150);
            }
            Some("divider") => self.members(block, at, &[], &[]),
            Some("context") => {
                self.members(block, at, &["elements"], &[]);
                for (element, at) in self.items(&block["elements"], &format!("{at}/elements"), 10) {
                    match element["type"].as_str() {
                        Some("image") => self.image(element, &at, &[]),
                        _ => self.text(element, &at, Text::Any, 3000),
                    }
                }
            }
            Some("actions") => {
                self.members(block, at, &["elements"], &[]);
                let mut ids = HashSet::new();
                for (element, at) in self.items(&block["elements"], &format!("{at}/elements"), 25) {
                    self.element(element, &at, &["button", "static_select", "overflow"]);
                    if let Some(id) = element["action_id"].as_str()
                        && !ids.insert(id)
                    {
                        self.fail(&format!("{at}/action_id"), format!("`action_id` {id} already exists in this block"));
                    }
                }
            }
            Some("image") => {
                self.image(block, at, &["title", "block_id"]);
                if !block["title"].is_null() {
                    self.text(&block["title"], &format!("{at}/title"), Text::Plain, 2000);
                }
            }
            Some("markdown") => {
                self.members(block, at, &["text"], &[]);
                self.string(&block["text"], &format!("{at}/text"), 12_000);
            }
            Some("input") if surface == Surface::Modal => {
                self.members(block, at, &["label", "element"], &["hint", "optional", "dispatch_action"]);
                self.text(&block["label"], &format!("{at}/label"), Text::Plain, 2000);
                self.element(&block["element"], &format!("{at}/element"), &["plain_text_input", "static_select"]);
            }
            Some(kind) => self.fail(&format!("{at}/type"), format!("unsupported type: {kind}")),
            None => self.fail(at, "missing required field: type"),
        }
        if let Some(id) = self.optional(block, "block_id", at, 255)
            && !self.block_ids.insert(id.clone())
        {
            self.fail(&format!("{at}/block_id"), format!("`block_id` {id} already exists in this message"));
        }
    }

    fn section(&mut self, block: &Value, at: &str) {
        self.members(block, at, &[], &["text", "fields", "accessory", "expand"]);
        if block["text"].is_null() && block["fields"].is_null() {
            self.fail(at, "must define either `text` or `fields`");
        }
        if !block["text"].is_null() {
            self.text(&block["text"], &format!("{at}/text"), Text::Any, 3000);
        }
        if !block["fields"].is_null() {
            for (field, at) in self.items(&block["fields"], &format!("{at}/fields"), 10) {
                self.text(field, &at, Text::Any, 2000);
            }
        }
        if !block["accessory"].is_null() {
            self.element(
                &block["accessory"],
                &format!("{at}/accessory"),
                &["button", "static_select", "overflow", "image"],
            );
        }
    }

    /// Checks that an object has its members and no others; `type` and `block_id` of a block go without saying.
    pub fn members(&mut self, object: &Value, at: &str, required: &[&str], optional: &[&str]) {
        let Some(members) = object.as_object() else {
            self.fail(at, "must provide an object");
            return;
        };
        for name in required.iter().filter(|name| !members.contains_key(**name)) {
            self.fail(at, format!("missing required field: {name}"));
        }
        for name in members.keys() {
            let name = name.as_str();
            if name != "type" && name != "block_id" && !required.contains(&name) && !optional.contains(&name) {
                self.fail(at, format!("invalid additional property: {name}"));
            }
        }
    }

    /// A text object. Source: <https://docs.slack.dev/reference/block-kit/composition-objects/text-object>.
    pub fn text(&mut self, text: &Value, at: &str, kind: Text, most: usize) {
        match (text["type"].as_str(), kind) {
            (Some("plain_text"), _) => self.members(text, at, &["text"], &["emoji"]),
            (Some("mrkdwn"), Text::Any) => self.members(text, at, &["text"], &["verbatim"]),
            (Some(_), _) => self.fail(&format!("{at}/type"), "must be a valid enum value"),
            (None, _) if text.is_object() => self.fail(at, "missing required field: type"),
            (None, _) => self.fail(at, "must provide an object"),
        }
        if !text["text"].is_null() {
            self.string(&text["text"], &format!("{at}/text"), most);
        }
    }

    /// A string of 1 to `most` characters.
    pub fn string(&mut self, value: &Value, at: &str, most: usize) {
        match value.as_str().map(|text| text.chars().count()) {
            None => self.fail(at, "must provide a string"),
            Some(0) => self.fail(at, "must be more than 0 characters"),
            Some(length) if length > most => self.fail(at, format!("must be less than {} characters", most + 1)),
            Some(_) => {}
        }
    }

    /// An optional string member.
    pub fn optional(&mut self, object: &Value, name: &str, at: &str, most: usize) -> Option<String> {
        let value = &object[name];
        if value.is_null() {
            return None;
        }
        self.string(value, &format!("{at}/{name}"), most);
        value.as_str().map(str::to_owned)
    }

    /// The items of an array of 1 to `most`, with their pointers.
    pub fn items<'a>(&mut self, value: &'a Value, at: &str, most: usize) -> Vec<(&'a Value, String)> {
        let Some(items) = value.as_array() else {
            if !value.is_null() {
                self.fail(at, "must provide an array");
            }
            return Vec::new();
        };
        if items.is_empty() {
            self.fail(at, "no less than 1 items allowed");
        }
        if items.len() > most {
            self.fail(at, format!("no more than {most} items allowed"));
        }
        items.iter().enumerate().map(|(i, item)| (item, format!("{at}/{i}"))).collect()
    }
}
