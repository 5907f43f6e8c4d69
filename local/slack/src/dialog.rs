//! Draws modals, and what a button asks before it is pressed, as dialogs. The page's script opens them and sends what is done in them.

use maud::{Markup, html};
use serde_json::Value;

use crate::{
    draw::{Directory, draw_block, text},
    views::Modal,
};

/// A modal, with its inputs.
pub fn modal(modal: &Modal, directory: &Directory) -> Markup {
    let view = &modal.view;
    let id = view["id"].as_str().unwrap_or_default();
    // Buttons within modals are drawn only.
    let directory = &Directory { pressable: false, ..directory.clone() };
    let blocks = view["blocks"].as_array().into_iter().flatten().enumerate();
    let first = blocks.clone().find(|(_, block)| block["type"] == "input").map(|(i, _)| i);
    html! {
        dialog.modal data-view=(id) data-user=(modal.user) data-hash=(view["hash"].as_str().unwrap_or_default())
            aria-labelledby=(format!("{id}-title")) {
            form novalidate {
                h2 id=(format!("{id}-title")) { (text(&view["title"], directory)) }
                @for (i, block) in blocks {
                    @if block["type"] == "input" {
                        (input(block, &format!("{id}-{i}"), first == Some(i), directory))
                    } @else {
                        div.message { div.body { (draw_block(block, directory)) } }
                    }
                }
                p.trouble role="alert" {}
                div.choices {
                    button.button type="button" data-close {
                        @if view["close"].is_null() { "Close" } @else { (text(&view["close"], directory)) }
                    }
                    @if !view["submit"].is_null() {
                        button.button.primary type="submit" { (text(&view["submit"], directory)) }
                    }
                }
            }
        }
    }
}

/// A label, its field, its hint, and a place for what is wrong with it.
fn input(block: &Value, id: &str, first: bool, directory: &Directory) -> Markup {
    let element = &block["element"];
    let string = |name: &str| element[name].as_str().unwrap_or_default();
    let (hint, error) = (format!("{id}-hint"), format!("{id}-error"));
    let described = if block["hint"].is_null() { error.clone() } else { format!("{hint} {error}") };
    let placeholder = element["placeholder"]["text"].as_str();
    let required = block["optional"] != true;
    html! {
        div.input data-block=(block["block_id"].as_str().unwrap_or_default()) data-action=(string("action_id")) {
            label for=(id) {
                (text(&block["label"], directory)) @if !required { span.optional { " (optional)" } }
            }
            @if element["type"] == "static_select" {
                select id=(id) required[required] autofocus[first] aria-describedby=(described) {
                    option value="" { (placeholder.unwrap_or("Choose one")) }
                    @for option in element["options"].as_array().into_iter().flatten() {
                        option value=(option["value"].as_str().unwrap_or_default())
                            selected[option["value"] == element["initial_option"]["value"]] { (text(&option["text"], directory)) }
                    }
                }
            } @else if element["multiline"] == true {
                textarea id=(id) rows="4" required[required] autofocus[first] aria-describedby=(described) placeholder=[placeholder] {
                    (string("initial_value"))
                }
            } @else {
                input id=(id) type="text" required[required] autofocus[first] aria-describedby=(described) placeholder=[placeholder]
                    value=(string("initial_value")) autocomplete="off";
            }
            @if !block["hint"].is_null() { p.hint id=(hint) { (text(&block["hint"], directory)) } }
            p.error id=(error) role="alert" {}
        }
    }
}

/// What a button asks before it is pressed.
pub fn confirmation(confirm: &Value, directory: &Directory) -> Markup {
    let style = if confirm["style"] == "danger" { "button danger" } else { "button primary" };
    html! {
        dialog.confirm aria-label=(confirm["title"]["text"].as_str().unwrap_or_default()) {
            h2 { (text(&confirm["title"], directory)) }
            p { (text(&confirm["text"], directory)) }
            div.choices {
                button.button type="button" data-deny autofocus { (text(&confirm["deny"], directory)) }
                button class=(style) type="button" data-confirm { (text(&confirm["confirm"], directory)) }
            }
        }
    }
}
