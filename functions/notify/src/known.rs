//! What messages show besides the record: looked up once for a release, when it is first drawn, and kept beside its messages.

use std::collections::{BTreeMap, HashSet};

use longshore_aws::store::{Store, StoreError};
use longshore_core::{
    config::Approver,
    message::{Known, Since},
    push::is_mail,
    release::{Brought, Commit, Release},
};
use secrecy::SecretString;

use crate::slack::{Slack, SlackError};

/// The most releases that are read for the commits since the one that was live last.
const RELEASES: usize = 30;

/// Looks up what is not known yet. With a bot token Slack is asked for the author and for groups; what Slack does not tell is left out.
/// Where Slack could not be asked, the reason comes with what is known all the same.
pub(crate) async fn look_up(
    store: &Store,
    slack: &Slack,
    token: Option<&SecretString>,
    release: &Release,
    before: Option<Known>,
) -> (Known, Option<SlackError>) {
    let mut known = if let Some(known) = before {
        known
    } else {
        // One record that cannot be read keeps no message back.
        let since = since(store, release).await.unwrap_or_else(|error| {
            tracing::warn!(release = %release.id, %error, "what came since the release that was live last is not told");
            None
        });
        Known { since, ..Known::default() }
    };
    let people = people(slack, token, release, &mut known).await;
    (known, people.err())
}

async fn people(
    slack: &Slack,
    token: Option<&SecretString>,
    release: &Release,
    known: &mut Known,
) -> Result<(), SlackError> {
    known.approvers = approvers(slack, token, release).await?;
    // Addresses that hide who it is are nobody's.
    let shown = |email: &&str| is_mail(email) && !email.to_ascii_lowercase().contains("noreply");
    if let (Some(token), Some(email)) = (token, release.commit.email.as_deref().filter(shown)) {
        known.author = slack.member(token, email).await?;
    }
    Ok(())
}

/// Whom to mention when an approval is asked for, by environment. AWS callers have no mention.
async fn approvers(
    slack: &Slack,
    token: Option<&SecretString>,
    release: &Release,
) -> Result<BTreeMap<String, Vec<String>>, SlackError> {
    let mut all = BTreeMap::new();
    for deployment in &release.deployments {
        let Some(approval) = &deployment.plan.approval else { continue };
        let mut mentions = Vec::new();
        for approver in &approval.by {
            let mention = match (approver, token) {
                (Approver::User(id), _) => Some(format!("<@{id}>")),
                (Approver::GroupId(id), _) => Some(format!("<!subteam^{id}>")),
                (Approver::Group(handle), Some(token)) => {
                    slack.group(token, handle).await?.map(|id| format!("<!subteam^{id}>"))
                }
                (Approver::Group(_), None) | (Approver::Caller(_), _) => None,
            };
            mentions.extend(mention);
        }
        if !mentions.is_empty() {
            all.insert(deployment.environment.clone(), mentions);
        }
    }
    Ok(all)
}

/// What was live in the last environment before, and the commits since. Not for releases that somebody asked for by name: they go
/// wherever they go.
async fn since(store: &Store, release: &Release) -> Result<Option<Since>, StoreError> {
    let Some(last) = release.deployments.last().filter(|_| release.asked.is_none()) else { return Ok(None) };
    let environment = store.environment(&release.pipeline, &last.environment).await?;
    let mut live = environment.live.into_iter();
    let earlier = live.find(|live| live.number < release.number && live.commit != release.commit.id);
    let Some(live) = earlier else { return Ok(None) };
    let listed = store.newest_releases(&release.pipeline, Some(release.number), RELEASES + 1).await?;
    let between = listed.into_iter().filter(|listed| listed.number > live.origin());
    let mut between: Vec<_> = between.collect();
    let too_many = between.len() > RELEASES;
    between.truncate(RELEASES);
    let mut releases = Vec::new();
    for listed in between.iter().rev() {
        releases.extend(store.release(&listed.id).await?);
    }
    Ok(Some(made_of(live.origin(), live.commit, &releases, release, too_many)))
}

/// `between`: the records of the releases after the one that was live, oldest first, without the release itself.
fn made_of(number: u64, commit: String, between: &[Release], release: &Release, too_many: bool) -> Since {
    let mut more = too_many;
    let mut known = HashSet::from([commit.clone()]);
    let mut commits = Vec::new();
    let same_line = |other: &&Release| other.reference == release.reference && other.asked.is_none();
    for one in between.iter().filter(same_line).chain([release]) {
        if one.brought.is_empty() {
            more = true;
            let Commit { id, message, author, .. } = one.commit.clone();
            let is_news = one.commit.known().is_some() && known.insert(id.clone());
            commits.extend(is_news.then_some(Brought { id, message, author }));
        }
        commits.extend(one.brought.iter().filter(|brought| known.insert(brought.id.clone())).cloned());
    }
    if let Some(cut) = commits.len().checked_sub(Since::COMMITS).filter(|cut| *cut > 0) {
        more = true;
        commits.drain(..cut);
    }
    Since { number, commit, commits, more }
}

#[cfg(test)]
mod tests;
