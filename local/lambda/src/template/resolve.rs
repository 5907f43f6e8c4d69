//! The intrinsic functions.

use std::{cell::Cell, collections::BTreeMap};

use serde_json::Value;

use super::{
    Inputs, TemplateError,
    yaml::{Kind, Node},
};

pub(super) type Result<T> = std::result::Result<T, TemplateError>;

/// Deeper references than this are references in a circle.
const DEPTH: u32 = 100;

pub(super) struct Resolver<'a> {
    pub(super) template: &'a Node,
    pub(super) inputs: &'a Inputs,
    pub(super) parameters: BTreeMap<&'a str, Value>,
    depth: Cell<u32>,
}

impl<'a> Resolver<'a> {
    pub fn new(template: &'a Node, inputs: &'a Inputs) -> Result<Self> {
        let declared = template.get("Parameters").map(Node::members).unwrap_or_default();
        if let Some(name) = inputs.parameters.keys().find(|name| !declared.iter().any(|(known, _)| known == *name)) {
            return Err(TemplateError::at(1, format!("the template has no parameter {name}")));
        }
        let mut parameters = BTreeMap::new();
        for (name, declaration) in declared {
            let value = match (inputs.parameters.get(name), declaration.get("Default").map(|node| &node.kind)) {
                (Some(given), _) => given.clone(),
                (None, Some(Kind::Scalar(default))) => text_of(default),
                (None, _) => continue,
            };
            if let Some(allowed) = declaration.get("AllowedValues").and_then(Node::items)
                && !allowed.iter().any(|node| matches!(&node.kind, Kind::Scalar(scalar) if text_of(scalar) == value))
            {
                return Err(TemplateError::at(declaration.line, format!("{value:?} is no allowed value")).within(name));
            }
            let kind = declaration.get("Type").and_then(Node::literal).unwrap_or("String");
            let value = if kind == "CommaDelimitedList" || kind.starts_with("List<") {
                value.split(',').filter(|item| !item.is_empty()).map(|item| Value::from(item.trim())).collect()
            } else {
                Value::String(value)
            };
            parameters.insert(name.as_str(), value);
        }
        Ok(Self { template, inputs, parameters, depth: Cell::new(0) })
    }

    /// The resources whose condition holds.
    pub fn resources(&self) -> Result<Vec<(&'a str, &'a Node)>> {
        let mut resources = Vec::new();
        for (id, resource) in self.template.get("Resources").map(Node::members).unwrap_or_default() {
            if self.exists(resource).map_err(|error| error.within(id))? {
                resources.push((id.as_str(), resource));
            }
        }
        Ok(resources)
    }

    /// `Globals` of one kind of resource.
    pub fn globals(&self, kind: &str) -> Option<&'a Node> {
        self.template.at(&["Globals", kind])
    }

    pub(super) fn exists(&self, resource: &Node) -> Result<bool> {
        resource.get("Condition").map_or(Ok(true), |name| self.named_condition(name))
    }

    /// The value of a node; `None` is `AWS::NoValue`.
    pub fn value(&self, node: &Node) -> Result<Option<Value>> {
        match &node.kind {
            Kind::Scalar(value) => Ok(Some(value.clone())),
            Kind::Sequence(items) => {
                let values: Result<Vec<_>> = items.iter().filter_map(|item| self.value(item).transpose()).collect();
                Ok(Some(Value::Array(values?)))
            }
            Kind::Mapping(members) => {
                if let [(key, argument)] = members.as_slice()
                    && (key == "Ref" || key.starts_with("Fn::"))
                {
                    return self.deeper(node.line, || self.intrinsic(key, argument));
                }
                let mut object = serde_json::Map::new();
                for (key, member) in members {
                    if let Some(value) = self.value(member)? {
                        object.insert(key.clone(), value);
                    }
                }
                Ok(Some(Value::Object(object)))
            }
        }
    }

    /// The value of a node that must be there.
    pub fn required(&self, node: &Node) -> Result<Value> {
        self.value(node)?.ok_or_else(|| TemplateError::at(node.line, "AWS::NoValue cannot stand here"))
    }

    /// A text; numbers and truth values are written out, as `CloudFormation` does.
    pub fn text(&self, node: &Node) -> Result<String> {
        match self.required(node)? {
            Value::Array(_) | Value::Object(_) | Value::Null => {
                Err(TemplateError::at(node.line, "a text is expected here"))
            }
            scalar => Ok(text_of(&scalar)),
        }
    }

    pub(super) fn deeper<T>(&self, line: usize, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.depth.set(self.depth.get() + 1);
        let result =
            if self.depth.get() > DEPTH { Err(TemplateError::at(line, "this refers to itself")) } else { work() };
        self.depth.set(self.depth.get() - 1);
        result
    }

    fn intrinsic(&self, key: &str, argument: &Node) -> Result<Option<Value>> {
        let line = argument.line;
        match key {
            "Ref" => self.reference(line, argument.literal().unwrap_or_default()),
            "Fn::GetAtt" => self.attribute_of(argument).map(text_value),
            "Fn::Sub" => self.substitute(argument).map(text_value),
            "Fn::If" => match argument.items() {
                Some([name, yes, no]) => self.value(if self.named_condition(name)? { yes } else { no }),
                _ => Err(TemplateError::at(line, "Fn::If takes a condition and two values")),
            },
            "Fn::Join" => match argument.items() {
                Some([separator, list]) => {
                    let list = self.list(list)?;
                    Ok(text_value(list.iter().map(text_of).collect::<Vec<_>>().join(&self.text(separator)?)))
                }
                _ => Err(TemplateError::at(line, "Fn::Join takes a separator and a list")),
            },
            "Fn::Select" => match argument.items() {
                Some([index, list]) => {
                    let index: Option<usize> = self.text(index)?.parse().ok();
                    let found = index.and_then(|index| self.list(list).ok()?.get(index).cloned());
                    found.map(Some).ok_or_else(|| TemplateError::at(line, "Fn::Select finds nothing at that index"))
                }
                _ => Err(TemplateError::at(line, "Fn::Select takes an index and a list")),
            },
            "Fn::Split" => match argument.items() {
                Some([separator, text]) => {
                    let separator = self.text(separator)?;
                    Ok(Some(self.text(text)?.split(&separator).map(Value::from).collect()))
                }
                _ => Err(TemplateError::at(line, "Fn::Split takes a separator and a text")),
            },
            "Fn::FindInMap" => match argument.items() {
                Some([map, first, second]) => {
                    let keys = [self.text(map)?, self.text(first)?, self.text(second)?];
                    let path = ["Mappings", &keys[0], &keys[1], &keys[2]];
                    let found = self.template.at(&path);
                    self.value(found.ok_or_else(|| TemplateError::at(line, format!("there is no {}", path.join("."))))?)
                }
                _ => Err(TemplateError::at(line, "Fn::FindInMap takes a map and two keys")),
            },
            "Fn::Base64" => {
                use base64::Engine;
                Ok(text_value(base64::engine::general_purpose::STANDARD.encode(self.text(argument)?)))
            }
            "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or" => Ok(Some(Value::Bool(self.truth_of(key, argument)?))),
            other => Err(TemplateError::at(line, format!("the local stack does not know {other}"))),
        }
    }

    fn list(&self, node: &Node) -> Result<Vec<Value>> {
        match self.required(node)? {
            Value::Array(items) => Ok(items),
            _ => Err(TemplateError::at(node.line, "a list is expected here")),
        }
    }

    fn named_condition(&self, name: &Node) -> Result<bool> {
        let id = name.literal().unwrap_or_default();
        match self.template.at(&["Conditions", id]) {
            Some(condition) => self.deeper(name.line, || self.truth(condition)),
            None => Err(TemplateError::at(name.line, format!("there is no condition {id:?}"))),
        }
    }

    fn truth(&self, node: &Node) -> Result<bool> {
        match node.members() {
            [(key, argument)] if key == "Condition" => self.named_condition(argument),
            [(key, argument)] => self.deeper(node.line, || self.truth_of(key, argument)),
            _ => Err(TemplateError::at(node.line, "a condition is expected here")),
        }
    }

    fn truth_of(&self, key: &str, argument: &Node) -> Result<bool> {
        let items = argument.items().unwrap_or_default();
        match (key, items) {
            ("Fn::Equals", [left, right]) => Ok(self.text(left)? == self.text(right)?),
            ("Fn::Not", [only]) => Ok(!self.truth(only)?),
            ("Fn::And", [_, ..]) => items.iter().try_fold(true, |all, node| Ok(self.truth(node)? && all)),
            ("Fn::Or", [_, ..]) => items.iter().try_fold(false, |any, node| Ok(self.truth(node)? || any)),
            _ => Err(TemplateError::at(argument.line, format!("{key} is no condition, or has too few operands"))),
        }
    }

    fn attribute_of(&self, argument: &Node) -> Result<String> {
        let (id, attribute) = match argument.items() {
            Some([id, attribute]) => (self.text(id)?, self.text(attribute)?),
            _ => argument
                .literal()
                .and_then(|text| text.split_once('.'))
                .map(|(id, attribute)| (id.to_owned(), attribute.to_owned()))
                .ok_or_else(|| TemplateError::at(argument.line, "Fn::GetAtt takes a resource and an attribute"))?,
        };
        self.attribute(argument.line, &id, &attribute)
    }

    /// `Fn::Sub`: `${Name}`, `${Name.Attribute}`, `${!Literal}`.
    fn substitute(&self, argument: &Node) -> Result<String> {
        let (pattern, variables) = match argument.items() {
            Some([pattern, variables]) => (pattern, variables.members()),
            _ => (argument, &[][..]),
        };
        let mut rest = pattern.literal().ok_or_else(|| TemplateError::at(argument.line, "Fn::Sub takes a text"))?;
        let mut result = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) =
                after.split_once('}').ok_or_else(|| TemplateError::at(argument.line, "${ without its }"))?;
            result.push_str(before);
            rest = tail;
            if let Some(literal) = name.strip_prefix('!') {
                result.extend(["${", literal, "}"]);
            } else if let Some((_, variable)) = variables.iter().find(|(key, _)| key == name) {
                result.push_str(&self.text(variable)?);
            } else if let Some((id, attribute)) = name.split_once('.') {
                result.push_str(&self.attribute(argument.line, id, attribute)?);
            } else {
                let value = self.reference(argument.line, name)?;
                result.push_str(&value.as_ref().map(text_of).unwrap_or_default());
            }
        }
        Ok(result + rest)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "values may be AWS::NoValue; texts never are")]
pub(super) fn text_value(text: String) -> Option<Value> {
    Some(Value::String(text))
}

/// A scalar as `CloudFormation` writes it into a text.
pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
