//! From TOML with spans to the configuration, collecting every problem on the way.

use std::{collections::HashSet, ops::Range};

mod environment;

use jiff::SignedDuration;
use toml::de::DeTable;

use super::{
    Config, Notify, Pipeline, Problem, Problems, Rules, Slack, Telling, Who, after, provenance,
    section::Section,
    servers,
    values::{ACTOR, ADDRESS, CHANNEL, NAME, is_actor, is_address, is_channel, is_name, is_project},
};
use crate::{
    address,
    glob::{Pattern, PatternError},
    image,
    push::{Cause, Source},
    text,
};

/// A pipeline with the places that are needed once all of them are read.
pub(super) struct Read {
    pub pipeline: Pipeline,
    pub span: Range<usize>,
    /// The names in `after`.
    pub after: Vec<(String, Range<usize>)>,
}

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
    let above = slack.as_ref().map(|slack: &Slack| slack.telling).unwrap_or_default();
    let github = servers::server(&mut root, Source::GitHub, "[github]");
    let bitbucket = servers::server(&mut root, Source::Bitbucket, "[bitbucket]");
    let gitlab = servers::server(&mut root, Source::GitLab, "[gitlab]");
    let config = Config { slack, github, bitbucket, gitlab, ..Config::default() };
    servers::one_source(&mut root, &config.hosts());
    let mut pipelines = Vec::new();
    let mut names = HashSet::new();
    for (table, span) in root.tables("pipeline") {
        let read = pipeline(root.inner(table, "[[pipeline]]", span.clone()), above);
        root.unique(&mut names, &read.pipeline.name, "pipeline", &span);
        pipelines.push(read);
    }
    one_owner(&mut root, &pipelines);
    let order = after::order(&mut pipelines, |problem| root.problem(problem.span, problem.message, problem.help));
    root.close();
    if pipelines.is_empty() && problems.is_empty() {
        let help = Some("add a [[pipeline]] with name, repository, branches and project".to_owned());
        problems.push(Problem { span: 0..0, message: "no pipeline is configured".to_owned(), help });
    }
    if !problems.is_empty() {
        return Err(Problems::new(text, problems));
    }
    Ok(config.with(pipelines.into_iter().map(|read| read.pipeline).collect(), order))
}

/// A service has one owner: releases of two environments would overwrite each other there, each in an order of its own. So has a family
/// that is scheduled.
fn one_owner(root: &mut Section<'_, '_>, pipelines: &[Read]) {
    let mut owned = HashSet::new();
    for Read { pipeline, span, .. } in pipelines {
        for environment in &pipeline.environments {
            let plan = &environment.plan;
            let services = environment.services.iter().map(|name| ("service", name));
            for (what, name) in services.chain(plan.scheduled.iter().map(|name| ("scheduled family", name))) {
                if !owned.insert((&plan.account, &plan.cluster, what, name)) {
                    let message = format!("a second environment deploys the {what} {name} of {}", plan.cluster);
                    root.problem(span.clone(), message, Some(format!("a {what} belongs to one environment")));
                }
            }
        }
    }
}

fn slack(mut section: Section<'_, '_>) -> Slack {
    let channel = section.required("channel", is_channel, CHANNEL);
    let telling = telling(&mut section, Telling::default());
    section.close();
    Slack { channel, telling }
}

/// `notify` and `thread`; what is absent is as it is above.
fn telling(section: &mut Section<'_, '_>, above: Telling) -> Telling {
    let words = text::list(Notify::ALL.map(|notify| format!("\"{}\"", notify.word())), "or");
    let notify = section.read("notify", Notify::parse, &words);
    let thread = section.boolean("thread");
    Telling { notify: notify.unwrap_or(above.notify), thread: thread.unwrap_or(above.thread) }
}

/// `above`: what `[slack]` says of how much is told.
fn pipeline(mut section: Section<'_, '_>, above: Telling) -> Read {
    let name = section.required("name", is_name, NAME);
    let repository = section.required("repository", is_address, ADDRESS);
    let branches = patterns(&mut section, "branches");
    let tags = patterns(&mut section, "tags");
    let misspelt = section.misspelt("branches") || section.misspelt("tags");
    if !section.has("branches") && !section.has("tags") && !misspelt {
        let help = Some("add branches = [\"main\"], or tags: what starts it".to_owned());
        section.problem(section.span.clone(), "[[pipeline]] has neither `branches` nor `tags`", help);
    }
    let paths = rules(&mut section, "paths", pattern);
    let on = on(&mut section);
    let actors = actors(&mut section, &repository);
    let skip = skip(&mut section);
    let supersede = section.boolean("supersede").unwrap_or(true);
    let after = section.list("after").unwrap_or_default();
    let after = after.into_iter().map(|(name, span)| (name.to_owned(), span)).collect();
    let start_within = section.duration("start_within", ["1m", "7h"]).unwrap_or(SignedDuration::from_mins(30));
    let project = section.required("project", is_project, "a CodeBuild project: 2 to 255 letters, digits, - and _");
    let image = section.optional("image", image::is_repository, "an ECR repository's name, in lower case");
    let has_image = section.has("image");
    let required = provenance::required(&mut section, has_image);
    let channel = section.optional("channel", is_channel, CHANNEL);
    let telling = telling(&mut section, above);
    let allow = environment::people(&mut section, "allow");
    let mut environments = Vec::new();
    let mut names = HashSet::new();
    for (table, span) in section.tables("environment") {
        let inner = section.inner(table, "[[pipeline.environment]]", span.clone());
        let environment = environment::environment(inner, image.as_deref(), &required);
        section.unique(&mut names, &environment.name, "environment", &span);
        environments.push(environment);
    }
    if image.is_none() && !section.has("image") && !environments.is_empty() {
        let help = "add image = \"<ECR repository>\": what the environments run";
        section.problem(section.span.clone(), "the pipeline has environments and no image", Some(help.into()));
    }
    let span = section.span.clone();
    section.close();
    let pipeline = Pipeline {
        name,
        repository,
        branches,
        tags,
        paths,
        on,
        actors,
        skip,
        supersede,
        after: Vec::new(),
        start_within,
        project,
        image,
        channel,
        telling,
        allow,
        environments,
    };
    Read { pipeline, span, after }
}

fn patterns(section: &mut Section<'_, '_>, key: &'static str) -> Vec<Pattern> {
    let listed = section.filled(key);
    listed.into_iter().filter_map(|(written, span)| pattern(section, written, span)).collect()
}

fn pattern(section: &mut Section<'_, '_>, written: &str, span: Range<usize>) -> Option<Pattern> {
    match Pattern::parse(written) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let help = match error {
                PatternError::Negation => Some("only `paths` and `actors` exclude, with one `!`".to_owned()),
                PatternError::Empty
                | PatternError::Class
                | PatternError::Braces
                | PatternError::Escape
                | PatternError::Slash => None,
            };
            section.problem(span, format!("\"{written}\": {error}"), help);
            None
        }
    }
}

/// A list in which a `!` excludes.
fn rules<T>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    mut read: impl FnMut(&mut Section<'_, '_>, &str, Range<usize>) -> Option<T>,
) -> Rules<T> {
    let mut rules = Rules::default();
    for (written, span) in section.filled(key) {
        match written.strip_prefix('!') {
            Some(excluded) => rules.exclude.extend(read(section, excluded, span)),
            None => rules.include.extend(read(section, written, span)),
        }
    }
    rules
}

fn actors(section: &mut Section<'_, '_>, repository: &str) -> Rules<Who> {
    let host = repository.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let nameless = match host.as_str() {
        "bitbucket.org" => Some(("Bitbucket Cloud", "id:{<uuid>}")),
        host if address::is_codecommit(host) => Some(("CodeCommit", "id:<ARN>")),
        _ => None,
    };
    rules(section, "actors", |section, written, span| {
        let (who, text) = match written.strip_prefix("id:") {
            Some(id) => (Who::Id(id.to_owned()), id),
            None => (Who::Login(written.to_owned()), written),
        };
        let problem = match (&who, nameless) {
            _ if !is_actor(text) || text.starts_with('!') => {
                (format!("`actors` cannot name \"{written}\""), format!("it must be {ACTOR}"))
            }
            (Who::Login(_), Some((provider, id))) => (
                format!("{provider} does not tell unique names: \"{written}\" could never be matched"),
                format!("write {id}"),
            ),
            (Who::Login(_), None) | (Who::Id(_), _) => return Some(who),
        };
        section.problem(span, problem.0, Some(problem.1));
        None
    })
}

fn on(section: &mut Section<'_, '_>) -> Cause {
    match section.string("on") {
        None | Some(("push", _)) => Cause::Push,
        Some(("merge", span)) => {
            if section.has("tags") {
                let help = "give the tags to a pipeline of their own, without `on`";
                section.problem(
                    span,
                    "nothing is merged into a tag: `on = \"merge\"` and `tags`",
                    Some(help.to_owned()),
                );
            }
            Cause::Merge
        }
        Some((other, span)) => {
            let help = "it must be \"push\" (which merges are, too) or \"merge\" (of a pull request)";
            section.problem(span, format!("`on` cannot be \"{other}\""), Some(help.to_owned()));
            Cause::Push
        }
    }
}

fn skip(section: &mut Section<'_, '_>) -> Vec<String> {
    let Some(marks) = section.list("skip") else { return vec!["[skip ci]".to_owned(), "[skip deploy]".to_owned()] };
    let mut skip = Vec::new();
    for (mark, span) in marks {
        if mark.trim().is_empty() {
            let help = "`skip = []` turns it off".to_owned();
            section.problem(span, "`skip` cannot have an empty mark: every message has it", Some(help));
        } else {
            skip.push(mark.to_owned());
        }
    }
    skip
}
