//! What `trigger` reads from its environment.

use longshore_aws::settings::{BadSettings, Common, Reader};
use longshore_core::config::Config;

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
        };
        reader.finish(settings)
    }

    /// Whether GitHub's token may be shown to the API of this repository's host: to github.com, and to the host of `github_api`.
    pub fn is_github(&self, repository: &str) -> bool {
        let host = repository.split('/').next().unwrap_or_default();
        let api = self.github_api.as_deref().and_then(|api| api.split_once("://")).map(|(_, rest)| rest);
        let api = api.and_then(|rest| rest.split('/').next());
        host.eq_ignore_ascii_case("github.com") || api.is_some_and(|api| api.eq_ignore_ascii_case(host))
    }
}
