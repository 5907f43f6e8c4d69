//! The line of a branch or tag: its latest pushes in the order in which they were made, which is not always the order in which their
//! deliveries arrive.
//!
//! A push says which commit the branch named before and which it names now, so two pushes of which one begins where the other ended are
//! neighbours, whichever arrives first. Where a neighbour is missing (its delivery is late, or lost), the provider's time of the push
//! decides, and without one the order of arrival. A neighbour that arrives later closes the gap, and corrects what was presumed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    push::{Cause, Push},
    release::ReleaseId,
};

/// The latest pushes of one branch or tag, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line(Vec<Entry>);

/// A push in its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// The commit before; `None` when it is not known, or there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// The commit after.
    after: String,
    /// The provider's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// Told by a merged pull request, which does not say the commit before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    merge: bool,
    /// What it started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    releases: Vec<Placed>,
}

/// A release in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Its id.
    pub release: ReleaseId,
    /// Its pipeline's name.
    pub pipeline: String,
    /// Its number.
    pub number: u64,
    /// It was superseded from the beginning, so that its number counts for nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
}

/// Where a push is in its line; good until the line changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position(usize);

/// What a push means for the releases of one pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turn {
    /// A newer push came first, and started this release: the push's own is superseded from the beginning.
    pub late_by: Option<Placed>,
    /// Releases of older pushes, oldest first: those that are not yet deploying are superseded.
    pub older: Vec<Placed>,
    /// The release of the newest push, when it was presumed older before: it was superseded, or has a smaller number than the release of
    /// an older push. Its commit is released again.
    pub again: Option<Placed>,
}

impl Line {
    /// How many pushes are kept.
    pub const LENGTH: usize = 16;

    /// Finds a push its place. The same push, told again by another delivery, has its place already.
    ///
    /// `None` for a deletion, which has no place.
    pub fn place(&mut self, push: &Push) -> Option<Position> {
        let entry = Entry {
            before: push.before.clone(),
            after: push.after.clone()?,
            at: push.at,
            merge: push.cause == Cause::Merge,
            releases: Vec::new(),
        };
        // Before the push has its place: all that were there then are its older or newer ones.
        self.0.drain(..self.0.len().saturating_sub(Self::LENGTH - 1));
        Some(Position(self.known(&entry).unwrap_or_else(|| self.insert(entry))))
    }

    /// Writes down what a push started.
    pub fn started(&mut self, at: Position, release: Placed) {
        let releases = &mut self.0[at.0].releases;
        releases.retain(|placed| placed.pipeline != release.pipeline);
        releases.push(release);
    }

    /// Writes down that a release's commit is released again.
    pub fn replaced(&mut self, earlier: &ReleaseId, release: &Placed) {
        for placed in self.0.iter_mut().flat_map(|entry| &mut entry.releases) {
            if placed.release == *earlier {
                *placed = release.clone();
            }
        }
    }

    /// What this push started in a pipeline, when it was told before.
    pub fn release(&self, at: Position, pipeline: &str) -> Option<&Placed> {
        self.0[at.0].releases.iter().find(|placed| placed.pipeline == pipeline)
    }

    /// What a push means for a pipeline that it starts.
    pub fn turn(&self, at: Position, pipeline: &str) -> Turn {
        let of = |entries: &[Entry]| -> Vec<Placed> {
            entries.iter().flat_map(|entry| &entry.releases).filter(|p| p.pipeline == pipeline).cloned().collect()
        };
        let (mut older, newer) = (of(&self.0[..at.0]), of(&self.0[at.0 + 1..]));
        let Some(newest) = newer.last().cloned() else { return Turn { older, ..Turn::default() } };
        older.extend_from_slice(&newer[..newer.len() - 1]);
        let overtaken = newest.late || older.iter().any(|placed| !placed.late && placed.number > newest.number);
        Turn { again: overtaken.then(|| newest.clone()), late_by: Some(newest), older }
    }

    /// The release that took this one's place: that of the newest push after it which started one in its pipeline.
    pub fn newer(&self, release: &ReleaseId, pipeline: &str) -> Option<&Placed> {
        let mut placed = self.0.iter().flat_map(|entry| &entry.releases).filter(|placed| placed.pipeline == pipeline);
        placed.by_ref().find(|placed| placed.release == *release)?;
        placed.rfind(|placed| !placed.late)
    }

    /// The release that is next after this one in its pipeline.
    pub fn next(&self, release: &ReleaseId, pipeline: &str) -> Option<&Placed> {
        let mut placed = self.0.iter().flat_map(|entry| &entry.releases).filter(|placed| placed.pipeline == pipeline);
        placed.by_ref().find(|placed| placed.release == *release)?;
        placed.next()
    }

    /// The commit that the branch or tag names now, as far as is known, and a release of it.
    pub fn head(&self) -> Option<(&str, Option<&ReleaseId>)> {
        let entry = self.0.last()?;
        Some((&entry.after, entry.releases.first().map(|placed| &placed.release)))
    }

    /// The commit of a release.
    pub fn commit(&self, release: &ReleaseId) -> Option<&str> {
        let of = |entry: &&Entry| entry.releases.iter().any(|placed| placed.release == *release);
        self.0.iter().find(of).map(|entry| entry.after.as_str())
    }

    /// The largest number of a pipeline's releases in this line.
    pub fn highest(&self, pipeline: &str) -> u64 {
        let placed = self.0.iter().flat_map(|entry| &entry.releases).filter(|placed| placed.pipeline == pipeline);
        placed.map(|placed| placed.number).max().unwrap_or(0)
    }

    /// The place of the same push, told before: by a webhook of its own, or once as a push and once as a merge.
    fn known(&mut self, new: &Entry) -> Option<usize> {
        // A branch may go to and fro between two commits: what begins where the line ends is a push of its own.
        let continues = self.0.last().is_some_and(|last| new.before.as_ref() == Some(&last.after));
        let same = |known: &Entry| match (known.merge, new.merge) {
            (false, false) => known.before == new.before && !continues,
            _ => true,
        };
        let same = |known: &Entry| known.after == new.after && same(known);
        let position = self.0.iter().rposition(same)?;
        let known = &mut self.0[position];
        if known.merge && !new.merge {
            // Now it is known where it begins.
            (known.before, known.merge, known.at) = (new.before.clone(), false, new.at.or(known.at));
        }
        Some(position)
    }

    fn insert(&mut self, entry: Entry) -> usize {
        let mut runs = self.runs();
        let before = entry.before.clone();
        let ends = |run: &Vec<Entry>| run.last().is_some_and(|last| before.as_ref() == Some(&last.after));
        let begins = |run: &Vec<Entry>| run.first().is_some_and(|first| first.before.as_ref() == Some(&entry.after));
        let after = runs.iter().rposition(ends);
        let ahead = runs.iter().rposition(begins).filter(|run| after != Some(*run));
        let (run, offset) = match (after, ahead) {
            // It closes the gap between two runs. Which of them was presumed newer no longer matters.
            (Some(first), Some(second)) => {
                let tail = runs[second].clone();
                let head = std::mem::take(&mut runs[first]);
                let offset = head.len();
                runs[second].clear();
                runs[first.max(second)] = head.into_iter().chain([entry]).chain(tail).collect();
                (first.max(second), offset)
            }
            // It continues a run; when others were presumed newer, then unless the provider dates it after them all.
            (Some(run), None) if run + 1 == runs.len() || !later(&entry, &runs[run + 1..]) => {
                runs[run].push(entry);
                (run, runs[run].len() - 1)
            }
            (None, Some(run)) => {
                runs[run].insert(0, entry);
                (run, 0)
            }
            // A neighbour is missing: by time, as far as it is known, else by arrival.
            (_, None) => {
                let newer = |run: &Vec<Entry>| matches!((run.last().and_then(|e| e.at), entry.at), (Some(of), Some(new)) if of > new);
                let position = runs.iter().rposition(|run| !newer(run)).map_or(0, |run| run + 1);
                runs.insert(position, vec![entry]);
                (position, 0)
            }
        };
        let position = runs[..run].iter().map(Vec::len).sum::<usize>() + offset;
        self.0 = runs.into_iter().flatten().collect();
        position
    }

    /// The pushes in runs without a gap.
    fn runs(&self) -> Vec<Vec<Entry>> {
        let neighbours = |first: &Entry, second: &Entry| second.before.as_ref() == Some(&first.after);
        self.0.chunk_by(neighbours).map(<[Entry]>::to_vec).collect()
    }
}

/// Whether the provider dates a push after all of these runs.
fn later(entry: &Entry, runs: &[Vec<Entry>]) -> bool {
    let times = runs.iter().flatten().map(|known| known.at);
    entry.at.is_some_and(|at| times.into_iter().all(|known| known.is_some_and(|known| known < at)))
}

#[cfg(test)]
mod tests;
