//! Who somebody in Slack is, as far as it decides what they may do.

use longshore_core::{
    approval::{self, Identity, MayNot, Who},
    config::{Approval, Approver},
    slack::User,
};

use crate::{
    Trigger,
    slack::{Profile, SlackError},
};

impl Trigger {
    /// Who they are, for an approval: their address is asked for where the commit's author may not approve.
    pub(crate) async fn who(&self, by: &User, approval: Option<&Approval>) -> Result<Who, SlackError> {
        let approvers = approval.map(|approval| approval.by.as_slice()).unwrap_or_default();
        self.known(by, approvers, approval.is_some_and(|approval| approval.not_author)).await
    }

    /// Who they are, and whether they may do something besides approving ([`approval::allowed`]) to a pipeline's environment, or to its
    /// releases as a whole, as longshore.toml says now.
    pub(crate) async fn may(
        &self,
        by: &User,
        pipeline: &str,
        environment: Option<&str>,
    ) -> Result<(Who, Result<(), MayNot>), SlackError> {
        let pipeline = self.settings.config.pipeline(pipeline);
        let found = pipeline.zip(environment).and_then(|(pipeline, name)| pipeline.environment(name));
        let allowed = approval::allowed(pipeline, found);
        let who = self.known(by, allowed, false).await?;
        // Of what is not in longshore.toml any more nobody can tell who may.
        let is_there = pipeline.is_some() && (environment.is_none() || found.is_some());
        let may = if is_there { approval::may_do(allowed, &who) } else { Err(MayNot::NotAllowed) };
        Ok((who, may))
    }

    /// Slack is asked for groups where these decide, and for the address where it is wanted.
    async fn known(&self, by: &User, named: &[Approver], by_address: bool) -> Result<Who, SlackError> {
        let by_name = named.iter().any(|approver| matches!(approver, Approver::User(id) if *id == by.id));
        let group = |approver: &Approver| matches!(approver, Approver::Group(_) | Approver::GroupId(_));
        let by_group = !by_name && named.iter().any(group);
        let (mut groups, mut profile) = (Vec::new(), Profile::default());
        if by_group || by_address {
            let secrets = self.secrets.current().await.map_err(|_| SlackError::NoToken)?;
            let token = secrets.slack_bot_token.as_ref().ok_or(SlackError::NoToken)?;
            let asked =
                async { if by_group { self.slack.groups_of(token, named, &by.id).await } else { Ok(Vec::new()) } };
            let shown =
                async { if by_address { self.slack.profile(token, &by.id).await } else { Ok(Profile::default()) } };
            (groups, profile) = tokio::try_join!(asked, shown)?;
        }
        let identity = Identity::Slack { id: by.id.clone(), groups, email: profile.email };
        Ok(Who { name: profile.name.unwrap_or_else(|| by.name.clone()), identity })
    }
}
