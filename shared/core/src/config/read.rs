//! From TOML with spans to the configuration, collecting every problem on the way.

use std::{collections::HashSet, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use jiff::SignedDuration;

use super::{Config, Environment, Pipeline, Problem, Problems, Rules, Slack};
use crate::{glob::Pattern, image, push::Cause, text};

pub(super) fn config(text: &str) -> Result<Config, Problems> {
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let message = error.message().replace('\n', ", ");
            return Err(Problems::new(text, vec![Problem { span, message, help: None }]));
        }
    };
    let mut problems = Vec::new();
    let mut root = Section::new(document.get_ref(), "the file", 0..0, &mut problems);
    let slack = root.table("slack").map(|(table, span)| slack(root.inner(table, "[slack]", span)));
    let mut pipelines = Vec::new();
    let mut names = HashSet::new();
    for (table, span) in root.tables("pipeline") {
        let pipeline = pipeline(root.inner(table, "[[pipeline]]", span.clone()));
        root.unique(&mut names, &pipeline.name, "pipeline", &span);
        pipelines.push(pipeline);
    }
    one_owner(&mut root, &pipelines);
    root.close();
    if pipelines.is_empty() && problems.is_empty() {
        let help = Some("add a [[pipeline]] with name, repository, branches and project".to_owned());
        problems.push(Problem { span: 0..0, message: "no pipeline is configured".to_owned(), help });
    }
    if problems.is_empty() { Ok(Config::new(slack, pipelines)) } else { Err(Problems::new(text, problems)) }
}

/// A service has one owner: releases of two environments would overwrite each other there, each in an order of its own.
fn one_owner(root: &mut Section<'_, '_>, pipelines: &[Pipeline]) {
    let mut owned = HashSet::new();
    let spans: Vec<_> = root.tables("pipeline").into_iter().map(|(_, span)| span).collect();
    for (pipeline, span) in pipelines.iter().zip(spans) {
        for environment in &pipeline.environments {
            for service in &environment.services {
                if !owned.insert((&environment.cluster, service)) {
                    let message =
                        format!("a second environment deploys the service {service} of {}", environment.cluster);
                    root.problem(span.clone(), message, Some("a service belongs to one environment".to_owned()));
                }
            }
        }
    }
}

fn slack(mut section: Section<'_, '_>) -> Slack {
    let channel = section.required("channel", is_channel, CHANNEL);
    section.close();
    Slack { channel }
}

fn pipeline(mut section: Section<'_, '_>) -> Pipeline {
    let name = section.required("name", is_name, NAME);
    let repository = section.required("repository", is_address, "host/owner/name, for example github.com/acme/web");
    let branches = patterns(&mut section, "branches");
    let project = section.required("project", is_project, "a CodeBuild project: 2 to 255 letters, digits, - and _");
    let image = section.optional("image", image::is_repository, "an ECR repository's name, in lower case");
    let channel = section.optional("channel", is_channel, CHANNEL);
    let mut environments = Vec::new();
    let mut names = HashSet::new();
    for (table, span) in section.tables("environment") {
        let environment = environment(section.inner(table, "[[pipeline.environment]]", span.clone()));
        section.unique(&mut names, &environment.name, "environment", &span);
        environments.push(environment);
    }
    if image.is_none() && !section.has("image") && !environments.is_empty() {
        let help = "add image = \"<ECR repository>\": what the environments run";
        section.problem(section.span.clone(), "the pipeline has environments and no image", Some(help.into()));
    }
    section.close();
    Pipeline {
        name,
        repository,
        branches,
        tags: Vec::new(),
        paths: Rules { include: Vec::new(), exclude: Vec::new() },
        on: Cause::Push,
        actors: Rules { include: Vec::new(), exclude: Vec::new() },
        skip: Vec::new(),
        supersede: true,
        after: Vec::new(),
        start_within: SignedDuration::from_mins(30),
        project,
        image,
        channel,
        environments,
    }
}

fn environment(mut section: Section<'_, '_>) -> Environment {
    let name = section.required("name", is_name, NAME);
    let cluster = section.required("cluster", is_ecs_name, ECS_NAME);
    let services = section.strings("services", true, is_ecs_name, ECS_NAME);
    let containers = section.strings("containers", false, is_ecs_name, ECS_NAME);
    section.close();
    Environment { name, cluster, services, containers }
}

fn patterns(section: &mut Section<'_, '_>, key: &'static str) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for (written, span) in section.list(key, true) {
        match Pattern::parse(written) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => section.problem(span, format!("\"{written}\": {error}"), None),
        }
    }
    patterns
}

const NAME: &str = "1 to 64 letters, digits, -, _ and .";
const ECS_NAME: &str = "a name as ECS takes it: 1 to 255 letters, digits, - and _";
const CHANNEL: &str = "\"#channel\" or a channel id like C0123456789";

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_ecs_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn is_project(name: &str) -> bool {
    (2..=255).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn is_address(repository: &str) -> bool {
    let plain =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    repository.split('/').count() >= 3 && repository.split('/').all(plain)
}

fn is_channel(channel: &str) -> bool {
    let named = channel.strip_prefix('#').is_some_and(|name| !name.is_empty() && !name.contains([' ', '#']));
    let id =
        channel.starts_with(['C', 'G']) && channel.len() >= 9 && channel.bytes().all(|b| b.is_ascii_alphanumeric());
    named || id
}

/// One table of the file while it is read: it knows which keys were asked for, so that the others are unknown.
struct Section<'t, 'p> {
    table: &'t DeTable<'t>,
    title: &'static str,
    span: Range<usize>,
    asked: Vec<&'static str>,
    problems: &'p mut Vec<Problem>,
}

impl<'t, 'p> Section<'t, 'p> {
    fn new(table: &'t DeTable<'t>, title: &'static str, span: Range<usize>, problems: &'p mut Vec<Problem>) -> Self {
        Self { table, title, span, asked: Vec::new(), problems }
    }

    fn inner<'q>(&'q mut self, table: &'t DeTable<'t>, title: &'static str, span: Range<usize>) -> Section<'t, 'q> {
        Section::new(table, title, span, self.problems)
    }

    fn problem(&mut self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        self.problems.push(Problem { span, message: message.into(), help });
    }

    fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// A problem with what a key holds.
    fn wrong(&mut self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let message = format!("`{key}` must be {wanted}, not {}", value.get_ref().type_str());
        self.problem(value.span(), message, None);
    }

    fn string(&mut self, key: &'static str) -> Option<(&'t str, Range<usize>)> {
        let value = self.value(key)?;
        if let DeValue::String(text) = value.get_ref() {
            return Some((text.as_ref(), value.span()));
        }
        self.wrong(key, value, "a string");
        None
    }

    fn valid(
        &mut self,
        key: &str,
        text: &str,
        span: Range<usize>,
        is: fn(&str) -> bool,
        wanted: &str,
    ) -> Option<String> {
        if is(text) {
            return Some(text.to_owned());
        }
        self.problem(span, format!("`{key}` cannot be \"{text}\""), Some(format!("it must be {wanted}")));
        None
    }

    fn optional(&mut self, key: &'static str, is: fn(&str) -> bool, wanted: &str) -> Option<String> {
        let (text, span) = self.string(key)?;
        self.valid(key, text, span, is, wanted)
    }

    fn required(&mut self, key: &'static str, is: fn(&str) -> bool, wanted: &str) -> String {
        if !self.has(key) {
            self.missing(key);
        }
        self.optional(key, is, wanted).unwrap_or_default()
    }

    fn missing(&mut self, key: &'static str) {
        // A key that is near it is reported as unknown, with the right name: that says it all.
        let misspelt = |written: &str| written != key && text::nearest(written, [key]).is_some();
        if self.table.iter().any(|(written, _)| misspelt(written.get_ref())) {
            return;
        }
        self.problem(self.span.clone(), format!("{} has no `{key}`", self.title), None);
    }

    fn list(&mut self, key: &'static str, required: bool) -> Vec<(&'t str, Range<usize>)> {
        let mut texts = Vec::new();
        let Some(value) = self.value(key) else {
            if required {
                self.missing(key);
            }
            return texts;
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, value, "an array of strings");
            return texts;
        };
        if items.is_empty() && required {
            self.problem(value.span(), format!("`{key}` is empty"), Some("name at least one".to_owned()));
        }
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => texts.push((text.as_ref(), item.span())),
                _ => self.wrong(key, item, "an array of strings"),
            }
        }
        texts
    }

    fn strings(&mut self, key: &'static str, required: bool, is: fn(&str) -> bool, wanted: &str) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for (text, span) in self.list(key, required) {
            if texts.iter().any(|earlier| earlier == text) {
                self.problem(span, format!("`{key}` names \"{text}\" twice"), None);
            } else if let Some(text) = self.valid(key, text, span, is, wanted) {
                texts.push(text);
            }
        }
        texts
    }

    fn table(&mut self, key: &'static str) -> Option<(&'t DeTable<'t>, Range<usize>)> {
        let value = self.value(key)?;
        if let DeValue::Table(table) = value.get_ref() {
            return Some((table, value.span()));
        }
        self.wrong(key, value, "a table");
        None
    }

    fn tables(&mut self, key: &'static str) -> Vec<(&'t DeTable<'t>, Range<usize>)> {
        let mut tables = Vec::new();
        let Some(value) = self.value(key) else { return tables };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, value, "an array of tables");
            return tables;
        };
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => tables.push((table, item.span())),
                _ => self.wrong(key, item, "an array of tables"),
            }
        }
        tables
    }

    fn unique(&mut self, names: &mut HashSet<String>, name: &str, what: &str, span: &Range<usize>) {
        if !name.is_empty() && !names.insert(name.to_owned()) {
            self.problem(span.clone(), format!("a second {what} is named \"{name}\""), None);
        }
    }

    /// Reports the keys that nobody asked for.
    fn close(self) {
        for (key, _) in self.table {
            let written: &str = key.get_ref();
            if self.asked.contains(&written) {
                continue;
            }
            let help = match text::nearest(written, self.asked.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("{} takes {}", self.title, self.asked.join(", ")),
            };
            let message = format!("unknown key `{written}` in {}", self.title);
            self.problems.push(Problem { span: key.span(), message, help: Some(help) });
        }
    }
}
