//! What a push to a branch would start, before there is one.

use super::{another, rules};
use crate::{
    config::{Config, Pipeline, Rules, Who, fold},
    glob::{self, Pattern},
    push::{Actor, Cause, Head, Push, Reference},
    text,
};

/// What a push to a branch would do to a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Would<'c> {
    /// Which.
    pub pipeline: &'c Pipeline,
    /// Whether one starts it, where it is as the conditions say.
    pub starts: bool,
    /// Why, or the rule that says no: a sentence without its full stop.
    pub reason: String,
    /// What a push has to be like besides: sentences without their full stops. None where nothing is started.
    pub conditions: Vec<String>,
}

/// What a push to a branch (or of a tag) would do: to the pipelines of its repository, and to those of others that come after these. The rules are
/// those of [`route`](super::route); what only a push can tell (its files, who pushed, the commit's message) is among the conditions.
pub fn would<'c>(config: &'c Config, repository: &str, reference: &Reference) -> Vec<Would<'c>> {
    let push = Push {
        reference: reference.clone(),
        cause: Cause::Push,
        before: None,
        base: None,
        after: Some("0".repeat(40)),
        created: false,
        forced: false,
        at: None,
        head: Head::default(),
        actor: Actor::default(),
        files: None,
        brought: Vec::new(),
    };
    let mut decided: Vec<Option<Would<'c>>> = vec![None; config.pipelines().len()];
    let mut starting: Vec<&str> = Vec::new();
    for &position in config.upstream_first() {
        let pipeline = &config.pipelines()[position];
        let after: Vec<&str> =
            pipeline.after.iter().map(String::as_str).filter(|name| starting.contains(name)).collect();
        let would = one(pipeline, &push, fold(repository) == fold(&pipeline.repository), &after);
        if would.starts {
            starting.push(&pipeline.name);
        }
        decided[position] = Some(would);
    }
    let of_it = |would: &Would<'_>| would.starts || would.pipeline.is_of(repository);
    decided.into_iter().flatten().filter(of_it).collect()
}

fn one<'c>(pipeline: &'c Pipeline, push: &Push, own: bool, after: &[&str]) -> Would<'c> {
    let no = |reason: String| Would { pipeline, starts: false, reason, conditions: Vec::new() };
    let upstreams = || text::list(after.iter().map(|name| text::quote(name, 64)), "and");
    match (own, after) {
        (false, []) => no(another(pipeline)),
        (false, _) => match pipeline.own_branch() {
            Some(branch) => {
                let branch = text::quote(&branch.name, 80);
                let reason =
                    format!("it comes after {}: the newest known commit of its branch {branch} is built", upstreams());
                Would { pipeline, starts: true, reason, conditions: Vec::new() }
            }
            None => no("no branch of its own to build is a plain name in `branches`".to_owned()),
        },
        (true, _) => match rules::reference(pipeline, push) {
            Err(reason) => no(reason),
            Ok(matched) => {
                let after = if after.is_empty() { String::new() } else { format!("; it comes after {}", upstreams()) };
                let conditions = conditions(pipeline, after.is_empty());
                Would { pipeline, starts: true, reason: format!("{matched}{after}"), conditions }
            }
        },
    }
}

/// What else has to hold. `paths` do not count for one that starts after another.
fn conditions(pipeline: &Pipeline, by_itself: bool) -> Vec<String> {
    let mut conditions = Vec::new();
    match pipeline.on {
        Cause::Push => {}
        Cause::Merge => conditions.push("it is the merge of a pull request (on = \"merge\")".to_owned()),
    }
    if !pipeline.actors.is_empty() {
        let who = |who: &Who| match who {
            Who::Login(login) => text::quote(login, 80),
            Who::Id(id) => text::quote(&format!("id:{id}"), 120),
        };
        let named = |people: &[Who]| text::list(people.iter().map(who), "or");
        conditions.push(ruled("it is pushed by", &pipeline.actors, named));
    }
    if by_itself && !pipeline.paths.is_empty() {
        let patterns = |patterns: &[Pattern]| glob::list(patterns);
        conditions.push(ruled("a changed file is one of", &pipeline.paths, patterns));
    }
    if !pipeline.skip.is_empty() {
        let marks = text::list(pipeline.skip.iter().map(|mark| text::quote(mark, 80)), "or");
        conditions.push(format!("the commit's message has no {marks}"));
    }
    conditions
}

fn ruled<T>(what: &str, rules: &Rules<T>, named: impl Fn(&[T]) -> String) -> String {
    match (rules.include.is_empty(), rules.exclude.is_empty()) {
        (false, true) => format!("{what} {}", named(&rules.include)),
        (false, false) => format!("{what} {}, and not {}", named(&rules.include), named(&rules.exclude)),
        (true, _) => format!("{what} any but {}", named(&rules.exclude)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, branch: &str) -> Vec<String> {
        let config = Config::read(text).expect("a configuration");
        let reference = Reference::branch(branch).expect("a branch");
        let told = |would: Would<'_>| {
            let sign = if would.starts { "+" } else { "-" };
            format!("{sign} {}: {} [{}]", would.pipeline.name, would.reason, would.conditions.join(", "))
        };
        would(&config, "github.com/Acme/web", &reference).into_iter().map(told).collect()
    }

    #[test]
    fn each_pipeline_of_the_repository_says_what_a_push_has_to_be_like() {
        let text = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\", \"release/*\"]\nproject = \"aa\"\n\
            paths = [\"src/**\", \"!docs/**\"]\nactors = [\"ada\", \"!bot\"]\non = \"merge\"\n\
            [[pipeline]]\nname = \"next\"\nrepository = \"github.com/acme/web\"\nbranches = [\"next\"]\nproject = \"bb\"\n\
            [[pipeline]]\nname = \"shop\"\nrepository = \"github.com/acme/shop\"\nbranches = [\"main\"]\nproject = \"cc\"\nafter = [\"web\"]\n\
            [[pipeline]]\nname = \"other\"\nrepository = \"github.com/acme/other\"\nbranches = [\"main\"]\nproject = \"dd\"\n";
        insta::assert_snapshot!(told(text, "main").join("\n"), @r#"
        + web: the branch "main" matches "main" [it is the merge of a pull request (on = "merge"), it is pushed by "ada", and not "bot", a changed file is one of "src/**", and not "docs/**", the commit's message has no "[skip ci]" or "[skip deploy]"]
        - next: it takes the branches "next", not "main" []
        + shop: it comes after "web": the newest known commit of its branch "main" is built []
        "#);
        insta::assert_snapshot!(told(text, "trunk").join("\n"), @r#"
        - web: it takes the branches "main" or "release/*", not "trunk" []
        - next: it takes the branches "next", not "trunk" []
        "#);
    }
}
