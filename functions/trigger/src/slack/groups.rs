//! Who is in which user group: asked for when it decides something, and kept for five minutes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use longshore_core::{approval::Group, config::Approver};
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;

use super::{Slack, SlackError};

/// For how long what Slack said is good, for each instance of the function.
const LIFE: Duration = Duration::from_mins(5);

/// What Slack said, and when.
#[derive(Debug, Default)]
pub(super) struct Groups(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// All groups.
    listed: Option<(Instant, Arc<Vec<Group>>)>,
    /// The members' ids, by the group's id.
    members: HashMap<String, (Instant, Arc<Vec<String>>)>,
}

impl Slack {
    /// Of the groups that are named among `approvers`, those that the user is in. A group that there is not has no members.
    pub async fn groups_of(
        &self,
        token: &SecretString,
        approvers: &[Approver],
        user: &str,
    ) -> Result<Vec<Group>, SlackError> {
        let mut wanted = Vec::new();
        for approver in approvers {
            match approver {
                Approver::Group(handle) => {
                    let listed = self.listed(token).await?;
                    wanted.extend(listed.iter().find(|group| group.handle == *handle).cloned());
                }
                Approver::GroupId(id) => wanted.push(Group { id: id.clone(), handle: String::new() }),
                Approver::User(_) | Approver::Caller(_) => {}
            }
        }
        let mut found = Vec::new();
        for group in wanted {
            if self.members(token, &group.id).await?.iter().any(|member| member == user) {
                found.push(group);
            }
        }
        Ok(found)
    }

    /// `usergroups.list`: those that are not disabled.
    async fn listed(&self, token: &SecretString) -> Result<Arc<Vec<Group>>, SlackError> {
        if let Some(listed) = fresh(self.groups.kept().listed.as_ref()) {
            return Ok(listed);
        }
        let answer = self.ask(token, "usergroups.list", &[]).await?;
        let group = |group: &Value| {
            Some(Group { id: group["id"].as_str()?.to_owned(), handle: group["handle"].as_str()?.to_owned() })
        };
        let groups = answer["usergroups"].as_array().ok_or(SlackError::Status(200))?;
        let listed = Arc::new(groups.iter().filter_map(group).collect::<Vec<_>>());
        self.groups.kept().listed = Some((Instant::now(), listed.clone()));
        Ok(listed)
    }

    /// `usergroups.users.list`.
    async fn members(&self, token: &SecretString, group: &str) -> Result<Arc<Vec<String>>, SlackError> {
        if let Some(members) = fresh(self.groups.kept().members.get(group)) {
            return Ok(members);
        }
        let members = match self.ask(token, "usergroups.users.list", &[("usergroup", group)]).await {
            Ok(answer) => {
                let users = answer["users"].as_array().ok_or(SlackError::Status(200))?;
                users.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Err(SlackError::Refused(why)) if why == "no_such_subteam" => Vec::new(),
            Err(error) => return Err(error),
        };
        let members = Arc::new(members);
        self.groups.kept().members.insert(group.to_owned(), (Instant::now(), members.clone()));
        Ok(members)
    }
}

impl Groups {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fresh<T>(kept: Option<&(Instant, Arc<T>)>) -> Option<Arc<T>> {
    kept.filter(|(at, _)| at.elapsed() < LIFE).map(|(_, value)| value.clone())
}
