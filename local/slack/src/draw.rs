//! Draws a message as Slack would: a pure function of the message and of the names in it.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;

use crate::{
    date,
    dialog::confirmation,
    emoji::emoji,
    message::Message,
    mrkdwn::{decoded, href, mrkdwn, plain},
};

/// The style that the drawn messages need.
pub const STYLE: &str = include_str!("style.css");

/// Names by id. What is missing is drawn as its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The app's display name.
    pub app_name: String,
    /// Users.
    pub users: BTreeMap<String, String>,
    /// Channels, without `#`.
    pub channels: BTreeMap<String, String>,
    /// User groups, without `@`.
    pub groups: BTreeMap<String, String>,
    /// Whether buttons can be pressed.
    pub pressable: bool,
}

impl Default for Directory {
    fn default() -> Self {
        let none = BTreeMap::new();
        Self {
            app_name: "Longshore".into(),
            users: none.clone(),
            channels: none.clone(),
            groups: none,
            pressable: false,
        }
    }
}

/// Draws one message, without its thread.
pub fn draw(message: &Message, directory: &Directory) -> Markup {
    let name =
        if message.by_app { &directory.app_name } else { directory.users.get(&message.user).unwrap_or(&message.user) };
    html! {
        article.message.ephemeral[message.only_for.is_some()] id=(format!("{}-{}", message.channel, message.ts)) data-message=(message.ts) {
            div.avatar.app[message.by_app] aria-hidden="true" {
                @if message.by_app { "⚓" } @else { (name.chars().next().unwrap_or('?').to_uppercase()) }
            }
            div.body {
                div.head {
                    span.name { (name) }
                    @if message.by_app { span.badge { "APP" } }
                    @if let Some((time, date)) = date::of_ts(&message.ts) { time.at title=(date) data-ts=(message.ts) { (time) } }
                }
                @if let Some(user) = &message.only_for {
                    div.note { "Only visible to " (directory.users.get(user).unwrap_or(user)) }
                }
                @if message.blocks.is_empty() {
                    @if !message.text.is_empty() { div.text { (mrkdwn(&message.text, directory)) (edited(message)) } }
                } @else {
                    @for block in &message.blocks { (draw_block(block, directory)) }
                    (edited(message))
                }
                @for attachment in &message.attachments { (draw_attachment(attachment, directory)) }
                @if !message.reactions.is_empty() {
                    div.reactions {
                        @for reaction in &message.reactions {
                            span.reaction title=(format!(":{}:", reaction.name)) {
                                (emoji(&reaction.name).unwrap_or("❔")) " " (reaction.users.len())
                            }
                        }
                    }
                }
            }
        }
    }
}

fn edited(message: &Message) -> Markup {
    html! { @if message.edited.is_some() { " " span.edited { "(edited)" } } }
}

fn draw_attachment(attachment: &Value, directory: &Directory) -> Markup {
    let text = |name: &str| attachment[name].as_str().filter(|text| !text.is_empty());
    let bar = format!("background:{}", attachment["color"].as_str().and_then(color).unwrap_or("#ddd".into()));
    let blocks = attachment["blocks"].as_array();
    html! {
        div.attachment {
            div.bar style=(bar) {}
            div.content {
                @if let Some(blocks) = blocks {
                    @for block in blocks { (draw_block(block, directory)) }
                } @else {
                    @if let Some(pretext) = text("pretext") { div.text { (mrkdwn(pretext, directory)) } }
                    @if let Some(title) = text("title") {
                        div.title {
                            @if let Some(href) = text("title_link").and_then(href) {
                                a href=(href) target="_blank" rel="noopener noreferrer" { (decoded(title)) }
                            } @else { (decoded(title)) }
                        }
                    }
                    @if let Some(text) = text("text").or(text("fallback")) { div.text { (mrkdwn(text, directory)) } }
                    @if let Some(footer) = text("footer") { div.context { (decoded(footer)) } }
                }
            }
        }
    }
}

/// A colour that cannot leave its attribute: Slack's three names, or six hexadecimal digits.
fn color(name: &str) -> Option<String> {
    match name {
        "good" => Some("#2eb67d".into()),
        "warning" => Some("#ecb22e".into()),
        "danger" => Some("#e01e5a".into()),
        other => {
            let digits = other.strip_prefix('#').unwrap_or(other);
            let is_color = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            is_color.then(|| format!("#{digits}"))
        }
    }
}

pub(crate) fn draw_block(block: &Value, directory: &Directory) -> Markup {
    match block["type"].as_str().unwrap_or_default() {
        "header" => html! { div.header { (text(&block["text"], directory)) } },
        "divider" => html! { hr; },
        "section" => html! {
            div.section {
                div.main {
                    @if !block["text"].is_null() { div.text { (text(&block["text"], directory)) } }
                    @if let Some(fields) = block["fields"].as_array() {
                        div.fields { @for field in fields { div.field { (text(field, directory)) } } }
                    }
                }
                @if !block["accessory"].is_null() { div.accessory { (element(&block["accessory"], directory)) } }
            }
        },
        "context" => html! {
            div.context {
                @for part in block["elements"].as_array().into_iter().flatten() {
                    @if part["type"] == "image" { (element(part, directory)) } @else { span { (text(part, directory)) } }
                }
            }
        },
        "actions" => html! {
            div.actions {
                @for part in block["elements"].as_array().into_iter().flatten() { (element(part, directory)) }
            }
        },
        "image" => html! {
            figure {
                @if !block["title"].is_null() { figcaption { (text(&block["title"], directory)) } }
                (element(block, directory))
            }
        },
        "markdown" => html! { div.text.markdown { (block["text"].as_str().unwrap_or_default()) } },
        other => html! { div.note { "[" (other) "]" } },
    }
}

/// A text object.
pub(crate) fn text(object: &Value, directory: &Directory) -> Markup {
    let text = object["text"].as_str().unwrap_or_default();
    if object["type"] == "mrkdwn" { mrkdwn(text, directory) } else { plain(text) }
}

fn element(element: &Value, directory: &Directory) -> Markup {
    let inert = "Drawn only: nobody is told of a click";
    let action = element["action_id"].as_str().filter(|_| directory.pressable);
    let style = match element["style"].as_str() {
        Some("primary") => "button primary",
        Some("danger") => "button danger",
        _ => "button",
    };
    match element["type"].as_str().unwrap_or_default() {
        "button" => html! {
            @if let Some(href) = element["url"].as_str().and_then(href) {
                a class=(style) href=(href) target="_blank" rel="noopener noreferrer" { (text(&element["text"], directory)) }
            } @else if let Some(action) = action {
                button class=(style) type="button" data-action=(action) { (text(&element["text"], directory)) }
                @if !element["confirm"].is_null() { (confirmation(&element["confirm"], directory)) }
            } @else {
                button class=(style) disabled title=(inert) { (text(&element["text"], directory)) }
            }
        },
        "static_select" => html! {
            select disabled title=(inert) {
                option { (element["placeholder"]["text"].as_str().unwrap_or("Select an item")) }
            }
        },
        "overflow" => html! { button.button disabled title=(inert) { "⋯" } },
        // Images are not fetched: a drawing never calls out.
        "image" => html! { span.image { "🖼 " (element["alt_text"].as_str().unwrap_or_default()) } },
        other => html! { span.note { "[" (other) "]" } },
    }
}
