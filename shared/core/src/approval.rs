//! Who may approve a release, and who may do what else to it.

use crate::{
    config::{Approval, Approver, Environment, Pipeline},
    release::Commit,
};

/// Someone who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// How they are called where it is shown.
    pub name: String,
    /// How they are known.
    pub identity: Identity,
}

/// How someone is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Slack signed for them.
    Slack {
        /// `U…` or `W…`.
        id: String,
        /// The user groups that they are in.
        groups: Vec<Group>,
        /// Their address, where it is known.
        email: Option<String>,
    },
    /// AWS signed for them.
    Caller {
        /// As `sts:GetCallerIdentity` tells it: `arn:aws:iam::<account>:user/<name>`, `arn:aws:sts::<account>:assumed-role/<role>/<session>`.
        arn: String,
    },
}

/// A Slack user group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `S…`.
    pub id: String,
    /// Without its `@`.
    pub handle: String,
}

/// Why someone may not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MayNot {
    /// They are not named.
    #[error("not among those who approve")]
    NotNamed,
    /// They are not named where longshore.toml says who may.
    #[error("not among those who may")]
    NotAllowed,
    /// They wrote the commit.
    #[error("the commit's author does not approve it")]
    Author,
    /// Nobody can tell whether they wrote the commit.
    #[error("whether they wrote the commit is not known, and its author may not approve it")]
    MayBeAuthor,
}

/// Whether someone may approve a release of this commit.
pub fn may(approval: &Approval, commit: &Commit, who: &Who) -> Result<(), MayNot> {
    if !approval.by.iter().any(|approver| is(approver, &who.identity)) {
        return Err(MayNot::NotNamed);
    }
    if !approval.not_author {
        return Ok(());
    }
    let address = match &who.identity {
        Identity::Slack { email, .. } => email.as_deref(),
        // Sessions of people who sign in are named by their address; other names tell nothing.
        Identity::Caller { arn } => arn.rsplit('/').next().filter(|name| name.contains('@')),
    };
    // An address that a provider made up tells nobody.
    let author = commit.email.as_deref().filter(|author| !author.to_ascii_lowercase().contains("noreply"));
    match (address, author) {
        (Some(theirs), Some(author)) if theirs.eq_ignore_ascii_case(author) => Err(MayNot::Author),
        (Some(theirs), _) if theirs.eq_ignore_ascii_case(&commit.author) => Err(MayNot::Author),
        (Some(_), Some(_)) => Ok(()),
        (None, _) | (_, None) => Err(MayNot::MayBeAuthor),
    }
}

/// Those who may take releases to an environment and back, lock it, and cancel what goes in: whom its `allow` names; else those who approve
/// there; else whom the pipeline's `allow` names. Without an environment: whom the pipeline's names. Nobody named: everybody.
pub fn allowed<'c>(pipeline: Option<&'c Pipeline>, environment: Option<&'c Environment>) -> &'c [Approver] {
    let own = environment.map(|environment| environment.allow.as_slice()).unwrap_or_default();
    let approval = environment.and_then(|environment| environment.plan.approval.as_ref());
    let approvers = approval.map(|approval| approval.by.as_slice()).unwrap_or_default();
    let all = pipeline.map(|pipeline| pipeline.allow.as_slice()).unwrap_or_default();
    [own, approvers, all].into_iter().find(|named| !named.is_empty()).unwrap_or_default()
}

/// Whether someone is among those who may ([`allowed`]).
pub fn may_do(allowed: &[Approver], who: &Who) -> Result<(), MayNot> {
    let may = allowed.is_empty() || allowed.iter().any(|named| is(named, &who.identity));
    if may { Ok(()) } else { Err(MayNot::NotAllowed) }
}

fn is(approver: &Approver, identity: &Identity) -> bool {
    match (approver, identity) {
        (Approver::User(user), Identity::Slack { id, .. }) => user == id,
        (Approver::Group(handle), Identity::Slack { groups, .. }) => groups.iter().any(|group| group.handle == *handle),
        (Approver::GroupId(group), Identity::Slack { groups, .. }) => groups.iter().any(|known| known.id == *group),
        (Approver::Caller(arn), Identity::Caller { arn: theirs }) => {
            arn == theirs || role(theirs).as_ref() == Some(arn)
        }
        (Approver::User(_) | Approver::Group(_) | Approver::GroupId(_), Identity::Caller { .. })
        | (Approver::Caller(_), Identity::Slack { .. }) => false,
    }
}

/// The role of a session: `arn:aws:iam::<account>:role/<role>` of `arn:aws:sts::<account>:assumed-role/<role>/<session>`. A role with a
/// path is named without it, as STS does.
fn role(session: &str) -> Option<String> {
    let (front, rest) = session.split_once(":assumed-role/")?;
    let (role, _) = rest.split_once('/')?;
    Some(format!("{}:role/{role}", front.replacen(":sts:", ":iam:", 1)))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn approval(not_author: bool) -> Approval {
        let by = vec![
            Approver::User("U1".into()),
            Approver::Group("managers".into()),
            Approver::GroupId("S2".into()),
            Approver::Caller("arn:aws:iam::1:role/Release".into()),
        ];
        Approval { by, not_author, expires: SignedDuration::from_hours(1) }
    }

    fn slack(id: &str, groups: &[(&str, &str)], email: Option<&str>) -> Who {
        let groups = groups.iter().map(|(id, handle)| Group { id: (*id).into(), handle: (*handle).into() }).collect();
        let identity = Identity::Slack { id: id.into(), groups, email: email.map(str::to_owned) };
        Who { name: id.into(), identity }
    }

    fn caller(arn: &str) -> Who {
        Who { name: arn.into(), identity: Identity::Caller { arn: arn.into() } }
    }

    #[test]
    fn those_who_are_named_may_and_nobody_else() {
        let commit = Commit::bare("0123456789");
        let may = |who: &Who| may(&approval(false), &commit, who);
        for who in [
            slack("U1", &[], None),
            slack("U2", &[("S9", "managers")], None),
            slack("U3", &[("S2", "others")], None),
            caller("arn:aws:sts::1:assumed-role/Release/ada"),
            caller("arn:aws:iam::1:role/Release"),
        ] {
            assert_eq!(may(&who), Ok(()), "{who:?}");
        }
        for who in [
            slack("U2", &[("S3", "interns")], None),
            slack("managers", &[], None),
            caller("arn:aws:sts::1:assumed-role/Intern/Release"),
            caller("arn:aws:sts::2:assumed-role/Release/ada"),
            caller("U1"),
        ] {
            assert_eq!(may(&who), Err(MayNot::NotNamed), "{who:?}");
        }
    }

    #[test]
    fn the_nearest_names_say_who_may_do_the_rest() {
        let read = |pipeline: &str, environment: &str| {
            let text = format!(
                "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"build\"\n\
                 image = \"web\"\n{pipeline}\n[[pipeline.environment]]\nname = \"production\"\ncluster = \"c\"\nservices = [\"web\"]\n\
                 {environment}"
            );
            crate::config::Config::read(&text).expect("a configuration")
        };
        let may = |config: &crate::config::Config, place: bool, who: &Who| {
            let pipeline = config.pipeline("web");
            let environment = pipeline.and_then(|pipeline| pipeline.environment("production")).filter(|_| place);
            may_do(allowed(pipeline, environment), who).is_ok()
        };
        let [ada, bob, eve] = ["U0000ADA", "U0000BOB", "U0000EVE"].map(|id| slack(id, &[], None));
        let open = read("", "");
        assert!(may(&open, true, &eve) && may(&open, false, &eve), "nobody named is everybody");
        let pipelines = read("allow = [\"U0000ADA\"]", "");
        assert!(may(&pipelines, true, &ada) && !may(&pipelines, true, &eve) && !may(&pipelines, false, &eve));
        let approvers = read("", "approval = { by = [\"U0000BOB\"] }");
        assert!(may(&approvers, true, &bob) && !may(&approvers, true, &eve), "those who approve there");
        assert!(may(&approvers, false, &eve), "and everybody may ask");
        let own = read("allow = [\"U0000ADA\"]", "allow = [\"@ops\"]\napproval = { by = [\"U0000BOB\"] }");
        assert!(!may(&own, true, &bob) && may(&own, true, &slack("U1", &[("S1", "ops")], None)));
    }

    #[test]
    fn an_author_does_not_approve_their_own_commit() {
        let written = |author: &str, email: Option<&str>| Commit {
            author: author.into(),
            email: email.map(str::to_owned),
            ..Commit::bare("0123456789")
        };
        let by_ada = written("Ada", Some("ada@example.com"));
        let may = |commit: &Commit, who: &Who| may(&approval(true), commit, who);
        assert_eq!(may(&by_ada, &slack("U1", &[], Some("Ada@Example.com"))), Err(MayNot::Author));
        assert_eq!(may(&by_ada, &slack("U1", &[], Some("bob@example.com"))), Ok(()));
        assert_eq!(may(&by_ada, &slack("U1", &[], None)), Err(MayNot::MayBeAuthor));
        let nameless = written("Ada", None);
        assert_eq!(may(&nameless, &slack("U1", &[], Some("bob@example.com"))), Err(MayNot::MayBeAuthor));
        assert_eq!(may(&by_ada, &caller("arn:aws:sts::1:assumed-role/Release/ada@example.com")), Err(MayNot::Author));
        assert_eq!(may(&by_ada, &caller("arn:aws:sts::1:assumed-role/Release/bob@example.com")), Ok(()));
        assert_eq!(may(&by_ada, &caller("arn:aws:sts::1:assumed-role/Release/bob")), Err(MayNot::MayBeAuthor));
        let hidden = written("Ada", Some("1+ada@users.noreply.github.com"));
        assert_eq!(may(&hidden, &slack("U1", &[], Some("bob@example.com"))), Err(MayNot::MayBeAuthor));
    }
}
