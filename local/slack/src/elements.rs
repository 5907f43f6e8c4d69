//! The rules of what stands in blocks. Source: <https://docs.slack.dev/reference/block-kit/block-elements>.

use serde_json::Value;

use crate::blocks::{Check, Text};

impl Check {
    /// An element of one of these types.
    pub fn element(&mut self, element: &Value, at: &str, allowed: &[&str]) {
        match element["type"].as_str() {
            None => self.fail(at, "missing required field: type"),
            Some(kind) if !allowed.contains(&kind) => {
                self.fail(&format!("{at}/type"), format!("unsupported type: {kind}"));
            }
            Some("button") => self.button(element, at),
            Some("static_select") => {
                self.members(
                    element,
                    at,
                    &["options"],
                    &["placeholder", "action_id", "initial_option", "confirm", "focus_on_load"],
                );
                if !element["placeholder"].is_null() {
                    self.text(&element["placeholder"], &format!("{at}/placeholder"), Text::Plain, 150);
                }
                self.options(&element["options"], &format!("{at}/options"), 100);
                self.confirm(element, at);
            }
            Some("overflow") => {
                self.members(element, at, &["options"], &["action_id", "confirm"]);
                self.options(&element["options"], &format!("{at}/options"), 5);
                self.confirm(element, at);
            }
            Some("plain_text_input") => {
                let optional = [
                    "action_id",
                    "initial_value",
                    "multiline",
                    "min_length",
                    "max_length",
                    "placeholder",
                    "focus_on_load",
                ];
                self.members(element, at, &[], &optional);
            }
            Some(_) => self.image(element, at, &[]),
        }
        self.optional(element, "action_id", at, 255);
    }

    /// An image with an address and a text in its place. Files uploaded to Slack are not played.
    pub fn image(&mut self, image: &Value, at: &str, more: &[&str]) {
        self.members(image, at, &["image_url", "alt_text"], more);
        self.optional(image, "image_url", at, 3000);
        self.optional(image, "alt_text", at, 2000);
    }

    fn button(&mut self, button: &Value, at: &str) {
        self.members(button, at, &["text"], &["action_id", "url", "value", "style", "confirm", "accessibility_label"]);
        if !button["text"].is_null() {
            self.text(&button["text"], &format!("{at}/text"), Text::Plain, 75);
        }
        self.optional(button, "value", at, 2000);
        self.optional(button, "accessibility_label", at, 75);
        if let Some(url) = self.optional(button, "url", at, 3000)
            && !["https://", "http://", "slack://", "mailto:"].iter().any(|scheme| url.starts_with(scheme))
        {
            self.fail(&format!("{at}/url"), "must be a valid URL");
        }
        if !(button["style"].is_null() || button["style"] == "primary" || button["style"] == "danger") {
            self.fail(&format!("{at}/style"), "must be a valid enum value");
        }
        self.confirm(button, at);
    }

    /// Source: <https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object>.
    fn confirm(&mut self, element: &Value, at: &str) {
        let (confirm, at) = (&element["confirm"], format!("{at}/confirm"));
        if confirm.is_null() {
            return;
        }
        self.members(confirm, &at, &["title", "text", "confirm", "deny"], &["style"]);
        for (name, most) in [("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)] {
            if !confirm[name].is_null() {
                self.text(&confirm[name], &format!("{at}/{name}"), Text::Plain, most);
            }
        }
    }

    fn options(&mut self, options: &Value, at: &str, most: usize) {
        for (option, at) in self.items(options, at, most) {
            self.members(option, &at, &["text", "value"], &["description", "url"]);
            if !option["text"].is_null() {
                self.text(&option["text"], &format!("{at}/text"), Text::Any, 75);
            }
            self.optional(option, "value", &at, 150);
        }
    }
}
