//! YAML as a buildspec needs it: text, sequences and mappings, each with its line.
//!
//! A scalar keeps the text that stands in the file: `1.10` is a version and not the number 1.1.

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, ScalarStyle, YamlData};

/// A part of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Null,
    Text(String),
    Sequence(Vec<Node>),
    /// In the file's order; no key occurs twice.
    Mapping(Vec<(String, Node)>),
}

impl Node {
    /// The entries of a mapping; nothing counts as an empty one. `what` names the node in the error.
    pub(crate) fn mapping(&self, what: &str) -> Result<&[(String, Self)], String> {
        match &self.content {
            Content::Mapping(entries) => Ok(entries),
            Content::Null => Ok(&[]),
            Content::Text(_) | Content::Sequence(_) => Err(self.unexpected(what)),
        }
    }

    /// The items of a sequence; nothing counts as an empty one.
    pub(crate) fn sequence(&self, what: &str) -> Result<&[Self], String> {
        match &self.content {
            Content::Sequence(items) => Ok(items),
            Content::Null => Ok(&[]),
            Content::Text(_) | Content::Mapping(_) => Err(self.unexpected(what)),
        }
    }

    /// Text that is not empty.
    pub(crate) fn text(&self, what: &str) -> Result<&str, String> {
        self.scalar().filter(|text| !text.is_empty()).ok_or_else(|| self.unexpected(what))
    }

    /// Text; nothing counts as empty text.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Null => Some(""),
            Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    /// The error of a node that is not of the kind which `what` needs.
    pub(crate) fn unexpected(&self, what: &str) -> String {
        let found = match &self.content {
            Content::Null => "nothing",
            Content::Text(text) if text.is_empty() => "empty",
            Content::Text(_) => "text",
            Content::Sequence(_) => "a sequence",
            Content::Mapping(_) => "a mapping",
        };
        format!("{what} cannot be {found}, at line {}", self.line)
    }
}

/// Reads one document; errors say the line.
pub(crate) fn parse(text: &str) -> Result<Node, String> {
    let documents = MarkedYaml::load_from_str(text).map_err(|error| error.to_string())?;
    match documents.as_slice() {
        [] => Ok(Node { line: 1, content: Content::Null }),
        [document] => convert(document, text),
        _ => Err("the file has several YAML documents".into()),
    }
}

fn convert(node: &MarkedYaml<'_>, source: &str) -> Result<Node, String> {
    let line = node.span.start.line();
    let content = match &node.data {
        YamlData::Value(Scalar::String(text)) => Content::Text(text.to_string()),
        YamlData::Value(Scalar::Null) => Content::Null,
        YamlData::Value(Scalar::Boolean(_) | Scalar::Integer(_) | Scalar::FloatingPoint(_)) => {
            Content::Text(written(node, source))
        }
        YamlData::Representation(text, style, _) => match (text.as_ref(), style) {
            ("" | "~" | "null", ScalarStyle::Plain) => Content::Null,
            (text, _) => Content::Text(text.to_owned()),
        },
        YamlData::Sequence(items) => {
            Content::Sequence(items.iter().map(|item| convert(item, source)).collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(entries) => {
            let mut mapping: Vec<(String, Node)> = Vec::new();
            for (key, value) in entries {
                let Content::Text(name) = convert(key, source)?.content else {
                    return Err(format!("a key must be text, at line {}", key.span.start.line()));
                };
                if mapping.iter().any(|(other, _)| *other == name) {
                    return Err(format!("the key {name} occurs twice, at line {}", key.span.start.line()));
                }
                mapping.push((name, convert(value, source)?));
            }
            Content::Mapping(mapping)
        }
        YamlData::Tagged(_, node) => convert(node, source)?.content,
        YamlData::Alias(_) | YamlData::BadValue => return Err(format!("unreadable value at line {line}")),
    };
    Ok(Node { line, content })
}

/// The scalar as the file has it.
fn written(node: &MarkedYaml<'_>, source: &str) -> String {
    let (start, end) = (node.span.start.index(), node.span.end.index());
    source.chars().skip(start).take(end.saturating_sub(start)).collect::<String>().trim().to_owned()
}
