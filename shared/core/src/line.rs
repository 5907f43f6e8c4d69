//! The line of a branch or tag: its latest pushes in the order in which they were made, which is not always the order in which their
//! deliveries arrive.
//!
//! A push says which commit the branch named before and which it names now, so two pushes of which one begins where the other ended are
//! neighbours, whichever arrives first. Where a neighbour is missing (its delivery is late, or lost), the provider's time of the push
//! decides, and without one the order of arrival. A neighbour that arrives later closes the gap, and corrects what was presumed. A
//! deletion ends all that: what is made under the name later has no neighbour among the pushes before.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    push::{Cause, Push},
    release::ReleaseId,
};

/// How long deliveries of one branch may take to arrive one after the other and still be taken for ones that changed places on the way.
const ASTRAY: SignedDuration = SignedDuration::from_mins(5);

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
    /// When it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Timestamp>,
    /// The provider's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// Told by a merged pull request, which does not say the commit before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    merge: bool,
    /// The branch or tag was deleted after it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    gone: bool,
    /// What it started, in the order of numbers: more than one release of a pipeline where an upstream in another repository had it
    /// built again.
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

impl Line {
    /// How many pushes are kept, besides older ones that started the newest release of a pipeline.
    pub const LENGTH: usize = 16;
    /// How many are kept at most, where older ones started the newest releases of their pipelines.
    const MOST: usize = 64;
    /// How many releases of a pipeline are kept of one push.
    const RELEASES: usize = 2;

    /// Finds a push its place. The same push, told again by another delivery, has its place already.
    ///
    /// `None` for a deletion, which has no place.
    pub fn place(&mut self, push: &Push, now: Timestamp) -> Option<Position> {
        let entry = Entry {
            before: push.before.clone(),
            after: push.after.clone()?,
            told: Some(now),
            at: push.at,
            merge: push.cause == Cause::Merge,
            gone: false,
            releases: Vec::new(),
        };
        let again = |known: &Entry| {
            known.at.is_some() && (known.at, &known.before, &known.after) == (entry.at, &entry.before, &entry.after)
        };
        if let Some(position) = self.0.iter().rposition(again) {
            return Some(Position(position));
        }
        if let Some(position) = self.since_deletion(|since| since.known(&entry)) {
            return Some(position);
        }
        // Before the push has its place: all that were there then are its older or newer ones.
        self.trim();
        self.since_deletion(|since| Some(since.insert(entry)))
    }

    /// Finds a place among the pushes since the last deletion.
    fn since_deletion(&mut self, find: impl FnOnce(&mut Self) -> Option<usize>) -> Option<Position> {
        let from = self.0.iter().rposition(|entry| entry.gone).map_or(0, |last| last + 1);
        let mut since = Self(self.0.split_off(from));
        let found = find(&mut since);
        self.0.append(&mut since.0);
        found.map(|position| Position(from + position))
    }

    /// Forgets the oldest pushes, but not the one that started the newest release of a pipeline.
    fn trim(&mut self) {
        while self.0.len() >= Self::LENGTH {
            let newest: BTreeMap<&str, usize> = self
                .0
                .iter()
                .enumerate()
                .flat_map(|(at, entry)| entry.releases.iter().map(move |placed| (placed.pipeline.as_str(), at)))
                .collect();
            let holds_none = |at: &usize| newest.values().all(|newest| newest != at);
            match (0..self.0.len()).find(holds_none) {
                Some(oldest) => drop(self.0.remove(oldest)),
                None if self.0.len() >= Self::MOST => drop(self.0.remove(0)),
                None => return,
            }
        }
    }

    /// Writes down that the branch or tag was deleted when it named this commit.
    pub fn deleted(&mut self, before: Option<&str>, at: Option<Timestamp>) {
        let not_since = |entry: &&mut Entry| !matches!((entry.at, at), (Some(made), Some(deleted)) if made > deleted);
        let mut entries: Vec<&mut Entry> = self.0.iter_mut().filter(not_since).collect();
        let named = entries.iter().rposition(|entry| Some(entry.after.as_str()) == before);
        if let Some(last) = named.or(entries.len().checked_sub(1)) {
            entries[last].gone = true;
        }
    }

    /// Writes down what a push started.
    pub fn started(&mut self, at: Position, release: Placed) {
        let releases = &mut self.0[at.0].releases;
        let of_pipeline = |placed: &&Placed| placed.pipeline == release.pipeline;
        if releases.iter().filter(of_pipeline).count() >= Self::RELEASES
            && let Some(first) = releases.iter().position(|placed| of_pipeline(&placed))
        {
            releases.remove(first);
        }
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
        releases(&self.0[at.0..=at.0], pipeline).next_back()
    }

    /// Whether a newer push than this one came first and started a release of the pipeline: its own is superseded from the beginning.
    pub fn is_late(&self, at: Position, pipeline: &str) -> bool {
        releases(&self.0[at.0 + 1..], pipeline).next().is_some()
    }

    /// Releases of the newest pushes of their pipelines that were presumed older than they are: they were superseded from the
    /// beginning, or have a smaller number than a release of an older push. Their commits are to be released again.
    pub fn overtaken(&self) -> Vec<Placed> {
        // The newest release so far, and the largest number that counts before it.
        let mut newest: BTreeMap<&str, (&Placed, u64)> = BTreeMap::new();
        for placed in self.0.iter().flat_map(|entry| &entry.releases) {
            let largest = newest
                .get(placed.pipeline.as_str())
                .map_or(0, |(before, largest)| if before.late { *largest } else { before.number.max(*largest) });
            newest.insert(&placed.pipeline, (placed, largest));
        }
        let overtaken = newest.into_values().filter(|(placed, largest)| placed.late || placed.number < *largest);
        overtaken.map(|(placed, _)| placed.clone()).collect()
    }

    /// The pipeline's release of the newest push that started one.
    pub fn newest(&self, pipeline: &str) -> Option<&Placed> {
        releases(&self.0, pipeline).next_back()
    }

    /// The releases of older pushes than the newest, newest first: those that are not yet deploying are superseded. Without those that were
    /// from the beginning.
    pub fn older(&self, pipeline: &str) -> impl Iterator<Item = &Placed> {
        releases(&self.0, pipeline).rev().skip(1).filter(|placed| !placed.late)
    }

    /// The release that took the place of the one with this id and number: that of the newest push after its own which started one in
    /// its pipeline. One that the line no longer has was released again, or is older than all.
    pub fn newer(&self, release: &ReleaseId, number: u64, pipeline: &str) -> Option<&Placed> {
        let own = self.of(release);
        let mut after = releases(&self.0[own.map_or(0, |own| own + 1)..], pipeline);
        after.rfind(|placed| !placed.late && (own.is_some() || placed.number > number))
    }

    /// The releases of another pipeline that the pushes up to a release's own started, newest first.
    pub fn up_to(&self, release: &ReleaseId, pipeline: &str) -> impl Iterator<Item = &Placed> {
        let until = self.of(release).map_or(0, |own| own + 1);
        releases(&self.0[..until], pipeline).filter(|placed| !placed.late).rev()
    }

    /// The releases of the pushes before a release's own, newest first.
    pub fn before(&self, release: &ReleaseId, pipeline: &str) -> impl Iterator<Item = &Placed> {
        let before: Vec<_> = releases(&self.0, pipeline).take_while(|placed| placed.release != *release).collect();
        before.into_iter().filter(|placed| !placed.late).rev()
    }

    /// The release that is next after this one in its pipeline.
    pub fn next(&self, release: &ReleaseId, pipeline: &str) -> Option<&Placed> {
        let mut placed = releases(&self.0, pipeline);
        placed.by_ref().find(|placed| placed.release == *release)?;
        placed.next()
    }

    /// The push whose commit the branch or tag names now, as far as is known.
    pub fn head(&self) -> Option<Position> {
        let last = self.0.len().checked_sub(1)?;
        (!self.0[last].gone).then_some(Position(last))
    }

    /// The commit of a push, and a release of it.
    pub fn at(&self, at: Position) -> (&str, Option<&ReleaseId>) {
        let entry = &self.0[at.0];
        (&entry.after, entry.releases.first().map(|placed| &placed.release))
    }

    /// Where the push is that a release is of.
    fn of(&self, release: &ReleaseId) -> Option<usize> {
        self.0.iter().position(|entry| entry.releases.iter().any(|placed| placed.release == *release))
    }

    /// The commit of a release.
    pub fn commit(&self, release: &ReleaseId) -> Option<&str> {
        self.of(release).map(|own| self.0[own].after.as_str())
    }

    /// The largest number of a pipeline's releases in this line.
    pub fn highest(&self, pipeline: &str) -> u64 {
        releases(&self.0, pipeline).map(|placed| placed.number).max().unwrap_or(0)
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
        if self.0[position].merge && !new.merge {
            // Now it is known where it begins, and so where its place is.
            let mut known = self.0.remove(position);
            (known.before, known.merge, known.at) = (new.before.clone(), false, new.at.or(known.at));
            return Some(self.insert(known));
        }
        let known = &mut self.0[position];
        known.at = known.at.or(new.at);
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

/// What some pushes started in a pipeline, oldest first.
fn releases<'l>(entries: &'l [Entry], pipeline: &str) -> impl DoubleEndedIterator<Item = &'l Placed> {
    entries.iter().flat_map(|entry| &entry.releases).filter(move |placed| placed.pipeline == pipeline)
}

/// Whether a push is newer than all of these runs: by the provider's times or, where one is missing, because it was told so much later that
/// its delivery did not only take another way.
fn later(entry: &Entry, runs: &[Vec<Entry>]) -> bool {
    let after = |known: &Entry| match (entry.at, known.at, entry.told, known.told) {
        (Some(at), Some(known), ..) => known < at,
        (_, _, Some(told), Some(known)) => told.duration_since(known) >= ASTRAY,
        _ => false,
    };
    runs.iter().flatten().all(after)
}

#[cfg(test)]
mod tests;
