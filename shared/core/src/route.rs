//! Which pipelines a push starts, and the first rule that said no for the others.

use crate::{
    config::{Config, Pipeline},
    glob,
    push::Push,
};

/// What a push starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routed<'c> {
    /// These pipelines, in the configuration's order.
    Starts(Vec<&'c Pipeline>),
    /// None, for this reason: a sentence for the sender.
    Nothing(String),
}

/// Routes a push: by repository, then by branch.
pub fn route<'c>(config: &'c Config, push: &Push) -> Routed<'c> {
    let mut starts = Vec::new();
    let mut refused = Vec::new();
    for pipeline in config.of_repository(&push.repository) {
        match refusal(pipeline, push) {
            None => starts.push(pipeline),
            Some(reason) => refused.push(format!("{} {reason}", pipeline.name)),
        }
    }
    match (starts.is_empty(), refused.is_empty()) {
        (false, _) => Routed::Starts(starts),
        (true, false) => Routed::Nothing(format!("the branch {} starts nothing: {}", push.branch, refused.join("; "))),
        (true, true) => Routed::Nothing(format!("no pipeline has the repository {}", push.repository)),
    }
}

/// The first rule of a pipeline that says no to a push.
fn refusal(pipeline: &Pipeline, push: &Push) -> Option<String> {
    let matches = pipeline.branches.iter().any(|pattern| pattern.matches(&push.branch));
    (!matches).then(|| format!("wants {}", glob::list(&pipeline.branches)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let pipeline = |name: &str, branches: &str| {
            format!(
                "[[pipeline]]\nname = \"{name}\"\nrepository = \"github.com/acme/web\"\nbranches = [{branches}]\nproject = \"build\"\n"
            )
        };
        let text = pipeline("web", "\"main\"") + &pipeline("preview", "\"main\", \"try/*\"");
        Config::read(&text).expect("a configuration")
    }

    fn push(repository: &str, branch: &str) -> Push {
        Push {
            repository: repository.into(),
            branch: branch.into(),
            before: None,
            after: "a".repeat(40),
            message: String::new(),
            author: String::new(),
            url: None,
            committed: None,
        }
    }

    fn names(config: &Config, push: &Push) -> Result<Vec<String>, String> {
        match route(config, push) {
            Routed::Starts(pipelines) => Ok(pipelines.iter().map(|pipeline| pipeline.name.clone()).collect()),
            Routed::Nothing(why) => Err(why),
        }
    }

    #[test]
    fn a_push_starts_every_pipeline_whose_rules_say_yes() {
        let config = config();
        assert_eq!(names(&config, &push("github.com/acme/web", "main")), Ok(vec!["web".into(), "preview".into()]));
        assert_eq!(names(&config, &push("GitHub.com/Acme/Web", "try/x")), Ok(vec!["preview".into()]));
    }

    #[test]
    fn a_push_that_starts_nothing_is_told_why() {
        let config = config();
        insta::assert_snapshot!(
            names(&config, &push("github.com/acme/web", "dev")).expect_err("a reason"),
            @r#"the branch dev starts nothing: web wants "main"; preview wants "main" or "try/*""#
        );
        insta::assert_snapshot!(
            names(&config, &push("github.com/acme/other", "main")).expect_err("a reason"),
            @"no pipeline has the repository github.com/acme/other"
        );
    }
}
