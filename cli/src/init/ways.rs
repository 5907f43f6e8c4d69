//! How each repository's webhook comes about: made by the program, with a token and a secret, or by hand. It is settled before anything is
//! written or asked of a provider.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use longshore_aws::secrets::{SHORTEST, Secrets};
use longshore_core::{
    address::{self, Hosts},
    config::Config,
    push::Source,
    text::list,
};
use secrecy::{ExposeSecret, SecretString};

use super::Deployed;
use crate::{doctor::secret, output::WrongUsage};

/// One webhook's.
pub enum Way {
    /// The program makes it: the provider's token, and the secret that the provider is to sign with.
    Made { token: SecretString, secret: SecretString },
    /// It is not made here, and why, where the program was asked to.
    ByHand(Option<String>),
}

/// The environment variables that options name.
pub struct Named<'a> {
    /// `--token-from-env`; empty where it names none: each source's own then.
    pub token: &'a str,
    /// `--secret-from-env`; without it, the stack's secret has them.
    pub secret: Option<&'a str>,
}

/// The ways of these repositories' webhooks, in the same order.
pub async fn ways(
    config: &Config,
    repositories: &[(Source, String)],
    named: &Named<'_>,
    deployed: Option<&Deployed>,
) -> anyhow::Result<Vec<Way>> {
    if !named.token.is_empty() {
        let cure = "without a name, each source's is taken from GITHUB_TOKEN, GITLAB_TOKEN or BITBUCKET_TOKEN";
        for_one_host("--token-from-env", named.token, repositories, cure)?;
    }
    if let Some(name) = named.secret {
        for_one_host("--secret-from-env", name, repositories, "without it, each one's is taken from --stack's secret")?;
    }
    let mut lacking = BTreeSet::new();
    let mut tokens = Vec::new();
    for (source, repository) in repositories {
        tokens.push(token_variable(config.hosts(), *source, repository).and_then(|usual| {
            let name = if named.token.is_empty() { usual } else { named.token };
            variable(name).ok_or_else(|| {
                lacking.insert(name);
                format!("the environment variable {name} has no token")
            })
        }));
    }
    if tokens.iter().all(Result::is_err) {
        if !lacking.is_empty() {
            let all = list(lacking.into_iter().map(str::to_owned), "or");
            return Err(WrongUsage(format!("the environment variable {all} has no token")).into());
        }
        return Ok(tokens.into_iter().map(|token| Way::ByHand(token.err())).collect());
    }
    let origin = Origin::read(named.secret, deployed).await?;
    let ways = repositories.iter().zip(tokens).map(|((source, repository), token)| match token {
        Ok(token) => Ok(Way::Made { token, secret: origin.secret(*source, repository)? }),
        Err(why) => Ok(Way::ByHand(Some(why))),
    });
    ways.collect()
}

/// What a variable holds is for one host: its name does not say for which, if there are several.
fn for_one_host(option: &str, name: &str, repositories: &[(Source, String)], cure: &str) -> Result<(), WrongUsage> {
    let with_webhook = repositories.iter().filter(|(source, _)| *source != Source::CodeCommit);
    let hosts: BTreeSet<String> = with_webhook.map(|(_, repository)| host(repository).to_ascii_lowercase()).collect();
    if hosts.len() < 2 {
        return Ok(());
    }
    let hosts = list(hosts, "and");
    Err(WrongUsage(format!(
        "{option} {name}: what it holds is for one host, and there are webhooks on {hosts}: {cure}"
    )))
}

/// The variable that has the token for a repository's webhook unless another is named; else why the program makes none there.
fn token_variable(hosts: Hosts<'_>, source: Source, repository: &str) -> Result<&'static str, String> {
    let host = host(repository);
    let variable = match source {
        Source::GitHub => "GITHUB_TOKEN",
        Source::GitLab => "GITLAB_TOKEN",
        Source::Bitbucket if address::public(host).is_none() => {
            return Err("on a Bitbucket Data Center it is made by hand".to_owned());
        }
        Source::Bitbucket => "BITBUCKET_TOKEN",
        Source::CodeCommit => return Err("CodeCommit needs none".to_owned()),
    };
    match hosts.of_token(source) {
        Some(home) if !home.eq_ignore_ascii_case(host) => Err(format!("{source}'s token is shown to {home} alone")),
        Some(_) | None => Ok(variable),
    }
}

/// Where the webhooks' secrets come from.
enum Origin {
    Variable(SecretString),
    Stack(Box<Secrets>),
}

impl Origin {
    async fn read(named: Option<&str>, deployed: Option<&Deployed>) -> anyhow::Result<Self> {
        if let Some(name) = named {
            let secret = variable(name);
            let secret = secret.ok_or_else(|| WrongUsage(format!("the environment variable {name} has no secret")))?;
            return Ok(Self::Variable(secret));
        }
        let Some(Deployed { stack, sdk }) = deployed else {
            let unknown =
                "the webhook's secret is not known: add --stack, whose secret has it, or --secret-from-env".to_owned();
            return Err(WrongUsage(unknown).into());
        };
        let arn = stack.output("SecretArn").context("the stack has no output SecretArn")?;
        let read = secret::current(sdk, arn).await.map_err(anyhow::Error::msg)?;
        Ok(Self::Stack(Box::new(Secrets::read(&read.to_string())?)))
    }

    /// The one that deliveries of a repository are to be signed with.
    fn secret(&self, source: Source, repository: &str) -> anyhow::Result<SecretString> {
        let secret = match self {
            Self::Variable(secret) => secret.clone(),
            Self::Stack(secrets) => {
                let first = secrets.of_repository(source, repository).first().map(|secret| SecretString::from(*secret));
                first.with_context(|| {
                    format!(
                        "the stack's secret has none for the webhook of {repository}: its own under `repositories`, where it is named there, \
                         else `{}`; put it there, or name a variable with --secret-from-env",
                        source.word()
                    )
                })?
            }
        };
        if secret.expose_secret().len() < SHORTEST {
            bail!("the webhook's secret is short: `openssl rand -hex 32` makes a good one");
        }
        Ok(secret)
    }
}

fn variable(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty()).map(|value| value.trim().to_owned().into())
}

fn host(repository: &str) -> &str {
    repository.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_one_host() {
        let own = Hosts { github: Some("git.acme.example"), bitbucket: Some("bb.acme.example:7990"), gitlab: None };
        for (hosts, source, repository, wanted) in [
            (Hosts::default(), Source::GitHub, "GitHub.com/acme/web", Ok("GITHUB_TOKEN")),
            (
                Hosts::default(),
                Source::GitHub,
                "acme.ghe.com/acme/web",
                Err("GitHub's token is shown to github.com alone"),
            ),
            (Hosts::default(), Source::Bitbucket, "bitbucket.org/acme/web", Ok("BITBUCKET_TOKEN")),
            (own, Source::GitHub, "git.acme.example/acme/web", Ok("GITHUB_TOKEN")),
            (own, Source::GitHub, "github.com/acme/web", Err("GitHub's token is shown to git.acme.example alone")),
            (own, Source::GitLab, "gitlab.com/acme/web", Ok("GITLAB_TOKEN")),
            (
                own,
                Source::Bitbucket,
                "bb.acme.example:7990/acme/web",
                Err("on a Bitbucket Data Center it is made by hand"),
            ),
        ] {
            assert_eq!(token_variable(hosts, source, repository), wanted.map_err(str::to_owned), "{repository}");
        }
        let codecommit = "git-codecommit.eu-central-1.amazonaws.com/v1/repos/web";
        assert!(token_variable(own, Source::CodeCommit, codecommit).is_err());
    }

    #[test]
    fn a_repositorys_own_secret_comes_before_its_sources() {
        let text = r#"{"github": "the-secret-of-all-of-github", "gitlab": "short",
            "repositories": {"github.com/Acme/Web": ["the-secret-of-web-alone", "an-older-one"], "github.com/acme/shut": []}}"#;
        let origin = Origin::Stack(Box::new(Secrets::read(text).expect("secrets")));
        let secret = |source, repository: &str| {
            let secret = origin.secret(source, repository).map_err(|error| error.to_string())?;
            Ok::<_, String>(secret.expose_secret().to_owned())
        };
        assert_eq!(secret(Source::GitHub, "github.com/acme/web").as_deref(), Ok("the-secret-of-web-alone"));
        assert_eq!(secret(Source::GitHub, "github.com/acme/api").as_deref(), Ok("the-secret-of-all-of-github"));
        insta::assert_snapshot!(secret(Source::GitHub, "github.com/acme/shut").expect_err("none"), @"the stack's secret has none for the webhook of github.com/acme/shut: its own under `repositories`, where it is named there, else `github`; put it there, or name a variable with --secret-from-env");
        insta::assert_snapshot!(secret(Source::GitLab, "gitlab.com/acme/api").expect_err("short"), @"the webhook's secret is short: `openssl rand -hex 32` makes a good one");
    }
}
