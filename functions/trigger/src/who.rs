//! Who somebody in Slack is, and what they may do.

use jiff::Timestamp;
use longshore_aws::deeds::Undone;
use longshore_core::{
    approval::{self, Identity, MayNot, Who},
    config::{Approval, Approver},
    release::{Attempt, Release},
    slack::User,
};

use crate::{
    Trigger,
    slack::{Profile, SlackError},
};

/// What somebody wants to do something to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// The environment; none: the pipeline's releases as a whole.
    pub environment: Option<&'a str>,
    /// The release, where it is about one.
    pub release: Option<&'a Release>,
}

impl Trigger {
    /// Who they are, for an approval: their address is asked for where the commit's author may not approve.
    pub(crate) async fn who(&self, by: &User, approval: Option<&Approval>) -> Result<Who, SlackError> {
        let approvers = approval.map(|approval| approval.by.as_slice()).unwrap_or_default();
        self.known(by, approvers, approval.is_some_and(|approval| approval.not_author)).await
    }

    /// Who they are, and whether they may do something besides approving ([`approval::allowed`]) to a pipeline's environment, or to its
    /// releases as a whole, as longshore.toml says now.
    async fn may(
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

    /// Who they are, where they may do something; else a refusal, which is recorded where it is about a release.
    pub(crate) async fn permitted(
        &self,
        by: &User,
        place: &Place<'_>,
        deed: &str,
        at: Timestamp,
    ) -> Result<Result<Who, Undone>, SlackError> {
        let Place { pipeline, environment, release } = *place;
        let (who, may) = self.may(by, pipeline, environment).await?;
        let Err(why) = may else { return Ok(Ok(who)) };
        let name = &who.name;
        if let Some(release) = release {
            let deployment = environment.and_then(|environment| release.deployment_to(environment).ok());
            let attempt = Attempt { name: name.clone(), deed: deed.to_owned(), why: why.to_string(), at };
            let recorded = self.deeds().declined(release, deployment.map_or(0, |(at, _)| at), attempt).await;
            if let Err(error) = recorded {
                return Ok(Err(error));
            }
        }
        Ok(Err(Undone::Refused(format!("{name} may not {deed}: {why}"))))
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
