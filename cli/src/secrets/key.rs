//! The keys of the secret that can be changed, and what each is for.

use clap::ValueEnum as _;

/// A key.
#[expect(clippy::enum_variant_names, reason = "the names are those of the secret")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Key {
    /// What GitHub signs its deliveries with.
    Github,
    /// What Bitbucket signs its deliveries with.
    Bitbucket,
    /// The token that GitLab sends.
    Gitlab,
    /// What Slack signs its requests with.
    SlackSigningSecret,
    /// What the tokens of builds are signed with.
    CallbackKey,
    /// The token of the Slack app's bot.
    SlackBotToken,
    /// Slack's incoming webhook.
    SlackWebhookUrl,
    /// The token for GitHub's API.
    GithubToken,
    /// The token for Bitbucket's API.
    BitbucketToken,
    /// The token for GitLab's API.
    GitlabToken,
}

impl Key {
    /// The key of this name in the secret.
    pub fn named(name: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|key| key.name() == name)
    }

    /// Its name in the secret.
    pub fn name(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Bitbucket => "bitbucket",
            Self::Gitlab => "gitlab",
            Self::SlackSigningSecret => "slack_signing_secret",
            Self::CallbackKey => "callback_key",
            Self::SlackBotToken => "slack_bot_token",
            Self::SlackWebhookUrl => "slack_webhook_url",
            Self::GithubToken => "github_token",
            Self::BitbucketToken => "bitbucket_token",
            Self::GitlabToken => "gitlab_token",
        }
    }

    /// Whether it may have several values at a time, all of which are taken. One that we show to others has one: what they take, they decide.
    pub fn is_list(self) -> bool {
        match self {
            Self::Github | Self::Bitbucket | Self::Gitlab | Self::SlackSigningSecret | Self::CallbackKey => true,
            Self::SlackBotToken
            | Self::SlackWebhookUrl
            | Self::GithubToken
            | Self::BitbucketToken
            | Self::GitlabToken => false,
        }
    }

    /// Whether its value may be made here: nobody else gives it out.
    pub fn is_ours(self) -> bool {
        match self {
            Self::Github | Self::Bitbucket | Self::Gitlab | Self::CallbackKey => true,
            Self::SlackSigningSecret
            | Self::SlackBotToken
            | Self::SlackWebhookUrl
            | Self::GithubToken
            | Self::BitbucketToken
            | Self::GitlabToken => false,
        }
    }

    /// Whether each repository may have one of its own.
    pub fn is_of_repositories(self) -> bool {
        matches!(self, Self::Github | Self::Bitbucket | Self::Gitlab)
    }

    /// What is to be done on the other side before the old value goes.
    pub fn elsewhere(self) -> &'static str {
        match self {
            Self::Github => "set it on GitHub: repository, Settings, Webhooks, Edit, Secret",
            Self::Bitbucket => "set it on Bitbucket: repository, Repository settings, Webhooks, Edit, Secret",
            Self::Gitlab => "set it on GitLab: project, Settings, Webhooks, Edit, Secret token",
            Self::SlackSigningSecret => {
                "Slack signs with it from the moment that its app regenerated it (Basic Information, App Credentials)"
            }
            Self::CallbackKey => {
                "nothing elsewhere: new builds get tokens of the new key; wait for those that run, 48 hours at most"
            }
            Self::SlackBotToken | Self::SlackWebhookUrl => "revoke the old one in the Slack app",
            Self::GithubToken => "revoke the old one on GitHub",
            Self::BitbucketToken => "revoke the old one on Bitbucket",
            Self::GitlabToken => "revoke the old one on GitLab",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn a_key_is_called_on_the_command_line_as_it_is_in_the_secret() {
        for key in Key::value_variants() {
            let name = key.to_possible_value().expect("a name").get_name().to_owned();
            assert_eq!(name, key.name());
            assert!(!key.is_ours() || key.is_list(), "{name}: one that we make is changed in two steps");
        }
    }
}
