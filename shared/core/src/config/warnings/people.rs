//! Approvals that nobody could give, and times that never come.

use super::{Found, places::Places};
use crate::config::{Approval, Approver, Environment};

pub(super) fn environment(found: &mut Found, environment: &Environment, places: &Places<'_>) {
    if let (Some(approval), Some(places)) = (&environment.plan.approval, places.inner("approval")) {
        self::approval(found, approval, &places);
    }
    if let (Some(check), Some(places)) = (&environment.plan.check, places.inner("check"))
        && check.lasts >= environment.plan.timeout
    {
        let message = "`check` can never pass: its `for` is as long as the environment's `timeout`, which counts from the admission";
        found.warn(places.span.clone(), message, "shorten `for`, or lengthen `timeout`");
    }
}

fn approval(found: &mut Found, approval: &Approval, places: &Places<'_>) {
    if !approval.not_author {
        return;
    }
    let entries = places.entries("by");
    // Whether someone wrote a commit is known by their address; a user of IAM has none but where the name is one.
    let unknown = |approver: &Approver| match approver {
        Approver::Caller(arn) => {
            arn.contains(":user/") && !arn.rsplit('/').next().is_some_and(|name| name.contains('@'))
        }
        Approver::User(_) | Approver::Group(_) | Approver::GroupId(_) => false,
    };
    let all = approval.by.iter().all(unknown);
    for (approver, entry) in approval.by.iter().zip(&entries) {
        if unknown(approver) {
            let consequence = if all { ": nobody can ever approve" } else { "" };
            let message = format!(
                "\"{}\" can never approve with `not_author`: the name of an IAM user is no address that tells whether they wrote the commit{consequence}",
                entry.text
            );
            let help =
                "name a role whose sessions are called by an address, or people in Slack; or leave `not_author` out";
            found.warn(entry.span.clone(), message, help);
        }
    }
    if let ([Approver::User(_)], [entry]) = (approval.by.as_slice(), entries.as_slice()) {
        let message = format!(
            "nobody can approve what \"{}\" wrote: with `not_author` they cannot, and nobody else is named",
            entry.text
        );
        found.warn(entry.span.clone(), message, "name a second person, or a group; or leave `not_author` out");
    }
}
