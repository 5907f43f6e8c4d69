//! What `longshore explain` tells of a delivery: what was understood, and for each pipeline whether it starts and why.
//!
//! As JSON it is one object, its members in this order (`before`, `after` and `files` are null where they are not told):
//!
//! ```json
//! {"source": "github", "event": "push", "delivery": "github/…", "repository": "github.com/acme/web",
//!  "pushes": [{"ref": "refs/heads/main", "kind": "branch", "name": "main", "before": "…", "after": "…", "created": false,
//!              "deleted": false, "forced": false, "author": "Ada", "message": "…", "files": ["…"]}],
//!  "pipelines": [{"name": "web", "starts": true, "reason": "…"}], "ignored": null}
//! ```

use serde::{Deserialize, Serialize};

use crate::{
    push::{Delivery, Kind, Push, Reference, Source},
    route::{self, Routing},
    text::shorten,
};

/// A delivery, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Who sent it.
    pub source: Source,
    /// The event, in the provider's word.
    pub event: String,
    /// The delivery's id, with the provider: `github/…`.
    pub delivery: String,
    /// `host/owner/name`.
    pub repository: Option<String>,
    /// What moved.
    pub pushes: Vec<Moved>,
    /// Every pipeline of the configuration, in its order.
    pub pipelines: Vec<Decided>,
    /// Why nothing starts; `None` when something does.
    pub ignored: Option<String>,
}

/// A branch or tag that was made, moved or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// `refs/heads/…` or `refs/tags/…`.
    #[serde(rename = "ref")]
    pub reference: Reference,
    /// Branch or tag.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The commit that it named before.
    pub before: Option<String>,
    /// The commit that it names now.
    pub after: Option<String>,
    /// It was made.
    pub created: bool,
    /// It is gone.
    pub deleted: bool,
    /// History was rewritten.
    pub forced: bool,
    /// Who wrote the commit.
    pub author: String,
    /// The commit's message.
    pub message: String,
    /// The files that changed, where all of them are known.
    pub files: Option<Vec<String>>,
}

/// What a delivery does to a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The pipeline's name.
    pub name: String,
    /// Whether it starts.
    pub starts: bool,
    /// Why it starts, or the first rule that said no.
    pub reason: String,
}

impl Explanation {
    /// How many bytes of JSON a [`compact`](Explanation::compact) explanation has at most.
    pub const COMPACT: usize = 16 * 1024;

    /// Explains a delivery and what routing made of it.
    pub fn new(delivery: &Delivery, routing: &Routing<'_>) -> Self {
        let decided = |decision: &route::Decision<'_>| Decided {
            name: decision.pipeline.name.clone(),
            starts: !decision.starts.is_empty(),
            reason: decision.reason.clone(),
        };
        Self {
            source: delivery.source,
            event: delivery.event.clone(),
            delivery: delivery.id.clone(),
            repository: delivery.repository.clone(),
            pushes: delivery.pushes().iter().map(Moved::from).collect(),
            pipelines: routing.decisions.iter().map(decided).collect(),
            ignored: routing.ignored.clone(),
        }
    }

    /// The same, small enough to be stored with the delivery: at most [`Explanation::COMPACT`] bytes of JSON.
    ///
    /// Texts are shortened, and lists of more than 50 files are null. What is still too much goes from the end: lists of files, pipelines
    /// of other repositories, pipelines that do not start, pushes but the first, pipelines that start. How many pipelines and pushes went is told in
    /// the place of a last pipeline, named `…`.
    #[must_use]
    pub fn compact(mut self) -> Self {
        self.event = shorten(&self.event, 100);
        self.delivery = shorten(&self.delivery, 200);
        self.repository = self.repository.map(|repository| shorten(&repository, 300));
        self.ignored = self.ignored.map(|ignored| shorten(&ignored, 1000));
        for push in &mut self.pushes {
            push.message = shorten(&push.message, 200);
            push.author = shorten(&push.author, 80);
            push.files = push.files.take().filter(|files| files.len() <= 50);
        }
        for pipeline in &mut self.pipelines {
            pipeline.reason = shorten(&pipeline.reason, 300);
        }
        // Room for the line that tells what went.
        let mut excess = size(&self).saturating_sub(Self::COMPACT - 200);
        for push in self.pushes.iter_mut().rev() {
            if excess > 0
                && let Some(files) = push.files.take()
            {
                excess = excess.saturating_sub(size(&files).saturating_sub(size(&())));
            }
        }
        if excess == 0 {
            return self;
        }
        let elsewhere = |pipeline: &Decided| !pipeline.starts && pipeline.reason.starts_with(route::OF_ANOTHER);
        let mut pipelines = drop_last(&mut self.pipelines, 0, &mut excess, elsewhere);
        pipelines += drop_last(&mut self.pipelines, 0, &mut excess, |pipeline| !pipeline.starts);
        let pushes = drop_last(&mut self.pushes, 1, &mut excess, |_| true);
        pipelines += drop_last(&mut self.pipelines, 0, &mut excess, |_| true);
        if pipelines + pushes > 0 {
            let reason = format!("left out here, for there are too many: {pipelines} pipelines, {pushes} pushes");
            self.pipelines.push(Decided { name: "…".to_owned(), starts: false, reason });
        }
        self
    }
}

impl From<&Push> for Moved {
    fn from(push: &Push) -> Self {
        Self {
            reference: push.reference.clone(),
            kind: push.reference.kind,
            name: push.reference.name.clone(),
            before: push.before.clone(),
            after: push.after.clone(),
            created: push.created,
            deleted: push.deleted(),
            forced: push.forced,
            author: push.head.author.clone(),
            message: push.head.message.clone(),
            files: push.files.clone(),
        }
    }
}

/// Drops from the end what may go, but not the first `keep`, until nothing is in excess; how many went.
fn drop_last<T: Serialize>(items: &mut Vec<T>, keep: usize, excess: &mut usize, may_go: impl Fn(&T) -> bool) -> usize {
    let before = items.len();
    let mut kept = Vec::new();
    while let Some(item) = items.pop() {
        if *excess > 0 && items.len() >= keep && may_go(&item) {
            *excess = excess.saturating_sub(size(&item) + 1);
        } else {
            kept.push(item);
        }
    }
    kept.reverse();
    *items = kept;
    before - items.len()
}

/// The bytes of JSON.
fn size(value: &impl Serialize) -> usize {
    // Strings, numbers and lists of them can always be written.
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests;
