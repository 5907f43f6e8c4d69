//! What `template.yaml` says, as the local stack needs it: functions, routes, rules, schedules, and the requests that create
//! the other resources.
//!
//! It reads `CloudFormation`'s own functions, conditions, mappings and pseudo parameters, and SAM's `Globals`; it resolves only
//! what the local stack uses, so that a role's policy may name things that exist on AWS alone. Source:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>.

mod functions;
mod references;
mod resolve;
mod resources;
mod yaml;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Context;
use serde_json::Value;

use resolve::Resolver;
use yaml::Node;

/// What a template leaves open.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The stack's name, from which the names of unnamed resources are made.
    pub stack: String,
    /// Values of parameters, over their defaults.
    pub parameters: BTreeMap<String, String>,
    /// What a resource is called or has once it exists: `Table` for `!Ref Table`, `Api.ApiEndpoint` for `!GetAtt`. Names
    /// and ARNs have defaults.
    pub attributes: BTreeMap<String, String>,
}

/// The template, resolved.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// Every function, in the order of the file.
    pub functions: Vec<Function>,
    /// The HTTP API.
    pub routes: Vec<Route>,
    /// Event patterns and the functions that they start.
    pub rules: Vec<Rule>,
    /// The ticks.
    pub schedules: Vec<Schedule>,
    /// `CreateTable` requests.
    pub tables: Vec<Value>,
    /// `UpdateTimeToLive` requests, for when the tables exist.
    pub time_to_live: Vec<Value>,
    /// The secrets to create.
    pub secrets: Vec<Secret>,
    /// `CodeBuild` `CreateProject` requests.
    pub projects: Vec<Value>,
    /// ECR `CreateRepository` requests.
    pub repositories: Vec<Value>,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name within the template.
    pub logical_id: String,
    /// Its name on AWS.
    pub name: String,
    /// The program: `Metadata.BuildProperties.Binary`.
    pub binary: String,
    /// What the template sets.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Told to the function; not enforced.
    pub memory_mb: u32,
    /// How often a failed asynchronous invocation is tried again.
    pub maximum_retries: u32,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// As the template writes it: `POST /webhooks/github`, `ANY /a/{proxy+}`, `$default`.
    pub key: String,
    /// The function's logical id.
    pub function: String,
    /// How long API Gateway waits.
    pub timeout: Duration,
}

/// A rule on the default bus.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique within the stack.
    pub name: String,
    /// The function's logical id.
    pub function: String,
    /// The `EventPattern`.
    pub pattern: Value,
}

/// A rule with a rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Unique within the stack.
    pub name: String,
    /// The function's logical id.
    pub function: String,
    /// How often.
    pub interval: Duration,
    /// What the function gets, if not the documented scheduled event.
    pub input: Option<Value>,
}

/// A secret to create.
#[derive(Debug, Clone, PartialEq)]
pub struct Secret {
    /// Its name within the template.
    pub logical_id: String,
    /// A `CreateSecret` request; it has no `SecretString` when the template leaves the value to be generated or filled in.
    pub request: Value,
    /// `GenerateSecretString`, as the template has it.
    pub generate: Option<Value>,
}

/// The template cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", .line.map(|line| format!("line {line}: ")).unwrap_or_default(), if .place.is_empty() { String::new() } else { format!("{place}: ") })]
pub struct TemplateError {
    /// Counted from 1.
    pub line: Option<usize>,
    /// The resource, by its logical id.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl TemplateError {
    fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line), place: String::new(), message: message.into() }
    }

    fn within(mut self, place: &str) -> Self {
        if self.place.is_empty() {
            place.clone_into(&mut self.place);
        }
        self
    }
}

impl Stack {
    /// Reads a template's text.
    pub fn parse(text: &str, inputs: &Inputs) -> Result<Self, TemplateError> {
        let template = Node::parse(text)?;
        let resolver = Resolver::new(&template, inputs)?;
        let mut stack = Self::default();
        for (id, resource) in resolver.resources()? {
            functions::read(&mut stack, &resolver, id, resource).map_err(|error| error.within(id))?;
        }
        for (id, resource) in resolver.resources()? {
            resources::read(&mut stack, &resolver, id, resource).map_err(|error| error.within(id))?;
        }
        Ok(stack)
    }

    /// Reads a template's file.
    pub fn read(path: &Path, inputs: &Inputs) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text, inputs).with_context(|| path.display().to_string())
    }
}
