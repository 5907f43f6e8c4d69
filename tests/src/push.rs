//! Pushes of commits that are in no repository, for projects whose builds need no source ([`Local::script`](crate::Local::script)).

use std::fs;

use jiff::Timestamp;
use longshore_core::release::ReleaseId;
use longshore_local::hook;
use serde_json::{Value, json};

use crate::workspace;

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
        delivery(&self.payload())
    }

    /// A delivery of the deletion of what this push made.
    pub fn deletion(&self) -> hook::Delivery {
        let mut payload = self.payload();
        (payload["before"], payload["after"]) = (payload["after"].take(), commit(0).into());
        (payload["created"], payload["deleted"]) = (false.into(), true.into());
        delivery(&payload)
    }
}

/// A push's delivery with this payload, under an id of its own.
pub fn delivery(payload: &Value) -> hook::Delivery {
    hook::Delivery { id: hook::uuid(), event: "push".to_owned(), body: payload.to_string() }
}

/// One of the payloads of the core's own tests, by its file's name without the ending.
///
/// # Panics
///
/// When there is no such file.
pub fn payload(name: &str) -> Value {
    let file = workspace().join("shared/core/src/webhook/payloads").join(format!("{name}.json"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).expect("JSON")
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

/// The one release of such an answer.
///
/// # Panics
///
/// When it is no answer 202 with one release.
pub fn release_of(answer: &(u16, String)) -> ReleaseId {
    let [id] = &releases_of(answer)[..] else { panic!("one release: {answer:?}") };
    id.clone()
}

/// Why an answer says that nothing starts.
///
/// # Panics
///
/// When it is no answer 200 with a reason.
pub fn reason_of((status, body): &(u16, String)) -> String {
    assert_eq!(*status, 200, "{body}");
    let answer: Value = serde_json::from_str(body).expect("JSON");
    answer["ignored"].as_str().unwrap_or_else(|| panic!("no reason: {body}")).to_owned()
}
