//! Who is who in the workspace: the author of a commit, the groups that approve. Needs the scopes `users:read.email` and `usergroups:read`;
//! without them nobody is known, and nothing else is different.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use longshore_core::{message::Member, slack::called};
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;

use super::{Slack, SlackError};

/// For how long the list of groups is good, for each instance of the function.
const LIFE: Duration = Duration::from_mins(5);

/// The groups by handle and id, and when Slack said so.
pub(super) type Groups = Option<(Instant, Arc<Vec<(String, String)>>)>;

impl Slack {
    /// `users.lookupByEmail`: the member with this address. `None` where there is none, or where the app may not know.
    /// Source: <https://docs.slack.dev/reference/methods/users.lookupByEmail>.
    pub async fn member(&self, token: &SecretString, email: &str) -> Result<Option<Member>, SlackError> {
        let answer: Value = match self.ask(token, "users.lookupByEmail", &[("email", email)]).await {
            Err(SlackError::Refused(why)) => {
                tracing::debug!(why, "the author is not known to Slack");
                return Ok(None);
            }
            answer => answer?,
        };
        let user = &answer["user"];
        let names = [&user["profile"]["display_name"], &user["profile"]["real_name"], &user["real_name"]];
        let name = names.into_iter().filter_map(Value::as_str).find_map(called);
        let id = user["id"].as_str().filter(|id| is_id(id, &['U', 'W']));
        Ok(id.zip(name).map(|(id, name)| Member { id: id.to_owned(), name }))
    }

    /// `usergroups.list`: the id of the group with this handle; `None` where there is none, or where the app may not know.
    /// Source: <https://docs.slack.dev/reference/methods/usergroups.list>.
    pub async fn group(&self, token: &SecretString, handle: &str) -> Result<Option<String>, SlackError> {
        let groups = match self.listed(token).await {
            Err(SlackError::Refused(why)) => {
                tracing::debug!(why, "groups are not known");
                return Ok(None);
            }
            groups => groups?,
        };
        Ok(groups.iter().find(|(known, _)| known == handle).map(|(_, id)| id.clone()))
    }

    async fn listed(&self, token: &SecretString) -> Result<Arc<Vec<(String, String)>>, SlackError> {
        let kept = self.groups.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, groups)) = kept.filter(|(at, _)| at.elapsed() < LIFE) {
            return Ok(groups);
        }
        let answer: Value = self.ask(token, "usergroups.list", &[]).await?;
        let group = |group: &Value| {
            let id = group["id"].as_str().filter(|id| is_id(id, &['S']))?;
            Some((group["handle"].as_str()?.to_owned(), id.to_owned()))
        };
        let groups = answer["usergroups"].as_array().map(|all| all.iter().filter_map(group).collect());
        let groups = Arc::new(groups.unwrap_or_default());
        let kept = Some((Instant::now(), Arc::clone(&groups)));
        *self.groups.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(groups)
    }
}

/// What may stand in a mention: a letter of these, and letters and digits.
pub(crate) fn is_id(id: &str, first: &[char]) -> bool {
    id.starts_with(first) && id.len() <= 30 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}
