//! What has to be known of an installation: from options, from a checkout, from a person.

use std::path::{Path, PathBuf};

use longshore_core::{
    address::{self, Hosts},
    config::Config,
    push::Source,
};

use super::{
    ask::Prompts,
    checkout::{Checkout, is_our_own},
    files::quoted,
};
use crate::{output::note, payload};

#[derive(clap::Args)]
#[command(next_help_heading = "What longshore.toml says")]
#[group(skip)]
pub struct Arguments {
    /// A checkout of the application, from which defaults are taken: its origin, default branch, Dockerfile. Here, unless this is Longshore's own.
    #[arg(long, value_name = "DIR")]
    checkout: Option<PathBuf>,
    /// The repository: github.com/acme/web.
    #[arg(long)]
    repository: Option<String>,
    /// Whose server the repository's host is, where that is not public: github, bitbucket or gitlab.
    #[arg(long, value_parser = payload::source)]
    source: Option<Source>,
    /// The branches that are released, comma-separated; patterns are allowed.
    #[arg(long, value_name = "BRANCH")]
    branches: Option<String>,
    /// The pipeline's name; the repository's without it.
    #[arg(long)]
    name: Option<String>,
    /// The CodeBuild project.
    #[arg(long)]
    project: Option<String>,
    /// The ECR repository.
    #[arg(long)]
    image: Option<String>,
    /// The environment's name.
    #[arg(long)]
    environment: Option<String>,
    /// The ECS cluster.
    #[arg(long)]
    cluster: Option<String>,
    /// The ECS services, comma-separated.
    #[arg(long)]
    services: Option<String>,
    /// The Slack channel: "#deploys" or an id.
    #[arg(long)]
    channel: Option<String>,
    /// The ARN of a CodeConnections connection, for a private repository on GitHub.
    #[arg(long, value_name = "ARN", value_parser = connection)]
    connection: Option<String>,
}

impl Arguments {
    /// Whether one of them is about what longshore.toml says.
    pub fn any(&self) -> bool {
        let texts = [
            &self.repository,
            &self.branches,
            &self.name,
            &self.project,
            &self.image,
            &self.environment,
            &self.cluster,
            &self.services,
            &self.channel,
            &self.connection,
        ];
        self.source.is_some() || self.checkout.is_some() || texts.iter().any(|text| text.is_some())
    }
}

/// All of it, each value as longshore.toml takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    pub repository: String,
    pub source: Source,
    /// Whether the host is not the source's own, and has to be named: a server of one's own, or one below ghe.com.
    pub own_host: bool,
    pub branches: Vec<String>,
    pub name: String,
    pub project: String,
    pub image: String,
    pub environment: String,
    pub cluster: String,
    pub services: Vec<String>,
    pub channel: String,
    pub connection: Option<String>,
}

impl Answers {
    /// Asks for what was not given; an error names all that is missing where nobody can be asked.
    pub fn gather(given: Arguments, directory: &Path, prompts: &mut Prompts) -> anyhow::Result<Self> {
        let looked_at = given.checkout.or_else(|| (!is_our_own(directory)).then(|| directory.to_owned()));
        let checkout = looked_at.as_deref().map(Checkout::look).unwrap_or_default();
        for name in &checkout.lacks {
            note(&format!("the checkout has no {name} at its root: a build needs one (README.md, \"The build\")"));
        }
        let repository = prompts.ask(
            "--repository",
            "Repository (host/owner/name)",
            given.repository,
            checkout.repository,
            |value| complaint("repository", &quoted(value)),
        )?;
        let host = repository.split('/').next().unwrap_or_default();
        let source = if let Some(public) = address::public(host) {
            public
        } else {
            let word = prompts.ask(
                "--source",
                &format!("What {host} is: github, bitbucket or gitlab"),
                given.source.map(|source| source.word().to_owned()),
                repository.is_empty().then(|| "github".to_owned()),
                |word| match Source::parse(word) {
                    Some(Source::GitHub | Source::Bitbucket | Source::GitLab) => None,
                    Some(Source::CodeCommit) => Some(format!(
                        "{host} is no host of CodeCommit, whose repositories are git-codecommit.<region>.amazonaws.com/v1/repos/<name>: \
                         it has to be github, bitbucket or gitlab"
                    )),
                    None => Some("it has to be github, bitbucket or gitlab".to_owned()),
                },
            )?;
            Source::parse(&word).unwrap_or(Source::GitHub)
        };
        let home = Hosts::default().of_token(source);
        let own_host = home.is_some_and(|home| !home.eq_ignore_ascii_case(host));
        let branches = prompts.ask(
            "--branches",
            "Branches that are released",
            given.branches,
            checkout.branch.or(Some("main".to_owned())),
            |value| complaint("branches", &array(&listed(value))),
        )?;
        let last = repository.rsplit('/').next().unwrap_or_default().to_owned();
        let name = prompts
            .ask("--name", "Name of the pipeline", given.name, Some(last), |value| complaint("name", &quoted(value)))?;
        let project =
            prompts.ask("--project", "CodeBuild project", given.project, Some(format!("{name}-build")), |value| {
                complaint("project", &quoted(value))
            })?;
        let image =
            prompts.ask("--image", "ECR repository", given.image, Some(name.to_ascii_lowercase()), |value| {
                complaint("image", &quoted(value))
            })?;
        let environment =
            prompts.ask("--environment", "Environment", given.environment, Some("production".to_owned()), |value| {
                complaint_of_environment("name", &quoted(value))
            })?;
        let cluster = prompts.ask("--cluster", "ECS cluster", given.cluster, Some(environment.clone()), |value| {
            complaint_of_environment("cluster", &quoted(value))
        })?;
        let services =
            prompts.ask("--services", "ECS services in it", given.services, Some(name.clone()), |value| {
                complaint_of_environment("services", &array(&listed(value)))
            })?;
        let channel =
            prompts.ask("--channel", "Slack channel", given.channel, Some("#deploys".to_owned()), |value| {
                complaint_of("slack", "channel", &quoted(value))
            })?;
        prompts.complete()?;
        Ok(Self {
            own_host,
            repository,
            source,
            branches: listed(&branches),
            name,
            project,
            image,
            environment,
            cluster,
            services: listed(&services),
            channel,
            connection: given.connection,
        })
    }
}

/// `--connection`
fn connection(arn: &str) -> Result<String, &'static str> {
    let plain = arn.bytes().all(|b| b.is_ascii_alphanumeric() || b":/_-".contains(&b));
    let fits = plain && arn.starts_with("arn:") && arn.contains(":connection/");
    if fits {
        Ok(arn.to_owned())
    } else {
        Err("it is no ARN of a connection: arn:aws:codeconnections:<region>:<account>:connection/<id>")
    }
}

/// `"main, release/*"` as its elements.
fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A TOML array of texts.
pub fn array(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

fn complaint(key: &str, value: &str) -> Option<String> {
    complaint_of("pipeline", key, value)
}

fn complaint_of_environment(key: &str, value: &str) -> Option<String> {
    complaint_of("environment", key, value)
}

/// What is wrong with a value, in the words of whoever reads the file: a file with nothing else wrong is read with it.
fn complaint_of(table: &str, key: &str, value: &str) -> Option<String> {
    let keys = |of: &str, keys: &[(&str, &str)]| {
        let lines = keys
            .iter()
            .map(|(name, default)| format!("{name} = {}\n", if of == table && *name == key { value } else { default }));
        lines.collect::<String>()
    };
    let text = format!(
        "[slack]\n{}[[pipeline]]\n{}[[pipeline.environment]]\n{}",
        keys("slack", &[("channel", "\"#c\"")]),
        keys(
            "pipeline",
            &[
                ("name", "\"n\""),
                ("repository", "\"github.com/a/b\""),
                ("branches", "[\"main\"]"),
                ("project", "\"project\""),
                ("image", "\"image\""),
            ]
        ),
        keys("environment", &[("name", "\"n\""), ("cluster", "\"c\""), ("services", "[\"s\"]")]),
    );
    let problems = Config::read(&text).err()?;
    let (_, problem) = problems.iter().next()?;
    let help = problem.help.as_ref().map(|help| format!(": {help}")).unwrap_or_default();
    Some(format!("{}{help}", problem.message))
}
