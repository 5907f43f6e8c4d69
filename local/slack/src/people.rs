//! `users.*` and `usergroups.*`.

use serde_json::{Value, json};

use crate::{
    Slack,
    answer::{Answer, Failure},
    request::Args,
    settings::{Group, User},
};

impl Slack {
    /// <https://docs.slack.dev/reference/methods/users.info>.
    pub(crate) fn user_info(&self, args: &Args) -> Answer {
        let id = args.required("user")?;
        let user = self.settings.users.iter().find(|user| user.id == id);
        Ok(json!({ "user": shown(user.ok_or_else(|| Failure::new("user_not_found"))?) }))
    }

    /// <https://docs.slack.dev/reference/methods/users.lookupByEmail>.
    pub(crate) fn lookup_by_email(&self, args: &Args) -> Answer {
        let email = args.required("email")?;
        let user = self.settings.users.iter().find(|user| user.email.eq_ignore_ascii_case(&email));
        Ok(json!({ "user": shown(user.ok_or_else(|| Failure::new("users_not_found"))?) }))
    }

    /// <https://docs.slack.dev/reference/methods/usergroups.list>.
    pub(crate) fn groups(&self, args: &Args) -> Value {
        let group = |group: &Group| {
            let mut shown = json!({
                "id": group.id, "team_id": crate::TEAM, "is_usergroup": true, "is_external": false, "name": group.handle,
                "handle": group.handle, "description": "", "date_delete": 0,
            });
            if args.flag("include_users") {
                shown["users"] = json!(group.users);
            }
            if args.flag("include_count") {
                shown["user_count"] = group.users.len().into();
            }
            shown
        };
        json!({ "usergroups": self.settings.groups.iter().map(group).collect::<Vec<_>>() })
    }

    /// <https://docs.slack.dev/reference/methods/usergroups.users.list>.
    pub(crate) fn group_users(&self, args: &Args) -> Answer {
        let id = args.required("usergroup")?;
        let group = self.settings.groups.iter().find(|group| group.id == id);
        Ok(json!({ "users": group.ok_or_else(|| Failure::new("no_such_subteam"))?.users }))
    }
}

fn shown(user: &User) -> Value {
    json!({
        "id": user.id, "team_id": crate::TEAM, "name": user.name, "real_name": user.name, "deleted": false, "is_bot": false,
        "profile": { "email": user.email, "real_name": user.name, "display_name": user.name },
    })
}
