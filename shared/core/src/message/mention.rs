//! Mentions: only of whom it concerns, as replies, so that they notify.

use super::{
    Known,
    markup::{clip, date, quote},
};
use crate::release::{Deed, Deployment, Obstacle, Release, State};

/// How many approvers are mentioned.
const MOST: usize = 20;

/// The reply for a release that ended badly: to the commit's author, where they are known. Going back is nobody's failure.
pub(super) fn author(release: &Release, known: &Known) -> Option<String> {
    let icon = match release.state {
        State::Failed => ":x:",
        State::RolledBack => ":rewind:",
        State::Waiting
        | State::Requested
        | State::Building
        | State::Deploying
        | State::Built
        | State::Live
        | State::Superseded
        | State::Cancelled => return None,
    };
    let author = known.author.as_ref().filter(|author| is_id(&author.id))?;
    if release.asked.as_ref().is_some_and(|asked| asked.deed == Deed::Rollback) {
        return None;
    }
    let (pipeline, number) = (clip(&release.pipeline, 100), release.number);
    let (commit, ending) = (clip(release.commit.short(), 20), release.state.ending());
    let why = release.reason.as_ref().map(|reason| format!("\n{}", quote(reason, 600))).unwrap_or_default();
    Some(format!("{icon} <@{}>: {pipeline} #{number} ({commit}) {ending}{why}", author.id))
}

/// The reply for an approval that was asked for: to those who may give it.
pub(super) fn approvers(deployment: &Deployment, known: &Known) -> String {
    let people = known.approvers.get(&deployment.environment).map(Vec::as_slice).unwrap_or_default();
    let people: Vec<_> = people.iter().filter(|mention| is_mention(mention)).take(MOST).map(String::as_str).collect();
    // Who comes later, to a channel of their own or after an outage, is not called for what was decided.
    let waits = matches!(deployment.held, Some(Obstacle::Approval { .. }));
    let whom = if people.is_empty() || !waits { String::new() } else { format!("{}: ", people.join(" ")) };
    // The time is not told once there is an answer.
    let until = match &deployment.held {
        Some(Obstacle::Approval { expires }) => format!(", until {}", date(*expires)),
        Some(Obstacle::Freeze { .. } | Obstacle::Lock(_)) | None => String::new(),
    };
    format!(":raised_hand: {whom}{} waits for approval{until}", clip(&deployment.environment, 100))
}

/// Whether this is the id of a user, or of a user group.
fn is_id(id: &str) -> bool {
    (2..=30).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Whether this mentions a user or a user group, and nobody else.
/// Source: <https://docs.slack.dev/messaging/formatting-message-text#mentioning-users>.
fn is_mention(mention: &str) -> bool {
    let inner = mention.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    let id = inner.and_then(|inner| inner.strip_prefix('@').or_else(|| inner.strip_prefix("!subteam^")));
    id.is_some_and(is_id)
}

#[cfg(test)]
mod tests {
    use super::is_mention;

    #[test]
    fn nobody_but_users_and_groups_is_mentioned() {
        assert!(is_mention("<@U0ADA>") && is_mention("<!subteam^S0OPS>"));
        for text in ["<!channel>", "<@U0ADA> <!here>", "@ada", "<@>", "<@u0ada>", "<!subteam^>", "<#C0DEPLOYS>"] {
            assert!(!is_mention(text), "{text}");
        }
    }
}
