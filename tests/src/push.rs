//! Pushes of commits that are in no repository, for projects whose builds need no source ([`Local::script`](crate::Local::script)).

use jiff::Timestamp;
use longshore_core::release::ReleaseId;
use longshore_local::hook;
use serde_json::{Value, json};

/// The id of a commit that tests know by a number; of 0, which is none, the zeros.
pub fn commit(number: u8) -> String {
    format!("{number:02x}").repeat(20)
}

/// A push as GitHub tells it.
#[derive(Debug, Clone)]
pub struct Push<'a> {
    /// `owner/name` at github.com.
    pub repository: &'a str,
    /// The branch.
    pub branch: &'a str,
    /// The commit before; 0 for a new branch.
    pub before: u8,
    /// The commit after.
    pub after: u8,
    /// The files that it changed.
    pub files: &'a [&'a str],
}

impl Push<'_> {
    /// The time of every such push, as GitHub has it: so many can be made within a second.
    pub const AT: i64 = 1_795_000_000;

    /// The payload.
    ///
    /// # Panics
    ///
    /// When the time cannot be written.
    pub fn payload(&self) -> Value {
        let Self { repository, branch, before, after, files } = self;
        let page = format!("https://github.com/{repository}");
        let time = Timestamp::from_second(Self::AT).expect("a time").to_string();
        let head = json!({
            "id": commit(*after), "message": format!("Change {after}"), "timestamp": time,
            "url": format!("{page}/commit/{}", commit(*after)), "author": {"name": "Ada Lovelace"},
            "added": files, "removed": [], "modified": [],
        });
        json!({
            "ref": format!("refs/heads/{branch}"), "before": commit(*before), "after": commit(*after),
            "created": *before == 0, "deleted": false, "forced": false, "commits": [head], "head_commit": head,
            "repository": {"full_name": repository, "html_url": page, "pushed_at": Self::AT},
            "pusher": {"name": "ada"}, "sender": {"login": "ada", "id": 1},
        })
    }

    /// A delivery of it, under an id of its own.
    pub fn delivery(&self) -> hook::Delivery {
        hook::Delivery { id: hook::uuid(), event: "push".to_owned(), body: self.payload().to_string() }
    }
}

/// The releases that an answer of the webhook names, in its order.
///
/// # Panics
///
/// When it is no answer 202 with releases.
pub fn releases_of((status, body): &(u16, String)) -> Vec<ReleaseId> {
    assert_eq!(*status, 202, "{body}");
    releases_in(body).unwrap_or_else(|| panic!("no release: {body}"))
}

/// The releases that the body of an answer of the webhook names, in its order; `None`: it is no such body.
pub fn releases_in(body: &str) -> Option<Vec<ReleaseId>> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let described = answer["releases"].as_array().cloned().unwrap_or_else(|| vec![answer]);
    described.iter().map(|one| one["release"].as_str().and_then(ReleaseId::parse)).collect()
}
