//! YAML as `CloudFormation` reads it: a tree that knows its lines, with every short tag (`!Ref`) in its long form (`{Ref: …}`).

use saphyr::{LoadableYamlNode, MarkedYamlOwned, ScalarOwned, YamlDataOwned};
use serde_json::Value;

use super::TemplateError;

/// A piece of the template.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Counted from 1.
    pub line: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A text, a number, a truth value or null.
    Scalar(Value),
    Sequence(Vec<Node>),
    /// In the order of the file.
    Mapping(Vec<(String, Node)>),
}

impl Node {
    /// Reads the one document of a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let documents = MarkedYamlOwned::load_from_str(text).map_err(|error| TemplateError {
            line: None,
            place: String::new(),
            message: error.to_string(),
        })?;
        match documents.as_slice() {
            [document] => convert(document),
            [] => Err(TemplateError::at(1, "the template is empty")),
            [_, second, ..] => Err(TemplateError::at(second.span.start.line(), "a template is one YAML document")),
        }
    }

    /// The member `key` of a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Mapping(members) => members.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            Kind::Scalar(_) | Kind::Sequence(_) => None,
        }
    }

    /// Follows several keys.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The members of a mapping; none when it is something else.
    pub fn members(&self) -> &[(String, Self)] {
        match &self.kind {
            Kind::Mapping(members) => members,
            Kind::Scalar(_) | Kind::Sequence(_) => &[],
        }
    }

    /// The items of a sequence.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::Sequence(items) => Some(items),
            Kind::Scalar(_) | Kind::Mapping(_) => None,
        }
    }

    /// A text that stands in the template as it is.
    pub fn literal(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(value) => value.as_str(),
            Kind::Sequence(_) | Kind::Mapping(_) => None,
        }
    }

    /// `self` over `base`, as SAM merges `Globals`: mappings member by member, lists one after the other, the rest replaced.
    /// Source: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>.
    pub fn over(&self, base: &Self) -> Self {
        let kind = match (&base.kind, &self.kind) {
            (Kind::Mapping(below), Kind::Mapping(above)) => {
                let mut members = below.clone();
                for (key, node) in above {
                    match members.iter_mut().find(|(name, _)| name == key) {
                        Some((_, old)) => *old = node.over(old),
                        None => members.push((key.clone(), node.clone())),
                    }
                }
                Kind::Mapping(members)
            }
            (Kind::Sequence(below), Kind::Sequence(above)) => {
                Kind::Sequence(below.iter().chain(above).cloned().collect())
            }
            _ => self.kind.clone(),
        };
        Self { line: self.line, kind }
    }
}

fn convert(yaml: &MarkedYamlOwned) -> Result<Node, TemplateError> {
    let line = yaml.span.start.line();
    let kind = match &yaml.data {
        YamlDataOwned::Value(scalar) => Kind::Scalar(match scalar {
            ScalarOwned::Null => Value::Null,
            ScalarOwned::Boolean(truth) => Value::Bool(*truth),
            ScalarOwned::Integer(number) => Value::from(*number),
            ScalarOwned::FloatingPoint(number) => Value::from(number.into_inner()),
            ScalarOwned::String(text) => Value::String(text.clone()),
        }),
        YamlDataOwned::Sequence(items) => Kind::Sequence(items.iter().map(convert).collect::<Result<_, _>>()?),
        YamlDataOwned::Mapping(members) => {
            let mut nodes = Vec::with_capacity(members.len());
            for (key, value) in members {
                let key = match convert(key)?.kind {
                    Kind::Scalar(Value::String(text)) => text,
                    Kind::Scalar(other) => other.to_string(),
                    Kind::Sequence(_) | Kind::Mapping(_) => {
                        return Err(TemplateError::at(line, "a key must be a text"));
                    }
                };
                nodes.push((key, convert(value)?));
            }
            Kind::Mapping(nodes)
        }
        YamlDataOwned::Tagged(tag, inner) if tag.handle == "!" => {
            let key = match tag.suffix.as_str() {
                plain @ ("Ref" | "Condition") => plain.to_owned(),
                function => format!("Fn::{function}"),
            };
            Kind::Mapping(vec![(key, Node { line, ..convert(inner)? })])
        }
        YamlDataOwned::Tagged(tag, _) => {
            return Err(TemplateError::at(line, format!("the tag {}{} means nothing here", tag.handle, tag.suffix)));
        }
        YamlDataOwned::Representation(..) | YamlDataOwned::Alias(_) | YamlDataOwned::BadValue => {
            return Err(TemplateError::at(line, "this value cannot be read"));
        }
    };
    Ok(Node { line, kind })
}
