//! What a delivery says, in our own vocabulary, whatever provider it came from.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{address, release::Brought};

/// Where deliveries come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// GitHub, and GitHub Enterprise Server.
    GitHub,
    /// Bitbucket Cloud and Bitbucket Data Center.
    Bitbucket,
    /// GitLab, its own and self-managed.
    GitLab,
    /// AWS CodeCommit, whose events come through EventBridge and never by HTTP.
    CodeCommit,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::GitHub, Self::Bitbucket, Self::GitLab, Self::CodeCommit];

    /// The word in routes, ids of deliveries and options: `github`, `bitbucket`, `gitlab`, `codecommit`.
    pub fn word(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Bitbucket => "bitbucket",
            Self::GitLab => "gitlab",
            Self::CodeCommit => "codecommit",
        }
    }

    /// The source of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.word() == word)
    }

    /// Whose the repository of an address (`host/owner/name`) is, where its host is a public one ([`address::public`]).
    pub fn of_address(repository: &str) -> Option<Self> {
        address::public(repository.split('/').next().unwrap_or_default())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "GitHub",
            Self::Bitbucket => "Bitbucket",
            Self::GitLab => "GitLab",
            Self::CodeCommit => "CodeCommit",
        })
    }
}

/// One delivery that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Who sent it.
    pub source: Source,
    /// The event, in the provider's word: `push`, `repo:push`, `Push Hook`, `referenceUpdated`.
    pub event: String,
    /// The provider's id of the delivery, with the provider: `github/72d3162e-cc78-11e3-81ab-4c9367dc0958`. The same when it is sent
    /// again. Where a provider sends none: `gitlab/sha256-<hash of the body>`.
    pub id: String,
    /// `host/owner/name`, as the provider writes it; `None` for an event of no repository.
    pub repository: Option<String>,
    /// What it tells.
    pub content: Content,
}

/// What a delivery tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Branches or tags were made, moved or deleted; in the provider's order, possibly none.
    Pushes(Vec<Push>),
    /// Something happened to a pull request.
    Change(Change),
    /// A branch or tag was made or deleted, which a push event of its own tells as well: starts nothing.
    Reference {
        /// Which.
        reference: Reference,
        /// Deleted, not made.
        deleted: bool,
    },
    /// The provider tries the webhook out.
    Ping {
        /// The events that the webhook sends, where the ping says so; `*` is all of them.
        events: Vec<String>,
    },
    /// Understood, and starts nothing: the reason, in a sentence.
    Other(String),
}

impl Delivery {
    /// What moved: pushes, and the target branch of a merged pull request.
    pub fn pushes(&self) -> &[Push] {
        match &self.content {
            Content::Pushes(pushes) => pushes,
            Content::Change(Change { merged: Merged::As(push), .. }) => std::slice::from_ref(push),
            Content::Change(_) | Content::Reference { .. } | Content::Ping { .. } | Content::Other(_) => &[],
        }
    }

    /// The same, to be completed with what the provider cut.
    pub fn pushes_mut(&mut self) -> &mut [Push] {
        match &mut self.content {
            Content::Pushes(pushes) => pushes,
            Content::Change(Change { merged: Merged::As(push), .. }) => std::slice::from_mut(push),
            Content::Change(_) | Content::Reference { .. } | Content::Ping { .. } | Content::Other(_) => &mut [],
        }
    }
}

/// Something that happened to a pull request (GitLab: merge request).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What, in the provider's word: `opened`, `closed`, `synchronize`, `merge`.
    pub action: String,
    /// The branch that it comes from.
    pub source: String,
    /// The branch that it goes to.
    pub target: String,
    /// Whether this is its merge.
    pub merged: Merged,
}

/// Whether a pull request was merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// It was not.
    No,
    /// It was, and a push event of its own tells as which commit.
    Pushed,
    /// It was, and this is what that did to the target branch.
    As(Box<Push>),
}

/// A branch or a tag; written as git does: `refs/heads/main`, `refs/tags/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    /// Which of the two.
    pub kind: Kind,
    /// Its name, without `refs/heads/` or `refs/tags/`; one that git would take ([`is_name`]).
    pub name: String,
}

/// Branch or tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `refs/heads/…`
    Branch,
    /// `refs/tags/…`
    Tag,
}

impl Kind {
    /// `branch` or `tag`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::Tag => "tag",
        }
    }
}

impl Reference {
    /// The branch of this name; `None` when git would not take it.
    pub fn branch(name: &str) -> Option<Self> {
        is_name(name).then(|| Self { kind: Kind::Branch, name: name.to_owned() })
    }

    /// The tag of this name; `None` when git would not take it.
    pub fn tag(name: &str) -> Option<Self> {
        is_name(name).then(|| Self { kind: Kind::Tag, name: name.to_owned() })
    }

    /// Reads `refs/heads/…` or `refs/tags/…`; `None` for anything else (`refs/notes/…`, `refs/pull/…`).
    pub fn parse(written: &str) -> Option<Self> {
        match (written.strip_prefix("refs/heads/"), written.strip_prefix("refs/tags/")) {
            (Some(name), _) => Self::branch(name),
            (_, Some(name)) => Self::tag(name),
            (None, None) => None,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = match self.kind {
            Kind::Branch => "heads",
            Kind::Tag => "tags",
        };
        write!(f, "refs/{folder}/{}", self.name)
    }
}

impl TryFrom<String> for Reference {
    type Error = &'static str;
    fn try_from(written: String) -> Result<Self, Self::Error> {
        Self::parse(&written).ok_or("a reference is refs/heads/<branch> or refs/tags/<tag>")
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

/// How a branch came to its new commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Someone pushed it (a merge is told as a push, too).
    Push,
    /// A pull request was merged into it.
    Merge,
}

/// A branch or tag that was made, moved or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Which.
    pub reference: Reference,
    /// How.
    pub cause: Cause,
    /// The commit that it named before; `None` when it was made, and for a merge, which does not say.
    pub before: Option<String>,
    /// For a merge: the commit that its changes are compared with, where it is told. It is one that the branch named before the merge, maybe
    /// not the last one, so that nothing is told by it about the order of pushes.
    pub base: Option<String>,
    /// The commit that it names now: 40 or 64 hexadecimal digits. `None` when it was deleted.
    pub after: Option<String>,
    /// It was made by this push.
    pub created: bool,
    /// History was rewritten, where the provider says so.
    pub forced: bool,
    /// When the provider took the push; `None` where it does not say (a commit's own date is no such time).
    pub at: Option<Timestamp>,
    /// The commit that it names now; empty where it is not told.
    pub head: Head,
    /// Who pushed or merged.
    pub actor: Actor,
    /// The files that changed, from the root of the repository; `None` where the provider does not tell all of them.
    pub files: Option<Vec<String>>,
    /// The commits that it brought, as far as the payload lists them: oldest first, the newest being `after`; at most [`Brought::MOST`].
    pub brought: Vec<Brought>,
}

impl Push {
    /// The same move, told as the merge of a pull request.
    #[must_use]
    pub(crate) fn into_merge(self) -> Self {
        Self { cause: Cause::Merge, base: self.before, before: None, ..self }
    }

    /// The commits whose difference is what changed, where both are told and differ: before and after.
    pub fn compared(&self) -> Option<(&str, &str)> {
        let before = self.before.as_deref().or(self.base.as_deref())?;
        let after = self.after.as_deref()?;
        (before != after).then_some((before, after))
    }

    /// Whether the branch or tag is gone.
    pub fn deleted(&self) -> bool {
        self.after.is_none()
    }
}

/// What is known of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Its message, whole. For a merge: the title of the pull request, where the commit's own message is not told.
    pub message: String,
    /// Who wrote it.
    pub author: String,
    /// Their address, as the commit has it ([`is_mail`]). Whoever makes a commit writes what they like there.
    pub email: Option<String>,
    /// Its page: an HTTP address that markup cannot trip over.
    pub url: Option<String>,
    /// When it was made.
    pub committed: Option<Timestamp>,
}

/// Who did something, as the provider identifies people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actor {
    /// The unique name: GitHub's login, GitLab's and Data Center's user name. `None` where names are not unique (Bitbucket Cloud).
    pub login: Option<String>,
    /// The id: GitHub's, GitLab's and Data Center's number, Bitbucket Cloud's `{uuid}`, CodeCommit's caller ARN.
    pub id: Option<String>,
}

/// Whether this may be a mail address: at most 254 bytes (RFC 5321, section 4.5.3.1.3), without white space, control characters and
/// angle brackets, with something on both sides of an `@`.
pub fn is_mail(address: &str) -> bool {
    let parts = address.rsplit_once('@');
    parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && address.len() <= 254
        && !address.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>'))
}

/// Whether this is a full commit id: 40 (SHA-1) or 64 (SHA-256) hexadecimal digits.
pub fn is_commit(id: &str) -> bool {
    matches!(id.len(), 40 | 64) && id.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether this is the id of no commit, which providers send for what did not exist.
pub fn is_null(id: &str) -> bool {
    is_commit(id) && id.bytes().all(|b| b == b'0')
}

/// Whether git would take this as the name of a branch or tag (`git check-ref-format`), and our keys would: at most 255 bytes.
/// Source: <https://git-scm.com/docs/git-check-ref-format>.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "git forbids exactly `.lock`")]
pub fn is_name(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    (1..=255).contains(&name.len())
        && !name.contains(forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
        && !name.starts_with('-')
        && !name.ends_with('.')
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
}
