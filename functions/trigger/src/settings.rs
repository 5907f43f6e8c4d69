//! What `trigger` reads from its environment.

use longshore_aws::settings::{BadSettings, Common, Reader};
use longshore_core::{config::Config, push::Source};

/// The settings of `trigger`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Table and secret.
    pub common: Common,
    /// `LONGSHORE_CONFIG`: the configuration.
    pub config: Config,
    /// `LONGSHORE_URL`: where builds report to, without a slash at its end.
    pub url: String,
    /// `LONGSHORE_REGISTRY`: the registry that images are pushed to, for example `123456789012.dkr.ecr.eu-central-1.amazonaws.com`.
    pub registry: String,
    /// `LONGSHORE_GITHUB_API`: GitHub's API; optional, for GitHub Enterprise Server behind an address of its own.
    pub github_api: Option<String>,
    /// `LONGSHORE_SLACK_API`: Slack's Web API, `https://slack.com/api` without it.
    pub slack_api: String,
}

impl Settings {
    /// Reads them through a lookup such as `longshore_aws::settings::environment`.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, BadSettings> {
        let mut reader = Reader::new(lookup);
        let settings = Self {
            common: Common::read(&mut reader),
            config: reader.config(),
            url: reader.required("LONGSHORE_URL").trim_end_matches('/').to_owned(),
            registry: reader.required("LONGSHORE_REGISTRY"),
            github_api: reader.optional("LONGSHORE_GITHUB_API"),
            slack_api: reader.optional("LONGSHORE_SLACK_API").unwrap_or_else(|| "https://slack.com/api".to_owned()),
        };
        reader.finish(settings)
    }

    /// Whether a source's token may be shown to the API of this repository's host. A token is for one host: that of the source's own table
    /// in the configuration, where there is one, else the public one. For GitHub, that host's API is `github_api`, where that is set.
    pub fn is_for_token(&self, source: Source, repository: &str) -> bool {
        self.config.hosts().is_for_token(source, repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(servers: &str, github_api: Option<&str>) -> Settings {
        let pipeline = "[[pipeline]]\nname = \"a\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"build\"\n";
        Settings {
            common: Common { table: "table".into(), secret: "secret".into() },
            config: Config::read(&format!("{pipeline}{servers}")).expect("a configuration"),
            url: "https://longshore.example".into(),
            registry: "registry.example".into(),
            github_api: github_api.map(str::to_owned),
            slack_api: "https://slack.com/api".into(),
        }
    }

    /// Which of these hosts are shown the token of a source.
    fn shown(settings: &Settings, source: Source) -> Vec<&'static str> {
        let hosts =
            ["github.com", "bitbucket.org", "gitlab.com", "git.acme.example", "git-codecommit.eu-west-1.amazonaws.com"];
        hosts.into_iter().filter(|host| settings.is_for_token(source, &format!("{host}/acme/web"))).collect()
    }

    #[test]
    fn a_token_is_shown_to_one_host() {
        let public = settings("", Some("https://git.acme.example/api/v3"));
        let told = Source::ALL.map(|source| shown(&public, source));
        assert_eq!(told, [vec!["github.com"], vec!["bitbucket.org"], vec!["gitlab.com"], vec![]]);
        for (server, source) in
            [("github", Source::GitHub), ("bitbucket", Source::Bitbucket), ("gitlab", Source::GitLab)]
        {
            let own = settings(&format!("[{server}]\nhost = \"Git.acme.example\"\n"), None);
            assert_eq!(shown(&own, source), ["git.acme.example"]);
        }
    }
}
