//! What a delivery says, in our own vocabulary, whatever provider it came from.

use jiff::Timestamp;

/// One webhook request that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The provider's id of the delivery, with the provider: `github/72d3162e-cc78-11e3-81ab-4c9367dc0958`.
    pub id: String,
    /// What it asks for.
    pub content: Content,
}

/// What a delivery asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Commits were pushed to a branch.
    Push(Push),
    /// Understood, and starts nothing: the reason, in a sentence.
    Nothing(String),
}

/// A push to one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// `host/owner/name`, as the provider writes it.
    pub repository: String,
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// The commit that the branch named before; `None` for a new branch.
    pub before: Option<String>,
    /// The commit that it names now: 40 or 64 hexadecimal digits.
    pub after: String,
    /// The head commit's message, whole.
    pub message: String,
    /// Who wrote the head commit.
    pub author: String,
    /// The head commit's page.
    pub url: Option<String>,
    /// When the head commit was made.
    pub committed: Option<Timestamp>,
}

/// Whether this is a full commit id: 40 (SHA-1) or 64 (SHA-256) hexadecimal digits.
pub fn is_commit(id: &str) -> bool {
    matches!(id.len(), 40 | 64) && id.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether this is the id of no commit, which providers send for a branch that did not exist.
pub fn is_null(id: &str) -> bool {
    is_commit(id) && id.bytes().all(|b| b == b'0')
}

/// Whether git would take this as the name of a branch (`git check-ref-format`), and our keys would: at most 255 bytes.
/// Source: <https://git-scm.com/docs/git-check-ref-format>.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "git forbids exactly `.lock`")]
pub fn is_branch(name: &str) -> bool {
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
